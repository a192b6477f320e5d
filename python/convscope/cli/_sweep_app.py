"""`convscope sweep`: a sweep of a NET, or one of the commands for its store."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from ._sweep import sweep
from ._sweep_store import compare, export, status, verify

RUN = "run"


class _RunUnlessNamed(TyperGroup):
    """``convscope sweep NET`` is ``convscope sweep run NET``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args:
            args = ["--help"]
        elif args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [RUN, *args]
        return list(super().parse_args(ctx, args))


app = typer.Typer(cls=_RunUnlessNamed, context_settings={"help_option_names": ["-h", "--help"]})
app.command(RUN)(sweep)
for command in (status, verify, export, compare):
    app.command()(command)


@app.callback()
def sweeps() -> None:
    """Probe a network for many latent vectors, into a store.

    convscope sweep NET is short for convscope sweep run NET, whose --help has
    the options.

    \b
    One latent variable from -15 to 5 in 11 steps, the others as in 1000 bases:
      convscope sweep words8:generator --variable z11=-15:5:11 --bases 1000
    What it would take:
      convscope sweep words8:generator --variable z11=-15:5:11 --estimate
    Where it stands:
      convscope sweep status sweep.zarr
    """
