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

NETWORKS = [("tf1-ciwgan", "generator"), ("torch-atzhou8-2022", "q_network"), ("torch-jtcramer", "generator")]
every_network = pytest.mark.parametrize(("name", "role"), NETWORKS)
CHUNKS = (1, 3, 64)


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
