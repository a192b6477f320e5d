"""What a layer cannot carry is NaN with a reason: every "cannot" that was measured about Praat, rate by rate."""

from __future__ import annotations

import numpy as np
import pytest
from tests.acoustics.planted import layer_of, led_by, vowel

from convscope import acoustics
from convscope.acoustics._capacity import (
    f0_reason,
    formant_reason,
    formant_settings,
    harmonicity_reason,
    intensity_reason,
    window_reason,
)

DURATION_S = 1.024
MEASURES = {
    "F0": acoustics.F0(60, 300),
    "intensity": acoustics.Intensity(),
    "formants": acoustics.Formants(report=2),
    "moments": acoustics.SpectralMoments(),
    "harmonicity": acoustics.Harmonicity(),
}
# As Praat was found to be: what it returns beyond these is made up.
CARRIED = {
    16000: {"F0", "intensity", "formants", "moments", "harmonicity"},
    4000: {"F0", "intensity", "formants", "moments", "harmonicity"},
    1000: {"intensity", "moments"},
    250: {"intensity"},
    62.5: set(),
    15.625: set(),
}


@pytest.mark.parametrize("rate_hz", CARRIED)
@pytest.mark.parametrize("name", MEASURES)
def test_the_table(rate_hz, name):
    pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
    series = layer_of(vowel(120, 16000, DURATION_S), round(16000 / rate_hz))
    table = acoustics.measure(series, MEASURES[name], rate_hz=rate_hz).table
    if name in CARRIED[rate_hz]:
        assert table["value"].notna().all()
        assert (table["reason"] == "").all()
    else:
        assert table["value"].isna().all()
        assert (table["reason"] != "").all()


@pytest.mark.parametrize(
    ("measure", "rate_hz", "reason"),
    [
        (acoustics.F0(75, 450), 1000, "the harmonics of a voice need 3000 Hz"),
        (
            acoustics.F0(75, 600),
            4000,
            "6.7 values in a period of 600 Hz, F0 needs 8: lower the ceiling to 500 Hz",
        ),
        (acoustics.F0(5, 150), 62.5, "the harmonics of a voice need 3000 Hz"),
        (acoustics.VoicedPeriods(), 1000, "the harmonics of a voice need 3000 Hz"),
        (
            acoustics.Intensity(100),
            62.5,
            "holds 4.0 values at 62.5 Hz, intensity needs 8: lower the minimum pitch to 50",
        ),
        (acoustics.Intensity(6), 4000, "window longer than the signal: intensity"),
        (acoustics.Formants(), 1000, "formants above the band: F1 and F2 need 1800 Hz"),
        (
            acoustics.SpectralMoments(750, 8000),
            4000,
            "a band up to 8000 Hz lies above the Nyquist frequency, 2000 Hz",
        ),
        (acoustics.SpectralMoments(), 250, "holds no spectrum of a sound"),
        (acoustics.Spectrogram(5000), 4000, "lies above the Nyquist frequency, 2000 Hz"),
        (acoustics.Harmonicity(), 1000, "folded harmonics count as noise"),
        (acoustics.Peaks(), 16000, "a filter up to 16000 Hz lies above the Nyquist frequency, 8000 Hz"),
        (acoustics.PeakLatency(), 1000, "2.2 values in a period of 450 Hz, a peak needs 4"),
        (acoustics.Duration(), 15.625, "a value every 64 ms cannot place edges to 20 ms"),
        (acoustics.Lag(), 8, "8 values, a course needs 16"),
    ],
)
def test_reasons_say_what_is_needed(measure, rate_hz, reason):
    assert reason in measure.cannot(rate_hz, round(DURATION_S * rate_hz))


@pytest.mark.parametrize(
    ("measure", "rate_hz"),
    [
        (acoustics.F0(75, 450), 4000),
        (acoustics.F0(60, 300), 4000),
        (acoustics.Intensity(50), 62.5),
        (acoustics.Peaks(), 32000),
        (acoustics.Duration(), 62.5),
        (acoustics.PeakLatency(60, 250), 1000),
    ],
)
def test_what_is_just_carried(measure, rate_hz):
    assert measure.cannot(rate_hz, round(DURATION_S * rate_hz)) == ""


@pytest.mark.parametrize(("factor", "least", "most"), [(1, 0, 0), (4, 0, 0.1), (16, 0.4, 1)])
def test_why_f0_has_a_limit(factor, least, most):
    """What Praat says of rectified vowels at 16, 4 and 1 kHz, unguarded: the share that is more than 1 % off."""
    parselmouth = pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
    planted_hz = np.geomspace(65, 280, 25)
    wrong = 0
    for f0_hz in planted_hz:
        layer = layer_of(vowel(f0_hz, 16000), factor)
        pitch = parselmouth.Sound(layer, 16000 / factor).to_pitch_ac(pitch_floor=60, pitch_ceiling=300)
        frames = pitch.selected_array["frequency"]
        wrong += not abs(np.median(frames[frames > 0]) / f0_hz - 1) < 0.01
    assert least <= wrong / planted_hz.size <= most


