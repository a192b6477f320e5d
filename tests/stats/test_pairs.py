"""Each layer's value beside the output's."""

from __future__ import annotations

import numpy as np
import pytest

from convscope import stats
from convscope.acoustics import Measurements

pd = pytest.importorskip("pandas", reason="pandas is not installed (extra stats)")


def long_table() -> pd.DataFrame:
    rows = [
        {
            "sound": sound,
            "interval": interval,
            "point": point,
            "layer": layer,
            "measure": measure,
            "unit": "-",
        }
        for sound in range(3)
        for interval in range(2)
        for point in range(4)
        for layer in ("conv3", "conv4", "out")
        for measure in ("f0", "intensity")
    ]
    table = pd.DataFrame(rows)
    number = table["sound"] * 100 + table["interval"] * 10 + table["point"]
    return table.assign(value=number + table["layer"].map({"conv3": 0.3, "conv4": 0.4, "out": 0.0}))


def test_values_of_the_same_moment_come_together():
    table = long_table().sample(frac=1, random_state=0)
    pairs = stats.pair_layers(table)
    assert len(pairs) == 3 * 2 * 4 * 2 * 2
    offset = pairs["layer"].map({"conv3": 0.3, "conv4": 0.4})
    assert (pairs["layer_value"] - pairs["output_value"]).tolist() == pytest.approx(offset.tolist())


def test_missing_values_remain_and_missing_moments_are_left_out():
    table = long_table()
    table.loc[table["layer"].eq("conv4") & table["sound"].eq(0), "value"] = np.nan
    table = table[~(table["layer"].eq("out") & table["sound"].eq(2))]
    pairs = stats.pair_layers(table)
    assert pairs["layer_value"].isna().sum() == 16
    assert set(pairs["sound"]) == {0, 1}


def test_pairs_go_straight_into_correlations():
    found = stats.correlate(
        stats.pair_layers(long_table()), "layer_value", "output_value", by=["measure", "layer"]
    )
    assert found.correlations["r"].tolist() == pytest.approx([1, 1, 1, 1])


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (
            lambda t: t.drop(columns="point"),
            {},
            "keys: expected columns that tell values apart, got 144 rows alike",
        ),
        (lambda t: t, {"output": "conv9"}, "output: expected a layer of conv3, conv4, out, got conv9"),
        (lambda t: t.drop(columns="value"), {}, "no value"),
        (
            lambda t: t.drop(columns=["sound", "interval", "point"]),
            {},
            "one of the columns sound, interval, point",
        ),
    ],
)
def test_what_cannot_be_paired_is_refused(change, settings, message):
    with pytest.raises(ValueError, match=message):
        stats.pair_layers(change(long_table()), **settings)


def test_bands_of_a_spectrum_are_told_apart():
    table = long_table().query("measure == 'f0'").assign(measure="level")
    bands = pd.concat([table.assign(frequency_hz=hz, value=table["value"] + hz) for hz in (500.0, 1500.0)])
    both = pd.concat([bands, long_table().query("measure == 'intensity'").assign(frequency_hz=np.nan)])
    pairs = stats.pair_layers(both)
    assert pairs.groupby("measure").size().to_dict() == {"intensity": 48, "level": 96}
    offset = pairs["layer"].map({"conv3": 0.3, "conv4": 0.4})
    assert (pairs["layer_value"] - pairs["output_value"]).tolist() == pytest.approx(offset.tolist())


def test_events_have_no_partners_by_number():
    rows = [("out", 0, 0.2), ("out", 1, 0.35), ("conv4", 0, 0.35)]
    table = pd.DataFrame(rows, columns=["layer", "point", "value"]).assign(sound=0, measure="voiced_period")
    with pytest.raises(
        ValueError, match=r"events that are found have to be matched by their times, got voiced_period"
    ):
        stats.pair_layers(table)


def measured(table: pd.DataFrame) -> Measurements:
    """As measuring returns it: layers and measures are categories, and every row has a reason or none."""
    reason = table["reason"] if "reason" in table else np.where(table["value"].isna(), "no voice", "")
    return Measurements(
        table.assign(reason=reason).astype({"layer": "category", "measure": "category"}), settings={}
    )


def test_measurements_are_paired_and_correlated_as_they_are():
    table = long_table()
    pairs = stats.pair_layers(measured(table))
    assert pairs["layer_value"].tolist() == stats.pair_layers(table)["layer_value"].tolist()
    found = stats.correlate(pairs, "layer_value", "output_value", by=["measure", "layer"]).correlations
    assert sorted(found["layer"]) == ["conv3", "conv3", "conv4", "conv4"], "categories without rows are none"
    assert len(stats.correlate(measured(table), "point", "value", by="layer").correlations) == 3
    with pytest.raises(ValueError, match=r"table: expected a pandas\.DataFrame, or a result .*, got list"):
        stats.pair_layers([1, 2])


def test_only_the_output_has_no_pairs():
    table = long_table()
    with pytest.raises(ValueError, match="table: expected layers beside the output out, got only the output"):
        stats.pair_layers(table[table["layer"] == "out"])


def test_reasons_are_the_layers_or_else_the_outputs():
    table = pd.DataFrame({"layer": ["conv4"] * 4 + ["out"] * 4, "sound": [0, 1, 2, 3] * 2, "measure": "f0"})
    table["value"] = [1.0, np.nan, 3, np.nan, 1, 2, np.nan, np.nan]
    table["reason"] = ["", "no voice", None, "too slow", "", "", "too quiet", "too short"]
    found = stats.pair_layers(table)
    assert found["reason"].tolist() == ["", "no voice", "too quiet", "too slow"]
    assert stats.pair_layers(measured(table))["reason"].tolist() == found["reason"].tolist()
    assert "reason" not in stats.pair_layers(table.drop(columns="reason"))


def test_too_few_pairs_have_the_commonest_reason():
    table = pd.DataFrame({"layer": ["conv1"] * 5 + ["conv2"] * 3, "a": 1.0, "b": [1.0, 2, 3, 4, 5, 6, 7, 8]})
    table.loc[:3, "a"] = np.nan
    table["reason"] = ["too slow", "no voice", "no voice", "", "kept, but noisy", "", "", ""]
    found = stats.correlate(table, "a", "b", by="layer").correlations
    assert found["reason"].tolist() == ["fewer than 4 pairs: no voice", "fewer than 4 pairs"]
