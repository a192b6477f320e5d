"""Modules that others wrote: Sequential-like ones compile and are exact, the rest run in PyTorch after one warning.

The reference is the module itself in float64.
"""

from __future__ import annotations

import copy
import threading
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.probe.test_invariance import in_parallel
from tests.tolerances import assert_error_at_most_twice
from torch import nn

import convscope as cs


class WaveGANGenerator(nn.Module):
    """As the PyTorch ports write it: view, padding 11 with output padding 1, functional activations."""

    def __init__(self, dim: int = 3) -> None:
        super().__init__()
        self.dim = dim
        self.fc1 = nn.Linear(20, 16 * 4 * dim)
        self.deconv_1 = nn.ConvTranspose1d(4 * dim, 2 * dim, 25, 4, padding=11, output_padding=1)
        self.deconv_2 = nn.ConvTranspose1d(2 * dim, dim, 25, 4, padding=11, output_padding=1)
        self.deconv_3 = nn.ConvTranspose1d(dim, 1, 25, 4, padding=11, output_padding=1)

    def forward(self, z):
        x = F.relu(self.fc1(z).view(-1, 4 * self.dim, 16))
        x = F.relu(self.deconv_1(x))
        x = self.deconv_2(x).relu()
        return torch.tanh(self.deconv_3(x))


class TimeMajorGenerator(WaveGANGenerator):
    """The TensorFlow layout: the dense layer makes (time, channels)."""

    def forward(self, z):
        x = self.fc1(z).view(-1, 16, 4 * self.dim).transpose(1, 2)
        return torch.tanh(self.deconv_1(torch.relu(x)))


class CroppingGenerator(nn.Module):
    """TensorFlow's SAME padding as a crop."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose1d(3, 4, 25, 4, padding=10)
        self.out = nn.ConvTranspose1d(4, 1, 25, 4, padding=10)

    def forward(self, x):
        x = F.leaky_relu(self.up(x)[..., :160], 0.1)
        return torch.tanh(self.out(x)[:, :, :-1])


class CropBeforeAndAfter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose1d(3, 4, 9, 2)
        self.out = nn.Conv1d(4, 2, 3)

    def forward(self, x):
        return self.out(F.relu(self.up(x))[:, :, 3:60])


class CropToInput(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose1d(3, 4, 9)

    def forward(self, x):
        length = x.size(2)
        return F.relu(self.up(x)[..., :length])


class PaddedCritic(nn.Module):
    """Explicit padding, and a flatten by view with the batch size asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(1, 4, 25, 4)
        self.conv2 = nn.Conv1d(4, 8, 25, 4)
        self.head = nn.Linear(8 * 20, 3)

    def forward(self, x):
        x = F.leaky_relu(self.conv1(F.pad(x, (10, 11))), negative_slope=0.2)
        x = F.leaky_relu(self.conv2(F.pad(x, (10, 11), "constant", 0)), 0.2)
        batch = x.size(0)
        return self.head(x.view(batch, -1))


class TimeMajorHead(PaddedCritic):
    def forward(self, x):
        x = F.relu(self.conv1(F.pad(x, (10, 11))))
        x = F.relu(self.conv2(F.pad(x, (10, 11))))
        return self.head(x.transpose(1, 2).reshape(-1, 160))


class BareWaveform(PaddedCritic):
    """Takes (B, L) and adds the channel axis itself."""

    def forward(self, x):
        return F.relu(self.conv1(x.unsqueeze(1)))


class ThreeTanh(nn.Module):
    def __init__(self, left: bool) -> None:
        super().__init__()
        self.left = left
        self.conv = nn.Conv1d(3, 5, 3, padding=1)

    def forward(self, x):
        y = torch.tanh(self.conv(x))
        return 3 * y if self.left else y * 3.0


class EvaluationOnly(nn.Module):
    """Behaves differently in training, like a critic with phase shuffle; probing means evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 2, 5)
        self.other = nn.Conv1d(3, 2, 5)

    def forward(self, x):
        if self.training:
            return torch.relu(self.other(x))
        return torch.tanh(self.conv(x))


class DenseThenChannelAxis(nn.Module):
    """A dense layer that keeps the size, then a channel axis: not the input's channel axis."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(40, 40)
        self.conv = nn.Conv1d(1, 3, 5)

    def forward(self, x):
        return torch.tanh(self.conv(torch.relu(self.fc(x)).unsqueeze(1)))


