"""From a block of sounds to rows of values with reasons: a pure function, the same in any process and for any block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ._measure import Measure, Output, Reading, Refusal
from ._source import Layer
from ._spans import Span
from ._wave import Floats, Wave, as_published, with_means

_UNNAMED = "not defined here"
_NONE, _FIRST = np.array([np.nan]), np.zeros(1, np.int32)
Mark = tuple[int, str, Span]  # number of the interval within its sound, label, time


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some sounds of a layer, as another process gets them."""

    name: str
    rate_hz: float
    start_s: float
    field_start_s: float | None
    values: Floats  # (n, L)

    @classmethod
    def of(cls, layer: Layer, rows: slice) -> Part:
        """Read from the source."""
        return cls(layer.name, layer.rate_hz, layer.start_s, layer.field_start_s, layer.read(rows))

    def wave(self, i: int) -> Wave:
        """One of them."""
        return Wave(self.values[i], self.rate_hz, self.start_s, self.field_start_s)


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A block of sounds with all that is asked of them. ``marks``: of each sound its intervals; None for whole sounds."""

    first: int
    parts: tuple[Part, ...]
    waveform: Part | None
    marks: tuple[tuple[Mark, ...], ...] | None
    measures: tuple[Measure, ...]
    as_published: bool

    @property
    def count(self) -> int:
        """Sounds."""
        return len(self.parts[0].values)


@dataclass(slots=True)
class Rows:
    """Rows of the table, an entry for each output of an interval: what its ``count`` rows share, and what each has of its own.

    ``there`` is the reason of a value that is there, ``missing`` that of NaN.
    """

    sound: list[int] = field(default_factory=list)
    layer: list[str] = field(default_factory=list)
    rate_hz: list[float] = field(default_factory=list)
    interval: list[int] = field(default_factory=list)
    label: list[str] = field(default_factory=list)
    start_s: list[float] = field(default_factory=list)
    end_s: list[float] = field(default_factory=list)
    measure: list[str] = field(default_factory=list)
    unit: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    count: list[int] = field(default_factory=list)
    point: list[NDArray[np.int32]] = field(default_factory=list)
    time_s: list[Floats] = field(default_factory=list)
    frequency_hz: list[Floats] = field(default_factory=list)
    value: list[Floats] = field(default_factory=list)

    def add(
        self, sound: int, part: Part, mark: Mark, output: Output, reading: Reading, untrusted: str
    ) -> None:
        """One entry."""
        self.sound.append(sound)
        self.layer.append(part.name)
        self.rate_hz.append(part.rate_hz)
        self.interval.append(mark[0])
        self.label.append(mark[1])
        self.start_s.append(mark[2].start_s)
        self.end_s.append(mark[2].end_s)
        self.measure.append(output.name)
        self.unit.append(output.unit)
        self.there.append(untrusted)
        self.missing.append(reading.reason or untrusted or _UNNAMED)
        if isinstance(reading.values, float):  # most are
            self._add(np.array([reading.values]), _FIRST, _NONE, _NONE)
            return
        values = np.asarray(reading.values, np.float64)  # (points,) or (points, bands)
        times_s = _NONE if reading.times_s is None else reading.times_s
        if not values.size:  # that there is none is a result, too
            values, times_s = _NONE, _NONE
        frequencies_hz = _NONE if reading.frequencies_hz is None else reading.frequencies_hz
        bands = frequencies_hz.size
        self._add(
            values.ravel(),
            np.repeat(np.arange(len(values), dtype=np.int32), bands),
            np.repeat(times_s, bands),
            np.tile(frequencies_hz, len(values)),
        )

    def _add(
        self, values: Floats, points: NDArray[np.int32], times_s: Floats, frequencies_hz: Floats
    ) -> None:
        self.count.append(values.size)
        self.value.append(values)
        self.point.append(points)
        self.time_s.append(times_s)
        self.frequency_hz.append(frequencies_hz)

    def packed(self) -> Rows:
        """The same with one array in place of many: less to send to another process."""
        return replace(
            self,
            point=[np.concatenate(self.point)],
            time_s=[np.concatenate(self.time_s)],
            frequency_hz=[np.concatenate(self.frequency_hz)],
            value=[np.concatenate(self.value)],
        )


def rows_of(task: Task) -> Rows:
    """All rows of a block, by sound, layer, measure, interval and output."""
    made = Rows()
    for i in range(task.count):
        waveform = None if task.waveform is None else task.waveform.wave(i)
        for part in task.parts:
            wave = part.wave(i)
            marks = [(0, "", Span(wave.begin_s, wave.end_s))] if task.marks is None else task.marks[i]
            for measure in task.measures if marks else ():
                spans = [mark[2] for mark in marks]
                untrusted, found = readings(measure, wave, waveform, spans, is_published=task.as_published)
                for mark, each in zip(marks, found, strict=True):
                    for output in measure.outputs:
                        made.add(task.first + i, part, mark, output, each[output.name], untrusted)
    return made.packed() if made.count else made


def readings(
    measure: Measure, wave: Wave, waveform: Wave | None, spans: Sequence[Span], *, is_published: bool
) -> tuple[str, list[dict[str, Reading]]]:
    """Why values should not be trusted, and the readings of each interval."""
    trouble = wave.trouble()
    reason = measure.cannot(wave.rate_hz, wave.values.size)
    untrusted = measure.untrusted(wave.rate_hz, wave.values.size) if is_published else ""
    if is_published and not trouble:
        wave = as_published(wave)
        waveform = None if waveform is None else with_means(waveform)
        reason = measure.cannot(wave.rate_hz, wave.values.size)  # of 16 kHz, which is all that was looked at
    if trouble or reason:
        return untrusted, list(_nothing(measure, spans, trouble or reason))
    try:
        track = measure.track(wave, waveform)
    except Refusal as refusal:
        return untrusted, list(_nothing(measure, spans, str(refusal)))
    found = []
    for span in spans:
        held = wave.part(span.start_s, span.end_s).values.size
        if held:
            found.append(dict(measure.read(track, wave, span)))
        else:
            found += _nothing(measure, [span], "no value of the series in the interval")
    return untrusted, found


def _nothing(measure: Measure, spans: Sequence[Span], reason: str) -> Iterator[dict[str, Reading]]:
    """NaN for every output, with as many points as there would be."""
    for span in spans:
        yield {
            output.name: Reading(np.full(output.points, np.nan), span.points_s(output.points), reason)
            if output.points
            else Reading(np.nan, reason=reason)
            for output in measure.outputs
        }
