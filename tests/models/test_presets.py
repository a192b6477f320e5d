"""Every named preset: shapes, parameter counts, and each field in which the dialects differ.

The numbers are those of the published systems (docs/design/0002-networks.md), counted by hand where a comment says so.
"""

from __future__ import annotations

import pytest
import torch
from tests.models.catalogue import DIALECTS, every_network, network_of, spec_of

from convscope.models import SLICE_LENGTHS, Conv, SpecError, build, preset, preset_names

CRITICS = ("discriminator", "q_network")


def test_the_presets_are_those_of_the_catalogue():
    assert preset_names() == tuple(DIALECTS)
    assert SLICE_LENGTHS == (16384, 32768, 65536)


@every_network
def test_shapes(name, role, slice_len):
    """The module makes what the description says, and the description what the papers say."""
    net = network_of(name, role, slice_len, dim=2)
    spec = net.spec
    if role == "generator":
        x = torch.zeros(2, 103 if name == "tf1-ciwgan-embed" else 100)
        if name == "articulationgan":
            expected = (2, 13, 256)
        else:
            longer = (
                2
                if (name, slice_len) == ("torch-mostafaelaraby", 32768) and spec.layers[-1].transposed
                else 0
            )
            expected = (2, 1, slice_len + longer)
        assert spec.slice_len == expected[-1]
    else:
        x = torch.zeros(2, slice_len)
        expected = (2, 3 if role == "q_network" else 1)
        assert spec.slice_len == slice_len
    assert spec.input_shape == x.shape[1:]
    with torch.no_grad():
        h = x if role == "generator" else x[:, None]
        for layer, module, length in zip(spec.layers, net.children(), spec.out_lengths, strict=True):
            h = module(h)
            assert h.shape == ((2, layer.out_channels, length) if length > 1 else (2, layer.out_channels))
        assert net(x).shape == expected


def test_the_generator_of_the_papers():
    spec = preset("tf1-ciwgan", role="generator", num_categories=8)
    assert [layer.name for layer in spec.layers] == ["fc", "conv1", "conv2", "conv3", "conv4", "out"]
    assert [layer.out_channels for layer in spec.layers] == [1024, 512, 256, 128, 64, 1]
    assert spec.out_lengths == (16, 64, 256, 1024, 4096, 16384)


def test_the_critics_of_the_papers():
    for role, logits in (("discriminator", 1), ("q_network", 8)):
        spec = preset("tf1-ciwgan", role=role, num_categories=8)
        assert [layer.name for layer in spec.layers] == [
            "conv1",
            "conv2",
            "conv3",
            "conv4",
            "conv5",
            "logits",
        ]
        assert [layer.out_channels for layer in spec.layers] == [64, 128, 256, 512, 1024, logits]
        assert spec.out_lengths == (4096, 1024, 256, 64, 16, 1)


@pytest.mark.parametrize("slice_len", [32768, 65536])
def test_longer_slices_have_one_more_layer(slice_len):
    generator = preset("tf1-ciwgan", role="generator", slice_len=slice_len)
    assert [layer.out_channels for layer in generator.layers] == [2048, 1024, 512, 256, 128, 64, 1]
    last_stride = slice_len // 16384
    assert [layer.stride for layer in generator.layers[1:]] == [4, 4, 4, 4, 4, last_stride]
    critic = preset("tf1-ciwgan", role="discriminator", slice_len=slice_len)
    assert [layer.out_channels for layer in critic.layers] == [64, 128, 256, 512, 1024, 2048, 1]
    assert [layer.stride for layer in critic.layers[:-1]] == [4, 4, 4, 4, 4, last_stride]


def test_the_sixth_convolution_is_missing_in_atzhou8():
    spec = preset("torch-atzhou8-2022", role="discriminator", slice_len=65536)
    assert spec.out_lengths == (16384, 4096, 1024, 256, 64, 1)


