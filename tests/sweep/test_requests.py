"""Requests that cannot be met are refused before anything is computed, with what to do; plans cost nothing however long."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest
from tests.sweep.sweeps import arrays, bases, design, environment_of_tests, generator

import convscope as cs
from convscope.sweep import _estimate


@pytest.fixture(scope="module")
def net():
    return generator()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shard": 0}, "shard: expected a number of samples of at least 1, got 0"),
        ({"shard": 2.5}, "shard: expected a number"),
        ({"dtype": "int8"}, "dtype: expected float32, float16, got 'int8'"),
        ({"compression": "gzip"}, "compression: expected blosc, zstd, none, got 'gzip'"),
        ({"layers": "conv9"}, "no layer matches 'conv9'"),
        ({"reduce": ["median"]}, "reduce: expected one of mean, rms, max"),
        ({"reduce": []}, "reduce: expected names of letters, digits and _, got none"),
        ({"reduce": ["mean", "mean"]}, "reduce: expected different names"),
        ({"reduce": {"a b": "mean"}}, "reduce: expected names of letters"),
        (
            {"reduce": {"a": "mean", "a_peak": "max"}, "keep": ["series", "peak"]},
            "fc/a_peak would be two arrays",
        ),
        (
            {"reduce": {"time": "mean"}},
            "reduce: expected a name that nothing else in the store has, got 'time'",
        ),
        ({"reduce": {"z6": "max"}}, "got 'z6'"),
        ({"reduce": {"sample": "max"}}, "got 'sample'"),
        ({"precision": "int4"}, "precision: expected"),
    ],
)
def test_wrong_settings(net, tmp_path, settings, message):
    with pytest.raises((ValueError, KeyError), match=message):
        cs.Sweep(net, design(), out=tmp_path / "a", **settings)
    assert not (tmp_path / "a").exists()


def test_a_design_that_does_not_fit_the_network(net, tmp_path):
    with pytest.raises(
        ValueError, match="design: the network reads 10 values per sample, got a design of 100"
    ):
        cs.Sweep(net, cs.latents.random(5), out=tmp_path / "a")
    with pytest.raises(ValueError, match="design: expected at least one row"):
        cs.Sweep(net, cs.latents.random(0, size=10), out=tmp_path / "a")


def test_zero_steps_and_ends_that_are_no_numbers():
    with pytest.raises(ValueError, match="steps: expected at least 2"):
        cs.latents.line([0.0], [1.0], steps=0)
    with pytest.raises(ValueError, match="start: expected finite numbers"):
        cs.latents.line([np.nan], [1.0], steps=3)


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_place_that_is_something_else(net, tmp_path, kind):
    out = tmp_path / "thing"
    if kind == "folder":
        out.mkdir()
        (out / "a.txt").write_text("a")
    else:
        out.write_text("a")
    with pytest.raises(FileExistsError, match="expected a new store or that of a sweep, got something else"):
        cs.Sweep(net, design(), out=out).run()


def test_a_shard_larger_than_memory(net, tmp_path, monkeypatch):
    sweep = cs.Sweep(net, design(1000), out=tmp_path / "a", shard=3000)
    monkeypatch.setattr(_estimate, "available_bytes", lambda: sweep.estimate().memory_bytes // 2)
    with pytest.raises(
        MemoryError, match=r"shards of 3000 samples takes .* are free; shard=\d+ would fit"
    ) as caught:
        sweep.run()
    fits = int(str(caught.value).split("shard=")[1].split()[0])
    assert cs.Sweep(net, design(1000), out=tmp_path / "a", shard=fits).run().is_complete


def test_a_place_that_may_not_be_written(net, tmp_path):
    if os.geteuid() == 0:
        out = "/proc/convscope-sweep"  # not even root writes there
        with pytest.raises(OSError, match="convscope-sweep"):
            cs.Sweep(net, design(), out=out).run()
        return
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        cs.Sweep(net, design(), out=tmp_path / "a").run()


def test_unknown_executors_and_checks(net, tmp_path):
    sweep = cs.Sweep(net, design(), out=tmp_path / "a")
    with pytest.raises(ValueError, match="executor: expected serial, threads, ranks, dask, got 'mpi'"):
        sweep.run("mpi")
    with pytest.raises(ValueError, match="check: expected sizes, bytes, none, got 'all'"):
        sweep.run(check="all")


def test_nothing_is_there_to_open(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected the store of a sweep, got nothing"):
        cs.open_sweep(tmp_path / "a")
    (tmp_path / "b").write_text("b")
    with pytest.raises(FileNotFoundError, match="got something else"):
        cs.open_sweep(tmp_path / "b")


def test_a_layer_whose_name_the_store_needs(tmp_path):
    from collections import OrderedDict

    from torch import nn

    net = nn.Sequential(OrderedDict(z=nn.Linear(10, 8), act=nn.ReLU()))
    with pytest.raises(ValueError, match="a layer named 'z' has no place beside"):
        cs.Sweep(net, bases(), out=tmp_path / "a")


def test_an_estimate_before_anything_runs(net, tmp_path):
    sweep = cs.Sweep(net, design(), out=tmp_path / "a", shard=5)
    found = sweep.estimate()
    assert not (tmp_path / "a").exists()
    sweep.run()
    stored = sum(values.nbytes for values in arrays(tmp_path / "a").values())
    assert found.samples == 21
    assert found.shards == 5
    assert found.store_bytes == stored
    assert found.seconds > 0
    assert "21 samples in 5 shards" in str(found)
    assert "free" in str(found)


def test_a_small_disk_is_told(net, tmp_path, monkeypatch):
    sweep = cs.Sweep(net, design(), out=tmp_path / "a")
    monkeypatch.setattr(type(sweep.place), "free_bytes", lambda _: 1000)
    assert "the disk may be too small" in str(sweep.estimate())


BILLION = """
import resource, sys, time
import convscope as cs, convscope.sweep, zarr, soxr
from tests.sweep.sweeps import environment_of_tests, generator
net = generator()
cs.Probe(net).estimate(8)  # measures the machine once
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, start = peak(), time.monotonic()
design = cs.latents.variable("z6", range(100), bases=cs.latents.random(10**7, size=10))
sweep = cs.Sweep(net, design, out=sys.argv[1], shard=1024)
assert len(sweep) == 10**9
assert "TB" in str(sweep.estimate())
sweep.begin()
status = sweep.status()
assert status.missing == status.shards == -(-10**9 // 1024)
assert sweep.design[999_999_999].shape == (10,)
print(time.monotonic() - start, peak() - before, peak())
"""


def test_a_plan_of_a_billion_points(tmp_path):
    """Costs what a plan of ten does: it opens, estimates and reports within 2 s, in 200 MB beyond its imports."""
    environment = environment_of_tests()
    done = subprocess.run(
        [sys.executable, "-c", BILLION, str(tmp_path / "a")],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    seconds, grown_mb, _ = map(float, done.stdout.split())
    assert seconds < 2
    assert grown_mb < 200


def test_status_of_many_shards_reads_names_only(net, tmp_path):
    sweep = cs.Sweep(net, cs.latents.random(10**9, size=10), out=tmp_path / "a", shard=1000)
    sweep.begin()
    for shard in range(0, 20_000, 2):
        (tmp_path / "a" / sweep.receipts.name(shard)).touch()
    start = time.monotonic()
    status = sweep.status()
    assert time.monotonic() - start < 2
    assert status.done == 10_000
    assert status.samples_done == 10_000_000


MEMORY = """
import resource, sys
import convscope as cs
from tests.sweep.sweeps import environment_of_tests, generator
rows = cs.latents.variable("z6", [-1, 0, 1, 2], bases=cs.latents.random(int(sys.argv[2]) // 4, size=10))
sweep = cs.Sweep(generator(), rows, out=sys.argv[1], shard=1000, keep=["series", "peak"])
assert sweep.run().is_complete
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_samples(tmp_path):
    """10,000 and 200,000 samples: less than 5 % apart."""
    environment = environment_of_tests()
    peaks = []
    for count in (10_000, 200_000):
        command = [sys.executable, "-c", MEMORY, str(tmp_path / str(count)), str(count)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout))
    assert peaks[1] < 1.05 * peaks[0], peaks


def test_what_is_had_of_no_layer_is_refused(tmp_path):
    net = cs.models.build(
        cs.models.preset("tf1-ciwgan", role="q_network", strides=(4, 4), num_categories=4, dim=2)
    )
    sounds = np.zeros((3, 256), np.float32)
    for keep in ("peak", "top:3:peak"):
        with pytest.raises(ValueError, match=f"keep: none of logits has a time axis for {keep}"):
            cs.Sweep(net, sounds, out=tmp_path / "a", layers="logits", keep=["series", keep])


def test_an_estimate_counts_what_is_gathered(net, tmp_path):
    rows = cs.latents.lines(np.zeros((9, 10)), np.ones((9, 10)), steps=50)
    sweep = cs.Sweep(net, rows, out=tmp_path / "a", shard=64, keep=["moments", "top:5:peak"])
    found = sweep.estimate()
    sweep.run()
    parts = sum(path.stat().st_size for path in (tmp_path / "a" / "parts").iterdir())
    stored = sum(values.nbytes for values in arrays(tmp_path / "a").values())
    assert stored + parts * 0.8 < found.store_bytes < (stored + parts) * 1.3
    assert found.memory_bytes > 50 * 256 * 8 * 3


def test_memory_for_merging_is_checked_too(net, tmp_path, monkeypatch):
    rows = cs.latents.line(np.zeros(10), np.ones(10), steps=10_000)
    sweep = cs.Sweep(net, rows, out=tmp_path / "a", shard=10, keep="moments")
    monkeypatch.setattr(_estimate, "available_bytes", lambda: 10_000 * 256 * 8 * 2)
    with pytest.raises(MemoryError, match=r"less to keep|would fit"):
        sweep.run()
