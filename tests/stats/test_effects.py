"""Causal effects: planted ones, their uncertainty over many data sets, missing values, and tables."""

from __future__ import annotations

import numpy as np
import pytest

from convscope import stats
from convscope.acoustics import Measurements

pd = pytest.importorskip("pandas", reason="pandas is not installed (extra stats)")
scipy_stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed (extra stats)")

VALUES = np.array([-1.0, 0.0, 1.0, 3.0])
QUICK = {"draws": 400, "flips": 399, "distances": False}


def measured(rng: np.random.Generator, bases: int, slope: float, noise: float = 0.5) -> np.ndarray:
    return (
        10 * rng.standard_normal((bases, 1))
        + slope * VALUES
        + noise * rng.standard_normal((bases, len(VALUES)))
    )


def test_planted_effects_are_found_and_within_their_intervals():
    found = stats.causal_effects(measured(np.random.default_rng(0), 60, 1.5), VALUES)
    table = found.effects
    assert table["to"].tolist() == [-1, 1, 3]
    truth = 1.5 * table["to"]
    assert ((table["lower"] < truth) & (truth < table["upper"])).all()
    assert ((table["band_lower"] <= table["lower"]) & (table["upper"] <= table["band_upper"])).all()
    assert (table["p_max"] < 0.001).all()
    assert found.ice["ice"][0] == pytest.approx(1.5, abs=0.15)
    assert len(found.per_base) == 60
    assert found.per_base["ice"].mean() == pytest.approx(found.ice["ice"][0])


def test_without_noise_everything_is_exact():
    base = np.random.default_rng(0).standard_normal(20)
    found = stats.causal_effects(base[:, None] + VALUES**2, VALUES, baseline=-1)
    assert found.effects["ate"].tolist() == pytest.approx([-1, 0, 8])
    assert found.increments["increment"].tolist() == pytest.approx([-1, 1, 4])
    assert found.increments[["from", "to"]].to_numpy().tolist() == [[-1, 0], [0, 1], [1, 3]]
    assert found.ice["ice"][0] == pytest.approx(4 / 3)
    assert found.effects["p"][1] == 1.0


def test_the_incremental_effect_begins_at_the_baseline():
    base = np.random.default_rng(0).standard_normal(20)
    found = stats.causal_effects(base[:, None] + VALUES**2, VALUES, baseline=1)
    assert found.increments["increment"].tolist() == pytest.approx([4])
    highest = stats.causal_effects(base[:, None] + VALUES**2, VALUES, baseline=3)
    assert len(highest.increments) == len(highest.ice) == 0


def test_rows_in_any_order_are_the_cube():
    cube = measured(np.random.default_rng(1), 12, 1.0)
    base, place = (each.ravel() for each in np.indices(cube.shape))
    order = np.random.default_rng(2).permutation(cube.size)
    rows = stats.causal_effects(cube.ravel()[order], VALUES[place][order], base[order] + 100)
    assert rows.effects.equals(stats.causal_effects(cube, VALUES).effects)
    assert rows.per_base["base"].tolist() == list(range(100, 112))


def test_a_design_of_latents_says_which_row_is_which():
    from convscope import latents

    design = latents.variable("z3", VALUES, bases=latents.random(10, size=5, seed=1))
    variables = design.variables()
    found = stats.causal_effects(7 * design[:][:, 3] + design[:][:, 0], variables["z3"], variables["base"])
    assert found.effects["ate"].tolist() == pytest.approx([-7, 7, 21], rel=1e-6)


