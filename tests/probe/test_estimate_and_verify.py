"""What a run will take, said beforehand; and how exact it is, said afterwards."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from tests.models.catalogue import network_of
from tests.probe.helpers import fill, inputs_for, torch_series
from tests.reference import networks
from tests.tolerances import relative_error
from torch import nn

import convscope as cs


def test_multiply_adds_are_those_of_the_papers():
    """847.1 million per sample of the generator; each transposed layer but the last has 209.7 million."""
    net = network_of("tf1-ciwgan", "generator", dim=64)
    counts = [
        cs.Probe(net, layers=name).estimate(1).multiply_adds
        for name in ("fc", "conv1", "conv2", "conv3", "conv4", "out")
    ]
    assert np.diff(counts).tolist() == [209_715_200] * 4 + [6_553_600]
    assert counts[0] == 1_638_400
    assert cs.Probe(net).estimate(10).multiply_adds == 10 * counts[-1]


def test_multiply_adds_of_the_critic():
    count = cs.Probe(network_of("tf1-ciwgan", "discriminator", dim=64)).estimate(1).multiply_adds
    assert count == pytest.approx(845.4e6, rel=1e-3)


@pytest.fixture(scope="module")
def probe():
    return cs.Probe(network_of("tf1-ciwgan", "generator", dim=8), num_threads=2)


def test_the_workspace_does_not_grow_with_the_batch(probe):
    small, large = probe.estimate(64), probe.estimate(1_000_000)
    assert large.workspace_bytes <= 64 * 2**20 + 2**20
    assert large.chunk * 8192 < 1_000_000 * 8192
    assert small.weight_bytes == large.weight_bytes


def test_weights_are_packed_once(probe):
    parameters = sum(p.numel() for p in network_of("tf1-ciwgan", "generator", dim=8).parameters())
    assert 4 * parameters * 0.9 <= probe.estimate(1).weight_bytes <= 4 * parameters * 2


def test_the_series_bytes_are_those_of_the_result(probe):
    net = network_of("tf1-ciwgan", "generator", dim=8)
    for options in ({}, {"layers": "conv4"}, {"layers": "conv4", "reduce": np.ones((3, 8))}):
        chosen = cs.Probe(net, **options)
        result = chosen.run(np.zeros((5, 100)))
        assert chosen.estimate(5).series_bytes == sum(array.nbytes for array in result.values())


def test_time_is_arithmetic_or_one_reading_of_the_weights(probe):
    none, one, thousand = (probe.estimate(batch).seconds for batch in (0, 1, 1000))
    assert none == 0
    assert 0 < one < thousand <= 1000 * one
    assert probe.estimate(10**6).seconds == pytest.approx(10 * probe.estimate(10**5).seconds)


def test_chunks_are_as_equal_as_they_can_be(probe):
    for batch in (1, 7, 64, 1000, 4097):
        chunk = probe.estimate(batch).chunk
        assert 1 <= chunk <= batch
        rounds = -(-batch // chunk)
        assert chunk == -(-batch // rounds)


def test_a_chosen_chunk_is_kept():
    net = network_of("tf1-ciwgan", "generator", dim=2)
    assert cs.Probe(net, chunk=3).estimate(10).chunk == 3


def test_the_workspace_is_that_of_the_samples_that_there_are():
    net = network_of("tf1-ciwgan", "generator", dim=2)
    assert (
        cs.Probe(net, chunk=64).estimate(2).workspace_bytes
        <= 2 * cs.Probe(net, chunk=1).estimate(2).workspace_bytes
    )


def test_an_estimate_of_nothing_and_of_less(probe):
    nothing = probe.estimate(0)
    assert (nothing.multiply_adds, nothing.workspace_bytes, nothing.series_bytes) == (0, 0, 0)
    for batch in (-1, 2.5):
        with pytest.raises(ValueError, match="batch"):
            probe.estimate(batch)


def test_an_estimate_reads_as_a_sentence(probe):
    assert str(probe.estimate(64)).startswith("64 samples in chunks of")


def test_no_estimate_for_what_runs_in_pytorch():
    with pytest.warns(UserWarning, match="ELU"):
        probe = cs.Probe(nn.Sequential(nn.Linear(4, 3), nn.ELU()))
    with pytest.raises(ValueError, match="estimate: this network runs in PyTorch"):
        probe.estimate(4)


# -- verify -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "role"), [("tf1-ciwgan-embed", "generator"), ("torch-atzhou8-2022", "discriminator")]
)
@pytest.mark.parametrize("at", ["pre", "post"])
def test_verify_reports_the_error_that_the_reference_finds(name, role, at):
    net = fill(network_of(name, role, dim=4), "he")
    x = inputs_for(net, 4)
    table = cs.verify(net, x, at=at)
    series = cs.fast_probe(net, x, at=at)
    exact, plain = networks.series(net.spec, networks.weights_of(net), x, at=at), torch_series(net, x, at=at)
    assert [row.layer for row in table] == list(series)
    for row in table:
        ours = relative_error(series[row.layer], exact[row.layer])
        assert row.error == pytest.approx(ours, rel=1e-3)
        assert row.torch_error == pytest.approx(relative_error(plain[row.layer], exact[row.layer]), rel=1e-3)
        assert row.largest == pytest.approx(np.abs(series[row.layer] - exact[row.layer]).max(), rel=1e-3)
        assert row.ratio == pytest.approx(row.error / row.torch_error)
    assert table.worst_ratio == max(row.ratio for row in table)


def test_verify_prints_as_a_table():
    net = network_of("tf1-ciwgan", "generator", dim=1)
    lines = str(cs.verify(net, inputs_for(net, 2), layers=["fc", "out"])).splitlines()
    header = "layer error torch float32 ratio worst stretch torch float32 largest |error|"
    assert " ".join(lines[0].split()) == header
    assert [line.split()[0] for line in lines[1:]] == ["fc", "out"]


@pytest.mark.parametrize("reduce", ["rms", "max"])
def test_verify_other_reductions(reduce):
    net = fill(network_of("tf1-ciwgan", "q_network", dim=4), "he")
    assert all(row.error < 1e-5 for row in cs.verify(net, inputs_for(net, 2), reduce=reduce))


def test_verify_a_waveform_with_a_channel_axis():
    net = fill(network_of("tf1-ciwgan", "q_network", dim=2), "he")
    assert cs.verify(net, inputs_for(net, 2)[:, None]).worst_ratio < 100


def test_verify_what_runs_in_pytorch():
    net = nn.Sequential(nn.Conv1d(2, 3, 5), nn.ELU(), nn.Conv1d(3, 2, 3))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = cs.verify(net, np.random.default_rng(0).standard_normal((3, 2, 30)))
    assert len(caught) == 1
    assert [row.ratio for row in table] == pytest.approx([1, 1])


def test_verify_of_silence_divides_by_nothing():
    net = network_of("tf1-ciwgan", "q_network", dim=1)  # no bias yet: silence stays silence
    for row in cs.verify(net, np.zeros((2, 16384))):
        assert (row.error, row.ratio, row.largest) == (0, 0, 0)


def test_verify_refuses_what_fast_probe_refuses():
    net = network_of("tf1-ciwgan", "generator", dim=1)
    with pytest.raises(ValueError, match=r"expected shape \(B, 100\)"):
        cs.verify(net, np.zeros((2, 99)))
    with pytest.raises(ValueError, match=r"x\[0, 0\] is nan"):
        cs.verify(net, np.full((1, 100), np.nan))
    with pytest.raises(KeyError, match="conv4"):
        cs.verify(net, np.zeros((1, 100)), layers="con4")
