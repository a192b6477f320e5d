"""Where a store lies: a folder, or an fsspec URL. Small files by name, each written whole or not at all.

A folder must be on a file system whose rename is atomic (POSIX, also NFS version 4 within one client; not some network shares).
"""

from __future__ import annotations

import itertools
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .._folders import sync, write_files

if TYPE_CHECKING:
    from zarr.abc.store import Store

_UNFINISHED = re.compile(r"\..*\.new|.*\.partial")  # of `write_files` and of zarr


class Place(Protocol):
    """Files by name, such as ``receipts/000012.json``."""

    text: str  # as the user wrote it

    def read(self, name: str) -> bytes | None:
        """None where there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Whole and durable, or not at all."""

    def remove(self, name: str) -> None:
        """If it is there."""

    def names(self, folder: str) -> Iterator[str]:
        """Of the files directly in a folder, without it."""

    def size(self, name: str) -> int | None:
        """In bytes; None where there is none."""

    def is_empty(self) -> bool:
        """Nothing is there but what a process that was killed has begun to write, not even something else."""

    def clear(self) -> None:
        """Take everything away."""

    def remove_leftovers(self, arrays: Iterable[str]) -> None:
        """What processes that were killed have begun to write of these arrays."""

    def make_durable(self, names: Iterable[str]) -> None:
        """Files that zarr has written stay, whatever happens to the machine from now on."""

    def zarr(self, *, read_only: bool = False) -> Store:
        """For zarr."""

    def free_bytes(self) -> int | None:
        """Room that is left; None where nobody knows."""


def place_of(out: str | os.PathLike[str]) -> Place:
    """A folder, or what has ``://`` in its name."""
    text = os.fspath(out)
    if "://" in text and not text.startswith("file://"):
        return UrlPlace(text)
    return FolderPlace(text)


class FolderPlace:
    """A local folder."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._folder = Path(text.removeprefix("file://")).absolute()  # also for a worker that is elsewhere

    def read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, data: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_files({path: data})

    def remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def names(self, folder: str) -> Iterator[str]:
        try:
            with os.scandir(self._folder / folder) as entries:
                yield from (entry.name for entry in entries)
        except (FileNotFoundError, NotADirectoryError):
            return

    def size(self, name: str) -> int | None:
        try:
            return (self._folder / name).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def is_empty(self) -> bool:
        if not self._folder.is_dir():
            return not self._folder.exists()
        files = (path for path in self._folder.rglob("*") if not path.is_dir())
        return all(_UNFINISHED.fullmatch(path.name) for path in files)

    def clear(self) -> None:
        folder = self._folder.resolve()
        aside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.old")  # gone at once, or not at all
        folder.rename(aside)
        folder.mkdir()  # a link may point to it
        shutil.rmtree(aside)

    def remove_leftovers(self, arrays: Iterable[str]) -> None:
        found = [(self._folder / array / "c").rglob("*.partial") for array in arrays]
        for path in itertools.chain(
            *found, self._folder.glob("*/.[0-9]*.new")
        ):  # of shards, receipts and parts
            path.unlink(missing_ok=True)

    def make_durable(self, names: Iterable[str]) -> None:
        paths = [self._folder / name for name in names]
        folders = {folder for path in paths for folder in (path.parent, path.parent.parent)}
        for each in [*paths, *folders]:
            sync(each)

    def zarr(self, *, read_only: bool = False) -> Store:
        from zarr.storage import LocalStore

        return LocalStore(self._folder, read_only=read_only)

    def free_bytes(self) -> int | None:
        there = next(folder for folder in (self._folder, *self._folder.parents) if folder.exists())
        return shutil.disk_usage(there).free


class UrlPlace:
    """Anything that fsspec opens: ``memory://``, ``s3://``, ``gs://``. One object is written by one request, so whole."""

    def __init__(self, url: str) -> None:
        import fsspec

        self.text = url
        self._files: Any
        self._files, root = fsspec.core.url_to_fs(url)
        self._root = root.rstrip("/")

    def read(self, name: str) -> bytes | None:
        try:
            data: bytes = self._files.cat_file(self._path(name))
        except FileNotFoundError:
            return None
        return data

    def write(self, name: str, data: bytes) -> None:
        self._files.pipe_file(self._path(name), data)

    def remove(self, name: str) -> None:
        try:
            self._files.rm_file(self._path(name))
        except FileNotFoundError:
            return

    def names(self, folder: str) -> Iterator[str]:
        try:
            found = self._files.ls(self._path(folder), detail=False, refresh=True)
        except FileNotFoundError:
            return
        yield from (path.rstrip("/").rpartition("/")[2] for path in found)

    def size(self, name: str) -> int | None:
        try:
            self._files.invalidate_cache()
            return int(self._files.size(self._path(name)))
        except FileNotFoundError:
            return None

    def is_empty(self) -> bool:
        return not self._files.find(self._root, maxdepth=2, refresh=True)

    def clear(self) -> None:
        self._files.rm(self._root, recursive=True)

    def remove_leftovers(self, arrays: Iterable[str]) -> None:
        """There are none."""

    def make_durable(self, names: Iterable[str]) -> None:
        """An object that was written is."""

    def zarr(self, *, read_only: bool = False) -> Store:
        from zarr.storage import FsspecStore

        return FsspecStore.from_url(self.text, read_only=read_only)

    def free_bytes(self) -> int | None:
        return None

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"
