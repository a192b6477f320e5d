"""Two sweeps side by side: what another network, or a later checkpoint, does with the same latent vectors."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._moments import Part, joined_moments, moments_of, variances
from ._stored import layers_of, open_sweep

if TYPE_CHECKING:
    import xarray

REPLICATES = ("base", "line")  # what goes through all values; the rest is what was varied
_DERIVED = ("step",)  # of position
ROWS = 512


class _Pairs(NamedTuple):
    """Samples of both stores that stand for the same, by cell of what was varied."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    cells: NDArray[np.int64]
    axes: dict[str, NDArray[Any]]


def compare_sweeps(
    first: str | os.PathLike[str],
    second: str | os.PathLike[str],
    *,
    layers: Sequence[str] | None = None,
    reduction: str = "mean",
) -> xarray.DataTree:
    """Second less first, for each layer and moment, sample by sample of the same design variables.

    Parameters
    ----------
    first, second : stores that keep ``"series"``, of designs with the same variables; samples that only one of them has are left out.
    layers : names; by default those that both have on the same time axis.
    reduction : which of theirs.

    Returns
    -------
    xarray.DataTree
        A group for each layer, with what was varied (``z11`` ...) and ``time`` as dims: ``first`` and ``second``, their means over
        bases; ``difference``; ``effect_size``, the mean of the paired differences over their standard deviation (Cohen's d_z; NaN for
        one base); ``pairs``, how many. Layers that were left out are in the attribute ``left_out``, with the reason.

    Raises
    ------
    ValueError
        for designs of other variables, latent vectors that differ, or a layer that both do not have alike.
    FileNotFoundError
        where there is no store.

    Notes
    -----
    Both are read a block at a time.
    """
    import xarray

    one, other = open_sweep(first), open_sweep(second)
    pairs = _matched(one.dataset, other.dataset)
    _check_latents(one.dataset, other.dataset, pairs)
    found: dict[str, xarray.Dataset] = {}
    left_out: list[str] = []
    for name in layers or layers_of(one):
        reason = _unlike(one, other, name, reduction)
        if not reason:
            found[name] = _compared(
                one.children[name].dataset, other.children[name].dataset, reduction, pairs
            )
        elif layers is None:
            left_out.append(f"{name}: {reason}")
        else:
            raise ValueError(f"layers: {name} cannot be compared: {reason}")
    if not found:
        raise ValueError(f"no layer can be compared: {'; '.join(left_out)}")
    about = xarray.Dataset(
        attrs={"first": str(first), "second": str(second), "left_out": "; ".join(left_out)}
    )
    return xarray.DataTree.from_dict({"/": about, **found})


def _matched(one: xarray.Dataset, other: xarray.Dataset) -> _Pairs:
    """By design variables; by number where a design has none."""
    variables = [_variables(root) for root in (one, other)]
    if variables[0] != variables[1]:
        raise ValueError(
            "designs: expected the same variables, got "
            + " and ".join(", ".join(names) or "none" for names in variables)
        )
    names = variables[0] or ["sample"]
    there = [np.flatnonzero(root["sample"].values >= 0) for root in (one, other)]
    _, at_one, at_other = np.intersect1d(
        _keys(one, names)[there[0]], _keys(other, names)[there[1]], assume_unique=True, return_indices=True
    )
    in_one, in_other = there[0][at_one], there[1][at_other]
    if not in_one.size:
        raise ValueError("designs: expected samples of equal variables, got none")
    order = np.argsort(in_one, kind="stable")
    in_one, in_other = in_one[order], in_other[order]
    axes: dict[str, NDArray[Any]] = {}
    cells = np.zeros(len(in_one), np.int64)
    for name in variables[0]:
        if name not in REPLICATES and name not in _DERIVED:
            axes[name], places = np.unique(one[name].values[in_one], return_inverse=True)
            cells = cells * len(axes[name]) + places
    return _Pairs(in_one, in_other, cells, axes)


def _variables(root: xarray.Dataset) -> list[str]:
    return sorted(str(name) for name in root.coords if root[name].dims == ("sample",) and name != "sample")


