"""Code × word tables: counts by hand, chance levels, odds ratios, and likelihoods that an optimiser agrees with."""

from __future__ import annotations

import numpy as np
import pytest

from convscope import stats

pd = pytest.importorskip("pandas", reason="pandas is not installed (extra stats)")
pytest.importorskip("scipy", reason="SciPy is not installed (extra stats)")
pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra stats)")

WORDS = np.array(["ask", "dark", "greasy", "oily", "rag", "wash", "water", "year"])


def planted(rng: np.random.Generator, count: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Codes that stand for the word four further on, so often."""
    code = rng.integers(0, 8, count)
    word = np.where(rng.random(count) < share, (code + 4) % 8, rng.integers(0, 8, count))
    return code, WORDS[word]


def test_the_planted_assignment_is_found():
    code, word = planted(np.random.default_rng(0), 800, 0.7)
    table = stats.code_table(np.eye(8)[code], word)
    assert table.word_of_code == {str(i): WORDS[(i + 4) % 8] for i in range(8)}
    row = table.summary.iloc[0]
    assert row["accuracy"] == pytest.approx(0.7 + 0.3 / 8, abs=0.04)
    assert row["p_accuracy"] == 0.001
    assert row["accuracy_chance"] < 0.2
    assert table.counts.drop(columns="code").to_numpy().sum() == 800


def test_noise_is_at_chance():
    rng = np.random.default_rng(1)
    p = [
        stats.code_table(rng.integers(0, 3, 90), WORDS[rng.integers(0, 3, 90)], permutations=19).summary[
            "p_accuracy"
        ][0]
        for _ in range(200)
    ]
    assert np.mean(np.array(p) <= 0.05) <= 0.09
    assert min(p) == 0.05, "p is not stuck at one"


def test_an_assignment_of_other_data_does_not_flatter():
    rng = np.random.default_rng(2)
    train = stats.code_table(*planted(rng, 100, 0.0), permutations=19)
    test = stats.code_table(*planted(rng, 4000, 0.0), assignment=train.word_of_code, permutations=19)
    assert train.summary["accuracy"][0] > 0.15
    assert test.summary["accuracy"][0] == pytest.approx(1 / 8, abs=0.02)


def test_odds_ratios_are_those_of_the_two_by_two_table():
    code, word = [0] * 10 + [1] * 10, ["a"] * 8 + ["b"] * 2 + ["a"] * 3 + ["b"] * 7
    row = stats.code_table(code, word, permutations=19).odds.iloc[0]
    assert row["odds_ratio"] == pytest.approx(8 * 7 / (2 * 3))
    error = np.sqrt(1 / 8 + 1 / 7 + 1 / 2 + 1 / 3)
    assert (row["lower"], row["upper"]) == pytest.approx(
        tuple(row["odds_ratio"] * np.exp([-1.959964 * error, 1.959964 * error]))
    )
    assert not row["haldane"]


def test_empty_cells_take_a_half_and_say_so():
    table = stats.code_table([0] * 10 + [1] * 10, ["a"] * 10 + ["b"] * 10, permutations=99)
    row = table.odds.iloc[0]
    assert row["haldane"]
    assert row["odds_ratio"] == pytest.approx(21**2)
    assert table.models["aic"][1] < table.models["aic"][0]
    assert table.models["log_likelihood"][1] == 0


def test_the_likelihood_is_that_of_a_fitted_regression():
    discrete = pytest.importorskip("statsmodels.discrete.discrete_model")
    code, word = planted(np.random.default_rng(3), 400, 0.4)
    word = np.where(
        np.isin(word, WORDS[:3]), word, "other"
    )  # no cell is empty, where an optimiser would not end
    dummies = np.column_stack([np.ones(400), np.eye(8)[code][:, 1:]])
    fitted = discrete.MNLogit(np.unique(word, return_inverse=True)[1], dummies).fit(disp=0, maxiter=100)
    models = stats.code_table(code, word, permutations=19).models.set_index("model")
    assert models["log_likelihood"]["word ~ code"] == pytest.approx(fitted.llf, abs=1e-4)
    assert models["aic"]["word ~ code"] == pytest.approx(fitted.aic, abs=1e-3)
    assert models["log_likelihood"]["word ~ 1"] == pytest.approx(fitted.llnull, abs=1e-6)


def test_binary_codes_have_a_model_of_their_bits():
    code, word = planted(np.random.default_rng(4), 600, 0.6)
    bits = code[:, None] >> np.array([2, 1, 0]) & 1
    table = stats.code_table(bits, word, permutations=19)
    assert table.counts["code"].tolist() == [f"{i:03b}" for i in range(8)]
    value = table.models.set_index("model")["log_likelihood"]
    assert value["word ~ 1"] < value["word ~ bits"] < value["word ~ code"]
    assert table.models["parameters"].tolist() == [7, 56, 28]


@pytest.mark.parametrize(
    ("code", "word", "settings", "message"),
    [
        ([0, 1], ["a"], {}, "word: expected one for each of 2 codes, got 1"),
        ([0, 0], ["a", "b"], {}, "two or more codes and words"),
        ([0, 1], ["a", None], {}, "word: expected labels without gaps"),
        ([0, np.nan], ["a", "b"], {}, "code: expected labels without gaps"),
        ([[0.2, 0.8], [1, 0]], ["a", "b"], {}, "for logits, argmax"),
        ([[1, 1], [1, 0]], ["a", "b"], {"kind": "one-hot"}, "one 1 in each one-hot vector"),
        ([0, 1], ["a", "b"], {"kind": "binary"}, r"binary vectors \(n, entries\)"),
        ([0, 1], ["a", "b"], {"kind": "gray"}, "kind: expected"),
    ],
)
def test_what_is_no_code_is_refused(code, word, settings, message):
    with pytest.raises(ValueError, match=message):
        stats.code_table(code, word, **settings)


def test_an_assignment_of_other_codes_is_refused():
    with pytest.raises(
        ValueError, match=r"assignment: expected codes of 0, 1 and words of a, b, got \{'5': 'c'\}"
    ):
        stats.code_table([0, 0, 1, 1], ["a", "a", "b", "b"], assignment={"5": "c"}, permutations=19)


def test_a_code_that_never_had_the_word_that_is_left_has_none():
    table = stats.code_table([0, 0, 1, 2, 2, 2], ["a", "a", "a", "b", "b", "c"], permutations=19)
    assert table.word_of_code == {"0": "a", "2": "b"}
    assert (table.assignment["count"] > 0).all()
    assert table.summary["accuracy"][0] == 4 / 6


@pytest.mark.parametrize(
    ("code", "kind"),
    [([0, 1, 2], "labels"), (np.eye(3, dtype=int), "one-hot"), ([[0, 1], [1, 1], [0, 0]], "binary")],
)
def test_settings_say_what_codes_were_taken_for(code, kind):
    assert stats.code_table(code, list("abc"), permutations=19).settings["kind"] == kind
