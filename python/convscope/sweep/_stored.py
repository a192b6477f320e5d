"""A store without its network: where it stands, whether it is sound, and as xarray has it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._fingerprint import Fingerprint, short
from ._place import Place, place_of
from ._receipts import Receipts
from ._status import SweepStatus, status_of
from ._store import stored_plan
from ._verify import SweepVerification, verify_store

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store says of itself."""

    place: Place
    plan: Fingerprint

    @property
    def receipts(self) -> Receipts:
        """Which shards are there."""
        return Receipts(self.place, short(self.plan))

    @property
    def samples(self) -> int:
        """Of the design."""
        return int(self.plan["design"]["count"])

    @property
    def shard(self) -> int:
        """Samples of one."""
        return int(self.plan["shard"])

    def slices(self) -> list[slice]:
        """The samples of the shards that are there."""
        length = self.shard
        return [slice(n * length, min((n + 1) * length, self.samples)) for n in sorted(self.receipts.done())]


def stored_at(out: str | os.PathLike[str]) -> Stored:
    """FileNotFoundError where there is no store of a sweep."""
    place = place_of(out)
    plan = stored_plan(place)
    if plan is None:
        got = "nothing" if place.is_empty() else "something else"
        raise FileNotFoundError(f"{place.text}: expected the store of a sweep, got {got}")
    return Stored(place, plan)


def layers_of(tree: xarray.DataTree) -> list[str]:
    """Those with arrays of samples, in order of execution; zarr lists them by name."""
    return [name for name in str(tree.attrs["layers"]).split() if name in tree.children]


def sweep_status(out: str | os.PathLike[str]) -> SweepStatus:
    """Shards done, missing and failed, rate and time left, as `Sweep.status` says it.

    Raises
    ------
    FileNotFoundError
        where there is no store of a sweep.
    """
    stored = stored_at(out)
    return status_of(stored.place, stored.receipts, samples=stored.samples, shard=stored.shard)


def verify_sweep(out: str | os.PathLike[str]) -> SweepVerification:
    """Compare all files with their receipts; `Sweep.verify` computes some shards again, too.

    The receipts of damaged shards are withdrawn, so that the sweep computes those again.
    """
    stored = stored_at(out)
    return verify_store(stored.place, stored.receipts, worker=None, recompute=0)


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

    return xarray.open_datatree(stored_at(out).place.text, engine="zarr", consolidated=True)
