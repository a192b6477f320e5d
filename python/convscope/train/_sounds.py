"""From a configuration's ``[data]`` to a cache, and from a cache to what is trained on and what is withheld."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..data import (
    Cache,
    Folder,
    LibriSpeech,
    Slices,
    Source,
    SyntheticWords,
    Timit,
    build_cache,
    open_cache,
    open_source,
)
from ._config import Config, ConfigError
from ._loop import Withheld

LONGEST_WORD_S = 1.024  # of the synthetic ones


def sound_source(config: Config, where: str | Path) -> Source:
    """What `convscope.data.open_source` finds there, with the configuration's choices for its kind.

    Raises
    ------
    ConfigError
        for a choice that this kind of source does not have.
    """
    data, network = config.data, config.network
    words = data.words or None
    source = open_source(where)
    if data.sequences and not isinstance(source, Timit):
        raise ConfigError(f"data.sequences: expected TIMIT at {where}, got {type(source).__name__}")
    match source:
        case SyntheticWords():
            slowest_wpm, fastest_wpm = data.rates_wpm or source.rates_wpm
            return replace(
                source,
                words=data.words or source.words,
                tokens_per_word=data.tokens_per_word,
                voices=data.voices or source.voices,
                rates_wpm=(slowest_wpm, fastest_wpm),
                seed=config.run.seed,
                # Every word fits this; the slice may then cut a few of them.
                slice_len=max(
                    config.spec("generator").slice_len, math.ceil(LONGEST_WORD_S * network.sample_rate_hz)
                ),
                sample_rate_hz=network.sample_rate_hz,
                lead_s=data.silence_s,
            )
        case Timit():
            return replace(source, words=words, silence_s=data.silence_s, sequences=data.sequences or None)
        case LibriSpeech():
            return replace(
                source,
                words=words,
                silence_s=data.silence_s,
                skip_most_frequent=data.skip_most_frequent,
                keep_most_frequent=data.keep_most_frequent or None,
            )
        case Folder():
            return replace(source, label=data.label)
        case _:
            return source


def withheld_words(config: Config, *, tokens_per_word: int, seed: int) -> SyntheticWords:
    """Synthetic words by the configuration's voices at its rates, none of them said as one that it trained on."""
    source = sound_source(config, "words")
    assert isinstance(source, SyntheticWords)
    return replace(
        source,
        tokens_per_word=tokens_per_word,
        seed=seed,
        unlike=(source.seed, source.tokens_per_word),
    )


def sound_cache(
    config: Config, where: str | Path, folder: Path, *, progress: Callable[[int], None] | None = None
) -> Cache:
    """The cache in ``folder``, or the one that ``where`` is; built if there is none yet."""
    if (Path(where) / "cache.json").is_file():
        folder = Path(where)
    if folder.exists():
        cache = open_cache(folder)
    else:
        cache = build_cache(
            sound_source(config, where),
            folder,
            sample_rate_hz=config.network.sample_rate_hz,
            withhold=config.data.withheld,
            seed=config.run.seed,
            progress=progress,
        )
    if cache.sample_rate_hz != config.network.sample_rate_hz:
        raise ConfigError(
            f"network.sample_rate_hz: expected {cache.sample_rate_hz}, that of the sounds in {folder}, "
            f"got {config.network.sample_rate_hz}"
        )
    return cache


def training_slices(config: Config, cache: Cache) -> Slices:
    """What is trained on.

    Raises
    ------
    ConfigError
        if nothing is.
    """
    data = config.data
    rows = cache.where("train", labels=data.words or None)
    if not len(rows):
        raise ConfigError(
            f"data: expected sounds to train on, got none of {len(cache)} in {cache.folder} "
            f"with withheld={data.withheld:g} and words={list(data.words)}"
        )
    length = config.spec("generator").slice_len
    return Slices(
        cache,
        rows,
        length=length,
        start=data.start,
        jitter=int(data.jitter * length),
        pad=data.pad,
        normalise=None if data.normalise == "none" else data.normalise,
    )


def withheld_sounds(config: Config, cache: Cache) -> Withheld | None:
    """What training never sees, from the beginning of each sound; None if nothing is withheld, or nothing has a label."""
    rows = cache.where("withheld", labels=config.data.words or None)
    labels = tuple(cache.label(row) for row in rows)
    if not any(labels):
        return None
    normalise = None if config.data.normalise == "none" else config.data.normalise
    slices = Slices(cache, rows, length=config.spec("generator").slice_len, normalise=normalise)
    return Withheld(slices, labels)