def normed_critic() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(3, 6, 7, 2, 3, bias=False), nn.BatchNorm1d(6), nn.LeakyReLU(0.2), nn.Dropout(0.5),
        nn.Conv1d(6, 33, 5, 3), nn.BatchNorm1d(33, affine=False), nn.Sigmoid(),
        nn.Flatten(), nn.Linear(33 * 6, 7), nn.BatchNorm1d(7), nn.Tanh(),
    )  # fmt: skip


MAP, LATENT = (3, 40), (20,)
COMPILED = {
    "wavegan": (WaveGANGenerator, LATENT),
    "time-major": (TimeMajorGenerator, LATENT),
    "cropping": (CroppingGenerator, MAP),
    "crop at both ends after the activation": (CropBeforeAndAfter, MAP),
    "crop to the input's size": (CropToInput, MAP),
    "padded critic": (PaddedCritic, (1, 320)),
    "time-major head": (TimeMajorHead, (1, 320)),
    "bare waveform": (BareWaveform, (320,)),
    "3 * tanh": (lambda: ThreeTanh(left=True), MAP),
    "tanh * 3": (lambda: ThreeTanh(left=False), MAP),
    "sequential critic": (normed_critic, MAP),
    "unflatten": (
        lambda: nn.Sequential(
            nn.Linear(20, 48), nn.Unflatten(1, (6, 8)), nn.BatchNorm1d(6), nn.ReLU(), nn.Upsample(scale_factor=4),
            nn.Conv1d(6, 2, 9, padding=4), nn.Tanh(),
        ),
        LATENT,
    ),
    "padding modules": (
        lambda: nn.Sequential(nn.ConstantPad1d((2, 5), 0.0), nn.Conv1d(3, 2, 5), nn.ZeroPad1d(1), nn.Conv1d(2, 2, 3)),
        MAP,
    ),
    "same padding": (lambda: nn.Sequential(nn.Conv1d(3, 4, 6, padding="same"), nn.ReLU(), nn.Conv1d(4, 2, 4, padding="same", dilation=3)), MAP),
    "padding added to padding": (lambda: nn.Sequential(nn.ZeroPad1d((3, 0)), nn.Conv1d(3, 2, 5, padding=2)), MAP),
    "nested": (lambda: nn.Sequential(nn.Sequential(nn.Conv1d(3, 2, 5), nn.ReLU()), nn.Identity(), nn.Sequential(nn.Conv1d(2, 2, 5))), MAP),
    "dilated": (lambda: nn.Sequential(nn.Conv1d(3, 4, 3, dilation=9, padding=9), nn.ReLU()), MAP),
    "very dilated": (lambda: nn.Sequential(nn.Conv1d(3, 4, 3, dilation=90, padding=90), nn.ReLU()), MAP),
    "transposed, few taps": (lambda: nn.Sequential(nn.ConvTranspose1d(3, 40, 3, 5, output_padding=2), nn.ReLU()), MAP),
    "transposed, dilated": (lambda: nn.Sequential(nn.ConvTranspose1d(3, 4, 5, 2, dilation=3, padding=4, output_padding=1)), MAP),
    "dense only": (lambda: nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 4, bias=False)), LATENT),
    "weight normalisation": (lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv1d(3, 2, 5)), nn.ReLU()), MAP),
    "double": (lambda: nn.Sequential(nn.Conv1d(3, 2, 5), nn.Tanh()).double(), MAP),
}  # fmt: skip


