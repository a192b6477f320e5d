"""Receptive and projective fields against brute force: which samples do change when one is changed?

Planted: weights and inputs are positive and there is no bias, so that nothing cancels and a change is always seen.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.models.catalogue import DIALECTS, network_of

from convscope.models import Conv, Dense, NetworkSpec, build, fields


def positive(net):
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.fill_(0.0 if name.endswith("bias") else 0.1)
    return net.double().eval()


def conv(name: str, **changes) -> Conv:
    return Conv(**{"name": name, "in_channels": 1, "out_channels": 1, "kernel": 3, **changes})


def critic(*layers, length: int = 60) -> NetworkSpec:
    return NetworkSpec(
        name="by hand", role="custom", layers=layers, in_length=length, in_channels=1, slice_len=length
    )


def check_interval(touched: np.ndarray, first: float, count: float, length: int) -> None:
    """The samples found lie in the interval and reach both of its ends, unless the slice ends before."""
    last = first + count - 1
    assert touched.size > 0
    assert first <= touched[0]
    assert touched[-1] <= last
    if first >= 0:
        assert touched[0] == np.ceil(first)
    if last < length:
        assert touched[-1] == np.floor(last)


CRITICS = {
    "one": [conv("a", kernel=5, stride=2, padding=(1, 3))],
    "strided": [
        conv("a", kernel=25, stride=4, padding=(10, 11)),
        conv("b", kernel=5, stride=2, padding=(2, 2)),
    ],
    "dilated": [
        conv("a", dilation=3, padding=(3, 3)),
        conv("b", kernel=2, stride=3),
        conv("c", padding=(2, 0)),
    ],
    "cropped": [conv("a", padding=(-4, 1)), conv("b", kernel=4, padding=(0, 0), stride=2)],
}


@pytest.mark.parametrize("case", CRITICS)
def test_receptive_fields_by_perturbing_every_sample(case):
    spec = critic(*CRITICS[case])
    net = positive(build(spec))
    length = spec.in_length
    x = torch.ones(length + 1, 1, length, dtype=torch.float64)
    x[torch.arange(length), 0, torch.arange(length)] = 2  # the last row stays as it is
    with torch.no_grad():
        for module, field in zip(net.children(), fields(spec), strict=True):
            x = module(x)
            changed = (x[:-1, 0] != x[-1, 0]).T.numpy()  # (positions, samples)
            for position, row in enumerate(changed):
                check_interval(np.flatnonzero(row), field.first + position * field.hop, field.length, length)


GENERATORS = {
    "transposed": [
        conv("a", kernel=25, stride=4, padding=(10, 11), transposed=True),
        conv("b", padding=(1, 1)),
    ],
    "two": [conv("a", kernel=5, stride=2, padding=(1, 2), transposed=True) for _ in range(1)]
    + [conv("b", kernel=7, stride=3, padding=(2, 2), transposed=True)],
    "dilated": [conv("a", kernel=4, stride=3, dilation=2, padding=(1, 0), transposed=True)],
    "nearest": [
        conv("a", kernel=5, upsample=4, padding=(2, 2)),
        conv("b", kernel=3, upsample=2, padding=(0, 2)),
    ],
}


@pytest.mark.parametrize("case", GENERATORS)
def test_projective_fields_by_impulses_at_every_position(case):
    layers = (Dense(name="fc", in_channels=2, out_positions=12, out_channels=1), *GENERATORS[case])
    length = NetworkSpec(
        name="by hand", role="custom", layers=layers, in_length=1, in_channels=2, slice_len=1
    ).out_lengths[-1]
    spec = NetworkSpec(
        name="by hand", role="custom", layers=layers, in_length=1, in_channels=2, slice_len=length
    )
    modules = list(positive(build(spec)).children())
    for number, field in enumerate(fields(spec)):
        positions = spec.out_lengths[number]
        h = torch.eye(positions, dtype=torch.float64)[:, None]  # one impulse per row
        with torch.no_grad():
            for module in modules[number + 1 :]:
                h = module(h)
        for position, row in enumerate(h[:, 0].numpy()):
            check_interval(np.flatnonzero(row), field.first + position * field.hop, field.length, length)


@pytest.mark.parametrize("name", [name for name in DIALECTS if name != "articulationgan"])
@pytest.mark.parametrize("role", ["discriminator", "generator"])
def test_fields_of_the_published_networks(name, role):
    """One position in the middle of each layer, by differentiation."""
    net = positive(network_of(name, role, dim=1))
    spec, modules = net.spec, list(net.children())
    for number, (layer, field) in enumerate(zip(spec.layers, fields(spec), strict=True)):
        if layer.name == "logits":
            assert field is None
            continue
        position = spec.out_lengths[number] // 2
        if role == "generator":
            h = torch.zeros(1, layer.out_channels, spec.out_lengths[number], dtype=torch.float64)
            h[..., position] = 1
            rest = modules[number + 1 :]
            with torch.no_grad():
                for module in rest:
                    h = module(h)
            touched = h[0, 0].nonzero().flatten()
        else:
            x = torch.ones(1, 1, spec.in_length, dtype=torch.float64, requires_grad=True)
            h = x
            for module in modules[: number + 1]:
                h = module(h)
            (gradient,) = torch.autograd.grad(h[..., position].sum(), x)
            touched = gradient[0, 0].nonzero().flatten()
        first = field.first + position * field.hop
        last = first + field.length - 1
        assert (touched[0].item(), touched[-1].item()) == (max(first, 0), min(last, spec.slice_len - 1))
        assert field.centre(position) == (first + last) / 2


def test_fields_that_are_known_by_heart():
    """Of the papers' networks: 25 samples in the first layer, 25 + 4 * 24 in the second; hops are the strides' product."""
    found = fields(network_of("tf1-ciwgan", "q_network", dim=1).spec)
    assert [(field.hop, field.first, field.length) for field in found[:2]] == [(4, -10, 25), (16, -50, 121)]
    assert [field.hop for field in found[:5]] == [4, 16, 64, 256, 1024]
    assert found[5] is None
    made = fields(network_of("tf1-ciwgan", "generator", dim=1).spec)
    assert [field.hop for field in made] == [1024, 256, 64, 16, 4, 1]
    assert (made[5].first, made[5].length) == (0, 1)
    assert (made[4].first, made[4].length) == (-10, 25)
    shifted = fields(network_of("torch-atzhou8-2022", "generator", dim=1).spec)
    assert made[0].first - shifted[0].first == 341


def test_without_a_waveform_there_are_no_fields():
    spec = NetworkSpec(
        name="by hand",
        role="custom",
        layers=(Dense(name="d", in_channels=3, out_channels=2),),
        in_length=1,
        in_channels=3,
        slice_len=0,
    )
    assert fields(spec) == (None,)
