"""Each network of the zoo is a folder: its weights, the words its codes stand for, and the log of its training."""

from __future__ import annotations

import difflib
import json
import tomllib
from pathlib import Path
from typing import Any

from .. import models
from ..data import WORDS, WordCorpus, synthesise_words
from ..models import Role, SpeechNetwork

_FOLDER = Path(__file__).parent


def names() -> tuple[str, ...]:
    """Of the networks that there are."""
    return tuple(sorted(path.name for path in _FOLDER.iterdir() if (path / "words.json").is_file()))


def load(name: str) -> dict[Role, SpeechNetwork]:
    """The networks of one name, in evaluation mode.

    ``"words8"`` is a small ciwGAN on eight synthetic words at 5 kHz, trained by ``convscope train words8 --data words``: a generator whose
    one-hot code of eight names the word, and the Q-network that hears the code. Its weights are its authors' own.

    Parameters
    ----------
    name : one of `names`.

    Raises
    ------
    ValueError
        for a name that is not there.

    Examples
    --------
    >>> networks = load("words8")
    >>> networks["generator"].spec.slice_len, networks["q_network"].spec.num_categories
    (4096, 8)
    """
    return models.load(_folder(name))


def words(name: str) -> dict[str, int]:
    """Which class of the code stands for which word: the labelling that named most withheld sounds rightly.

    Examples
    --------
    >>> sorted(words("words8"))
    ['ask', 'dark', 'greasy', 'oily', 'rag', 'wash', 'water', 'year']
    """
    found: dict[str, int] = json.loads((_folder(name) / "words.json").read_text())
    return found


def corpus(name: str, *, tokens_per_word: int = 50, seed: int = 0) -> WordCorpus:
    """Words that a network was made for and has never heard: spoken by its voices at its rates, each a slice of its length.

    Parameters
    ----------
    name : one of `names`.
    tokens_per_word : of each of its words.
    seed : fixes all draws.

    Returns
    -------
    convscope.data.WordCorpus
        waveforms (B, L) float32, peak 1, at the network's rate; ``words`` (B,) what each says.

    Raises
    ------
    ImportError
        If espeakng-loader is not installed: ``pip install 'convscope[speech]'``.
    ValueError
        for a name that is not there, or more tokens than there are unlike those of its training.

    Examples
    --------
    >>> heard = corpus("words8", tokens_per_word=2)  # doctest: +SKIP
    >>> heard.waveforms.shape, heard.words[0]  # doctest: +SKIP
    ((16, 4096), 'ask')
    """
    trained = tomllib.loads(recipe(name).read_text())
    data, spec = trained["data"], load(name)["q_network"].spec
    return synthesise_words(
        data["words"] or WORDS,
        tokens_per_word=tokens_per_word,
        voices=tuple(data["voices"]),
        rates_wpm=(data["rates_wpm"][0], data["rates_wpm"][1]),
        seed=seed,
        unlike=(trained["run"]["seed"], data["tokens_per_word"]),
        slice_len=spec.slice_len,
        sample_rate_hz=spec.sample_rate_hz,
        lead_s=data["silence_s"],
    )


def recipe(name: str) -> Path:
    """The file of the configuration that it was trained by, for `convscope.train.read_config`."""
    return _folder(name) / "config.toml"


def log(name: str) -> list[dict[str, Any]]:
    """The log of its training, as `convscope.train.read_log` returns it."""
    return [json.loads(line) for line in (_folder(name) / "log.jsonl").read_text().splitlines()]


def _folder(name: str) -> Path:
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=3)
        hint = f"; did you mean {' or '.join(close)}?" if close else f"; known: {', '.join(names())}"
        raise ValueError(f"zoo: there is no network {name!r}{hint}")
    return _FOLDER / name
