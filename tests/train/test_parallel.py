"""Two processes with half a batch each make the steps of one process with the whole batch."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from tests.train.runs import noise_slices, small_config

from convscope.models import load
from convscope.train import ConfigError, checkpoints, new_state, read_log, train

PART = """
    import sys
    from pathlib import Path
    from convscope.data import Slices, open_cache
    from convscope.train import new_state, processes, train
    from tests.train.runs import LENGTH, small_config

    cache = open_cache(sys.argv[1])
    with processes("cpu"):
        train(new_state(small_config(sys.argv[3], steps=3)), Slices(cache, cache.where("train"), length=LENGTH), Path(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("code", ["none", "one_hot"])
def test_two_processes_are_one(tmp_path, code):
    slices = noise_slices(tmp_path)
    alone, together = tmp_path / "alone", tmp_path / "together"
    alone.mkdir()
    together.mkdir()
    train(new_state(small_config(code, steps=3)), slices, alone)
    script = tmp_path / "part.py"
    script.write_text(textwrap.dedent(PART))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    world = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    parts = [
        subprocess.Popen(
            [sys.executable, str(script), str(slices.cache.folder), str(together), code],
            env=os.environ | paths | world | {"RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for part in parts:
        _, said = part.communicate(timeout=120)
        assert part.returncode == 0, said
    one, two = load(checkpoints(alone)[3]), load(checkpoints(together)[3])
    fresh = new_state(small_config(code)).networks
    for role in one:
        for name, weight in one[role].state_dict().items():
            learned = float((weight - fresh[role].state_dict()[name]).abs().max())
            apart = float((weight - two[role].state_dict()[name]).abs().max())
            # Optimisers divide by the gradient's size, rounding included: where it is all there is, it is learned.
            limit = 5e-3 * learned if name.endswith("weight") else 0.2 * learned
            assert apart <= limit, f"{role}.{name}: {apart} of {learned}"
    losses = [[e["wasserstein"] for e in read_log(run) if e["kind"] == "losses"] for run in (alone, together)]
    assert np.isfinite(losses).all()


def test_a_batch_that_does_not_divide_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("convscope.train._loop.world_size", lambda: 3)
    with pytest.raises(ConfigError, match=r"run\.batch_size: expected a multiple of 3 processes, got 8"):
        train(new_state(small_config(steps=1)), noise_slices(tmp_path), tmp_path)
