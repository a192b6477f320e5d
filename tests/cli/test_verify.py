"""`convscope verify`: the table of `convscope.verify`, and an exit code for a layer that is off."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

import convscope as cs
from convscope import _core
from convscope.cli._verify import LIMIT, ROUNDING, _facts, is_beyond

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
        assert {"layer": layer["name"], **layer} == {**asdict(row), "name": row.layer, "ratio": row.ratio}
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
    [
        (1e-6, 5e-7, False),
        (1e-6, 2e-7, True),
        (1e-6, 0.0, True),
        (ROUNDING, 1e-9, False),
        (0.0, 0.0, False),
        (np.nan, 5e-7, True),
        (np.nan, np.nan, True),
        (1e-6, np.nan, True),
        (np.inf, np.inf, True),
    ],
)
def test_rounding_itself_is_no_failure(error, torch_error, beyond):
    assert (
        is_beyond(cs.probe.LayerError("conv1", error, torch_error, error, torch_error, error), LIMIT)
        is beyond
    )


def test_a_ratio_to_no_error_is_null():
    row = cs.probe.LayerError("conv1", 1e-7, 0.0, 1e-7, 0.0, 1e-7)
    assert (_facts(row)["name"], _facts(row)["ratio"]) == ("conv1", None)
    none = cs.probe.LayerError("conv1", np.nan, np.nan, np.inf, 0.0, 1e-7)
    assert list(_facts(none).values()) == ["conv1", None, None, None, 0.0, 1e-7, None]


def test_an_unknown_layer_is_misuse(convscope):
    result = convscope("verify", GENERATOR, "-l", "convv1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Did you mean 'conv1'" in result.stderr


WIDE = "tf1-ciwgan:generator:dim=16"


@pytest.mark.parametrize("algorithm", ["auto", "direct", "spectral"])
def test_the_algorithm_is_that_of_verify(convscope, algorithm):
    result = convscope("verify", WIDE, "random:2:5", "--algorithm", algorithm, "--json")
    assert result.exit_code == 0
    z = np.random.default_rng(5).uniform(-1, 1, (2, 100))
    net = cs.models.build(cs.models.preset("tf1-ciwgan", role="generator", dim=16))
    for layer, row in zip(
        json.loads(result.stdout)["layers"], cs.verify(net, z, algorithm=algorithm), strict=True
    ):
        assert (layer["error"], layer["local"]) == (row.error, row.local)
        assert layer["torch_local"] >= layer["torch_error"] > 0


@pytest.mark.skipif(not _core.has_bfloat16(), reason="this processor has no AVX512_BF16")
def test_bfloat16_is_beyond_the_limit_and_says_so(convscope):
    result = convscope("verify", WIDE, "--precision", "bfloat16", "-l", "conv2")
    assert result.exit_code == 1
    assert "beyond 3 times PyTorch's: conv2" in result.stdout
    assert convscope("verify", WIDE, "--precision", "bfloat16", "-l", "conv2", "--limit", 1e6).exit_code == 0


@pytest.mark.parametrize("option", [("--algorithm", "fft"), ("--precision", "float8")])
def test_an_unknown_choice_is_misuse(convscope, option):
    result = convscope("verify", WIDE, *option)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"'{option[1]}' is not one of" in result.stderr
