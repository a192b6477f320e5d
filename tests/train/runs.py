"""Small runs: networks of a few thousand weights on sounds that are noise in known colours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from convscope.data import Item, Slices, Sound, build_cache
from convscope.train import Code, Config, Network, Run

RATE_HZ = 4000
STRIDES = (4, 4, 2)
LENGTH = 16 * 32


class Noise:
    """A source of sounds that differ in colour by label."""

    def __init__(self, count: int = 24, labels: tuple[str, ...] = ("low", "high")) -> None:
        self.count, self.labels = count, labels

    def describe(self):
        return {"kind": "noise", "count": self.count}

    def items(self):
        generator = np.random.default_rng(5)
        for i in range(self.count):
            label = self.labels[i % len(self.labels)]
            sound = generator.standard_normal(int(generator.integers(300, 700)))
            if label == "low":
                sound = np.convolve(sound, np.ones(8) / 8, mode="same")
            samples = (0.3 * sound / np.abs(sound).max()).astype(np.float32)
            yield Item(f"{label}-{i}", Sound(samples, RATE_HZ), label, ())


def small_config(code: str = "one_hot", **changes) -> Config:
    """A run of networks with three layers on slices of 512 samples."""
    run = {
        "seed": 4,
        "batch_size": 8,
        "save_every": 5,
        "evaluate_every": 5,
        "log_every": 1,
        "threads": 1,
    } | changes
    return Config(
        name="small",
        network=Network(strides=STRIDES, dim=4, latent_dim=10, sample_rate_hz=RATE_HZ),
        code=Code(kind=code, size=0 if code == "none" else 3),
        run=Run(**run),
    )


def changed(config: Config, table: str, **fields: object) -> Config:
    """A configuration that differs in some fields of one table."""
    return replace(config, **{table: replace(getattr(config, table), **fields)})


def noise_slices(folder, part: str = "train") -> Slices:
    """Of a cache of `Noise` below the folder."""
    cache = build_cache(Noise(), folder / "cache", sample_rate_hz=RATE_HZ, replace=True)
    return Slices(cache, cache.where(part), length=LENGTH)