@pytest.mark.parametrize(("harmonic", "least"), [(2, 0.994), (3, 0.989), (4, 0.983)])
@pytest.mark.parametrize("f0_hz", [95, 100, 105])
def test_errors_upwards_need_a_harmonic_that_is_nearly_all(harmonic, least, f0_hz):
    """The share of the power from which Praat takes a harmonic for F0, at 16 kHz."""
    parselmouth = pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")

    def found(share):
        sound = led_by(harmonic, f0_hz, share)
        pitch = parselmouth.Sound(sound, 16000).to_pitch_ac(pitch_floor=75, pitch_ceiling=450)
        return np.median(pitch.selected_array["frequency"])

    assert found(least - 0.003) == pytest.approx(f0_hz, rel=0.01)
    assert found(least + 0.003) == pytest.approx(harmonic * f0_hz, rel=0.01)


@pytest.mark.parametrize("floor_hz", [75, 100, 60])
def test_praat_agrees_how_short_is_too_short(floor_hz):
    """One millisecond less than is asked for, and Praat refuses; what is asked for, and it does not."""
    parselmouth = pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
    cases = [
        (3 / floor_hz, f0_reason, {"ceiling_hz": 300}, lambda s: s.to_pitch_ac(pitch_floor=floor_hz)),
        (6.4 / floor_hz, intensity_reason, {}, lambda s: s.to_intensity(minimum_pitch=floor_hz)),
        (
            2 / floor_hz,
            harmonicity_reason,
            {"periods": 1.0},
            lambda s: s.to_harmonicity_cc(0.01, floor_hz, 0.1, 1.0),
        ),
    ]
    for duration_s, reason, more, ask in cases:
        enough, short = int(np.ceil(duration_s * 16000)) + 1, int(duration_s * 16000) - 16
        assert reason(16000, enough, floor_hz=floor_hz, **more) == ""
        ask(parselmouth.Sound(vowel(150, 16000, 0.5)[:enough], 16000))
        assert "window longer than the signal" in reason(16000, short, floor_hz=floor_hz, **more)
        with pytest.raises(parselmouth.PraatError):
            ask(parselmouth.Sound(vowel(150, 16000, 0.5)[:short], 16000))


def test_formants_are_asked_for_within_the_band():
    assert formant_settings(16000, count=5, maximum_hz=5000) == (5, 5000)
    assert formant_settings(8000, count=5, maximum_hz=5500) == (4, 3800)
    assert formant_settings(4000, count=5, maximum_hz=5500) == (2.5, 1900)
    for rate_hz in np.linspace(3800, 20000, 50):
        count, maximum_hz = formant_settings(rate_hz, count=5, maximum_hz=5500)
        assert maximum_hz <= min(5500, 0.475 * rate_hz)
        assert 2 <= count <= 5
    assert formant_reason(3700, 3700, window_s=0.025) != ""


def test_windows_and_signals():
    assert window_reason(16000, 1360, 0.085, "x") == ""
    assert (
        window_reason(16000, 1359, 0.085, "x")
        == "window longer than the signal: x needs 85 ms, it has 84.94 ms"
    )


def test_digital_silence_has_no_formants():
    """Praat finds 505, 1646 and 4003 Hz in it."""
    pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
    series = np.zeros(16384)
    series[8000:12000] = vowel(120, 16000, 0.25)
    marks = acoustics.Intervals(
        (acoustics.Interval(0, "silence", 0.1, 0.4), acoustics.Interval(0, "vowel", 0.52, 0.73))
    )
    measures = (
        acoustics.Formants(report=2, points=5),
        acoustics.Intensity(),
        acoustics.SpectralMoments(),
        acoustics.F0(),
    )
    table = acoustics.measure(series, *measures, rate_hz=16000, intervals=marks).table
    silence = table[(table["label"] == "silence") & (table["measure"] != "voiced")]
    assert silence["value"].isna().all()
    assert set(silence["reason"]) == {
        "no frame with sound",
        "no formant there",
        "digital silence",
        "no voiced frame",
    }
    voiced = table[table["label"] == "vowel"]
    assert voiced["value"].notna().all()
    medians = voiced.set_index("measure")["value"][["f1_median", "f2_median"]]
    assert medians.tolist() == pytest.approx([700, 1220], rel=0.05)
