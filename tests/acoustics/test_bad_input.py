"""Bad input: an error that names the argument, or NaN with the reason."""

from __future__ import annotations

import numpy as np
import pytest
from tests.acoustics.planted import vowel

from convscope import acoustics
from convscope.acoustics import F0, Intensity, Interval, Intervals, _formants

SOUND = vowel(120, 16000, 0.5)
EVERY_MEASURE = (
    acoustics.F0(points=3),
    acoustics.Intensity(points=3),
    acoustics.Formants(points=3),
    acoustics.Duration(),
    acoustics.VoicedPeriods(),
    acoustics.SpectralMoments(slices=2),
    acoustics.Spectrogram(bands=2, points=3),
    acoustics.Harmonicity(),
    acoustics.Peaks(1000, 7000),
    acoustics.PeakLatency(),
    acoustics.Lag(),
    acoustics.Envelope(),
)


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (np.where(np.arange(8000) == 50, np.nan, SOUND), "1 of 8000 values are not finite"),
        (np.where(np.arange(8000) > 7990, np.inf, SOUND), "9 of 8000 values are not finite"),
        (np.zeros(8000), "the series is constant"),
        (np.full(8000, 0.7), "the series is constant"),
    ],
)
def test_what_is_no_sound_is_nan_in_every_measure(spoilt, reason):
    found = acoustics.measure(spoilt, *EVERY_MEASURE, rate_hz=16000, waveform=SOUND, waveform_rate_hz=16000)
    assert found.table["value"].isna().all()
    assert (found.table["reason"] == reason).all()
    assert set(found.table["measure"]) == {output.name for each in EVERY_MEASURE for output in each.outputs}


@pytest.mark.parametrize("waveform", [np.full(8000, np.nan), np.zeros(8000)])
def test_a_waveform_that_is_no_sound_is_the_reason(waveform):
    measures = acoustics.PeakLatency(), acoustics.Lag()
    table = acoustics.measure(
        SOUND, *measures, rate_hz=16000, waveform=waveform, waveform_rate_hz=16000
    ).table
    assert table["value"].isna().all()
    assert table["reason"].astype(str).str.startswith("the waveform: ").all()


@pytest.mark.parametrize(
    ("source", "settings", "message"),
    [
        (np.empty((0, 100)), {"rate_hz": 100}, "source: expected at least one value"),
        (np.empty((2, 0)), {"rate_hz": 100}, "source: expected at least one value"),
        (
            np.ones((2, 3, 4)),
            {"rate_hz": 100},
            r"source: expected series \(L,\) or \(n, L\), got shape \(2, 3, 4\)",
        ),
        (
            np.stack([SOUND] * 3).T,
            {"rate_hz": 16000},
            r"a row for each sound .* sounds of 0.188 ms .* transpose it",
        ),
        (SOUND, {}, "rate_hz: expected the values per second of an array"),
        (SOUND, {"rate_hz": 0}, "rate_hz: expected a positive number"),
        (SOUND, {"rate_hz": 16000, "workers": 0}, "workers: expected 1 or more"),
    ],
)
def test_sources_are_checked(source, settings, message):
    with pytest.raises(ValueError, match=message):
        acoustics.measure(source, Intensity(), **settings)


@pytest.mark.parametrize("source", ["sound.wav", {"a": SOUND}, None, np.array(["a"])])
def test_what_is_no_source_is_a_type_error(source):
    with pytest.raises(TypeError, match="source: expected"):
        acoustics.measure(source, Intensity(), rate_hz=16000)


@pytest.mark.parametrize(
    ("measures", "message"),
    [
        ((), "measures: expected at least one"),
        (
            (F0(75, 450), F0(60, 300)),
            "measures: expected each output once, got f0_mean, f0_median, voiced more than",
        ),
        (
            (acoustics.Lag(),),
            r"waveform of Lag: expected a layer \(\) or an array with waveform_rate_hz, got None",
        ),
    ],
)
def test_measures_are_checked(measures, message):
    with pytest.raises(ValueError, match=message):
        acoustics.measure(SOUND, *measures, rate_hz=16000)


