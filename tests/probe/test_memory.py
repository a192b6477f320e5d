"""A probe holds the maps of a few samples, however many there are; `benchmarks/bench_memory.py` has the figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.models.catalogue import network_of

import convscope as cs

OPTIONS = {
    "direct": {"algorithm": "direct"},
    "auto": {},
    "long windows": {"algorithm": "spectral", "typical_batch": 10**6},
}
every_plan = pytest.mark.parametrize("plan", OPTIONS)


@every_plan
@pytest.mark.parametrize("role", ["generator", "q_network"])
@pytest.mark.parametrize("threads", [1, 2, 16])
def test_the_workspace_ends_to_grow(plan, role, threads):
    probe = cs.Probe(network_of("tf1-ciwgan", role, dim=16), num_threads=threads, **OPTIONS[plan])
    sizes = [probe.estimate(batch).workspace_bytes for batch in (1, 2, 16, 64, 512, 4096, 65_536, 10**6)]
    assert sizes == sorted(sizes)
    assert sizes[0] > 0
    assert sizes[4:] == sizes[4:5] * 4
    assert sizes[-1] < 100e6 + 10e6 * threads


@every_plan
def test_the_workspace_of_the_full_generator(plan):
    """Under 300 MB beyond the packed weights, with its series aside."""
    probe = cs.Probe(network_of("tf1-ciwgan", "generator", dim=64), num_threads=2, **OPTIONS[plan])
    estimate = probe.estimate(4096)
    assert estimate.workspace_bytes < 300e6
    assert estimate.series_bytes == 4096 * 4 * (16 + 64 + 256 + 1024 + 4096 + 16384)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the high-water mark")
@every_plan
def test_a_run_takes_what_the_estimate_says(plan):
    """In a process of its own: the high-water mark beyond the series is the workspace, for few samples and for many."""
    code = f"""
import json
import numpy as np, convscope as cs
from convscope.bench import _memory as memory
net = cs.models.build(cs.models.preset("tf1-ciwgan", role="generator", dim=16))
probe = cs.Probe(net, num_threads=2, **{OPTIONS[plan]!r})
rng = np.random.default_rng(0)
probe.run(rng.uniform(-1, 1, (2, 100)))  # first-time costs
rows = []
for batch in (64, 1024):
    z = rng.uniform(-1, 1, (batch, 100)).astype(np.float32)
    estimate = probe.estimate(batch)
    memory.reset_peak()
    before = memory.resident_mb()
    series = probe.run(z)
    above = memory.peak_mb() - before - estimate.series_bytes / 1e6
    rows.append((above, estimate.workspace_bytes / 1e6))
    del series
print(json.dumps(rows))
"""
    environment = os.environ | {"PYTHONPATH": str(Path(cs.__file__).parents[1])}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    for above, workspace in json.loads(ended.stdout):
        assert above < workspace + 10
