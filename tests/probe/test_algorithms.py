"""Every algorithm on every network: at most three times the error of torch in float32, both against torch in float64.

The critics' logits are a handful of values, and a value can be right by luck: they are allowed some roundings more.
Adversarial networks have channel scales from 1e-4 to 1e4 on both channel axes of every convolution. They are read before the
activation: a tanh of values around 1e4 is a step, and its error that of the few positions where it falls.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from tests.models.catalogue import DIALECTS, network_of
from tests.probe.helpers import fill, in_double, inputs_for, scale_channels, torch_series
from tests.tolerances import ROUNDING, relative_error

import convscope as cs
from convscope.models import SpeechNetwork

KINDS = ("preset", "he", "adversarial")
PLANS = {
    "direct": {"algorithm": "direct"},
    "auto": {},
    "spectral": {"algorithm": "spectral", "typical_batch": 10**6},
}
TIMES = 3
OF_FEW = 16  # roundings that a layer of fewer than a hundred values is allowed beside it
NETWORKS = [(name, role) for name, (roles, _) in DIALECTS.items() for role in roles]


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
        scale_channels(net, x[:2])
    at = "pre" if kind == "adversarial" else "post"
    return Case(net, x, at, torch_series(in_double(net), x, at=at), torch_series(net, x, at=at))


def check(case: Case, probe: cs.Probe) -> None:
    series = probe.run(case.x)
    assert list(series) == list(case.exact)
    for name, exact in case.exact.items():
        assert np.isfinite(exact).all()
        error, of_torch = (relative_error(values[name], exact) for values in (series, case.plain))
        allowed = TIMES * of_torch + (OF_FEW * ROUNDING if exact.size < 100 else 0)
        assert error <= allowed, (
            f"{name}: {error:.2e}, {error / of_torch:.2f} times torch's, with {probe.plan.algorithms}"
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "role"), NETWORKS)
def test_every_network(name, role, kind):
    """The first layers are wide enough for the spectral form, the last ones too narrow."""
    case = case_of(name, role, kind, dim=8, batch=8)
    found = set()
    for plan in PLANS.values():
        probe = cs.Probe(case.net, at=case.at, **plan)
        check(case, probe)
        found |= {row.algorithm for row in probe.plan}
    assert found == {"direct", "spectral"}


@pytest.fixture(scope="module", params=[(role, kind) for role in ("generator", "q_network") for kind in KINDS])
def full_size(request) -> Case:
    role, kind = request.param
    return case_of("tf1-ciwgan", role, kind, dim=64, batch=4)


FULL_SIZE_PLANS = {**PLANS, "for one sample": {"typical_batch": 1}}


@pytest.mark.parametrize("plan", FULL_SIZE_PLANS)
def test_full_size(full_size, plan):
    check(full_size, cs.Probe(full_size.net, at=full_size.at, **FULL_SIZE_PLANS[plan]))


