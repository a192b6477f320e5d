"""A table of sounds: one row of a CSV file for each item."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import numpy as np

from convscope.data._sound import Sound
from convscope.data.sources._item import Item, LeftOut, Part, Setting, describe, sound_or_reason

COLUMNS = ("path", "label", "start_s", "end_s", "part")


@dataclass(frozen=True, slots=True)
class _Row:
    path: str
    label: str
    start_s: float
    end_s: float  # infinite for the end of the sound
    part: Part | None
    name: str


@dataclass(frozen=True, slots=True)
class Manifest:
    r"""The sounds that a CSV file lists, in its order.

    The first line names the columns: `path`, relative to the file's folder, and any of `label`, `start_s` and
    `end_s` (the stretch of the sound, in seconds), and `part` ("train" or "withheld", which decides instead of
    the draw by name). A field may be empty. An item is named by its path, with "#" and its stretch where one
    is given: "day1.wav#0.5-1.25".

    Attributes
    ----------
    path : path
        The CSV file, in UTF-8.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from convscope.data import write_sound
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_sound(f"{folder}/day1.wav", np.ones(8000), 8000)
    ...     text = "path,label,start_s,part\nday1.wav,coda,0.75,withheld\n"
    ...     _ = Path(f"{folder}/list.csv").write_text(text)
    ...     (coda,) = Manifest(f"{folder}/list.csv").items()
    >>> coda.name, coda.label, coda.sound.samples.size, coda.part
    ('day1.wav#0.75-', 'coda', 2000, 'withheld')
    """

    path: Path | str

    def items(self) -> Iterator[Item | LeftOut]:
        """Yield one item for each row. A sound is read once for all rows that follow each other.

        Raises
        ------
        FileNotFoundError
            If there is no such CSV file.
        ValueError
            For a column or a field that cannot be understood, naming the line; before the first item.
        """
        for _ in self._rows():
            pass  # all rows are checked first: an hour into a corpus is too late for a wrong number
        read, sound = "", Sound(np.zeros(0, np.float32), 1)
        for row in self._rows():
            if row.path != read:
                found = sound_or_reason(Path(self.path).parent / row.path)
                if isinstance(found, str):
                    yield LeftOut(row.name, found)
                    continue
                read, sound = row.path, found
            yield _stretch(row, sound)

    def describe(self) -> dict[str, Setting]:
        """Return the settings."""
        return describe(self)

    def _rows(self) -> Iterator[_Row]:
        # "-sig": spreadsheets put a byte order mark in front of the first column's name.
        with Path(self.path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            try:
                columns = [column.strip() for column in next(reader, [])]
                _check_columns(columns)
                for fields in reader:
                    if fields:  # a blank line has none
                        yield _row(columns, fields)
            except (csv.Error, ValueError) as error:
                raise ValueError(f"{self.path}, line {reader.line_num}: {error}") from error


def _check_columns(columns: list[str]) -> None:
    unknown = [column for column in columns if column not in COLUMNS]
    known = ", ".join(COLUMNS)
    if unknown:
        raise ValueError(f"unknown columns {', '.join(map(repr, unknown))}; known are {known}")
    if "path" not in columns or len(set(columns)) < len(columns):
        got = ", ".join(columns) or "nothing"
        raise ValueError(f"expected a header with a column path and each of {known} at most once, got {got}")


def _row(columns: list[str], fields: list[str]) -> _Row:
    if len(fields) != len(columns):
        raise ValueError(f"expected {len(columns)} fields, got {len(fields)}")
    values = dict(zip(columns, (field.strip() for field in fields), strict=True))
    path, part = values["path"], values.get("part") or None
    start, end = values.get("start_s", ""), values.get("end_s", "")
    if not path:
        raise ValueError("expected a path, got an empty field")
    if part is not None and part not in get_args(Part):
        raise ValueError(f"expected part {' or '.join(map(repr, get_args(Part)))}, got {part!r}")
    start_s, end_s = _seconds("start_s", start or "0"), _seconds("end_s", end) if end else math.inf
    if end_s <= start_s:
        raise ValueError(f"expected end_s after start_s, got {end} after {start or 0}")
    name = f"{path}#{start}-{end}" if start or end else path
    return _Row(path, values.get("label", ""), start_s, end_s, cast("Part | None", part), name)


def _seconds(column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError(f"expected {column} in seconds, 0 or more, got {text!r}")
    return value


def _stretch(row: _Row, sound: Sound) -> Item | LeftOut:
    rate_hz, count = sound.sample_rate_hz, sound.samples.size
    start = round(row.start_s * rate_hz)
    end = count if row.end_s == math.inf else round(row.end_s * rate_hz)
    if end > count or start >= end:
        return LeftOut(row.name, f"goes from sample {start} to {end}, the sound has {count}")
    return Item(row.name, Sound(sound.samples[start:end], rate_hz), row.label, part=row.part)
