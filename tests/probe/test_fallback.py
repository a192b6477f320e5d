"""Modules that do not compile run in PyTorch after one warning, and are right."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.probe.foreign import (
    LATENT,
    MAP,
    WaveGANGenerator,
    assert_last_layer_is_the_output,
    batch_for,
    outputs,
    randomised,
)
from tests.probe.test_invariance import in_parallel
from torch import nn

import convscope as cs


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
