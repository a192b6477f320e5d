"""Classes of sound, frame by frame: vowels repeat themselves, fricatives do not, stops are silent.

The periodicity of a frame is the highest value of its autocorrelation within the range of F0, divided by the
window's own (Boersma 1993). On an average after ReLU the mean of a frame says nothing, so the level is that
of what varies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._capacity import f0_reason
from ._intervals import Interval, Intervals
from ._measure import expect, expect_range
from ._source import Layer, layer_of_array, one_layer
from ._spans import Span
from ._wave import Floats, Wave

SoundClass: TypeAlias = Literal["vowel", "fricative", "silence"]
CLASSES: tuple[SoundClass, ...] = ("vowel", "fricative", "silence")
BLOCK_VALUES = 1 << 20  # of frames that are looked at together


@dataclass(frozen=True, slots=True)
class ClassSettings:
    """When a frame is what.

    Attributes
    ----------
    floor_hz, ceiling_hz : float
        Range of F0 in which a frame may repeat itself.
    window_s, step_s : float
        Frames; a window must hold two periods of the lowest F0.
    silence_db : float
        Below the loudest frame a frame is silence.
    periodicity : float
        From here on a frame is a vowel, else a fricative; 0.45 is also where Praat hears voice.
    shortest_s : float
        Segments shorter than this are given to what is before them.
    """

    floor_hz: float = 60.0
    ceiling_hz: float = 450.0
    window_s: float = 0.035
    step_s: float = 0.005
    silence_db: float = -35.0
    periodicity: float = 0.45
    shortest_s: float = 0.02

    def __post_init__(self) -> None:
        expect_range(self.floor_hz, self.ceiling_hz)
        least_s = 2 / self.floor_hz
        expect(
            self.window_s >= least_s, "window_s", f"two periods of the floor, {least_s:.4g}", self.window_s
        )
        expect(self.step_s > 0, "step_s", "a positive number", self.step_s)
        expect(self.silence_db < 0, "silence_db", "a negative number", self.silence_db)
        expect(0 < self.periodicity < 1, "periodicity", "a number between 0 and 1", self.periodicity)
        expect(self.shortest_s >= 0, "shortest_s", "0 or more", self.shortest_s)


@dataclass(frozen=True, slots=True, eq=False)
class ClassFrames:
    """Frames of one sound: (frames,) times, level in dB below the loudest, periodicity up to 1, and class.

    Where a series cannot carry classes there are no frames, and ``reason`` says why.
    """

    times_s: Floats
    level_db: Floats
    periodicity: Floats
    classes: NDArray[np.str_]
    reason: str = ""


def classify(
    series: Any, *, rate_hz: float, start_s: float = 0.0, settings: ClassSettings | None = None
) -> ClassFrames:
    """Frames of one series as vowel, fricative or silence.

    Parameters
    ----------
    series : (L,) or (1, L) array
        Numbers as `measure` takes them, NumPy or torch.
    rate_hz : float
        Values per second.
    start_s : float
        Time of the first value.
    settings : ClassSettings, optional
        When a frame is what.

    Returns
    -------
    ClassFrames
        One for each ``step_s``; none, with the reason, where the series is no sound or its rate or length cannot
        carry classes.

    Raises
    ------
    TypeError, ValueError
        For more than one series, values that are no numbers, or a rate that is not positive.

    Examples
    --------
    >>> time_s = np.arange(8000) / 16000
    >>> frames = classify(np.sin(2 * np.pi * 120 * time_s) * (time_s > 0.25), rate_hz=16000)
    >>> frames.classes[[5, -5]].tolist()
    ['silence', 'vowel']
    """
    layer = layer_of_array("", series, rate_hz, start_s)
    expect(layer.count == 1, "series", "one (L,); find_segments takes many", f"{layer.count} of them")
    return frames_of(next(layer.waves()), settings or ClassSettings())


def frames_of(wave: Wave, settings: ClassSettings) -> ClassFrames:
    """As `classify`, of a wave."""
    reason = wave.trouble() or f0_reason(
        wave.rate_hz, wave.values.size, floor_hz=settings.floor_hz, ceiling_hz=settings.ceiling_hz
    )
    if reason:
        nothing = np.empty(0)
        return ClassFrames(nothing, nothing, nothing, np.empty(0, np.str_), reason)
    length = round(settings.window_s * wave.rate_hz)
    centres = np.arange(0, wave.values.size, settings.step_s * wave.rate_hz).astype(int)
    padded = np.pad(wave.values, length, mode="edge")
    most = max(BLOCK_VALUES // length, 1)
    blocks = [centres[first : first + most] for first in range(0, centres.size, most)]
    periodicity, power = map(
        np.concatenate,
        zip(*(_looked_at(padded, block, wave.rate_hz, settings) for block in blocks), strict=True),
    )
    with np.errstate(divide="ignore"):
        level_db = 10 * np.log10(power / power.max())
    is_voiced = periodicity >= settings.periodicity
    classes = np.where(level_db < settings.silence_db, "silence", np.where(is_voiced, "vowel", "fricative"))
    return ClassFrames(wave.start_s + centres / wave.rate_hz, level_db, periodicity, classes)


def find_segments(
    source: Any,
    *,
    layer: str | None = None,
    rate_hz: float | None = None,
    start_s: float = 0.0,
    reduction: str | None = None,
    settings: ClassSettings | None = None,
) -> Intervals:
    """Segments of all sounds, labelled "vowel", "fricative" or "silence".

    Parameters
    ----------
    source, rate_hz, start_s, reduction
        As for `measure`.
    layer : str, optional
        Which layer, of a source that has several: mostly "out".
    settings : ClassSettings, optional
        Range of F0 in Hz, windows and shortest segment in s, thresholds.

    Returns
    -------
    Intervals
        From the beginning of each sound to its end, without gaps. A sound without anything in it has none.

    Raises
    ------
    TypeError
        For what is no source.
    ValueError
        If the source has several layers and none is named, or the layer's rate or length cannot carry classes.

    Examples
    --------
    >>> time_s = np.arange(8000) / 16000
    >>> voice_then_nothing = np.sin(2 * np.pi * 120 * time_s) * (time_s < 0.25)
    >>> find_segments(voice_then_nothing, rate_hz=16000)
    Intervals(2 in 1 sound: vowel 1, silence 1)
    """
    chosen = settings or ClassSettings()
    found = one_layer(source, layer, rate_hz=rate_hz, start_s=start_s, reduction=reduction)
    reason = f0_reason(found.rate_hz, found.length, floor_hz=chosen.floor_hz, ceiling_hz=chosen.ceiling_hz)
    expect(not reason, "layer", "one that carries classes of sound", reason)
    return found_in(found, lambda wave: segments_of(frames_of(wave, chosen), chosen.shortest_s))


def found_in(layer: Layer, find: Callable[[Wave], Iterable[tuple[str, Span]]]) -> Intervals:
    """What is found in each sound of a layer, cut to it.

    A share of half a value before the sound's zero is none of it.
    """
    made = [
        Interval(sound, name, span.start_s, span.end_s)
        for sound, wave in enumerate(layer.waves())
        for name, span in find(wave)
    ]
    begin_s = layer.axis.begin_s if layer.start_s < 0 else max(layer.axis.begin_s, 0.0)
    return Intervals(tuple(made)).within(begin_s, layer.axis.end_s, beyond="clip")


def segments_of(frames: ClassFrames, shortest_s: float) -> list[tuple[str, Span]]:
    """Runs of frames of one class; what is shorter is given to what is before it, or after it at the beginning."""
    if frames.times_s.size < 2:
        return []
    step_s = float(frames.times_s[1] - frames.times_s[0])
    edges = np.flatnonzero(frames.classes[1:] != frames.classes[:-1]) + 1
    found: list[tuple[str, Span]] = []
    for first, last in zip([0, *edges], [*edges, frames.classes.size], strict=True):
        name = str(frames.classes[first])
        span = Span(float(frames.times_s[first]) - step_s / 2, float(frames.times_s[last - 1]) + step_s / 2)
        is_short = span.duration_s < shortest_s - 1e-9
        if found and (is_short or found[-1][0] == name):
            found[-1] = (found[-1][0], Span(found[-1][1].start_s, span.end_s))
        elif found and len(found) == 1 and found[0][1].duration_s < shortest_s - 1e-9:
            found[0] = (name, Span(found[0][1].start_s, span.end_s))
        else:
            found.append((name, span))
    return found


def _looked_at(
    padded: Floats, centres: NDArray[np.intp], rate_hz: float, settings: ClassSettings
) -> tuple[Floats, Floats]:
    """(frames,) periodicity and power in windows around these places."""
    length = round(settings.window_s * rate_hz)
    rows = padded[centres[:, None] + length - length // 2 + np.arange(length)]  # (frames, window)
    rows = rows - rows.mean(1, keepdims=True)
    # Levels over a third of the window: a stop's edge is sharper than a period is long.
    middle = rows[:, length // 3 : length - length // 3]
    return _periodicity(rows, rate_hz, settings), middle.var(1)


def _periodicity(rows: Floats, rate_hz: float, settings: ClassSettings) -> Floats:
    """(frames,) highest normalised autocorrelation between one period of the ceiling and one of the floor."""
    length = rows.shape[1]
    window = np.hanning(length + 2)[1:-1]
    size = 1 << (2 * length - 1).bit_length()
    own = np.fft.irfft(np.abs(np.fft.rfft(window, size)) ** 2)
    spectra = np.abs(np.fft.rfft(rows * window, size, axis=1)) ** 2
    correlation = np.fft.irfft(spectra, axis=1)
    lags = np.arange(int(rate_hz / settings.ceiling_hz), min(int(rate_hz / settings.floor_hz) + 1, length))
    energy = correlation[:, :1]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (correlation[:, lags] / energy) / (own[lags] / own[0])
    highest: Floats = np.where(energy[:, 0] > 0, found.max(1), 0.0)
    return highest