@pytest.mark.parametrize("interval", ["percentile", "bca"])
def test_intervals_cover_and_tests_keep_their_level(interval):
    """Skewed differences; 30 bases, 300 data sets without an effect at two values."""
    rng = np.random.default_rng(3)
    outside, rejected, outside_band, rejected_max = [], [], [], []
    for _ in range(300):
        noise = rng.gamma(4.0, 1.0, (30, 4)) + 5 * rng.standard_normal((30, 1))
        table = stats.causal_effects(noise, VALUES, interval=interval, **QUICK).effects
        out = (table["lower"] > 0) | (table["upper"] < 0)
        outside.append(out[0])
        rejected.append(table["p"][0] <= 0.05)
        outside_band.append(((table["band_lower"] > 0) | (table["band_upper"] < 0)).any())
        rejected_max.append((table["p_max"] <= 0.05).any())
    assert 0.02 <= np.mean(outside) <= 0.10
    assert 0.02 <= np.mean(rejected) <= 0.08
    assert 0.01 <= np.mean(outside_band) <= 0.08, "simultaneous over three values"
    assert 0.01 <= np.mean(rejected_max) <= 0.08


def test_effect_curves_have_bands_that_hold_everywhere_at_once():
    rng = np.random.default_rng(4)
    pointwise, simultaneous = [], []
    for _ in range(100):
        smooth = rng.standard_normal((25, 2, 40 + 4))
        smooth = sum(smooth[..., i : i + 40] for i in range(5))
        table = stats.causal_effects(smooth, [0.0, 1.0], times_s=np.arange(40) / 100, **QUICK).effects
        pointwise.append(((table["lower"] > 0) | (table["upper"] < 0)).any())
        simultaneous.append(((table["band_lower"] > 0) | (table["band_upper"] < 0)).any())
    assert np.mean(pointwise) > 0.3
    assert np.mean(simultaneous) <= 0.12


def test_an_effect_at_one_moment_is_found_there():
    rng = np.random.default_rng(5)
    series = rng.standard_normal((40, 3, 64))
    series[:, 2, 20:24] += 3.0
    table = stats.causal_effects(series, [0.0, 1.0, 2.0], times_s=np.arange(64) / 62.5, **QUICK).effects
    hits = table[table["p_max"] < 0.05]
    assert hits["to"].unique().tolist() == [2.0]
    assert hits["time_s"].tolist() == pytest.approx((np.arange(20, 24) / 62.5).tolist())


def test_rows_as_such_would_be_far_too_wide_and_bases_are_not():
    """Bases differ by 10, differences within them by 0.7: resampling bases sees the latter."""
    table = stats.causal_effects(measured(np.random.default_rng(6), 50, 0.0), VALUES).effects
    assert (table["upper"] - table["lower"]).max() < 0.6


def test_a_large_effect_keeps_the_digits_of_its_spread():
    spread = np.random.default_rng(12).standard_normal(40)
    small, large = (
        stats.causal_effects(np.stack([0 * spread, spread + shift], 1), [0.0, 1.0]).effects.iloc[0]
        for shift in (0.0, 1e7)
    )
    for bound in ("lower", "upper", "band_lower", "band_upper"):
        assert large[bound] - 1e7 == pytest.approx(small[bound], abs=1e-6)


def test_one_base_with_an_effect_does_not_spoil_the_bands_of_others():
    """As where a ReLU is silent at some position for all bases but one."""
    rng = np.random.default_rng(13)
    cube = rng.standard_normal((20, 2, 3))
    cube[:, :, 2] = 0
    alone = stats.causal_effects(cube, [0.0, 1.0], **QUICK).effects
    assert alone.loc[2, ["ate", "band_lower", "band_upper"]].tolist() == [0, 0, 0]
    assert alone["p"][2] == 1
    cube[4, 1, 2] = 5.0
    spoilt = stats.causal_effects(cube, [0.0, 1.0], **QUICK).effects
    widths = [(table["band_upper"] - table["band_lower"])[:2] for table in (alone, spoilt)]
    assert (widths[1] < 2 * widths[0]).all()


