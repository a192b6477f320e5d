"""Each network of the zoo is a folder: its weights, the words its codes stand for, and the log of its training."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

from .. import models
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