G, D, Q = "generator", "discriminator", "q_network"
COUNTS = [
    ("tf1-wavegan", G, 16384, 0, 19_065_345),
    ("tf1-ciwgan", G, 16384, 8, 19_065_345),
    ("torch-atzhou8-2022", G, 16384, 8, 19_065_345),
    ("tf1-wavegan", D, 16384, 0, 17_427_969),
    ("tf1-ciwgan", D, 16384, 8, 17_427_969),
    ("torch-atzhou8-2025b", D, 16384, 8, 17_427_969),
    ("tf1-ciwgan", Q, 16384, 1, 17_427_969),
    ("tf1-ciwgan", Q, 16384, 2, 17_427_969 + 16_385),
    ("tf1-ciwgan", Q, 16384, 8, 17_427_969 + 7 * 16_385),
    ("tf1-ciwgan", G, 32768, 8, 73_149_953),
    ("tf1-ciwgan", G, 65536, 8, 73_149_953),
    ("torch-atzhou8-2022", G, 65536, 8, 73_149_953),
    ("torch-atzhou8-2022", D, 65536, 8, 17_477_121),
    # 17,427,969 - 16,385 of the head + 1024 * 25 * 2048 + 2048 of conv6 + 16 * 2048 + 1
    ("tf1-wavegan", D, 65536, 0, 69_875_201),
    ("tf1-wavegan", D, 32768, 0, 69_875_201),
    # padding 11 leaves 15 positions after the stride of 2: a head of 480 * dim
    ("torch-mostafaelaraby", D, 32768, 0, 69_875_201 - 2048),
    # 25 taps of one more channel into conv1, and 8 * 25 + 25 * 16 + 16 of the embedding
    ("tf1-ciwgan-embed", G, 16384, 8, 19_065_345 + 25 * 512 + 616),
]


@pytest.mark.parametrize(("name", "role", "slice_len", "categories", "count"), COUNTS)
def test_parameter_counts(name, role, slice_len, categories, count):
    assert preset(name, role=role, slice_len=slice_len, num_categories=categories).parameter_count == count


@every_network
@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_count_is_that_of_the_module(name, role, slice_len, batch_norm):
    spec = spec_of(name, role, slice_len, dim=2, batch_norm=batch_norm)
    assert spec.parameter_count == sum(parameter.numel() for parameter in build(spec).parameters())


# -- what the dialects differ in ----------------------------------------------------------------------------------------

SLOPES = {  # of the discriminator and of the Q-network; None: it has none
    "tf1-wavegan": (0.2, None),
    "tf1-ciwgan": (0.2, 0.2),
    "tf1-ciwgan-embed": (0.2, 0.2),
    "torch-atzhou8-2022": (2.0, 0.0),
    "torch-atzhou8-2025a": (0.2, 0.2),
    "torch-atzhou8-2025b": (0.2, 0.2),
    "torch-ceti": (2.0, 0.0),
    "torch-mostafaelaraby": (0.2, None),
    "torch-jtcramer": (0.2, 0.2),
}


@pytest.mark.parametrize("name", SLOPES)
@pytest.mark.parametrize("role", CRITICS)
def test_slopes_for_negative_values(name, role):
    """Planted: weights of zero and a bias of -1, so that every channel is the activation of -1."""
    slope = SLOPES[name][CRITICS.index(role)]
    if slope is None:
        with pytest.raises(SpecError, match=r"role: .*no Q-network"):
            preset(name, role=role)
        return
    net = network_of(name, role, dim=1)
    with torch.no_grad():
        h = torch.zeros(1, 1, 16384)
        for module in list(net.children())[:5]:
            module.weight.zero_()
            module.bias.fill_(-1)
            h = module(h)
            assert h.unique().tolist() == pytest.approx([-slope])


RELU_AFTER_PROJECTION = {
    "tf1-wavegan": True,
    "tf1-ciwgan": True,
    "tf1-ciwgan-embed": True,
    "torch-atzhou8-2022": False,
    "torch-atzhou8-2025a": False,
    "torch-atzhou8-2025b": False,
    "torch-ceti": False,
    "articulationgan": False,
    "torch-mostafaelaraby": True,
    "torch-jtcramer": True,
}


@pytest.mark.parametrize("name", RELU_AFTER_PROJECTION)
def test_relu_after_the_projection(name):
    net = network_of(name, "generator")
    z = torch.rand(4, net.spec.in_channels, generator=torch.Generator().manual_seed(1)) - 0.5
    with torch.no_grad():
        projected = net.fc(z)[:, :-1]  # without the embedding's channel, which is never rectified
    assert (projected.min().item() < 0) is not RELU_AFTER_PROJECTION[name]


@pytest.mark.parametrize("name", DIALECTS)
def test_flatten_order_of_the_projection(name):
    """Planted: the dense layer's row r gives the value r, so that a map's values say which row made them."""
    net = network_of(name, "generator", dim=1)
    layer = net.spec.layers[0]
    channels = layer.out_channels - (layer.embedding is not None)
    with torch.no_grad():
        net.fc.weight.zero_()
        net.fc.bias.copy_(torch.arange(16.0 * channels))
        made = net.fc(torch.zeros(1, layer.in_channels))[0, :channels]  # (C, L)
    c, t = torch.meshgrid(torch.arange(channels), torch.arange(16), indexing="ij")
    expected = t * channels + c if name.startswith("tf1") else c * 16 + t
    assert torch.equal(made, expected.float())


