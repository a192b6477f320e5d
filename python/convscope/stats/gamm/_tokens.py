"""Sums of products over tokens, of which everything else is made: once for each rho.

Tokens that have the same times have the same products of functions; so have those of one cell (group and speaker) the same places for them.
What is kept is per pattern of times and per pair of pattern and cell: for equally timed tokens their number does not matter.

N tokens, P patterns, R pairs of pattern and cell, m functions that tokens share, q functions of a token's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ._basis import Floats
from ._token_table import Numbers, TokenTable

_AT_ONCE = 1 << 22  # values of functions


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """Of functions (P, ...), of functions and values by pair (R, ...) and token (N, ...); all whitened for one rho."""

    shared: Floats  # (P, m, m)
    mixed: Floats  # (P, m, q)
    own: Floats  # (P, q, q)
    shared_values: Floats  # (R, m) sums over the pair's tokens
    own_values: Floats  # (R, q)
    own_squares: Floats  # (R, q, q) sums of outer products
    token_values: Floats  # (N, q)
    squares: float
    rho: float


class Tokens:
    """The tokens of a table, by pattern of times and by cell.

    ``pair_pattern``, ``pair_cell``, ``pair_count`` (R,); ``cell_group``, ``cell_speaker`` (cells,); ``pair_of``, ``pattern_of`` (N,).
    """

    def __init__(self, table: TokenTable, shared: Floats, own: Floats, times: Floats) -> None:
        """``shared`` (T, m) and ``own`` (T, q): functions at the distinct times (T,)."""
        self.table, self.m, self.q = table, shared.shape[1], own.shape[1]
        self._functions = np.hstack([shared, own])
        self._time_of = np.searchsorted(times, table.times)
        keys: dict[bytes, int] = {}
        pieces = np.split(self._time_of, table.starts[1:-1])
        self.pattern_of = np.array([keys.setdefault(piece.tobytes(), len(keys)) for piece in pieces])
        _, first = np.unique(self.pattern_of, return_index=True)
        self._example = first  # (P,) a token that has the pattern
        cells, cell_of = np.unique(np.stack([table.group_of, table.speaker_of]), axis=1, return_inverse=True)
        self.cell_group, self.cell_speaker = cells
        pairs, self.pair_of, self.pair_count = np.unique(
            np.stack([self.pattern_of, cell_of.reshape(-1)]), axis=1, return_inverse=True, return_counts=True
        )
        self.pair_of = self.pair_of.reshape(-1)
        self.pair_pattern, self.pair_cell = pairs
        self.pattern_count = np.bincount(self.pattern_of)  # (P,)

    def products(self, rho: float) -> Products:
        """Of all rows, whitened."""
        m, p, r = self.m, len(self.pattern_count), len(self.pair_count)
        everything = np.empty((p, m + self.q, m + self.q))
        with_values = np.empty((len(self.pattern_of), m + self.q))
        for patterns, functions in self._whitened(rho):
            everything[patterns] = functions.mT @ functions
        squares = 0.0
        for tokens, rows in _by_length(self.table.starts, np.arange(len(self.pattern_of)), m + self.q):
            values = whiten(self.table.values[rows][..., None], rho)
            squares += float((values**2).sum())
            functions = whiten(self._functions[self._time_of[rows]], rho)
            with_values[tokens] = (functions.mT @ values)[..., 0]
        own = with_values[:, m:]
        own_squares = np.zeros((r, self.q, self.q))
        np.add.at(own_squares, self.pair_of, own[:, :, None] * own[:, None])
        summed = np.zeros((r, m + self.q))
        np.add.at(summed, self.pair_of, with_values)
        return Products(
            shared=everything[:, :m, :m],
            mixed=everything[:, :m, m:],
            own=everything[:, m:, m:],
            shared_values=summed[:, :m],
            own_values=summed[:, m:],
            own_squares=own_squares,
            token_values=own,
            squares=squares,
            rho=rho,
        )

    def fitted(self, coefficients: Floats) -> Floats:
        """(n,) of all rows, for (N, m + q) what each token's functions are multiplied by."""
        found = np.empty(len(self._time_of))
        for tokens, rows in _by_length(self.table.starts, np.arange(len(self.pattern_of)), self.m + self.q):
            functions = self._functions[self._time_of[rows]]  # (tokens, length, m + q)
            found[rows] = np.einsum("tlj,tj->tl", functions, coefficients[tokens])
        return found

    def own_ranks(self) -> Numbers:
        """(P,) of the token's functions at the pattern's times."""
        ranks = np.empty(len(self.pattern_count), np.int64)
        for patterns, functions in self._whitened(0.0):
            ranks[patterns] = np.linalg.matrix_rank(functions[..., self.m :])
        return ranks

    def has_line(self) -> Numbers:
        """(P,) whether the token's functions can make a straight line at the pattern's times."""
        found = np.empty(len(self.pattern_count), bool)
        ranks = self.own_ranks()
        for patterns, functions in self._whitened(0.0):
            lines = self.table.times[self._rows(patterns)][..., None]
            joined = np.concatenate([functions[..., self.m :], lines - lines.mean(1, keepdims=True)], -1)
            found[patterns] = np.linalg.matrix_rank(joined) == ranks[patterns]
        return found

    def _rows(self, patterns: Numbers) -> Numbers:
        """(len, length) of an example of each pattern; all are equally long."""
        tokens = self._example[patterns]
        length = self.table.lengths[tokens[0]]
        return self.table.starts[tokens][:, None] + np.arange(length)

    def _whitened(self, rho: float) -> Iterator[tuple[Numbers, Floats]]:
        """Patterns of one length, and their functions (some, length, m + q)."""
        for which, rows in _by_length(self.table.starts, self._example, self.m + self.q):
            yield which, whiten(self._functions[self._time_of[rows]], rho)


def whiten(rows: Floats, rho: float) -> Floats:
    """Innovations of an AR(1) process along the second axis, of the variance that its first value has."""
    if rho == 0:
        return rows
    following = (rows[:, 1:] - rho * rows[:, :-1]) / np.sqrt(1 - rho**2)
    return np.concatenate([rows[:, :1], following], 1)


def whiten_rows(table: TokenTable, values: Floats, rho: float) -> Floats:
    """(n,) the same for rows in order of token and time."""
    whitened = values.copy()
    inside = np.flatnonzero(np.diff(table.token_of) == 0) + 1
    whitened[inside] = (values[inside] - rho * values[inside - 1]) / np.sqrt(1 - rho**2)
    return whitened


def _by_length(starts: Numbers, tokens: Numbers, width: int) -> Iterator[tuple[Numbers, Numbers]]:
    """Places in ``tokens`` of those that are equally long, and their rows (some, length)."""
    lengths = np.diff(starts)[tokens]
    for length in np.unique(lengths):
        places = np.flatnonzero(lengths == length)
        for some in np.array_split(places, max(len(places) * length * width // _AT_ONCE, 1)):
            yield some, starts[tokens[some]][:, None] + np.arange(length)
