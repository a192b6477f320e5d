"""`Report`: everything that one run measured, and its forms."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

from ._engines import ENGINES
from ._floor import REPEATS
from ._machine import Machine
from ._measure import ERROR_LIMIT, LONG_S, SLOW_RATIO
from ._results import Result
from ._tables import Table, case_tables, error_tables, layer_tables, summary_tables
from ._turns import PAUSE_S, TURN_S
from ._verdict import verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT = 1  # of the JSON file


@dataclass(frozen=True, slots=True)
class Report:
    """What `run` measured.

    Parameters
    ----------
    machine : where.
    date : when, ISO 8601 with its offset.
    repeats : rounds.
    results : one for each case, prefixes of a network before the whole of it.
    """

    machine: Machine
    date: str
    repeats: int
    results: tuple[Result, ...]

    def verdict(self) -> str:
        """Where convscope is ahead and where it is not, in sentences."""
        return verdict(self.results)

    def tables(self) -> list[Table]:
        """One for each case, and those of the layers if they were measured."""
        return [*case_tables(self.results), *layer_tables(self.results)]

    def markdown(self) -> str:
        """The whole report, with how it was measured."""
        parts = ["# convscope beside other engines", f"{self.machine}. {self.date}.", self.verdict()]
        for heading, tables in (
            ("Speed", summary_tables(self.results)),
            ("Cases", case_tables(self.results)),
            ("Layers", layer_tables(self.results)),
            ("Relative error of each layer against float64, the largest of all cases", error_tables(self.results)),
        ):  # fmt: skip
            parts += _section(heading, tables)
        parts += ["## Engines", "\n".join(f"- {e.name}: {e.form}" for e in ENGINES.values())]
        parts += ["## How it was measured", "\n".join(f"- {note}" for note in self.notes())]
        return "\n\n".join(parts) + "\n"

    def notes(self) -> list[str]:
        """How to read the numbers."""
        return [
            "Every engine computes the channel means of all layers, in float32. A result is compared with PyTorch in float64 "
            f"before it is timed (up to 16 samples of the batch; wrong beyond {ERROR_LIMIT:.0e} of a layer's norm).",
            f"{self.repeats} rounds; in each every engine has one turn, in an order that changes from round to round, after a "
            f"garbage collection and a pause of {PAUSE_S * 1000:.0f} ms that is the same for all. A turn repeats the call for "
            f"{TURN_S:g} s. Times are medians; in brackets the quartiles.",
            "time / ours: the engine's time divided by convscope's in the same round, median (quartiles). Below 1 the engine is "
            "faster than convscope and the table says so; level means that the quartiles lie on both sides of 1. (once): "
            f"more than {SLOW_RATIO:g} times slower, timed a single time; too slow: the same in a smaller batch, at whose rate a "
            f"call would take more than {LONG_S:g} s, and not run.",
            "GFLOP/s are nominal, two operations for each product in the layers' definitions; of peak: divided by what a large "
            "float32 matrix product of PyTorch (the fastest of its libraries and of several sizes) reached in the same rounds on as "
            "many threads. An algorithm that multiplies less than the definitions ask for can be above 1.",
            "× its floor: convscope's time divided by the least that its own plan allows, the longer of two: the multiply-adds that "
            "the plan computes for the batch, at the speed of the engine's own kernel on as many threads; and the bytes of its packed "
            "weights, each read once, at the speed at which those threads read weights that no cache holds. Both speeds are the best "
            f"of {2 * REPEATS} short runs in the same process, before and after the rounds. Weights that stay in the caches from call to call can "
            "be read faster than that.",
            "error: of the worst layer, ||series - float64|| / ||float64||.",
            "MB: peak memory of one batch once ready, beyond imported libraries and torch network, packed or converted weights "
            "included; MB to prepare: the same from the torch network to the first finished batch. Each in a fresh process.",
            "Each number of threads has processes of its own, kept on as many processors (Linux) and told so in each "
            "engine's own way.",
            "A core busy with another process: a process that only calculates runs on it from before the first case to after the "
            "last (on Linux, on the first of the processors that the engines may use).",
            "A layer's time is the difference of the times of the network cut after it and before it; ± is the half "
            "interquartile range of both. Engines that fuse layers do less in a whole network than the sum of these.",
        ]

    def to_json(self) -> str:
        """Raw times and what was computed from them."""
        found: dict[str, Any] = {
            "format": FORMAT,
            "date": self.date,
            "machine": self.machine.to_dict(),
            "repeats": self.repeats,
            "verdict": self.verdict(),
            "results": [result.to_dict() for result in self.results],
        }
        return json.dumps(found, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Report:
        """The report of which `to_json` made the text.

        Raises
        ------
        ValueError
            For a file of another format.
        """
        found = json.loads(text)
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise ValueError(f"report: expected a JSON object with format {FORMAT}")
        results = tuple(Result.from_dict(result) for result in found["results"])
        return cls(Machine(**found["machine"]), found["date"], found["repeats"], results)

    def plot(self, save: str | PathLike[str] | None = None) -> Figure:
        """Samples per second over the batch, a panel for each network and number of threads; quartiles as bars."""
        from ._plot import plot_speeds

        return plot_speeds(self.results, str(self.machine), save=save)


def _section(heading: str, tables: Iterable[Table]) -> list[str]:
    parts = []
    for table in tables:
        parts += [f"### {table.title}", _markdown(table)]
        parts += ["\n".join(f"- {line}" for line in table.below)] if table.below else []
    return [f"## {heading}", *parts] if parts else []


def _markdown(table: Table) -> str:
    lines = [table.header, ("---", *["---:"] * (len(table.header) - 1)), *table.rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
