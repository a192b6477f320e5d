"""PyTorch in four forms: hooks on the untouched module, compiled, and the sub-pixel form, eager and compiled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from ..models import SpeechNetwork
from ._case import Case
from ._engines import Arrays, Run
from ._functional import LayerMeans, channel_means
from ._phases import PhasesLast


def hooks(network: SpeechNetwork, case: Case) -> Run:
    """What most scripts do, at its best: each hook takes its mean at once, so that no map is kept."""
    layers = list(network.named_children())[: len(case.layers)]
    kept: Arrays = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
            kept[name] = channel_means(output).numpy()

        return hook

    for name, layer in layers:
        layer.register_forward_hook(keep(name))

    def forward(x: np.ndarray) -> Arrays:
        h = torch.from_numpy(x)
        h = h if network.spec.reads_latents else h.unsqueeze(1)  # as the network's own forward does
        for _, layer in layers:
            h = layer(h)
        return dict(kept)

    return _inference(forward, case.threads)


def compiled(network: SpeechNetwork, case: Case) -> Run:
    """torch.compile of the functional form, for exactly this shape."""
    return _of_module(LayerMeans(network, len(case.layers)), case, compile=True)


def sub_pixel(network: SpeechNetwork, case: Case) -> Run:
    """`PhasesLast`, eager."""
    return _of_module(PhasesLast(network, len(case.layers)), case, compile=False)


def sub_pixel_compiled(network: SpeechNetwork, case: Case) -> Run:
    """`PhasesLast`, through torch.compile."""
    return _of_module(PhasesLast(network, len(case.layers)), case, compile=True)


def _of_module(module: nn.Module, case: Case, *, compile: bool) -> Run:
    module.eval()
    call = torch.compile(module, dynamic=False) if compile else module

    def forward(x: np.ndarray) -> Arrays:
        means = call(torch.from_numpy(x))
        return {name: mean.numpy() for name, mean in zip(case.layers, means, strict=True)}

    return _inference(forward, case.threads)


def _inference(forward: Run, threads: int) -> Run:
    """torch's thread count belongs to the process, and inference mode to the thread: both set where it runs."""

    def run(x: np.ndarray) -> Arrays:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            return forward(x)

    return run
