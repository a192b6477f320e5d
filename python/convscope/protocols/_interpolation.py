"""One latent variable moved through values, the others fixed as in random vectors: waterfall, effects, which layers change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..acoustics import F0
from ..latents import Latents, variable
from ..plot import plot_waterfall
from ..probe import Probe
from ._effects import add_effects, method_of_effects
from ._outputs import measured_outputs, timed_layers
from ._papers import TASLP
from ._study import Study


@dataclass(frozen=True, slots=True, eq=False)
class Interpolated:
    """The variable that is interpolated, what it is set to, and the random vectors behind each value."""

    which: str
    values: NDArray[np.float64]
    behind: Latents


def add_interpolation(
    study: Study, probe: Probe, moved: Interpolated, f0: F0, output: str, workers: int, seed: int
) -> None:
    """What moving one variable does to outputs and layers."""
    which, values, behind = moved.which, moved.values, moved.behind
    section = study.section(f"Interpolation of {which}")
    design = variable(which, values, bases=behind)
    baseline = float(values[np.abs(values).argmin()])
    study.settings |= {
        "which": which,
        "values": ", ".join(f"{each:g}" for each in values),
        "bases": len(behind),
        "baseline": baseline,
    }
    first = probe.run(design[: len(values)])
    layers = [each.name for each in timed_layers(first.layers)]
    section.picture(
        "waterfall",
        f"{which} from {values.min():g} to {values.max():g}, the other variables fixed (figure 9 of the paper).",
        plot_waterfall(first, values, layers=layers[1:], label=which),
    )
    at = design.variables()
    table = measured_outputs(probe, design, f0=f0, workers=workers)
    sounds = table["sound"].to_numpy()
    named = table.assign(variable=which, base=at["base"][sounds], to=at[which][sounds])
    tests = add_effects(
        section, named, output, baseline=baseline, bases=len(behind), seed=seed, name="interpolation_"
    )
    found = tests.table
    changed = [layer for layer in layers if found.loc[found["layer"] == layer, "is_effect"].any()]
    study.finding(
        f"Interpolating one latent variable ({which}) changes every layer",
        TASLP,
        "undecided" if tests.unknown else len(changed) == len(layers),
        tests.unknown
        or f"something changes in {', '.join(changed) or 'none'} of {', '.join(layers)} (Holm, more than the measures' resolution)",
    )
    study.methods.append(
        f"{which} was set to {len(values)} values from {values.min():g} to {values.max():g}, the other variables fixed as in each of {len(behind)} random vectors, and the same measured in the longest vowel and fricative of each output and layer. {method_of_effects(baseline)}"
    )
