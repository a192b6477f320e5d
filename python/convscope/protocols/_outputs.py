"""What a generator says, measured: its output and its layers, within the vowel and the fricative of each output, in one tidy table.

Classes of sound are found on the output. Of each the longest segment is taken, without its edges, so that one value per sound, layer and
measure remains, which is what effects are computed of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..acoustics import (
    F0,
    ClassSettings,
    Intensity,
    Interval,
    Intervals,
    SpectralMoments,
    f0_range,
    find_segments,
    measure,
)
from ..latents import Design
from ..probe import LayerInfo, LayerTable, Probe, Series
from ._items import DataFrame

CHUNK = 256  # sounds at a time
FIRST_PASS = F0(
    60, 300
)  # the range of the paper's first model; in a wider one harmonics are taken for F0 so often that quartiles move
EDGE = 0.15  # of a segment, left out at either end
LEAST_DB = -50.0  # re full scale: below, an output is silent
KINDS = ("vowel", "fricative")
_NAMES = {
    "f0_median": "F0",
    "intensity_mean": "intensity",
    "cog": "centre of gravity",
    "spectral_sd": "spectral deviation",
}


def output_name(layers: LayerTable) -> str:
    """The layer that makes the waveform.

    Raises
    ------
    ValueError
        where none does.
    """
    last = layers[-1]
    if not last.has_clock or last.channels != 1 or last.length != last.slice_len:
        shape = f"{last.length or 'no'} positions x {last.channels} channels"
        raise ValueError(
            f"net: expected a generator, whose last layer is a waveform, got {last.name} with {shape}"
        )
    return last.name


@dataclass(frozen=True, slots=True)
class Voice:
    """The range of F0 that a study looks at, and how it was found."""

    f0: F0
    how: str

    @property
    def text(self) -> str:
        """For settings and methods."""
        return f"{self.f0.floor_hz:g}-{self.f0.ceiling_hz:g} Hz, {self.how}"


def voice_of(series: Series, given: F0 | None) -> Voice:
    """The range given, or that of the outputs in two passes: too wide a one has jumps by octaves, and correlations made of them."""
    if given is not None:
        return Voice(F0(given.floor_hz, given.ceiling_hz), "as given")
    try:
        found = f0_range(series, layer=output_name(series.layers), first=FIRST_PASS)
    except ValueError as error:
        return Voice(F0(), f"the paper's ({error})")
    return Voice(
        F0(found.floor_hz, found.ceiling_hz),
        f"from quartiles of a first pass in {FIRST_PASS.floor_hz:g}-{FIRST_PASS.ceiling_hz:g} Hz",
    )


def measured_outputs(
    probe: Probe,
    design: Design | NDArray[np.float32],
    *,
    f0: F0,
    workers: int = 1,
    on_chunk: Callable[[int, int], None] | None = None,
) -> DataFrame:
    """Measures of every row of a design, made and measured in chunks.

    Returns
    -------
    DataFrame (sound, layer, measure, value, unit, reason)
        Of the output the seconds of each class. Of every layer, within the vowel and the fricative, the mean absolute activation, and where it carries
        them F0, intensity, and centre and deviation of the spectrum. A value that cannot be had is NaN, with the reason.
    """
    import pandas as pd

    tables = []
    for first in range(0, len(design), CHUNK):
        rows = np.asarray(design[slice(first, first + CHUNK)])
        table = measured_series(probe.run(rows), f0, workers)
        tables.append(table.assign(sound=table["sound"] + first))
        if on_chunk is not None:
            on_chunk(min(first + CHUNK, len(design)), len(design))
    return pd.concat(tables, ignore_index=True)


def segments(series: Series, f0: F0) -> Intervals:
    """Vowels, fricatives and silences of the outputs; a silent output has none."""
    output = output_name(series.layers)
    settings = ClassSettings(floor_hz=f0.floor_hz, ceiling_hz=f0.ceiling_hz)
    sounds = np.asarray(series[output])
    loud = np.abs(sounds).max(1) >= 10 ** (LEAST_DB / 20)
    found = find_segments(series, layer=output, settings=settings)
    return Intervals(tuple(each for each in found if loud[each.sound]))


def longest_of_each(marks: Intervals, kind: str) -> Intervals:
    """Of each sound the longest segment of a kind."""
    longest: dict[int, Interval] = {}
    for each in marks.labelled(kind):
        if each.sound not in longest or each.span.duration_s > longest[each.sound].span.duration_s:
            longest[each.sound] = each
    return Intervals(tuple(longest.values()))


def inner_parts(marks: Intervals, kind: str) -> Intervals:
    """Of each sound the longest segment of a kind, without its edges."""
    edges_s = [(each, EDGE * each.span.duration_s) for each in longest_of_each(marks, kind)]
    return Intervals(
        tuple(
            replace(each, start_s=each.start_s + edge_s, end_s=each.end_s - edge_s)
            for each, edge_s in edges_s
        )
    )


def measured_series(series: Series, f0: F0, workers: int) -> DataFrame:
    """`measured_outputs` of what is probed already."""
    import pandas as pd

    output, marks = output_name(series.layers), segments(series, f0)
    parts = [_seconds(marks, output, len(np.asarray(series[output])))]
    measures = {
        "vowel": (f0, Intensity(f0.floor_hz)),
        "fricative": (Intensity(f0.floor_hz), SpectralMoments()),
    }
    for kind in KINDS:
        own = inner_parts(marks, kind)
        parts.append(_activations(series, own, kind))
        if len(own):
            found = measure(series, *measures[kind], intervals=own, workers=workers).table
            kept = found[found["measure"].isin(_NAMES)]
            parts.append(
                pd.DataFrame(
                    {
                        "sound": kept["sound"],
                        "layer": kept["layer"].astype(str),
                        "measure": [f"{_NAMES[each]} of the {kind}" for each in kept["measure"].astype(str)],
                        "value": kept["value"],
                        "unit": kept["unit"].astype(str),
                        "reason": kept["reason"].astype(str),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def _seconds(marks: Intervals, output: str, count: int) -> DataFrame:
    """How long each class sounds."""
    import pandas as pd

    tables = []
    for kind in KINDS:
        total = np.zeros(count)
        for each in marks.labelled(kind):
            total[each.sound] += each.span.duration_s
        named = {"layer": output, "measure": f"seconds of {kind}s", "value": total, "unit": "s", "reason": ""}
        tables.append(pd.DataFrame({"sound": np.arange(count), **named}))
    return pd.concat(tables, ignore_index=True)


def _activations(series: Series, marks: Intervals, kind: str) -> DataFrame:
    """Mean absolute value of each layer within the intervals; where a layer has no position in one, the nearest."""
    import pandas as pd

    rows = []
    for layer in series.layers:
        if not layer.has_clock:
            continue
        times_s, values = layer.times_s(), np.asarray(series[layer.name], np.float64)
        for each in marks:
            inside = (times_s >= each.start_s) & (times_s <= each.end_s)
            if not inside.any():
                inside = np.arange(len(times_s)) == np.abs(times_s - (each.start_s + each.end_s) / 2).argmin()
            rows.append((each.sound, layer.name, float(np.abs(values[each.sound, inside]).mean())))
    table = pd.DataFrame(rows, columns=["sound", "layer", "value"])
    return table.assign(measure=f"activation in the {kind}", unit="", reason="")


def timed_layers(layers: LayerTable) -> list[LayerInfo]:
    """Those with a time axis."""
    return [each for each in layers if each.has_clock]
