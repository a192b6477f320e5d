"""The table of contents of the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from ._bench import bench
from ._demo import demo
from ._errors import OneLineErrors
from ._evaluate import evaluate
from ._export import export
from ._generate import generate
from ._import import import_
from ._info import info
from ._invert import invert
from ._layers import layers
from ._plan import plan
from ._probe import probe
from ._reproduce import app as studies
from ._sweep_app import app as sweeps
from ._train import train
from ._tune import tune
from ._verify import verify

app = typer.Typer(
    cls=OneLineErrors,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    info,
    layers,
    plan,
    probe,
    verify,
    demo,
    train,
    evaluate,
    generate,
    invert,
    export,
    tune,
    bench,
):
    app.command()(command)
app.command("import")(import_)
app.add_typer(sweeps, name="sweep")
app.add_typer(studies, name="reproduce")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"convscope {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def convscope(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop."),
    ] = False,
) -> None:
    """An oscilloscope for convolutional speech networks.

    Every layer of a network that speaks or hears becomes a time series:
    the mean of its channels, on an axis in seconds.

    \b
    See what it does, in half a minute:
      convscope demo
    The layers of a published network:
      convscope layers tf1-ciwgan:generator
    What each layer of a Q-network makes of your recordings:
      convscope probe tf1-ciwgan:q_network:num_categories=8 recordings/
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Entry point of the command `convscope`."""
    app(prog_name="convscope")
