"""The table of a GAMM, checked: rows by token and time, names as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._checks import numbers, require

if TYPE_CHECKING:
    import pandas as pd

Floats: TypeAlias = NDArray[np.float64]
Numbers: TypeAlias = NDArray[np.int64]

POSITIONS = "positions"  # of the layer in a token's interval, as `acoustics.normalised_time` gives them


@dataclass(frozen=True, slots=True, eq=False)
class TokenTable:
    """n rows in order of token and time, of N tokens.

    ``values``, ``times`` (n,); ``starts`` (N + 1,) where each token begins, and n; ``group_of``, ``speaker_of`` (N,) numbers into
    ``groups``, of which the first is the reference, and ``speakers``; ``rows`` (n,) where each row was in the table that was given.
    """

    values: Floats
    times: Floats
    starts: Numbers
    group_of: Numbers
    speaker_of: Numbers
    tokens: tuple[str, ...]
    groups: tuple[str, ...]
    speakers: tuple[str, ...]
    rows: Numbers

    @property
    def lengths(self) -> Numbers:
        """(N,) rows of each token."""
        return np.diff(self.starts)

    @property
    def distinct_times(self) -> int:
        """How many there are."""
        return len(np.unique(self.times))

    def in_given_order(self, values: Floats) -> Floats:
        """(n,) of the sorted rows -> in the order of the table."""
        found = np.empty_like(values)
        found[self.rows] = values
        return found

    @property
    def token_of(self) -> Numbers:
        """(n,) number of each row's token."""
        return np.repeat(np.arange(len(self.tokens)), self.lengths)


@dataclass(frozen=True, slots=True, eq=False)
class _Factor:
    """A column of names: (n,) numbers into them."""

    codes: Numbers
    names: tuple[str, ...]


def token_table(
    given: pd.DataFrame,
    *,
    value: str,
    time: str,
    group: str | None,
    token: str,
    speaker: str | None,
    reference: object,
) -> TokenTable:
    """Rows sorted; the columns' names as in `fit_gamm`.

    Raises
    ------
    KeyError, ValueError
        for what cannot be modelled, naming column, expected and got.
    """
    columns = {"value": value, "time": time, "group": group, "token": token, "speaker": speaker}
    _check_columns(given, columns)
    values, times = _finite(given, value, "value"), _rounded(_finite(given, time, "time"))
    require(bool(np.ptp(values) > 0), "value", "values that vary", f"{values[0]:g} in all {len(values)} rows")
    tokens, groups = _names(given, token, "token"), _first(_names(given, group, "group"), reference)
    speakers = _names(given, speaker, "speaker")
    if speaker is not None and len(speakers.names) < 2:
        raise ValueError(
            f"speaker: expected at least two speakers, got {speakers.names[0]!r} only; leave speaker out"
        )
    rows = np.lexsort((times, tokens.codes))
    values, times, token_of = values[rows], times[rows], tokens.codes[rows]
    starts = np.flatnonzero(np.r_[True, np.diff(token_of) != 0, True])
    group_of = _of_tokens(groups, rows, starts, tokens.names, "group")
    speaker_of = _of_tokens(speakers, rows, starts, tokens.names, "speaker")
    _check_distinct(token_of, times, tokens.names)
    made = TokenTable(
        values,
        times,
        starts,
        group_of,
        speaker_of,
        tokens.names,
        groups.names,
        speakers.names,
        rows,
    )
    _check_groups(made)
    if POSITIONS in given.columns and POSITIONS not in columns.values():
        _check_positions(made, numbers(given, POSITIONS)[rows])
    return made


def _check_columns(given: pd.DataFrame, columns: Mapping[str, str | None]) -> None:
    for role, name in columns.items():
        there = 1 if name is None else int((given.columns == name).sum())
        if not there:
            raise KeyError(f"{role}: no column {name!r}; there are {', '.join(map(str, given.columns))}")
        require(there == 1, role, f"one column {name!r}", there)
    require(len(given) > 0, "table", "rows", "none")