def randomised(net: nn.Module) -> nn.Module:
    """Weights of its own and running statistics that are not 0 and 1."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, tensor in (*net.named_parameters(), *net.named_buffers()):
            if name.endswith(("running_var", "original0")):
                tensor.uniform_(0.3, 2, generator=generator)
            elif tensor.is_floating_point():
                tensor.normal_(0, 0.3, generator=generator)
    return net


def outputs(net: nn.Module, x: np.ndarray, dtype: torch.dtype) -> np.ndarray:
    with torch.no_grad():
        return copy.deepcopy(net).to(dtype).eval()(torch.from_numpy(x).to(dtype)).numpy()


def assert_last_layer_is_the_output(net: nn.Module, x: np.ndarray, engine: str) -> cs.Series:
    exact, plain = outputs(net, x, torch.float64), outputs(net, x, torch.float32)
    series = cs.fast_probe(net, x)
    assert series.attributes["engine"].startswith(engine)
    last = list(series)[-1]
    if exact.ndim == 3:
        assert_error_at_most_twice(series[last], plain.mean(1), exact.mean(1), roundings=1, name="mean")
        series = cs.fast_probe(net, x, layers=last, reduce=np.eye(exact.shape[1]))
    assert_error_at_most_twice(series[last], plain, exact, roundings=1, name=last)
    return series


def batch_for(shape: tuple[int, ...], batch: int = 6) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((batch, *shape)).astype(np.float32)


@pytest.mark.filterwarnings(
    "ignore:Using padding='same' with even kernel"
)  # torch's remark about its own speed
@pytest.mark.parametrize("case", COMPILED)
def test_sequential_like_modules_compile(case):
    make, shape = COMPILED[case]
    assert_last_layer_is_the_output(randomised(make()), batch_for(shape), "cpu")


@pytest.mark.parametrize("at", ["pre", "post"])
def test_every_layer_of_a_sequential_module(at):
    net = randomised(normed_critic()).eval()
    x = batch_for(MAP)
    series = cs.fast_probe(net, x, at=at)
    stops = {"pre": {"0": 2, "4": 6, "8": 10}, "post": {"0": 3, "4": 7, "8": 11}}[at]
    assert list(series) == list(stops)
    for name, stop in stops.items():
        exact, plain = (outputs(net[:stop], x, dtype) for dtype in (torch.float64, torch.float32))
        if exact.ndim == 3:
            exact, plain = exact.mean(1), plain.mean(1)
        assert_error_at_most_twice(series[name], plain, exact, roundings=1, name=name)


def test_a_channel_axis_after_a_dense_layer_of_the_same_size():
    """Compiled or not, the numbers must be right: the axis is the dense result's, not the input's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_last_layer_is_the_output(randomised(DenseThenChannelAxis()), batch_for((40,)), "")


def test_layers_are_named_after_their_modules():
    series = cs.fast_probe(WaveGANGenerator(), batch_for(LATENT))
    assert list(series) == ["fc1", "deconv_1", "deconv_2", "deconv_3"]
    nested = nn.Sequential(nn.Sequential(nn.Conv1d(3, 2, 5), nn.ReLU()), nn.Conv1d(2, 2, 5))
    assert list(cs.fast_probe(nested, batch_for(MAP))) == ["0.0", "1"]


def test_the_clock_of_a_module_of_ones_own():
    made = cs.fast_probe(WaveGANGenerator(), batch_for(LATENT), sample_rate_hz=8000).to_xarray()
    np.testing.assert_allclose(np.diff(made["time_deconv_3"])[0], 1 / 8000)
    np.testing.assert_allclose(np.diff(made["time_fc1"])[0], 64 / 8000)
    heard = cs.fast_probe(PaddedCritic(), batch_for((1, 320))).to_xarray()
    np.testing.assert_allclose(np.diff(heard["time_conv1"])[0], 4 / 16000)
    assert heard["head"].dims == ("sample", "unit_head")


def test_probing_means_evaluation_whatever_the_flag():
    """Also where the module's own forward asks for the flag, as critics with phase shuffle do."""
    net = randomised(EvaluationOnly()).train()
    assert_last_layer_is_the_output(net, batch_for(MAP), "cpu")
    assert net.training


def test_a_probe_of_a_foreign_module_needs_its_input_shape():
    with pytest.raises(ValueError, match="input_shape: expected the shape of one input sample"):
        cs.Probe(PaddedCritic())
    probe = cs.Probe(PaddedCritic(), input_shape=(1, 320))
    assert probe.input_shape == (1, 320)
    assert cs.Probe(WaveGANGenerator()).input_shape == (20,)
    with pytest.raises(ValueError, match=r"expected shape \(B, 1, 320\), got \(2, 1, 321\)"):
        probe.run(np.zeros((2, 1, 321)))


@pytest.mark.parametrize(
    ("make", "shape"), [(WaveGANGenerator, (19,)), (PaddedCritic, (1, 300)), (PaddedCritic, (2, 320))]
)
def test_a_wrong_length_is_an_error_and_no_unsupported_operation(make, shape):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="expected"):
            cs.fast_probe(make(), np.zeros((2, *shape)))


# -- what does not compile ----------------------------------------------------------------------------------------------


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv1d(3, 3, 5, padding=2)
        self.last = nn.Conv1d(3, 2, 3)

    def forward(self, x):
        return torch.tanh(self.last(x + torch.relu(self.inner(x))))


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 2, 3)

    def forward(self, x):
        y = self.conv(x)
        return torch.relu(y) if y.mean() > 100 else torch.tanh(y)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 4, 3)
        self.gru = nn.GRU(4, 5, batch_first=True)
        self.head = nn.Linear(5, 2)

    def forward(self, x):
        states, _ = self.gru(torch.relu(self.conv(x)).transpose(1, 2))
        return self.head(states[:, -1])


