"""Single feature maps of the layer before the output: clusters, and what a latent variable leaves alone."""

from __future__ import annotations

import warnings

import numpy as np
from torch import nn

from ..latents import variable
from ..plot import plot_profiles
from ..probe import Probe
from ..profiles import cluster_maps, map_profiles, nearest_maps
from ._interpolation import Interpolated
from ._outputs import timed_layers
from ._study import Study


def add_maps(
    study: Study,
    net: nn.Module,
    probe: Probe,
    moved: Interpolated,
    output: str,
    seed: int,
) -> None:
    """Clusters of the maps of the layer before the output, and which maps a variable changes least."""
    which, values, behind = moved.which, moved.values, moved.behind
    layers = [each for each in timed_layers(probe.layers) if each.name != output]
    section = study.section("Single feature maps")
    if not layers or layers[-1].channels < 4:
        section.left_out("Clusters of feature maps", "The layer before the output has fewer than four maps.")
        return
    layer = layers[-1]
    low, high = (variable(which, [end], bases=behind)[:] for end in (values.min(), values.max()))
    profiles = map_profiles(net, np.concatenate([low, high]), layer.name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # its problems are told below
            clusters = cluster_maps(profiles, gamma="auto", seed=seed)
    except ValueError as error:
        section.left_out("Clusters of feature maps", str(error))
        return
    section.picture(
        "map_clusters",
        f"Maps of {layer.name} in two clusters (figures 11 and 12 of the paper), their mean over {2 * len(behind)} outputs at both ends of {which}.",
        plot_profiles(
            {f"cluster {each}": profiles.mean[clusters.labels == each] for each in range(2)}, layer.times_s()
        ),
    )
    agreement = f"adjusted Rand index between seeds {clusters.stability:.2f}"
    section.text(
        f"Spectral clustering with a Gaussian kernel whose width comes from the data; {agreement}. {' '.join(clusters.problems)}"
    )
    study.methods.append(
        f"Feature maps of {layer.name} were averaged over {2 * len(behind)} outputs, half with {which} at {values.min():g}, half at {values.max():g}, clustered spectrally (Gaussian kernel, "
        "its width the median distance) into two, and compared between both ends by cosine distance."
    )
    distances = nearest_maps(net, low, high, layer.name)
    import pandas as pd

    table = pd.DataFrame(
        {
            "map": np.arange(len(distances.distance)),
            "cosine distance": distances.distance,
            "pairs": distances.pairs,
        }
    )
    section.table(
        "map_distances",
        f"Cosine distance of each map of {layer.name} between {which} at {values.min():g} and {values.max():g}, the least changed first (figure 13)",
        table.sort_values("cosine distance", ignore_index=True),
    )
