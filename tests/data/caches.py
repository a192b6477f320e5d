"""Sources of items made on the spot, for caches whose content is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convscope import data

RATE_HZ = 16000
FILES = ["cache.json", "items.npz", "samples.int16"]


@dataclass(frozen=True)
class Made:
    """A source of items made here, by a function, so that they need not be in memory."""

    make: object
    count: int

    def items(self):
        for number in range(self.count):
            yield self.make(number)

    def describe(self):
        return {"kind": "Made", "count": self.count}


def item(name, samples, rate_hz=RATE_HZ, **more):
    return data.Item(name, data.Sound(np.asarray(samples, np.float32), rate_hz), **more)


def of(*items):
    return Made(items.__getitem__, len(items))


def numbered(count, *, length=100, prefix=""):
    rng = np.random.default_rng(0)
    integers = rng.integers(-3000, 3000, length)
    return Made(
        lambda i: item(f"{prefix}{i}.wav", np.roll(integers, i) / 32768, label=f"label {i % 12}"), count
    )


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
