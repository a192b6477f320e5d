"""Clusters of maps as a read-out of the engine: their means for any number of inputs, without a map being stored."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._clusters import MapClusters


def cluster_readout(clusters: MapClusters | ArrayLike) -> NDArray[np.float32]:
    """The matrix (K, C) whose row k averages the channels of cluster k, for ``Probe(reduce={layer: matrix})``.

    Parameters
    ----------
    clusters : of `cluster_maps`, or (C,) labels from 0 to K - 1.

    Returns
    -------
    numpy.ndarray
        (K, C) float32, whose rows sum to 1.

    Raises
    ------
    ValueError
        for labels that are no whole numbers from 0, or a cluster without a channel.

    Examples
    --------
    >>> cluster_readout([0, 1, 1]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]
    """
    labels = np.asarray(clusters.labels if isinstance(clusters, MapClusters) else clusters)
    if labels.ndim != 1 or labels.size == 0 or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise ValueError(f"clusters: expected labels (channels,) from 0, got {labels.dtype} {labels.shape}")
    sizes = np.bincount(labels)
    if not sizes.all():
        raise ValueError(
            f"clusters: expected a channel in each of {len(sizes)}, got none in {np.flatnonzero(sizes == 0).tolist()}"
        )
    member = labels == np.arange(len(sizes))[:, None]  # (K, C)
    matrix: NDArray[np.float32] = (member / sizes[:, None]).astype(np.float32)
    return matrix
