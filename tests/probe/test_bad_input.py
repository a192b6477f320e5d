"""Bad input ends in a clear error, unusual input in a right answer; nothing crashes and nothing is silently wrong."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from tests.models.catalogue import network_of
from tests.probe.helpers import fill, inputs_for

import convscope as cs
from convscope import data


@pytest.fixture(scope="module")
def generator():
    return fill(network_of("tf1-ciwgan", "generator", dim=2), "he")


@pytest.fixture(scope="module")
def q_network():
    return fill(network_of("tf1-ciwgan", "q_network", dim=2), "he")


@pytest.fixture(scope="module")
def z(generator):
    return inputs_for(generator, 3)


@pytest.fixture(scope="module")
def sounds(q_network):
    return inputs_for(q_network, 3)


def assert_equal(series, expected) -> None:
    for name in expected:
        np.testing.assert_array_equal(np.asarray(series[name]), np.asarray(expected[name]), err_msg=name)


# -- shapes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 99, 101, 103])
def test_wrong_latent_length(generator, length):
    with pytest.raises(ValueError, match=rf"input: expected shape \(B, 100\), got \(2, {length}\)"):
        cs.fast_probe(generator, np.zeros((2, length)))


@pytest.mark.parametrize("length", [0, 16383, 16385, 8000])
def test_wrong_waveform_length(q_network, length):
    with pytest.raises(ValueError, match=rf"expected shape \(B, 16384\), got \(2, {length}\).*fit_length"):
        cs.fast_probe(q_network, np.zeros((2, length)))


@pytest.mark.parametrize("shape", [(2, 100, 1), (2, 1, 100), (1, 2, 100), (2, 100, 100)])
def test_three_dimensions_where_two_are_due(generator, shape):
    with pytest.raises(ValueError, match=r"input: expected shape \(B, 100\), got"):
        cs.fast_probe(generator, np.zeros(shape))


@pytest.mark.parametrize("shape", [(2, 2, 16384), (2, 16384, 1), (1, 1, 1, 16384)])
def test_more_channels_than_the_network_has(q_network, shape):
    with pytest.raises(ValueError, match=r"input: expected shape \(B, 16384\), got"):
        cs.fast_probe(q_network, np.zeros(shape))


def test_one_sample_without_a_batch_axis(generator, q_network):
    with pytest.raises(ValueError, match=r"got \(100,\); add a batch axis: x\[None\]"):
        cs.fast_probe(generator, np.zeros(100))
    with pytest.raises(ValueError, match="add a batch axis"):
        cs.fast_probe(q_network, torch.zeros(16384))


def test_a_single_number(generator):
    with pytest.raises(ValueError, match=r"expected shape \(B, 100\), got \(\)"):
        cs.fast_probe(generator, 3.0)


def test_a_channel_axis_of_one_is_accepted(q_network, sounds):
    assert_equal(cs.fast_probe(q_network, sounds[:, None]), cs.fast_probe(q_network, sounds))


def test_a_ragged_list(generator):
    with pytest.raises(ValueError, match=r"input|inhomogeneous"):
        cs.fast_probe(generator, [[0.0] * 100, [0.0] * 99])


# -- an empty batch -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [None, 1, 64])
def test_an_empty_batch_gives_empty_series(generator, q_network, chunk):
    series = cs.fast_probe(generator, np.zeros((0, 100), np.float32), chunk=chunk)
    assert {name: array.shape for name, array in series.items()} == {
        "fc": (0, 16), "conv1": (0, 64), "conv2": (0, 256), "conv3": (0, 1024), "conv4": (0, 4096), "out": (0, 16384),
    }  # fmt: skip
    logits = cs.fast_probe(q_network, torch.zeros(0, 16384), layers="logits", chunk=chunk)["logits"]
    assert isinstance(logits, torch.Tensor)
    assert logits.shape == (0, 3)


def test_an_empty_batch_can_be_labelled_and_resampled(generator):
    series = cs.fast_probe(generator, np.zeros((0, 100)))
    assert series.resample(100)["conv4"].shape == (0, 100)
    assert series.to_xarray().sizes["sample"] == 0
    assert cs.Probe(generator).estimate(0).seconds == 0


# -- kinds of numbers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["complex64", "bool", "U5", "object", "datetime64[s]"])
def test_what_is_not_a_real_number(generator, dtype):
    with pytest.raises(TypeError, match="input: expected real numbers, got"):
        cs.fast_probe(generator, np.zeros((2, 100), dtype))


@pytest.mark.parametrize("dtype", [torch.complex64, torch.bool])
def test_tensors_that_are_not_real_numbers(generator, dtype):
    with pytest.raises(TypeError, match=f"input: expected real numbers, got {dtype}"):
        cs.fast_probe(generator, torch.zeros(2, 100, dtype=dtype))


def test_none_and_words(generator):
    for nothing in (None, "z.npy", {"z": 1}):
        with pytest.raises((TypeError, ValueError), match="input"):
            cs.fast_probe(generator, nothing)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, ">f4", np.longdouble])
def test_every_real_type_is_computed_in_float32(generator, z, dtype):
    rounded = z.astype(np.float16)
    assert_equal(
        cs.fast_probe(generator, rounded.astype(dtype)), cs.fast_probe(generator, rounded.astype(np.float32))
    )


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint16])
def test_whole_numbers(generator, dtype):
    ones = np.ones((2, 100))
    assert_equal(
        cs.fast_probe(generator, ones.astype(dtype)), cs.fast_probe(generator, ones.astype(np.float32))
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16, torch.int32])
def test_every_real_tensor_type(generator, dtype):
    x = torch.from_numpy(inputs_for(generator, 2)).mul(3).to(dtype)
    series = cs.fast_probe(generator, x)
    assert {array.dtype for array in series.values()} == {torch.float32}
    assert_equal(series, cs.fast_probe(generator, x.float().numpy()))


def test_lists_are_arrays(generator, z):
    assert_equal(cs.fast_probe(generator, z.tolist()), cs.fast_probe(generator, z))


# -- memory layouts -----------------------------------------------------------------------------------------------------


def test_strided_reversed_transposed_and_read_only_arrays(generator, z):
    expected = cs.fast_probe(generator, z)
    wide = np.zeros((6, 200), np.float32)
    wide[::2, 1::2] = z
    read_only = z.copy()
    read_only.flags.writeable = False
    layouts = {
        "strided": wide[::2, 1::2],
        "reversed": z[::-1].copy()[::-1],
        "reversed in time": z[:, ::-1].copy()[:, ::-1],
        "Fortran order": np.asfortranarray(z),
        "read-only": read_only,
        "unaligned": np.frombuffer(b"x" + z.tobytes(), np.uint8)[1:].view(np.float32).reshape(z.shape),
        "broadcast": np.broadcast_to(z[:1], z.shape),
    }
    for name, x in layouts.items():
        before = x.copy()
        wanted = expected if name != "broadcast" else cs.fast_probe(generator, np.ascontiguousarray(x))
        assert_equal(cs.fast_probe(generator, x), wanted)
        np.testing.assert_array_equal(x, before)


def test_strided_tensors_and_tensors_with_a_gradient(generator, z):
    expected = cs.fast_probe(generator, z)
    x = torch.from_numpy(z).T.contiguous().T.requires_grad_()
    series = cs.fast_probe(generator, x)
    assert_equal(series, expected)
    assert x.grad is None
    assert not any(array.requires_grad for array in series.values())


def test_the_result_shares_no_memory_with_the_input_or_later_runs(generator, z):
    probe = cs.Probe(generator)
    first = probe.run(z)
    kept = {name: array.copy() for name, array in first.items()}
    probe.run(z[::-1])["conv4"][:] = 7
    assert_equal(first, kept)


# -- values that are not finite -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
@pytest.mark.parametrize("chunk", [None, 1, 2])
def test_values_that_are_not_finite_are_named_with_their_index(generator, z, value, shown, chunk):
    x = z.copy()
    x[2, 71] = value
    with pytest.raises(ValueError, match=rf"input: x\[2, 71\] is {shown}; .*check_finite=False"):
        cs.fast_probe(generator, x, chunk=chunk)
    with pytest.raises(ValueError, match=rf"x\[2, 71\] is {shown}"):
        cs.fast_probe(generator, torch.from_numpy(x), chunk=chunk)


def test_how_many_more_there_are(generator, z):
    x = z.copy()
    x[1, 5:9] = np.nan
    with pytest.raises(ValueError, match=r"x\[1, 5\] is nan \(3 more"):
        cs.fast_probe(generator, x)


def test_a_number_beyond_float32_counts_as_infinite(generator, z):
    x = z.astype(np.float64)
    x[0, 3] = 1e39
    with pytest.raises(ValueError, match=r"x\[0, 3\] is inf"):
        cs.fast_probe(generator, x)


def test_unchecked_values_spoil_their_own_sample_only(generator, q_network, z, sounds):
    for net, x in ((generator, z), (q_network, sounds)):
        spoilt = x.copy()
        spoilt[1, 40] = np.nan
        series, whole = cs.fast_probe(net, spoilt, check_finite=False), cs.fast_probe(net, x)
        for name in series:
            assert np.isnan(series[name][1]).any()
            np.testing.assert_array_equal(series[name][[0, 2]], whole[name][[0, 2]])


# -- sample rates -------------------------------------------------------------------------------------------------------


def test_a_wrong_sample_rate_says_both(q_network, sounds):
    message = "sample_rate_hz: the network works at 16000 Hz, got sound at 8000 Hz; resample it"
    with pytest.raises(ValueError, match=message):
        cs.fast_probe(q_network, sounds, sample_rate_hz=8000)
    with pytest.raises(ValueError, match=message):
        cs.Probe(q_network).run(sounds, sample_rate_hz=8000)
    with pytest.raises(ValueError, match=message):
        cs.Probe(q_network, sample_rate_hz=8000)


def test_a_batch_of_sounds_brings_its_rate(q_network, sounds):
    batch = data.Batch(sounds, ("a", "b", "c"), 16000, np.full(3, 16384))
    assert_equal(cs.fast_probe(q_network, batch), cs.fast_probe(q_network, sounds))
    slow = data.Batch(sounds, ("a", "b", "c"), 8000, np.full(3, 16384))
    for probe in (lambda: cs.fast_probe(q_network, slow), lambda: cs.Probe(q_network).run(slow)):
        with pytest.raises(ValueError, match="works at 16000 Hz, got sound at 8000 Hz"):
            probe()


# -- layers, options, networks ------------------------------------------------------------------------------------------


def test_an_unknown_layer_offers_the_closest(generator, z):
    with pytest.raises(cs.probe.UnknownLayerError, match=r"no layer matches 'con4'\. Did you mean 'conv4'"):
        cs.fast_probe(generator, z, layers="con4")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("precision", "float16", "precision: expected 'float32' or 'bfloat16', got 'float16'"),
        ("precision", "double", "precision: expected 'float32' or 'bfloat16', got 'double'"),
        ("algorithm", "winograd", "algorithm: expected 'auto' or 'direct' or 'spectral', got 'winograd'"),
        ("at", "after", "at: expected 'post' or 'pre', got 'after'"),
        ("reduce", "median", "reduce: expected one of mean, rms, max, .* got 'median'"),
        ("chunk", 0, "chunk: expected a number of samples of at least 1, got 0"),
        ("chunk", -3, "chunk: .* got -3"),
        ("chunk", 2.5, "chunk: .* got 2.5"),
        ("chunk", True, "chunk: .* got True"),
        ("num_threads", 0, "num_threads: expected a number of at least 1, got 0"),
        ("num_threads", -1, "num_threads: .* got -1"),
        ("num_threads", 1.5, "num_threads: .* got 1.5"),
        ("num_threads", True, "num_threads: .* got True"),
    ],
)
def test_an_unknown_option_names_itself(generator, z, option, value, message):
    with pytest.raises(ValueError, match=message):
        cs.fast_probe(generator, z, **{option: value})


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (
            np.ones((2, 5)),
            r"layer 'fc' needs real numbers \(K, 32\) or \(32,\), got float64 \(2, 5\); give a mapping",
        ),
        (np.ones(31), r"got float64 \(31,\)"),
        (np.ones((1, 1, 32)), r"got float64 \(1, 1, 32\)"),
        (np.ones((0, 32)), r"got float64 \(0, 32\)"),
        (np.ones(32, complex), "needs real numbers .* got complex128"),
        (np.full(32, np.nan), "not finite"),
        (None, "needs real numbers"),
        ({"conv4": np.ones(2)}, "no read-out for layer 'fc'; it has conv4"),
    ],
)
def test_a_read_out_that_does_not_fit(generator, z, matrix, message):
    with pytest.raises(ValueError, match=message):
        cs.fast_probe(generator, z, layers="fc", reduce=matrix)


def test_a_read_out_beyond_float32_is_not_finite(generator, z):
    with pytest.raises(ValueError, match="not finite"), np.errstate(over="ignore"):
        cs.fast_probe(generator, z, layers="fc", reduce=np.full(32, 1e300))


def test_a_network_without_weights(z):
    with torch.device("meta"):
        foreign = torch.nn.Sequential(torch.nn.Linear(100, 3))
    ours = copy.deepcopy(network_of("tf1-ciwgan", "generator", dim=1)).to("meta")
    for net in (foreign, ours):
        with pytest.raises(ValueError, match="the network is on the meta device, so it has no weights"):
            cs.fast_probe(net, z)


def test_an_input_without_values(generator):
    with pytest.raises(ValueError, match="input: the tensor is on the meta device"):
        cs.fast_probe(generator, torch.zeros(2, 100, device="meta"))


@pytest.mark.parametrize("net", [None, "tf1-ciwgan", np.zeros(3), torch.nn.Module])
def test_what_is_not_a_network(z, net):
    with pytest.raises(TypeError, match=r"net: expected a torch.nn.Module, got"):
        cs.fast_probe(net, z)


def test_more_threads_than_the_machine_has(generator, z):
    assert_equal(cs.fast_probe(generator, z, num_threads=200), cs.fast_probe(generator, z))


def test_weights_of_another_precision(generator, z):
    """float64 weights are rounded, float16 ones are taken as they are."""
    assert_equal(cs.fast_probe(copy.deepcopy(generator).double(), z), cs.fast_probe(generator, z))
    half = copy.deepcopy(generator).half()
    assert_equal(cs.fast_probe(half, z), cs.fast_probe(copy.deepcopy(half).float(), z))


@pytest.mark.filterwarnings(
    "ignore:`torch.jit:DeprecationWarning"
)  # torch.compile imports torch's own old parts
def test_wrapped_networks(generator, z):
    expected = cs.fast_probe(generator, z)
    assert_equal(cs.fast_probe(torch.nn.DataParallel(generator), z), expected)
    assert_equal(cs.fast_probe(torch.compile(generator), z), expected)


def test_progress_counts_samples(generator, z):
    seen = []
    cs.fast_probe(generator, z, chunk=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 3), (3, 3)]


def test_an_exception_in_the_callback_reaches_the_caller(generator, z):
    probe = cs.Probe(generator, chunk=1)
    with pytest.raises(ZeroDivisionError):
        probe.run(z, progress=lambda done, total: 1 / 0)
    assert_equal(probe.run(z), cs.fast_probe(generator, z))


def test_a_batch_of_sounds_brings_its_rate_and_its_names():
    net = cs.models.build(cs.models.preset("tf1-ciwgan", role="q_network", num_categories=2, dim=2))
    sounds = cs.data.Batch(
        np.zeros((2, 16384), np.float32), ("a.wav", "b.wav"), 16000, np.array([16384, 16384]), ()
    )
    assert list(cs.fast_probe(net, sounds).to_xarray()["source"].values) == ["a.wav", "b.wav"]
    assert cs.verify(net, sounds)[0].layer == "conv1"
    with pytest.raises(ValueError, match="you said 44100 Hz, got sound at 16000 Hz"):
        cs.fast_probe(net, sounds, sample_rate_hz=44100)


def test_build_wants_a_description():
    with pytest.raises(TypeError, match=r"expected a NetworkSpec .* got str"):
        cs.models.build("tf1-ciwgan")
