"""Modules as users write them, without a NetworkSpec, and how to ask PyTorch what they compute."""

from __future__ import annotations

import copy

import numpy as np
import torch
import torch.nn.functional as F
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
