"""A store as xarray has it. Nothing of convscope is needed for that: this only names the errors."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ._place import place_of
from ._store import stored_plan

if TYPE_CHECKING:
    import xarray


def open_sweep(out: str | os.PathLike[str]) -> xarray.DataTree:
    """Open a store, complete or not.

    Returns
    -------
    xarray.DataTree
        ``tree["conv4"]["mean"]`` has dims (sample, time), time in seconds; the root has what each sample is (``sample``, the
        design's variables, ``code``, ``z``). Values are read when they are used; those of missing shards are NaN (-1 for numbers
        of samples).

    Raises
    ------
    FileNotFoundError
        where there is no store of a sweep.

    Notes
    -----
    ``xarray.open_datatree(out, engine="zarr")`` does the same.
    """
    import xarray

    place = place_of(out)
    if stored_plan(place) is None or place.read("zarr.json") is None:
        raise FileNotFoundError(
            f"{place.text}: expected the store of a sweep, got {'nothing' if place.is_empty() else 'something else'}"
        )
    return xarray.open_datatree(place.text, engine="zarr", consolidated=True)