def test_missing_values_drop_their_pairs():
    cube = measured(np.random.default_rng(7), 30, 1.0)
    complete = stats.causal_effects(cube[3:], VALUES, **QUICK).effects
    cube[:3, 2] = np.nan
    table = stats.causal_effects(cube, VALUES, **QUICK).effects
    assert table["pairs"].tolist() == [30, 27, 30]
    assert table["dropped"].tolist() == [0, 3, 0]
    assert table["ate"][1] == pytest.approx(complete["ate"][1])
    cube[:25, 2] = np.nan
    table = stats.causal_effects(cube, VALUES).effects
    assert table["reason"].tolist() == ["", "fewer than 8 bases with both values", ""]
    assert table.loc[1, ["ate", "p", "p_max", "p_holm", "wasserstein"]].isna().all()
    assert table["p_holm"].notna().tolist() == [True, False, True]


def test_distances_are_scipys_and_see_a_spread_without_a_shift():
    rng = np.random.default_rng(8)
    base = rng.standard_normal(200)
    cube = np.stack([base, 3 * rng.standard_normal(200)], axis=1)
    row = stats.causal_effects(cube, [0.0, 1.0]).effects.iloc[0]
    assert row["wasserstein"] == pytest.approx(scipy_stats.wasserstein_distance(cube[:, 1], cube[:, 0]))
    assert row["wasserstein_lower"] < row["wasserstein"] < row["wasserstein_upper"]
    assert row["p_wasserstein"] < 0.01
    assert row["p"] > 0.05


def test_distances_of_nothing_keep_their_level():
    rng = np.random.default_rng(9)
    p = []
    for _ in range(200):
        found = stats.causal_effects(rng.standard_normal((20, 2)), [0.0, 1.0], draws=199, flips=99)
        p.append(found.effects["p_wasserstein"][0])
    assert 0.01 <= np.mean(np.array(p) <= 0.05) <= 0.10


def test_few_bases_use_every_pattern_of_signs():
    differences = np.array([1.0, 2, 3, 4, 5, 6, 7, 8])
    found = stats.causal_effects(np.stack([0 * differences, differences], 1), [0.0, 1.0], distances=False)
    assert found.effects["p"][0] == 2 / 2**8
    assert (
        found.effects["p"][0]
        == scipy_stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", n_resamples=np.inf
        ).pvalue
    )


def test_tables_of_layers_and_measures_are_corrected_together():
    rng = np.random.default_rng(10)
    rows = [
        {
            "base": base,
            "z11": value,
            "layer": layer,
            "measure": measure,
            "value": offset + gain * value + rng.normal(),
        }
        for base, offset in enumerate(20 * rng.standard_normal(30))
        for value in VALUES
        for layer in ("conv4", "out")
        for measure, gain in (("f0", 4.0 if layer == "out" else 0.0), ("intensity", 0.0))
    ]
    found = stats.effects_of_table(pd.DataFrame(rows), variable="z11", flips=999)
    hits = found.effects[found.effects["p_holm"] < 0.05]
    assert set(zip(hits["measure"], hits["layer"], strict=True)) == {("f0", "out")}
    assert len(found.effects) == 12
    assert hits["p_holm"].to_numpy() == pytest.approx(12 * hits["p"].to_numpy(), rel=0.3)
    assert found.ice.set_index(["measure", "layer"])["ice"]["f0", "out"] == pytest.approx(4, abs=0.3)


