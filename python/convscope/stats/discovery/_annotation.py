"""What `discover_latents` is given, checked: latent vectors, a class for each, names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._checks import Floats, require
from .._libraries import library

_MOST_NUMBERS = 10  # of classes that are numbers without being asked whether they are a measure


@dataclass(frozen=True, slots=True, eq=False)
class Annotated:
    """``x`` (n, p) standardised, ``y`` (n,) class numbers from 0, ``classes`` in order, ``names`` of the variables.

    ``constant`` names variables that do not vary and were left out.
    """

    x: Floats
    y: NDArray[np.intp]
    classes: tuple[str, ...]
    names: tuple[str, ...]
    constant: tuple[str, ...]
    dropped: int


def annotated(
    z: ArrayLike, annotation: ArrayLike, names: Sequence[str] | None, *, least: int = 1
) -> Annotated:
    """Rows without an annotation (None, NaN) are dropped and counted; the others must be finite.

    Raises
    ------
    ValueError
        for shapes that do not fit, a class of fewer than ``least`` rows, measurements in place of classes.
    """
    latents = np.asarray(z, np.float64)
    require(
        latents.ndim == 2 and latents.size > 0, "z", "latent vectors (n, variables)", f"shape {latents.shape}"
    )
    labels = library("pandas").Series(np.asarray(annotation).ravel())
    require(
        len(labels) == len(latents),
        "annotation",
        f"one for each of {len(latents)} latent vectors",
        len(labels),
    )
    known = labels.notna().to_numpy()
    latents, labels = latents[known], labels[known].infer_objects()  # numbers beside None are numbers
    require(bool(np.isfinite(latents).all()), "z", "finite numbers", "NaN or infinite ones")
    called = tuple(f"z{i}" for i in range(latents.shape[1])) if names is None else tuple(map(str, names))
    fits = len(set(called)) == latents.shape[1] == len(called)
    require(fits, "names", f"{latents.shape[1]} different ones", f"{len(called)}: {', '.join(called)}")
    classes, y = np.unique(labels.to_numpy(), return_inverse=True)
    require(len(classes) >= 2, "annotation", "two or more classes", f"{len(classes)}: {classes.tolist()}")
    _check_classes(classes, int(np.bincount(y).min()), least)
    deviation = latents.std(0)
    varies = deviation > 1e-9 * np.maximum(np.abs(latents).max(0), 1)
    require(bool(varies.any()), "z", "variables that vary", "constant ones")
    x = (latents - latents.mean(0))[:, varies] / deviation[varies]
    kept = tuple(name for name, is_kept in zip(called, varies, strict=True) if is_kept)
    constant = tuple(name for name, is_kept in zip(called, varies, strict=True) if not is_kept)
    return Annotated(x, y, tuple(map(str, classes)), kept, constant, int((~known).sum()))


def _check_classes(classes: NDArray[Any], smallest: int, least: int) -> None:
    """Many numbers are a measure, unless they are whole and each of them comes often, as numbers of words do."""
    if len(classes) > _MOST_NUMBERS and classes.dtype.kind in "iuf":
        is_measure = smallest < least or bool((classes != np.round(classes)).any())
        require(
            not is_measure,
            "annotation",
            "classes; numbers belong to correlate or linear_model",
            f"{len(classes)} different numbers",
        )
    require(
        smallest >= least, "annotation", f"at least {least} rows of each class, one for each fold", smallest
    )


def by_class(y: NDArray[np.intp], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(n,) a random choice of so large a share of every class, at least one row of each."""
    chosen = np.zeros(len(y), bool)
    for each in np.unique(y):
        rows = np.flatnonzero(y == each)
        chosen[rng.permutation(rows)[: max(1, round(share * len(rows)))]] = True
    return chosen


def fold_numbers(y: NDArray[np.intp], folds: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """(n,) the fold of each row, every class spread evenly."""
    found = np.empty(len(y), np.intp)
    for each in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == each))
        found[rows] = (np.arange(len(rows)) + rng.integers(folds)) % folds
    return found
