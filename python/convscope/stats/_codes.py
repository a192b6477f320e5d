"""Codes against words: does each code of a ciwGAN or fiwGAN stand for a word, as its Q-network or listeners have it?

Accuracy under the best assignment is never zero for noise, so it comes with what permuted words give. Odds ratios take
Haldane's half where a cell is empty (and say so); p-values are Fisher's exact. The multinomial regression of words on
codes has as many parameters as cells: its likelihood is that of the shares, and needs no optimiser that could fail.

Source: Beguš 2021 (Neural Networks 139), Beguš & Zhou 2022 (Interspeech) for the tables and AIC; Kuhn 1955; Haldane 1956.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import Floats, check_count, check_level, require
from ._libraries import Frame, library
from ._multiplicity import with_adjusted
from ._result import Result
from .discovery._logistic import largest_log_likelihood

Counts = NDArray[np.int64]
CodeKind = Literal["one-hot", "binary"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CodeTable(Result):
    """``counts``: codes (rows) by words; ``assignment``: the word of each code and its shares; ``summary``: accuracy and purity with
    their chance levels; ``odds``: the odds ratio of every code and word; ``models``: words explained by codes."""

    counts: Frame
    assignment: Frame
    summary: Frame
    odds: Frame
    models: Frame
    settings: Mapping[str, Any]

    _aside: ClassVar[Mapping[str, tuple[str, ...]]] = {"odds": ("p", "p_bh", "haldane")}

    @property
    def word_of_code(self) -> dict[str, str]:
        """The assignment, to be given to the table of other data."""
        return dict(zip(self.assignment["code"], self.assignment["word"], strict=True))


def code_table(
    code: ArrayLike,
    word: ArrayLike,
    *,
    kind: CodeKind | None = None,
    assignment: Mapping[str, str] | None = None,
    level: float = 0.95,
    permutations: int = 999,
    seed: int = 0,
) -> CodeTable:
    """Cross codes with words.

    Parameters
    ----------
    code : (n,) labels, or (n, entries) of 0 and 1
        Vectors are named by their place (one-hot: ``"3"``) or their bits (binary: ``"011"``).
    word : (n,) labels.
    kind : of vectors; by default one-hot where each has exactly one 1, else binary.
    assignment : the word of each code, found on other data. By default the one-to-one assignment with the most hits
        here, which flatters: compare with ``accuracy_chance``. Codes that share no row with a word that is left have none.
    level : of the intervals of odds ratios.
    permutations : of the words, for chance levels and their p-values.
    seed : of those.

    Returns
    -------
    CodeTable
        Purity is the share of rows whose word is the commonest of their code. ``models`` compares multinomial logistic
        regressions by AIC: words alone, words by code, and, for binary codes, words by the bits without interactions.

    Raises
    ------
    ValueError
        for unequal lengths, missing labels, one code or one word only, vectors that are no codes, or an assignment of other
        codes or words.

    Examples
    --------
    >>> table = code_table([0, 0, 0, 1, 1, 1], ["ask", "ask", "dark", "dark", "dark", "dark"], permutations=99)
    >>> table.word_of_code, round(float(table.summary.accuracy[0]), 3)
    ({'0': 'ask', '1': 'dark'}, 0.833)
    """
    level, permutations = check_level(level), check_count("permutations", permutations, 19)
    labels, bits, found_kind = _labels(np.asarray(code), kind)
    pandas = library("pandas")
    words = np.asarray(word).ravel()
    require(len(words) == len(labels), "word", f"one for each of {len(labels)} codes", len(words))
    require(not pandas.isna(words).any(), "word", "labels without gaps", "missing ones")
    codes, row = np.unique(labels, return_inverse=True)
    names, column = np.unique(words.astype(str), return_inverse=True)
    require(
        len(codes) >= 2 and len(names) >= 2,
        "code",
        "two or more codes and words",
        f"{len(codes)} and {len(names)}",
    )
    counts = _crossed(row, column, len(codes), len(names))
    pairs = _best_pairs(counts) if assignment is None else _given_pairs(assignment, codes, names)
    rng = np.random.default_rng(seed)
    shuffled = [_crossed(row, rng.permutation(column), *counts.shape) for _ in range(permutations)]
    table = pandas.DataFrame(counts, columns=names)
    table.insert(0, "code", codes)
    settings = {"kind": found_kind, "level": level, "permutations": permutations, "seed": seed}
    return CodeTable(
        table,
        pandas.DataFrame(_shares(counts, codes, names, pairs)),
        pandas.DataFrame([_summary(counts, shuffled, None if assignment is None else pairs)]),
        with_adjusted(pandas.DataFrame(_odds(counts, codes, names, level))),
        pandas.DataFrame(_models(counts, column, bits)),
        settings | {"given": assignment is not None},
    )


def _labels(code: NDArray[Any], kind: CodeKind | None) -> tuple[NDArray[np.str_], Floats | None, str]:
    """Names of the codes, the bits (n, entries) of binary ones, and the kind."""
    require(kind in (None, "one-hot", "binary"), "kind", "'one-hot' or 'binary'", kind)
    if code.ndim == 1:
        require(kind is None, "code", f"{kind} vectors (n, entries)", f"shape {code.shape}")
        require(not library("pandas").isna(code).any(), "code", "labels without gaps", "missing ones")
        return code.astype(str), None, "labels"
    require(
        code.ndim == 2 and code.size > 0, "code", "labels (n,) or vectors (n, entries)", f"shape {code.shape}"
    )
    require(
        bool(np.isin(code, (0, 1)).all()), "code", "entries of 0 and 1; for logits, argmax(1)", "other values"
    )
    entries = code.astype(np.int64)
    is_one_hot = bool((entries.sum(1) == 1).all())
    if kind == "one-hot" or (kind is None and is_one_hot):
        require(is_one_hot, "code", "one 1 in each one-hot vector", "none or several")
        return entries.argmax(1).astype(str), None, "one-hot"
    return np.array(["".join(map(str, each)) for each in entries]), entries.astype(np.float64), "binary"


def _crossed(row: NDArray[np.intp], column: NDArray[np.intp], rows: int, columns: int) -> Counts:
    return np.bincount(row * columns + column, minlength=rows * columns).reshape(rows, columns)


def _best_pairs(counts: Counts) -> list[tuple[int, int]]:
    """(code, word) one to one; a code has none where there are fewer words, or none is left that it ever had."""
    found = library("scipy.optimize").linear_sum_assignment(counts, maximize=True)
    return [(int(code), int(word)) for code, word in zip(*found, strict=True) if counts[code, word] > 0]


def _given_pairs(
    assignment: Mapping[str, str], codes: NDArray[np.str_], names: NDArray[np.str_]
) -> list[tuple[int, int]]:
    """Those of which both are there: a code that never came has no row to be right in."""
    known, called = list(codes), list(names)
    found = [
        (known.index(str(code)), called.index(str(word)))
        for code, word in assignment.items()
        if str(code) in known and str(word) in called
    ]
    require(
        bool(found),
        "assignment",
        f"codes of {', '.join(known)} and words of {', '.join(called)}",
        str(dict(assignment)),
    )
    return found


def _shares(
    counts: Counts, codes: NDArray[np.str_], names: NDArray[np.str_], pairs: list[tuple[int, int]]
) -> list[dict[str, Any]]:
    return [
        {"code": codes[code], "word": names[word], "count": int(counts[code, word])}
        | {"share_of_code": counts[code, word] / counts[code].sum()}
        | {"share_of_word": counts[code, word] / counts[:, word].sum()}
        for code, word in pairs
    ]


def _summary(counts: Counts, shuffled: list[Counts], pairs: list[tuple[int, int]] | None) -> dict[str, Any]:
    """``pairs`` None: each table, shuffled ones too, has its own best assignment."""

    def accuracy(table: Counts) -> float:
        chosen = _best_pairs(table) if pairs is None else pairs
        return sum(int(table[pair]) for pair in chosen) / int(table.sum())

    def purity(table: Counts) -> float:
        return int(table.max(1).sum()) / int(table.sum())

    found: dict[str, Any] = {"n": int(counts.sum())}
    for name, measure in (("accuracy", accuracy), ("purity", purity)):
        observed, chance = measure(counts), np.array([measure(table) for table in shuffled])
        found |= {name: observed, f"{name}_chance": float(chance.mean())}
        found |= {f"p_{name}": float((np.sum(chance >= observed - 1e-12) + 1) / (len(chance) + 1))}
    return found


def _odds(
    counts: Counts, codes: NDArray[np.str_], names: NDArray[np.str_], level: float
) -> list[dict[str, Any]]:
    stats = library("scipy.stats")
    z = stats.norm.ppf((1 + level) / 2)
    rows = []
    for i, j in np.ndindex(*counts.shape):
        a = counts[i, j]
        cells = np.array([a, counts[i].sum() - a, counts[:, j].sum() - a, 0], np.float64)
        cells[3] = counts.sum() - cells.sum()
        corrected = bool((cells == 0).any())
        p = stats.fisher_exact(cells.reshape(2, 2).astype(np.int64)).pvalue
        if corrected:
            cells += 0.5
        log_odds, error = np.log(cells[0] * cells[3] / (cells[1] * cells[2])), np.sqrt((1 / cells).sum())
        bounds = np.exp([log_odds - z * error, log_odds + z * error])
        rows.append(
            {"code": codes[i], "word": names[j], "odds_ratio": float(np.exp(log_odds)), "lower": bounds[0]}
            | {"upper": bounds[1], "p": float(p), "haldane": corrected}
        )
    return rows


def _models(counts: Counts, column: NDArray[np.intp], bits: Floats | None) -> list[dict[str, Any]]:
    contrasts = counts.shape[1] - 1
    null = _log_likelihood(counts.sum(0, keepdims=True))
    fits = [("word ~ 1", contrasts, null), ("word ~ code", contrasts * len(counts), _log_likelihood(counts))]
    if bits is not None:
        varying = bits[:, np.ptp(bits, axis=0) > 0]
        fits.append(
            ("word ~ bits", contrasts * (varying.shape[1] + 1), largest_log_likelihood(varying, column))
        )
    chi2 = library("scipy.stats").chi2
    return [
        {"model": name, "parameters": parameters, "log_likelihood": value, "aic": 2 * (parameters - value)}
        | {"pseudo_r2": 1 - value / null}
        | {
            "p": float(chi2.sf(2 * (value - null), parameters - contrasts))
            if parameters > contrasts
            else np.nan
        }
        for name, parameters, value in fits
    ]


def _log_likelihood(counts: Counts) -> float:
    """Of words given codes, at their shares; empty cells add nothing."""
    shares = counts / counts.sum(1, keepdims=True)
    return float(np.sum(counts[counts > 0] * np.log(shares[counts > 0])))
