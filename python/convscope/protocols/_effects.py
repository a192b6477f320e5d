"""Effects of latent variables on measures: tables, tests and pictures that `cdev` and `taslp` share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..plot import plot_effects
from ..stats import LEAST_BASES, adjust, effects_of_table
from ._items import DataFrame
from ._outputs import KINDS
from ._study import Section

LEVEL = 0.05
FLIPS = 19_999  # of signs: p-values small enough to survive a correction for hundreds of tests
LEAST_SHARE = 0.5  # of the bases must have a measure
# Absolute, and as a share of the value at the baseline, by unit: what a measure can tell. A network without noise has effects of any size.
RESOLUTION: Mapping[str, tuple[float, float]] = {
    "s": (0.01, 0.0),
    "Hz": (0.0, 0.01),
    "dB": (0.2, 0.0),
    "": (0.0, 0.01),
}
KEYS = ["variable", "measure", "layer"]


@dataclass(frozen=True, slots=True, eq=False)
class EffectTests:
    """``table``: of each variable, measure and layer whether there is an effect. ``unknown``: why nothing could be certain; "" where it could."""

    table: DataFrame
    unknown: str


def add_effects(
    section: Section, table: DataFrame, output: str, *, baseline: float, bases: int, seed: int, name: str = ""
) -> EffectTests:
    """Put the effects of variables on measures into a section.

    Parameters
    ----------
    table : DataFrame (variable, base, to, layer, measure, value, unit, reason)
    """
    kept, missing = _measurable(table, bases)
    if not len(kept):
        reason = "No measure could be had for at least half of the bases: the outputs may be silent."
        section.left_out("Effects", reason)
        return EffectTests(table[:0].assign(is_effect=False), reason)
    units = dict(zip(kept["measure"], kept["unit"], strict=True))
    found = effects_of_table(
        kept, variable="to", base="base", by=KEYS, baseline=baseline, flips=FLIPS, distances=False, seed=seed
    )
    effects = _beside_baseline(found.effects, kept, baseline)
    tests = _tests(effects, found.ice, units)
    _draw(section, effects, baseline, units, output, name)
    smallest = 2 / 2.0**bases if 2.0**bases <= FLIPS else 1 / (FLIPS + 1)
    unknown = ""
    if smallest * len(tests) >= LEVEL:
        unknown = (
            f"{bases} bases give no p-value below {smallest:.2g}, and there are {len(tests)} rows to correct for: nothing can be certain. "
            "Take more bases."
        )
        section.text(f"Note: {unknown}")
    section.table(
        f"{name}tests",
        "Which variable changes what: p over the values of a variable by the largest |t|, of those that change more than the measure can tell "
        "(resolution), then Holm over all rows. ice: mean change per unit, from the baseline upwards; largest: of the values' changes; at_baseline: the mean there",
        tests,
        shown=[*KEYS, "is_effect", "p_holm", "ice", "lower", "upper", "largest", "at_baseline"],
    )
    section.table(
        f"{name}effects",
        "Mean change against the baseline (ate) for each value, with 95 % intervals and simultaneous bands",
        effects,
        shown=[*KEYS, "to", "ate", "lower", "upper", "band_lower", "band_upper", "p_max", "pairs"],
    )
    if len(missing):
        section.table(
            f"{name}not_measured",
            "What could not be measured in at least half of the bases, and why",
            missing,
        )
    return EffectTests(tests, unknown)


def _tests(effects: DataFrame, ice: DataFrame, units: dict[str, str]) -> DataFrame:
    """One row for each variable, measure and layer, effects first."""
    least = [RESOLUTION[units[measure]] for measure in effects["measure"]]
    resolution = [
        max(absolute, share * abs(at))
        for (absolute, share), at in zip(least, effects["at_baseline"], strict=True)
    ]
    sized = effects.assign(size=effects["ate"].abs(), resolution=resolution)
    sized["p"] = sized["p_max"].where(
        sized["size"] >= sized["resolution"], 1.0
    )  # large and certain at one and the same value
    groups = sized.groupby(KEYS, sort=False)
    table = groups.agg(
        p=("p", "min"),
        largest=("size", "max"),
        at_baseline=("at_baseline", "first"),
        resolution=("resolution", "first"),
    ).reset_index()
    table = table.merge(ice[[*KEYS, "ice", "lower", "upper"]], on=KEYS, how="left")
    table["p_holm"] = adjust(table["p"].to_numpy(), "holm")
    table["is_effect"] = table["p_holm"] < LEVEL
    order = [
        *KEYS,
        "is_effect",
        "p_holm",
        "ice",
        "lower",
        "upper",
        "largest",
        "at_baseline",
        "resolution",
        "p",
    ]
    by = ["is_effect", "p_holm"]
    table = table.sort_values(by, ascending=[False, True], kind="stable", ignore_index=True)
    return table[order]


def _measurable(table: DataFrame, bases: int) -> tuple[DataFrame, DataFrame]:
    """Groups that have enough values, and the others with their most frequent reason."""
    import pandas as pd

    kept, missing = [], []
    for key, part in table.groupby(KEYS, sort=False):
        per_value = part[part["value"].notna()].groupby("to")["base"].nunique()
        if len(per_value) == part["to"].nunique() and per_value.min() >= max(
            LEAST_BASES, LEAST_SHARE * bases
        ):
            kept.append(part)
            continue
        reasons = part.loc[part["reason"] != "", "reason"]
        reason = reasons.mode().iloc[0] if len(reasons) else "too few outputs have one"
        missing.append(dict(zip(KEYS, key, strict=True)) | {"reason": reason})
    said = pd.DataFrame(missing, columns=[*KEYS, "reason"])
    counted = (
        said.groupby(["measure", "layer", "reason"], sort=False)["variable"]
        .count()
        .rename("variables")
        .reset_index()
    )
    return (pd.concat(kept, ignore_index=True) if kept else table[:0]), counted


def _beside_baseline(effects: DataFrame, table: DataFrame, baseline: float) -> DataFrame:
    """Beside each effect the mean at the baseline, so that it can be read as a share."""
    at = table[np.isclose(table["to"], baseline)].groupby(KEYS)["value"].mean()
    return effects.merge(at.rename("at_baseline").reset_index(), on=KEYS)


def _draw(
    section: Section, effects: DataFrame, baseline: float, units: dict[str, str], output: str, name: str
) -> None:
    at_output = effects[(effects["layer"] == output) & ~effects["measure"].str.startswith("activation")]
    if len(at_output):
        named = [f"{each} ({units[each]})" if units[each] else each for each in at_output["measure"]]
        section.picture(
            f"{name}effects_output",
            "Effects at the output: mean change against the baseline; bands are simultaneous over the values of a variable.",
            plot_effects(at_output.assign(measure=named), baseline=baseline, title="effects at the output"),
        )
    for kind in KINDS:
        own = effects[effects["measure"] == f"activation in the {kind}"]
        own = own[own["at_baseline"] > 0]
        if len(own):
            share = 100 / own["at_baseline"].to_numpy()
            section.picture(
                f"{name}effects_{kind}_layers",
                f"Effects on the mean activation of each layer within the {kind}, in per cent of the baseline's.",
                plot_effects(
                    own.assign(**{each: own[each] * share for each in ("ate", "band_lower", "band_upper")}),
                    baseline=baseline,
                    panel="layer",
                    title=f"activation in the {kind}, by layer",
                    remarks="per cent of the baseline, with simultaneous 95 % bands",
                ),
            )


def method_of_effects(baseline: float) -> str:
    """How effects were tested, for the methods of a study."""
    least = ", ".join(
        f"{absolute:g} {unit}" if absolute else f"{share:.0%} of a value in {unit or 'activation'}"
        for unit, (absolute, share) in RESOLUTION.items()
    )
    return (
        f"Effects are means of differences within bases against {baseline:g}; intervals come from resampling bases, p-values from flipping signs of "
        f"differences ({FLIPS} patterns, or all), over the values of a variable by the largest |t|, corrected by Holm's method over all variables, measures "
        f"and layers; changes below what a measure can tell ({least}) were not counted, nor measures that fewer than half of the bases have."
    )
