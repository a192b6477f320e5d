"""Which files of a folder count, and in which order: what every reader of folders shares."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path


def existing_folder(folder: Path | str, reader: str) -> Path:
    """Return the folder as a path.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is no such folder, naming the `reader` that looked for it.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"{reader}: no such folder: {folder}")
    if not folder.is_dir():
        raise NotADirectoryError(f"{reader}: expected a folder, got a file: {folder}")
    return folder


def visible_files(folder: Path, *, suffixes: Iterable[str], pattern: str = "**/*") -> list[Path]:
    """Return the files that end in one of `suffixes`, in any case: relative paths in natural order.

    Hidden files, and files in hidden folders, are left aside: macOS leaves `._ask.wav` beside `ask.wav`.
    """
    endings = tuple(suffix.lower() for suffix in suffixes)
    files = (path.relative_to(folder) for path in folder.glob(pattern) if path.name.lower().endswith(endings))
    return sorted(
        (path for path in files if _is_visible(path) and (folder / path).is_file()), key=natural_order
    )


def natural_order(path: Path) -> tuple[list[list[str | int]], str]:
    """Return a key that sorts `2.wav` before `10.wav`."""
    return [natural_key(part) for part in path.parts], str(path)


def natural_key(text: str) -> list[str | int]:
    """Return a key that sorts "a2" before "A10"."""
    # Splitting on a captured group alternates text and digits, so equal places always compare like with like.
    pieces = re.split(r"(\d+)", text.casefold())
    return [int(piece) if piece.isdecimal() else piece for piece in pieces]


def _is_visible(path: Path) -> bool:
    return not any(part.startswith(".") for part in path.parts)
