"""What this machine can do, as far as the planner needs to know: products and bytes per second.

`convscope tune` measures it once and keeps it in the user's cache directory. Without that, plans are made with the figures
of a common server: a plan depends on their ratio only, and is the same on every machine that has not been tuned.
"""

from __future__ import annotations

import json
import math
import operator
import os
import platform
import sys
import time
from dataclasses import asdict, astuple, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .. import _core


@dataclass(frozen=True, slots=True)
class Machine:
    """``products_per_second`` of one thread in the engine's own kernel, float32; ``bytes_per_second`` of weights, read by
    ``threads`` of them."""

    products_per_second: float
    bytes_per_second: float
    threads: int


# Measured on Zen 5 (AVX-512); the narrower sets in proportion to their lanes.
_COMMON = {
    "avx512": Machine(1.3e11, 4.5e10, 2),
    "avx2": Machine(6.5e10, 4.5e10, 2),
    "neon": Machine(3.2e10, 3.0e10, 2),
    "baseline": Machine(1.0e10, 3.0e10, 2),
}


def for_planning(isa: str) -> Machine:
    """The tuned figures of this machine, or the common ones. Nothing is measured."""
    return load_machine(isa) or _COMMON[isa]


def for_estimates(isa: str, num_threads: int) -> Machine:
    """The tuned figures, or the common ones with the products of this machine, measured once per process."""
    return load_machine(isa) or replace(
        _COMMON[isa], products_per_second=_products_per_second_once(isa, num_threads)
    )


@cache
def _products_per_second_once(isa: str, num_threads: int) -> float:
    return _products_per_second(isa, num_threads, repeats=5)


def cache_file() -> Path:
    """Where `convscope tune` keeps its figures: ``CONVSCOPE_CACHE``, or the user's cache directory."""
    if folder := os.environ.get("CONVSCOPE_CACHE"):
        return Path(folder) / "machine.json"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "convscope" / "machine.json"
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or str(Path.home() / ".cache")
    return Path(base) / "convscope" / "machine.json"


def load_machine(isa: str) -> Machine | None:
    """What was measured on this machine for this instruction set; None if nothing was, or the file holds something else."""
    try:
        return _checked(_read().get(_key(isa)))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _checked(figures: Any) -> Machine:
    if set(figures) != {field.name for field in fields(Machine)}:
        raise ValueError(f"machine: expected its figures, got {figures!r}")
    machine = Machine(
        float(figures["products_per_second"]),
        float(figures["bytes_per_second"]),
        operator.index(figures["threads"]),
    )
    if not all(math.isfinite(figure) and figure > 0 for figure in astuple(machine)):
        raise ValueError("machine: expected positive figures")
    return machine


def _read() -> dict[str, Any]:
    """The cache file; empty where there is none, or something else."""
    try:
        known = json.loads(cache_file().read_text())
    except (OSError, RuntimeError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def save_machine(machine: Machine, isa: str) -> Path:
    """Keep it beside those of other machines that share the directory."""
    path = cache_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        beside.write_text(json.dumps({**_read(), _key(isa): asdict(machine)}, indent=1) + "\n")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def _key(isa: str) -> str:
    return f"{platform.node()} {isa}"


def measure_machine(isa: str, num_threads: int, repeats: int) -> Machine:
    """Best of a few runs of some milliseconds each."""
    return Machine(
        _products_per_second(isa, num_threads, repeats),
        _bytes_per_second(isa, num_threads, repeats),
        num_threads,
    )


def _products_per_second(isa: str, num_threads: int, repeats: int) -> float:
    """Of one thread, on a layer that stays in the caches."""
    channels, taps, positions = 256, 7, 256 * num_threads
    seconds = _best_seconds(_layer(positions, channels, taps), positions, channels, isa, num_threads, repeats)
    return positions * taps * channels * channels / seconds / num_threads


def _bytes_per_second(isa: str, num_threads: int, repeats: int) -> float:
    """Of all threads, on one row and 256 MB of weights, more than the caches hold."""
    channels = 8192
    seconds = _best_seconds(_layer(1, channels, 1), 1, channels, isa, num_threads, repeats)
    return 4 * channels * channels / seconds


def _layer(positions: int, channels: int, taps: int) -> _core.Layer:
    nothing = np.zeros(0, np.float32)
    return _core.Layer(
        in_length=positions, in_channels=channels, out_length=positions, out_channels=channels, step=1, phases=1,
        taps=[(0, tap, tap) for tap in range(taps)], kernel=np.ones((taps, channels, channels), np.float32),
        bias=np.zeros(channels, np.float32), activation=_core.Activation.relu, slope=nothing, scale=1.0,
        reduction=_core.Reduction.mean, readout=nothing, before_activation=False, form=_core.Form.panels,
    )  # fmt: skip


def _best_seconds(
    layer: _core.Layer, positions: int, channels: int, isa: str, num_threads: int, repeats: int
) -> float:
    program = _core.Program([layer], isa)
    x = np.ones((1, positions, channels), np.float32)
    out = np.empty((1, 1, positions), np.float32)
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        program.run(x, [out], num_threads)
        best = min(best, time.perf_counter() - start)
    return best
