"""Causal effects of a latent variable on a measure, in a design "values x bases": CDEV's estimands with their uncertainty.

A base fixes all other latent variables, so that a difference within a base is an effect and needs no model. What is uncertain
is only which bases were drawn: intervals come from resampling bases, never rows, and tests from flipping signs of
differences within bases (exact where, without an effect, the differences are symmetric around zero).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from .._checks import Floats, check_choice, check_count, check_level, require
from .._libraries import Frame, library
from .._multiplicity import with_adjusted
from .._result import Result
from ._cube import Cube, cube
from ._distances import distance
from ._paired_means import LEAST_BASES, Interval, PairedMeans, paired_means

_ASIDE = ("band_lower", "band_upper", "p", "p_bh", "dropped", "reason")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Effects(Result):
    """Effects of one variable; ``to`` is its value, ``time_s`` there where the measure is a series.

    ``effects``: the average effect of each value against the baseline (``ate``) with a pointwise interval, a band that is
    simultaneous over all values and times, p-values, Wasserstein distances, pairs of bases used and dropped.
    ``increments``: the same of the difference per unit from each value to the next, from the baseline upwards.
    ``ice``: the mean of those. ``per_base``: it for each base. The last three are empty where the baseline is the highest
    value.
    """

    effects: Frame
    increments: Frame
    ice: Frame
    per_base: Frame
    settings: Mapping[str, Any]

    _aside: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "effects": (
            *(*_ASIDE, "wasserstein", "wasserstein_lower", "wasserstein_upper"),
            *("p_wasserstein", "p_wasserstein_holm", "p_wasserstein_bh"),
        ),
        "increments": _ASIDE,
        "ice": _ASIDE,
    }
    _said: ClassVar[Mapping[str, str]] = {
        "effects": "ate",
        "increments": "increment",
        "ice": "ice",
        "per_base": "ice",
    }


def causal_effects(
    measured: ArrayLike,
    variable: ArrayLike,
    base: ArrayLike | None = None,
    *,
    baseline: float = 0.0,
    times_s: ArrayLike | None = None,
    level: float = 0.95,
    interval: Interval = "percentile",
    draws: int = 2000,
    flips: int = 4999,
    distances: bool | None = None,
    seed: int = 0,
) -> Effects:
    """Effects of setting a latent variable to each of its values.

        ATE(t) = mean over bases of  y(base, t) - y(base, baseline)
        ICE = mean over bases and steps of  (y(base, t_next) - y(base, t)) / (t_next - t),   t from the baseline upwards

    Parameters
    ----------
    measured : (bases, values) or (bases, values, T); with ``base`` (rows,) or (rows, T)
        One number, or a series, for each base and value. NaN where there is none: that pair is dropped and counted.
    variable : (values,), with ``base`` (rows,)
        What the variable was set to. ``design.variables()`` of `convscope.latents` has both columns.
    base : (rows,), optional
        The base of each row.
    baseline : the value that others are compared with; CDEV takes about -1, 0 and +1.
    times_s : (T,) of a series; by default positions.
    level : of intervals and bands.
    interval : ``"percentile"`` or ``"bca"`` for the pointwise ones. Both are a little narrow below some 30 bases; bands are
        studentised and are not.
    draws, flips : resamples of bases, and patterns of signs (all of them where there are no more).
    distances : Wasserstein distances; by default of single numbers, not of series, where they take long: a minute for the
        2,500 bases and 40 values of CDEV, beside four seconds for all the rest.
    seed : of the resamples.

    Returns
    -------
    Effects
        ``p_max`` is corrected for all values and times by the largest |t|, ``p_holm`` and ``p_bh`` by Holm and by Benjamini
        & Hochberg. With many times take ``p_max``: corrections of p >= 1 / (flips + 1) for thousands of tests reach nothing.

    Raises
    ------
    ValueError
        for fewer than eight bases, a baseline that is no value of the variable, shapes that do not fit.

    Source
    ------
    Beguš, Leban & Gero 2023, arXiv 2303.10931. Their incremental effect starts at the baseline too.

    Examples
    --------
    >>> import numpy as np
    >>> bases = np.random.default_rng(0).standard_normal(40)
    >>> values = np.array([0.0, 1.0, 2.0])
    >>> effects = causal_effects(bases[:, None] + 3 * values, values)
    >>> effects.effects.ate.round(6).tolist(), round(float(effects.ice.ice[0]), 6)
    ([3.0, 6.0], 3.0)
    """
    check_choice("interval", interval, ("percentile", "bca"))
    level = check_level(level)
    draws, flips = check_count("draws", draws, 100), check_count("flips", flips, 99)
    found = cube(measured, variable, base)
    steps, times = _Steps(found, _place(found, baseline)), _times(times_s, found)

    def means(differences: Floats) -> PairedMeans:
        flat = differences.reshape(len(differences), -1)
        return paired_means(flat, level=level, interval=interval, draws=draws, flips=flips, seed=seed)

    effects = _table({"to": steps.others}, times, "ate", means(steps.effects))
    has_distances = not found.has_time if distances is None else distances
    if has_distances:
        effects = with_adjusted(effects.join(_distances(steps, level, draws, seed)), "p_wasserstein")
    effects["dropped"] = len(found.bases) - effects["pairs"]
    increments, ice, per_base = (library("pandas").DataFrame() for _ in range(3))
    if len(steps.increment_values) > 1:
        lower, upper = steps.increment_values[:-1], steps.increment_values[1:]
        increments = with_adjusted(
            _table({"from": lower, "to": upper}, times, "increment", means(steps.increments))
        )
        ice = with_adjusted(_table({}, times, "ice", means(steps.mean_increment)))
        per_base = _per_base(found, steps.mean_increment, times)
    settings = {"baseline": float(baseline), "level": level, "interval": interval, "draws": draws}
    settings |= {"flips": flips, "distances": has_distances, "seed": seed, "bases": len(found.bases)}
    return Effects(with_adjusted(effects), increments, ice, per_base, settings)


def _place(found: Cube, baseline: float) -> int:
    at = np.flatnonzero(np.isclose(found.values, baseline, rtol=0, atol=1e-9))
    known = ", ".join(f"{value:g}" for value in found.values)
    require(len(at) == 1, "baseline", f"a value of the variable ({known})", baseline)
    return int(at[0])


class _Steps:
    """Differences within bases: to the baseline, and from each value to the next."""

    def __init__(self, found: Cube, baseline: int) -> None:
        measured, values = found.measured, found.values  # (B, V, T)
        self.reference = measured[:, baseline]  # (B, T)
        self.measured = np.delete(measured, baseline, axis=1)
        self.others = np.delete(values, baseline)
        self.effects = self.measured - self.reference[:, None]
        self.increment_values = values[baseline:]
        widths = np.diff(self.increment_values)
        self.increments = np.diff(measured[:, baseline:], axis=1) / widths[:, None]
        present = np.isfinite(self.increments)
        total = np.where(present, self.increments, 0).sum(1)
        count = present.sum(1)
        self.mean_increment = np.where(count > 0, total / np.maximum(count, 1), np.nan)  # (B, T)


def _times(times_s: ArrayLike | None, found: Cube) -> Floats | None:
    if not found.has_time:
        require(times_s is None, "times_s", "none, for a measure that is one number", "times")
        return None
    length = found.measured.shape[2]
    times = np.arange(length, dtype=np.float64) if times_s is None else np.asarray(times_s, np.float64)
    require(times.shape == (length,), "times_s", f"{length} times", f"shape {times.shape}")
    return times


def _table(heads: Mapping[str, Floats], times: Floats | None, name: str, means: PairedMeans) -> Frame:
    """One row per cell: values, then times, counting fastest."""
    points = 1 if times is None else len(times)
    columns: dict[str, Any] = {head: np.repeat(values, points) for head, values in heads.items()}
    if times is not None:
        columns["time_s"] = np.tile(times, len(means.mean) // points)
    columns |= {name: means.mean, "lower": means.lower, "upper": means.upper}
    columns |= {"band_lower": means.band_lower, "band_upper": means.band_upper, "p": means.p}
    columns |= {"p_max": means.p_max, "pairs": means.pairs}
    reason = np.where(means.pairs < LEAST_BASES, f"fewer than {LEAST_BASES} bases with both values", "")
    return library("pandas").DataFrame(columns | {"reason": reason})


def _distances(steps: _Steps, level: float, draws: int, seed: int) -> Frame:
    rows = [
        distance(
            steps.measured[:, value, time], steps.reference[:, time], level=level, draws=draws, seed=seed
        )
        for value in range(len(steps.others))
        for time in range(steps.reference.shape[1])
    ]
    return library("pandas").DataFrame(
        [
            {"wasserstein": row.distance, "wasserstein_lower": row.lower}
            | {"wasserstein_upper": row.upper, "p_wasserstein": row.p}
            for row in rows
        ]
    )


def _per_base(found: Cube, ice: Floats, times: Floats | None) -> Frame:
    points = ice.shape[1]
    columns: dict[str, Any] = {"base": np.repeat(found.bases, points)}
    if times is not None:
        columns["time_s"] = np.tile(times, len(found.bases))
    return library("pandas").DataFrame(columns | {"ice": ice.reshape(-1)})
