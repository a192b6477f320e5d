"""`convscope verify`: the table of `convscope.verify`, and an exit code for a layer that is off."""

from __future__ import annotations

import json

import numpy as np
import pytest

import convscope as cs
from convscope.cli._verify import LIMIT, ROUNDING, is_beyond

GENERATOR = "tf1-ciwgan:generator:dim=4"


def test_json_is_the_table_of_verify(convscope):
    result = convscope("verify", GENERATOR, "random:3:5", "--json")
    assert result.exit_code == 0
    z = np.random.default_rng(5).uniform(-1, 1, (3, 100))
    expected = cs.verify(cs.models.build(cs.models.preset("tf1-ciwgan", role="generator", dim=4)), z)
    found = json.loads(result.stdout)
    assert found["failed"] == []
    assert [layer["name"] for layer in found["layers"]] == [row.layer for row in expected]
    for layer, row in zip(found["layers"], expected, strict=True):
        assert (layer["error"], layer["largest"]) == (row.error, row.largest)
        assert 0 < layer["error"] < 1e-5


def test_a_table_without_input_is_of_random_samples(convscope):
    result = convscope("verify", GENERATOR, "-l", "conv*", "--samples", 2)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert [line.split()[0] for line in lines] == ["layer", "conv1", "conv2", "conv3", "conv4", "compared"]
    assert lines[-1] == "compared 2 of the samples: within 3 times PyTorch's"


def test_recordings_can_be_compared(convscope, recordings):
    result = convscope(
        "verify", "tf1-ciwgan:q_network:num_categories=8,dim=2", recordings, "--samples", 2, "--json"
    )
    assert result.exit_code == 0
    assert len(json.loads(result.stdout)["layers"]) == 6


def test_a_layer_beyond_the_limit_is_a_failure_that_is_named(convscope):
    result = convscope("verify", GENERATOR, "--limit", 0, "-l", "out")
    assert result.exit_code == 1
    assert "beyond 0 times PyTorch's: out" in result.stdout
    assert json.loads(convscope("verify", GENERATOR, "--limit", 0, "-l", "out", "--json").stdout)[
        "failed"
    ] == ["out"]


@pytest.mark.parametrize(
    ("error", "torch_error", "beyond"),
    [(1e-6, 5e-7, False), (1e-6, 2e-7, True), (1e-6, 0.0, True), (ROUNDING, 1e-9, False), (0.0, 0.0, False)],
)
def test_rounding_itself_is_no_failure(error, torch_error, beyond):
    assert (
        is_beyond(cs.probe.LayerError("conv1", error, torch_error, error, torch_error, error), LIMIT)
        is beyond
    )


def test_an_unknown_layer_is_misuse(convscope):
    result = convscope("verify", GENERATOR, "-l", "convv1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Did you mean 'conv1'" in result.stderr
