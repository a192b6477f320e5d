"""The demo's two runs: words through a Q-network, and an interpolation through a generator.

Letters: B samples, P phones of the longest word.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..data import WordCorpus
from ..models import SpeechNetwork, build, preset
from ..probe import Probe, Series, Verification, verify

if TYPE_CHECKING:
    import xarray

LATENTS = 100
MOVED = 10  # z11 counted from 1, which makes [s] in the paper
VALUES = np.arange(-15.0, 6.0, 2.0)
COMPARED = 2  # samples; float64 holds every feature map of them

TIMED_S = 1.0  # at least, and at least so many runs
TIMED_RUNS = 3


@dataclass(frozen=True, slots=True)
class Run:
    """A network, what went in and what came out, how fast and how exact."""

    network: str
    inputs: npt.NDArray[Any]
    series: Series
    verification: Verification
    seconds: float  # median of several runs over all samples
    runs: int

    @property
    def samples_per_second(self) -> float:
        return len(self.inputs) / self.seconds


def run_words(corpus: WordCorpus, *, dim: int, seed: int, num_threads: int | None) -> Run:
    """The Q-network of the eight-word ciwGAN hears every token."""
    net = build(preset("tf1-ciwgan", role="q_network", num_categories=8, dim=dim), seed=seed)
    return _run(
        net, f"tf1-ciwgan:q_network:num_categories=8,dim={dim},seed={seed}", corpus.waveforms, num_threads
    )


def run_interpolation(*, dim: int, seed: int, num_threads: int | None) -> Run:
    """The generator of WaveGAN speaks one latent vector: z11 moves, the other 99 stay where U(-1, 1) put them."""
    latent = np.random.default_rng(seed).uniform(-1, 1, LATENTS)
    latents = np.tile(latent, (VALUES.size, 1))  # (B, 100)
    latents[:, MOVED] = VALUES
    net = build(preset("tf1-wavegan", role="generator", dim=dim), seed=seed)
    return _run(net, f"tf1-wavegan:generator:dim={dim},seed={seed}", latents, num_threads)


def _run(net: SpeechNetwork, name: str, inputs: npt.NDArray[Any], num_threads: int | None) -> Run:
    probe = Probe(net, num_threads=num_threads)
    series = probe.run(inputs)  # also the warm-up of the timed runs
    times_s: list[float] = []
    while len(times_s) < TIMED_RUNS or sum(times_s) < TIMED_S:
        start_s = time.perf_counter()
        probe.run(inputs)
        times_s.append(time.perf_counter() - start_s)
    errors = verify(net, inputs[:COMPARED])
    return Run(name, inputs, series, errors, statistics.median(times_s), len(times_s))


def with_words(dataset: xarray.Dataset, corpus: WordCorpus) -> xarray.Dataset:
    """Add to the series of a corpus what is known of each token: word, voice, pitch, rate, phones."""
    tokens = corpus.tokens
    longest = max(len(token.phones) for token in tokens)
    labels = np.full((len(tokens), longest), "", dtype=object)  # (B, P)
    starts_s, ends_s = np.full((2, len(tokens), longest), np.nan)  # (B, P) each
    for row, token in enumerate(tokens):
        for i, phone in enumerate(token.phones):
            labels[row, i], starts_s[row, i], ends_s[row, i] = phone.label, phone.start_s, phone.end_s
    described = dataset.assign_coords(
        word=("sample", [token.word for token in tokens]),
        voice=("sample", [token.voice for token in tokens]),
        pitch=("sample", [token.pitch for token in tokens]),
        rate_wpm=("sample", [token.rate_wpm for token in tokens]),
        phone_label=(("sample", "phone"), labels),
        phone_start=(("sample", "phone"), starts_s, {"units": "s"}),
        phone_end=(("sample", "phone"), ends_s, {"units": "s"}),
    )
    return described.assign_attrs(corpus_sha256=corpus.sha256)
