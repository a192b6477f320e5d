"""Feature maps, their profiles and clusters: a network whose channels form two groups, and the engine against stored maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.models.catalogue import network_of
from tests.probe.helpers import fill, torch_maps
from torch import nn

import convscope as cs
from convscope import profiles

EARLY = np.array([0, 2, 5, 7])  # channels of the group that is active early


@pytest.fixture(scope="module")
def net() -> nn.Module:
    return fill(network_of("tf1-ciwgan", "generator", dim=2), "he")


def two_groups(seed: int = 0) -> nn.Module:
    """Eight channels of 32 positions: four speak early and loudly, four late, each with a gain of its own."""
    rng = np.random.default_rng(seed)
    at = np.arange(32)
    early, late = (np.exp(-0.5 * ((at - centre) / 4) ** 2) for centre in (8, 24))
    channels = np.array([1.5 * early if c in EARLY else late for c in range(8)])  # (C, L)
    channels *= rng.uniform(0.9, 1.1, (8, 1))
    net = nn.Sequential(
        nn.Linear(5, 8 * 32), nn.Unflatten(1, (8, 32)), nn.ReLU(), nn.Conv1d(8, 1, 3, padding=1)
    )
    with torch.no_grad():
        net[0].weight.copy_(0.05 * torch.from_numpy(rng.standard_normal((8 * 32, 5))))
        net[0].bias.copy_(torch.from_numpy(channels.ravel()))
    return net.eval()


def inputs(count: int = 30, size: int = 5) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (count, size)).astype(np.float32)


def test_maps_are_those_of_torch(net):
    z = inputs(3, 100)
    exact = torch_maps(net, z)
    for layer in ("fc", "conv2"):
        found = profiles.feature_maps(net, z, layer)
        np.testing.assert_allclose(found.maps, exact[layer].numpy(), rtol=1e-4, atol=1e-6)
        assert found.layer.name == layer
    some = profiles.feature_maps(net, z, "conv2", channels=[3, 0])
    assert np.array_equal(some.maps, profiles.feature_maps(net, z, "conv2").maps[:, [3, 0]])
    before = profiles.feature_maps(net, z, "conv2", at="pre").maps
    assert (before < 0).any()
    np.testing.assert_allclose(np.maximum(before, 0), exact["conv2"].numpy(), rtol=1e-4, atol=1e-6)


def test_channels_may_be_a_mask(net):
    z = cs.latents.random(3)[:]
    mask = np.zeros(16, bool)
    mask[[3, 14]] = True
    count = cs.Probe(net, "conv2").layers[0].channels
    mask = np.resize(mask, count)
    by_mask, by_number = (
        profiles.feature_maps(net, z, "conv2", channels=each) for each in (mask, np.flatnonzero(mask))
    )
    np.testing.assert_array_equal(by_mask.channels, by_number.channels)
    for bad, message in (
        (mask[:-1], "expected a mask of"),
        ([0.5], "expected whole numbers or a mask, got float64"),
    ):
        with pytest.raises(ValueError, match=message):
            profiles.feature_maps(net, z, "conv2", channels=bad)


def test_maps_come_in_chunks_and_from_designs(net):
    z = cs.latents.random(20)
    chunks = list(profiles.iterate_maps(net, z, "conv1", chunk=8))
    assert [len(chunk) for chunk in chunks] == [8, 8, 4]
    assert np.array_equal(np.concatenate(chunks), profiles.feature_maps(net, z[:], "conv1").maps)
    assert profiles.feature_maps(net, z[:0], "conv1").maps.shape == (0, 16, 64)


def test_profiles_are_means_and_variances_over_outputs(net):
    z = inputs(37, 100)
    maps = profiles.feature_maps(net, z, "conv1").maps.astype(np.float64)
    for chunk in (1, 16, 64):
        found = profiles.map_profiles(net, z, "conv1", chunk=chunk)
        np.testing.assert_allclose(found.mean, maps.mean(0), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(found.variance, maps.var(0, ddof=1), rtol=1e-9, atol=1e-18)
        assert found.count == 37
    assert np.isnan(profiles.map_profiles(net, z[:1], "conv1").variance).all()


def test_profiles_have_the_times_of_their_layer(net):
    found = profiles.map_profiles(net, inputs(3, 100), "conv1")
    assert np.array_equal(found.times_s(), cs.Probe(net, "conv1").layers[0].times_s())
    assert len(found.times_s()) == found.mean.shape[1]


def test_results_are_told_in_a_line(net):
    z = inputs(3, 100)
    assert (
        repr(profiles.map_profiles(net, z, "conv1"))
        == "MapProfiles(conv1: 16 maps of 64 positions, 3 outputs)"
    )
    assert (
        repr(profiles.feature_maps(net, z, "conv1"))
        == "FeatureMaps(conv1: 16 maps of 64 positions, 3 samples)"
    )
    assert repr(profiles.nearest_maps(net, z, z, "conv1")).startswith("MapDistances(16 maps, ")


def test_two_planted_groups_are_found():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra stats)")
    found = profiles.cluster_maps(profiles.map_profiles(two_groups(), inputs(), "0"), gamma="auto")
    assert np.flatnonzero(found.labels == 0).tolist() == EARLY.tolist(), "cluster 0 has the larger norm"
    assert found.sizes.tolist() == [4, 4]
    assert found.stability == 1
    assert found.problems == ()
    assert found.centres.argmax(1).tolist() == pytest.approx([8, 24], abs=1)


def test_the_published_gamma_says_where_it_cannot_see():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra stats)")
    small = profiles.map_profiles(two_groups(), inputs(), "0")
    with pytest.warns(UserWarning, match="cluster_maps: gamma 1e-10: all affinities are alike"):
        found = profiles.cluster_maps(small)
    assert found.gamma == 1e-10
    assert "all affinities are alike" in found.problems[0]
    large = profiles.cluster_maps(small.mean * 1e5)
    assert large.problems == ()
    assert np.flatnonzero(large.labels == 0).tolist() == EARLY.tolist()


def test_clusters_of_noise_are_not_called_stable_by_chance():
    """Ten clusters of noise change with the seed, and it is said."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra stats)")
    noise = np.random.default_rng(3).standard_normal((60, 40))
    with pytest.warns(UserWarning, match="cluster_maps: clusters depend on the seed"):
        found = profiles.cluster_maps(noise, clusters=10, gamma="auto", runs=6, seed=2)
    assert found.stability < 0.8
    assert (found.runs, found.seed) == (6, 2)
    assert repr(found).startswith(f"MapClusters(60 maps: {', '.join(map(str, found.sizes))}; stability 0.")
    assert any("depend on the seed" in problem for problem in found.problems)


