"""Folders and sets of files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_folder(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """A new folder beside ``folder`` that takes its place, files synced, when the block ends without an error.

    Whatever happens before, a full disk included, what was there remains as it was. Of a link, it is what the link points to.

    Raises
    ------
    FileExistsError
        If the folder is there and ``replace`` is false.
    NotADirectoryError
        If it is a file.
    ValueError
        If the working folder is in it.
    """
    if folder.exists():
        if not replace:
            raise FileExistsError(f"{folder}: is there already")
        if not folder.is_dir():
            raise NotADirectoryError(f"{folder}: is no folder")
        if Path.cwd().is_relative_to(folder.resolve()):
            raise ValueError(f"{folder}: expected a folder of its own, got one that the working folder is in")
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    made, old = (folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.{kind}") for kind in ("new", "old"))
    made.mkdir()
    is_placed = False
    try:
        yield made
        for path in sorted(made.rglob("*")):
            if path.is_file():
                sync(path)
        sync(made)
        if folder.exists():
            folder.rename(old)
        made.rename(folder)
        is_placed = True
        sync(folder.parent)
    except BaseException:
        if is_placed:
            folder.rename(made)
        if old.exists():
            old.rename(folder)
        shutil.rmtree(made, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def write_files(contents: Mapping[Path, bytes | None]) -> None:
    """Files that take the place of what was there, synced, once all are written; ``None`` takes a file away.

    Whatever happens before, a full disk included, what was there remains as it was. They come into place in their order, so
    the one that makes the others known should be the last.
    """
    for path in contents:
        if path.is_dir():
            raise IsADirectoryError(f"{path}: is a folder")
    made: dict[Path, Path] = {}
    try:
        for path, data in contents.items():
            if data is not None:
                made[path] = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
                made[path].write_bytes(data)
                sync(made[path])
        for path in contents:
            if path in made:
                made[path].replace(path)
            else:
                path.unlink(missing_ok=True)
    except BaseException:
        for new in made.values():
            new.unlink(missing_ok=True)
        raise
    for folder in {path.parent for path in contents}:
        sync(folder)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside the given one that takes its place when the work inside succeeds, and vanishes when not."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """A file or folder survives a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
