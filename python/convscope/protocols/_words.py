"""What goes into `icassp`: labelled words, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..acoustics import Intervals
from ..data import peak_normalise


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """``waveforms`` (n, L) with peak 1, the ``words`` (n,) they say, who says them, and their phones, if that is known."""

    waveforms: NDArray[np.float32]
    words: NDArray[np.str_]
    speakers: NDArray[np.str_] | None
    phones: Intervals | None


def checked_words(
    waveforms: ArrayLike, words: Sequence[str], speakers: Sequence[str] | None, phones: Intervals | None
) -> Words:
    """Brought to peak 1, as the generator's training sounds were.

    Raises
    ------
    ValueError
        for shapes that do not fit, silent sounds, or fewer than two words.
    """
    sounds = np.asarray(waveforms, np.float32)
    if sounds.ndim != 2 or not sounds.size:
        raise ValueError(f"waveforms: expected (n, L) with sound in it, got shape {sounds.shape}")
    for name, given in (("words", words), ("speakers", speakers)):
        if given is not None and len(given) != len(sounds):
            raise ValueError(f"{name}: expected {len(sounds)}, one for each sound, got {len(given)}")
    silent = np.flatnonzero(~np.abs(sounds).max(1).astype(bool))
    if len(silent):
        raise ValueError(
            f"waveforms: expected sound in each, got {len(silent)} silent ones, such as {silent[0]}"
        )
    names = np.array([str(word) for word in words])
    if speakers is not None and len(set(map(str, speakers))) < 2:
        raise ValueError(f"speakers: expected at least two, got {speakers[0]!r} only; leave them out")
    if len(np.unique(names)) < 2:
        raise ValueError(f"words: expected at least two different ones, got {', '.join(np.unique(names))}")
    if phones is not None and len(phones) and max(each.sound for each in phones) >= len(sounds):
        raise ValueError(
            f"phones: expected sounds below {len(sounds)}, got {max(each.sound for each in phones)}"
        )
    return Words(
        np.stack([peak_normalise(each) for each in sounds]).astype(np.float32),
        names,
        None if speakers is None else np.array([str(each) for each in speakers]),
        phones,
    )
