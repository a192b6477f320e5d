"""Run by tests: a sweep that is killed at random moments, again and again, then finished.

Every attempt is a fork of this process, which has only imported: a new interpreter would take seconds each.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import numpy as np
from tests.sweep.sweeps import generator

import convscope as cs
import convscope.sweep

KEEP = ["series", "energy", "moments", "top:5:peak"]


def sweep(out: str, executor: str) -> None:
    z0, z1 = np.random.default_rng(2).uniform(-1, 1, (2, 10))
    net = generator(strides=(4, 4, 4), dim=4)
    line = cs.latents.lines([z0, z1, z0], [z1, -z0, -z1], steps=700)
    cs.Sweep(net, line, out=out, shard=30, keep=KEEP, audio=True, num_threads=1).run(executor)


def forked(out: str, executor: str) -> int:
    child = os.fork()
    if child == 0:
        sweep(out, executor)
        os._exit(0)
    return child


def main(whole: str, cut: str, executor: str, kills: int, seed: int) -> None:
    start = time.monotonic()
    assert os.waitpid(forked(whole, executor), 0)[1] == 0
    full_s = time.monotonic() - start
    choose = random.Random(seed)
    done = 0
    while done < kills:
        child = forked(cut, executor)
        time.sleep(choose.uniform(0.0, 0.9 * full_s / (kills - done + 1)))
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        if os.WIFEXITED(status):
            assert status == 0
            break
        done += 1
    assert os.waitpid(forked(cut, executor), 0)[1] == 0
    print(done)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
