"""Labelled sounds on the command line: from a folder, a corpus, a table, or spoken anew."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ._errors import Misuse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..data import Segment, Source
    from ..models import NetworkSpec
    from ..train import Config


SPOKEN = 50  # synthetic words of each kind, unless told


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """``waveforms`` (n, L) at the network's rate, each scaled to peak 1; of each its label, its name, and its phones if they are known."""

    waveforms: NDArray[np.float32]
    labels: tuple[str, ...]
    names: tuple[str, ...]
    segments: tuple[tuple[Segment, ...], ...]


def recipe_unknown(spec: NetworkSpec) -> Config:
    """For a network that does not tell what it was trained by."""
    from ..train import Config, Network

    return Config(network=Network(sample_rate_hz=spec.sample_rate_hz))


def read_labelled(
    data: str,
    spec: NetworkSpec,
    recipe: Config,
    *,
    tokens_per_word: int | None,
    seed: int,
    label: str | None = None,
) -> Labelled:
    """Sounds that have a label, in slices of the network's length.

    ``label`` is a regular expression whose group is the label in a file's name. ``tokens_per_word`` is how many synthetic words are spoken, or, of
    sounds that are there, how many of each label are taken, in the order of a seeded draw; None for all.
    """
    import numpy as np

    from ..data import Folder, Slices, build_cache, open_source
    from ..train import withheld_words

    source: Source
    if data == "words":
        if label is not None:
            raise Misuse("--label: for folders of sounds, synthetic words have labels")
        source = withheld_words(recipe, tokens_per_word=tokens_per_word or SPOKEN, seed=seed)
    else:
        source = open_source(data)
        if label is not None:
            if not isinstance(source, Folder):
                raise Misuse(f"--label: for folders of sounds without other labels, not for {data}")
            source = replace(source, label=label)
    with tempfile.TemporaryDirectory() as folder:
        cache = build_cache(source, Path(folder) / "sounds", sample_rate_hz=spec.sample_rate_hz, withhold=0.0)
        rows = np.array([row for row in range(len(cache)) if cache.label(row)])
        if not rows.size:
            raise Misuse(
                f"--data: expected sounds with labels in {data}, such as one sub-folder for each word"
            )
        if data != "words" and tokens_per_word is not None:
            rows = _some_of_each(rows, [cache.label(row) for row in rows], tokens_per_word, seed)
        slices = Slices(cache, rows, length=spec.slice_len)
        return Labelled(
            slices.read(np.arange(len(rows)), np.zeros((len(rows), 2))),
            tuple(cache.label(row) for row in rows),
            tuple(cache.name(row) for row in rows),
            tuple(cache.segments(row) for row in rows),
        )


def _some_of_each(rows: NDArray[np.int64], labels: list[str], count: int, seed: int) -> NDArray[np.int64]:
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(rows))
    taken: dict[str, int] = {}
    kept = []
    for i in order:
        taken[labels[i]] = taken.get(labels[i], 0) + 1
        if taken[labels[i]] <= count:
            kept.append(rows[i])
    return np.sort(np.array(kept))