def test_a_class_is_no_measure():
    with pytest.raises(TypeError, match="measures: expected measures such as F0"):
        acoustics.measure(SOUND, F0, rate_hz=16000)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: F0(450, 75),
            "floor_hz, ceiling_hz: expected a floor below the ceiling, both positive, got 450 and 75",
        ),
        (lambda: acoustics.VoicedPeriods(300, 300), "a floor below the ceiling"),
        (lambda: acoustics.PeakLatency(0, 300), "a floor below the ceiling"),
        (lambda: acoustics.ClassSettings(300, 100), "a floor below the ceiling"),
        (lambda: acoustics.ClassSettings(window_s=0.01), "window_s: expected two periods of the floor"),
        (lambda: F0(points=-1), "points: expected 0 or more, a whole number, got -1"),
        (lambda: F0(points=2.5), "points: expected 0 or more, a whole number, got 2.5"),
        (lambda: F0(points=True), "points: expected 0 or more, a whole number, got True"),
        (lambda: Intensity(points=2.5), "points: expected 0 or more"),
        (lambda: acoustics.Formants(points=2.5), "points: expected 0 or more"),
        (lambda: acoustics.Formants(report=1.5), "report: expected 1 or more"),
        (lambda: acoustics.Envelope(points=2.5), "points: expected 1 or more"),
        (lambda: acoustics.Spectrogram(points=2.5), "points: expected 1 or more"),
        (lambda: acoustics.Spectrogram(bands=2.5), "bands: expected 1 or more"),
        (lambda: acoustics.SpectralMoments(slices=2.5), "slices: expected 1 or more"),
        (lambda: acoustics.ClassSettings(shortest_s=-1), "shortest_s: expected 0 or more, got -1"),
        (lambda: Intensity(0), "floor_hz: expected a positive number"),
        (lambda: acoustics.Formants(report=6), "report: expected 1 to 5, got 6"),
        (lambda: acoustics.Formants(count=2.3), "count: expected 1 or more, in halves, got 2.3"),
        (lambda: acoustics.SpectralMoments(800, 700), "low_hz, high_hz: expected a band"),
        (lambda: acoustics.SpectralMoments(slices=0), "slices: expected 1 or more"),
        (lambda: acoustics.Spectrogram(bands=0), "bands: expected 1 or more"),
        (lambda: acoustics.Spectrogram(points=0), "points: expected 1 or more"),
        (lambda: acoustics.Peaks(0, 100), "low_hz, high_hz: expected a band above 0 Hz"),
        (lambda: acoustics.Peaks(height=0), "height, gap_s: expected positive numbers"),
        (lambda: acoustics.Duration(threshold_db=1), "threshold_db: expected a negative number"),
        (lambda: acoustics.Lag(maximum_s=0), "maximum_s, smoothing_s: expected positive numbers"),
        (lambda: acoustics.Harmonicity(step_s=0), "expected positive numbers"),
        (
            lambda: Interval(0, "s", 0.2, 0.1),
            "interval 's': expected a start before the end, got 0.2 to 0.1 s",
        ),
        (lambda: Interval(-1, "s", 0.1, 0.2), "sound: expected a row from 0"),
    ],
)
def test_parameters_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_annotation_beyond_the_sound_is_refused_or_clipped():
    marks = Intervals((Interval(0, "a", 0.1, 0.3), Interval(0, "b", 0.4, 0.9), Interval(0, "c", 0.7, 0.9)))
    with pytest.raises(
        ValueError, match=r"within the sound, -3.125e-05 to 0.5 s, got 'b' of sound 0 from 0.4 to 0.9 s"
    ):
        acoustics.measure(SOUND, Intensity(), rate_hz=16000, intervals=marks)
    found = acoustics.measure(SOUND, Intensity(), rate_hz=16000, intervals=marks, beyond="clip")
    assert found.wide()["label"].tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="beyond: expected 'error' or 'clip', got 'cut'"):
        acoustics.measure(SOUND, Intensity(), rate_hz=16000, intervals=marks, beyond="cut")


def test_an_annotation_of_a_sound_that_is_not_there_is_refused():
    marks = Intervals((Interval(3, "a", 0.1, 0.3),))
    with pytest.raises(ValueError, match="intervals: expected sounds below 1, got one of sound 3"):
        acoustics.measure(SOUND, Intensity(), rate_hz=16000, intervals=marks)


