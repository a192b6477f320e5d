"""Folders that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_folder(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """A new folder beside ``folder`` that takes its place, files synced, when the block ends without an error.

    Whatever happens before, a full disk included, what was there remains as it was.

    Raises
    ------
    FileExistsError
        If the folder is there and ``replace`` is false.
    """
    if folder.exists() and not replace:
        raise FileExistsError(f"{folder}: is there already")
    folder.parent.mkdir(parents=True, exist_ok=True)
    made, old = (folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.{kind}") for kind in ("new", "old"))
    made.mkdir()
    try:
        yield made
        for path in sorted(made.rglob("*")):
            if path.is_file():
                _sync(path)
        _sync(made)
        if folder.exists():
            folder.rename(old)
        made.rename(folder)
        _sync(folder.parent)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
