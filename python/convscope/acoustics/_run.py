"""`measure`: any source, any measures, one table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ._about import about_sounds, with_about
from ._intervals import Beyond, Intervals, check_sounds
from ._measure import Measure, expect, expect_whole
from ._pool import worked_off
from ._progress import Progress, shown
from ._result import COLUMNS, Measurements, TableMaker
from ._rows import Mark, Part, Task, readings
from ._settings import settings_of, wide_columns
from ._source import Layer, Source, as_numpy, is_batch, layer_of_array, source_of
from ._spans import Span
from ._wave import Floats, Wave

BLOCK_BYTES = 32 << 20
SMALLEST_BLOCK = 16  # sounds; less is not worth a message to a process
BLOCKS_PER_WORKER = 4  # the last of them end within a quarter of the work
OUTPUT = "out"


def measure(
    source: Any,
    *measures: Measure,
    rate_hz: float | None = None,
    start_s: float = 0.0,
    intervals: Intervals | None = None,
    beyond: Beyond = "error",
    about: Any = None,
    waveform: Any = None,
    waveform_rate_hz: float | None = None,
    reduction: str | None = None,
    as_published: bool = False,
    workers: int = 1,
    progress: bool | Progress = False,
) -> Measurements:
    """Measure sounds or layer series, each value with its unit, or NaN with the reason.

    Parameters
    ----------
    source : array, Batch, WordCorpus, Series, xarray.DataTree or xarray.Dataset
        Series (L,) or (n, L), NumPy or torch; sounds of `convscope.data`; what a probe returns; or the store
        of a sweep, as `convscope.open_sweep` opens it, which is read in blocks of 32 MB.
    *measures : Measure
        Such as ``F0(75, 450)`` or ``*PRESETS["taslp-m1"]``.
    rate_hz : float
        Values per second, of an array; other sources know theirs.
    start_s : float
        Time of an array's first value.
    intervals : Intervals, optional
        Where to measure; in whole sounds unless given. Means are over frames within an interval, tracks are
        made of the whole sound.
    beyond : "error" or "clip"
        What to do with intervals that reach beyond the sound.
    about : mapping or DataFrame, optional
        What is known about each sound, n values by name: ``{"word": words, "speaker": speakers}``. They
        become columns of the table, as what a store knows of its samples does (base, z11, step).
    waveform : str, (n, L) array or Batch, optional
        For `Lag` and `PeakLatency` alone: the layer that is the waveform ("out" where there is one), or an
        array of ``waveform_rate_hz``.
    reduction : str, optional
        Which variable of a store that has several, such as "mean".
    as_published : bool
        The papers' way: series clipped at 1, drawn out to 16 kHz by straight lines and measured as if they
        were sounds, means and silence left in. Values that a layer cannot carry are there, each with the
        reason not to trust it.
    workers : int
        Processes. The values are the same bits for any number.
    progress : bool or function
        Whether to show a bar on a terminal, or a function of sounds done and all.

    Returns
    -------
    Measurements

    Raises
    ------
    ImportError
        If pandas, scipy or Praat is missing: ``pip install 'convscope[acoustics]'``.
    TypeError, ValueError
        Naming the argument, what was expected and what came.

    Examples
    --------
    >>> from convscope.acoustics import Intensity
    >>> time_s = np.arange(4096) / 4000
    >>> found = measure(np.sin(2 * np.pi * 120 * time_s), Intensity(), rate_hz=4000)
    >>> found.wide()[["intensity_mean", "intensity_max"]].round(1).values.tolist()
    [[91.0, 91.0]]
    >>> found = measure(np.zeros(64), Intensity(), rate_hz=62.5)
    >>> found.table["reason"].iloc[0]
    'the series is constant'
    >>> measure(np.random.rand(2, 4096), Intensity(), rate_hz=4000, about={"word": ["ask", "wash"]}).wide()["word"].tolist()
    ['ask', 'wash']
    """
    _expect_measures(measures)
    expect_whole("workers", workers, least=1)
    layers = source_of(source, rate_hz=rate_hz, start_s=start_s, reduction=reduction)
    known = about_sounds(layers.about, about, layers.count, taken=(*COLUMNS, *wide_columns(measures)))
    needed = [type(each).__name__ for each in measures if each.needs_waveform]
    output = _waveform(layers, waveform, waveform_rate_hz, needed)
    marks = None if intervals is None else _marks(layers, intervals, beyond)
    block = _block(layers, output, workers)
    blocks = math.ceil(layers.count / block)
    tasks = _tasks(layers, output, marks, measures, block=block, is_published=as_published)
    maker, done = TableMaker(), 0
    with shown(progress, layers.count) as tell:
        for count, rows in worked_off(tasks, workers=workers, blocks=blocks):
            maker.add(rows)
            done += count
            tell(done, layers.count)
    settings = settings_of(
        layers,
        measures,
        as_published=as_published,
        waveform=None if output is None else output.name or "given",
        intervals=None if intervals is None else len(intervals),
        sounds_without_intervals=sum(not each for each in marks or ()),
        beyond=beyond,
        about=list(known),
    )
    return Measurements(with_about(maker.table(), known), settings)


def single_values(measure: Measure, series: Floats, *, rate_hz: float) -> dict[str, Floats]:
    """One measure's single values of whole series, without a table: (..., L) to (...) by output.

    Parameters
    ----------
    measure : Measure
        One that needs no waveform.
    series : (..., L) array
        Numbers as `measure` takes them, in any arrangement.
    rate_hz : float
        Values per second.

    Returns
    -------
    dict of str to (...) float64
        Of each output with one value; NaN where it cannot be had (`measure` has the reasons). Tracks are left
        out.

    Raises
    ------
    TypeError, ValueError
        If the measure needs a waveform or has no single values, or for series that are no numbers.

    Examples
    --------
    >>> from convscope.acoustics import Intensity
    >>> single_values(Intensity(), np.ones((2, 3, 4096)), rate_hz=4000)["intensity_mean"].shape
    (2, 3)
    """
    _expect_measures((measure,))
    kind = type(measure).__name__
    names = [output.name for output in measure.outputs if output.points == 0]
    expect(not measure.needs_waveform, "measure", "one that needs no waveform", kind)
    expect(bool(names), "measure", "one with single values", kind)
    expect(0 < rate_hz < np.inf, "rate_hz", "a positive number", rate_hz)
    values = as_numpy(series)
    expect(values.ndim > 0 and values.shape[-1] > 0, "series", "(..., L) values", f"shape {values.shape}")
    found = {name: np.full(values.shape[:-1], np.nan) for name in names}
    for place in np.ndindex(values.shape[:-1]):
        wave = Wave(np.asarray(values[place], np.float64), rate_hz)
        _, (reading,) = readings(measure, wave, None, [Span(wave.begin_s, wave.end_s)], is_published=False)
        for name in names:
            found[name][place] = reading[name].values
    return found


def _expect_measures(measures: tuple[Measure, ...]) -> None:
    expect(len(measures) > 0, "measures", "at least one, such as F0(75, 450)", "none")
    for each in measures:
        if not isinstance(each, Measure):
            raise TypeError(f"measures: expected measures such as F0(75, 450), got {each!r}")
    names = [output.name for each in measures for output in each.outputs]
    twice = sorted({name for name in names if names.count(name) > 1})
    expect(not twice, "measures", "each output once", f"{', '.join(twice)} more than once")


def _waveform(layers: Source, given: Any, rate_hz: float | None, needed: list[str]) -> Layer | None:
    if not needed:
        for name, each in (("waveform", given), ("waveform_rate_hz", rate_hz)):
            expect(each is None, name, "none beside measures that need no waveform", _briefly(each))
        return None
    if is_batch(given):
        expect(rate_hz is None, "waveform_rate_hz", "none beside a batch, which knows its rate", rate_hz)
        given, rate_hz = given.waveforms, given.sample_rate_hz
    what = f"waveform of {', '.join(needed)}"
    if given is None or isinstance(given, str):
        expect(rate_hz is None, "waveform_rate_hz", "none beside a layer, which knows its rate", rate_hz)
        name = OUTPUT if given is None else given
        known = ", ".join(layer.name for layer in layers.layers)
        found = layers.layer(name)
        if found is None:
            raise ValueError(
                f"{what}: expected a layer ({known}) or an array with waveform_rate_hz, got {given!r}"
            )
        return found
    expect(rate_hz is not None, "waveform_rate_hz", "the values per second of the waveform", None)
    made = layer_of_array("", as_numpy(given), float(rate_hz or 0), 0.0)
    expect(made.count == layers.count, "waveform", f"{layers.count} sounds as in the source", made.count)
    lasts_s = made.length / made.rate_hz
    for layer in layers.layers:
        own_s = layer.length / layer.rate_hz
        is_same = abs(lasts_s - own_s) <= 1 / min(made.rate_hz, layer.rate_hz)
        expect(
            is_same,
            "waveform",
            f"sounds of {own_s:.4g} s as in {layer.name or 'the source'}",
            f"{lasts_s:.4g} s",
        )
    return made


def _briefly(given: Any) -> str:
    return repr(given) if isinstance(given, str | int | float) else type(given).__name__


def _marks(layers: Source, intervals: Intervals, beyond: Beyond) -> list[tuple[Mark, ...]]:
    """Of each sound its intervals, checked against the layer that lasts shortest."""
    begin_s = max(layer.axis.begin_s for layer in layers.layers)
    end_s = min(layer.axis.end_s for layer in layers.layers)
    check_sounds(intervals, layers.count)
    firsts = np.searchsorted([row.sound for row in intervals], np.arange(layers.count))
    made: list[list[Mark]] = [[] for _ in range(layers.count)]
    for number, row in intervals.numbered_within(begin_s, end_s, beyond=beyond):
        made[row.sound].append((number - int(firsts[row.sound]), row.label, row.span))
    return [tuple(each) for each in made]


def _block(layers: Source, output: Layer | None, workers: int) -> int:
    """Sounds that are read and sent together."""
    row_bytes = 8 * sum(layer.length for layer in (*layers.layers, *([output] if output else [])))
    most = max(BLOCK_BYTES // row_bytes, 1)
    shared = math.ceil(layers.count / (BLOCKS_PER_WORKER * workers))
    return min(most, max(shared, SMALLEST_BLOCK))


def _tasks(
    layers: Source,
    output: Layer | None,
    marks: list[tuple[Mark, ...]] | None,
    measures: tuple[Measure, ...],
    *,
    block: int,
    is_published: bool,
) -> Iterator[Task]:
    for first in range(0, layers.count, block):
        rows = slice(first, min(first + block, layers.count))
        yield Task(
            first,
            tuple(Part.of(layer, rows) for layer in layers.layers),
            None if output is None else Part.of(output, rows),
            None if marks is None else tuple(marks[rows]),
            measures,
            is_published,
        )
