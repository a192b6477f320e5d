"""Variables that wavegan's web page was fed with: a ``manifest.json`` and a file of little-endian float32 for each."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ._error import CheckpointError, reason
from ._reader import as_shape, reading

_LATENTS = "cherries"  # the page's own, beside the network


class Dump(Mapping[str, np.ndarray]):
    """The variables by TensorFlow's names. ``path`` is the folder or its manifest."""

    format = "deeplearn.js dump of a TensorFlow 1 checkpoint"

    def __init__(self, path: Path) -> None:
        self.prefix = path if path.name == "manifest.json" else path / "manifest.json"
        with reading(self.prefix):
            text = self.prefix.read_bytes()
        try:
            manifest = json.loads(text)
            self._entries = {name: _entry(entry) for name, entry in manifest.items() if name != _LATENTS}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise CheckpointError(
                f"{self.prefix}: expected names with `filename` and `shape`: {reason(error)}"
            ) from error

    def __getitem__(self, name: str) -> np.ndarray:
        file_name, shape = self._entries[name]
        path = self.prefix.with_name(file_name)
        wanted = 4 * math.prod(shape)
        if not path.is_file():
            raise CheckpointError(f"{path}: {name}: no such file")
        if path.stat().st_size != wanted:
            raise CheckpointError(
                f"{path}: {name}: expected {wanted} bytes of shape {shape}, got {path.stat().st_size}"
            )
        return np.fromfile(path, "<f4").reshape(shape)

    def shape(self, name: str) -> tuple[int, ...]:
        """Without reading the array."""
        return self._entries[name][1]

    def __contains__(self, name: object) -> bool:
        """Without reading the array."""
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def _entry(entry: Any) -> tuple[str, tuple[int, ...]]:
    name, sizes = entry["filename"], entry["shape"]
    if Path(name).name != name or not name or not all(type(size) is int for size in sizes):
        raise ValueError(f"{name!r} of shape {sizes!r:.100}")
    return name, as_shape(sizes, repr(name))