@pytest.mark.parametrize("name", [name for name in DIALECTS if name != "articulationgan"])
def test_flatten_order_of_the_head(name):
    """Planted: the head's column f weighs f, and the map is one at one place."""
    net = network_of(name, "discriminator", dim=1)
    layer = net.spec.layers[-1]
    channels, length = layer.in_channels, layer.in_positions
    with torch.no_grad():
        net.logits.weight.copy_(torch.arange(float(channels * length))[None] / 1000)
        net.logits.bias.zero_()
        for c, t in ((0, 1), (1, 0), (channels - 1, 2), (3, length - 1)):
            h = torch.zeros(1, channels, length)
            h[0, c, t] = 1
            column = (t * channels + c if name.startswith("tf1") else c * length + t) / 1000
            if name == "torch-jtcramer":
                column = 1 / (1 + torch.tensor(-column).exp().item())  # its head is a sigmoid
            assert net.logits(h).item() == pytest.approx(column, rel=1e-6)


NORMED = {  # with batch_norm=True: generator's fc and out, discriminator's conv1; eps of the generator's
    "tf1-wavegan": (True, False, False, 1e-3),
    "tf1-ciwgan": (True, False, False, 1e-3),
    "torch-atzhou8-2022": (True, True, True, 1e-5),
    "torch-atzhou8-2025a": (True, True, True, 1e-5),
    "torch-ceti": (True, True, True, 1e-5),
}


@pytest.mark.parametrize("name", NORMED)
def test_batch_normalisation_placement(name):
    fc, out, first, eps = NORMED[name]
    generator = spec_of(name, "generator", batch_norm=True)
    critic = spec_of(name, "discriminator", batch_norm=True)
    assert [layer.norm is not None for layer in generator.layers] == [fc, True, True, True, True, out]
    assert [layer.norm is not None for layer in critic.layers] == [first, True, True, True, True, False]
    statistics = "batch" if name.startswith("tf1") else "running"
    for spec, expected in ((generator, "running"), (critic, statistics)):
        for layer in spec.layers:
            if layer.norm is not None:
                assert (layer.norm.eps, layer.norm.statistics) == (eps, expected)
    assert all(layer.norm is None for role in (G, D) for layer in spec_of(name, role).layers)


def test_tensorflow_momentum_in_torch_terms():
    assert spec_of("tf1-ciwgan", "generator", batch_norm=True).layers[0].norm.momentum == pytest.approx(0.01)


SHUFFLED = {  # layers of the discriminator and the Q-network that shuffle, and how the shift is drawn
    "tf1-wavegan": (4, None, "batch"),
    "tf1-ciwgan": (4, 4, "batch"),
    "tf1-ciwgan-embed": (4, 4, "batch"),
    "torch-atzhou8-2022": (0, 0, None),
    "torch-atzhou8-2025a": (5, 0, "batch"),
    "torch-atzhou8-2025b": (5, 0, "batch"),
    "torch-ceti": (0, 0, None),
    "torch-mostafaelaraby": (0, None, None),
    "torch-jtcramer": (4, 4, "sample"),
}


@pytest.mark.parametrize("name", SHUFFLED)
@pytest.mark.parametrize("role", CRITICS)
def test_phase_shuffle_layers(name, role):
    count, draw = SHUFFLED[name][CRITICS.index(role)], SHUFFLED[name][2]
    if count is None:
        return
    convs = [layer for layer in spec_of(name, role).layers if isinstance(layer, Conv)]
    assert [layer.shuffle is not None for layer in convs] == [True] * count + [False] * (5 - count)
    assert {(layer.shuffle.radius, layer.shuffle.draw) for layer in convs[:count]} == (
        {(2, draw)} if count else set()
    )


def test_phase_shuffle_can_be_changed_and_turned_off():
    assert all(
        layer.shuffle is None for layer in spec_of("tf1-ciwgan", "q_network", phase_shuffle=0).layers[:-1]
    )
    wide = spec_of("tf1-ciwgan", "q_network", phase_shuffle=5)
    assert [layer.shuffle and layer.shuffle.radius for layer in wide.layers[:-1]] == [5, 5, 5, 5, None]


def test_sample_rates():
    assert preset("tf1-ciwgan", role="generator").sample_rate_hz == 16000
    assert preset("torch-ceti", role="generator").sample_rate_hz == 32000
    assert (
        preset("tf1-ciwgan", role="q_network", num_categories=2, sample_rate_hz=8000).sample_rate_hz == 8000
    )


