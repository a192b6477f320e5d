"""One case in one process: every engine is checked, then those that are right are timed in turn."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ..probe import Plan
from . import _memory
from ._case import Case
from ._engines import ENGINES, OURS, Arrays, CannotRun
from ._floor import Floor, best, measured_rates
from ._machine import fastest_product
from ._ours import Ours
from ._results import Memory, Result, Row
from ._turns import TURN_S, Turns, call_count

ERROR_LIMIT = (
    1e-5  # relative, of a layer: a hundred roundings of float32; beyond, an engine computes something else
)
SLOW_RATIO, SLOW_S = 20.0, 1.0  # who takes so many times our time, and so many seconds, is timed once
LONG_S = 60.0  # and is not run where a call would take longer
PRODUCT, MACHINE = "matrix product", "the machine"
Tell = Callable[[str, str], None]


def measure(case: Case, names: Sequence[str], repeats: int, tell: Tell = lambda what, who: None) -> Result:
    """Check and time the named engines; ``tell`` hears what is done and by whom, before it is done."""
    x, exact, checked = case.inputs(), case.exact(), case.checked_rows()
    rows: dict[str, Row] = {}
    runs: dict[str, Callable[[], object]] = {}
    plans: dict[str, Plan] = {}
    rates = None
    if any(ENGINES[name].is_ours for name in names):
        tell("measuring its rates", MACHINE)
        rates = measured_rates(case.threads)
    for name in names:
        tell("preparing", name)
        start_s = time.perf_counter()
        try:
            run = ENGINES[name].make(case.network(), case)
            series = run(x)
        except CannotRun as error:
            rows[name] = Row(name, "cannot run this network", str(error))
            continue
        except Exception as error:
            rows[name] = Row(name, "failed", described(error))
            continue
        rows[name] = _checked(name, series, exact, checked, case.batch, time.perf_counter() - start_s)
        if rows[name].status == "ok":
            runs[name] = partial(run, x)
            if isinstance(run, Ours):
                plans[name] = run.plan
    if not runs:
        return Result(case, case.layers, case.flops, tuple(rows.values()), ())
    tell("looking for the fastest", PRODUCT)
    product = fastest_product(case.threads)
    turns = _timed({**runs, PRODUCT: product.run}, repeats, tell)
    for name in runs:
        rows[name] = _with_times(rows[name], turns, name)
    if plans and rates is not None:
        tell("measuring its rates again", MACHINE)
        rates = best(rates, measured_rates(case.threads))
        for name, plan in plans.items():
            rows[name] = replace(rows[name], floor=Floor.of(plan, case.batch, rates))
    peaks = tuple(product.flops / t / 1e9 for t in turns.times_s[PRODUCT])
    return Result(case, case.layers, case.flops, tuple(rows.values()), peaks)


def _timed(runs: Mapping[str, Callable[[], object]], repeats: int, tell: Tell) -> Turns:
    """Each is called once more, to know how long it takes; who is far behind keeps that time and sits out."""
    single: dict[str, float] = {}
    for name, run in runs.items():
        tell("trying", name)
        start_s = time.perf_counter()
        run()
        single[name] = time.perf_counter() - start_s
    slowest_s = max(SLOW_S, SLOW_RATIO * single.get(OURS, math.inf))
    may_sit_out = single.keys() - {OURS, PRODUCT}
    behind = {name: single[name] for name in runs if name in may_sit_out and single[name] > slowest_s}
    calls = {name: call_count(seconds, TURN_S) for name, seconds in single.items() if name not in behind}
    turns = Turns({name: runs[name] for name in calls})
    for round_ in range(repeats):
        turns.take(round_, calls, partial(tell, f"round {round_ + 1} of {repeats}"))
    for name, seconds in behind.items():
        turns.times_s[name] = [seconds]
    return turns


def _with_times(row: Row, turns: Turns, name: str) -> Row:
    times_s = turns.times_s[name]
    shares = [p / t for p, t in zip(turns.processor_s.get(name, []), times_s, strict=False)]
    return replace(row, times_s=tuple(times_s), busy=float(np.median(shares)) if shares else None)


def _checked(
    name: str, series: Arrays, exact: Arrays, checked: np.ndarray, batch: int, setup_s: float
) -> Row:
    """Wrong are: other layers, other shapes, anything not finite in any sample, and too large an error."""
    if list(series) != list(exact):
        return Row(name, "wrong", f"expected layers {', '.join(exact)}, got {', '.join(series)}")
    errors = {}
    for layer, values in series.items():
        shape = (batch, *exact[layer].shape[1:])
        if values.shape != shape:
            return Row(name, "wrong", f"{layer}: expected shape {shape}, got {values.shape}")
        if not np.isfinite(values).all():
            return Row(name, "wrong", f"{layer}: not finite")
        errors[layer] = relative_error(values[checked], exact[layer])
    layer = max(errors, key=errors.__getitem__)
    if errors[layer] > ERROR_LIMIT:
        message = f"relative error {errors[layer]:.1e} in {layer}, the limit is {ERROR_LIMIT:.0e}"
        return Row(name, "wrong", message, errors=errors, setup_s=setup_s)
    return Row(name, "ok", errors=errors, setup_s=setup_s)


def relative_error(values: np.ndarray, exact: np.ndarray) -> float:
    """||values - exact|| / ||exact||; the plain norm where the reference is zero."""
    norm = float(np.linalg.norm(exact))
    error = float(np.linalg.norm(values - exact)) / (norm if norm > 0 else 1.0)
    return error if math.isfinite(error) else math.inf


def measure_memory(case: Case, name: str) -> Memory | None:
    """In a process of its own: what an engine needs beyond the imported libraries and the torch network.

    ``to_run_mb`` is the high-water mark of the second batch, packed or converted weights included; ``to_prepare_mb`` that
    of getting ready and the first batch, conversion and compilation included.
    """
    if not _memory.is_known():
        return None
    engine = ENGINES[name]
    small = Case(
        case.role, dim=1, batch=1, threads=case.threads
    )  # imports and first-time costs are not the subject
    engine.make(small.network(), small)(small.inputs())
    network, x = case.network(), case.inputs()
    _memory.reset_peak()
    before = _memory.resident_mb()
    run = engine.make(network, case)
    run(x)
    prepared = _memory.peak_mb() - before
    _memory.reset_peak()
    run(x)
    return Memory(_memory.peak_mb() - before, prepared)


def described(error: BaseException) -> str:
    """Type and first line, short enough for a table."""
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0].strip()}" if lines else type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."
