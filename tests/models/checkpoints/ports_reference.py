"""State dicts as the PyTorch ports name them, and what their code computes from them, layer by layer. Maps are (B, C, L)."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]


class Maker:
    """Random parameters under a port's names."""

    def __init__(self, seed: int) -> None:
        self.random = torch.Generator().manual_seed(seed)
        self.state: State = {}

    def layer(self, name: str, *shape: int, outputs: int, fan_in: float) -> None:
        self.state[f"{name}.weight"] = torch.randn(*shape, generator=self.random) / fan_in**0.5
        self.state[f"{name}.bias"] = 0.1 * torch.randn(outputs, generator=self.random)

    def norm(self, name: str, channels: int, *, is_used: bool = True) -> None:
        values = torch.rand(4, channels, generator=self.random)
        self.state |= {
            f"{name}.weight": 0.5 + values[0] if is_used else torch.ones(channels),
            f"{name}.bias": 0.1 * values[1] if is_used else torch.zeros(channels),
            f"{name}.running_mean": 0.1 * values[2] if is_used else torch.zeros(channels),
            f"{name}.running_var": 0.5 + values[3] if is_used else torch.ones(channels),
            f"{name}.num_batches_tracked": torch.tensor(9 if is_used else 0),
        }


def generator(
    maker: Maker, names: dict[str, str], ups: int, *, dim=2, latents=30, norm=False, nearest=False
) -> State:
    widths = [dim * 2**i for i in reversed(range(ups))] + [1]
    maker.layer(names["project"], 16 * widths[0], latents, outputs=16 * widths[0], fan_in=latents)
    if norm:
        maker.norm(names["project_norm"], widths[0])
    for i in range(ups):
        shape = (widths[i + 1], widths[i]) if nearest else (widths[i], widths[i + 1])
        fan_in = widths[i] * (25 if nearest else 6)
        maker.layer(names["up"].format(i=i, n=i + 1), *shape, 25, outputs=widths[i + 1], fan_in=fan_in / 2)
        if norm and (i + 1 < ups or names["norms_output"]):
            maker.norm(names["up_norm"].format(i=i), widths[i + 1])
    return maker.state


def run_generator(
    state: State, names: dict[str, str], ups: int, z: Tensor, *, rectified: bool, nearest=False, strides=None
) -> list[Tensor]:
    h = F.linear(z, state[f"{names['project']}.weight"], state[f"{names['project']}.bias"]).view(
        len(z), -1, 16
    )
    h = normalised(h, state, names["project_norm"])
    maps = [F.relu(h) if rectified else h]
    for i in range(ups):
        name = names["up"].format(i=i, n=i + 1)
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        stride = (strides or [4] * ups)[i]
        if nearest:
            h = F.conv1d(
                F.pad(F.interpolate(maps[-1], scale_factor=4), (12, 12)), weight, bias, stride=4 // stride
            )
        else:
            h = F.conv_transpose1d(maps[-1], weight, bias, stride, 11, 1)
        h = normalised(h, state, names["up_norm"].format(i=i))
        maps.append(torch.tanh(h) if i + 1 == ups else F.relu(h))
    return maps


def critic(
    maker: Maker, names: dict[str, str], downs: int, flat: int, outputs: int, *, dim=2, norm: str = "no"
) -> State:
    """``norm`` is yes, no, or unused: there without being used."""
    widths = [1] + [dim * 2**i for i in range(downs)]
    for i in range(downs):
        name = names["down"].format(i=i, n=i + 1)
        maker.layer(name, widths[i + 1], widths[i], 25, outputs=widths[i + 1], fan_in=25 * widths[i])
        if norm != "no":
            maker.norm(names["down_norm"].format(i=i), widths[i + 1], is_used=norm == "yes")
    maker.layer(names["head"], outputs, flat, outputs=outputs, fan_in=flat)
    return maker.state


def run_critic(
    state: State, names: dict[str, str], downs: int, x: Tensor, slope: float, strides=None
) -> list[Tensor]:
    h, maps = x.unsqueeze(1), []
    for i in range(downs):
        name = names["down"].format(i=i, n=i + 1)
        h = F.conv1d(h, state[f"{name}.weight"], state[f"{name}.bias"], (strides or [4] * downs)[i], 11)
        h = F.leaky_relu(normalised(h, state, names["down_norm"].format(i=i)), slope)
        maps.append(h)
    return [*maps, F.linear(h.flatten(1), state[f"{names['head']}.weight"], state[f"{names['head']}.bias"])]


def normalised(h: Tensor, state: State, name: str) -> Tensor:
    if not name or f"{name}.num_batches_tracked" not in state or state[f"{name}.num_batches_tracked"] == 0:
        return h
    parts = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
    return F.batch_norm(h, *parts)


ATZHOU8 = {
    "project": "z_project", "project_norm": "z_batchnorm", "up": "upconv{i}.conv", "up_norm": "upconv{i}.batch_norm",
    "down": "downconv_{i}.conv", "down_norm": "downconv_{i}.batchnorm", "head": "fc_out", "norms_output": "yes",
}  # fmt: skip
MOSTAFAELARABY = {
    "project": "fc1", "project_norm": "bn1", "up": "deconv_list.{i}.transpose_ops.0",
    "up_norm": "deconv_list.{i}.transpose_ops.1", "down": "conv_layers.{i}.conv1d",
    "down_norm": "conv_layers.{i}.batch_norm", "head": "fc1", "norms_output": "",
}  # fmt: skip
MOSTAFAELARABY_NEAREST = MOSTAFAELARABY | {
    "up": "deconv_list.{i}.transpose_ops.1", "up_norm": "deconv_list.{i}.transpose_ops.2",
}  # fmt: skip
JTCRAMER = {
    "project": "fc1", "project_norm": "", "up": "upSampConv{n}.conv1d", "up_norm": "", "down": "conv{n}", "down_norm": "",
    "head": "fc1", "norms_output": "",
}  # fmt: skip


def set_of_three(slice_len: int = 16384, norm: str = "no") -> dict[str, State]:
    """As the atzhou8 port writes them."""
    ups, flat = (5, 16 * 32) if slice_len == 16384 else (6, 64 * 32)
    return {
        "G": generator(Maker(1), ATZHOU8, ups, norm=norm == "yes"),
        "D": critic(Maker(2), ATZHOU8, 5, flat, 1, norm=norm),
        "Q": critic(Maker(3), ATZHOU8, 5, flat, 7, norm=norm),
    }


def save(folder: Path, states: dict[str, State], name: str = "epoch2_step900") -> Path:
    """Of one step, with the optimisers' files beside them; what their names have in common."""
    for letter, state in states.items():
        torch.save(state, folder / f"{name}_{letter}.pt")
        torch.save({"state": {}}, folder / f"{name}_{letter}opt.pt")
    return folder / name


def maps_of(network: torch.nn.Module, x: Tensor) -> list[Tensor]:
    """Of every layer of a network of ours."""
    maps, h = [], x.unsqueeze(1) if network.spec.role != "generator" else x
    with torch.inference_mode():
        for layer in network.children():
            h = layer(h)
            maps.append(h)
    return maps


def random(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
