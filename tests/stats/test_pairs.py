"""Each layer's value beside the output's."""

from __future__ import annotations

import numpy as np
import pytest

from convscope import stats

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
