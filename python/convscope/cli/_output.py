"""Results on disk: written beside their place and renamed, never over an existing file unless asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from .._folders import replacing
from ._errors import Misuse

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

    from ..probe import Series


@dataclass(frozen=True, slots=True)
class Target:
    """Where the series goes, and the picture beside it if one is wanted."""

    series: Path
    picture: Path | None

    @classmethod
    def check(cls, series: Path, *, has_picture: bool) -> Target:
        """`Misuse`, before any work, where the results could not be put."""
        if series.suffix not in (".nc", ".npz"):
            raise Misuse(f"--out: expected a name that ends in .nc (NetCDF) or .npz (NumPy), got {series}")
        if not series.parent.is_dir():
            raise Misuse(f"--out: no such folder: {series.parent}")
        return cls(series, series.with_suffix(".png") if has_picture else None)

    def check_free(self) -> None:
        """`Misuse` where a file is there already."""
        there = [str(path) for path in (self.series, self.picture) if path is not None and path.exists()]
        if there:
            raise Misuse(f"{' and '.join(there)} exist{'s' * (len(there) == 1)} already; --force replaces")


def labelled(
    series: Series, sources: Sequence[str], network: str, *, seed: int | None = None
) -> xarray.Dataset:
    """The series with its clock, where each sample comes from, and what made it; ``seed`` of random weights."""
    dataset = series.to_xarray().assign_coords(source=("sample", list(sources)))
    dataset = dataset.assign_attrs(network=network, convscope=__version__)
    return dataset if seed is None else dataset.assign_attrs(weights=f"random (seed {seed})")


def write_dataset(path: Path, dataset: xarray.Dataset) -> None:
    """NetCDF, or by suffix the same variables and coordinates as a NumPy archive, its attributes as JSON."""
    with replacing(path) as temporary:
        if path.suffix == ".nc":
            dataset.to_netcdf(temporary, engine="h5netcdf")
            return
        arrays: dict[str, Any] = {
            str(name): variable.to_numpy() for name, variable in dataset.variables.items()
        }
        attributes = json.dumps({str(key): value for key, value in dataset.attrs.items()})
        with temporary.open("wb") as file:
            np.savez(file, attributes=np.array(attributes), **arrays)


def write_figure(path: Path, figure: Figure) -> None:
    """PNG."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")
