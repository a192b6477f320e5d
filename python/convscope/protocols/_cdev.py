"""`cdev`: what single latent variables do, as in Beguš, Leban and Gero 2023, "Approaching an unknown communication system by latent space exploration
and causal inference" (arXiv 2303.10931): marginal values far beyond the training range, the same bases behind each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from torch import nn

from .. import __version__
from ..acoustics import F0
from ..latents import OneHot, random, variable
from ..plot import plot_effects
from ..probe import Probe
from ..stats import adjust, effects_of_table
from ._network import latent_size, network_name
from ._outputs import KINDS, measured_outputs, output_name
from ._study import DataFrame, Section, Study

PAPER = "Beguš, Leban and Gero 2023"
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


def cdev(
    net: nn.Module,
    *,
    variables: Sequence[int | str] | None = None,
    values: ArrayLike = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0),
    baseline: float = 0.0,
    bases: int = 50,
    f0: F0 | None = None,
    workers: int = 1,
    seed: int = 0,
    on_chunk: Callable[[int, int], None] | None = None,
) -> Study:
    """Ask what each latent variable causes, at which layer.

    Parameters
    ----------
    net : torch.nn.Module
        A generator.
    variables : places or names (``"z3"``), optional
        The code's entries by default; all where there is no code.
    values : what each is set to, ``baseline`` among them
    baseline : the value that others are compared with
    bases : random vectors, the same behind each value
    f0 : F0
        Range of F0; 75-450 Hz by default.
    workers : processes for Praat
    seed : of the bases and resamples
    on_chunk : called with outputs done and all

    Returns
    -------
    Study

    Raises
    ------
    ValueError
        for values without the baseline, too few bases, a network that makes no sound.
    """
    f0 = f0 or F0()
    levels = np.unique(np.asarray(values, np.float64))
    if not np.isclose(levels, baseline).any() or len(levels) < 2:
        raise ValueError(
            f"values: expected several, the baseline {baseline:g} among them, got {levels.tolist()}"
        )
    if bases < 8:
        raise ValueError(f"bases: expected at least 8, got {bases}")
    probe = Probe(net)
    output = output_name(probe.layers)
    size, code = latent_size(net, probe)
    chosen = list(variables) if variables is not None else list(range(code or size))
    behind = random(bases, size=size, code=OneHot(code) if code else None, seed=seed)
    tables = []
    for number, which in enumerate(chosen):
        design = variable(which, levels, bases=behind)
        name, at = next(iter(design.axes)), design.variables()

        def tell(done: int, every: int, before: int = number * len(design)) -> None:
            if on_chunk is not None:
                on_chunk(before + done, len(chosen) * every)

        table = measured_outputs(probe, design, f0=f0, workers=workers, on_chunk=tell)
        sounds = table["sound"].to_numpy()
        tables.append(table.assign(variable=name, base=at["base"][sounds], to=at[name][sounds]))
    study = Study(
        "What latent variables do",
        f"{network_name(net)}; {len(chosen)} variables at {len(levels)} values, {bases} bases; protocol cdev of convscope {__version__}",
    )
    study.settings |= {
        "network": network_name(net),
        "variables": ", ".join(each["variable"].iloc[0] for each in tables),
        "values": ", ".join(f"{each:g}" for each in levels),
        "baseline": baseline,
        "bases": bases,
        "code in bases": f"one-hot of {code}" if code else "none",
        "F0 range": f"{f0.floor_hz:g}-{f0.ceiling_hz:g} Hz",
        "seed": seed,
        "engine": probe.engine,
    }
    study.methods.append(
        f"Each of {len(chosen)} latent variables was set to {len(levels)} values from {levels[0]:g} to {levels[-1]:g}, all other variables fixed as in "
        f"{bases} random vectors, the same for each value. Outputs were divided into vowels, fricatives and silence; F0 (Praat, {f0.floor_hz:g}-{f0.ceiling_hz:g} Hz), intensity, "
        "spectral moments and mean activation were measured in the longest vowel and fricative of each, at the output and at every layer that carries "
        f"them. Effects are means of differences within bases against {baseline:g}; intervals come from resampling bases, p-values from flipping signs of "
        "differences, over the values of a variable by the largest |t|, corrected by Holm's method over all variables, measures and layers; effects below what a "
        "measure can tell (0.01 s, 0.2 dB, 1 %) were not counted."
    )
    import pandas as pd

    _effects(study, pd.concat(tables, ignore_index=True), output, baseline, bases, seed)
    return study


def _effects(study: Study, table: DataFrame, output: str, baseline: float, bases: int, seed: int) -> None:
    keys = ["variable", "measure", "layer"]
    kept, missing = _measurable(table, keys, bases)
    section = study.section("Effects on the output and its layers")
    if not len(kept):
        section.left_out(
            "Effects", "No measure could be had for at least half of the bases: the outputs may be silent."
        )
        study.finding(
            "Latent variables have causal effects on the output", PAPER, None, "nothing could be measured"
        )
        return
    units = dict(zip(kept["measure"], kept["unit"], strict=True))
    found = effects_of_table(
        kept, variable="to", base="base", by=keys, baseline=baseline, flips=FLIPS, distances=False, seed=seed
    )
    effects = _beside_baseline(found.effects, kept, keys, baseline)
    tests = _tests(effects, found.ice, units, keys)
    section.table(
        "tests",
        "Which variable changes what: p over the values of a variable by the largest |t|, then Holm over all rows; an effect is also "
        "larger than what the measure can tell (resolution)",
        tests,
    )
    section.table(
        "effects",
        "Mean change against the baseline (ate) for each value, with 95 % intervals and simultaneous bands",
        effects,
    )
    _draw(section, effects, units, output)
    if len(missing):
        section.table(
            "not_measured", "What could not be measured in at least half of the bases, and why", missing
        )
    _findings(study, tests, output)


def _tests(effects: DataFrame, ice: DataFrame, units: dict[str, str], keys: list[str]) -> DataFrame:
    """One row for each variable, measure and layer, effects first."""
    groups = effects.assign(size=effects["ate"].abs()).groupby(keys, sort=False)
    table = groups.agg(
        p=("p_max", "min"), largest=("size", "max"), at_baseline=("at_baseline", "first")
    ).reset_index()
    least = [RESOLUTION[units[measure]] for measure in table["measure"]]
    table["resolution"] = [
        max(absolute, share * abs(at))
        for (absolute, share), at in zip(least, table["at_baseline"], strict=True)
    ]
    table = table.merge(ice[[*keys, "ice", "lower", "upper"]], on=keys, how="left")
    table["p_holm"] = adjust(table["p"].to_numpy(), "holm")
    table["is_effect"] = (table["p_holm"] < LEVEL) & (table["largest"] >= table["resolution"])
    return table.sort_values(
        ["is_effect", "p_holm"], ascending=[False, True], kind="stable", ignore_index=True
    )


def _measurable(table: DataFrame, keys: list[str], bases: int) -> tuple[DataFrame, DataFrame]:
    """Groups that have enough values, and the others with their most frequent reason."""
    import pandas as pd

    kept, missing = [], []
    for key, part in table.groupby(keys, sort=False):
        per_value = part[part["value"].notna()].groupby("to")["base"].nunique()
        if len(per_value) == part["to"].nunique() and per_value.min() >= max(8, LEAST_SHARE * bases):
            kept.append(part)
            continue
        reasons = part.loc[part["reason"] != "", "reason"]
        reason = reasons.mode().iloc[0] if len(reasons) else "too few outputs have one"
        missing.append(dict(zip(keys, key, strict=True)) | {"reason": reason})
    said = pd.DataFrame(missing, columns=[*keys, "reason"])
    counted = (
        said.groupby(["measure", "layer", "reason"], sort=False)["variable"]
        .count()
        .rename("variables")
        .reset_index()
    )
    return (pd.concat(kept, ignore_index=True) if kept else table[:0]), counted


def _beside_baseline(effects: DataFrame, table: DataFrame, keys: list[str], baseline: float) -> DataFrame:
    """Beside each effect the mean at the baseline, so that it can be read as a share."""
    at = table[np.isclose(table["to"], baseline)].groupby(keys)["value"].mean()
    return effects.merge(at.rename("at_baseline").reset_index(), on=keys)


def _draw(section: Section, effects: DataFrame, units: dict[str, str], output: str) -> None:
    curves = effects.rename(columns={"ate": "effect", "band_lower": "low", "band_upper": "high"})
    curves = curves.drop(columns=["lower", "upper"]).rename(columns={"low": "lower", "high": "upper"})
    at_output = curves[(curves["layer"] == output) & ~curves["measure"].str.startswith("activation")]
    if len(at_output):
        named = [f"{each} ({units[each]})" if units[each] else each for each in at_output["measure"]]
        section.picture(
            "effects_output",
            "Effects at the output: mean change against the baseline; bands are simultaneous over the values of a variable.",
            plot_effects(
                at_output.assign(measure=named),
                x="to",
                x_label="value of the variable",
                title="effects at the output",
            ),
        )
    for kind in KINDS:
        own = curves[curves["measure"] == f"activation in the {kind}"]
        own = own[own["at_baseline"] > 0]
        if len(own):
            share = 100 / own["at_baseline"].to_numpy()
            scaled = own.assign(**{name: own[name] * share for name in ("effect", "lower", "upper")})
            section.picture(
                f"effects_{kind}_layers",
                f"Effects on the mean activation of each layer within the {kind}, in per cent of the baseline's.",
                plot_effects(
                    scaled,
                    x="to",
                    x_label="value of the variable",
                    panel="layer",
                    title=f"activation in the {kind}, by layer",
                    remarks="per cent of the baseline, with simultaneous 95 % bands",
                ),
            )


def _findings(study: Study, tests: DataFrame, output: str) -> None:
    certain = tests[tests["is_effect"]]
    at_output = certain[certain["layer"] == output]
    evidence = "; ".join(
        f"{variable}: {', '.join(dict.fromkeys(part['measure']))}"
        for variable, part in at_output.groupby("variable", sort=False)
    )
    study.finding(
        "Single latent variables have causal effects on the output",
        PAPER,
        len(at_output) > 0,
        evidence or "no measure of the output changes after correction",
    )
    inner = certain[certain["layer"] != output]
    layers = ", ".join(
        f"{layer} ({part['variable'].nunique()} variables)"
        for layer, part in inner.groupby("layer", sort=False)
    )
    study.finding(
        "Their effects are there in intermediate layers, too",
        "Beguš and Zhou 2022 (TASLP)",
        len(inner) > 0,
        layers or "no layer changes after correction",
    )
