"""What measuring returns: a tidy table, as xarray too, with all settings it was made with."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._folders import write_files
from .._libraries import imported
from ._intervals import DataFrame
from ._measure import expect
from ._optional import library
from ._rows import Rows

if TYPE_CHECKING:
    import xarray

_TEXTS = ("layer", "label", "measure", "unit", "reason")
_SHARED = {  # by all rows of an entry
    "sound": np.int64,
    "rate_hz": np.float64,
    "interval": np.int32,
    "start_s": np.float64,
    "end_s": np.float64,
}
_OWN = {"point": np.int32, "time_s": np.float64, "frequency_hz": np.float64, "value": np.float64}
COLUMNS = (
    *("sound", "layer", "rate_hz", "interval", "label", "start_s", "end_s", "point"),
    *("time_s", "frequency_hz", "measure", "value", "unit", "reason"),
)
_INDEX = ("sound", "layer", "interval", "point", "frequency_hz")
_KEYS = _INDEX[:3]


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """Values and where they come from.

    Attributes
    ----------
    table : pandas.DataFrame
        A row for each value: sound, layer, rate_hz, interval (number within the sound), label, start_s and
        end_s (of the interval, as far as it was not cut off), point (number within the interval), time_s,
        frequency_hz (of spectrograms), measure, value, unit, reason; then what is known about each sound. A
        value is NaN exactly where it cannot be had, and ``reason`` says why; with ``as_published`` a value
        that is there may have a reason, too: why not to trust it.
    settings : mapping
        Parameters of all measures, layers and their clocks, how many sounds have no interval, the names of
        what is known about sounds, library and Praat versions; JSON holds it.
    """

    table: DataFrame
    settings: Mapping[str, Any]

    def __repr__(self) -> str:
        missing = int(self.table["value"].isna().sum())
        names = ", ".join(map(str, self.table["measure"].unique()))
        without = self.settings["sounds_without_intervals"]
        left = f"; {without} of {self.settings['sounds']} sounds without intervals" if without else ""
        return f"Measurements({len(self.table)} values, {missing} of them NaN with a reason: {names}{left})"

    def only(self, *names: str) -> DataFrame:
        """The rows of some measures.

        Raises
        ------
        ValueError
            For a name that was not measured.
        """
        known = list(self.table["measure"].unique())
        for name in names:
            expect(name in known, "measure", f"one of {', '.join(map(str, known))}", repr(name))
        return self.table[self.table["measure"].isin(names)].reset_index(drop=True)

    def wide(self, *, points: bool = False) -> DataFrame:
        """A row for each sound, layer and interval, a column for each measure that has one value there.

        Parameters
        ----------
        points : bool
            Also columns for tracks, one for each point: ``f0_1`` to ``f0_10``. Spectrograms and events that
            are found, such as clicks, have none.

        Returns
        -------
        pandas.DataFrame
            sound, layer, interval, label, start_s, end_s, the measures, and what is known about each sound.

        Raises
        ------
        ValueError
            If there is no such measure.
        """
        singles, tracks = self.settings["single_values"], self.settings["points"]
        if not singles and not (points and tracks):
            raise ValueError(
                f"wide: expected measures with one value in each interval, got {self._listed()}; "
                + ("wide(points=True) has a column for each point" if tracks else "see table, or to_xarray")
            )
        rows = self.table[self.table["measure"].isin([*singles, *(tracks if points else ())])]
        columns = rows["measure"].astype(str)
        if points:
            numbered = columns + "_" + (rows["point"] + 1).astype(str)
            columns = columns.where(columns.isin(singles), numbered)
        found = rows.assign(measure=columns).pivot(index=[*_KEYS], columns="measure", values="value")
        found = found[columns.drop_duplicates()].reset_index()
        about = self.settings["about"]
        known = self.table.drop_duplicates([*_KEYS])[[*_KEYS, "label", "start_s", "end_s", *about]]
        made = known.merge(found, on=[*_KEYS], validate="one_to_one")
        return made[[name for name in made if name not in about] + about]

    def reasons(self) -> DataFrame:
        """How many values of each layer and measure have which reason."""
        said = self.table[self.table["reason"] != ""]
        keys = ["layer", "measure", "reason"]
        return said.groupby(keys, observed=True, sort=False).size().rename("values").reset_index()

    def to_xarray(self) -> xarray.Dataset:
        """A variable for each measure with dims (sound, layer, interval, point...), and its reasons beside it.

        A measure with one value has no dim for points; others have ``point_<measure>``, with their times in
        ``time_<measure>``, spectrograms ``frequency_<measure>``, too. ``label`` is that of each interval;
        what is known about sounds are coordinates of ``sound``.
        """
        import xarray

        datasets = []
        for name, rows in self.table.groupby("measure", observed=True, sort=False):
            is_single = name in self.settings["single_values"]
            has_bands = bool(rows["frequency_hz"].notna().any())
            renamed = {"point": f"point_{name}", "frequency_hz": f"frequency_{name}"}
            keys = [
                *_INDEX[:3],
                *(() if is_single else ("point",)),
                *(("frequency_hz",) if has_bands else ()),
            ]
            columns = rows.rename(columns={"value": name, "reason": f"{name}_reason"})
            columns[f"{name}_reason"] = columns[f"{name}_reason"].astype(str)
            columns["layer"] = columns["layer"].astype(str)
            made = columns.set_index(keys)[[name, f"{name}_reason"]].to_xarray()
            made = made.rename({old: new for old, new in renamed.items() if old in made.dims})
            made[name].attrs["units"] = str(rows["unit"].iloc[0])
            datasets.append(made if is_single else made.assign_coords(_times(rows, name)))
        merged = xarray.merge(datasets, join="outer", compat="no_conflicts")
        in_order = merged.reindex(layer=list(self.table["layer"].cat.categories))
        labelled = in_order.assign_coords(label=_labels(self.table))
        labelled = labelled.assign_coords(_about(self.table, self.settings["about"]))
        found: xarray.Dataset = labelled.assign_attrs(settings=json.dumps(self.settings))
        return found

    def to_csv(self, path: Path | str) -> None:
        """Write the table, and beside it the settings: ``x.csv`` and ``x.settings.json``, whole or not at all."""
        self._write(Path(path), self.table.to_csv(index=False).encode())

    def to_parquet(self, path: Path | str) -> None:
        """Write the table for R or Polars, and beside it the settings. Needs pyarrow.

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        """
        imported("pyarrow", "parquet")
        made = io.BytesIO()
        self.table.to_parquet(made, index=False)
        self._write(Path(path), made.getvalue())

    def _listed(self) -> str:
        """What was measured, with the points that it has everywhere."""
        tracks = self.settings["points"]
        names = self.table["measure"].astype(str).unique()
        return ", ".join(f"{name} with {tracks[name]} points" if name in tracks else name for name in names)

    def _write(self, path: Path, data: bytes) -> None:
        settings = json.dumps(self.settings, indent=1).encode() + b"\n"
        write_files({path.with_suffix(".settings.json"): settings, path: data})


def _times(rows: DataFrame, name: str) -> dict[str, Any]:
    """(sound, layer, interval, point) times of a measure's points."""
    timed = rows.astype({"layer": str}).drop_duplicates([*_INDEX[:4]]).set_index([*_INDEX[:4]])["time_s"]
    made = timed.to_xarray().rename(point=f"point_{name}")
    made.attrs["units"] = "s"
    return {f"time_{name}": made}


