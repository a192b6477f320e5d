"""Every engine computes the layer series of the same network; those that are not installed are skipped by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import convscope
from convscope.bench import ENGINES, Case
from convscope.bench._engines import CannotRun
from convscope.bench._functional import LayerMeans
from convscope.bench._peers_jax import _step
from convscope.bench._phases import Phases, PhasesLast, SpaceToDepth, SubPixel, SubPixelLast
from convscope.models import build, preset

EVERY = [name for name in ENGINES if "compile" not in name]
COMPILED = ["torch.compile"]  # takes seconds; the sub-pixel form goes the same way
CASES = {  # what is compiled comes first: a compiler forks, which is safe only until JAX has started its threads
    "first layers": Case("generator", dim=2, batch=2, depth=2),
    "generator": Case("generator", dim=2, batch=3),
    "Q-network with a stride of 2": Case("q_network", 32768, dim=2, batch=2),
}


ASKED = [(name, case) for case in CASES for name in (COMPILED if case == "first layers" else EVERY)]


@pytest.fixture(scope="module")
def found():
    """What the child says: (status, message, worst error) by engine and case, and the engines whose arrays are fresh."""
    present = {
        case: [name for name, other in ASKED if other == case and not ENGINES[name].missing] for case in CASES
    }
    task = json.dumps([(CASES[case].to_dict(), names) for case, names in present.items()])
    root = Path(__file__).resolve().parents[2]
    paths = [str(root), str(Path(convscope.__file__).parents[1])]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.child"],
        input=task,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    rows = {
        (name, case): row
        for (case, names), rows in zip(present.items(), answer["rows"], strict=True)
        for name, row in zip(names, rows, strict=True)
    }
    return rows, answer["fresh"]


def skip_if_missing(name):
    if ENGINES[name].missing:
        pytest.skip(f"{name}: not installed: {', '.join(ENGINES[name].missing)}")


@pytest.mark.parametrize(("name", "case"), ASKED, ids=[f"{name}-{case}" for name, case in ASKED])
def test_series_are_those_of_float64(name, case, found):
    skip_if_missing(name)
    status, message, error = found[0][name, case]
    assert (status, message) == ("ok", "")
    assert 0 < error < 3e-6


@pytest.mark.parametrize("name", EVERY)
def test_an_engine_gives_fresh_arrays(name, found):
    skip_if_missing(name)
    assert name in found[1]


@pytest.mark.parametrize("form", [Phases, PhasesLast])
@pytest.mark.parametrize("slice_len", [16384, 32768, 65536])
@pytest.mark.parametrize("role", ["generator", "q_network"])
def test_the_sub_pixel_forms_are_the_network(role, slice_len, form):
    case = Case(role, slice_len, dim=1, batch=2)
    x, depth = torch.from_numpy(case.inputs()).double(), len(case.layers)
    with torch.no_grad():
        expected = LayerMeans(case.network().double(), depth)(x)
        got = form(case.network(), depth).double()(x)
    for layer, a, b in zip(case.layers, got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12, msg=layer)


def test_the_sub_pixel_form_has_seven_taps_and_four_times_the_channels():
    case = Case("generator", dim=2)
    layers = Phases(case.network(), 6).layers
    assert [type(layer) for layer in layers[1:]] == [SubPixel] * 5
    spec = layers[1].spec
    assert layers[1].weight.shape == (spec.out_channels, 4, spec.in_channels, 7)
    last = PhasesLast(case.network(), 6).layers[1]
    assert isinstance(last, SubPixelLast)
    assert last.weight.shape == (4 * spec.out_channels, spec.in_channels, 1, 7)
    heard = Phases(Case("q_network", dim=2).network(), 5).layers
    assert [type(layer) for layer in heard] == [SpaceToDepth] * 5
    assert heard[1].weight.shape == (4, 2, 4, 7)


def test_what_jax_has_no_form_for_is_named():
    normalised = build(preset("torch-atzhou8-2022", role="generator", dim=2)).conv1
    assert normalised.spec.norm is None
    normalised.norm = torch.nn.BatchNorm1d(2)
    with pytest.raises(CannotRun, match="layer 'conv1': the JAX form has no normalisation"):
        _step(normalised)
    with pytest.raises(CannotRun, match="the JAX form has no Identity"):
        _step(torch.nn.Identity())


def test_an_engine_without_its_package_is_missing_it(monkeypatch):
    engine = replace(ENGINES["OpenVINO"], packages=("no_such_package", "numpy"))
    assert engine.missing == ("no_such_package",)
    assert not ENGINES["convscope"].missing
    assert [name for name, found in ENGINES.items() if found.is_ours] == ["convscope", "convscope direct"]
