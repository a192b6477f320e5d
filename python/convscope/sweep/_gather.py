"""What is kept of many samples together: moments over those of equal design, and the best few.

A shard is gathered on its own, into arrays that are small; these parts are merged in the order of the shards once all are there.
So it does not matter who worked off which shard, and when.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..latents import Design
from ..probe import LayerInfo
from ._keep import Axis, Floats, Shape, Whole
from ._moments import Part, joined_moments, merge_moments, moments_of, no_moments, variances
from ._scalars import SCALARS

_COPIES = 5  # of a result while it is merged: mean, squares, variance and what is on the way
ROWS = 128  # gathered at a time: of these a copy in float64 is made; part of what decides the bits


@dataclass(frozen=True, slots=True)
class Result:
    """An array of the finished store: axes and shape as they are, its type, and what it says of itself."""

    name: str
    axes: tuple[Axis, ...]
    shape: Shape
    dtype: str
    attributes: Mapping[str, str]


class Gathered(Protocol):
    """One thing that is kept of all samples."""

    @property
    def group(self) -> str:
        """Of the store."""

    @property
    def text(self) -> str:
        """As the command line and the store have it."""

    def results(self, layer: LayerInfo, reduction: str, shape: Shape, design: Design) -> list[Result]:
        """Arrays of the finished store for series (..., L); none where a layer has no such thing."""

    def part(
        self, layer: LayerInfo, blocks: Floats, numbers: NDArray[np.int64], cells: NDArray[np.int64]
    ) -> Part:
        """Of the series (n, ..., L) of samples by number, and by the combination of values that they stand for."""

    def part_bytes(self, shape: Shape, rows: int, design: Design) -> int:
        """Of what so many samples with series of this shape add, at most."""

    def merge_bytes(self, shape: Shape, design: Design) -> int:
        """Of memory that `merged` takes."""

    def merged(self, results: list[Result], parts: Iterable[Part]) -> Part:
        """The results, from the parts of all shards in their order."""

    def joined(self, first: Part, second: Part) -> Part:
        """One part of two that follow each other."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and variance over the samples that stand for the same values: over bases, or over lines; over all of a random design.

    Variances are those of samples (n - 1).
    """

    text: str = "moments"
    group: str = "moments"

    def results(self, layer: LayerInfo, reduction: str, shape: Shape, design: Design) -> list[Result]:
        axes = tuple(Axis(name, values) for name, values in design.axes.items())
        cells = tuple(len(values) for values in design.axes.values())
        own = Whole().variable(layer, shape).axes
        return [
            Result(reduction, (*axes, *own), (*cells, *shape), "float64", {"long_name": "mean over samples"}),
            Result(
                f"{reduction}_variance",
                (*axes, *own),
                (*cells, *shape),
                "float64",
                {"long_name": "variance over samples, n - 1"},
            ),
            Result(f"{reduction}_count", axes, cells, "int64", {"long_name": "samples"}),
        ]

    def part(
        self, layer: LayerInfo, blocks: Floats, numbers: NDArray[np.int64], cells: NDArray[np.int64]
    ) -> Part:
        return moments_of(blocks, cells)

    def joined(self, first: Part, second: Part) -> Part:
        return joined_moments(first, second)

    def part_bytes(self, shape: Shape, rows: int, design: Design) -> int:
        return min(rows, _cells(design)) * (2 * math.prod(shape) + 2) * 8

    def merge_bytes(self, shape: Shape, design: Design) -> int:
        return _cells(design) * math.prod(shape) * 8 * _COPIES

    def merged(self, results: list[Result], parts: Iterable[Part]) -> Part:
        mean, _, count = results
        cells = int(np.prod(count.shape))
        made = no_moments(np.arange(cells), mean.shape[len(count.shape) :])
        for part in parts:
            merge_moments(made, part["cells"], part)
        made["mean"][made["count"] == 0] = np.nan
        found = (made["mean"], variances(made), made["count"])
        return {
            result.name: values.reshape(result.shape) for result, values in zip(results, found, strict=True)
        }


@dataclass(frozen=True, slots=True)
class Top:
    """The samples whose series have the largest of a scalar, layer by layer: number, score and series."""

    count: int
    score: str
    group: str = "top"

    @property
    def text(self) -> str:
        return f"top:{self.count}:{self.score}"

    def results(self, layer: LayerInfo, reduction: str, shape: Shape, design: Design) -> list[Result]:
        if layer.length == 0 or len(shape) != 1:
            return []
        rank = Axis("rank")
        return [
            Result(
                reduction, (rank, *Whole().variable(layer, shape).axes), (self.count, *shape), "float32", {}
            ),
            Result(
                f"{reduction}_score",
                (rank,),
                (self.count,),
                "float64",
                {"long_name": SCALARS[self.score].meaning},
            ),
            Result(
                f"{reduction}_sample", (rank,), (self.count,), "int64", {"long_name": "number; -1 for none"}
            ),
        ]

    def part(
        self, layer: LayerInfo, blocks: Floats, numbers: NDArray[np.int64], cells: NDArray[np.int64]
    ) -> Part:
        scores = np.asarray(SCALARS[self.score](layer, blocks), np.float64)
        return self._best({"series": blocks, "score": scores, "sample": numbers})

    def part_bytes(self, shape: Shape, rows: int, design: Design) -> int:
        return min(rows, self.count) * (4 * math.prod(shape) + 16)

    def merge_bytes(self, shape: Shape, design: Design) -> int:
        return self.part_bytes(shape, self.count, design) * _COPIES

    def joined(self, first: Part, second: Part) -> Part:
        return self._best({name: np.concatenate([first[name], second[name]]) for name in first})

    def merged(self, results: list[Result], parts: Iterable[Part]) -> Part:
        series, score, sample = results
        made: Part = {
            "series": np.zeros((0, *series.shape[1:]), np.float32),
            "score": np.zeros(0),
            "sample": np.zeros(0, np.int64),
        }
        for part in parts:
            made = self.joined(made, part)
        missing = self.count - len(made["score"])
        made["series"] = np.pad(made["series"], ((0, missing), (0, 0)), constant_values=np.nan)
        made["score"] = np.pad(made["score"], (0, missing), constant_values=np.nan)
        made["sample"] = np.pad(made["sample"], (0, missing), constant_values=-1)
        return {series.name: made["series"], score.name: made["score"], sample.name: made["sample"]}

    def _best(self, rows: Part) -> Part:
        """Largest first, of equal ones the earlier sample; NaN last."""
        order = np.lexsort((rows["sample"], -rows["score"]))[: self.count]
        return {name: values[order] for name, values in rows.items()}


def _cells(design: Design) -> int:
    return math.prod(len(values) for values in design.axes.values())


def gather(
    what: Gathered, layer: LayerInfo, series: Floats, numbers: NDArray[np.int64], cells: NDArray[np.int64]
) -> Part:
    """A part of any number of samples, `ROWS` at a time."""
    made: Part | None = None
    for first in range(0, len(series), ROWS):
        rows = slice(first, first + ROWS)
        part = what.part(layer, series[rows], numbers[rows], cells[rows])
        made = part if made is None else what.joined(made, part)
    assert made is not None
    return made
