"""How well a Q-network names sounds that it never heard.

Nothing ties its codes to words: the labelling is the one-to-one assignment of codes to words that is right most often.

Letters: B sounds, N entries of a code, K codes, W words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._config import CodeKind


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a Q-network makes of labelled sounds.

    Attributes
    ----------
    words : the labels, in alphabetical order.
    codes : of the columns: a class, or a fiwGAN's bits as text, the first bit first.
    counts : (W, K) sounds of each word that have each code.
    assigned : word → code, one-to-one, by which most sounds are named rightly; a word may have none where codes are fewer.
    accuracy : part of the sounds that it names rightly.
    purity : part of the sounds that would be, were each code named after its most frequent word.
    chance : part that is right for the best labelling of codes drawn at random, the mean of 200 shuffles.
    """

    words: tuple[str, ...]
    codes: tuple[str, ...]
    counts: NDArray[np.int64]
    assigned: dict[str, str]
    accuracy: float
    purity: float
    chance: float


def evaluate(logits: NDArray[np.floating], labels: Sequence[str], *, kind: CodeKind) -> Evaluation:
    """Compare the codes that a Q-network gives with words.

    Parameters
    ----------
    logits : (B, N) of the Q-network.
    labels : B words.
    kind : ``"one_hot"``: the largest logit is the code; ``"binary"``: each positive one is a bit.

    Raises
    ------
    ValueError
        without sounds, if the numbers of sounds differ, or for logits that are not finite.

    Examples
    --------
    >>> result = evaluate(np.array([[0.0, 2], [0, 3], [1, 0]]), ["wash", "wash", "ask"], kind="one_hot")
    >>> result.assigned, result.accuracy
    ({'ask': '0', 'wash': '1'}, 1.0)
    """
    logits = np.asarray(logits)
    if logits.ndim != 2 or len(logits) != len(labels) or not len(labels):
        raise ValueError(f"logits: expected ({len(labels)}, N) and at least one sound, got {logits.shape}")
    if not np.isfinite(logits).all():
        raise ValueError("logits: expected finite values, got NaN or infinity")
    words, word_of = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    codes, code_of = _codes(logits, kind)
    counts = _counts(word_of, code_of, len(words), len(codes))
    rows, columns, accuracy = _best(counts)
    generator = np.random.default_rng(0)
    chance = [
        _best(_counts(word_of, generator.permutation(code_of), len(words), len(codes)))[2] for _ in range(200)
    ]
    return Evaluation(
        tuple(words.tolist()),
        codes,
        counts,
        {str(words[row]): codes[column] for row, column in zip(rows, columns, strict=True)},
        accuracy,
        float(counts.max(axis=0).sum() / counts.sum()),
        float(np.mean(chance)),
    )


def _codes(logits: NDArray[np.floating], kind: CodeKind) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names of codes, and which of them each sound has."""
    if kind == "one_hot":
        return tuple(str(i) for i in range(logits.shape[1])), logits.argmax(axis=1)
    bits = ["".join(str(int(bit)) for bit in row) for row in logits > 0]
    if logits.shape[1] <= 8:
        names = [f"{code:0{logits.shape[1]}b}" for code in range(2 ** logits.shape[1])]
    else:  # those that occur
        names = sorted(set(bits))
    place = {name: i for i, name in enumerate(names)}
    return tuple(names), np.array([place[code] for code in bits])


def _counts(
    word_of: NDArray[np.int64], code_of: NDArray[np.int64], words: int, codes: int
) -> NDArray[np.int64]:
    return np.bincount(word_of * codes + code_of, minlength=words * codes).reshape(words, codes)


def _best(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], float]:
    from scipy.optimize import linear_sum_assignment  # of the extra train

    rows, columns = linear_sum_assignment(counts, maximize=True)
    return rows, columns, float(counts[rows, columns].sum() / counts.sum())
