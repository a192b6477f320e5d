"""What a GPU would be given, unpacked by NumPy from its description in csrc/cuda/product.h."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.gpu import networks

import convscope as cs
from convscope import _core
from convscope.probe._compile import describe
from convscope.probe._lower import lower
from convscope.probe._native_engine import native_layer
from convscope.probe._planner import direct_form

PRECISIONS = ("float16", "float32")
DEPTH, FUSED_OUTPUTS = 64, 40


def lowered_layers(net, input_shape):
    _, spec, weights = describe(net, input_shape, None)
    lengths = (spec.in_length, *spec.out_lengths)
    return [
        lower(layer, length, weights[layer.name]) for layer, length in zip(spec.layers, lengths, strict=False)
    ]


def plan_of(lowered, precision, *, for_hopper=False):
    layers = [native_layer(layer, None, form=direct_form(layer)) for layer in lowered]
    return _core.CudaPlan(layers, getattr(_core.CudaPrecision, precision), for_hopper)


def cases():
    for role in ("generator", "q_network"):
        net = networks.preset(role)
        yield pytest.param(net, net.spec.input_shape, False, id=role)
    yield pytest.param(networks.odd(), (3, 60), False, id="odd")
    yield pytest.param(networks.of_boxes(), (64, 128), True, id="of boxes")


def unpack(packed, layer, precision):
    """Weights (phases, offset, P, C) by offset, in float64, and how many numbers are left over."""
    images = 2 if precision == "float32" else 1
    width, channels = packed["width"], -(-layer.in_channels // 8) * 8
    halves = packed["halves"].view(np.float16).astype(np.float64)
    found, start = {}, 0
    for first, count, offsets, blocks in packed["tiles"]:
        size = blocks * images * width * DEPTH
        tile = halves[start : start + size].reshape(blocks, images, width, 8, 8)  # column, place, channel
        start += size
        columns = np.arange(width)[:, None]
        chunks = tile[:, :, columns, np.arange(8) ^ columns % 8]  # places in the order of their chunks
        values = chunks[:, 0] + (2.0**-11 * chunks[:, 1] if images == 2 else 0)  # (blocks, width, 8, 8)
        by_column = values.transpose(1, 0, 2, 3).reshape(width, -1)  # (width, sum)
        assert not by_column[count:].any()
        assert not by_column[:, len(offsets) * channels :].any()
        for number, offset in enumerate(offsets):
            part = by_column[:count, number * channels : (number + 1) * channels]
            assert not part[:, layer.in_channels :].any()
            for column in range(count):
                phase, channel = divmod(first + column, layer.out_channels)
                weights = part[column, : layer.in_channels] * packed["in_scales"]
                found[phase, offset, channel] = weights / packed["weight_scales"][channel]
    assert start == halves.size
    return found


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("net", "input_shape", "for_hopper"), list(cases()))
def test_packed_weights_are_the_networks(net, input_shape, for_hopper, precision):
    lowered = lowered_layers(net, input_shape)
    plan = plan_of(lowered, precision, for_hopper=for_hopper)
    for number, layer in enumerate(lowered):
        found = unpack(plan.packed_layer(number), layer, precision)
        wanted = {key: np.zeros(layer.in_channels) for key in found}
        reached = np.arange(-(-layer.out_length // layer.phases)) * layer.step
        for phase, offset, slot in layer.taps:
            if not ((reached + offset >= 0) & (reached + offset < layer.in_length)).any():
                continue  # it only multiplies zeros
            for channel in range(layer.out_channels):
                wanted[phase, offset, channel] = layer.kernel[slot][:, channel]
        largest = np.abs(layer.kernel).max()
        error = max(np.abs(found[key] - wanted[key]).max() for key in found) / largest
        assert error <= (2.0**-22 if precision == "float32" else 2.0**-11)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_fused_layers_weights_give_its_outputs(precision):
    """As csrc/cuda/fused.h says: rows times weights, each added to the outputs around it."""
    lowered = lowered_layers(networks.of_boxes(1), (64, 128))
    plan = plan_of(lowered, precision, for_hopper=True)
    before, layer, packed = plan.packed_layer(1), lowered[2], plan.packed_layer(2)
    width, images = before["width"], 2 if precision == "float32" else 1
    halves = packed["halves"].view(np.float16).astype(np.float64)
    tiles = halves.reshape(len(before["tiles"]), width // DEPTH, images, FUSED_OUTPUTS, 8, 8)
    r = np.arange(FUSED_OUTPUTS)[:, None]
    chunks = tiles[:, :, :, r, np.arange(8) ^ r % 8]
    values = chunks[:, :, 0] + (2.0**-11 * chunks[:, :, 1] if images == 2 else 0)
    by_r = values.transpose(0, 2, 1, 3, 4).reshape(len(tiles), FUSED_OUTPUTS, width)  # (tile, r, column)

    x = np.random.default_rng(0).standard_normal((layer.in_length, layer.in_channels))
    rows = (x * packed["in_scales"]).reshape(lowered[1].out_length // lowered[1].phases, -1)
    y = np.zeros(layer.out_length)
    for (first, count, _, _), weights in zip(before["tiles"], by_r, strict=True):
        assert not weights[:, count:].any()
        for row, values in enumerate(rows[:, first : first + count] @ weights[:, :count].T):
            at = row * packed["period"] + packed["first"] + np.arange(FUSED_OUTPUTS)
            inside = (at >= 0) & (at < layer.out_length)
            y[at[inside]] += values[inside] / packed["weight_scales"][0]
    padded = np.pad(x, ((2, 2), (0, 0)))
    kernel = np.stack([layer.kernel[slot][:, 0] for _, _, slot in sorted(layer.taps, key=lambda tap: tap[1])])
    wanted = [(padded[at : at + 5] * kernel).sum() for at in range(layer.out_length)]
    assert (
        np.abs(y - wanted).max() <= (2.0**-19 if precision == "float32" else 2.0**-8) * np.abs(wanted).max()
    )


def test_layers_of_whole_boxes_have_a_kernel_of_their_own():
    lowered = lowered_layers(networks.of_boxes(), (64, 128))
    for for_hopper, kernels in ((True, ["hopper", "hopper", "tensor"]), (False, ["tensor"] * 3)):
        plan = plan_of(lowered, "float16", for_hopper=for_hopper)
        assert [plan.packed_layer(number)["kernel"] for number in range(3)] == kernels
    last = lowered_layers(networks.preset("generator", dim=64), (100,))[-1]
    assert plan_of([last], "float32").packed_layer(0)["kernel"] == "window"
    sound = lowered_layers(networks.of_boxes(1), (64, 128))
    kernels = ["hopper", "hopper", "fused"]
    assert [plan_of(sound, "float16", for_hopper=True).packed_layer(n)["kernel"] for n in range(3)] == kernels
    cut = lowered_layers(networks.of_boxes(), (64, 126))  # 32 rows of 4 positions, the last one short
    assert plan_of(cut, "float16", for_hopper=True).packed_layer(0)["kernel"] == "tensor"


@pytest.mark.parametrize("precision", PRECISIONS)
def test_scales_are_powers_of_two_and_meet(precision):
    lowered = lowered_layers(networks.preset("generator"), (100,))
    plan = plan_of(lowered, precision)
    packed = [plan.packed_layer(number) for number in range(len(lowered))]
    for before, after in itertools.pairwise(packed):
        assert before["out_scales"] == after["in_scales"]
    for layer in packed:
        for scale in (*layer["in_scales"], *layer["weight_scales"], *layer["out_scales"]):
            assert np.log2(scale) == round(np.log2(scale))
    assert packed[-1]["out_scales"] == []  # nobody reads the last map


def test_memory_is_linear_in_the_chunk_and_independent_of_the_batch(device):
    net = networks.preset("generator", dim=8)
    probe = cs.Probe(net, device="cuda", chunk=200)
    few, many = probe.estimate(200), probe.estimate(10**6)
    assert few.workspace_bytes == many.workspace_bytes
    assert few.weight_bytes == many.weight_bytes > 0
    assert many.series_bytes == 5000 * few.series_bytes
    assert "nan" not in str(many)
    wider = cs.Probe(net, device="cuda", chunk=400).estimate(400)
    assert 1.9 < wider.workspace_bytes / few.workspace_bytes < 2.1
