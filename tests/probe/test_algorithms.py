"""Every algorithm on every network: at most three times the error of torch in float32, both against torch in float64.

The critics' logits are a handful of values, and a value can be right by luck: they are allowed a few roundings more.
Adversarial networks have channel scales from 1e-4 to 1e4 on both channel axes of every convolution. They are read before the
activation: a tanh of values around 1e4 is a step, and its error that of the few positions where it falls.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from tests.models.catalogue import DIALECTS, network_of, spec_of
from tests.probe.helpers import fill, in_double, inputs_for, scale_channels, torch_series
from tests.tolerances import LUCK, ROUNDING, relative_error

import convscope as cs
from convscope.models import SpeechNetwork

KINDS = ("preset", "he", "adversarial")
PLANS = {
    "direct": {"algorithm": "direct"},
    "auto": {},
    "spectral": {"algorithm": "spectral", "typical_batch": 10**6},
}
TIMES = 3
NETWORKS = [(name, role) for name, (roles, _) in DIALECTS.items() for role in roles]
# Dialects that differ in their first weights only are one network to a test that draws all weights itself.
DISTINCT = list({spec_of(name, role).layers: (name, role) for name, role in NETWORKS}.values())
OTHERS = [network for network in NETWORKS if network not in DISTINCT]
CASES = [
    *((*network, kind) for network in DISTINCT for kind in ("he", "adversarial")),
    *((*network, "preset") for network in OTHERS),
]


class Case(NamedTuple):
    """A network and its series by torch."""

    net: SpeechNetwork
    x: np.ndarray
    at: str
    exact: dict[str, np.ndarray]
    plain: dict[str, np.ndarray]


def case_of(name: str, role: str, kind: str, *, dim: int, batch: int) -> Case:
    net = network_of(name, role, dim=dim)
    x = inputs_for(net, batch)
    if kind != "preset":
        fill(net, "he")
    if kind == "adversarial":
        scale_channels(net, x[:1])
    at = "pre" if kind == "adversarial" else "post"
    return Case(net, x, at, torch_series(in_double(net), x, at=at), torch_series(net, x, at=at))


def check(case: Case, probe: cs.Probe) -> None:
    series = probe.run(case.x)
    assert list(series) == list(case.exact)
    for name, exact in case.exact.items():
        assert np.isfinite(exact).all()
        error, of_torch = (relative_error(values[name], exact) for values in (series, case.plain))
        allowed = TIMES * of_torch + (LUCK * ROUNDING if exact.size < 100 else 0)
        assert error <= allowed, (
            f"{name}: {error:.2e}, {error / of_torch:.2f} times torch's, with {probe.plan.algorithms}"
        )


@pytest.mark.parametrize(("name", "role", "kind"), CASES)
def test_every_network(name, role, kind):
    """The first layers are wide enough for the spectral form, the last ones too narrow."""
    case = case_of(name, role, kind, dim=8, batch=8)
    found = set()
    for plan in PLANS.values():
        probe = cs.Probe(case.net, at=case.at, **plan)
        check(case, probe)
        found |= {row.algorithm for row in probe.plan}
    assert found == {"direct", "spectral"}


@pytest.fixture(
    scope="module", params=[(role, kind) for role in ("generator", "q_network") for kind in KINDS]
)
def full_size(request) -> Case:
    role, kind = request.param
    return case_of("tf1-ciwgan", role, kind, dim=64, batch=4)


FULL_SIZE_PLANS = {**PLANS, "for one sample": {"typical_batch": 1}}


@pytest.mark.parametrize("plan", FULL_SIZE_PLANS)
def test_full_size(full_size, plan):
    check(full_size, cs.Probe(full_size.net, at=full_size.at, **FULL_SIZE_PLANS[plan]))


ROWS = (1, 2, 3, 4, 5, 6, 9, 10, 16, 17, 33, 97, 100)


@pytest.mark.parametrize("batch", [1, 3])
def test_any_number_of_rows(batch):
    """Windows that do not divide a sample: the last one may have a single row. In a process of its own, which may crash."""
    check = f"""
import numpy as np, torch
from torch import nn
import convscope as cs
torch.manual_seed(0)
windows = set()
for rows in {ROWS}:
    for kernel, padding in ((3, 1), (7, 3), (17, 8)):
        net = nn.Sequential(nn.Conv1d(32, 32, kernel, padding=padding), nn.ReLU())
        x = np.random.default_rng(rows).uniform(-1, 1, ({batch}, 32, rows)).astype(np.float32)
        for typical_batch in (1, 10**6):
            probe = cs.Probe(net, algorithm="spectral", typical_batch=typical_batch, input_shape=x.shape[1:], num_threads=2)
            series = probe.run(x)["0"]
            direct = cs.fast_probe(net, x, algorithm="direct", num_threads=1)["0"]
            np.testing.assert_allclose(series, direct, rtol=0, atol=2e-6, err_msg=str((rows, probe.plan)))
            windows |= {{row.window for row in probe.plan}}
assert len(windows) > 4, windows
"""
    ended = subprocess.run([sys.executable, "-c", check], env=environment(), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr or f"ended by signal {-ended.returncode}"


def environment() -> dict[str, str]:
    """For a process that imports this convscope."""
    return os.environ | {"PYTHONPATH": str(Path(cs.__file__).parents[1])}
