"""Building: seeds, random state, phase shuffle, descriptions made by hand, and what they refuse."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from tests.models.catalogue import DIALECTS, network_of, spec_of
from tests.reference import networks

from convscope.models import Activation, Conv, Dense, NetworkSpec, PhaseShuffle, SpecError, build


def state_bits(net) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in net.state_dict().items()}


@pytest.mark.parametrize("name", DIALECTS)
def test_a_seed_gives_the_same_network_and_another_seed_another(name):
    for role in DIALECTS[name][0]:
        spec = spec_of(name, role, dim=1, batch_norm=True)
        first, again, other = build(spec, seed=1), build(spec, seed=1), build(spec, seed=2)
        assert state_bits(first) == state_bits(again)
        changed = [
            key
            for key, tensor in first.state_dict().items()
            if not torch.equal(tensor, other.state_dict()[key])
        ]
        assert {f"{layer.name}.weight" for layer in spec.layers} <= set(changed)


@pytest.mark.parametrize("name", DIALECTS)
def test_every_weight_is_finite_and_of_sensible_size(name):
    for role in DIALECTS[name][0]:
        for key, tensor in network_of(name, role, dim=4).state_dict().items():
            assert torch.isfinite(tensor).all(), key
            assert tensor.abs().max() < 2, key
            if key.endswith("weight"):
                assert tensor.std() > 1e-3, key


def test_building_leaves_the_random_state_alone():
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - the legacy global state is what must not move
    states = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    for name in DIALECTS:
        network_of(name, "generator", dim=1)
    assert torch.equal(torch.get_rng_state(), states[0])
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002


def test_a_new_network_trains_and_is_float32_on_the_cpu():
    net = build(spec_of("tf1-ciwgan", "generator", dim=1))
    assert net.training
    assert {(p.dtype, p.device.type, p.requires_grad) for p in net.parameters()} == {
        (torch.float32, "cpu", True)
    }


# -- phase shuffle ------------------------------------------------------------------------------------------------------


def shuffling_layer(draw: str, radius: int = 2):
    """A convolution that passes its input on, then shuffles."""
    conv = Conv(
        name="c", in_channels=1, out_channels=1, kernel=1, bias=False, shuffle=PhaseShuffle(radius, draw)
    )
    net = build(
        NetworkSpec(name="planted", role="custom", layers=(conv,), in_length=9, in_channels=1, slice_len=9)
    )
    with torch.no_grad():
        net.c.weight.fill_(1)
    return net


def reflected(shift: int, length: int = 9) -> tuple[int, ...]:
    """Counting positions read `shift` later, the ends filled by reflection without repeating the edge."""
    top = length - 1
    return tuple(top - abs(top - abs(i + shift)) for i in range(length))


@pytest.mark.parametrize("radius", [1, 2, 4])
def test_phase_shuffle_shifts_with_reflection(radius):
    net = shuffling_layer("batch", radius).train()
    torch.manual_seed(0)
    x = torch.arange(9.0).repeat(3, 1)
    seen = set()
    with torch.no_grad():
        for _ in range(200):
            rows = {tuple(int(v) for v in row) for row in net(x)[:, 0]}
            assert len(rows) == 1, "one shift for the whole batch"
            seen |= rows
    assert seen == {reflected(shift) for shift in range(-radius, radius + 1)}


def test_phase_shuffle_may_draw_for_each_sample():
    net = shuffling_layer("sample").train()
    torch.manual_seed(0)
    with torch.no_grad():
        rows = [tuple(int(v) for v in row) for row in net(torch.arange(9.0).repeat(200, 1))[:, 0]]
    assert set(rows) == {reflected(shift) for shift in range(-2, 3)}


def test_evaluation_does_not_shuffle_nor_draw():
    net = shuffling_layer("batch").eval()
    before = torch.get_rng_state()
    x = torch.arange(9.0)[None]
    with torch.no_grad():
        assert torch.equal(net(x)[:, 0], x)
    assert torch.equal(torch.get_rng_state(), before)


# -- descriptions made by hand ------------------------------------------------------------------------------------------


def conv(**changes) -> Conv:
    return Conv(**{"name": "c", "in_channels": 1, "out_channels": 2, "kernel": 3, **changes})


def network(*layers, in_length=16, in_channels=1, slice_len=16) -> NetworkSpec:
    return NetworkSpec(
        name="by hand",
        role="custom",
        layers=layers,
        in_length=in_length,
        in_channels=in_channels,
        slice_len=slice_len,
    )


@pytest.mark.parametrize("field", ["in_channels", "out_channels", "kernel", "stride", "dilation", "upsample"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_convolution_needs_positive_numbers(field, value):
    with pytest.raises(SpecError, match=f"layer 'c': {field} must be at least 1, got {value}"):
        conv(**{field: value})


@pytest.mark.parametrize("field", ["in_positions", "in_channels", "out_positions", "out_channels"])
def test_a_dense_layer_needs_positive_numbers(field):
    with pytest.raises(SpecError, match=f"{field}.* at least 1, got 0"):
        Dense(**{"name": "d", "in_channels": 3, "out_channels": 4, field: 0})


def test_a_transposed_convolution_does_not_upsample():
    with pytest.raises(SpecError, match="upsample=2 cannot be combined with transposed=True"):
        conv(transposed=True, upsample=2)


def test_layers_must_fit_each_other():
    with pytest.raises(
        SpecError, match="layer 'd': expected an input of 14 positions x 3 channels, got 14 x 2"
    ):
        network(conv(), conv(name="d", in_channels=3))
    with pytest.raises(
        SpecError, match="layer 'd': expected an input of 5 positions x 2 channels, got 14 x 2"
    ):
        network(conv(), Dense(name="d", in_positions=5, in_channels=2, out_channels=1))
    with pytest.raises(SpecError, match=r"layer 'c': .*leaves nothing of 16 positions"):
        network(conv(kernel=17))
    with pytest.raises(SpecError, match="layers: expected different names"):
        network(conv(), conv(in_channels=2))
    with pytest.raises(SpecError, match="layers: expected at least one"):
        network()


def test_descriptions_are_frozen_and_comparable():
    spec = spec_of("tf1-ciwgan", "generator")
    assert spec == spec_of("tf1-ciwgan", "generator")
    assert spec != spec_of("tf1-ciwgan", "generator", dim=4)
    with pytest.raises(FrozenInstanceError):
        spec.slice_len = 3


def test_activations_print_like_formulas():
    assert str(Activation("leaky_relu", 0.2)) == "leaky_relu(0.2)"
    assert str(Activation("tanh", scale=3.0)) == "3*tanh"
    assert str(Activation()) == "identity"


BY_HAND = {
    "causal": conv(padding=(2, 0)),
    "cropped": conv(padding=(-1, -2)),
    "cropped evenly": conv(padding=(-2, -2)),
    "far padding": conv(padding=(7, 7)),
    "dilated": conv(dilation=4, padding=(4, 4)),
    "stride beyond the kernel": conv(stride=5),
    "upsampled and strided": conv(upsample=3, stride=2, padding=(1, 0)),
    "transposed": conv(transposed=True, stride=3, padding=(1, 0)),
    "transposed, cut right": conv(transposed=True, stride=2, padding=(0, 3)),
    "transposed, lengthened": conv(transposed=True, stride=3, padding=(0, -2)),
    "transposed, cut far left": conv(transposed=True, stride=2, padding=(3, 0)),
    "transposed, dilated": conv(transposed=True, stride=2, dilation=3, padding=(2, 1)),
    "transposed, kernel below the stride": conv(transposed=True, stride=5, kernel=2),
    "scaled": conv(activation=Activation("tanh", scale=3.0)),
    "without bias": conv(bias=False, activation=Activation("leaky_relu", 0.3)),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_the_torch_module_is_its_description(case):
    spec = network(BY_HAND[case])
    net = build(spec, seed=1).double().eval()
    x = np.random.default_rng(0).standard_normal((2, 16))
    (_, expected) = networks.forward(spec, networks.weights_of(net), x)["c"]
    with torch.no_grad():
        y = net(torch.from_numpy(x)).numpy()
    assert y.shape == (2, 2, spec.out_lengths[0])
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("padding", [(-1, 0), (1, -2)])
def test_a_transposed_layer_that_torch_cannot_build_is_refused(padding):
    with pytest.raises(SpecError, match="padding of a transposed layer"):
        conv(transposed=True, stride=2, padding=padding)
