"""Stores for other programs: a table for R and sounds for Praat, shard by shard; NetCDF and NumPy's archive, array by array."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._folders import replacing
from ..data import write_sound
from ..probe import resample_linear
from ._layout import AUDIO
from ._scalars import SCALARS
from ._stored import Stored, layers_of, open_sweep, stored_at

if TYPE_CHECKING:
    import xarray

FORMATS = (".parquet", ".nc", ".npz", "a folder for WAV files")
_OF_ALL = (AUDIO, "moments", "top")


def export_sweep(
    out: str | os.PathLike[str],
    to: str | os.PathLike[str],
    *,
    layers: Sequence[str] | None = None,
    samples: slice = slice(None),
    rate_hz: int | None = None,
) -> Path:
    """Write a store as something else, chosen by the suffix; samples of missing shards are left out of tables and sounds.

    Parameters
    ----------
    out : the store.
    to : path
        ``.parquet``: a row for each sample, layer and reduction, with what the sample is and its scalars (peak, energy, centroid, and
        those that were kept), for R's ``arrow::read_parquet``. ``.nc``: NetCDF with a group for each layer. ``.npz``: arrays by
        "layer/name"; of these two, whole arrays are held in memory. A name without suffix: a folder of WAV files, one for each sample and
        layer, clipped at 1 as in the papers.
    layers : names, "audio" for the stored waveform; all by default.
    samples : which, in steps of 1.
    rate_hz : int
        Of WAV files; by default that of the network's waveform, to which slower layers are interpolated linearly, as in the papers
        (Beguš & Zhou 2022, section IV). Pitch and spectra are better measured at a layer's own rate (``keep="f0"``).

    Returns
    -------
    Path
        ``to``, which is there only if all of it was written.

    Raises
    ------
    FileExistsError, FileNotFoundError, ValueError
        for a place that is taken, a store that is none, a layer that it does not have.
    """
    path = Path(to)
    stored, tree = stored_at(out), open_sweep(out)
    if path.exists():
        raise FileExistsError(f"{path}: is there already")
    if samples.step not in (None, 1):
        raise ValueError(f"samples: expected steps of 1, got {samples.step}")
    chosen = _chosen(tree, layers)
    if path.suffix not in (*FORMATS[:3], ""):
        raise ValueError(f"to: expected {', '.join(FORMATS)}, got {path}")
    if rate_hz is not None and path.suffix:
        raise ValueError(f"rate_hz: of WAV files only, got {path}")
    with replacing(path) as made:
        if path.suffix == ".parquet":
            _to_parquet(stored, tree, made, chosen, samples)
        elif path.suffix == ".nc":
            _part(tree, chosen, samples).to_netcdf(made, engine="h5netcdf")
        elif path.suffix == ".npz":
            _to_npz(_part(tree, chosen, samples), made)
        else:
            _to_sounds(stored, tree, made, chosen, samples, rate_hz)
    return path


def _chosen(tree: xarray.DataTree, layers: Sequence[str] | None) -> list[str]:
    there = [*layers_of(tree), *(name for name in (AUDIO,) if name in tree.children)]
    unknown = [name for name in layers or () if name not in there]
    if unknown:
        raise ValueError(f"layers: expected some of {', '.join(there)}, got {', '.join(unknown)}")
    return [name for name in there if layers is None or name in layers]


def _part(tree: xarray.DataTree, layers: list[str], samples: slice) -> xarray.DataTree:
    """Chosen layers, all results over samples, chosen samples."""
    dropped = [name for name in tree.children if name not in {*layers, *_OF_ALL}]
    return (tree.drop_nodes(dropped) if dropped else tree).isel(sample=samples)


def _to_npz(tree: xarray.DataTree, path: Path) -> None:
    """One array after the other is read."""
    arrays: dict[str, Any] = {}
    for node in tree.subtree:
        inside = node.path.strip("/")
        for name, variable in node.to_dataset(inherit=False).variables.items():
            arrays[f"{inside}/{name}".strip("/")] = variable
    with path.open("wb") as file:
        np.savez(file, **arrays)


def _to_parquet(stored: Stored, tree: xarray.DataTree, path: Path, layers: list[str], samples: slice) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("to: .parquet needs the extra: pip install 'convscope[parquet]'") from error
    writer = None
    try:
        for rows in _blocks(stored, samples):
            for layer in (layer for layer in layers if layer != AUDIO):
                for columns in _tidy(tree, layer, rows):
                    table = pyarrow.table(columns)
                    writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema, compression="zstd")
                    writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        raise ValueError(
            f"{stored.place.text}: expected series or scalars of layers with a time axis, got none in these samples"
        )


def _tidy(tree: xarray.DataTree, layer: str, rows: slice) -> Iterator[dict[str, Any]]:
    """Columns of one block, layer by layer and reduction by reduction, always the same ones."""
    here = tree.children[layer].to_dataset(inherit=False)
    names = str(tree.attrs["reductions"]).split()
    known = _scalar_names(tree, names)
    for reduction in names:
        scalars = {}
        for scalar in known:
            found = _scalar(here, reduction, scalar, rows)
            if found is not None:
                scalars[scalar] = found
        if not scalars:
            continue
        count = rows.stop - rows.start
        missing = np.full(count, np.nan)
        root = tree.dataset
        columns: dict[str, Any] = {
            str(name): root[name][rows].values for name in root.coords if root[name].dims == ("sample",)
        }
        if "code" in root:
            codes = root["code"][rows].values
            columns |= {f"code{i}": codes[:, i] for i in range(codes.shape[1])}
        columns |= {"layer": [layer] * count, "reduction": [reduction] * count}
        yield columns | {scalar: np.asarray(scalars.get(scalar, missing), np.float64) for scalar in known}


def _scalar_names(tree: xarray.DataTree, reductions: Sequence[str]) -> list[str]:
    """Those that can be had of every series, and those that were kept."""
    kept = {
        str(name).removeprefix(f"{reduction}_")
        for layer in tree.children.values()
        for reduction in reductions
        for name, variable in layer.data_vars.items()
        if variable.dims == ("sample",) and str(name).startswith(f"{reduction}_")
    }
    return [*SCALARS, *sorted(kept - SCALARS.keys())]


def _scalar(here: xarray.Dataset, reduction: str, scalar: str, rows: slice) -> NDArray[Any] | None:
    """As it was kept, or of the series if that was; None where it cannot be had."""
    kept = here.get(f"{reduction}_{scalar}")
    if kept is not None and kept.dims == ("sample",):
        return np.asarray(kept[rows].values)
    series = here.get(reduction)
    if scalar not in SCALARS or series is None or series.dims != ("sample", "time"):
        return None
    return np.asarray(SCALARS[scalar].measure(here["time"].values, series[rows].values))


def _to_sounds(
    stored: Stored,
    tree: xarray.DataTree,
    folder: Path,
    layers: list[str],
    samples: slice,
    rate_hz: int | None,
) -> None:
    folder.mkdir()
    digits = len(str(stored.samples - 1))
    names = str(tree.attrs["reductions"]).split()
    written = 0
    for rows in _blocks(stored, samples):
        for layer in layers:
            here = tree.children[layer].to_dataset(inherit=False)
            if layer == AUDIO and rate_hz in (None, here.attrs["sample_rate_hz"]):
                for number in range(rows.start, rows.stop):
                    sound = here["waveform"][number].values / 32767
                    write_sound(
                        folder / f"{AUDIO}-{number:0{digits}d}.wav", sound, int(here.attrs["sample_rate_hz"])
                    )
                    written += 1
            for reduction in names:
                series = here.get(reduction)
                if series is None or series.dims != ("sample", "time") or "rate_hz" not in here.attrs:
                    continue
                rate = rate_hz or int(tree.attrs["sample_rate_hz"])
                length = round(series.shape[1] * rate / float(here.attrs["rate_hz"]))
                heard = resample_linear(series[rows].values.astype(np.float32), length, "centres")
                ending = "" if len(names) == 1 else f"-{reduction}"
                for number, sound in zip(range(rows.start, rows.stop), heard, strict=True):
                    file = folder / f"{layer}-{number:0{digits}d}{ending}.wav"
                    write_sound(file, sound, rate, subtype="FLOAT", clip=True)
                    written += 1
    if not written:
        raise ValueError(
            f"{stored.place.text}: expected whole series of layers with a clock, got none in these samples"
        )


def _blocks(stored: Stored, samples: slice) -> Iterator[slice]:
    """Samples that are there, a shard at a time."""
    first, end, _ = samples.indices(stored.samples)
    for rows in stored.slices():
        part = slice(max(rows.start, first), min(rows.stop, end))
        if part.start < part.stop:
            yield part
