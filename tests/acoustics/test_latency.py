"""Planted delays are found, period by period and over the whole course, on each layer's own clock."""

from __future__ import annotations

import numpy as np
import pytest
from tests.acoustics.planted import noise, placed, vowel

import convscope as cs
from convscope import acoustics
from convscope.acoustics import Lag, PeakLatency
from convscope.data import Batch

pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
RATE_HZ = 16000
WAVEFORM = placed(vowel(120, RATE_HZ, 0.6), RATE_HZ, 0.2, 1.024)


def late(factor, delay_s):
    """The waveform that much later, by its spectrum, rectified and averaged."""
    frequencies_hz = np.fft.rfftfreq(WAVEFORM.size, 1 / RATE_HZ)
    shifted = np.fft.irfft(
        np.fft.rfft(WAVEFORM) * np.exp(-2j * np.pi * frequencies_hz * delay_s), WAVEFORM.size
    )
    return np.maximum(shifted, 0).reshape(-1, factor).mean(1)


def measured(factor, delay_s, *measures, waveform=WAVEFORM):
    settings = {"rate_hz": RATE_HZ / factor, "start_s": (factor - 1) / 2 / RATE_HZ}
    return acoustics.measure(
        late(factor, delay_s), *measures, waveform=waveform, waveform_rate_hz=RATE_HZ, **settings
    )


@pytest.mark.parametrize("delay_s", [-0.001, 0.0, 0.0005, 0.0018])
@pytest.mark.parametrize("factor", [1, 4])
def test_peaks_of_periods(factor, delay_s):
    found = measured(factor, delay_s, PeakLatency())
    assert found.wide()["peak_latency_mean"].iloc[0] == pytest.approx(delay_s, abs=3e-5)
    each = found.only("peak_latency")
    assert len(each) == pytest.approx(0.6 * 120, abs=2)
    assert each["value"].to_numpy() == pytest.approx(delay_s, abs=1e-4)
    assert each["time_s"].between(0.2, 0.8).all()


@pytest.mark.parametrize("delay_s", [-0.012, 0.0, 0.0005, 0.01])
@pytest.mark.parametrize(
    ("factor", "tolerance_s"), [(1, 1e-4), (4, 1e-4), (16, 1e-4), (64, 2e-4), (256, 1.2e-3)]
)
def test_lags(factor, tolerance_s, delay_s):
    row = measured(factor, delay_s, Lag()).wide().iloc[0]
    assert row["lag"] == pytest.approx(delay_s, abs=tolerance_s)
    assert row["lag_correlation"] > 0.99


def test_periods_of_an_interval_only():
    marks = acoustics.Intervals((acoustics.Interval(0, "v", 0.3, 0.4),))
    found = acoustics.measure(
        WAVEFORM, PeakLatency(), rate_hz=RATE_HZ, waveform=WAVEFORM, waveform_rate_hz=RATE_HZ, intervals=marks
    )
    assert len(found.only("peak_latency")) == pytest.approx(12, abs=1)
    assert found.only("peak_latency")["value"].abs().max() == 0


def test_a_wave_that_peaks_downwards():
    found = measured(4, 0.0005, PeakLatency(), waveform=-WAVEFORM).wide().iloc[0]
    upwards = measured(4, 0.0005, PeakLatency()).wide().iloc[0]
    assert found["peak_latency_mean"] == pytest.approx(upwards["peak_latency_mean"], abs=1e-4)


def test_without_voice_there_is_no_latency():
    hiss = noise(500, 8000, RATE_HZ)
    settings = {"rate_hz": RATE_HZ, "waveform": hiss, "waveform_rate_hz": RATE_HZ}
    table = acoustics.measure(hiss, PeakLatency(), **settings).table
    assert table["value"].isna().all()
    assert set(table["reason"]) == {"no glottal period"}


def test_a_lag_beyond_the_search_is_none():
    table = measured(16, 0.04, Lag(maximum_s=0.02)).table
    assert table["value"].isna().all()
    assert set(table["reason"]) == {"no maximum within 0.02 s"}