def test_the_articulatory_generator():
    spec = preset("articulationgan", role="generator")
    assert [layer.stride for layer in spec.layers[1:]] == [2, 2, 2, 1, 2]
    assert spec.out_lengths == (16, 32, 64, 128, 128, 256)
    assert (spec.layers[-1].activation.kind, spec.layers[-1].activation.scale) == ("tanh", 3.0)
    assert preset("articulationgan", role="generator", num_channels=12).layers[-1].out_channels == 12


def test_the_embedding_adds_one_channel_and_its_code_in_front():
    spec = preset("tf1-ciwgan-embed", role="generator", num_categories=5)
    assert spec.in_channels == 105
    assert spec.layers[1].in_channels == 1025


def test_the_post_filter():
    spec = preset("tf1-ciwgan", role="generator", post_filter_len=512)
    assert [layer.name for layer in spec.layers][-2:] == ["out", "filter"]
    filter_layer = spec.layers[-1]
    assert (filter_layer.kernel, filter_layer.padding, filter_layer.bias) == (512, (255, 256), False)
    assert spec.out_lengths[-1] == 16384
    assert preset("tf1-ciwgan", role="generator", post_filter_len=0).layers[-1].name == "out"


def test_nearest_upsampling():
    spec = preset("tf1-ciwgan", role="generator", upsample="nearest", slice_len=32768)
    assert [layer.upsample for layer in spec.layers[1:]] == [4, 4, 4, 4, 4, 2]
    assert all(
        layer.padding == (12, 12) and layer.stride == 1 and not layer.transposed for layer in spec.layers[1:]
    )


# -- combinations that do not exist -------------------------------------------------------------------------------------

