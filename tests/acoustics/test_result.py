"""Tables, their other forms, and what is kept with them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.acoustics.planted import noise, vowel

import convscope as cs
from convscope import acoustics
from convscope.acoustics import Interval, Intervals

pandas = pytest.importorskip("pandas", reason="pandas is not installed (extra acoustics)")
MARKS = Intervals((Interval(0, "v", 0.05, 0.2), Interval(0, "s", 0.25, 0.45), Interval(2, "v", 0.1, 0.3)))
SOUNDS = np.stack([vowel(120, 16000), noise(1000, 7000, 16000, 0.5), np.zeros(8000)])
MEASURES = (
    acoustics.Intensity(points=4),
    acoustics.SpectralMoments(),
    acoustics.Spectrogram(bands=3, points=2),
    acoustics.Peaks(1000, 7000, height=0.2),
)


@pytest.fixture(scope="module")
def found():
    return acoustics.measure(SOUNDS, *MEASURES, rate_hz=16000, intervals=MARKS)


def test_columns(found):
    assert found.table.columns.tolist() == [
        "sound",
        "layer",
        "rate_hz",
        "interval",
        "label",
        "start_s",
        "end_s",
        "point",
        "time_s",
        "frequency_hz",
        "measure",
        "value",
        "unit",
        "reason",
    ]
    assert set(found.table["sound"]) == {0, 2}, "there is no interval in sound 1"
    is_nan = found.table["value"].isna()
    assert (is_nan == (found.table["reason"] != "")).all()
    assert is_nan.any()
    assert (~is_nan).any()


def test_only_and_wide(found):
    rows = found.only("cog", "skewness")
    assert set(rows["measure"]) == {"cog", "skewness"}
    wide = found.wide()
    assert wide[["sound", "interval", "label"]].values.tolist() == [[0, 0, "v"], [0, 1, "s"], [2, 0, "v"]]
    assert "intensity" not in wide
    assert wide["intensity_mean"].isna().tolist() == [False, False, True]
    with pytest.raises(ValueError, match=r"measure: expected one of intensity_mean, .* got 'f0'"):
        found.only("f0")


def test_xarray(found):
    dataset = found.to_xarray()
    assert dataset["layer"].values.tolist() == [""]
    assert dataset["cog"].dims == ("sound", "layer", "interval")
    assert dataset["intensity"].dims == ("sound", "layer", "interval", "point_intensity")
    assert dataset["level"].dims == ("sound", "layer", "interval", "point_level", "frequency_level")
    assert dataset["intensity_mean"].attrs["units"] == "dB"
    rows = found.only("level")
    first = rows[(rows["sound"] == 0) & (rows["interval"] == 1)]["value"].to_numpy()
    assert dataset["level"].sel(sound=0, interval=1).values.ravel() == pytest.approx(first)
    assert dataset["cog_reason"].sel(sound=2, interval=0).item() == "the series is constant"
    assert np.isnan(dataset["cog"].sel(sound=2, interval=1).item()), "sound 2 has one interval"
    assert json.loads(dataset.attrs["settings"]) == found.settings


def test_settings_say_how(found):
    settings = found.settings
    assert settings["measures"][0] == {"measure": "Intensity", "floor_hz": 100.0, "points": 4}
    assert settings["intervals"] == 3
    assert settings["sounds"] == 3
    assert settings["layers"][""]["rate_hz"] == 16000
    assert settings["versions"]["convscope"] == cs.__version__
    assert settings["versions"]["numpy"] == np.__version__
    assert json.loads(json.dumps(settings)) == settings


def test_versions_of_praat():
    parselmouth = pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
    versions = acoustics.measure(SOUNDS, acoustics.F0(), rate_hz=16000).settings["versions"]
    assert versions["praat"] == parselmouth.PRAAT_VERSION
    assert versions["parselmouth"] == parselmouth.__version__


def test_files_come_with_their_settings(found, tmp_path):
    found.to_csv(tmp_path / "a.csv")
    read = pandas.read_csv(
        tmp_path / "a.csv", keep_default_na=False, na_values={"value": [""], "time_s": [""]}
    )
    assert read["value"].to_numpy() == pytest.approx(found.table["value"].to_numpy(), nan_ok=True, rel=1e-15)
    assert read["reason"].tolist() == found.table["reason"].tolist()
    assert json.loads((tmp_path / "a.settings.json").read_text()) == found.settings
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra parquet)")
    found.to_parquet(tmp_path / "b.parquet")
    assert pandas.read_parquet(tmp_path / "b.parquet")["value"].equals(found.table["value"])
    assert (tmp_path / "b.settings.json").exists()


def test_single_values_without_a_table():
    values = acoustics.single_values(acoustics.Intensity(), SOUNDS.reshape(3, 1, -1), rate_hz=16000)
    assert values["intensity_mean"].shape == (3, 1)
    table = acoustics.measure(SOUNDS, acoustics.Intensity(), rate_hz=16000).wide()
    assert values["intensity_mean"].ravel() == pytest.approx(table["intensity_mean"].to_numpy(), nan_ok=True)


def test_the_repr_counts(found):
    missing = int(found.table["value"].isna().sum())
    assert repr(found).startswith(
        f"Measurements({len(found.table)} values, {missing} of them NaN with a reason: "
    )


def test_xarray_knows_labels_and_times(found):
    dataset = found.to_xarray()
    assert dataset["label"].sel(sound=0).values.tolist() == ["v", "s"]
    assert dataset["label"].sel(sound=2, interval=1).item() == "", "sound 2 has one interval"
    track = found.only("intensity")
    chosen = track[(track["sound"] == 0) & (track["interval"] == 1)]
    times = dataset["time_intensity"].sel(sound=0, interval=1)
    assert times.values.ravel().tolist() == chosen["time_s"].tolist()
    assert times.attrs["units"] == "s"
    assert dataset["level"].dims == ("sound", "layer", "interval", "point_level", "frequency_level")
    assert "point_level" in dataset["time_level"].dims
    assert "frequency_level" not in dataset["time_level"].dims


def test_intervals_that_were_cut_off_are_seen():
    marks = Intervals((Interval(0, "v", 0.4, 0.7), Interval(2, "late", 0.6, 0.7)))
    found = acoustics.measure(SOUNDS, acoustics.Intensity(), rate_hz=16000, intervals=marks, beyond="clip")
    assert found.wide()[["sound", "start_s"]].values.tolist() == [[0, 0.4]]
    assert found.table["end_s"].tolist() == pytest.approx([0.5, 0.5], abs=1e-4)
    assert found.settings["sounds_without_intervals"] == 2
    assert repr(found).endswith("intensity_mean, intensity_max; 2 of 3 sounds without intervals)")
    whole = acoustics.measure(SOUNDS, acoustics.Intensity(), rate_hz=16000)
    assert whole.settings["sounds_without_intervals"] == 0
    assert repr(whole).endswith("intensity_mean, intensity_max)")
    assert whole.wide()[["start_s", "end_s"]].iloc[0].tolist() == pytest.approx([0, 0.5], abs=1e-4)


def test_wide_with_points(found):
    wide = found.wide(points=True)
    tracks = [f"intensity_{point}" for point in (1, 2, 3, 4)]
    singles = ["intensity_mean", "intensity_max", "cog", "spectral_sd", "skewness", "kurtosis", "peaks"]
    assert wide.columns.name is None
    assert wide.columns.tolist() == [
        *("sound", "layer", "interval", "label", "start_s", "end_s"),
        *(*singles[:2], *tracks, *singles[2:], "peak_interval_mean"),
    ]
    assert wide[tracks].to_numpy().ravel().tolist() == pytest.approx(
        found.only("intensity")["value"].tolist(), nan_ok=True
    )
    assert wide.drop(columns=tracks).equals(found.wide())


def test_points_beyond_nine_are_in_order():
    found = acoustics.measure(SOUNDS[0], acoustics.Intensity(points=12), rate_hz=16000)
    names = found.wide(points=True).columns.tolist()[-12:]
    assert names == [f"intensity_{point}" for point in range(1, 13)]


@pytest.mark.parametrize(
    ("measures", "points", "message"),
    [
        (
            (acoustics.Envelope(5), acoustics.SpectralMoments(slices=2)), False,
            r"wide: expected measures with one value in each interval, got envelope with 5 points, cog with 2 points, .*; wide\(points=True\)",
        ),
        ((acoustics.Spectrogram(bands=2),), False, "got level; see table, or to_xarray"),
        ((acoustics.Spectrogram(bands=2),), True, "got level; see table, or to_xarray"),
    ],
)  # fmt: skip
def test_a_wide_table_without_columns_is_refused(measures, points, message):
    found = acoustics.measure(SOUNDS, *measures, rate_hz=16000)
    with pytest.raises(ValueError, match=message):
        found.wide(points=points)


def test_parameters_of_numpy_are_kept_as_json_has_them(tmp_path):
    intensity = acoustics.Intensity(np.float32(100), points=np.int64(2))
    acoustics.measure(SOUNDS, intensity, rate_hz=16000).to_csv(tmp_path / "a.csv")
    written = json.loads((tmp_path / "a.settings.json").read_text())
    assert written["measures"] == [{"measure": "Intensity", "floor_hz": 100.0, "points": 2}]
