"""What a study is made of: tables, figures, what was left out, findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DataFrame: TypeAlias = Any  # pandas comes without types
MOST_ROWS = 25  # of a table on the page; its file has all


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table; ``name`` is that of its file, ``shown`` the columns and ``rows`` the rows that the page has, of all of the file's."""

    name: str
    caption: str
    frame: DataFrame
    shown: tuple[str, ...] = ()
    rows: int = MOST_ROWS


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A figure; ``name`` is that of its files."""

    name: str
    caption: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was not done, and why."""

    what: str
    reason: str


Item: TypeAlias = "str | Table | Picture | LeftOut"
Answer: TypeAlias = 'bool | Literal["undecided"] | None'
VERDICTS: Mapping[Answer, str] = {
    True: "appears",
    False: "does not appear",
    "undecided": "undecided",
    None: "could not be looked at",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of a paper, and whether it appears here: "undecided" where these data allow both, None where it could not be looked at."""

    claim: str
    source: str
    appears: Answer
    evidence: str

    @property
    def verdict(self) -> str:
        """In words."""
        return VERDICTS[self.appears]
