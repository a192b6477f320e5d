"""Real speech through a Q-network, against the float64 reference. Skips where the recordings are not present."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.catalogue import network_of
from tests.probe.helpers import fill, torch_series
from tests.reference import networks
from tests.tolerances import assert_error_at_most_twice

import convscope as cs
from convscope import data

COUNT = 200


@pytest.fixture(scope="module")
def recordings(shared_data):
    folder = shared_data / "spoken_digits" / "recordings"
    paths = sorted(folder.glob("*.wav"))
    if len(paths) < COUNT:
        pytest.skip(f"{COUNT} recordings of spoken digits are needed, found {len(paths)} in {folder}")
    return paths[:: len(paths) // COUNT][:COUNT]


def test_two_hundred_recordings_through_a_q_network(recordings):
    batch = data.load_sounds(recordings, slice_len=16384, sample_rate_hz=16000)  # 8 kHz on disk
    assert batch.waveforms.shape == (COUNT, 16384)
    assert len({name.rsplit("/", 1)[-1].split("_")[0] for name in batch.names}) == 10
    assert (np.abs(batch.waveforms).max(1) > 0.5).mean() > 0.9
    net = fill(network_of("tf1-ciwgan", "q_network", num_categories=10, dim=8), "he")
    series = cs.fast_probe(net, batch)
    exact = networks.series(net.spec, networks.weights_of(net), batch.waveforms)
    plain = torch_series(net, batch.waveforms)
    assert list(series) == ["conv1", "conv2", "conv3", "conv4", "conv5", "logits"]
    for name in series:
        assert_error_at_most_twice(series[name], plain[name], exact[name], name=name)
    quiet = batch.lengths.argmin()
    assert batch.lengths[quiet] < 12000, "a short word, so that its end is silence"
    tail = series["conv1"][quiet, 3500:]
    np.testing.assert_array_equal(tail, tail[0])  # silence is the same at every position