class TwiceTheSame(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 3, 3)
        self.last = nn.Conv1d(3, 2, 3)

    def forward(self, x):
        return torch.tanh(self.last(torch.relu(self.conv(torch.relu(self.conv(x))))))


class BatchSlice(Branching):
    def forward(self, x):
        return torch.tanh(self.conv(x[:]))


class SkipsEverySecond(Branching):
    def forward(self, x):
        return torch.tanh(self.conv(x)[:, :, ::2])


class Squared(Branching):
    def forward(self, x):
        return torch.tanh(self.conv(x) ** 2)


class HalvedBeforeActivation(Branching):
    def forward(self, x):
        return torch.tanh(self.conv(x) * 0.5)


class PadsWithReflection(Branching):
    def forward(self, x):
        return torch.tanh(self.conv(F.pad(x, (2, 2), mode="reflect")))


UNSUPPORTED = {
    "ELU": (lambda: nn.Sequential(nn.Conv1d(3, 2, 5), nn.ELU()), "ELU"),
    "PReLU": (lambda: nn.Sequential(nn.Conv1d(3, 2, 5), nn.PReLU()), "PReLU"),
    "groups": (lambda: nn.Sequential(nn.Conv1d(3, 6, 5, groups=3), nn.ReLU()), "groups=3"),
    "reflection": (
        lambda: nn.Sequential(nn.Conv1d(3, 2, 5, padding=2, padding_mode="reflect"), nn.ReLU()),
        "'reflect'",
    ),
    "reflecting pad": (PadsWithReflection, "pad"),
    "residual": (Residual, "add"),
    "control flow": (Branching, "Branching.forward"),
    "recurrent": (Recurrent, "GRU"),
    "shared module": (TwiceTheSame, r"used twice \(conv\)"),
    "slice of the batch": (BatchSlice, "getitem|slice"),
    "every second position": (SkipsEverySecond, "slice"),
    "power": (Squared, "pow"),
    "product before the activation": (HalvedBeforeActivation, "product"),
    "activation first": (lambda: nn.Sequential(nn.Tanh(), nn.Conv1d(3, 2, 5)), "tanh that does not follow"),
    "two activations": (
        lambda: nn.Sequential(nn.Conv1d(3, 2, 5), nn.ReLU(), nn.Tanh()),
        "tanh that does not follow",
    ),
    "late normalisation": (
        lambda: nn.Sequential(nn.Conv1d(3, 2, 5), nn.ReLU(), nn.BatchNorm1d(2)),
        "BatchNorm1d",
    ),
    "instance normalisation": (
        lambda: nn.Sequential(nn.Conv1d(3, 2, 5), nn.InstanceNorm1d(2)),
        "InstanceNorm1d",
    ),
    "pooling": (lambda: nn.Sequential(nn.Conv1d(3, 2, 5), nn.MaxPool1d(2), nn.Conv1d(2, 2, 3)), "MaxPool1d"),
    "linear upsampling": (
        lambda: nn.Sequential(nn.Upsample(scale_factor=2, mode="linear"), nn.Conv1d(3, 2, 5)),
        "Upsample",
    ),
    "padding with ones": (
        lambda: nn.Sequential(nn.ConstantPad1d(2, 1.0), nn.Conv1d(3, 2, 5)),
        "ConstantPad1d",
    ),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_others_run_in_pytorch_after_one_warning_that_names_the_operation(case):
    make, operation = UNSUPPORTED[case]
    net = randomised(make())
    x = batch_for(MAP, batch=20)  # more than one chunk of the fallback
    with pytest.warns(UserWarning, match=operation) as caught:
        series = cs.fast_probe(net, x)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert series.attributes["engine"] == "torch"
    assert len(series) >= 1


@pytest.mark.parametrize("case", ["ELU", "groups", "reflection", "reflecting pad", "residual", "control flow", "recurrent", "shared module", "activation first"])  # fmt: skip
def test_the_fallback_is_right(case):
    net = randomised(UNSUPPORTED[case][0]())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_last_layer_is_the_output(net, batch_for(MAP, batch=20), "torch")


def test_the_fallback_before_the_activation_and_by_other_reductions():
    net = randomised(nn.Sequential(nn.Conv1d(3, 4, 5), nn.ELU(), nn.Conv1d(4, 3, 5), nn.ELU()))
    x = batch_for(MAP)
    pre, post = outputs(net[:3], x, torch.float64), outputs(net, x, torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        probes = {
            (at, reduce): cs.fast_probe(net, x, layers="2", at=at, reduce=reduce)["2"]
            for at in ("pre", "post")
            for reduce in ("mean", "rms", "max")
        }
    for (at, reduce), found in probes.items():
        y = pre if at == "pre" else post
        exact = {"mean": y.mean(1), "rms": np.sqrt((y**2).mean(1)), "max": y.max(1)}[reduce]
        np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-5)


def test_batch_statistics_normalise_over_the_whole_batch():
    """A module without running statistics normalises by its batch, which must not be the fallback's chunk."""
    net = randomised(
        nn.Sequential(nn.Conv1d(3, 4, 5), nn.BatchNorm1d(4, track_running_stats=False), nn.ReLU())
    )
    with pytest.warns(UserWarning, match="BatchNorm1d by batch statistics"):
        probe = cs.Probe(net, input_shape=MAP)
    x = batch_for(MAP, batch=21)
    exact = outputs(net, x, torch.float64)
    np.testing.assert_allclose(probe.run(x)["0"], exact.mean(1), rtol=1e-4, atol=1e-5)


def test_batch_statistics_of_a_dense_layer():
    """One sample has no variance: the fallback must not try the module on one."""
    net = randomised(nn.Sequential(nn.Linear(20, 8), nn.BatchNorm1d(8, track_running_stats=False), nn.ReLU()))
    x = batch_for(LATENT, batch=17)
    with pytest.warns(UserWarning, match="BatchNorm1d by batch statistics"):
        series = cs.fast_probe(net, x)
    np.testing.assert_allclose(series["0"], outputs(net, x, torch.float64), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "make", [lambda: nn.Sequential(nn.ReLU()), lambda: nn.Sequential(nn.MaxPool1d(2)), lambda: nn.GRU(40, 3)]
)
def test_a_module_without_layers_is_a_clear_error(make):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=r"layer|convolution"):
            cs.fast_probe(make(), batch_for(MAP))


