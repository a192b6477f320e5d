"""Errors as a reader meets them: one line on stderr and an exit code, the traceback only when asked for."""

from __future__ import annotations

import difflib
import sys
import traceback
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

FAILURE, MISUSE = 1, 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count


class Misuse(Exception):
    """It cannot be done as asked: exit code 2."""


class Failure(Exception):
    """It went wrong while working, in a way that was foreseen: exit code 1."""


class Interrupted(KeyboardInterrupt):
    """Stopped by the reader after something was written: says what is left."""


@contextmanager
def reporting(*, debug: bool) -> Iterator[None]:
    """Turn what goes wrong inside into one line and an exit code, and warnings into notes.

    With ``debug`` the traceback comes first.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = _show_warning
        try:
            yield
        except (typer.Exit, typer.Abort):
            raise
        except KeyboardInterrupt as error:
            print(f"convscope: {str(error) or 'interrupted, nothing written'}", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from error
        except Exception as error:
            if debug:
                traceback.print_exc()
            print(f"convscope: {_line(error)}", file=sys.stderr)
            raise typer.Exit(MISUSE if isinstance(error, Misuse) else FAILURE) from error


@contextmanager
def misuse(*kinds: type[Exception], about: str = "") -> Iterator[None]:
    """Errors of these kinds, raised inside, are about what was asked for."""
    try:
        yield
    except kinds as error:
        raise Misuse(f"{about}{error}") from error


def closest(name: str, known: Iterable[str]) -> str:
    """ "; did you mean ...?", or nothing."""
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def siblings(path: Path) -> list[str]:
    """Names beside a path, to choose the closest from."""
    return [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []


def _line(error: Exception) -> str:
    if isinstance(error, Misuse | Failure | OSError | ImportError | ValueError):
        return str(error)
    return f"{type(error).__name__}: {error} (--debug shows where)"


def _plain(message: str) -> str:
    """The parser's message without the idiom of the library that checks values."""
    message = message.replace("Value error, ", "").replace("Input should be ", "must be ")
    return message.partition(", unable to parse")[0].rstrip(".")


def _help_of(error: Exception) -> str:
    """The help of the command that was called, as far as the parser got."""
    context = getattr(error, "ctx", None)
    command = "" if context is None else context.command_path.partition(" ")[2]
    return f"convscope {command} --help".replace("  ", " ")


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    print(f"convscope: note: {message}", file=sys.stderr)


class OneLineErrors(TyperGroup):
    """Reports a wrong option like any other misuse, instead of in a box."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """As any command's; it ends the process unless ``standalone_mode`` is off."""
        try:
            status = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except Exception as error:
            # Typer's own errors have no public type in common in all versions.
            if not standalone_mode or not hasattr(error, "format_message"):
                raise
            print(
                f"convscope: {_plain(error.format_message())} ({_help_of(error)} says more)", file=sys.stderr
            )
            status = getattr(error, "exit_code", MISUSE)
        if not standalone_mode:
            return status
        sys.exit(status or 0)
