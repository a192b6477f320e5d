"""What a probe returns: a mapping of arrays of the caller's kind, with a clock, that can be resampled and saved."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import xarray
from tests.models.catalogue import network_of
from tests.probe.helpers import fill, inputs_for

import convscope as cs


@pytest.fixture(scope="module")
def generator():
    return fill(network_of("tf1-ciwgan", "generator", dim=3), "he")


@pytest.fixture(scope="module")
def z(generator):
    return inputs_for(generator, 3)


@pytest.fixture(scope="module")
def series(generator, z):
    return cs.fast_probe(generator, z)


@pytest.fixture(scope="module")
def heard():
    net = fill(network_of("tf1-ciwgan", "q_network", dim=2), "he")
    return cs.fast_probe(net, inputs_for(net, 2))


def test_a_series_is_a_mapping_in_order_of_execution(series):
    assert isinstance(series, Mapping)
    assert list(series) == ["fc", "conv1", "conv2", "conv3", "conv4", "out"]
    assert len(series) == 6
    assert "conv4" in series
    assert "logits" not in series
    assert series.get("logits") is None
    assert {name: array.shape for name, array in series.items()} == {
        "fc": (3, 16), "conv1": (3, 64), "conv2": (3, 256), "conv3": (3, 1024), "conv4": (3, 4096), "out": (3, 16384),
    }  # fmt: skip
    assert "conv4" in repr(series)
    assert "(3, 4096)" in repr(series)
    assert series.info("conv4").length == 4096


def test_what_produced_the_numbers_is_recorded(generator, z):
    series = cs.fast_probe(generator, z, reduce="rms", at="pre")
    engine = series.attributes.pop("engine")
    assert engine.startswith("cpu (")
    assert series.attributes == {
        "reduce": "rms",
        "at": "pre",
        "precision": "float32",
        "sample_rate_hz": 16000,
    }


def test_logits_keep_their_values_under_a_named_reduction():
    net = fill(network_of("tf1-ciwgan", "q_network", dim=2), "he")
    x = inputs_for(net, 4)
    with torch.no_grad():
        expected = net(torch.from_numpy(x)).numpy()
    for reduce in ("mean", "rms", "max"):
        np.testing.assert_allclose(
            cs.fast_probe(net, x, reduce=reduce)["logits"], expected, rtol=1e-4, atol=1e-5
        )


def test_numpy_in_numpy_out_torch_in_torch_out(generator, z):
    from_numpy = cs.fast_probe(generator, z)
    assert all(type(array) is np.ndarray and array.dtype == np.float32 for array in from_numpy.values())
    from_torch = cs.fast_probe(generator, torch.from_numpy(z).double())
    assert all(type(array) is torch.Tensor and array.dtype == torch.float32 for array in from_torch.values())
    assert all(array.device.type == "cpu" for array in from_torch.values())
    for name, array in from_torch.to_numpy().items():
        assert type(array) is np.ndarray
        np.testing.assert_array_equal(array, from_numpy[name])


# -- the clock ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["fc", "conv1", "conv2", "conv3", "conv4", "out"])
def test_times_are_the_centres_of_equal_shares_of_the_slice(series, name):
    dataset = series.to_xarray()
    times = dataset[f"time_{name}"].values
    hop = 16384 // len(times)
    np.testing.assert_allclose(times, (np.arange(len(times)) * hop + (hop - 1) / 2) / 16000, rtol=1e-14)
    assert dataset[f"time_{name}"].attrs["units"] == "s"
    assert dataset[name].dims == ("sample", f"time_{name}")
    np.testing.assert_array_equal(dataset[name].values, series[name])
    assert dataset[name].attrs["channels"] == series.info(name).channels


def test_field_centres_are_where_a_position_is_heard(generator, z):
    """Position 0 of conv4 makes samples -10 ... 14 in TensorFlow's convention and -11 ... 13 in PyTorch's."""
    dataset = cs.fast_probe(generator, z, layers="conv4").to_xarray()
    np.testing.assert_allclose(dataset["field_centre_conv4"][:2] * 16000, [2, 6])
    assert dataset["field_centre_conv4"].dims == ("time_conv4",)
    torch_net = network_of("torch-atzhou8-2022", "generator", dim=1)
    dataset = cs.fast_probe(torch_net, z, layers="conv4").to_xarray()
    np.testing.assert_allclose(dataset["field_centre_conv4"][:2] * 16000, [1, 5])


def test_an_impulse_is_seen_where_the_field_centre_says():
    """Planted: symmetric positive kernels and one loud sample; each layer's peak lies at that sample's time."""
    net = network_of("tf1-ciwgan", "q_network", dim=1)
    with torch.no_grad():
        for layer in net.children():
            layer.weight.copy_(torch.ones_like(layer.weight))
            layer.bias.zero_()
            if layer.weight.dim() == 3:
                layer.weight *= torch.hann_window(27, periodic=False)[1:-1]
    sample = 8000
    x = np.zeros((1, 16384), np.float32)
    x[0, sample] = 1
    dataset = cs.fast_probe(net, x, layers="conv*").to_xarray()
    for name in ("conv1", "conv2", "conv3", "conv4", "conv5"):
        peak = int(dataset[name][0].values.argmax())
        hop = 16384 / dataset.sizes[f"time_{name}"]
        assert abs(float(dataset[f"field_centre_{name}"][peak]) * 16000 - sample) <= hop / 2


def test_layers_without_time_have_units_instead(heard):
    dataset = heard.to_xarray()
    assert dataset["logits"].dims == ("sample", "unit_logits")
    assert "time_logits" not in dataset.coords
    np.testing.assert_array_equal(dataset["sample"], [0, 1])


def test_read_outs_have_a_dimension_of_their_own(generator, z):
    dataset = cs.fast_probe(generator, z, layers="conv4", reduce=np.eye(3)).to_xarray()
    assert dataset["conv4"].dims == ("sample", "readout_conv4", "time_conv4")
    assert dataset["conv4"].shape == (3, 3, 4096)


def test_another_sample_rate_makes_another_clock(z):
    dataset = cs.fast_probe(network_of("torch-ceti", "generator", dim=1), z, layers="out").to_xarray()
    np.testing.assert_allclose(np.diff(dataset["time_out"])[:3], 1 / 32000)


def test_round_trip_through_netcdf(heard, generator, z, tmp_path):
    for number, series in enumerate(
        (heard, cs.fast_probe(generator, torch.from_numpy(z), reduce=np.ones((2, 3)), layers="conv4"))
    ):
        dataset = series.to_xarray()
        path = tmp_path / f"{number}.nc"
        dataset.to_netcdf(path, engine="h5netcdf")
        with xarray.open_dataset(path, engine="h5netcdf") as read:
            xarray.testing.assert_identical(read.load(), dataset)


# -- resampling ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 100, 1024, 16384])
@pytest.mark.parametrize(("align", "corners"), [("centres", False), ("corners", True)])
def test_resampling_is_torchs_interpolation(series, length, align, corners):
    resampled = series.resample(length, align=align)
    for name in series:
        exact = F.interpolate(
            torch.from_numpy(series[name]).double()[:, None],
            size=length,
            mode="linear",
            align_corners=corners,
        )[:, 0].numpy()
        assert resampled[name].shape == (3, length)
        assert resampled[name].dtype == np.float32
        np.testing.assert_allclose(resampled[name], exact, rtol=1e-5, atol=1e-6 * np.abs(exact).max())


def test_resampling_defaults_to_centres_and_says_so(series):
    resampled = series.resample(100)
    np.testing.assert_array_equal(resampled["conv4"], series.resample(100, align="centres")["conv4"])
    assert (resampled.attributes["resampled_to"], resampled.attributes["align"]) == (100, "centres")
    assert series["conv4"].shape == (3, 4096), "the series itself stays"


def test_resampling_tensors(generator, z, series):
    for align in ("centres", "corners"):
        resampled = cs.fast_probe(generator, torch.from_numpy(z)).resample(500, align=align)
        expected = series.resample(500, align=align)
        for name in expected:
            assert type(resampled[name]) is torch.Tensor
            np.testing.assert_allclose(resampled[name].numpy(), expected[name], rtol=1e-6)


def test_resampling_to_the_same_length_changes_nothing(series):
    for align in ("centres", "corners"):
        np.testing.assert_array_equal(series.resample(4096, align=align)["conv4"], series["conv4"])


def test_layers_without_time_are_dropped(heard):
    assert "logits" not in heard.resample(10)
    assert list(heard.resample(10)) == ["conv1", "conv2", "conv3", "conv4", "conv5"]


def test_read_outs_are_resampled_row_by_row(generator, z):
    series = cs.fast_probe(generator, z, layers="conv4", reduce=np.eye(3))
    rows = [
        cs.fast_probe(generator, z, layers="conv4", reduce=row).resample(77)["conv4"] for row in np.eye(3)
    ]
    np.testing.assert_array_equal(series.resample(77)["conv4"], np.stack(rows, 1))


@pytest.mark.parametrize("align", ["centres", "corners"])
@pytest.mark.parametrize("length", [40, 256, 1000])
def test_times_stay_true_when_resampled(generator, z, align, length):
    """Planted: a series whose value is its own time; resampled, it must equal the new time axis."""
    series = cs.fast_probe(generator, z, layers="conv2")
    info = series.info("conv2")
    clock = cs.Series({"conv2": info.times_s()[None].astype(np.float32)}, series.layers, series.attributes)
    resampled = clock.resample(length, align=align).to_xarray()
    times, values = resampled["time_conv2"].values, resampled["conv2"].values[0]
    inside = (times >= info.times_s()[0]) & (times <= info.times_s()[-1])  # the ends are held
    assert inside.sum() > length / 2
    np.testing.assert_allclose(values[inside], times[inside], atol=1e-6)


@pytest.mark.parametrize("length", [0, -1, 2.5, True, "16384", None])
def test_a_length_that_is_none(series, length):
    with pytest.raises(ValueError, match="length: expected a number of positions of at least 1, got"):
        series.resample(length)


def test_an_unknown_alignment(series):
    with pytest.raises(ValueError, match="align: expected one of centres, corners, got 'center'"):
        series.resample(10, align="center")


def test_a_table_has_a_row_for_each_sample_and_position(generator, z, series):
    pytest.importorskip("pandas", reason="pandas is not installed (extra stats)")
    kinds = [f"kind {i}" for i in range(len(z))]
    table = series.to_table("conv2", kind=kinds)
    assert table.columns.tolist() == ["sound", "time", "value", "kind"]
    values = np.asarray(series["conv2"])
    assert (table["value"].to_numpy().reshape(values.shape) == values).all()
    last = table[table["sound"] == len(z) - 1]
    assert set(last["kind"]) == {kinds[-1]}
    assert last["time"].to_numpy() == pytest.approx(series.info("conv2").times_s())


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"kind": ["a"]}, "kind: expected .* values, got 1"),
        ({"time": None}, "time: expected another name than sound, time, value"),
    ],
)
def test_what_samples_are_must_fit(z, series, about, message):
    pytest.importorskip("pandas", reason="pandas is not installed (extra stats)")
    given = {name: each or ["x"] * len(z) for name, each in about.items()}
    with pytest.raises(ValueError, match=message):
        series.to_table("conv2", **given)


def test_what_has_no_time_has_no_table(heard):
    with pytest.raises(ValueError, match="layer: expected one with a time axis and one series, got logits"):
        heard.to_table("logits")
