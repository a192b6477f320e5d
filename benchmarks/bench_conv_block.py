"""Each layer of the generator and the Q-network by itself, beside PyTorch's layer followed by the mean.

python -m pytest benchmarks/bench_conv_block.py --benchmark-group-by=param:layer
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

import convscope as cs
from convscope import _core
from convscope.models import Conv
from convscope.probe import thread_count
from convscope.probe._lower import lower
from convscope.probe._native_engine import native_layer
from convscope.probe._reduce import Reduction
from convscope.probe._weights import read_weights

BATCH = 16
NETWORKS = {
    "G": cs.models.preset("torch-atzhou8-2022", role="generator", num_categories=8),
    "Q": cs.models.preset("torch-atzhou8-2022", role="q_network", num_categories=8),
}
LAYERS = [
    f"{key}.{layer.name}"
    for key, spec in NETWORKS.items()
    for layer in spec.layers
    if isinstance(layer, Conv)
]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("engine", ["convscope", "torch"])
def test_layer(benchmark: Callable[..., np.ndarray], layer: str, engine: str) -> None:
    network, name = layer.split(".")
    spec = NETWORKS[network]
    module = cs.models.build(spec).eval()
    number = [other.name for other in spec.layers].index(name)
    length = (spec.in_length, *spec.out_lengths)[number]
    x = torch.randn(
        BATCH, spec.layers[number].in_channels, length, generator=torch.Generator().manual_seed(0)
    )  # (B, C, L)
    torch.set_num_threads(thread_count(None))
    with torch.inference_mode():
        expected = module.get_submodule(name)(x).mean(1).numpy()
        run = (
            _ours(module, number, x)
            if engine == "convscope"
            else lambda: module.get_submodule(name)(x).mean(1).numpy()
        )
        result = benchmark(run)
    assert np.linalg.norm(result - expected) <= 1e-5 * np.linalg.norm(expected)


def _ours(module: cs.models.SpeechNetwork, number: int, x: torch.Tensor) -> Callable[[], np.ndarray]:
    layer = module.spec.layers[number]
    lowered = lower(layer, x.shape[2], read_weights(module)[layer.name])
    program = _core.Program([native_layer(lowered, Reduction("mean"))], _core.selected_isa())
    channels_last = np.ascontiguousarray(x.numpy().transpose(0, 2, 1))  # (B, L, C)
    out = np.empty((len(x), 1, lowered.out_length), np.float32)

    def run() -> np.ndarray:
        program.run(channels_last, [out], thread_count(None))
        return out[:, 0]

    return run
