"""The GPU engine on a GPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.gpu import networks
from torch import library

import convscope as cs

pytestmark = pytest.mark.gpu

ROLES = ("generator", "q_network", "discriminator")


def full(role: str) -> torch.nn.Module:
    return cs.models.build(cs.models.preset("tf1-ciwgan", role=role, num_categories=8), seed=1).eval()


@pytest.fixture
def make(gpu):
    """A probe on the GPU and a batch for it there."""

    def made(net, batch, **options):
        probe = cs.Probe(net, device=gpu, **options)
        return probe, torch.from_numpy(networks.inputs(probe, batch)).to(gpu)

    return made


@pytest.mark.parametrize("precision", networks.LIMITS)
@pytest.mark.parametrize("role", ROLES)
def test_every_layer_against_float64(gpu, role, precision):
    net = full(role)
    x = networks.inputs(cs.Probe(net, device="cpu"), 4)
    networks.assert_within_limits(net, x, precision, device=gpu)


@pytest.mark.parametrize("precision", networks.LIMITS)
@pytest.mark.parametrize("reduce", ["mean", "rms", "max"])
def test_odd_layers_against_float64(gpu, reduce, precision):
    x = np.random.default_rng(0).standard_normal((5, 3, 60)).astype(np.float32)
    for at in ("post", "pre"):
        networks.assert_within_limits(networks.odd(), x, precision, device=gpu, reduce=reduce, at=at)


@pytest.mark.parametrize("precision", networks.LIMITS)
@pytest.mark.parametrize("role", ["generator", "q_network"])
def test_same_bits_on_repeat_and_for_every_batch(make, role, precision):
    probe, x = make(full(role), 1000, precision=precision)
    whole = probe.run(x)
    again = probe.run(x)
    in_chunks = cs.Probe(full(role), device=x.device, precision=precision, chunk=300).run(x)
    for name, series in whole.items():
        assert torch.equal(again[name], series)
        assert torch.equal(in_chunks[name], series)
    for batch in (1, 3, 64):
        for name, series in probe.run(x[:batch]).items():
            assert torch.equal(series, whole[name][:batch]), (name, batch)


def test_host_arrays_are_streamed_to_the_same_bits(make):
    probe, x = make(full("generator"), 700, chunk=264)
    there, back = probe.run(x), probe.run(x.cpu().numpy())
    for name, series in there.items():
        np.testing.assert_array_equal(back[name], series.cpu().numpy())


def test_results_belong_to_the_callers_stream(make):
    """Nothing waits for the device, and work of another stream is in order with ours."""
    probe, x = make(full("generator"), 264)
    wanted = {name: series.clone() for name, series in probe.run(x).items()}
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        probe.run(x)  # the stream's own memory, once
        stream.synchronize()
        torch.cuda._sleep(10**8)
        late = x * 1.0
        began = torch.cuda.Event()
        series = probe.run(late)
        began.record()
        assert not began.query(), "the call waited for the device"
    stream.synchronize()
    for name in wanted:
        assert torch.equal(series[name], wanted[name])


def test_no_device_memory_is_taken_after_the_first_call(make):
    probe, x = make(full("generator"), 264)
    series = probe.run(x)
    del series
    before = torch.cuda.memory_stats()["num_device_alloc"]
    for _ in range(3):
        series = probe.run(x)
        del series
    assert torch.cuda.memory_stats()["num_device_alloc"] == before


def test_memory_is_what_estimate_says(make):
    probe, x = make(full("generator"), 600, chunk=264)
    estimate = probe.estimate(600)
    probe.run(x[:1])
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    series = probe.run(x)
    torch.cuda.synchronize()
    peak = torch.cuda.max_memory_allocated() - before
    assert peak <= 1.02 * (estimate.workspace_bytes + estimate.series_bytes) + 2**22
    del series


def test_arrays_of_other_libraries_come_by_dlpack(make):
    class Array:
        """A CuPy or JAX array, as far as DLPack goes."""

        def __init__(self, tensor):
            self._tensor = tensor
            self.shape = tuple(tensor.shape)

        def __dlpack__(self, **options):
            return self._tensor.__dlpack__(**options)

        def __dlpack_device__(self):
            return self._tensor.__dlpack_device__()

    probe, x = make(full("generator"), 3)
    wanted = probe.run(x)
    for name, series in probe.run(Array(x)).items():
        assert torch.equal(series, wanted[name])


def test_capture_as_a_graph(make):
    probe, x = make(full("generator"), 64)
    warm_up = torch.cuda.Stream()
    with torch.cuda.stream(warm_up):
        probe.operator(x)
    warm_up.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = probe.operator(x)
    other = torch.rand_like(x) * 2 - 1
    wanted = probe.run(other)
    x.copy_(other)
    graph.replay()
    torch.cuda.synchronize()
    for name, series in captured.items():
        assert torch.equal(series, wanted[name])


def test_opcheck(make):
    probe, x = make(networks.preset("q_network"), 2)
    library.opcheck(torch.ops.convscope.probe.default, (x, probe._number))


def test_a_network_on_the_gpu_is_probed_there(gpu):
    net = full("q_network").to(gpu)
    probe = cs.Probe(net)
    assert probe.engine == "cuda:0 (float32)"
    x = torch.from_numpy(networks.inputs(probe, 2)).to(gpu)
    assert all(series.device == x.device for series in cs.fast_probe(full("q_network"), x).values())


def test_out_of_memory_names_a_chunk_and_the_engine_works_afterwards(make):
    probe, x = make(full("generator"), 2000, chunk=2000)
    wanted = probe.run(x[:5])
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    hog = torch.empty(free - probe.estimate(2000).series_bytes - 2**29, dtype=torch.uint8, device=x.device)
    with pytest.raises(torch.cuda.OutOfMemoryError, match=r"chunk=\d+ would fit"):
        probe.run(x)
    del hog
    for name, series in probe.run(x[:5]).items():
        assert torch.equal(series, wanted[name])


def test_every_gpu_computes_its_own_tensors(gpu):
    count = torch.cuda.device_count()
    if count < 2:
        pytest.skip(f"needs two GPUs, there is {count}")
    probe = cs.Probe(full("generator"), device="cuda")
    x = torch.from_numpy(networks.inputs(probe, 4))
    first, second = probe.run(x.to("cuda:0")), probe.run(x.to("cuda:1"))
    for name, series in second.items():
        assert series.device == torch.device("cuda", 1)
        assert torch.equal(series.cpu(), first[name].cpu())
    with pytest.raises(ValueError, match="expected a tensor on cuda:0, got one on cuda:1"):
        cs.Probe(full("generator"), device="cuda:0").run(x.to("cuda:1"))


def test_values_out_of_range_are_no_numbers(make):
    probe, x = make(full("generator"), 3)
    wanted = probe.run(x)
    x[1, 0] = 1e6
    for name, series in probe.run(x).items():
        assert torch.isnan(series[1]).all(), name
        assert torch.equal(series[[0, 2]], wanted[name][[0, 2]]), name
