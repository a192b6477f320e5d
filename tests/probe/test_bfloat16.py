"""Products in bfloat16: for previews, where the processor has them; a clear refusal elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.catalogue import network_of
from tests.probe.helpers import fill, in_double, inputs_for, torch_series
from tests.tolerances import relative_error
from torch import nn

import convscope as cs
from convscope import _core

needs_bfloat16 = pytest.mark.skipif(
    not _core.has_bfloat16(), reason="this processor has no AVX512_BF16, or CONVSCOPE_ISA chose other kernels"
)
PREVIEW = {"precision": "bfloat16"}
LIMIT = 5e-3  # of every layer's series


def test_elsewhere_the_error_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(_core, "has_bfloat16", lambda: False)
    net = network_of("tf1-ciwgan", "generator", dim=1)
    for call in (
        lambda: cs.Probe(net, **PREVIEW),
        lambda: cs.fast_probe(net, np.zeros((1, 100)), **PREVIEW),
        lambda: cs.verify(net, np.zeros((1, 100)), **PREVIEW),
    ):
        with pytest.raises(
            ValueError, match=r"precision: bfloat16 needs a processor with AVX512_BF16 .*got the"
        ):
            call()


@pytest.mark.parametrize("isa", [isa for isa in _core.available_isas() if isa != "avx512"])
def test_other_kernels_have_none(isa):
    code = (
        "import convscope as cs\nfrom convscope import _core\nassert not _core.has_bfloat16()\n"
        "net = cs.models.build(cs.models.preset('tf1-ciwgan', role='generator', dim=1))\n"
        "try:\n    cs.Probe(net, precision='bfloat16')\n"
        f"except ValueError as error:\n    assert 'got the kernels for {isa}' in str(error), error\n"
        "else:\n    raise SystemExit('no error')\n"
    )
    environment = os.environ | {"CONVSCOPE_ISA": isa, "PYTHONPATH": str(Path(cs.__file__).parents[1])}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("options", [{"algorithm": "direct"}, {"memory": "low"}])
@pytest.mark.parametrize("is_there", [True, False])
def test_the_direct_form_has_none(monkeypatch, options, is_there):
    monkeypatch.setattr(_core, "has_bfloat16", lambda: is_there)
    with pytest.raises(ValueError, match="bfloat16 products exist in the spectral form only"):
        cs.Probe(network_of("tf1-ciwgan", "generator", dim=1), **PREVIEW, **options)


# Small numbers of 8 significant bits: each layer adds some 1.5e-3 of a map's value to what comes in. Logits are a few numbers, each
# a small difference of large sums; over draws of the weights their error is between 2.6e-3 and 6.1e-3.
BEYOND = {
    ("generator", "preset"): (),
    ("generator", "he"): (),
    ("q_network", "preset"): ("logits",),
    ("q_network", "he"): (),
}


@pytest.fixture(scope="module", params=BEYOND, ids=lambda case: "-".join(case))
def full_size(request):
    """Errors by layer, what is known to be beyond the limit, and the plan."""
    role, kind = request.param
    net = network_of("tf1-ciwgan", role, dim=64)
    if kind == "he":
        fill(net, "he")
    x = inputs_for(net, 8)
    probe = cs.Probe(net, **PREVIEW)
    series, exact = probe.run(x), torch_series(in_double(net), x)
    return (
        {name: relative_error(series[name], exact[name]) for name in series},
        BEYOND[request.param],
        probe.plan,
    )


@needs_bfloat16
def test_every_spectral_layer_is_within_the_limit(full_size):
    errors, beyond, plan = full_size
    assert sum(row.algorithm == "spectral" for row in plan) == 4
    for name, error in errors.items():
        if name not in beyond:
            assert error <= LIMIT, f"{name}: {error:.1e}"
    assert max(errors.values()) > 1e-4, "nothing was computed in bfloat16"


@needs_bfloat16
def test_the_last_layer_is_within_the_limit(full_size, request):
    """Where it is not, the figure is in the reason: a limit that is met one day must be noticed."""
    errors, beyond, _ = full_size
    last = list(errors)[-1]
    if last in beyond:
        request.node.add_marker(
            pytest.mark.xfail(strict=True, reason=f"{last}: {errors[last]:.1e}, wanted {LIMIT:.0e}")
        )
    assert errors[last] <= LIMIT


@needs_bfloat16
@pytest.mark.parametrize("role", ["generator", "q_network"])
def test_it_is_never_worse_than_a_percent_or_so(role):
    net = fill(network_of("tf1-ciwgan", role, dim=16), "he")
    table = cs.verify(net, inputs_for(net, 8), **PREVIEW)
    assert all(row.error < 2e-2 for row in table)


@needs_bfloat16
def test_weights_take_half_of_the_bytes():
    """As many rows of half the bytes, and two more: one product, the sum of a window, has factors of twice as many bits. Of the
    four phases of 25 taps, three lack a tap at one end of the seven steps: the product there is zero's or infinity's, one
    row in either precision.
    """
    net = network_of("tf1-ciwgan", "generator", dim=16)
    options = {"algorithm": "spectral", "typical_batch": 10**6}
    single, half = cs.Probe(net, **options).plan, cs.Probe(net, **options, **PREVIEW).plan
    same = [rows for rows in zip(single, half, strict=True) if rows[0].window == rows[1].window > 0]
    assert same
    for row, of_half in same:
        stored, stored_of_half = 4 * row.window - 3, 4 * row.window + 5
        assert of_half.weight_bytes / row.weight_bytes == stored_of_half / (2 * stored)
    assert [row.weight_bytes for row in single if not row.window] == [
        row.weight_bytes for row in half if not row.window
    ]


@needs_bfloat16
def test_an_odd_number_of_channels_stays_in_float32():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv1d(33, 32, 7, padding=3), nn.ReLU(), nn.Conv1d(32, 32, 7, padding=3))
    x = np.random.default_rng(0).uniform(-1, 1, (2, 33, 100)).astype(np.float32)
    options = {"algorithm": "spectral", "input_shape": (33, 100)}
    probe = cs.Probe(net, **options, **PREVIEW)
    assert {row.algorithm for row in probe.plan} == {"spectral"}
    series, single = probe.run(x), cs.Probe(net, **options).run(x)
    np.testing.assert_array_equal(series["0"], single["0"])
    assert 1e-4 < relative_error(series["2"], single["2"]) < LIMIT


@needs_bfloat16
def test_the_series_say_so():
    net = network_of("tf1-ciwgan", "generator", dim=8)
    assert cs.Probe(net, **PREVIEW).run(np.zeros((1, 100))).attributes["precision"] == "bfloat16"


@needs_bfloat16
@pytest.mark.parametrize("scale", [1e-20, 1e15])
def test_the_range_is_that_of_float32(scale):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv1d(32, 32, 7, padding=3, bias=False))
    x = np.random.default_rng(0).uniform(-1, 1, (2, 32, 64)).astype(np.float32) * np.float32(scale)
    options = {"algorithm": "spectral", "input_shape": (32, 64)}
    series, single = (cs.Probe(net, **options, **more).run(x)["0"] for more in (PREVIEW, {}))
    assert relative_error(series, single) < LIMIT
