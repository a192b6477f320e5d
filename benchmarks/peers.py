"""The engines users have today, each computing the same layer means of the same torch network.

Every peer is a function from a latent batch (B, 100) float32 to {layer: (B, L)}. None of them is handicapped: gradients are
off, means are taken as soon as a map exists, and onnxruntime returns the ReduceMean nodes instead of the maps.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

import convscope as cs

Series = dict[str, np.ndarray]
Engine = Callable[[np.ndarray], Series]

NAMES = ("convscope", "torch hooks", "torch.compile", "onnxruntime")


class ChannelMeans(nn.Module):
    """The functional form: the network with its layer means as outputs."""

    def __init__(self, network: cs.models.SpeechNetwork) -> None:
        super().__init__()
        self.layers = nn.ModuleList(network.children())

    def forward(self, z: torch.Tensor) -> list[torch.Tensor]:
        means, h = [], z
        for layer in self.layers:
            h = layer(h)
            means.append(h.mean(1))
        return means


def make(name: str, network: cs.models.SpeechNetwork, threads: int) -> Engine:
    """An engine ready to run; torch's thread count is set for the whole process."""
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    names = [layer.name for layer in network.spec.layers]
    match name:
        case "convscope":
            probe = cs.Probe(network, num_threads=threads)
            return lambda z: dict(probe.run(z))
        case "torch hooks":
            return _with_hooks(network)
        case "torch.compile":
            compiled = torch.compile(ChannelMeans(network))
            return lambda z: {n: m.numpy() for n, m in zip(names, compiled(torch.from_numpy(z)), strict=True)}
        case "onnxruntime":
            return _onnxruntime(network, names, threads)
    raise ValueError(f"engine: expected one of {NAMES}, got {name!r}")


def _with_hooks(network: cs.models.SpeechNetwork) -> Engine:
    kept: Series = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
            kept[name] = output.mean(1).numpy()

        return hook

    for name, layer in network.named_children():
        layer.register_forward_hook(keep(name))

    def run(z: np.ndarray) -> Series:
        network(torch.from_numpy(z))
        return dict(kept)

    return run


def _onnxruntime(network: cs.models.SpeechNetwork, names: list[str], threads: int) -> Engine:
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "network.onnx")
        example = torch.zeros(2, network.spec.in_channels)
        torch.onnx.export(
            ChannelMeans(network),
            (example,),
            path,
            dynamo=False,
            opset_version=17,
            input_names=["z"],
            output_names=names,
            dynamic_axes={"z": {0: "B"}, **{name: {0: "B"} for name in names}},
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda z: dict(zip(names, session.run(None, {"z": z}), strict=True))
