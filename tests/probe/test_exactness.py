"""Every network against the float64 definition: the engine errs at most twice as much as torch in float32.

The reference is tests/reference/networks.py, which shares no code with the planner. Logits are few, so critics are
narrower and get more sounds: an error must be judged by more than a handful of values.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.catalogue import every_network, network_of
from tests.probe.helpers import SCALES, fill, inputs_for, torch_maps, torch_series
from tests.reference import networks
from tests.tolerances import assert_error_at_most_twice

import convscope as cs
from convscope.models import Activation, Conv, Dense, NetworkSpec, SpecError, build


def check(net, x, *, reduce="mean", at: str = "post", engine: str = "cpu") -> None:
    series = cs.fast_probe(net, x, reduce=reduce, at=at)
    exact = networks.series(net.spec, networks.weights_of(net), x, reduce, at)
    plain = torch_series(net, x, reduce, at)
    assert list(series) == [layer.name for layer in net.spec.layers]
    assert series.attributes["engine"].startswith(engine)
    roundings = 0 if isinstance(reduce, str) and reduce == "mean" else 1
    for name in series:
        assert np.any(exact[name])
        assert series[name].dtype == np.float32
        assert_error_at_most_twice(series[name], plain[name], exact[name], roundings=roundings, name=name)


@pytest.mark.parametrize("scale", SCALES)
@every_network
def test_every_network(name, role, slice_len, scale):
    is_generator = role == "generator"
    net = fill(network_of(name, role, slice_len, dim=8 if is_generator else 4), scale)
    check(net, inputs_for(net, 4 if is_generator else 24))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("role", "batch"), [("generator", 4), ("q_network", 4)])
def test_full_width(role, batch, scale):
    net = fill(network_of("tf1-ciwgan", role, dim=64), scale)
    check(net, inputs_for(net, batch))


NETWORKS = [
    ("tf1-ciwgan", "generator"),
    ("torch-atzhou8-2022", "discriminator"),
    ("articulationgan", "generator"),
]


@pytest.mark.parametrize("reduce", ["mean", "rms", "max"])
@pytest.mark.parametrize("at", ["pre", "post"])
@pytest.mark.parametrize(("name", "role"), NETWORKS)
def test_reductions_before_and_after_the_activation(name, role, reduce, at):
    net = fill(network_of(name, role, dim=5), "he", seed=3)
    check(net, inputs_for(net, 24), reduce=reduce, at=at)


@pytest.mark.parametrize("at", ["pre", "post"])
@pytest.mark.parametrize(("name", "role"), NETWORKS)
def test_read_outs(name, role, at):
    """A matrix for each layer: every channel by itself, then two weighted sums."""
    net = fill(network_of(name, role, dim=3), "he", seed=4)
    x = inputs_for(net, 24)
    weights = networks.weights_of(net)
    rng = np.random.default_rng(0)
    for layer in net.spec.layers:
        matrix = np.concatenate([np.eye(layer.out_channels), rng.standard_normal((2, layer.out_channels))])
        series = cs.fast_probe(net, x, layers=layer.name, reduce={layer.name: matrix}, at=at)[layer.name]
        before, after = networks.forward(net.spec, weights, x)[layer.name]
        single = matrix.astype(np.float32)  # the engine's read-out is float32
        exact = networks.reduce_channels(before if at == "pre" else after, single)
        plain = np.einsum("kc,bc...->bk...", single, torch_maps(net, x, at)[layer.name].numpy())
        assert series.shape == exact.shape
        assert_error_at_most_twice(series, plain, exact, roundings=1, name=layer.name)


def test_a_read_out_vector_gives_one_series():
    net = fill(network_of("tf1-ciwgan", "generator", dim=3), "he")
    x = inputs_for(net, 2)
    vector = np.random.default_rng(1).standard_normal(3).astype(np.float32)
    series = cs.fast_probe(net, x, layers="conv4", reduce=vector)["conv4"]
    exact = networks.forward(net.spec, networks.weights_of(net), x)["conv4"][1]
    assert series.shape == (2, 4096)
    np.testing.assert_allclose(series, np.einsum("c,bcl->bl", vector, exact), rtol=1e-4, atol=1e-6)


VARIANTS = {
    "running statistics, torch generator": ("torch-atzhou8-2022", "generator", {"batch_norm": True}),
    "running statistics, torch critic": ("torch-atzhou8-2025a", "discriminator", {"batch_norm": True}),
    "running statistics, TensorFlow generator": ("tf1-ciwgan", "generator", {"batch_norm": True}),
    "running statistics beside an embedding": ("tf1-ciwgan-embed", "generator", {"batch_norm": True}),
    "running statistics, articulatory": ("articulationgan", "generator", {"batch_norm": True}),
    "nearest, TensorFlow": ("tf1-ciwgan", "generator", {"upsample": "nearest"}),
    "nearest, last stride 2": ("tf1-ciwgan", "generator", {"upsample": "nearest", "slice_len": 32768}),
    "nearest, torch, last stride 2": (
        "torch-mostafaelaraby",
        "generator",
        {"slice_len": 32768, "batch_norm": True},
    ),
    "zeros, torch, last stride 2": (
        "torch-mostafaelaraby",
        "generator",
        {"slice_len": 32768, "upsample": "zeros"},
    ),
    "post filter": ("tf1-ciwgan", "generator", {"post_filter_len": 512}),
    "short post filter": ("torch-jtcramer", "generator", {"post_filter_len": 7}),
    "no post filter": ("torch-jtcramer", "generator", {"post_filter_len": 0}),
    "wide embedding": ("tf1-ciwgan-embed", "generator", {"embedding_dim": 40, "num_categories": 9}),
    "even kernel": ("tf1-ciwgan", "generator", {"kernel_len": 24}),
    "kernel below the stride": ("tf1-ciwgan", "generator", {"kernel_len": 3}),
    "kernel of one": ("tf1-ciwgan", "discriminator", {"kernel_len": 1}),
    "stereo generator": ("tf1-ciwgan", "generator", {"num_channels": 2}),
    "stereo critic": ("tf1-ciwgan", "discriminator", {"num_channels": 2}),
    "short latents": ("tf1-ciwgan", "generator", {"latent_dim": 3}),
    "all latents are code": ("tf1-ciwgan", "generator", {"latent_dim": 3, "num_categories": 3}),
}


@pytest.mark.parametrize("at", ["pre", "post"])
@pytest.mark.parametrize("case", VARIANTS)
def test_variants_of_the_presets(case, at):
    name, role, options = VARIANTS[case]
    net = fill(network_of(name, role, **{"dim": 5, **options}), "he", seed=5)
    x = inputs_for(net, 16)
    if "stereo" in case and role != "generator":
        x = np.stack([x, x[:, ::-1]], 1)  # (B, 2, L)
        with pytest.raises(ValueError, match="expected shape"):
            cs.fast_probe(net, x[:, 0])
    check(net, x, at=at)


def test_batch_statistics_run_in_torch_over_the_whole_batch():
    """TensorFlow's critics normalise by the batch at hand: more sounds than a chunk must still be one batch."""
    net = fill(network_of("tf1-ciwgan", "q_network", dim=2, batch_norm=True), "he")
    x = inputs_for(net, 20)
    with pytest.warns(UserWarning, match="BatchNorm1d by batch statistics"):
        check(net, x, engine="torch")