def test_latencies_are_from_the_centres_of_fields():
    """A network of identity would answer at once; a convolution's offset is known, and no lateness."""
    spec = cs.models.preset("tf1-ciwgan", role="discriminator", dim=2)
    net = cs.models.build(spec, seed=2).eval()
    for block in net.modules():  # each layer passes its input on by its middle tap
        for weight in (p for name, p in block.named_parameters(recurse=False) if p.ndim == 3):
            weight.data.zero_()
            weight.data[:, 0, weight.shape[-1] // 2] = 1
        for bias in (p for name, p in block.named_parameters(recurse=False) if name == "bias"):
            bias.data.zero_()
    series = cs.fast_probe(net, np.float32(WAVEFORM)[None], layers="conv1")
    info = series.info("conv1")
    offset_s = info.field_centres_s()[0] - info.times_s()[0]
    found = acoustics.measure(series, PeakLatency(), waveform=WAVEFORM, waveform_rate_hz=RATE_HZ)
    latency_s = found.wide()["peak_latency_mean"].iloc[0]
    assert abs(offset_s) > 1e-5, "else this test would not see the difference"
    assert latency_s == pytest.approx(0, abs=6e-5)
    assert found.settings["layers"]["conv1"]["field_start_s"] == info.field_centres_s()[0]


def test_a_waveform_of_another_length_is_refused():
    sound = WAVEFORM
    with pytest.raises(
        ValueError, match=r"waveform: expected sounds of 1.024 s as in the source, got 0.512 s"
    ):
        acoustics.measure(sound, Lag(), rate_hz=RATE_HZ, waveform=sound[:8192], waveform_rate_hz=RATE_HZ)
    with pytest.raises(ValueError, match=r"expected sounds of 1.024 s as in the source, got 2.048 s"):
        acoustics.measure(sound, Lag(), rate_hz=RATE_HZ, waveform=sound, waveform_rate_hz=RATE_HZ / 2)


def test_what_does_not_follow_the_waveform_has_no_lag():
    """Each value is what the waveform's 0.05 s before and after leave: correlations are negative, least so at no lag."""
    rng, decay, shift = np.random.default_rng(0), np.exp(-0.001 / 0.07), 50
    course = np.zeros(20_100)
    for i, push in enumerate(rng.standard_normal(20_099)):
        course[i + 1] = decay * course[i] + push
    course = course - course.min() + 1
    waveform, around = course[shift:-shift], course[2 * shift :] + course[: -2 * shift]
    layer = around.max() + 1 - around
    found = acoustics.measure(layer, Lag(), rate_hz=1000, waveform=waveform, waveform_rate_hz=1000).table
    assert found["value"].isna().all()
    assert set(found["reason"]) == {"the layer does not follow the waveform"}
    rising, falling = np.linspace(0, 1, 1024), np.linspace(1, 0, 1024)
    found = acoustics.measure(rising, Lag(), rate_hz=1000, waveform=falling, waveform_rate_hz=1000).table
    assert set(found["reason"]) == {"no maximum within 0.05 s"}


@pytest.mark.parametrize("factor", [1, 4])
def test_as_published_delays_are_the_same(factor):
    settings = {"rate_hz": RATE_HZ / factor, "start_s": (factor - 1) / 2 / RATE_HZ}
    found = acoustics.measure(
        late(factor, 0.0005),
        PeakLatency(),
        Lag(),
        waveform=WAVEFORM,
        waveform_rate_hz=RATE_HZ,
        as_published=True,
        **settings,
    )
    assert found.wide()["peak_latency_mean"].iloc[0] == pytest.approx(0.0005, abs=1e-4)
    assert found.wide()["lag"].iloc[0] == pytest.approx(0.0005, abs=1e-4)
    assert set(found.table["reason"]) == {""}


def test_as_published_a_waveform_is_asked_for_what_it_cannot_carry():
    slow = late(8, 0.0)  # 2000 Hz: no F0 but for the papers
    settings = {"rate_hz": 2000, "waveform": slow, "waveform_rate_hz": 2000}
    guarded = acoustics.measure(slow, PeakLatency(75, 300), **settings).table
    assert guarded["reason"].tolist() == [
        "the waveform: a rate of 2000 Hz cannot carry F0: the harmonics of a voice need 3000 Hz"
    ] * len(guarded)
    published = acoustics.measure(slow, PeakLatency(75, 300), as_published=True, **settings)
    assert published.wide()["peak_latency_mean"].iloc[0] == pytest.approx(0, abs=5e-4)


def test_a_waveform_may_be_a_batch():
    batch = Batch(np.float32(WAVEFORM)[None], ("a",), RATE_HZ, np.array([WAVEFORM.size]))
    layer = np.float32(late(4, 0.001))[None]
    settings = {"rate_hz": RATE_HZ / 4, "start_s": 1.5 / RATE_HZ}
    expected = acoustics.measure(
        layer, Lag(), waveform=batch.waveforms, waveform_rate_hz=RATE_HZ, **settings
    ).table
    assert acoustics.measure(layer, Lag(), waveform=batch, **settings).table.equals(expected)
    with pytest.raises(ValueError, match="waveform_rate_hz: expected none beside a batch"):
        acoustics.measure(layer, Lag(), waveform=batch, waveform_rate_hz=8000, **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"waveform": "out"}, "waveform: expected none beside measures that need no waveform, got 'out'"),
        (
            {"waveform": WAVEFORM},
            "waveform: expected none beside measures that need no waveform, got ndarray",
        ),
        (
            {"waveform_rate_hz": 16000},
            "waveform_rate_hz: expected none beside measures that need no waveform, got 16000",
        ),
    ],
)
def test_a_waveform_that_no_measure_needs_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        acoustics.measure(WAVEFORM, acoustics.Intensity(), rate_hz=RATE_HZ, **settings)
