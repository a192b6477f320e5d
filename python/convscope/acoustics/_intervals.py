"""Labelled stretches of sounds: from Praat's TextGrids, TIMIT, tables, synthetic words, or a detector."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from convscope.data import BOUNDARY_TOLERANCE_S, Segment, WordCorpus, read_marks, read_tiers

from .._folders import write_files
from ._measure import expect
from ._optional import library
from ._spans import Span
from ._textgrid import textgrid_of

Beyond = Literal["error", "clip"]
SHOWN_LABELS = 8
DataFrame: TypeAlias = Any  # pandas comes without types


class _Labelled(Protocol):
    @property
    def label(self) -> str: ...
    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of one sound.

    Attributes
    ----------
    sound : int
        Row of the sound, from 0.
    label : str
        What it is.
    start_s, end_s : float
        Seconds on the axis of the sound.
    """

    sound: int
    label: str
    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        expect(self.sound >= 0, "sound", "a row from 0", self.sound)
        is_forward = float("-inf") < self.start_s < self.end_s < float("inf")
        expect(
            is_forward,
            f"interval {self.label!r}",
            "a start before the end",
            f"{self.start_s} to {self.end_s} s",
        )

    @property
    def span(self) -> Span:
        """Its time alone."""
        return Span(self.start_s, self.end_s)


