"""`convscope plan`: the probe's own plan and estimate, as a table or JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

import convscope as cs
from convscope import _core
from convscope.probe import Machine, save_machine

WIDE = "tf1-ciwgan:generator:dim=16"


def probe_of(**options) -> cs.Probe:
    return cs.Probe(cs.models.build(cs.models.preset("tf1-ciwgan", role="generator", dim=16)), **options)


@pytest.mark.parametrize("algorithm", ["auto", "direct", "spectral"])
def test_json_is_the_plan_and_the_estimate(convscope, cache, algorithm):
    save_machine(Machine(1e11, 4e10, 2), _core.selected_isa())
    arguments = ("--algorithm", algorithm, "--batch", 70, "--threads", 2, "--json")
    result = convscope("plan", WIDE, *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    probe = probe_of(algorithm=algorithm, num_threads=2)
    assert found["engine"] == probe.engine
    assert found["layers"] == [asdict(row) for row in probe.plan]
    assert found["estimate"] == asdict(probe.estimate(70))


def test_the_table_says_the_same(convscope):
    result = convscope("plan", WIDE)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    plan = probe_of().plan
    header = "layer algorithm window multiply-adds (M) computed (M) weights (MB)"
    assert lines[0].split() == header.split()
    for line, row in zip(lines[1:], plan, strict=False):
        assert line.split() == [
            row.layer, row.algorithm, str(row.window or "-"),
            *(f"{value / 1e6:.1f}" for value in (row.multiply_adds, row.computed, row.weight_bytes)),
        ]  # fmt: skip
    rest = lines[1 + len(plan) :]
    assert rest[0] == f"engine     {probe_of().engine}"
    assert rest[1].startswith("1000 samples in chunks of 500: about ")
    assert len(rest) == 2


def test_only_the_layers_up_to_the_last_one_asked_for(convscope):
    layers = json.loads(convscope("plan", WIDE, "-l", "conv2", "--json").stdout)["layers"]
    assert [row["layer"] for row in layers] == ["fc", "conv1", "conv2"]


@pytest.mark.skipif(not _core.has_bfloat16(), reason="this processor has no AVX512_BF16")
def test_bfloat16_takes_half_of_the_weights_of_a_spectral_layer(convscope):
    """Half the bytes of as many rows and two more, less those of 25 taps in four phases: tests/probe/test_bfloat16.py."""
    single, half = (
        json.loads(
            convscope(
                "plan", WIDE, "--precision", name, "-l", "conv1", "--typical-batch", 10**6, "--json"
            ).stdout
        )["layers"][-1]
        for name in ("float32", "bfloat16")
    )
    assert (half["algorithm"], half["window"]) == ("spectral", single["window"])
    rows, rows_of_half = 4 * single["window"] - 3, 4 * single["window"] + 5
    assert half["weight_bytes"] / single["weight_bytes"] == rows_of_half / (2 * rows)


def test_figures_of_this_machine_are_used(convscope, cache):
    def algorithms():
        rows = json.loads(convscope("plan", WIDE, "--json").stdout)["layers"]
        return {row["algorithm"] for row in rows}

    assert algorithms() == {"direct", "spectral"}
    save_machine(Machine(1e15, 1e9, 2), _core.selected_isa())
    assert algorithms() == {"direct"}


def test_a_module_that_runs_in_pytorch_has_a_plan_and_no_estimate(convscope, folder):
    (folder / "own.py").write_text(
        "from torch import nn\n\ndef make():\n    return nn.Sequential(nn.Conv1d(1, 3, 9, 4, 4), nn.ELU())\n"
    )
    arguments = ("plan", "own.py:make", "--input-shape", "1,4096")
    result = convscope(*arguments)
    assert result.exit_code == 0
    assert "torch" in result.stdout
    assert "samples in chunks" not in result.stdout
    found = json.loads(convscope(*arguments, "--json").stdout)
    assert found["engine"] == "torch"
    assert "estimate" not in found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--batch", "0"], "greater than or equal to 1"),
        (["--batch", "many"], "must be a valid integer"),
        (["--algorithm", "fft"], "'fft' is not one of"),
        (["-l", "convv1"], "Did you mean 'conv1'"),
    ],
)
def test_misuse_is_one_line(convscope, options, message):
    result = convscope("plan", WIDE, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