@pytest.mark.parametrize("layer", ["0", "3"])
def test_the_engines_cluster_means_are_those_of_stored_maps(layer):
    net, z = two_groups(), inputs()
    maps = profiles.feature_maps(net, z, layer).maps
    labels = np.arange(maps.shape[1]) % min(2, maps.shape[1])
    readout = profiles.cluster_readout(labels)
    series = cs.Probe(net, layer, reduce={layer: readout}, input_shape=(5,)).run(z)[layer]
    expected = np.stack([maps[:, labels == each].mean(1) for each in np.unique(labels)], axis=1)
    np.testing.assert_allclose(series, expected, rtol=1e-5, atol=1e-6)


def test_cluster_means_of_a_wavegan(net):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra stats)")
    z = inputs(4, 100)
    clusters = profiles.cluster_maps(profiles.map_profiles(net, z, "conv2"), clusters=3, gamma="auto")
    readout = profiles.cluster_readout(clusters)
    series = cs.fast_probe(net, z, layers="conv2", reduce={"conv2": readout})["conv2"]
    maps = profiles.feature_maps(net, z, "conv2").maps
    expected = np.stack([maps[:, clusters.labels == each].mean(1) for each in range(3)], axis=1)
    np.testing.assert_allclose(series, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_maps_that_do_not_move_are_the_nearest():
    """Only the channels of one group read the first latent variable."""
    net = two_groups()
    with torch.no_grad():
        weight = net[0].weight.view(8, 32, 5)
        weight[...] = 0
        weight[EARLY, :, 0] = torch.linspace(0, 1, 32)
    still = np.setdiff1d(np.arange(8), EARLY)
    one, other = inputs(10), inputs(10)
    other[:, 0] += 3
    found = profiles.nearest_maps(net, one, other, "0", chunk=4)
    assert set(found.nearest(4)) == set(still)
    assert set(found.farthest(4)) == set(EARLY)
    assert found.distance[still] == pytest.approx([0] * 4, abs=1e-7)
    assert (found.pairs == 10).all()


def test_distances_are_cosines_within_pairs(net):
    z = inputs(6, 100)
    found = profiles.nearest_maps(net, z, -z, "conv1", chunk=4)
    a, b = (profiles.feature_maps(net, each, "conv1").maps.astype(np.float64) for each in (z, -z))
    cosine = (a * b).sum(2) / np.linalg.norm(a, axis=2) / np.linalg.norm(b, axis=2)
    assert found.distance == pytest.approx((1 - cosine).mean(0), rel=1e-6)


def test_maps_that_are_silent_have_no_distance():
    net = two_groups()
    with torch.no_grad():
        net[0].bias.view(8, 32)[3] = -9
    found = profiles.nearest_maps(net, inputs(5), 2 * inputs(5), "0")
    assert found.pairs[3] == 0
    assert np.isnan(found.distance[3])
    assert 3 not in set(found.nearest(7)) | set(found.farthest(7))
    with pytest.raises(ValueError, match="count: expected 1 to 7"):
        found.nearest(8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda net, z: profiles.feature_maps(net, z, "conv*"),
            "layer: expected one layer, got conv1, conv2",
        ),
        (lambda net, z: profiles.feature_maps(net, z, "nowhere"), "no layer matches 'nowhere'"),
        (
            lambda net, z: profiles.feature_maps(net, z, "conv1", channels=[16]),
            "channels: expected some of 0 to 15",
        ),
        (lambda net, z: profiles.feature_maps(net, z, "conv1", channels=[]), "channels: expected some of"),
        (lambda net, z: profiles.iterate_maps(net, z, "conv1", chunk=0), "chunk: expected at least 1"),
        (lambda net, z: profiles.map_profiles(net, z[:0], "conv1"), "inputs: expected at least one"),
        (lambda net, z: profiles.nearest_maps(net, z, z[:2], "conv1"), "other: expected as many inputs"),
    ],
)
def test_what_cannot_be_mapped_is_refused(net, call, message):
    with pytest.raises(ValueError, match=message):
        call(net, inputs(3, 100))


@pytest.mark.parametrize(
    ("values", "settings", "message"),
    [
        (np.ones((5, 3)), {}, "profiles: expected maps that differ"),
        (np.full((5, 3), np.nan), {}, "profiles: expected finite numbers"),
        (np.eye(3), {"clusters": 3}, "clusters: expected at least 2 and fewer than the 3 maps, got 3"),
        (np.eye(3), {"gamma": 0.0}, "gamma: expected a positive number or 'auto'"),
        (np.eye(3), {"gamma": "scale"}, "gamma: expected a positive number or 'auto', got 'scale'"),
        (np.eye(3), {"runs": 0}, "runs: expected at least 1"),
    ],
)
def test_what_cannot_be_clustered_is_refused(values, settings, message):
    with pytest.raises(ValueError, match=message):
        profiles.cluster_maps(values, **settings)


@pytest.mark.parametrize("labels", [[], [0, 2], [-1, 0], [0.5, 1.0], [[0, 1]]])
def test_labels_that_are_none_are_refused(labels):
    with pytest.raises(ValueError, match="clusters: expected"):
        profiles.cluster_readout(labels)