def hand_made(*layers, **shape) -> NetworkSpec:
    return NetworkSpec(name="by hand", role="custom", layers=layers, **shape)


def conv(**changes) -> Conv:
    return Conv(**{"name": "c", "in_channels": 2, "out_channels": 3, "kernel": 5, **changes})


BY_HAND = {
    "dilation far beyond the sample": conv(kernel=3, dilation=400, padding=(400, 400)),
    "padding far beyond the kernel": conv(padding=(300, 300)),
    "padding on the left only, one channel": conv(out_channels=1, padding=(90, 0)),
    "cropped": conv(padding=(-3, -8)),
    "stride beyond the kernel": conv(stride=9, padding=(1, 1)),
    "transposed, kernel below the stride": conv(transposed=True, stride=7),
    "transposed, kernel below the stride, many channels": conv(transposed=True, stride=7, out_channels=40),
    "transposed, dilated": conv(transposed=True, stride=3, dilation=4, padding=(5, 2)),
    "transposed, dilated with phases left out": conv(transposed=True, stride=4, dilation=2, padding=(3, 0)),
    "transposed, lengthened": conv(transposed=True, stride=3, padding=(0, -2)),
    "upsampled by 6, stride 4": conv(upsample=6, stride=4, padding=(3, 3)),
    "upsampled by 3, stride 2, dilated": conv(upsample=3, stride=2, dilation=5, padding=(7, 9)),
    "scaled leaky": conv(activation=Activation("leaky_relu", 0.3, -2.0)),
    "sigmoid over few channels": conv(activation=Activation("sigmoid")),
}


