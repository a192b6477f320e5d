"""Arrays by layer name, in order of execution: what every result of probing is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from ._layers import LayerTable

Array_co = TypeVar("Array_co", covariant=True)


class ByLayer(Mapping[str, Array_co]):
    """A mapping that knows its layers, and names them to who asks for another."""

    _what = "series"

    def __init__(self, arrays: Mapping[str, Array_co], layers: LayerTable) -> None:
        self._arrays = dict(arrays)
        self.layers = layers

    def __getitem__(self, name: str) -> Array_co:
        if name not in self._arrays:
            raise KeyError(f"no {self._what} of layer {name!r}; there are {', '.join(self._arrays)}")
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)
