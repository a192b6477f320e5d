"""A case is the same everywhere: weights, inputs, reference; and its operations are counted by definition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.reference import networks

from convscope.bench import Case

GENERATOR = Case("generator", dim=2, batch=3)
Q_NETWORK = Case("q_network", dim=2, batch=20)


def test_operations_of_the_papers_generator():
    # Dense 100 x 16384, four layers of 209.7 million products, the last of 6.6 million.
    products = 100 * 16384 + 4 * 16 * 25 * 1024 * 512 + 4096 * 25 * 64
    assert Case("generator").flops == 2 * products
    assert Case("generator", depth=2).flops == 2 * (100 * 16384 + 16 * 25 * 1024 * 512)


@pytest.mark.parametrize(
    "case", [GENERATOR, Q_NETWORK, replace(GENERATOR, depth=3), Case("q_network", 32768, 2)]
)
def test_the_reference_is_that_of_the_definitions(case):
    weights = networks.weights_of(case.network())
    x = case.inputs()[case.checked_rows()]
    expected = networks.series(case.spec, weights, x)
    exact = case.exact()
    assert tuple(exact) == case.layers == tuple(expected)[: case.depth]
    for layer, values in exact.items():
        assert values.dtype == np.float64
        np.testing.assert_allclose(values, expected[layer], rtol=1e-9, atol=1e-12)


def test_weights_and_inputs_are_the_same_in_every_process():
    first, second = GENERATOR.network(), GENERATOR.network()
    assert first is not second
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert a.equal(b)
    np.testing.assert_array_equal(GENERATOR.inputs(), GENERATOR.inputs())
    assert GENERATOR.inputs().dtype == np.float32
    assert Q_NETWORK.inputs().shape == (20, 16384)


def test_checked_samples_reach_from_the_first_to_the_last():
    assert GENERATOR.checked_rows().tolist() == [0, 1, 2]
    rows = Q_NETWORK.checked_rows()
    assert (rows[0], rows[-1], len(rows)) == (0, 19, 16)


def test_a_case_survives_json():
    case = replace(GENERATOR, depth=2)
    assert Case(**case.to_dict()) == case


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"role": "discriminator"}, "network: expected generator or q_network, got 'discriminator'"),
        ({"batch": 0}, "batch: expected a number of at least 1, got 0"),
        ({"busy": -1}, "busy: expected a number of at least 0, got -1"),
        ({"threads": -1}, "threads: expected a number of at least 1, got -1"),
        ({"depth": 7}, "depth: expected 1 to 6 layers, got 7"),
        ({"slice_len": 100, "depth": 1}, "slice_len: expected one of"),
    ],
)
def test_misuse_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        Case(**wrong)
