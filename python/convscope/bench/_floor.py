"""The floor of a call: the least time that the plan of a probe allows on this machine.

    floor = max(multiply-adds of the batch / products per second,  bytes of packed weights / bytes per second)

The multiply-adds are those that the plan computes (transforms included), which may be fewer than the layers' definitions
have; both rates are those of the engine's own kernels, measured in the process that is timed, on as many threads. A call at
its floor would multiply all the time at full speed, or do nothing but read its weights, once.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from .. import _core
from ..probe import Machine as Rates
from ..probe import Plan, measure_machine

REPEATS = 40  # of some milliseconds each, of which the best counts, as in `convscope tune`


def measured_rates(threads: int) -> Rates:
    """Of this machine, now."""
    return measure_machine(_core.selected_isa(), threads, REPEATS)


def best(first: Rates, second: Rates) -> Rates:
    """Of two measurements on as many threads, so that a neighbour's moment in one of them does not lift the floor."""
    return Rates(
        max(first.products_per_second, second.products_per_second),
        max(first.bytes_per_second, second.bytes_per_second),
        first.threads,
    )


@dataclass(frozen=True, slots=True)
class Floor:
    """What one call has to do, and how fast this machine does it.

    Parameters
    ----------
    products : multiply-adds of the whole batch, as the plan computes them.
    weight_bytes : of the packed weights, each of which is read at least once.
    products_per_second : of all threads together.
    bytes_per_second : of weights that no cache holds, read by all threads together.
    """

    products: int
    weight_bytes: int
    products_per_second: float
    bytes_per_second: float

    @classmethod
    def of(cls, plan: Plan, batch: int, rates: Rates) -> Floor:
        """Of a batch; ``rates`` were measured on the threads that will run it."""
        return cls(
            products=batch * sum(row.computed for row in plan),
            weight_bytes=sum(row.weight_bytes for row in plan),
            products_per_second=rates.products_per_second * rates.threads,
            bytes_per_second=rates.bytes_per_second,
        )

    @property
    def seconds(self) -> float:
        """The longer of multiplying and reading."""
        return max(self._multiplying_s, self._reading_s)

    @property
    def _multiplying_s(self) -> float:
        return self.products / self.products_per_second

    @property
    def _reading_s(self) -> float:
        return self.weight_bytes / self.bytes_per_second

    def __str__(self) -> str:
        if self._multiplying_s < self._reading_s:
            work = f"{self.weight_bytes / 1e6:.1f} MB of weights at {self.bytes_per_second / 1e9:.1f} GB/s"
        else:
            work = f"{self.products / 1e9:.3g} G multiply-adds at {self.products_per_second / 1e9:.0f} G/s"
        return f"{1000 * self.seconds:.3g} ms ({work})"

    def to_dict(self) -> dict[str, float]:
        """For JSON; `Floor(**it)` is the floor again."""
        return asdict(self)
