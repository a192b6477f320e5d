"""`--device`: a GPU by name, and one line when there is none."""

from __future__ import annotations

import json

import pytest
from tests.gpu import stand_in

from convscope.probe import UnusableDeviceError, _cuda_device

TINY = "tf1-ciwgan:generator:dim=2"


@pytest.mark.parametrize("command", [("probe", TINY, "random:1"), ("plan", TINY), ("verify", TINY)])
def test_why_there_is_no_gpu_is_one_line(convscope, monkeypatch, tmp_path, command):
    def find(name):
        raise UnusableDeviceError("device: no GPU can be used: it is out for lunch")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_cuda_device, "find_device", find)
    result = convscope(*command, "--device", "cuda")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == "convscope: device: no GPU can be used: it is out for lunch"


def test_precisions_of_another_device_are_misuse(convscope):
    result = convscope("plan", TINY, "--precision", "float16")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "precision: expected 'float32' or 'bfloat16', got 'float16'" in result.stderr


def test_a_plan_for_a_gpu(convscope, monkeypatch):
    monkeypatch.setattr(_cuda_device, "find_device", lambda name: stand_in.StandIn(None))
    found = json.loads(convscope("plan", TINY, "--device", "cuda", "--precision", "float16", "--json").stdout)
    assert found["engine"] == "cuda (float16)"
    assert found["estimate"]["seconds"] is None
    assert found["estimate"]["workspace_bytes"] > 0
    assert {row["algorithm"] for row in found["layers"]} == {"tensor cores"}
    assert "nan" not in convscope("plan", TINY, "--device", "cuda").stdout