WRONG = {
    "unknown name": (
        {"name": "tf1-ciwgam", "role": G},
        "name: there is no preset 'tf1-ciwgam'. Did you mean tf1-ciwgan",
    ),
    "foreign name": ({"name": "stylegan", "role": G}, "name: .*'stylegan'"),
    "role": (
        {"name": "tf1-ciwgan", "role": "critic"},
        "role: expected generator, discriminator or q_network, got 'critic'",
    ),
    "no Q-network": (
        {"name": "tf1-wavegan", "role": Q, "num_categories": 3},
        "num_categories: expected 0, .* got 3",
    ),
    "no codes": (
        {"name": "tf1-wavegan", "role": G, "num_categories": 3},
        "num_categories: expected 0, .* got 3",
    ),
    "Q without logits": (
        {"name": "tf1-ciwgan", "role": Q},
        "num_categories: expected at least 1 for a Q-network, got 0",
    ),
    "negative categories": (
        {"name": "tf1-ciwgan", "role": G, "num_categories": -1},
        "num_categories: .* got -1",
    ),
    "more codes than latents": (
        {"name": "tf1-ciwgan", "role": G, "num_categories": 101},
        "num_categories: expected at most",
    ),
    "slice": (
        {"name": "tf1-ciwgan", "role": G, "slice_len": 16000},
        "slice_len: expected one of .* got 16000",
    ),
    "slice of the dialect": (
        {"name": "torch-ceti", "role": G, "slice_len": 32768},
        "slice_len: expected one of .* got 32768",
    ),
    "dim": ({"name": "tf1-ciwgan", "role": G, "dim": 0}, "dim: expected at least 1, got 0"),
    "latent_dim": (
        {"name": "tf1-ciwgan", "role": G, "latent_dim": 0},
        "latent_dim: expected at least 1, got 0",
    ),
    "kernel_len": (
        {"name": "tf1-ciwgan", "role": G, "kernel_len": 0},
        "kernel_len: expected at least 1, got 0",
    ),
    "tied kernel_len": (
        {"name": "torch-ceti", "role": G, "kernel_len": 24},
        "kernel_len: expected 25, .* got 24",
    ),
    "even articulatory kernel": (
        {"name": "articulationgan", "role": G, "kernel_len": 6},
        "kernel_len: expected an odd number",
    ),
    "num_channels": (
        {"name": "tf1-ciwgan", "role": D, "num_channels": -1},
        "num_channels: expected at least 1, got -1",
    ),
    "shuffling generator": (
        {"name": "tf1-ciwgan", "role": G, "phase_shuffle": 2},
        "phase_shuffle: expected nothing",
    ),
    "negative shuffle": (
        {"name": "tf1-ciwgan", "role": D, "phase_shuffle": -2},
        "phase_shuffle: .* at least 0, got -2",
    ),
    "upsampling critic": (
        {"name": "tf1-ciwgan", "role": D, "upsample": "nearest"},
        "upsample: expected nothing",
    ),
    "unknown upsampling": ({"name": "tf1-ciwgan", "role": G, "upsample": "linear"}, "upsample: .*'linear'"),
    "filtering critic": (
        {"name": "tf1-ciwgan", "role": D, "post_filter_len": 512},
        "post_filter_len: expected nothing",
    ),
    "negative filter": (
        {"name": "tf1-ciwgan", "role": G, "post_filter_len": -1},
        "post_filter_len: .* got -1",
    ),
    "embedding elsewhere": (
        {"name": "tf1-ciwgan", "role": G, "embedding_dim": 25},
        "embedding_dim: expected nothing",
    ),
    "embedding of a critic": (
        {"name": "tf1-ciwgan-embed", "role": D, "embedding_dim": 25},
        "embedding_dim: expected nothing",
    ),
    "embedding without code": (
        {"name": "tf1-ciwgan-embed", "role": G},
        "num_categories: expected at least 1",
    ),
    "negative embedding": (
        {"name": "tf1-ciwgan-embed", "role": G, "num_categories": 3, "embedding_dim": -5},
        "embedding_dim: .* got -5",
    ),
    "sample rate": (
        {"name": "tf1-ciwgan", "role": G, "sample_rate_hz": -16000},
        "sample_rate_hz: .* got -16000",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_combination_names_the_field(case):
    arguments, message = WRONG[case]
    arguments = dict(arguments)
    with pytest.raises(SpecError, match=message):
        preset(arguments.pop("name"), **arguments)


@pytest.mark.parametrize("role", ["q-network", "Q_network", "Q", "q network", "qnetwork"])
def test_spellings_of_a_role(role):
    assert preset("tf1-ciwgan", role=role, num_categories=2).role == "q_network"


# -- other depths and lengths -------------------------------------------------------------------------------------------


def test_strides_make_networks_of_any_length_and_depth():
    generator = preset("tf1-ciwgan", role="generator", strides=(4, 4, 2), dim=4)
    critic = preset("tf1-ciwgan", role="discriminator", strides=(4, 4, 2), dim=4)
    assert generator.slice_len == critic.slice_len == 16 * 32
    assert [layer.out_channels for layer in generator.layers] == [16, 8, 4, 1]
    assert generator.out_lengths == (16, 64, 256, 512)
    assert [layer.out_channels for layer in critic.layers] == [4, 8, 16, 1]
    assert critic.out_lengths == (128, 32, 16, 1)
    assert [layer.shuffle is not None for layer in critic.layers[:-1]] == [True, True, False]


def test_a_deep_network_of_small_strides_with_a_cap():
    """Nine layers between: as many as the deeper WaveGAN of Beguš & Zhou (TASLP 2022) has."""
    generator = preset("tf1-wavegan", role="generator", strides=(2,) * 10, max_channels=512)
    assert generator.slice_len == 16384
    assert len(generator.layers) == 11
    assert [layer.out_channels for layer in generator.layers] == [512] * 7 + [256, 128, 64, 1]
    critic = preset("tf1-wavegan", role="discriminator", strides=(2,) * 10, max_channels=512)
    assert critic.layers[-1].in_positions == 16


@pytest.mark.parametrize("role", ["generator", "discriminator"])
@pytest.mark.parametrize("slice_len", [16384, 32768, 65536])
def test_the_published_lengths_are_strides_too(role, slice_len):
    strides = (4,) * 5 + {16384: (), 32768: (2,), 65536: (4,)}[slice_len]
    assert preset("tf1-wavegan", role=role, strides=strides) == preset(
        "tf1-wavegan", role=role, slice_len=slice_len
    )


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("tf1-ciwgan", {"strides": (4, 4), "slice_len": 16384}, "slice_len: expected nothing beside strides"),
        ("tf1-ciwgan", {"strides": (4,)}, "strides: expected two or more"),
        ("tf1-ciwgan", {"strides": (4, 0)}, "strides: expected two or more, each at least 1"),
        ("torch-ceti", {"strides": (4, 2)}, "strides: expected at most five of 4 in torch-ceti"),
        ("tf1-ciwgan", {"max_channels": 0}, "max_channels: expected at least 1"),
    ],
)
def test_strides_that_cannot_be(name, options, message):
    with pytest.raises(SpecError, match=message):
        preset(name, role="generator", **options)