def _labels(table: DataFrame) -> Any:
    """(sound, interval) labels, "" where a sound has no such interval."""
    marks = table.astype({"label": str}).drop_duplicates(["sound", "interval"])
    return marks.set_index(["sound", "interval"])["label"].to_xarray().fillna("")


def _about(table: DataFrame, names: Iterable[str]) -> dict[str, Any]:
    """(sound,) what is known about each."""
    sounds = table.drop_duplicates("sound").sort_values("sound")
    return {name: ("sound", np.asarray(sounds[name])) for name in names}


class TableMaker:
    """Blocks of rows to one table: texts as codes, so that a large store's table stays small."""

    def __init__(self) -> None:
        self._codes: dict[str, dict[str, int]] = {name: {} for name in _TEXTS}
        self._parts: dict[str, list[Any]] = {name: [] for name in COLUMNS}

    def add(self, rows: Rows) -> None:
        """One block, in the order of sounds."""
        if not rows.count:
            return
        counts = np.array(rows.count)
        for name in _TEXTS[:-1]:
            self._parts[name].append(np.repeat(self._coded(name, getattr(rows, name)), counts))
        for name, dtype in _SHARED.items():
            self._parts[name].append(np.repeat(np.array(getattr(rows, name), dtype), counts))
        for name in _OWN:
            self._parts[name].append(np.concatenate(getattr(rows, name)))
        there, missing = (
            np.repeat(self._coded("reason", texts), counts) for texts in (rows.there, rows.missing)
        )
        self._parts["reason"].append(np.where(np.isnan(self._parts["value"][-1]), missing, there))

    def table(self) -> DataFrame:
        """All of them."""
        pandas = library("pandas")
        made: dict[str, Any] = {}
        for name, parts in self._parts.items():
            whole = np.concatenate(parts) if parts else np.empty(0, (_SHARED | _OWN).get(name, np.int32))
            if name in _TEXTS:
                kept = pandas.Categorical.from_codes(whole, categories=list(self._codes[name]))
                made[name] = kept.remove_unused_categories() if name == "reason" else kept
            else:
                made[name] = whole
        return pandas.DataFrame(made)

    def _coded(self, name: str, texts: Iterable[str]) -> Any:
        known = self._codes[name]
        return np.array([known.setdefault(text, len(known)) for text in texts], np.int32)
