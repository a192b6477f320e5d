"""The same bits for every batch size, thread count, chunk, repeat, and from several Python threads at once."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.devices import BATCHES, THREAD_COUNTS
from tests.models.catalogue import network_of
from tests.probe.helpers import fill, inputs_for

import convscope as cs
from convscope import _core

NETWORKS = [("tf1-ciwgan", "generator"), ("torch-atzhou8-2022", "q_network"), ("torch-jtcramer", "generator")]
every_network = pytest.mark.parametrize(("name", "role"), NETWORKS)
CHUNKS = (1, 3, 64)

MANY_BATCHES = (1, 2, 3, 7, 16, 37, 70)
ALGORITHMS = {
    "direct": {"algorithm": "direct"},
    "auto": {},
    "long windows": {"algorithm": "spectral", "typical_batch": 10**6},
    "bfloat16": {"precision": "bfloat16", "algorithm": "spectral"},
}
every_algorithm = pytest.mark.parametrize(
    "algorithm",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                name == "bfloat16" and not _core.has_bfloat16(), reason="this processor has no AVX512_BF16"
            ),
        )
        for name in ALGORITHMS
    ],
)


def make(name: str, role: str, batch: int):
    net = fill(network_of(name, role, dim=8 if role == "generator" else 4), "he")
    return net, inputs_for(net, batch)


def assert_same_bits(part, whole, rows: slice) -> None:
    assert list(part) == list(whole)
    for name in whole:
        np.testing.assert_array_equal(part[name], whole[name][rows], err_msg=name)


@every_network
def test_batches_and_threads(name, role):
    net, x = make(name, role, max(BATCHES))
    whole = cs.fast_probe(net, x, num_threads=1)
    assert all(np.ptp(whole[layer]) > 0 for layer in whole)
    for batch in BATCHES:
        rows = slice(len(x) - batch, len(x))
        for threads in THREAD_COUNTS:
            assert_same_bits(cs.fast_probe(net, x[rows], num_threads=threads), whole, rows)


@every_algorithm
@pytest.mark.parametrize(
    ("name", "role"),
    [("tf1-ciwgan", "generator"), ("tf1-ciwgan", "q_network"), ("articulationgan", "generator")],
)
def test_batches_threads_and_chunks_of_every_algorithm(name, role, algorithm):
    net = fill(network_of(name, role, dim=8), "he")
    x = inputs_for(net, max(MANY_BATCHES))
    options = ALGORITHMS[algorithm]
    probes = {
        (threads, chunk): cs.Probe(net, num_threads=threads, chunk=chunk, **options)
        for threads, chunk in ((1, None), (2, None), (3, None), (2, 1), (3, 3), (2, 512))
    }
    whole = probes[1, None].run(x)
    assert (algorithm == "direct") != any(row.window for row in probes[1, None].plan)
    assert all(np.ptp(whole[layer]) > 0 for layer in whole)
    for batch in MANY_BATCHES:
        rows = slice(len(x) - batch, len(x))
        for key, probe in probes.items():
            if batch < 70 or key != (1, None):
                assert_same_bits(probe.run(x[rows]), whole, rows)


@every_algorithm
def test_the_workspace_of_a_larger_batch_leaves_no_trace(algorithm):
    """One probe, batches of every size after each other: nothing of the last call is in the next."""
    net, x = make("tf1-ciwgan", "generator", 70)
    probe = cs.Probe(net, num_threads=2, **ALGORITHMS[algorithm])
    alone = probe.run(x[:1])
    for batch in (70, 1, 37, 2, 16, 3, 7):
        series = probe.run(np.concatenate([x[:1], 1e6 * x[1:batch]]))
        assert_same_bits({name: series[name][:1] for name in series}, alone, slice(None))


@every_network
@pytest.mark.parametrize("reduce", ["rms", "max"])
def test_other_reductions(name, role, reduce):
    net, x = make(name, role, 7)
    whole = cs.fast_probe(net, x, reduce=reduce, num_threads=1, at="pre")
    assert_same_bits(
        cs.fast_probe(net, x[3:], reduce=reduce, num_threads=3, chunk=2, at="pre"), whole, slice(3, None)
    )


@every_network
@pytest.mark.parametrize("chunk", CHUNKS)
def test_chunks(name, role, chunk):
    net, x = make(name, role, 10)
    whole = cs.fast_probe(net, x)
    for threads in THREAD_COUNTS:
        assert_same_bits(cs.fast_probe(net, x, chunk=chunk, num_threads=threads), whole, slice(None))


@every_network
def test_repeats_of_one_probe_after_other_batches(name, role):
    net, x = make(name, role, 9)
    probe = cs.Probe(net, num_threads=2)
    first = probe.run(x)
    probe.run(x[:2] * 1000)
    assert_same_bits(probe.run(x), first, slice(None))
    assert_same_bits(cs.Probe(net, num_threads=2).run(x), first, slice(None))


@every_network
def test_fewer_layers_give_the_same_series(name, role):
    """Stopping after the last probed layer must not change what comes before it."""
    net, x = make(name, role, 3)
    whole = cs.fast_probe(net, x)
    for layer in whole:
        np.testing.assert_array_equal(cs.fast_probe(net, x, layers=layer)[layer], whole[layer])


@settings(max_examples=25)
@given(
    first=st.integers(0, 12),
    count=st.integers(1, 13),
    chunk=st.one_of(st.none(), st.integers(1, 20)),
    threads=st.integers(1, 4),
)
def test_any_part_of_a_batch(first, count, chunk, threads):
    net, x = make("tf1-ciwgan", "generator", 13)
    whole = cs.fast_probe(net, x, num_threads=1)
    rows = slice(first, first + count)
    assert_same_bits(cs.fast_probe(net, x[rows], chunk=chunk, num_threads=threads), whole, rows)


def in_parallel(work, count: int) -> list:
    """Run work(0 ... count - 1) at once; the first exception is raised here."""
    found: list = [None] * count
    errors: list[BaseException] = []
    start = threading.Barrier(count)

    def one(number: int) -> None:
        try:
            start.wait()
            found[number] = work(number)
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]
    return found


@every_network
def test_concurrent_python_threads_sharing_one_probe(name, role):
    net, x = make(name, role, 20)
    probe = cs.Probe(net, num_threads=2)
    whole = probe.run(x)
    parts = in_parallel(lambda k: [probe.run(x[4 * k : 4 * k + 4]) for _ in range(4)], 5)
    for number, repeats in enumerate(parts):
        for part in repeats:
            assert_same_bits(part, whole, slice(4 * number, 4 * number + 4))


def test_concurrent_python_threads_with_probes_of_their_own():
    net, x = make("tf1-ciwgan", "generator", 20)
    whole = cs.fast_probe(net, x)
    parts = in_parallel(lambda k: cs.fast_probe(net, x[4 * k : 4 * k + 4], num_threads=1), 5)
    for number, part in enumerate(parts):
        assert_same_bits(part, whole, slice(4 * number, 4 * number + 4))


def test_full_width_generator():
    net = fill(network_of("tf1-ciwgan", "generator", dim=64), "he")
    x = inputs_for(net, 7)
    whole = cs.fast_probe(net, x, num_threads=2)
    assert_same_bits(cs.fast_probe(net, x[5:6], num_threads=1), whole, slice(5, 6))
    assert_same_bits(cs.fast_probe(net, x[1:], num_threads=3, chunk=4), whole, slice(1, None))


@every_algorithm
@pytest.mark.parametrize("role", ["generator", "q_network"])
def test_full_width_of_every_algorithm(role, algorithm):
    """As wide as the published networks, where a block of windows no longer holds all samples."""
    net = fill(network_of("tf1-ciwgan", role, dim=64), "he")
    x = inputs_for(net, 5)
    options = {**ALGORITHMS[algorithm], "layers": "conv*"}
    whole = cs.Probe(net, num_threads=2, **options)
    series = whole.run(x)
    assert_same_bits(whole.run(x[4:]), series, slice(4, None))
    assert_same_bits(whole.run(x[1:4]), series, slice(1, 4))
    assert_same_bits(cs.Probe(net, num_threads=1, chunk=2, **options).run(x), series, slice(None))
