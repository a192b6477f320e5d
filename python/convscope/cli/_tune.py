"""`convscope tune`: what this machine can do, measured once for the planner."""

from __future__ import annotations

from dataclasses import asdict

from ._console import progress, say, show_json
from ._errors import misuse, reporting
from ._options import Debug, Json, Threads

REPEATS = 40  # of some milliseconds each: the best of them, on machines where a core is often stolen


def tune(threads: Threads = None, json: Json = False, debug: Debug = False) -> None:
    """Measure this machine, so that plans suit it. Never required.

    A plan weighs arithmetic against reading weights. Without this command it
    uses the figures of a common server; with it, those of this machine, kept
    in the user's cache directory (or CONVSCOPE_CACHE). A plan that changes
    may change the last bits of the series.

    \b
    convscope tune
    convscope info        shows the figures
    """
    with reporting(debug=debug):
        from .. import _core
        from ..probe import measure_machine, save_machine, thread_count

        with misuse(ValueError):
            isa, count = _core.selected_isa(), thread_count(threads)
        with progress("measuring"):
            machine = measure_machine(isa, count, REPEATS)
        path = save_machine(machine, isa)
        if json:
            show_json({**asdict(machine), "isa": isa, "file": str(path)})
            return
        say(f"products   {machine.products_per_second / 1e9:.0f} G multiply-adds/s per thread ({isa})")
        say(f"weights    {machine.bytes_per_second / 1e9:.0f} GB/s on {machine.threads} threads")
        say(f"kept in    {path}")