@dataclass(frozen=True, slots=True)
class Intervals:
    """Intervals of any number of sounds, by sound and start.

    Examples
    --------
    >>> marks = Intervals.from_segments([[Segment("s", 0.1, 0.2), Segment("k", 0.2, 0.25)], [Segment("s", 0.3, 0.4)]])
    >>> [(each.sound, each.label) for each in marks.labelled("s")]
    [(0, 's'), (1, 's')]
    """

    rows: tuple[Interval, ...]

    def __post_init__(self) -> None:
        ordered = sorted(self.rows, key=lambda row: (row.sound, row.start_s, row.end_s))
        object.__setattr__(self, "rows", tuple(ordered))

    def __repr__(self) -> str:
        counts = Counter(row.label for row in self.rows).most_common()
        shown = ", ".join(f"{label} {count}" for label, count in counts[:SHOWN_LABELS])
        more = f" and {len(counts) - SHOWN_LABELS} labels more" if len(counts) > SHOWN_LABELS else ""
        sounds = len({row.sound for row in self.rows})
        listed = f": {shown}{more}" if counts else ""
        return f"Intervals({len(self)} in {sounds} sound{'' if sounds == 1 else 's'}{listed})"

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Interval]:
        return iter(self.rows)

    @classmethod
    def from_segments(cls, sounds: Iterable[Iterable[_Labelled]]) -> Intervals:
        """Those of each sound: `Segment`, `Phone`, or anything with a label, start_s and end_s."""
        return cls(
            tuple(
                Interval(sound, each.label, each.start_s, each.end_s)
                for sound, segments in enumerate(sounds)
                for each in segments
            )
        )

    @classmethod
    def from_words(cls, corpus: WordCorpus) -> Intervals:
        """The phones of `convscope.data.synthesise_words`."""
        return cls.from_segments(token.phones for token in corpus.tokens)

    @classmethod
    def from_textgrid(cls, path: Path | str, tier: str, *, sound: int = 0) -> Intervals:
        """The intervals of one tier that are labelled.

        Raises
        ------
        ImportError
            If praatio is not installed.
        ValueError
            If the file is damaged, or has no such tier of intervals.
        """
        found = read_tiers(Path(path), (tier,))
        expect(tier in found, f"{Path(path).name}", f"a tier named {tier!r}", "none")
        labelled = [each for each in found[tier] if each.label.strip()]
        return cls.from_segments([[]] * sound + [labelled])

    @classmethod
    def from_phn(cls, path: Path | str, *, sound: int = 0, sample_rate_hz: int = 16000) -> Intervals:
        """The lines of a TIMIT .PHN or .WRD file, for the whole recording.

        Raises
        ------
        ValueError
            If a line is no "start end label".
        """
        marks: list[tuple[Segment, ...]] = [()] * sound
        return cls.from_segments([*marks, read_marks(path, sample_rate_hz)])

    @classmethod
    def from_table(cls, table: DataFrame | Path | str) -> Intervals:
        """Of a DataFrame or CSV file with columns sound, label, start_s and end_s.

        Raises
        ------
        ValueError
            If a column is missing or a row is no interval.
        """
        if isinstance(table, str | Path):
            table = library("pandas").read_csv(table, dtype={"label": str}, keep_default_na=False)
        columns = ("sound", "label", "start_s", "end_s")
        missing = [name for name in columns if name not in table]
        expect(not missing, "intervals", f"columns {', '.join(columns)}", f"none named {', '.join(missing)}")
        for name in columns:
            expect(not table[name].isna().any(), "intervals", f"a {name} in each row", "rows without one")
        fractions = [sound for sound in table["sound"] if int(sound) != sound]
        expect(not fractions, "intervals", "whole numbers of sounds", fractions[:1])
        values = (table[name].tolist() for name in columns)
        return cls(
            tuple(
                Interval(int(sound), str(label), float(start_s), float(end_s))
                for sound, label, start_s, end_s in zip(*values, strict=True)
            )
        )

    def to_table(self) -> DataFrame:
        """A DataFrame with columns sound, label, start_s and end_s."""
        columns: Mapping[str, list[Any]] = {
            name: [getattr(row, name) for row in self.rows] for name in ("sound", "label", "start_s", "end_s")
        }
        return library("pandas").DataFrame(columns)

    def to_textgrid(
        self,
        folder: Path | str,
        duration_s: float | Sequence[float],
        *,
        tier: str = "intervals",
        name: str = "series",
    ) -> tuple[Path, ...]:
        """Write a Praat TextGrid of one tier for each sound, ``<sound>-<name>.TextGrid``.

        With a layer's name they lie beside the files of `write_layer_sounds`, and Praat opens both together.

        Parameters
        ----------
        folder : path
            Made where it is not there; files of the same names are replaced.
        duration_s : float or (sounds,) sequence
            How long each sound lasts, from 0 on; one number for all sounds up to the last with an interval.
        tier : str
            Its name.
        name : str
            The layer whose sounds they belong to.

        Returns
        -------
        tuple of Path

        Raises
        ------
        ValueError
            If intervals of a sound overlap or reach beyond it by more than 11 ms, or a sound has no duration.
            Nothing is written then.

        Examples
        --------
        >>> import tempfile
        >>> marks = Intervals((Interval(1, "s", 0.1, 0.2),))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [path.name for path in marks.to_textgrid(folder, 1.024, name="out")]
        ['000000-out.TextGrid', '000001-out.TextGrid']
        """
        last = max((row.sound for row in self.rows), default=-1)
        given_s = np.asarray(duration_s, np.float64)
        durations_s = np.broadcast_to(given_s, last + 1) if given_s.ndim == 0 else given_s
        check_sounds(self, len(durations_s))
        folder = Path(folder)
        texts: dict[Path, bytes | None] = {}
        for sound, end_s in enumerate(durations_s.tolist()):
            rows = Intervals(self.of(sound)).within(0.0, end_s).rows
            marks = [(row.label, row.start_s, row.end_s) for row in rows]
            text = textgrid_of(
                marks, end_s, tier=tier, overlap_s=BOUNDARY_TOLERANCE_S, where=f"sound {sound}"
            )
            texts[folder / f"{sound:06d}-{name}.TextGrid"] = text.encode()
        folder.mkdir(parents=True, exist_ok=True)
        write_files(texts)
        return tuple(texts)

    def labelled(self, pattern: str) -> Intervals:
        """Those whose whole label matches a regular expression: ``"'?[aeiou].*"``."""
        return Intervals(tuple(row for row in self.rows if re.fullmatch(pattern, row.label)))

    def of(self, sound: int) -> tuple[Interval, ...]:
        """Those of one sound."""
        first, end = (bisect_left(self.rows, each, key=attrgetter("sound")) for each in (sound, sound + 1))
        return self.rows[first:end]

    def within(self, begin_s: float, end_s: float, *, beyond: Beyond = "error") -> Intervals:
        """Check all against the time that sounds last, or clip them to it.

        Raises
        ------
        ValueError
            With ``beyond="error"``, for the first that reaches more than 11 ms beyond. With ``"clip"`` what
            lies outside is cut off, and an interval without anything inside is left out.
        """
        return Intervals(tuple(row for _, row in self.numbered_within(begin_s, end_s, beyond=beyond)))

    def numbered_within(
        self, begin_s: float, end_s: float, *, beyond: Beyond
    ) -> Iterator[tuple[int, Interval]]:
        """As `within`, each with its place among all, which does not depend on how long a layer lasts."""
        expect(beyond in ("error", "clip"), "beyond", "'error' or 'clip'", repr(beyond))
        for number, row in enumerate(self.rows):
            is_inside = (
                begin_s - BOUNDARY_TOLERANCE_S <= row.start_s and row.end_s <= end_s + BOUNDARY_TOLERANCE_S
            )
            if (not is_inside or row.start_s >= end_s or row.end_s <= begin_s) and beyond == "error":
                raise ValueError(
                    f"intervals: expected all within the sound, {begin_s:.4g} to {end_s:.4g} s, got {row.label!r} of sound "
                    f"{row.sound} from {row.start_s:g} to {row.end_s:g} s; beyond='clip' cuts it off"
                )
            start_s, stop_s = max(row.start_s, begin_s), min(row.end_s, end_s)
            if start_s < stop_s:
                yield number, replace(row, start_s=start_s, end_s=stop_s)


def check_sounds(intervals: Intervals, count: int) -> None:
    """ValueError for an interval of a sound that is not there."""
    last = max((row.sound for row in intervals), default=-1)
    expect(last < count, "intervals", f"sounds below {count}", f"one of sound {last}")
