"""What came out: a `Row` per engine, a `Result` per case; raw times are kept, everything else is computed from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from ._case import Case
from ._floor import Floor

Status = Literal["ok", "wrong", "failed", "not installed", "cannot run this network", "too slow"]


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Any) -> Spread:
        """Of a sequence of numbers."""
        low, median, high = np.percentile(np.asarray(values, np.float64), [25, 50, 75])
        return cls(float(median), float(low), float(high))


@dataclass(frozen=True, slots=True)
class Memory:
    """MB (10^6 bytes) beyond the libraries and the torch network: for a batch once ready, and for getting ready."""

    to_run_mb: float
    to_prepare_mb: float

    def to_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Row:
    """One engine in one case.

    Parameters
    ----------
    engine : its name.
    status : ``"ok"``, ``"wrong"`` (its error is beyond the limit), ``"failed"``, ``"not installed"``,
        ``"cannot run this network"``, or ``"too slow"`` (a smaller batch told that it would take minutes).
    message : what is the matter, if anything.
    errors : relative error of each layer's series against float64.
    times_s : seconds of a batch, one for each round; a single one of an engine too slow to take part in all of them.
    busy : processors that it kept busy.
    setup_s : from the torch network to the first finished batch.
    memory : where it was measured.
    floor : of convscope, the least that a call must take.
    """

    engine: str
    status: Status
    message: str = ""
    errors: Mapping[str, float] = field(default_factory=dict)
    times_s: tuple[float, ...] = ()
    busy: float | None = None
    setup_s: float | None = None
    memory: Memory | None = None
    floor: Floor | None = None

    @property
    def worst_error(self) -> float | None:
        """Of the worst layer."""
        return max(self.errors.values()) if self.errors else None

    @property
    def times_floor(self) -> Spread | None:
        """Its time divided by its floor."""
        if self.floor is None or not self.times_s:
            return None
        return Spread.of([t / self.floor.seconds for t in self.times_s])

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Row:
        """From JSON, where derived numbers stand beside the raw ones."""
        memory, floor = found.get("memory"), found.get("floor")
        return cls(
            engine=found["engine"],
            status=found["status"],
            message=found["message"],
            errors=dict(found["errors"]),
            times_s=tuple(found["times_s"]),
            busy=found["busy"],
            setup_s=found["setup_s"],
            memory=None if memory is None else Memory(**memory),
            floor=None if floor is None else Floor(**floor),
        )


@dataclass(frozen=True, slots=True)
class Result:
    """All engines in one case, in the order of the tables.

    Parameters
    ----------
    case : what was measured.
    layers : names of those that were run.
    flops : nominal operations of one sample.
    rows : one for each engine.
    product_gflop_per_s : of a large matrix product, which took its turns with the engines; one for each round.
    """

    case: Case
    layers: tuple[str, ...]
    flops: int
    rows: tuple[Row, ...]
    product_gflop_per_s: tuple[float, ...]

    def row(self, engine: str) -> Row | None:
        """That engine's, if it took part."""
        return next((row for row in self.rows if row.engine == engine), None)

    def samples_per_s(self, row: Row) -> Spread | None:
        """Speed; None for what was not timed."""
        return Spread.of([self.case.batch / t for t in row.times_s]) if row.times_s else None

    def ratio(self, row: Row, to: str) -> Spread | None:
        """Its time divided by another engine's, paired by round."""
        other = self.row(to)
        if other is None or not row.times_s or not other.times_s:
            return None
        return Spread.of([a / b for a, b in zip(row.times_s, other.times_s, strict=False)])

    def gflop_per_s(self, row: Row) -> float | None:
        """Nominal: an engine that multiplies less than the definition asks for may be above the machine's peak."""
        speed = self.samples_per_s(row)
        return None if speed is None else speed.median * self.flops / 1e9

    def share_of_peak(self, row: Row) -> float | None:
        """Nominal operations to those of the matrix product, paired by round."""
        if not row.times_s or not self.product_gflop_per_s:
            return None
        work = self.case.batch * self.flops / 1e9
        pairs = zip(row.times_s, self.product_gflop_per_s, strict=False)
        return Spread.of([work / t / peak for t, peak in pairs]).median

    def to_dict(self) -> dict[str, Any]:
        """For JSON, raw and derived; what `from_dict` does not need is for readers."""
        from ._engines import OURS

        def derived(row: Row) -> dict[str, Any]:
            speed, ratio, floors = self.samples_per_s(row), self.ratio(row, OURS), row.times_floor
            return {
                **asdict(row),
                "worst_error": row.worst_error,
                "samples_per_s": None if speed is None else asdict(speed),
                "time_ratio": None if ratio is None else asdict(ratio),
                "gflop_per_s": self.gflop_per_s(row),
                "share_of_peak": self.share_of_peak(row),
                "floor_s": None if row.floor is None else row.floor.seconds,
                "times_floor": None if floors is None else asdict(floors),
            }

        return {
            "case": self.case.to_dict(),
            "layers": list(self.layers),
            "flops": self.flops,
            "product_gflop_per_s": list(self.product_gflop_per_s),
            "rows": [derived(row) for row in self.rows],
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Result:
        """From JSON."""
        return cls(
            Case(**found["case"]),
            tuple(found["layers"]),
            found["flops"],
            tuple(Row.from_dict(row) for row in found["rows"]),
            tuple(found["product_gflop_per_s"]),
        )
