"""`taslp`: a generator's layers beside its output, as in Beguš and Zhou 2022, "Interpreting intermediate convolutional layers of generative CNNs trained on
waveforms" (IEEE/ACM TASLP).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.signal
from numpy.typing import ArrayLike, NDArray
from torch import nn

from .. import __version__
from ..acoustics import F0, Intervals
from ..latents import OneHot, random, variable
from ..plot import plot_overlays, plot_sounds
from ..probe import LayerInfo, Probe, Series
from ..stats import LEAST_BASES
from ._feature_maps import add_maps
from ._interpolation import Interpolated, add_interpolation
from ._layers_and_output import POINTS, SHOWN, add_classes, add_durations, add_tracks
from ._network import latent_size, network_name
from ._outputs import (
    Voice,
    longest_of_each,
    measured_series,
    output_name,
    segments,
    timed_layers,
    voice_of,
)
from ._reduplication import add_copies
from ._study import Section, Study
from ._variables import add_discovery, add_variables_and_measures

REST_HZ = 50.0  # below any voice


def taslp(
    net: nn.Module,
    *,
    outputs: int = 100,
    which: int | str | None = None,
    values: ArrayLike = tuple(range(-15, 6, 2)),
    bases: int = 25,
    f0: F0 | None = None,
    copies: int = 16,
    workers: int = 1,
    seed: int = 0,
) -> Study:
    """Ask what of the output's acoustics each layer of a generator has.

    Parameters
    ----------
    net : torch.nn.Module
        A generator.
    outputs : random outputs that are measured
    which : place or name (``"z11"``) of the latent variable that is interpolated, optional
        By default the one that most changes whether outputs have a fricative; if none does, the one that goes most clearly with any measure; else the first.
        Entries of a code are left out of this choice: far from 0 and 1 they are a place that training never saw.
    values : what it is set to; the paper's -15 to 5 in steps of 2
    bases : random vectors behind each value
    f0 : F0
        Range of F0, such as the paper's ``F0(75, 450)``; by default that of the outputs, in two passes, the first in 60-300 Hz (`convscope.acoustics.f0_range`).
    copies : outputs that are searched for stretches that come again (reduplication), a second each; 0 for none
    workers : processes for Praat
    seed : of the latent vectors and of everything that is drawn

    Returns
    -------
    Study

    Raises
    ------
    ValueError
        for a network that makes no sound, fewer than 20 outputs or 8 bases.
    """
    if outputs < 20:
        raise ValueError(f"outputs: expected at least 20, got {outputs}")
    if bases < LEAST_BASES:
        raise ValueError(f"bases: expected at least {LEAST_BASES}, got {bases}")
    if copies < 0:
        raise ValueError(f"copies: expected 0 or more, got {copies}")
    levels = np.unique(np.asarray(values, np.float64))
    if len(levels) < 2:
        raise ValueError(f"values: expected at least two different ones, got {levels.tolist()}")
    probe = Probe(net)
    output = output_name(probe.layers)
    size, code = latent_size(net, probe)
    if which is not None:
        variable(which, levels, bases=np.zeros((1, size)))  # refused now, not after all measuring
    drawn = OneHot(code) if code else None
    z = random(outputs, size=size, code=drawn, seed=seed)[:]
    series = probe.run(z)
    voice = voice_of(series, f0)
    marks = segments(series, voice.f0)
    study = _described(net, probe, outputs, voice, code, copies, seed)
    _outputs(study.section("The outputs"), series, marks, output)
    tracked = replace(voice.f0, points=POINTS)
    add_tracks(study, series, longest_of_each(marks, "vowel"), tracked, output, workers, seed)
    add_durations(study, series, output, workers)
    add_classes(study, series, marks, voice.f0, output)
    measured = measured_series(series, voice.f0, workers)
    strongest = add_variables_and_measures(study, z, measured, output, code)
    maker = add_discovery(study, z, marks, seed, code)
    chosen = _named(which) or maker or strongest or f"z{code}"
    moved = Interpolated(chosen, levels, random(bases, size=size, code=drawn, seed=seed + 1))
    add_interpolation(study, probe, moved, voice.f0, output, workers, seed)
    add_maps(study, net, probe, moved, output, seed)
    add_copies(study, series, output, copies, seed)
    return study


def _described(
    net: nn.Module, probe: Probe, outputs: int, voice: Voice, code: int, copies: int, seed: int
) -> Study:
    """What was done to which network."""
    study = Study(
        "Layers of a generator beside its output",
        f"{network_name(net)}; {outputs} random outputs; protocol taslp of convscope {__version__}",
    )
    study.settings |= {
        "network": network_name(net),
        "outputs": outputs,
        "layers": ", ".join(probe.layers.names),
        "f0": voice.text,
        "points of normalised time": POINTS,
        "code of outputs": f"one-hot of {code}" if code else "none",
        "copies": f"sought in {copies} outputs",
        "seed": seed,
        "engine": probe.engine,
    }
    study.methods.append(
        f"{outputs} latent vectors were drawn as in training; after the activation of each layer its channels were averaged (convscope {__version__})."
    )
    return study


def _outputs(section: Section, series: Series, marks: Intervals, output: str) -> None:
    sounds = np.asarray(series[output])
    rate_hz = series.layers[-1].sample_rate_hz
    section.picture(
        "outputs",
        f"The first {min(SHOWN, len(sounds))} outputs.",
        plot_sounds(sounds[:SHOWN], rate_hz, title="outputs"),
    )
    import pandas as pd

    counts = [
        {
            "class": kind,
            "outputs with it": len({each.sound for each in marks.labelled(kind)}),
            "segments": len(marks.labelled(kind)),
            "seconds": sum(each.span.duration_s for each in marks.labelled(kind)),
        }
        for kind in ("vowel", "fricative", "silence")
    ]
    section.table(
        "classes_of_outputs",
        "Classes of sound in the outputs: periodic, aperiodic, silent",
        pd.DataFrame(counts),
    )
    inner = [each for each in timed_layers(series.layers) if each.name != output][-3:]
    if not inner:
        return
    _layer_as_sound(section, series, inner[-1])
    loudest = int(np.abs(sounds).max(1).argmax())
    section.picture(
        "overlays",
        f"Output {loudest} and the layers before it (figures 4 and 5 of the paper).",
        plot_overlays(series, loudest, [each.name for each in inner], output=output),
    )


def _layer_as_sound(section: Section, series: Series, layer: LayerInfo) -> None:
    """The layer before the output, without the level that it rests at: the mean of a slice would leave that in silence, as a bar at 0 Hz."""
    if layer.rate_hz < 4 * REST_HZ:
        section.left_out(f"{layer.name} as a sound", f"It has {layer.rate_hz:g} values per second.")
        return
    heard = above_rest(np.asarray(series[layer.name], np.float64)[:SHOWN], layer.rate_hz)
    section.picture(
        "layer_as_sound",
        f"The same outputs in {layer.name}, its series as if they were sounds, above {REST_HZ:g} Hz (figure 8 of the paper).",
        plot_sounds(
            heard / np.maximum(np.abs(heard).max(1, keepdims=True), 1e-12),
            round(layer.rate_hz),
            title=layer.name,
        ),
    )


def above_rest(series: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """(n, L) above `REST_HZ`, without delay."""
    sections = scipy.signal.butter(2, REST_HZ, "highpass", fs=rate_hz, output="sos")
    found: NDArray[np.float64] = scipy.signal.sosfiltfilt(sections, series, axis=1)
    return found


def _named(which: int | str | None) -> str | None:
    return None if which is None else which if isinstance(which, str) else f"z{which}"