def test_a_bare_layer_as_the_network():
    net = randomised(nn.Conv1d(3, 4, 5))
    x = batch_for(MAP)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        series = cs.fast_probe(net, x)
    (name,) = series
    assert name
    np.testing.assert_allclose(series[name], outputs(net, x, torch.float64).mean(1), rtol=1e-4, atol=1e-6)


def test_an_error_of_the_module_itself_is_shown():
    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(3, 2, 3)

        def forward(self, x):
            raise RuntimeError("the cable is loose")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RuntimeError, match="the cable is loose"):
            cs.fast_probe(Broken(), batch_for(MAP))


def test_foreign_modules_from_concurrent_threads():
    """torch.fx patches nn.Module while it traces; a fallback running meanwhile in another thread must not notice."""
    compiled, fallback = randomised(WaveGANGenerator()), randomised(UNSUPPORTED["ELU"][0]())
    z, x = batch_for(LATENT), batch_for(MAP)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = cs.fast_probe(compiled, z), cs.fast_probe(fallback, x)

        def work(number: int):
            net, batch = ((compiled, z), (fallback, x))[number % 2]
            return [cs.fast_probe(net, batch, num_threads=1) for _ in range(12)]

        found = in_parallel(work, 6)
    for number, repeats in enumerate(found):
        for series in repeats:
            for name, values in expected[number % 2].items():
                np.testing.assert_array_equal(series[name], values)


def test_torch_in_another_thread_is_not_disturbed_while_a_module_is_traced():
    """Planted: the probed module's forward waits for another thread that runs a network of its own."""
    other, x = nn.Sequential(nn.Conv1d(3, 3, 3), nn.ReLU()), torch.from_numpy(batch_for(MAP))
    errors: list[BaseException] = []

    def train() -> None:
        try:
            other(x).sum().backward()
        except BaseException as error:
            errors.append(error)

    class Meanwhile(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(3, 2, 3)

        def forward(self, x):
            thread = threading.Thread(target=train)
            thread.start()
            thread.join()
            return torch.relu(self.conv(x))

    cs.Probe(Meanwhile(), input_shape=MAP)
    assert other[0].weight.grad is not None or errors
    assert errors == []


@pytest.mark.parametrize("tail", [nn.ReLU, nn.ELU])
def test_mono_sound_needs_no_channel_axis(tail):
    """(B, samples) is what a batch of sounds is; a Conv1d wants (B, 1, samples)."""
    net = nn.Sequential(nn.Conv1d(1, 8, 9, stride=2, padding=4), tail()).eval()
    x = np.random.default_rng(0).standard_normal((3, 2048)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        series = cs.fast_probe(net, x)
        report = cs.verify(net, x)
    with torch.no_grad():
        expected = net(torch.from_numpy(x)[:, None]).mean(1).numpy()
    np.testing.assert_allclose(series["0"], expected, atol=1e-6)
    assert report[0].error < 1e-6
