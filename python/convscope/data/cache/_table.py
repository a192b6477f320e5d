"""What a cache knows of its items besides their samples: one array for each property.

Letters: n items, S segments of all items, K labels.
"""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.data._files import natural_key
from convscope.data.cache._strings import GrowingStrings, Strings, packed
from convscope.data.sources._item import Segment


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The properties of n items.

    Attributes
    ----------
    offsets : (n + 1,) int64
        Where each item's samples begin, and the number of all samples.
    scales : (n,) float32
        What an integer 1 means, full scale ±1.
    peaks : (n,) int32
        Largest absolute integer of each item; 32768 is one.
    label_rows : (n,) int32
        Which of `labels`.
    withheld : (n,) bool
        Whether kept from training.
    segment_offsets : (n + 1,) int64
        Where each item's segments begin, and the number of all segments.
    segment_rows : (S,) int32
        Which of `segment_labels`.
    segment_starts_s, segment_ends_s : (S,) float64
        Seconds from the item's first sample.
    names, labels, segment_labels : Strings
        n names; K labels and those of segments, each once, in natural order.
    """

    offsets: NDArray[np.int64]
    scales: NDArray[np.float32]
    peaks: NDArray[np.int32]
    label_rows: NDArray[np.int32]
    withheld: NDArray[np.bool_]
    segment_offsets: NDArray[np.int64]
    segment_rows: NDArray[np.int32]
    segment_starts_s: NDArray[np.float64]
    segment_ends_s: NDArray[np.float64]
    names: Strings
    labels: Strings
    segment_labels: Strings

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as named arrays, for an npz file."""
        found: dict[str, NDArray[Any]] = {}
        for member in dataclasses.fields(self):
            value = getattr(self, member.name)
            if isinstance(value, Strings):
                found[f"{member.name}_text"], found[f"{member.name}_ends"] = value.text, value.ends
            else:
                found[member.name] = value
        return found


def table_of(arrays: Mapping[str, NDArray[Any]]) -> Table:
    """Return the table that `Table.arrays` took apart, its arrays protected from being written to.

    Raises
    ------
    KeyError
        If an array is missing.
    ValueError
        If arrays do not fit each other.
    """
    members: dict[str, Any] = {}
    for member in dataclasses.fields(Table):
        name = member.name
        if member.type == "Strings":
            members[name] = Strings(_protected(arrays[f"{name}_text"]), _protected(arrays[f"{name}_ends"]))
        else:
            members[name] = _protected(arrays[name])
    table = Table(**members)
    n = len(table.names)
    per_item = (table.scales, table.peaks, table.label_rows, table.withheld)
    shapes = [values.shape for values in per_item]
    edges = [table.offsets.shape, table.segment_offsets.shape]
    if n == 0 or shapes != [(n,)] * 4 or edges != [(n + 1,)] * 2:
        raise ValueError(f"expected properties of {n} items, one or more, got shapes {shapes} and {edges}")
    return table


def _protected(values: NDArray[Any]) -> NDArray[Any]:
    values = np.asarray(values)
    values.flags.writeable = False
    return values


@dataclass(frozen=True, slots=True, eq=False)
class GrowingTable:
    """A table to which items are added, at some tens of bytes each."""

    _offsets: array[int] = field(default_factory=lambda: array("q", [0]))
    _scales: array[float] = field(default_factory=lambda: array("f"))
    _peaks: array[int] = field(default_factory=lambda: array("i"))
    _label_rows: array[int] = field(default_factory=lambda: array("i"))
    _withheld: array[int] = field(default_factory=lambda: array("b"))
    _segment_offsets: array[int] = field(default_factory=lambda: array("q", [0]))
    _segment_rows: array[int] = field(default_factory=lambda: array("i"))
    _segment_starts_s: array[float] = field(default_factory=lambda: array("d"))
    _segment_ends_s: array[float] = field(default_factory=lambda: array("d"))
    _names: GrowingStrings = field(default_factory=GrowingStrings)
    _labels: dict[str, int] = field(default_factory=dict)
    _segment_labels: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._scales)

    def add(
        self,
        name: str,
        label: str,
        segments: tuple[Segment, ...],
        samples: NDArray[np.int16],
        scale: np.float32,
        *,
        withheld: bool,
    ) -> None:
        """Append an item."""
        self._names.add(name)
        self._offsets.append(self._offsets[-1] + samples.size)
        self._scales.append(float(scale))
        # In Python's integers: -(-32768) is no int16.
        self._peaks.append(max(int(samples.max()), -int(samples.min())))
        self._label_rows.append(self._labels.setdefault(label, len(self._labels)))
        self._withheld.append(withheld)
        self._segment_offsets.append(self._segment_offsets[-1] + len(segments))
        for segment in segments:
            row = self._segment_labels.setdefault(segment.label, len(self._segment_labels))
            self._segment_rows.append(row)
            self._segment_starts_s.append(segment.start_s)
            self._segment_ends_s.append(segment.end_s)

    def done(self) -> Table:
        """Return the table, with its labels in natural order instead of that of their appearance."""
        labels, label_rows = _in_order(self._labels, self._label_rows)
        segment_labels, segment_rows = _in_order(self._segment_labels, self._segment_rows)
        return Table(
            np.frombuffer(self._offsets, np.int64),
            np.frombuffer(self._scales, np.float32),
            np.frombuffer(self._peaks, np.int32),
            label_rows,
            np.frombuffer(self._withheld, np.bool_),
            np.frombuffer(self._segment_offsets, np.int64),
            segment_rows,
            np.frombuffer(self._segment_starts_s, np.float64),
            np.frombuffer(self._segment_ends_s, np.float64),
            self._names.done(),
            labels,
            segment_labels,
        )


def _in_order(rows_of: dict[str, int], rows: array[int]) -> tuple[Strings, NDArray[np.int32]]:
    labels = sorted(rows_of, key=lambda label: (natural_key(label), label))
    new_rows = np.zeros(len(labels), np.int32)
    for row, label in enumerate(labels):
        new_rows[rows_of[label]] = row
    return packed(labels), new_rows[np.frombuffer(rows, np.int32)]
