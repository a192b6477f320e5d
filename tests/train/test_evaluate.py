"""How codes and words go together, on planted logits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from convscope.train import evaluate


def logits_of(codes, size):
    made = np.full((len(codes), size), -1.0)
    made[np.arange(len(codes)), codes] = 2.0
    return made


def test_a_permuted_code_is_right_throughout():
    labels = ["wash", "ask", "year", "ask"]
    result = evaluate(logits_of([2, 0, 1, 0], 3), labels, kind="one_hot")
    assert result.words == ("ask", "wash", "year")
    assert result.assigned == {"ask": "0", "wash": "2", "year": "1"}
    assert (result.accuracy, result.purity) == (1.0, 1.0)


def test_the_labelling_is_the_best_of_all():
    generator = np.random.default_rng(3)
    codes, words = generator.integers(5, size=200), generator.integers(5, size=200)
    result = evaluate(logits_of(codes, 5), [f"w{word}" for word in words], kind="one_hot")
    best = max(
        np.mean([order[word] == code for word, code in zip(words, codes, strict=True)])
        for order in itertools.permutations(range(5))
    )
    assert result.accuracy == pytest.approx(best)
    assert result.counts.sum() == 200
    assert 0.2 < result.chance < 0.35, "the best labelling of noise is above one fifth"
    assert result.purity >= result.accuracy


def test_two_words_cannot_have_one_code():
    result = evaluate(logits_of([0] * 10, 2), ["a"] * 6 + ["b"] * 4, kind="one_hot")
    assert result.accuracy == 0.6
    assert result.assigned == {"a": "0", "b": "1"}


def test_bits_are_codes():
    bits = np.array([[1, -1, 1], [1, -1, 1], [-1, -1, 1]])
    result = evaluate(bits, ["x", "x", "y"], kind="binary")
    assert len(result.codes) == 8
    assert result.assigned == {"x": "101", "y": "001"}
    assert result.accuracy == 1.0


@pytest.mark.parametrize(
    ("logits", "labels"), [(np.zeros((2, 3)), ["a"]), (np.zeros(3), ["a"] * 3), (np.zeros((0, 3)), [])]
)
def test_what_does_not_fit_is_refused(logits, labels):
    with pytest.raises(ValueError, match="logits: expected"):
        evaluate(logits, labels, kind="one_hot")
    with pytest.raises(ValueError, match="finite"):
        evaluate(np.array([[np.nan, 0]]), ["a"], kind="one_hot")
