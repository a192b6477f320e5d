"""`convscope info`: true, and readable by a program."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import replace

import numpy as np
import torch

import convscope as cs
from convscope import _core
from convscope.probe import GpuFacts, Machine, save_machine


def test_json_holds_the_facts_and_nothing_else(convscope):
    result = convscope("info", "--json")
    facts = json.loads(result.stdout)
    assert result.exit_code == 0
    assert facts["convscope"] == cs.__version__
    assert facts["python"] == platform.python_version()
    assert facts["packages"]["numpy"] == np.__version__
    assert facts["packages"]["torch"] == torch.__version__
    assert facts["threads"] == len(os.sched_getaffinity(0))


def test_the_instruction_set_is_the_one_that_probes(convscope):
    isa = json.loads(convscope("info", "--json").stdout)["isa"]
    net = cs.models.build(cs.models.preset("tf1-ciwgan", role="generator", dim=1))
    assert cs.Probe(net).engine == f"cpu ({isa['selected']})"
    assert isa["selected"] in isa["available"]


def test_a_gpu_is_there_or_why_not(convscope, monkeypatch):
    found = json.loads(convscope("info", "--json").stdout)["gpu"]
    assert (found["reason"] is None) == bool(found["devices"])
    (line,) = (line for line in convscope("info").stdout.splitlines() if line.startswith("GPU"))
    assert ("not available: " in line) == (found["reason"] is not None)

    there = GpuFacts(None, "13.0", ("80-real", "90a-real"), "13.1", ("NVIDIA H200",))
    monkeypatch.setattr("convscope.probe.gpu_facts", lambda: there)
    line = "GPU        NVIDIA H200; kernels for 80-real, 90a-real, CUDA 13.0, driver 13.1"
    assert line in convscope("info").stdout.splitlines()
    without = replace(there, reason="no NVIDIA driver is installed", driver=None, devices=())
    monkeypatch.setattr("convscope.probe.gpu_facts", lambda: without)
    line = "GPU        not available: no NVIDIA driver is installed (kernels for 80-real, 90a-real, CUDA 13.0, driver none)"
    assert line in convscope("info").stdout.splitlines()


def test_plain_lines_say_the_same(convscope):
    facts = json.loads(convscope("info", "--json").stdout)
    lines = convscope("info").stdout.splitlines()
    assert lines[0].split() == ["convscope", cs.__version__]
    assert f"{facts['isa']['selected']} in use" in lines[2]


def test_an_unknown_instruction_set_is_misuse(convscope, monkeypatch):
    monkeypatch.setenv("CONVSCOPE_ISA", "avx9")
    result = convscope("info")
    assert result.exit_code == 2
    assert "avx9" in result.stderr


def test_a_missing_package_is_said(convscope, monkeypatch):
    monkeypatch.setattr("convscope.cli._info.PACKAGES", ("numpy", "espeakng-loader-of-mars"))
    assert json.loads(convscope("info", "--json").stdout)["packages"]["espeakng-loader-of-mars"] is None
    assert "not installed" in convscope("info").stdout


def test_bfloat16_is_said_to_be_there_or_what_it_needs(convscope, monkeypatch):
    for is_there, line in ((True, "available"), (False, "not available: it needs AVX512_BF16")):
        monkeypatch.setattr(_core, "has_bfloat16", lambda is_there=is_there: is_there)
        assert json.loads(convscope("info", "--json").stdout)["bfloat16"] is is_there
        assert f"bfloat16   {line}" in convscope("info").stdout.splitlines()


def test_an_untuned_machine_is_told_how(convscope, cache):
    assert json.loads(convscope("info", "--json").stdout)["tuned"] is None
    assert (
        "tuned      no: plans use the figures of a common server (convscope tune)"
        in convscope("info").stdout.splitlines()
    )
    assert not cache.exists()


def test_tuned_figures_are_shown(convscope, cache):
    save_machine(Machine(1.5e11, 4.25e10, 3), _core.selected_isa())
    tuned = json.loads(convscope("info", "--json").stdout)["tuned"]
    assert tuned == {"products_per_second": 1.5e11, "bytes_per_second": 4.25e10, "threads": 3}
    line = "tuned      150 G multiply-adds/s per thread, weights at 42 GB/s on 3 threads"
    assert line in convscope("info").stdout.splitlines()


def test_figures_of_another_instruction_set_are_not(convscope, cache):
    save_machine(Machine(1.5e11, 4.25e10, 3), "another")
    assert json.loads(convscope("info", "--json").stdout)["tuned"] is None


def test_a_corrupt_file_is_no_error(convscope, cache):
    cache.parent.mkdir()
    for content in ("", "{", "[]", '{"threads": 2}'):
        cache.write_text(content)
        assert json.loads(convscope("info", "--json").stdout)["tuned"] is None
