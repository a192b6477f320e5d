"""The three files of a cache, and how damage to them is noticed.

- `samples.int16`: all samples, little-endian, item after item.
- `items.npz`: the arrays of `Table`.
- `cache.json`: what the cache was made from and how, the digests of the other two, and one of itself.

Nothing is pickled: opening a cache runs nothing that it holds.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from convscope.data.cache._table import Table, table_of

VERSION = 1
SAMPLES, ITEMS, DESCRIPTION = "samples.int16", "items.npz", "cache.json"
FILES = (SAMPLES, ITEMS, DESCRIPTION)
SAMPLE_BYTES = 2


class CacheError(ValueError):
    """A cache that cannot be built or used: which file, and why."""


def table_bytes(table: Table) -> bytes:
    """Return the content of `items.npz`, the same bytes for the same table."""
    encoded = io.BytesIO()
    np.savez(encoded, allow_pickle=False, **table.arrays())
    return encoded.getvalue()


def read_table(path: Path, sha256: str) -> Table:
    """Read `items.npz`.

    Raises
    ------
    CacheError
        If it is missing, not the file that was written, or no table.
    """
    content = _content(path)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise CacheError(f"{path}: damaged: its SHA-256 is not the one that {DESCRIPTION} gives")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return table_of(arrays)
    except (KeyError, ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise CacheError(f"{path}: no table of items: {error}") from error


def description_bytes(description: dict[str, Any]) -> bytes:
    """Return the content of `cache.json`: the description, a version and a digest of both."""
    whole = {"format": "convscope cache", "version": VERSION, **description}
    return (json.dumps({**whole, "sha256_of_this": _digest(whole)}, indent=1) + "\n").encode()


def read_description(path: Path) -> dict[str, Any]:
    """Read `cache.json`.

    Raises
    ------
    CacheError
        If it is missing, of another version, or not as it was written.
    """
    content = _content(path)
    try:
        description = json.loads(content)
    except ValueError as error:
        raise CacheError(f"{path}: damaged, no JSON: {error}") from error
    if not isinstance(description, dict) or description.get("format") != "convscope cache":
        raise CacheError(f"{path}: not the description of a convscope cache")
    if description.get("version") != VERSION:
        raise CacheError(
            f"{path}: expected version {VERSION}, got {description.get('version')!r}: build the cache again"
        )
    digest = description.pop("sha256_of_this", None)
    if digest != _digest(description):
        raise CacheError(f"{path}: damaged or edited: its content does not have the SHA-256 that it gives")
    return description


def check_samples(path: Path, count: int) -> None:
    """Raise CacheError unless the file holds `count` samples."""
    expected = SAMPLE_BYTES * count
    if not path.is_file():
        raise CacheError(f"{path}: is missing")
    got = path.stat().st_size
    if got != expected:
        raise CacheError(f"{path}: cut off or damaged: expected {expected} bytes, got {got}")


def check_digest(path: Path, sha256: str) -> None:
    """Raise CacheError unless the file has this digest."""
    with path.open("rb") as file:
        got = hashlib.file_digest(file, "sha256").hexdigest()
    if got != sha256:
        raise CacheError(f"{path}: damaged: expected SHA-256 {sha256}, got {got}")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CacheError(f"{path}: cannot be read: {error.strerror}") from error


def _digest(description: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