def _keys(root: xarray.Dataset, names: list[str]) -> NDArray[Any]:
    """One value for each sample, equal where all variables are."""
    columns = np.stack([np.asarray(root[name].values, np.float64) for name in names], axis=1)
    return np.ascontiguousarray(columns + 0.0).view([("", np.float64)] * len(names)).ravel()


def _check_latents(one: xarray.Dataset, other: xarray.Dataset, pairs: _Pairs) -> None:
    if "z" not in one or "z" not in other or one["z"].shape[1] != other["z"].shape[1]:
        return
    for rows in _blocks(len(pairs.first)):
        left, right = _rows(one["z"], pairs.first[rows]), _rows(other["z"], pairs.second[rows])
        wrong = np.flatnonzero((left != right).any(axis=1))
        if wrong.size:
            number = int(pairs.first[rows][wrong[0]])
            raise ValueError(
                f"designs: sample {number} of the first stands for another latent vector than its pair; use the same design, its seed included"
            )


def _unlike(one: xarray.DataTree, other: xarray.DataTree, name: str, reduction: str) -> str:
    """Why a layer cannot be compared."""
    for tree, which in ((one, "the first"), (other, "the second")):
        if name not in tree.children or reduction not in tree.children[name].dataset:
            return f"{which} has no series {name}/{reduction}"
    left, right = one.children[name].dataset, other.children[name].dataset
    if (
        left[reduction].dims != right[reduction].dims
        or left[reduction].shape[1:] != right[reduction].shape[1:]
    ):
        return f"{left[reduction].shape[1:]} and {right[reduction].shape[1:]} positions"
    if "time" in left.coords and not np.allclose(left["time"], right["time"]):
        return "their times differ"
    return ""


def _compared(left: xarray.Dataset, right: xarray.Dataset, reduction: str, pairs: _Pairs) -> xarray.Dataset:
    import xarray

    parts: dict[str, Part] = {}
    for rows in _blocks(len(pairs.first)):
        a = _rows(left[reduction], pairs.first[rows]).astype(np.float64)
        b = _rows(right[reduction], pairs.second[rows]).astype(np.float64)
        for name, values in (("first", a), ("second", b), ("difference", b - a)):
            part = moments_of(values, pairs.cells[rows])
            parts[name] = joined_moments(parts[name], part) if name in parts else part
    own = left[reduction].dims[1:]
    shape = tuple(len(values) for values in pairs.axes.values())
    dims, whole = (*pairs.axes, *own), (*shape, *left[reduction].shape[1:])
    count = np.zeros(int(np.prod(shape)), np.int64)
    count[parts["first"]["cells"]] = parts["first"]["count"]
    described = {
        name: _spread(part["mean"], part["cells"], whole, len(count)) for name, part in parts.items()
    }
    difference = parts["difference"]
    with np.errstate(invalid="ignore", divide="ignore"):
        effect = difference["mean"] / np.sqrt(variances(difference))
    described["effect_size"] = _spread(effect, difference["cells"], whole, len(count))
    variables: dict[str, Any] = {name: (dims, values) for name, values in described.items()}
    variables["pairs"] = (tuple(pairs.axes), count.reshape(shape))
    coordinates: dict[str, Any] = {name: ((name,), values) for name, values in pairs.axes.items()}
    if "time" in left.coords:
        coordinates["time"] = left["time"].variable
    return xarray.Dataset(
        variables, coordinates, {key: left.attrs[key] for key in ("rate_hz",) if key in left.attrs}
    )


def _spread(
    values: NDArray[Any], cells: NDArray[np.int64], shape: tuple[int, ...], count: int
) -> NDArray[Any]:
    """Values of some cells among all of them, the others NaN."""
    whole = np.full((count, *values.shape[1:]), np.nan)
    whole[cells] = values
    return whole.reshape(shape)


def _rows(array: xarray.DataArray, numbers: NDArray[np.int64]) -> NDArray[Any]:
    """Read as one stretch where they follow each other."""
    if len(numbers) == int(numbers[-1] - numbers[0]) + 1 and (np.diff(numbers) == 1).all():
        return np.asarray(array[int(numbers[0]) : int(numbers[-1]) + 1].values)
    return np.asarray(array[numbers].values)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(first, min(first + ROWS, count)) for first in range(0, count, ROWS))
