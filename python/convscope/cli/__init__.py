"""The command line `convscope`: info, layers, import, export, probe, verify, demo and bench.

Exit codes: 0, it worked; 2, it cannot be done as asked (an unknown option, layer, preset or file, or a file
that would be overwritten); 1, it failed while working (an unreadable sound, a full disk, a verification beyond
its limit). What was asked for goes to stdout, everything else to stderr.

PyTorch and matplotlib are imported inside the commands: `convscope --help` answers at once.
"""

from ._app import app, main

__all__ = ["app", "main"]
