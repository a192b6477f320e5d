"""`cdev`: what single latent variables do, as in Beguš, Leban and Gero 2023, "Approaching an unknown communication system by latent space exploration
and causal inference" (arXiv 2303.10931): marginal values far beyond the training range, the same bases behind each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from .. import __version__
from ..acoustics import F0
from ..latents import Latents, OneHot, random, variable
from ..plot import plot_effects
from ..probe import Probe
from ..stats import LEAST_BASES, causal_effects
from ._effects import EffectTests, add_effects, method_of_effects
from ._items import Answer, DataFrame
from ._network import latent_size, network_name
from ._outputs import Voice, measured_outputs, output_name, timed_layers, voice_of
from ._papers import CDEV, TASLP
from ._study import Study

FEW = 4  # variables whose effects are told one by one
PARTS = 32  # of a layer's time


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
        Range of F0; by default that of the outputs of the bases, in two passes, the first in 60-300 Hz (`convscope.acoustics.f0_range`).
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
    levels = np.unique(np.asarray(values, np.float64))
    if not np.isclose(levels, baseline).any() or len(levels) < 2:
        raise ValueError(
            f"values: expected several, the baseline {baseline:g} among them, got {levels.tolist()}"
        )
    if bases < LEAST_BASES:
        raise ValueError(f"bases: expected at least {LEAST_BASES}, got {bases}")
    probe = Probe(net)
    output = output_name(probe.layers)
    size, code = latent_size(net, probe)
    chosen = list(variables) if variables is not None else list(range(code or size))
    names = [next(iter(variable(each, levels, bases=np.zeros((1, size))).axes)) for each in chosen]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"variables: expected at least one, each once, got {', '.join(names) or 'none'}")
    behind = random(bases, size=size, code=OneHot(code) if code else None, seed=seed)
    voice = voice_of(probe.run(behind[:]), f0)
    table = _measured(probe, chosen, levels, behind, voice.f0, workers, on_chunk)
    study = _described(net, probe, table, levels, baseline, code, voice, len(behind), seed)
    section = study.section("Effects on the output and its layers")
    tests = add_effects(section, table, output, baseline=baseline, bases=bases, seed=seed)
    _findings(study, tests, output)
    strongest = list(dict.fromkeys(tests.table.loc[tests.table["is_effect"], "variable"]))[:FEW]
    extreme = float(max(levels, key=lambda value: (abs(value - baseline), value)))
    _over_time(study, probe, strongest, extreme, baseline, behind, seed)
    return study


def _measured(
    probe: Probe,
    chosen: Sequence[int | str],
    levels: NDArray[np.float64],
    behind: Latents,
    f0: F0,
    workers: int,
    on_chunk: Callable[[int, int], None] | None,
) -> DataFrame:
    """Measures of the outputs at each value of each variable, with the columns variable, base and to."""
    import pandas as pd

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
    return pd.concat(tables, ignore_index=True)


def _described(
    net: nn.Module,
    probe: Probe,
    table: DataFrame,
    levels: NDArray[np.float64],
    baseline: float,
    code: int,
    voice: Voice,
    bases: int,
    seed: int,
) -> Study:
    """What was done to which network."""
    names = list(table["variable"].unique())
    study = Study(
        "What latent variables do",
        f"{network_name(net)}; {len(names)} variables at {len(levels)} values, {bases} bases; protocol cdev of convscope {__version__}",
    )
    study.settings |= {
        "network": network_name(net),
        "variables": ", ".join(names),
        "values": ", ".join(f"{each:g}" for each in levels),
        "baseline": baseline,
        "bases": bases,
        "code in bases": f"one-hot of {code}" if code else "none",
        "f0": voice.text,
        "seed": seed,
        "engine": probe.engine,
    }
    study.methods.append(
        f"Each of {len(names)} latent variables was set to {len(levels)} values from {levels[0]:g} to {levels[-1]:g}, all other variables fixed as in "
        f"{bases} random vectors, the same for each value. Outputs were divided into vowels, fricatives and silence; F0 (Praat, {voice.text}), intensity, "
        "spectral moments and mean absolute activation were measured in the longest vowel and fricative of each, at the output and at every layer that carries "
        f"them. {method_of_effects(baseline)}"
    )
    return study


def _over_time(
    study: Study,
    probe: Probe,
    variables: Sequence[str],
    value: float,
    baseline: float,
    behind: Latents,
    seed: int,
) -> None:
    """When in a layer the effects are: differences of its series, averaged over at most `PARTS` equal parts."""
    import pandas as pd

    section = study.section("When")
    if not variables:
        section.left_out("Effects over time", "No variable has an effect.")
        return
    tables = []
    for name in variables:
        series = probe.run(variable(name, sorted((baseline, value)), bases=behind)[:])
        for layer in timed_layers(series.layers):
            parts = min(PARTS, layer.length)
            values = np.abs(np.asarray(series[layer.name], np.float64))  # (bases * 2, L)
            held = layer.length // parts * parts
            means = values[:, :held].reshape(len(behind), 2, parts, -1).mean(3)
            times_s = layer.times_s()[:held].reshape(parts, -1).mean(1)
            found = causal_effects(
                means,
                sorted((baseline, value)),
                baseline=baseline,
                times_s=times_s,
                distances=False,
                seed=seed,
            )
            tables.append(found.effects.assign(variable=name, layer=layer.name))
    table = pd.concat(tables, ignore_index=True)
    section.table(
        "over_time",
        f"Mean change of activation when a variable is set to {value:g}, against {baseline:g}, by layer and time",
        table,
    )
    section.picture(
        "over_time",
        f"Change of each layer's activation over time, from {baseline:g} to {value:g}; bands are simultaneous over time.",
        plot_effects(
            table,
            x="time_s",
            x_label="time (s)",
            panel="layer",
            line="variable",
            title=f"effects over time: {baseline:g} to {value:g}",
        ),
    )


def _findings(study: Study, tests: EffectTests, output: str) -> None:
    claim = "Single latent variables have causal effects on the output"
    too = ("Their effects are there in intermediate layers, too", TASLP)
    certain = tests.table[tests.table["is_effect"]]
    at_output = certain[certain["layer"] == output]
    if not len(at_output):
        verdict: Answer = "undecided" if tests.unknown else False
        study.finding(
            claim, CDEV, verdict, tests.unknown or "no measure of the output changes after correction"
        )
        study.finding(
            *too, None, "no variable has an effect on the output that could be looked for in layers"
        )
        return
    groups = [
        (name, list(dict.fromkeys(part["measure"])))
        for name, part in at_output.groupby("variable", sort=False)
    ]
    is_short = len(groups) <= FEW
    evidence = "; ".join(f"{name}: {', '.join(each) if is_short else len(each)}" for name, each in groups)
    if not is_short:
        evidence = f"measures of the output that each changes (tables/tests.csv): {evidence}"
    study.finding(claim, CDEV, True, evidence)
    there = {name for name, _ in groups}
    inner = certain[(certain["layer"] != output) & certain["variable"].isin(there)]
    layers = ", ".join(
        f"{layer} ({part['variable'].nunique()} of {len(there)} variables)"
        for layer, part in inner.groupby("layer", sort=False)
    )
    study.finding(*too, len(inner) > 0, layers or "no layer changes after correction")
