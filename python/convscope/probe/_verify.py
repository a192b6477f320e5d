"""How far the engine is from float64, layer by layer, beside PyTorch's own float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ._compile import unwrap
from ._inputs import as_float32, unpack
from ._layers import format_table
from ._planner import Algorithm
from ._probe import At, Probe
from ._reduce import Reduce
from ._select import Selection
from ._torch_engine import TorchEngine

STRETCH = 8  # neighbouring positions


@dataclass(frozen=True, slots=True)
class LayerError:
    """Relative errors ||series - reference|| / ||reference||, and the largest absolute one.

    ``error`` and ``torch_error`` are over all samples. ``local`` and ``torch_local`` are the worst of any eight neighbouring
    positions of one sample, relative to those (stretches that are exactly zero left out): the spectral form is as exact as
    the loudest value in a window allows, so a quiet stretch beside a loud one is where it is worst.
    """

    layer: str
    error: float
    torch_error: float
    local: float
    torch_local: float
    largest: float

    @property
    def ratio(self) -> float:
        """Ours to PyTorch float32's."""
        if self.error == 0.0:
            return 0.0
        return self.error / self.torch_error if self.torch_error > 0 else float("inf")


class Verification(tuple[LayerError, ...]):
    """One row per layer; prints as a table."""

    def __str__(self) -> str:
        rows = [
            ("layer", "error", "torch float32", "ratio", "worst stretch", "torch float32", "largest |error|")
        ]
        rows += [
            (
                row.layer,
                f"{row.error:.1e}",
                f"{row.torch_error:.1e}",
                f"{row.ratio:.2f}",
                f"{row.local:.1e}",
                f"{row.torch_local:.1e}",
                f"{row.largest:.1e}",
            )
            for row in self
        ]
        return format_table(rows)

    __repr__ = __str__

    @property
    def worst_ratio(self) -> float:
        return max(row.ratio for row in self)


def verify(
    net: nn.Module,
    x: Any,
    *,
    layers: Selection = None,
    reduce: Reduce = "mean",
    at: At = "post",
    device: str | torch.device | None = None,
    precision: str = "float32",
    algorithm: Algorithm = "auto",
) -> Verification:
    """Compare `fast_probe` with the same module run by PyTorch in float64.

    Parameters
    ----------
    net, layers, reduce, at, device, precision, algorithm : as for `Probe`.
    x : a few samples (B, ...), or a batch of `convscope.data`; every feature map of a layer is held for all of them, twice as wide as usual.

    Returns
    -------
    Verification
        A tuple of `LayerError` that prints as a table.
    """
    module = unwrap(net)
    x, sample_rate_hz, _ = unpack(x, None)
    values = as_float32(x)
    if len(values) == 0:
        raise ValueError("input: expected at least one sample to compare, got an empty batch")
    probe = Probe(
        module,
        layers,
        reduce=reduce,
        at=at,
        device=device,
        precision=precision,
        algorithm=algorithm,
        input_shape=values.shape[1:],
    )
    ours = probe.run(values, sample_rate_hz=sample_rate_hz)
    values = values.reshape(len(values), *probe.input_shape)
    names, reductions = list(ours), [probe._reductions[name] for name in ours]
    in_torch = [
        TorchEngine(module, probe.input_shape, dtype).run(
            values, names, reductions, before_activation=at == "pre"
        )
        for dtype in (torch.float64, torch.float32)
    ]
    return Verification(
        _compare(name, np.asarray(ours[name], np.float64), exact, single)
        for name, exact, single in zip(names, *in_torch, strict=True)
    )


def _compare(name: str, ours: np.ndarray, exact: np.ndarray, single: np.ndarray) -> LayerError:
    exact = exact.reshape(ours.shape)
    difference, of_torch = ours - exact, single.reshape(ours.shape) - exact
    return LayerError(
        layer=name,
        error=relative(difference, exact),
        torch_error=relative(of_torch, exact),
        local=worst_stretch(difference, exact),
        torch_local=worst_stretch(of_torch, exact),
        largest=float(np.abs(difference).max(initial=0.0)),
    )


def worst_stretch(difference: np.ndarray, reference: np.ndarray) -> float:
    """Largest ||difference|| / ||reference|| of any `STRETCH` neighbouring positions (..., L); 0 where all are zero."""
    errors, sizes = (_stretch_energies(values) for values in (difference, reference))
    heard = sizes > 0
    return float(np.sqrt(np.max(errors[heard] / sizes[heard], initial=0.0)))


def _stretch_energies(values: np.ndarray) -> np.ndarray:
    """Sums of squares of neighbouring positions; of all of them where there are fewer than a stretch."""
    width = min(STRETCH, values.shape[-1])
    stretches = np.lib.stride_tricks.sliding_window_view(values, width, axis=-1)
    energies: np.ndarray = np.square(stretches).sum(-1)
    return energies


def relative(difference: np.ndarray, reference: np.ndarray) -> float:
    """||difference|| / ||reference||; the plain norm where the reference is zero."""
    norm = float(np.linalg.norm(reference))
    return float(np.linalg.norm(difference)) / (norm if norm > 0 else 1.0)
