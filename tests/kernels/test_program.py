"""What `_core.Program` refuses, in words that say what was expected, and how the instruction set is chosen."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.devices import AVAILABLE_ISAS, FORMS
from tests.kernels import blocks

import convscope
from convscope import _core

ISA = AVAILABLE_ISAS[-1]


@pytest.fixture
def block():
    rng = np.random.default_rng(0)
    return blocks.transposed(rng, length=8, inputs=3, outputs=5, kernel=4, stride=2, left=1, reduction="mean")


def program(block, **changed) -> _core.Program:
    return _core.Program([blocks.layer(block, **changed)], ISA)


BAD_LAYERS = {
    "in_length": ({"in_length": 0}, "non-empty input, got length 0"),
    "in_channels": ({"in_channels": -3}, "non-empty input, got length 8 and channels -3"),
    "out_length": ({"out_length": 0}, "non-empty output, got length 0"),
    "out_channels": ({"out_channels": 0}, "non-empty output"),
    "step": ({"step": 0}, "step and phases of at least 1, got 0 and 2"),
    "phases": ({"phases": 0}, "step and phases of at least 1, got 1 and 0"),
    "kernel": ({"kernel": np.zeros(61, np.float32)}, r"weights \(slots, 3, 5\), got 61 values"),
    "slot above": ({"taps": [(0, 0, 4)]}, "tap slots below 4, got 4"),
    "slot below": ({"taps": [(0, 0, -1)]}, "tap slots below 4, got -1"),
    "slot of no weights": ({"kernel": np.zeros(0, np.float32)}, "tap slots below 0, got"),
    "phase above": ({"taps": [(2, 0, 0)]}, "tap phases below 2, got 2"),
    "phase below": ({"taps": [(-1, 0, 0)]}, "tap phases below 2, got -1"),
    "far tap": ({"taps": [(0, 2**31, 0)]}, "tap offsets within .* got 2147483648"),
    "far tap before": ({"taps": [(0, -(2**31), 0)]}, "tap offsets within .* got -2147483648"),
    "bias": ({"bias": np.zeros(6, np.float32)}, "bias of 5 or 2 x 5 values, got 6"),
    "no bias": ({"bias": np.zeros(0, np.float32)}, "bias of 5 or 2 x 5 values, got 0"),
    "slope missing": ({"activation": _core.Activation.leaky_relu}, "expected 5 slopes, got 0"),
    "slope not due": ({"slope": np.zeros(5, np.float32)}, "expected 0 slopes, got 5"),
    "readout missing": (
        {"reduction": _core.Reduction.readout},
        r"readout matrix \(K, C\), got 1 dimensions",
    ),
    "readout width": (
        {"reduction": _core.Reduction.readout, "readout": np.zeros((2, 4), np.float32)},
        "readout of 10 values, got 8",
    ),
    "readout empty": (
        {"reduction": _core.Reduction.readout, "readout": np.zeros((0, 5), np.float32)},
        "expected one series unless the reduction is a readout, got 0",
    ),
    "readout not due": ({"readout": np.zeros((2, 5), np.float32)}, "readout of 0 values, got 10"),
}


@pytest.mark.parametrize("case", BAD_LAYERS)
def test_a_layer_that_does_not_fit_is_refused(block, case):
    changed, message = BAD_LAYERS[case]
    with pytest.raises(ValueError, match=message):
        program(block, **changed)


@pytest.mark.parametrize(
    ("field", "value"), [("kernel", "w"), ("taps", [(0, 0)]), ("activation", "relu"), ("in_length", 1.5)]
)
def test_an_argument_of_the_wrong_kind_is_a_type_error(block, field, value):
    with pytest.raises((TypeError, ValueError)):
        program(block, **{field: value})


def test_layers_must_follow_each_other(block):
    wrong_length = replace(block, in_length=9)
    with pytest.raises(
        ValueError, match="layer 1: expected an input of 16 positions x 5 channels, got 9 x 3"
    ):
        _core.Program([blocks.layer(block), blocks.layer(wrong_length)], ISA)
    with pytest.raises(ValueError, match="at least one layer"):
        _core.Program([], ISA)


def test_an_unknown_instruction_set_is_refused_by_name(block):
    with pytest.raises(ValueError, match="no instruction set 'sse9'"):
        _core.Program([blocks.layer(block)], "sse9")


def test_a_layer_serves_one_program_and_says_so(block):
    layer = blocks.layer(block)
    _core.Program([layer], ISA)
    with pytest.raises(ValueError, match="expected a fresh layer, got one that is in a program already"):
        _core.Program([layer], ISA)


GOOD = np.zeros((2, 1, 16), np.float32)
READ_ONLY = GOOD.copy()
READ_ONLY.flags.writeable = False
BAD_SERIES = {
    "too few": ([], "expected 1 series, got 0"),
    "too many": ([GOOD, GOOD], "expected 1 series, got 2"),
    "missing": ([None], "layer 0: expected an array for its series, got None"),
    "too small": ([np.zeros((2, 1, 15), np.float32)], "a series of 32 values, got 30"),
    "too large": ([np.zeros((3, 1, 16), np.float32)], "a series of 32 values, got 48"),
    "float64": ([np.zeros((2, 1, 16))], "contiguous float32"),
    "strided": ([np.zeros((2, 1, 32), np.float32)[:, :, ::2]], "contiguous float32"),
    "a list": ([[0.0] * 32], "contiguous float32"),
    "read-only": ([READ_ONLY], "writeable"),
}


@pytest.mark.parametrize("case", BAD_SERIES)
def test_wrong_series_are_refused(block, case):
    series, message = BAD_SERIES[case]
    with pytest.raises(ValueError, match=message):
        program(block).run(np.zeros((2, 8, 3), np.float32), series, 1)


@pytest.mark.parametrize("shape", [(2, 8), (2, 7, 3), (2, 8, 4), (2, 8, 3, 1), (2, 3, 8), (24,)])
def test_wrong_inputs_are_refused(block, shape):
    with pytest.raises(ValueError, match=r"expected an input \(B, 8, 3\), got \("):
        program(block).run(np.zeros(shape, np.float32), [GOOD.copy()], 1)


@pytest.mark.parametrize("threads", [0, -1])
def test_a_team_has_at_least_one_thread(block, threads):
    with pytest.raises(ValueError, match=f"at least one thread, got {threads}"):
        program(block).run(np.zeros((2, 8, 3), np.float32), [GOOD.copy()], threads)


def test_series_are_given_for_probed_layers_only(block):
    silent = program(replace(block, reduction="none"))
    silent.run(np.zeros((2, 8, 3), np.float32), [None], 1)
    with pytest.raises(ValueError, match="a series of 0 values, got 32"):
        silent.run(np.zeros((2, 8, 3), np.float32), [GOOD.copy()], 1)


def in_a_new_process(code: str, isa: str | None = None) -> subprocess.CompletedProcess:
    """Run code against the same convscope; a crash there is a return code here."""
    root = str(Path(convscope.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    if isa is not None:
        environment["CONVSCOPE_ISA"] = isa
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60
    )


@pytest.mark.parametrize("index", [1, -1, 10**6])
def test_the_form_of_a_layer_that_is_not_there(index):
    code = f"""
