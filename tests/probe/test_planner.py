"""The planner is a pure function: shapes, two figures of a machine and the user's wishes in, a form per layer out."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.catalogue import DIALECTS, network_of

import convscope as cs
from convscope import _core
from convscope.models import Conv, Dense, Layer
from convscope.probe import _native_engine
from convscope.probe._lower import Lowered, lower
from convscope.probe._machine import Machine
from convscope.probe._planner import PANEL, TRANSFORM_COST, WINDOWS, choose_form, direct_form, spectral_forms

SERVER = Machine(1.3e11, 4.5e10, 2)
NETWORKS = [(name, role) for name, (roles, _) in DIALECTS.items() for role in roles]
every_preset = pytest.mark.parametrize(("name", "role"), NETWORKS)


def layer(
    length: int, inputs: int, outputs: int, kernel: int = 25, stride: int = 4, transposed: bool = True
) -> Lowered:
    """A convolution that keeps ``length`` times or by its stride; its weights are never looked at."""
    left = kernel // 2 - stride // 2
    if transposed:
        taps = [((k - left) % stride, -((k - left) // stride), k) for k in range(kernel)]
    else:
        taps = [(0, k - left, k) for k in range(kernel)]
    nothing = np.zeros(0, np.float32)
    return Lowered(
        in_length=length, in_channels=inputs, out_length=length * stride if transposed else -(-length // stride),
        out_channels=outputs, step=1 if transposed else stride, phases=stride if transposed else 1,
        taps=tuple(sorted(taps)), kernel=nothing, bias=nothing, slope=nothing, activation="relu", scale=1.0,
    )  # fmt: skip


GENERATOR = {
    "conv1": layer(16, 1024, 512),
    "conv2": layer(64, 512, 256),
    "conv3": layer(256, 256, 128),
    "conv4": layer(1024, 128, 64),
}
CRITIC = {
    "conv2": layer(4096, 64, 128, transposed=False),
    "conv3": layer(1024, 128, 256, transposed=False),
    "conv4": layer(256, 256, 512, transposed=False),
    "conv5": layer(64, 512, 1024, transposed=False),
}
WIDE = [*GENERATOR.values(), *CRITIC.values()]
wide_layers = st.sampled_from(WIDE)
speeds = st.floats(1e8, 1e14)
machines = st.builds(Machine, speeds, speeds, st.integers(1, 256))
batches = st.one_of(st.none(), st.integers(1, 10**7))


# -- what a plan must follow --------------------------------------------------------------------------------------------


@given(wide_layers, machines, batches, st.floats(1, 1e4))
def test_faster_memory_never_saves_bytes_and_never_adds_work(block, machine, batch, factor):
    slow = choose_form(block, machine, typical_batch=batch)
    faster = replace(machine, bytes_per_second=machine.bytes_per_second * factor)
    fast = choose_form(block, faster, typical_batch=batch)
    assert fast.weight_bytes >= slow.weight_bytes
    assert work(fast) <= work(slow)


@given(wide_layers, machines, batches, st.floats(1, 1e4))
def test_slower_arithmetic_never_saves_bytes_and_never_adds_work(block, machine, batch, factor):
    fast = choose_form(block, machine, typical_batch=batch)
    slower = replace(machine, products_per_second=machine.products_per_second / factor)
    slow = choose_form(block, slower, typical_batch=batch)
    assert slow.weight_bytes >= fast.weight_bytes
    assert work(slow) <= work(fast)


@given(wide_layers, machines, st.integers(1, 10**6), st.integers(1, 10**6))
def test_more_samples_never_save_bytes_and_never_add_work(block, machine, first, second):
    few, many = (choose_form(block, machine, typical_batch=count) for count in sorted((first, second)))
    assert many.weight_bytes >= few.weight_bytes
    assert work(many) <= work(few)


def work(form) -> float:
    return form.products + TRANSFORM_COST * form.transforms


@given(wide_layers, machines, batches, st.integers(-20, 20))
def test_only_the_ratio_of_the_two_figures_matters(block, machine, batch, power):
    scale = 2.0**power
    scaled = replace(
        machine,
        products_per_second=machine.products_per_second * scale,
        bytes_per_second=machine.bytes_per_second * scale,
    )
    assert choose_form(block, scaled, typical_batch=batch) == choose_form(block, machine, typical_batch=batch)


@given(wide_layers, machines, st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 64))
def test_more_samples_take_longer_and_more_threads_shorter_but_for_reading_the_weights(
    block, machine, batch, more, threads
):
    for form in (direct_form(block), *spectral_forms(block)):
        reading = form.weight_bytes / machine.bytes_per_second
        few, many = (form.seconds(count, machine, threads) for count in (batch, batch + more))
        shared = form.seconds(batch + more, machine, threads + 1)
        assert reading <= few <= many
        assert reading <= shared <= many
        if many > reading:
            assert few < many
            assert shared < many


@pytest.mark.parametrize("network", [GENERATOR, CRITIC], ids=["generator", "critic"])
def test_one_sample_takes_short_windows_and_a_million_long_ones(network):
    for name, block in network.items():
        one, usual, million = (
            choose_form(block, SERVER, typical_batch=batch).window for batch in (1, None, 10**6)
        )
        assert 0 <= one <= 38, name
        assert 22 <= million <= max(WINDOWS), name
        assert one <= usual <= million, name


def test_only_layers_of_few_weights_take_long_windows_for_one_sample():
    """Those of many wait for them; the arithmetic of the others hides the reading."""
    for network in (GENERATOR, CRITIC):
        one = sorted(
            (direct_form(block).weight_bytes, choose_form(block, SERVER, typical_batch=1).window)
            for block in network.values()
        )
        assert [window for _, window in one] == sorted((window for _, window in one), reverse=True)
        assert one[0][1] > 22
        assert one[-1][1] == 0


def test_the_layer_with_the_most_weights_is_direct_for_one_sample():
    assert choose_form(GENERATOR["conv1"], SERVER, typical_batch=1).algorithm == "direct"


@pytest.mark.parametrize(
    "block",
    [
        layer(4096, 64, 1),
        layer(4096, 64, PANEL // 2 - 1),
        layer(4096, PANEL - 1, 64),
        layer(16384, 1, 64, transposed=False),
        layer(16384, PANEL // 4 - 1, 64, transposed=False),
        layer(4096, 64, 64, kernel=1, stride=1),
        layer(4096, 64, 64, kernel=2, stride=1),
        replace(layer(1, 100, 1024, kernel=1, stride=1), out_length=16, phases=16),
        layer(4096, 64, 64, kernel=512, stride=1),
        replace(layer(16, 64, 64), taps=()),
    ],
    ids=[
        "one output", "few outputs", "few inputs", "one input", "few inputs per step", "one tap", "two taps",
        "dense", "longer than every window", "no taps",
    ],
)  # fmt: skip
@pytest.mark.parametrize("algorithm", ["auto", "spectral"])
def test_what_has_nothing_to_share_stays_direct(block, algorithm):
    form = choose_form(block, SERVER, algorithm=algorithm, typical_batch=10**6, bfloat16=True)
    assert form == direct_form(block)


@given(wide_layers, machines, batches, st.booleans())
def test_direct_and_low_memory_are_direct(block, machine, batch, bfloat16):
    options = {"typical_batch": batch, "bfloat16": bfloat16}
    assert choose_form(block, machine, algorithm="direct", **options) == direct_form(block)
    assert choose_form(block, machine, memory="low", **options) == direct_form(block)


@given(wide_layers, machines, batches)
def test_spectral_is_spectral_even_where_it_does_not_pay(block, machine, batch):
    assert choose_form(block, machine, algorithm="spectral", typical_batch=batch).algorithm == "spectral"


@pytest.mark.parametrize("block", WIDE)
def test_a_spectral_form_is_what_the_paper_says(block):
    """A window of n inputs has 1.5 n - 2 products for n - T + 1 outputs, T of the seven steps that the taps reach over.

    Two weights of three are stored for each of its (n - 4) / 2 conjugate pairs. Of every fourth of the n - 2 inputs on the
    circle there is their sum, and sums by cos and sin for each point that a quarter of a turn does not reach from another; from
    the same of the products comes an output.
    """
    forms = spectral_forms(block)
    assert [form.window for form in forms] == [n for n in WINDOWS if 2 <= n - 6 <= max(block_rows(block), 2)]
    for form in forms:
        inputs, outputs = form.window, form.window - 6
        windows = -(-block_rows(block) // outputs)
        pairs = (inputs - 4) // 2
        products = 2 + 3 * pairs + 2  # 1 and -1, the pairs, zero and infinity
        depth = block.step * block.in_channels
        columns = block.phases * -(-block.out_channels // PANEL) * PANEL
        assert form.products == windows * products * depth * columns
        assert form.weight_bytes == 4 * (products - pairs) * depth * columns == 4 * inputs * depth * columns
        # Of the points' angles, those up to an eighth of a turn.
        sums = 1 + 2 * sum(8 * k <= inputs - 2 for k in range(1, inputs))
        of_inputs, of_outputs = (inputs - 2) * sums + 2 * products, outputs * sums + 2 * products
        assert form.transforms == windows * (depth * of_inputs + columns * of_outputs)


def block_rows(block: Lowered) -> int:
    return -(-block.out_length // block.phases)


def test_products_in_bfloat16_are_a_third_more_at_twice_the_speed_and_take_half_the_bytes():
    machine = Machine(1e11, 1e30, 2)
    for block in WIDE:
        for single, half in zip(spectral_forms(block), spectral_forms(block, bfloat16=True), strict=True):
            window = single.window
            pairs = (window - 4) // 2  # the other four products are of 1, -1, zero and infinity
            assert half.window == window
            # One of them has split factors: three products, with three rows of weights.
            assert half.products * (3 * pairs + 4) == single.products * (4 * pairs + 4 + 2)
            assert 2 * half.weight_bytes * window == single.weight_bytes * (window + 2)
            assert half.transforms < single.transforms  # two results of a pair instead of three
            work = (
                single.products - half.products / 2 + TRANSFORM_COST * (single.transforms - half.transforms)
            )
            assert single.seconds(1, machine, 1) - half.seconds(1, machine, 1) == pytest.approx(work / 1e11)


def test_an_odd_number_of_channels_has_no_products_in_bfloat16():
    for inputs, is_half in ((64, True), (65, False)):
        form = choose_form(layer(1024, inputs, 64), SERVER, bfloat16=True)
        assert (form.algorithm, form.bfloat16) == ("spectral", is_half)


# -- plans of whole networks --------------------------------------------------------------------------------------------


@every_preset
@pytest.mark.parametrize(
    "options", [{}, {"algorithm": "spectral", "typical_batch": 10**6}, {"memory": "low"}]
)
def test_the_plan_says_what_the_engine_packs(monkeypatch, name, role, options):
    """Within padding: of outputs to whole panels; and without the products that a phase has no taps for."""
    blocks = []

    def lower_and_keep(*arguments):
        blocks.append(lower(*arguments))
        return blocks[-1]

    monkeypatch.setattr(_native_engine, "lower", lower_and_keep)
    net = network_of(name, role, dim=8)
    probe = cs.Probe(net, **options)
    assert [row.layer for row in probe.plan] == [described.name for described in net.spec.layers]
    for row, form, described, block in zip(
        probe.plan, probe._runner.engine.forms, net.spec.layers, blocks, strict=True
    ):
        assert (row.algorithm, row.window) == (form.algorithm, form.window)
        assert row.computed == form.products + form.transforms
        if row.algorithm == "spectral":
            assert row.weight_bytes == 4 * stored_rows(block, row.window) * padded(block.out_channels)
            assert (row.window - 2) / row.window <= row.weight_bytes / form.weight_bytes <= 1
        else:
            columns = -(-described.out_channels // PANEL) * PANEL
            repeats_inputs = isinstance(described, Conv) and described.upsample > 1  # sums of taps, per phase
            assert 1 <= form.weight_bytes / (4 * weights_of(described)) <= (1.2 if repeats_inputs else 1)
            assert 1 <= row.weight_bytes / form.weight_bytes <= columns / described.out_channels
            assert row.computed == row.multiply_adds
    assert probe.estimate(1).weight_bytes == sum(row.weight_bytes for row in probe.plan)
    assert probe.estimate(7).computed == 7 * sum(row.computed for row in probe.plan)


def stored_rows(block: Lowered, window: int) -> int:
    """As many per input channel as a window has inputs, for every phase of inputs and outputs with a tap between them. One
    less where none is at the first of the steps that the taps reach over, whose product is zero's, or at the last."""
    steps = [offset // block.step for _, offset, _ in block.taps]
    rows = 0
    for phase in range(block.phases):
        for source in range(block.step):
            own = {
                step
                for step, (of_phase, offset, _) in zip(steps, block.taps, strict=True)
                if (of_phase, offset % block.step) == (phase, source)
            }
            if own:
                rows += window - 2 + (min(steps) in own) + (max(steps) in own)
    return rows * block.in_channels


def padded(columns: int) -> int:
    """To whole panels of the kernels in use."""
    width = {"baseline": 8, "neon": 8, "avx2": 16, "avx512": 32}[_core.selected_isa()]
    return -(-columns // width) * width


def weights_of(described: Layer) -> int:
    matrix = described.in_channels * described.out_channels
    if isinstance(described, Dense):
        return described.in_positions * described.out_positions * matrix
    assert isinstance(described, Conv)
    return described.kernel * matrix


@functools.cache
def full_size(role: str):
    return network_of("tf1-ciwgan", role, dim=64)


@pytest.mark.parametrize("role", ["generator", "q_network"])
def test_a_full_network_takes_less_than_600_mb_and_says_so(role):
    usual, million, low = (
        cs.Probe(full_size(role), **options) for options in ({}, {"typical_batch": 10**6}, {"memory": "low"})
    )
    for probe in (usual, million, low):
        packed = sum(row.weight_bytes for row in probe.plan)
        assert packed < 600e6
        assert probe.estimate(1).weight_bytes == packed
        assert f"weights {packed / 1e6:.1f} MB" in str(probe.estimate(1))
    bytes_of = [probe.estimate(1).weight_bytes for probe in (low, usual, million)]
    assert 1.5 * bytes_of[0] < bytes_of[1] < 2 * bytes_of[0] < bytes_of[2]
    parameters = sum(p.numel() for p in full_size(role).parameters())
    assert bytes_of[0] < 1.05 * 4 * parameters
    assert {row.algorithm for row in low.plan} == {"direct"}


@pytest.mark.parametrize("role", ["generator", "q_network"])
def test_a_plan_of_many_samples_multiplies_three_times_less(role):
    plan = cs.Probe(full_size(role), typical_batch=10**6).plan
    assert sum(row.multiply_adds for row in plan) > 3 * sum(row.computed for row in plan)


def test_a_plan_depends_on_neither_threads_nor_samples_nor_layers():
    net = network_of("tf1-ciwgan", "generator", dim=16)
    whole = cs.Probe(net, num_threads=1)
    plan = whole.plan
    whole.run(np.zeros((37, 100)))
    assert whole.plan == plan
    for options in ({"num_threads": 64}, {"chunk": 1}, {"reduce": "max"}, {"at": "pre"}):
        assert cs.Probe(net, **options).plan == plan
    assert cs.Probe(net, layers="conv2").plan == plan[:3]


def test_a_plan_prints_as_a_table():
    plan = cs.Probe(full_size("generator"), layers="conv2", typical_batch=1).plan
    assert str(plan) == repr(plan)
    header, *lines = str(plan).splitlines()
    assert header.split() == ["layer", "algorithm", "window", "multiply-adds", "computed", "weights"]
    rows = [line.split() for line in lines]
    assert [row[:3] for row in rows] == [
        ["fc", "direct", "-"], ["conv1", "direct", "-"], ["conv2", "spectral", "10"]
    ]  # fmt: skip
    assert rows[1][3:] == ["209.7", "M", "209.7", "M", "52.4", "MB"]
    assert plan.algorithms == {"fc": "direct", "conv1": "direct", "conv2": "spectral 10"}


def test_a_network_that_runs_in_pytorch_says_so():
    from torch import nn

    with pytest.warns(UserWarning, match="ELU"):
        probe = cs.Probe(nn.Sequential(nn.Linear(4, 3), nn.ELU(), nn.Linear(3, 2)))
    assert {row.algorithm for row in probe.plan} == {"torch"}
    assert [row.layer for row in probe.plan] == list(probe.layers.names)
    assert "torch" in str(probe.plan)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("algorithm", "fft", "algorithm: expected 'auto' or 'direct' or 'spectral', got 'fft'"),
        ("algorithm", None, "algorithm: expected"),
        ("memory", "high", "memory: expected 'normal' or 'low', got 'high'"),
        ("precision", "float16", "precision: expected 'float32' or 'bfloat16', got 'float16'"),
        ("typical_batch", 0, "typical_batch: expected a number of samples of at least 1, got 0"),
        ("typical_batch", -3, "typical_batch: expected"),
        ("typical_batch", 2.0, "typical_batch: expected"),
        ("typical_batch", True, "typical_batch: expected"),
        ("typical_batch", "64", "typical_batch: expected"),
    ],
)
def test_wrong_wishes_are_named(field, value, message):
    net = network_of("tf1-ciwgan", "generator", dim=1)
    for call in (
        lambda **wish: cs.Probe(net, **wish),
        lambda **wish: cs.fast_probe(net, np.zeros((1, 100)), **wish),
    ):
        with pytest.raises(ValueError, match=message):
            call(**{field: value})


def test_numpy_numbers_are_numbers():
    net = network_of("tf1-ciwgan", "generator", dim=8)
    assert cs.Probe(net, typical_batch=np.int64(5)).plan == cs.Probe(net, typical_batch=5).plan


def test_every_window_is_one_that_the_engine_has():
    """Even, and within its longest block of rows, for every reach of the taps."""
    nothing = np.zeros(0, np.float32)
    for taps in range(3, 70):
        block = layer(4096, 32, 16, kernel=taps, stride=1, transposed=False)
        for form in spectral_forms(block):
            _core.Program(
                [
                    _core.Layer(
                        in_length=4096, in_channels=32, out_length=4096, out_channels=16, step=1, phases=1,
                        taps=list(block.taps), kernel=np.zeros((taps, 32, 16), np.float32),
                        bias=np.zeros(16, np.float32), activation=_core.Activation.relu, slope=nothing, scale=1.0,
                        reduction=_core.Reduction.mean, readout=nothing, before_activation=False,
                        form=_core.Form.spectral, window=form.window,
                    )
                ],
                _core.selected_isa(),
            )  # fmt: skip
