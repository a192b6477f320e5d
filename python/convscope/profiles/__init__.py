"""Single feature maps of a layer: the maps themselves, their profiles, clusters of them, and those that a variable moves.

profiles = map_profiles(net, z, "conv4")                       # mean over outputs of each map, in bounded memory
clusters = cluster_maps(profiles, gamma="auto")                # which maps do the same
readout = cluster_readout(clusters)
Probe(net, "conv4", reduce={"conv4": readout}).run(z)          # the mean of each cluster, from the engine
nearest_maps(net, z_low, z_high, "conv4").nearest(4)           # maps that a change of latents leaves alone
"""

from ._clusters import MapClusters, cluster_maps
from ._maps import FeatureMaps, feature_maps, iterate_maps
from ._nearest import MapDistances, nearest_maps
from ._profiles import MapProfiles, map_profiles
from ._readout import cluster_readout

__all__ = [
    "FeatureMaps",
    "MapClusters",
    "MapDistances",
    "MapProfiles",
    "cluster_maps",
    "cluster_readout",
    "feature_maps",
    "iterate_maps",
    "map_profiles",
    "nearest_maps",
]