def test_tables_of_series():
    rng = np.random.default_rng(11)
    index = pd.MultiIndex.from_product(
        [range(12), [0.0, 1.0], [0.1, 0.2, 0.3], ["out"]], names=["base", "c", "time_s", "layer"]
    )
    table = pd.DataFrame({"value": rng.standard_normal(len(index))}, index=index).reset_index()
    table["value"] += 9.0 * ((table["c"] == 1) & (table["time_s"] == 0.2))
    found = stats.effects_of_table(table, variable="c", by="layer", time="time_s", **QUICK)
    assert found.effects["time_s"].tolist() == [0.1, 0.2, 0.3]
    assert (found.effects["p_max"] < 0.05).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ((np.zeros((5, 4)), VALUES), {}, "base: expected at least 8 bases to resample, got 5"),
        (
            (np.zeros((20, 4)), VALUES),
            {"baseline": 0.5},
            r"baseline: expected a value of the variable \(-1, 0, 1, 3\), got 0.5",
        ),
        (
            (np.zeros((20, 3)), VALUES),
            {},
            r"measured: expected \(bases, 4\) or \(bases, 4, times\), got \(20, 3\)",
        ),
        ((np.zeros((20, 1)), [0.0]), {}, "variable: expected at least two values"),
        ((np.full((20, 4), np.inf), VALUES), {}, "measured: expected finite numbers or NaN"),
        ((np.zeros((20, 4)), [0.0, 0.0, 1.0, 2.0]), {}, "variable: expected each value once"),
        (
            (np.zeros(4), [0.0, 0.0, 1.0, 2.0], [0, 0, 0, 0]),
            {},
            "base: expected each value of the variable once",
        ),
        ((np.zeros((20, 4, 5)), VALUES), {"times_s": [1.0, 2.0]}, "times_s: expected 5 times"),
        ((np.zeros((20, 4)), VALUES), {"times_s": [1.0]}, "times_s: expected none"),
        ((np.zeros((20, 4)), VALUES), {"interval": "normal"}, "interval: expected 'percentile' or 'bca'"),
    ],
)
def test_designs_that_cannot_be_are_refused(arguments, settings, message):
    with pytest.raises(ValueError, match=message):
        stats.causal_effects(*arguments, **settings)


def test_errors_of_tables_name_the_group():
    table = pd.DataFrame({"base": [0, 0], "z": [0.0, 1.0], "layer": "out", "measure": "f0", "value": 1.0})
    with pytest.raises(ValueError, match=r"'measure': 'f0'.*at least 8 bases"):
        stats.effects_of_table(table, variable="z")


def test_all_patterns_of_signs_are_exact_for_the_largest_too():
    """Ten bases have 1,024 patterns, two of them as large as the observed one."""
    differences = 1 + 0.01 * np.random.default_rng(0).standard_normal(10)
    measured = np.stack([np.zeros(10), differences], axis=1)
    effects = stats.causal_effects(measured, [0.0, 1.0]).effects
    assert effects.p_max[0] == pytest.approx(2 / 1024)
    assert effects.p[0] == pytest.approx(2 / 1024)


def test_rows_without_a_base_are_refused():
    base = np.append(np.repeat(np.arange(10.0), 2), [np.nan, np.nan])
    with pytest.raises(ValueError, match="base: expected one in each row, got rows without one"):
        stats.causal_effects(np.zeros(22), [0.0, 1.0] * 11, base)


def test_distances_are_corrected_too():
    measured = np.random.default_rng(1).normal(size=(30, 3))
    effects = stats.causal_effects(measured, [0.0, 1.0, 2.0]).effects
    assert (effects.p_wasserstein_holm >= effects.p_wasserstein).all()
    columns = list(effects.columns)
    assert columns[columns.index("p_wasserstein") + 1] == "p_wasserstein_holm"


def test_what_has_a_table_is_taken_for_it():
    base, z = (each.ravel() for each in np.meshgrid(np.arange(10), [0.0, 1.0], indexing="ij"))
    table = pd.DataFrame({"base": base, "z": z, "value": base + 2 * z, "layer": "out", "measure": "f0"})
    found = stats.effects_of_table(Measurements(table, {}), variable="z", **QUICK)
    assert found.effects["ate"].tolist() == pytest.approx([2])
    assert {"base", "value", "time", "by", "variable"} <= set(found.settings)


def test_the_least_number_of_bases_is_public():
    enough = np.random.default_rng(0).standard_normal((stats.LEAST_BASES, 2))
    assert len(stats.causal_effects(enough, [0.0, 1.0], **QUICK).effects) == 1
    with pytest.raises(ValueError, match=f"at least {stats.LEAST_BASES} bases"):
        stats.causal_effects(enough[1:], [0.0, 1.0], **QUICK)