def test_an_interval_between_two_positions_has_a_reason():
    marks = Intervals((Interval(0, "a", 0.101, 0.102),))
    series = np.random.default_rng(0).random(100)
    table = acoustics.measure(series, Intensity(20), rate_hz=100, intervals=marks).table
    assert set(table["reason"]) == {"no value of the series in the interval"}


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "parselmouth", None)
    with pytest.raises(ImportError, match=r"pip install 'convscope\[acoustics\]'"):
        acoustics.measure(SOUND, F0(), rate_hz=16000)


def test_the_ripple_of_single_precision_is_no_sound():
    flat = np.full(8000, np.float32(0.7))
    flat[::2] = np.nextafter(flat[0], np.float32(1))
    for as_published in (False, True):
        table = acoustics.measure(flat, Intensity(), rate_hz=16000, as_published=as_published).table
        assert table["value"].isna().all()
        assert (table["reason"] == "the series is constant up to rounding").all()
    louder = acoustics.measure(0.7 + 1e-4 * SOUND, Intensity(), rate_hz=16000).table
    assert louder["value"].notna().all()


def test_sounds_as_columns_are_refused_and_short_sounds_are_not():
    columns = np.random.default_rng(0).standard_normal((16000, 2))
    with pytest.raises(ValueError, match=r"source: expected a row for each sound .* transpose it"):
        acoustics.measure(columns, Intensity(), rate_hz=16000)
    many = np.random.default_rng(0).standard_normal((200, 39))
    found = acoustics.measure(many, acoustics.Envelope(2), rate_hz=4000)
    assert found.table["value"].notna().all()


def test_clicks_count_where_no_stretch_is_too_short():
    found = acoustics.measure(SOUND, acoustics.Duration(shortest_s=0), rate_hz=16000).wide()
    assert found["duration"].iloc[0] == pytest.approx(0.5, abs=0.005)


def test_an_interval_between_two_frames_is_not_called_unvoiced():
    pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
    marks = Intervals((Interval(0, "v", 0.2021, 0.2059),))
    table = acoustics.measure(SOUND, F0(75, 450), rate_hz=16000, intervals=marks).table
    assert set(table["reason"]) == {"no frame of the track in the interval"}


def test_what_praat_refuses_is_the_reason(monkeypatch):
    parselmouth = pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")

    class Refusing:
        def to_formant_burg(self, **_):
            raise parselmouth.PraatError("Sound too short.\n\n  Formants not computed.\n")

    monkeypatch.setattr(_formants, "sound_of", lambda wave: Refusing())
    table = acoustics.measure(SOUND, acoustics.Formants(report=1), rate_hz=16000).table
    assert table["value"].isna().all()
    assert set(table["reason"]) == {"Praat: Sound too short. Formants not computed."}


def test_presets_are_listed_where_there_is_none():
    with pytest.raises(KeyError, match=r"PRESETS: expected one of taslp-m1, taslp-m3, .* got 'taslp-1'"):
        acoustics.PRESETS["taslp-1"]
    assert "taslp-1" not in acoustics.PRESETS


@pytest.mark.parametrize(
    ("measure", "series", "settings", "message"),
    [
        (acoustics.Lag(), SOUND, {"rate_hz": 16000}, "measure: expected one that needs no waveform, got Lag"),
        (acoustics.Envelope(), SOUND, {"rate_hz": 16000}, "measure: expected one with single values, got Envelope"),
        (Intensity(), SOUND, {"rate_hz": 0}, "rate_hz: expected a positive number, got 0"),
        (Intensity(), np.zeros((2, 0)), {"rate_hz": 16000}, r"series: expected \(..., L\) values, got shape \(2, 0\)"),
    ],
)  # fmt: skip
def test_single_values_are_checked(measure, series, settings, message):
    with pytest.raises(ValueError, match=message):
        acoustics.single_values(measure, series, **settings)


def test_single_values_scale_samples():
    samples = np.round(SOUND * 32768).astype(np.int16)
    ours, theirs = (acoustics.single_values(Intensity(), each, rate_hz=16000) for each in (samples, SOUND))
    assert ours["intensity_mean"] == pytest.approx(theirs["intensity_mean"], abs=0.01)
