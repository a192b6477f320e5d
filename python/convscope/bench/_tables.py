"""A report as tables of text, for the terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from ._engines import OURS
from ._results import Result, Row, Spread
from ._verdict import standing

NOTHING = "-"
CASE_HEADER = ("engine", "samples/s", "time / ours", "GFLOP/s", "of peak", "error", "MB", "MB to prepare")


@dataclass(frozen=True, slots=True)
class Table:
    """First column left, others right, and sentences below."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    below: tuple[str, ...] = ()


def case_tables(results: Sequence[Result]) -> list[Table]:
    """One for each whole network, batch and number of threads."""
    return [
        Table(
            str(result.case),
            CASE_HEADER,
            tuple(_case_row(result, row) for row in result.rows),
            _floors(result),
        )
        for result in results
        if result.case.depth is None
    ]


def _case_row(result: Result, row: Row) -> tuple[str, ...]:
    if row.status != "ok":
        return row.engine, row.status, *[NOTHING] * 3, _error(row.worst_error), *[NOTHING] * 2
    speed, ratio = result.samples_per_s(row), result.ratio(row, OURS)
    rate, share = result.gflop_per_s(row), result.share_of_peak(row)
    return (
        row.engine,
        NOTHING if speed is None else _spread(speed, 4),
        NOTHING if ratio is None else ratio_text(row, ratio),
        NOTHING if rate is None else f"{rate:.0f}",
        NOTHING if share is None else f"{share:.2f}",
        _error(row.worst_error),
        NOTHING if row.memory is None else f"{row.memory.to_run_mb:.0f}",
        NOTHING if row.memory is None else f"{row.memory.to_prepare_mb:.0f}",
    )


def _floors(result: Result) -> tuple[str, ...]:
    """ "convscope: 1.41 (1.38-1.44) × its floor, 21.3 ms (...)", for each row that has one."""
    return tuple(
        f"{row.engine}: {times.median:.2f} ({times.low:.2f}-{times.high:.2f}) × its floor, {row.floor}"
        for row in result.rows
        if (times := row.times_floor) is not None
    )


def ratio_text(row: Row, ratio: Spread) -> str:
    """ "1.41 (1.38-1.44)", and a word where the other is not slower."""
    if row.engine == OURS:
        return "1"
    place = {"ahead": "", "level": " level", "behind": " faster"}[standing(ratio)]
    if len(row.times_s) == 1:
        return f"{ratio.median:.3g} (once){place}"
    return f"{ratio.median:.2f} ({ratio.low:.2f}-{ratio.high:.2f}){place}"


def summary_tables(results: Sequence[Result]) -> Iterator[Table]:
    """Per network and number of threads: engines down, batches across."""
    whole = [result for result in results if result.case.depth is None]
    for title, group in groupby(whole, lambda r: f"{r.case.network_title}, {r.case.threads_title}"):
        cases = list(group)
        header = ("samples/s (time / ours)", *(f"batch {result.case.batch}" for result in cases))
        engines = [row.engine for row in cases[0].rows]
        rows = tuple((name, *(_summary_cell(result, name) for result in cases)) for name in engines)
        yield Table(title, header, rows)


def _summary_cell(result: Result, name: str) -> str:
    row = result.row(name)
    if row is None:
        return NOTHING
    speed, ratio = result.samples_per_s(row), result.ratio(row, OURS)
    if speed is None:
        return row.status
    return f"{speed.median:.4g}" + ("" if ratio is None or name == OURS else f" ({ratio.median:.2f} ×)")


def error_tables(results: Sequence[Result]) -> Iterator[Table]:
    """Per network: the largest error of each layer over all cases."""
    whole = [result for result in results if result.case.depth is None]
    for network, group in groupby(whole, lambda result: result.case.network_title):
        cases = list(group)
        layers = cases[0].layers
        rows = []
        for name in [row.engine for row in cases[0].rows]:
            found = [row.errors for result in cases if (row := result.row(name)) is not None and row.errors]
            if found:
                rows.append((name, *(_error(max(errors[layer] for errors in found)) for layer in layers)))
        yield Table(network, ("error", *layers), tuple(rows))


def layer_tables(results: Sequence[Result]) -> Iterator[Table]:
    """Per case that was cut after each layer: milliseconds of a layer, as the difference of two prefixes."""
    for whole in (result for result in results if result.case.depth is None):
        prefixes = [*(other for other in results if _is_prefix(other, whole)), whole]
        if len(prefixes) != len(whole.layers):
            continue
        rows = tuple(
            (row.engine, *_layer_cells(prefixes, row.engine)) for row in whole.rows if len(row.times_s) > 1
        )
        title = f"{whole.case}: milliseconds of each layer"
        yield Table(title, ("engine", *whole.layers), rows)
        ratios = tuple(
            (row.engine, *(_prefix_cell(prefix, row.engine) for prefix in prefixes))
            for row in whole.rows
            if row.times_s and row.engine != OURS
        )
        title = f"{whole.case}: time / ours of the network up to and including each layer"
        yield Table(title, ("engine", *whole.layers), ratios)


def _is_prefix(other: Result, whole: Result) -> bool:
    return other.case.depth is not None and replace(other.case, depth=None) == whole.case


def _layer_cells(prefixes: Sequence[Result], name: str) -> list[str]:
    """ "0.41 ± 0.02": medians' difference, and the half interquartile ranges of both together."""
    cells, before = [], Spread(0.0, 0.0, 0.0)
    for prefix in prefixes:
        row = prefix.row(name)
        if row is None or not row.times_s:
            cells.append(NOTHING)
            continue
        time_ms = Spread.of([1000 * t for t in row.times_s])
        noise = sum(((spread.high - spread.low) / 2) ** 2 for spread in (time_ms, before)) ** 0.5
        cells.append(f"{time_ms.median - before.median:.3g} ± {noise:.2g}")
        before = time_ms
    return cells


def _prefix_cell(prefix: Result, name: str) -> str:
    row = prefix.row(name)
    ratio = None if row is None else prefix.ratio(row, OURS)
    return NOTHING if row is None or ratio is None else ratio_text(row, ratio)


def _spread(spread: Spread, digits: int) -> str:
    """ "272.4 (268.1-275)"; a single value without quartiles."""
    middle = f"{spread.median:.{digits}g}"
    if spread.low == spread.high:
        return middle
    return f"{middle} ({spread.low:.{digits}g}-{spread.high:.{digits}g})"


def _error(error: float | None) -> str:
    return NOTHING if error is None else f"{error:.1e}"