import numpy as np
from convscope import _core
from tests.kernels import blocks
b = blocks.dense(np.random.default_rng(0), inputs=2, outputs=3, reduction="mean")
p = _core.Program([blocks.layer(b)], "baseline")
try:
    p.form({index})
except (IndexError, ValueError):
    raise SystemExit(0)
raise SystemExit("no error")
"""
    done = in_a_new_process(code)
    assert done.returncode == 0, done.stderr or f"ended by signal {-done.returncode}"


@pytest.mark.parametrize("form", FORMS)
def test_the_room_for_no_samples_is_no_crash(form):
    code = f"""
import numpy as np
from convscope import _core
from tests.kernels import blocks
b = blocks.dense(np.random.default_rng(0), inputs=2, outputs=3, reduction="mean")
p = _core.Program([blocks.layer(b, "{form}")], "baseline")
assert 0 <= p.workspace_bytes(0, 1) <= p.workspace_bytes(1, 1)
"""
    done = in_a_new_process(code)
    assert done.returncode == 0, done.stderr or f"ended by signal {-done.returncode}"


def test_none_for_a_layer_is_an_error_and_not_a_crash():
    code = """
from convscope import _core
try:
    _core.Program([None], "baseline")
except (TypeError, ValueError):
    raise SystemExit(0)
raise SystemExit("no error")
"""
    done = in_a_new_process(code)
    assert done.returncode == 0, done.stderr or f"ended by signal {-done.returncode}"


@pytest.mark.parametrize("isa", AVAILABLE_ISAS)
def test_the_environment_chooses_the_instruction_set(isa):
    done = in_a_new_process("from convscope import _core; print(_core.selected_isa())", isa)
    assert done.stdout.strip() == isa, done.stderr


def test_without_the_variable_the_best_is_chosen():
    for empty in ("", None):
        environment = None if empty is None else empty
        if environment is None and os.environ.get("CONVSCOPE_ISA"):
            continue  # this whole run was started for one instruction set
        done = in_a_new_process("from convscope import _core; print(_core.selected_isa())", environment)
        assert done.stdout.strip() == AVAILABLE_ISAS[-1], done.stderr


@pytest.mark.parametrize(
    "isa", ["nonsense", "AVX2", "avx2 ", "neon" if "neon" not in AVAILABLE_ISAS else "avx512"]
)
def test_an_instruction_set_that_cannot_run_fails_loudly(isa):
    code = """
import numpy as np, convscope as cs
net = cs.models.build(cs.models.preset("tf1-ciwgan", role="generator", dim=1))
cs.fast_probe(net, np.zeros((1, 100)))
"""
    done = in_a_new_process(code, isa)
    assert done.returncode != 0
    assert "ValueError" in done.stderr
    assert f"got '{isa}'" in done.stderr
    assert ", ".join(AVAILABLE_ISAS) in done.stderr