def _finite(given: pd.DataFrame, column: str, role: str) -> Floats:
    found = numbers(given, column)
    missing = int(np.isnan(found).sum())
    require(
        not missing,
        role,
        f"a number in each row of column {column!r}",
        f"{missing} of {len(found)} without; leave out the tokens that have them (rows alone would leave gaps in a token, which AR(1) "
        "takes for neighbours)",
    )
    return found


def _rounded(times: Floats) -> Floats:
    """The same time twice is one time, however it was computed."""
    span = float(np.ptp(times))
    require(span > 0, "time", "at least 3 different times", f"{times[0]:g} in all {len(times)} rows")
    found: Floats = times.round(int(np.floor(9 - np.log10(span))))
    return found


def _names(given: pd.DataFrame, column: str | None, role: str) -> _Factor:
    """In the order of sorted names; one for all where there is no column."""
    import pandas as pd

    if column is None:
        return _Factor(np.zeros(len(given), np.int64), ("all",))
    missing = int(given[column].isna().sum())
    require(not missing, role, "a name in each row", f"{missing} without")
    codes, names = pd.factorize(given[column].astype(str), sort=True)
    return _Factor(codes.astype(np.int64), tuple(names))


def _first(groups: _Factor, reference: object) -> _Factor:
    """The same, the reference before the others."""
    if reference is None:
        return groups
    wanted = str(reference)
    require(wanted in groups.names, "reference", f"one of {', '.join(groups.names)}", repr(wanted))
    order = sorted(range(len(groups.names)), key=lambda i: groups.names[i] != wanted)
    return _Factor(np.argsort(order)[groups.codes], tuple(groups.names[i] for i in order))


def _of_tokens(
    factor: _Factor, rows: Numbers, starts: Numbers, tokens: tuple[str, ...], role: str
) -> Numbers:
    """(N,) of each token, which belongs to one group, said by one speaker."""
    codes = factor.codes[rows]
    low, high = np.minimum.reduceat(codes, starts[:-1]), np.maximum.reduceat(codes, starts[:-1])
    for i in np.flatnonzero(low != high)[:1]:
        raise ValueError(
            f"token: expected names that are unique, got {tokens[i]!r} in {role} {factor.names[low[i]]!r} and {factor.names[high[i]]!r}"
        )
    return low


def _check_distinct(token_of: Numbers, times: Floats, tokens: tuple[str, ...]) -> None:
    again = np.flatnonzero((np.diff(token_of) == 0) & (np.diff(times) == 0))
    if len(again):
        name, at = tokens[token_of[again[0]]], times[again[0]]
        raise ValueError(
            f"token: expected one row for each token and time, got {len(again)} more, such as of {name!r} at {at:g}; "
            "tokens of different words need different names"
        )


def _check_positions(table: TokenTable, positions: Floats) -> None:
    """What lies between a layer's positions is interpolated: AR(1) takes it for noise that hardly moves, and F may become anything."""
    there = np.fmin.reduceat(positions, table.starts[:-1])
    beyond = np.flatnonzero(table.lengths > there)  # NaN is not known, and no reason to refuse
    if len(beyond):
        i = beyond[0]
        raise ValueError(
            f"time: expected at most as many times as positions in each token (column {POSITIONS!r}), got {table.lengths[i]} times "
            f"of {there[i]:g} positions in {table.tokens[i]!r} ({len(beyond)} of {len(table.tokens)} tokens have too many): what lies "
            "between positions is interpolated; take fewer points, or leave such tokens out"
        )


def _check_groups(table: TokenTable) -> None:
    of_row = table.group_of[table.token_of]
    for number, name in enumerate(table.groups):
        if np.ptp(table.times[of_row == number]) == 0:
            raise ValueError(
                f"group: expected at least 2 different times in each group, got 1 in {name!r}: a curve needs more"
            )
    if np.bincount(table.group_of, minlength=len(table.groups)).max() < 2:
        raise ValueError(
            "token: expected several tokens of at least one group, got one of each: what differs between groups cannot be told "
            "from what differs between tokens"
        )
