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
from ._probe import At, Probe
from ._reduce import Reduce
from ._select import Selection
from ._torch_engine import TorchEngine


@dataclass(frozen=True, slots=True)
class LayerError:
    """Relative errors ||series - reference|| / ||reference|| over all samples, and the largest absolute one."""

    layer: str
    error: float
    torch_error: float
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
        rows = [("layer", "error", "torch float32", "ratio", "largest |error|")]
        rows += [
            (
                row.layer,
                f"{row.error:.1e}",
                f"{row.torch_error:.1e}",
                f"{row.ratio:.2f}",
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
    precision: str = "float32",
    algorithm: str = "auto",
) -> Verification:
    """Compare `fast_probe` with the same module run by PyTorch in float64.

    Parameters
    ----------
    net, layers, reduce, at, precision, algorithm : as for `Probe`.
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
    difference = ours - exact
    return LayerError(
        layer=name,
        error=relative(difference, exact),
        torch_error=relative(single.reshape(ours.shape) - exact, exact),
        largest=float(np.abs(difference).max(initial=0.0)),
    )


def relative(difference: np.ndarray, reference: np.ndarray) -> float:
    """||difference|| / ||reference||; the plain norm where the reference is zero."""
    norm = float(np.linalg.norm(reference))
    return float(np.linalg.norm(difference)) / (norm if norm > 0 else 1.0)
