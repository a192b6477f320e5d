"""Feature maps that do the same: spectral clustering of their profiles, and whether it says the same again.

The papers use a Gaussian kernel with gamma = 1e-10. That fits profiles whose squared distances are around 1e10 and no others: at
the scale of ordinary activations every affinity is 1 up to rounding. The published value is the default because it is
published; ``spread`` says how far the affinities are from being all alike, and ``gamma="auto"`` takes the scale from the data.

Source: Beguš & Zhou 2022 (TASLP), section IV-E; Ng, Jordan & Weiss 2001; Hubert & Arabie 1985 (adjusted Rand index).
"""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._libraries import imported
from ._profiles import Floats, MapProfiles

PUBLISHED_GAMMA = 1e-10
_ALIKE = 1e-6  # spread of affinities below which clusters follow rounding and the seed


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MapClusters:
    """``labels`` (C,) from 0, cluster 0 having the mean profile of the largest norm; ``centres`` (K, L) mean profiles; ``sizes`` (K,).

    ``stability`` is the mean adjusted Rand index between ``runs`` that differ in their seed only, from ``seed`` upwards (1: always
    the same; NaN for one run); ``spread`` the largest difference between affinities; ``problems`` what speaks against the clusters.
    """

    labels: NDArray[np.intp]
    centres: Floats
    sizes: NDArray[np.intp]
    gamma: float
    spread: float
    stability: float
    runs: int
    seed: int
    problems: tuple[str, ...]

    def __repr__(self) -> str:
        sizes = ", ".join(map(str, self.sizes))
        said = f"; {self.problems[0]}" if self.problems else ""
        return f"MapClusters({len(self.labels)} maps: {sizes}; stability {self.stability:.2f}{said})"


def cluster_maps(
    profiles: MapProfiles | ArrayLike,
    *,
    clusters: int = 2,
    gamma: float | Literal["auto"] = PUBLISHED_GAMMA,
    runs: int = 10,
    seed: int = 0,
) -> MapClusters:
    """Cluster the maps of a layer by their profiles.

    Parameters
    ----------
    profiles : of `map_profiles`, or (C, L) values.
    clusters : how many.
    gamma : of the kernel exp(-gamma d²); ``"auto"`` is 1 / median of d² between maps.
    runs : with different seeds, for ``stability``; the first one's labels are kept.
    seed : of the first.

    Returns
    -------
    MapClusters
        In the order of the norms of their mean profiles, so that numbers do not depend on the seed.

    Raises
    ------
    ValueError
        for as many clusters as maps or more, values that are not finite, maps that are all equal, or a gamma that is none.

    Warns
    -----
    UserWarning
        for what ``problems`` says: affinities that are all alike, clusters that depend on the seed.

    Source
    ------
    Beguš & Zhou 2022 (TASLP), section IV-E; Ng, Jordan & Weiss 2001; Hubert & Arabie 1985.

    Examples
    --------
    >>> import numpy as np
    >>> time = np.linspace(0, 1, 50)
    >>> maps = np.concatenate([np.outer([2, 2.1, 1.9], np.sin(time)), np.outer([1, 1.1], np.cos(time))])
    >>> cluster_maps(maps, gamma="auto").labels.tolist()
    [0, 0, 0, 1, 1]
    """
    values = np.asarray(profiles.mean if isinstance(profiles, MapProfiles) else profiles, np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(f"profiles: expected finite numbers (maps, positions), got shape {values.shape}")
    if not 2 <= clusters < len(values):
        raise ValueError(
            f"clusters: expected at least 2 and fewer than the {len(values)} maps, got {clusters!r}"
        )
    if runs < 1:
        raise ValueError(f"runs: expected at least 1, got {runs!r}")
    squared = _squared_distances(values)
    apart = squared[np.triu_indices(len(values), 1)]
    if not apart.any():
        raise ValueError("profiles: expected maps that differ, got equal ones")
    scale = _scale(gamma, apart)
    affinity = np.exp(-scale * squared)
    labelled = [_labels(affinity, clusters, seed + run) for run in range(runs)]
    labels = _by_norm(labelled[0], values)
    spread = float(-np.expm1(-scale * apart.max()))
    stability = _agreement(labelled)
    problems = _problems(spread, stability, scale)
    for problem in problems:
        warnings.warn(f"cluster_maps: {problem}", UserWarning, stacklevel=2)
    return MapClusters(
        labels,
        np.stack([values[labels == each].mean(0) for each in range(clusters)]),
        np.bincount(labels, minlength=clusters),
        scale,
        spread,
        stability,
        runs,
        seed,
        problems,
    )


def _scale(gamma: float | str, apart: Floats) -> float:
    """Of squared distances between maps."""
    if gamma == "auto":
        return 1 / float(np.median(apart[apart > 0]))
    if isinstance(gamma, str) or not (np.isfinite(gamma) and gamma > 0):
        raise ValueError(f"gamma: expected a positive number or 'auto', got {gamma!r}")
    return float(gamma)


def _squared_distances(values: Floats) -> Floats:
    centred = values - values.mean(0)
    norms = (centred**2).sum(1)
    found: Floats = np.maximum(norms[:, None] + norms - 2 * centred @ centred.T, 0)
    np.fill_diagonal(found, 0)
    return found


def _labels(affinity: Floats, clusters: int, seed: int) -> NDArray[np.intp]:
    model = imported("sklearn.cluster", "stats").SpectralClustering(
        clusters, affinity="precomputed", assign_labels="kmeans", random_state=seed
    )
    with warnings.catch_warnings():
        # A kernel that falls to zero between groups makes a graph of several parts, which is what is looked for.
        warnings.filterwarnings("ignore", message="Graph is not fully connected")
        found: NDArray[np.intp] = np.asarray(model.fit_predict(affinity), np.intp)
    return found


def _by_norm(labels: NDArray[np.intp], values: Floats) -> NDArray[np.intp]:
    """Numbers that do not depend on the seed: clusters by the norm of their mean profile, the largest first."""
    norms = [-np.linalg.norm(values[labels == each].mean(0)) for each in np.unique(labels)]
    rank = np.argsort(np.argsort(norms, kind="stable"), kind="stable")
    made: NDArray[np.intp] = rank[np.unique(labels, return_inverse=True)[1]]
    return made


def _agreement(labelled: list[NDArray[np.intp]]) -> float:
    if len(labelled) == 1:
        return float("nan")
    index = imported("sklearn.metrics", "stats").adjusted_rand_score
    return float(np.mean([index(a, b) for a, b in itertools.combinations(labelled, 2)]))


def _problems(spread: float, stability: float, gamma: float) -> tuple[str, ...]:
    found = []
    if spread < _ALIKE:
        found.append(
            f"gamma {gamma:.3g}: all affinities are alike within {spread:.1e} at the scale of these maps; try gamma='auto'"
        )
    if stability < 0.8:
        found.append(f"clusters depend on the seed: adjusted Rand index {stability:.2f}")
    return tuple(found)
