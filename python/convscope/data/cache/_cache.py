"""A cache opened: its samples mapped from the file, everything else in memory."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from convscope.data.cache._format import (
    DESCRIPTION,
    ITEMS,
    SAMPLES,
    check_digest,
    check_samples,
    read_description,
    read_table,
)
from convscope.data.cache._table import Table
from convscope.data.sources._item import LeftOut, Segment

CachePart = Literal["train", "withheld", "all"]


@dataclass(frozen=True, slots=True, eq=False)
class Cache:
    r"""The items of a cache by number, 0 to `len(cache)` - 1, in the order of their source.

    Attributes
    ----------
    folder : Path
        Where it lies.
    sample_rate_hz : int
        Samples per second of every item.
    labels : tuple of str
        Every label once, in natural order; "" if there are items without one.
    left_out : tuple of LeftOut
        What the source or the cache could not use, and why.
    description : dict
        The rest of `cache.json`: "source", "settings", "counts" and the digests.
    table : Table
        The items' properties as arrays.

    Examples
    --------
    >>> import tempfile
    >>> from convscope.data import Folder, build_cache, write_sound
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("0_theo.wav", "1_theo.wav"):
    ...         write_sound(f"{folder}/{name}", np.ones(80), 8000)
    ...     cache = build_cache(Folder(folder, label=r"^(\d)_"), f"{folder}/cache")
    >>> len(cache), cache.labels, cache.where(labels=["1"]), cache.name(1)
    (2, ('0', '1'), array([1]), '1_theo.wav')
    """

    folder: Path
    sample_rate_hz: int
    labels: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    description: dict[str, Any]
    table: Table
    _samples: NDArray[np.int16]
    _segment_labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.table.names)

    @property
    def withheld(self) -> NDArray[np.bool_]:
        """(n,) bool: which items are kept from training."""
        return self.table.withheld

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n,) int64: samples of each item."""
        return np.diff(self.table.offsets)

    def name(self, item: int) -> str:
        """Return the item's name."""
        return self.table.names.at(self._row(item))

    def label(self, item: int) -> str:
        """Return the item's label, "" for none."""
        label: str = self.labels[self.table.label_rows[self._row(item)]]
        return label

    def samples(self, item: int) -> NDArray[np.int16]:
        """Return the item's samples (N,) int16, a view of the file; times `scale`, full scale is ±1."""
        row = self._row(item)
        return self._samples[self.table.offsets[row] : self.table.offsets[row + 1]]

    def scale(self, item: int) -> float:
        """Return what an integer 1 of the item means; 1/32768 for what was 16-bit PCM."""
        return float(self.table.scales[self._row(item)])

    def segments(self, item: int) -> tuple[Segment, ...]:
        """Return the parts of the item whose boundaries are known, in seconds from its first sample."""
        row = self._row(item)
        start, end = self.table.segment_offsets[row : row + 2]
        labels = self.table.segment_rows[start:end].tolist()
        starts_s = self.table.segment_starts_s[start:end].tolist()
        ends_s = self.table.segment_ends_s[start:end].tolist()
        return tuple(
            Segment(self._segment_labels[label], start_s, end_s)
            for label, start_s, end_s in zip(labels, starts_s, ends_s, strict=True)
        )

    def where(self, part: CachePart = "all", labels: Sequence[str] | None = None) -> NDArray[np.int64]:
        """Return the numbers of the items of a part, and of some labels.

        Parameters
        ----------
        part : "train", "withheld" or "all"
            What is not withheld is there to train on.
        labels : sequence of str, optional
            The labels wanted; all by default.

        Returns
        -------
        (m,) int64
            Ascending; maybe none.

        Raises
        ------
        ValueError
            For an unknown part, or a label that no item has.
        """
        if part not in get_args(CachePart):
            raise ValueError(f"where: expected part 'train', 'withheld' or 'all', got {part!r}")
        everything = np.ones(len(self), np.bool_)
        chosen = {"train": ~self.withheld, "withheld": self.withheld, "all": everything}[part]
        if labels is not None:
            wanted = (labels,) if isinstance(labels, str) else tuple(labels)
            unknown = [label for label in wanted if label not in self.labels]
            if unknown:
                raise ValueError(f"where: no item has the labels {unknown}; known are {_some(self.labels)}")
            rows = [self.labels.index(label) for label in wanted]
            chosen = chosen & np.isin(self.table.label_rows, rows)
        return np.flatnonzero(chosen)

    def _row(self, item: int) -> int:
        row = operator.index(item)
        # A negative number would pair the end of one item with the start of another.
        if not 0 <= row < len(self):
            raise IndexError(f"cache: expected an item from 0 to {len(self) - 1}, got {row}")
        return row


def open_cache(folder: Path | str, *, verify: bool = False) -> Cache:
    """Open a cache that `build_cache` made.

    The samples stay in their file, mapped into memory: opening takes milliseconds whatever their number.

    Parameters
    ----------
    folder : path
        The cache.
    verify : bool
        Also read all samples and compare their SHA-256. Sizes, the version, and the digests of the small files
        are always checked.

    Returns
    -------
    Cache

    Raises
    ------
    CacheError
        (a ValueError) If a file is missing, cut off, damaged or of another version, naming it.

    Examples
    --------
    >>> open_cache("/nowhere")
    Traceback (most recent call last):
    convscope.data.cache._format.CacheError: /nowhere/cache.json: cannot be read: No such file or directory
    """
    folder = Path(folder)
    description = read_description(folder / DESCRIPTION)
    table = read_table(folder / ITEMS, description["sha256"][ITEMS])
    count = int(table.offsets[-1])
    check_samples(folder / SAMPLES, count)
    if verify:
        check_digest(folder / SAMPLES, description["sha256"][SAMPLES])
    # As a plain array: a memmap's own slices cost ten times as much.
    samples = np.asarray(np.memmap(folder / SAMPLES, "<i2", mode="r", shape=(count,)))
    left_out = tuple(LeftOut(name, reason) for name, reason in description.pop("left_out"))
    rate_hz = description["sample_rate_hz"]
    return Cache(
        folder, rate_hz, table.labels.all(), left_out, description, table, samples, table.segment_labels.all()
    )


def _some(labels: tuple[str, ...]) -> str:
    listing = ", ".join(map(repr, labels[:20]))
    return listing + (f" and {len(labels) - 20} more" if len(labels) > 20 else "")
