"""The table of a GAMM, checked: rows by token and time, names as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._checks import numbers

if TYPE_CHECKING:
    import pandas as pd

Floats: TypeAlias = NDArray[np.float64]
Numbers: TypeAlias = NDArray[np.int64]

POSITIONS = "positions"  # of the layer in a token's interval, as `acoustics.normalised_time` gives them


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
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


def frame_of(
    table: pd.DataFrame,
    *,
    value: str,
    time: str,
    group: str | None,
    token: str,
    speaker: str | None,
    reference: object,
) -> Frame:
    """Rows sorted; the columns' names as in `fit_gamm`.

    Raises
    ------
    KeyError, ValueError
        for what cannot be modelled, naming column, expected and got.
    """
    import pandas as pd

    named = {"value": value, "time": time, "group": group, "token": token, "speaker": speaker}
    for role, name in named.items():
        there = 1 if name is None else int((table.columns == name).sum())
        if not there:
            raise KeyError(f"{role}: no column {name!r}; there are {', '.join(map(str, table.columns))}")
        if there > 1:
            raise ValueError(f"{role}: expected one column {name!r}, got {there}")
    if len(table) < 1:
        raise ValueError("table: expected rows, got none")
    values, times = _numbers(table, value, "value"), _rounded(_numbers(table, time, "time"))
    if np.ptp(values) == 0:
        raise ValueError(f"value: expected values that vary, got {values[0]:g} in all {len(values)} rows")
    token_code, tokens = _names(table, token, "token")
    group_code, groups = _names(table, group, "group")
    speaker_code, speakers = _names(table, speaker, "speaker")
    if speaker is not None and len(speakers) < 2:
        raise ValueError(
            f"speaker: expected at least two speakers, got {speakers[0]!r} only; leave speaker out"
        )
    if reference is not None:
        if str(reference) not in groups:
            raise ValueError(f"reference: expected one of {', '.join(groups)}, got {str(reference)!r}")
        first = groups.index(str(reference))
        order = [first, *(i for i in range(len(groups)) if i != first)]
        groups = tuple(groups[i] for i in order)
        group_code = np.argsort(order)[group_code]
    rows = np.lexsort((times, token_code))
    token_code, group_code, speaker_code = token_code[rows], group_code[rows], speaker_code[rows]
    values, times = values[rows], times[rows]
    starts = np.flatnonzero(np.r_[True, np.diff(token_code) != 0, True])
    _check_one(group_code, starts, tokens, groups, "group")
    _check_one(speaker_code, starts, tokens, speakers, "speaker")
    again = np.flatnonzero((np.diff(token_code) == 0) & (np.diff(times) == 0))
    if len(again):
        name, at = tokens[token_code[again[0]]], times[again[0]]
        raise ValueError(
            f"token: expected one row for each token and time, got {len(again)} more, such as of {name!r} at {at:g}; "
            "tokens of different words need different names"
        )
    frame = Frame(
        values,
        times,
        starts,
        group_code[starts[:-1]],
        speaker_code[starts[:-1]],
        tokens,
        groups,
        speakers,
        rows,
    )
    _check_groups(frame, pd.Series(times).groupby(group_code).nunique())
    if POSITIONS in table.columns and POSITIONS not in named.values():
        _check_positions(frame, numbers(table, POSITIONS)[rows])
    return frame


def _numbers(table: pd.DataFrame, column: str, role: str) -> Floats:
    try:
        found: Floats = table[column].to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{role}: expected numbers in column {column!r}, got {table[column].dtype}"
        ) from error
    wrong = int((~np.isfinite(found)).sum())
    if wrong:
        raise ValueError(
            f"{role}: expected finite numbers in column {column!r}, got {wrong} of {len(found)} that are not; leave out the "
            "tokens that have them (rows alone would leave gaps in a token, which AR(1) takes for neighbours)"
        )
    return found


def _rounded(times: Floats) -> Floats:
    """The same time twice is one time, however it was computed."""
    span = float(np.ptp(times))
    if span == 0:
        raise ValueError(
            f"time: expected at least 3 different times, got {times[0]:g} in all {len(times)} rows"
        )
    decimals = int(np.floor(9 - np.log10(span)))
    found: Floats = times.round(decimals)
    return found


def _names(table: pd.DataFrame, column: str | None, role: str) -> tuple[Numbers, tuple[str, ...]]:
    """A number for each row, in the order of sorted names; one for all where there is no column."""
    import pandas as pd

    if column is None:
        return np.zeros(len(table), np.int64), ("all",)
    if table[column].isna().any():
        raise ValueError(
            f"{role}: expected a name in each row, got {int(table[column].isna().sum())} without"
        )
    codes, names = pd.factorize(table[column].astype(str), sort=True)
    return codes.astype(np.int64), tuple(names)


def _check_one(
    codes: Numbers, starts: Numbers, tokens: Sequence[str], names: Sequence[str], role: str
) -> None:
    """Each token belongs to one group, said by one speaker."""
    low, high = np.minimum.reduceat(codes, starts[:-1]), np.maximum.reduceat(codes, starts[:-1])
    for i in np.flatnonzero(low != high)[:1]:
        raise ValueError(
            f"token: expected names that are unique, got {tokens[i]!r} in {role} {names[low[i]]!r} and {names[high[i]]!r}"
        )


def _check_positions(frame: Frame, positions: Floats) -> None:
    """What lies between a layer's positions is interpolated: AR(1) takes it for noise without end, and anything is significant."""
    there = np.fmin.reduceat(positions, frame.starts[:-1])
    beyond = np.flatnonzero(frame.lengths > there)  # NaN is not known, and no reason to refuse
    if len(beyond):
        i = beyond[0]
        raise ValueError(
            f"time: expected at most as many times as positions in each token (column {POSITIONS!r}), got {frame.lengths[i]} times "
            f"of {there[i]:g} positions in {frame.tokens[i]!r} ({len(beyond)} of {len(frame.tokens)} tokens have too many): what lies "
            "between positions is interpolated; take fewer points, or leave such tokens out"
        )


def _check_groups(frame: Frame, distinct_times: pd.Series[int]) -> None:
    for number, name in enumerate(frame.groups):
        if distinct_times[number] < 2:
            raise ValueError(
                f"group: expected at least 2 different times in each group, got 1 in {name!r}: a curve needs more"
            )
    counts = np.bincount(frame.group_of, minlength=len(frame.groups))
    if counts.max() < 2:
        raise ValueError(
            "token: expected several tokens of at least one group, got one of each: what differs between groups cannot be told "
            "from what differs between tokens"
        )
