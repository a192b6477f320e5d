"""The demo's three runs: words through the trained Q-network, a word for each code, and one code moved through the generator.

Letters: B samples, P phones of the longest word, N entries of the code, Z latent variables.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import zoo
from ..data import WordCorpus, fit_length
from ..latents import random
from ..models import Role, SpeechNetwork
from ..probe import Probe, Series, Verification, verify
from ..train import read_config, withheld_words

if TYPE_CHECKING:
    import xarray

NAME = "words8"
MOVED_WORD = "greasy"  # whose code is moved
VALUES = np.arange(0.0, 3.1, 0.25)  # 0 and 1 are what training saw
COMPARED = 2  # samples; float64 holds every feature map of them

TIMED_S = 1.0  # at least, and at least so many runs
TIMED_RUNS = 3


@dataclass(frozen=True, slots=True)
class Trained:
    """The networks of the zoo, and the class that stands for each word."""

    networks: dict[Role, SpeechNetwork]
    classes: dict[str, int]

    @classmethod
    def load(cls) -> Trained:
        """From the package."""
        return cls(zoo.load(NAME), zoo.words(NAME))

    @property
    def generator(self) -> SpeechNetwork:
        return self.networks["generator"]

    @property
    def q_network(self) -> SpeechNetwork:
        return self.networks["q_network"]

    def named(self, logits: npt.NDArray[np.float32]) -> list[str]:
        """The word of the largest logit of each row (B, N)."""
        words = {number: word for word, number in self.classes.items()}
        return [words[number] for number in logits.reshape(len(logits), -1).argmax(axis=1).tolist()]

    def latents(self, words: list[str], *, seed: int, value: float = 1.0) -> npt.NDArray[np.float32]:
        """(B, Z): the code of each word, and the same variables behind it for all."""
        size = self.generator.spec.in_channels
        codes = np.zeros((len(words), len(self.classes)), np.float32)
        for row, word in enumerate(words):
            codes[row, self.classes[word]] = value
        latents = np.repeat(random(1, size=size, seed=seed)[:], len(words), axis=0)
        latents[:, : codes.shape[1]] = codes
        return latents


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


def speak_words(
    trained: Trained, tokens_per_word: int, seed: int
) -> tuple[WordCorpus, npt.NDArray[np.float32]]:
    """Words that it was not trained on, by the same voices, and the same cut to its slice (B, L)."""
    recipe = read_config(zoo.recipe(NAME), environment={})
    corpus = withheld_words(recipe, tokens_per_word=tokens_per_word, seed=seed).corpus()
    return corpus, fit_length(corpus.waveforms, trained.q_network.spec.slice_len)


def run_words(trained: Trained, waveforms: npt.NDArray[np.float32], num_threads: int | None) -> Run:
    """The Q-network hears every token."""
    return _run(trained.q_network, f"{NAME}:q_network", waveforms, num_threads)


def run_interpolation(trained: Trained, *, seed: int, num_threads: int | None) -> Run:
    """The generator speaks one latent vector whose code for a word grows from nothing to beyond what training saw."""
    latents = trained.latents([MOVED_WORD] * VALUES.size, seed=seed)
    latents[:, trained.classes[MOVED_WORD]] = VALUES
    return _run(trained.generator, f"{NAME}:generator", latents, num_threads)


def speak_codes(trained: Trained, *, seed: int) -> tuple[list[str], npt.NDArray[np.float32], list[str]]:
    """Words, what the generator makes of their codes (B, L), and what the Q-network takes it for."""
    words = sorted(trained.classes)
    sounds = np.asarray(Probe(trained.generator, ["out"]).run(trained.latents(words, seed=seed))["out"])
    heard = Probe(trained.q_network, ["logits"]).run(sounds)["logits"]
    return words, sounds, trained.named(np.asarray(heard))


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


def with_words(dataset: xarray.Dataset, corpus: WordCorpus, named: list[str]) -> xarray.Dataset:
    """Add to the series of a corpus what is known of each token: word, what it was taken for, voice, pitch, rate, phones."""
    tokens = corpus.tokens
    longest = max(len(token.phones) for token in tokens)
    labels = np.full((len(tokens), longest), "", dtype=object)  # (B, P)
    starts_s, ends_s = np.full((2, len(tokens), longest), np.nan)  # (B, P) each
    for row, token in enumerate(tokens):
        for i, phone in enumerate(token.phones):
            labels[row, i], starts_s[row, i], ends_s[row, i] = phone.label, phone.start_s, phone.end_s
    described = dataset.assign_coords(
        word=("sample", [token.word for token in tokens]),
        named=("sample", named),
        voice=("sample", [token.voice for token in tokens]),
        pitch=("sample", [token.pitch for token in tokens]),
        rate_wpm=("sample", [token.rate_wpm for token in tokens]),
        phone_label=(("sample", "phone"), labels),
        phone_start=(("sample", "phone"), starts_s, {"units": "s"}),
        phone_end=(("sample", "phone"), ends_s, {"units": "s"}),
    )
    return described.assign_attrs(corpus_sha256=corpus.sha256)