@pytest.mark.parametrize("at", ["pre", "post"])
@pytest.mark.parametrize("case", BY_HAND)
def test_layers_made_by_hand(case, at):
    layer = BY_HAND[case]
    spec = hand_made(layer, in_length=100, in_channels=2, slice_len=100)
    net = fill(build(spec).eval(), "he", seed=6)
    check(net, np.random.default_rng(0).standard_normal((9, 2, 100)).astype(np.float32), at=at)


@pytest.mark.parametrize(
    "activation",
    [Activation(), Activation("relu"), Activation("leaky_relu", 0.2)],
)
def test_the_embedding_channel_passes_the_activation_unchanged(activation):
    layer = Dense(
        name="fc", in_channels=7, out_positions=6, out_channels=4, embedding=5, classes=3, activation=activation
    )  # fmt: skip
    net = fill(build(hand_made(layer, in_length=1, in_channels=7, slice_len=0)).eval(), "he")
    x = 3 * np.random.default_rng(2).standard_normal((20, 7)).astype(np.float32)
    check(net, x)


@pytest.mark.parametrize("activation", [Activation("tanh"), Activation("relu", scale=3.0)])
def test_an_embedding_beside_an_activation_that_would_bend_it_is_refused(activation):
    with pytest.raises(SpecError, match="activation beside a class embedding"):
        Dense(name="fc", in_channels=7, out_channels=4, embedding=5, classes=3, activation=activation)


@pytest.mark.parametrize("order", ["channels_last", "channels_first"])
def test_dense_layers_between_maps(order):
    """A dense layer that flattens a map and makes another one, in either order."""
    layers = (
        conv(padding=(2, 2)),
        Dense(name="d", in_positions=30, in_channels=3, out_positions=4, out_channels=6, order=order),
        conv(name="e", in_channels=6, out_channels=2, kernel=3, padding=(1, 1)),
    )
    net = fill(build(hand_made(*layers, in_length=30, in_channels=2, slice_len=30)).eval(), "he")
    check(net, np.random.default_rng(3).standard_normal((20, 2, 30)).astype(np.float32))


def test_a_confident_sigmoid_keeps_its_small_probability():
    """Planted: a head that says no with probability 1e-9, which torch reports as such."""
    layer = Dense(name="d", in_channels=1, out_channels=2, activation=Activation("sigmoid"))
    net = build(hand_made(layer, in_length=1, in_channels=1, slice_len=0)).eval()
    net.d.weight.data.fill_(-20.7)
    net.d.bias.data.zero_()
    check(net, np.linspace(0.9, 1.1, 30, dtype=np.float32)[:, None])
