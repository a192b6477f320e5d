"""Linear interpolation of series to another number of positions, with both end-point conventions."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import torch

Align = Literal["centres", "corners"]


def resample_linear(series: Any, length: int, align: Align) -> Any:
    """(..., L) -> (..., length), NumPy or torch as given.

    Position i of the result lies at ``(i + 1/2) L / length - 1/2`` of the input with ``"centres"``, held at the ends, and at
    ``i (L - 1) / (length - 1)`` with ``"corners"``.
    """
    if align not in get_args(Align):
        raise ValueError(f"align: expected one of {', '.join(get_args(Align))}, got {align!r}")
    positions = source_positions(series.shape[-1], length, align)  # (length,)
    lower = np.minimum(np.floor(positions).astype(np.int64), max(series.shape[-1] - 2, 0))
    upper = np.minimum(lower + 1, series.shape[-1] - 1)
    share = (positions - lower).astype(np.float32)
    if isinstance(series, torch.Tensor):
        low, high = series[..., torch.from_numpy(lower)], series[..., torch.from_numpy(upper)]
        return low + (high - low) * torch.from_numpy(share).to(series.device)
    low, high = series[..., lower], series[..., upper]
    return low + (high - low) * share


def source_positions(length_in: int, length_out: int, align: Align) -> np.ndarray:
    """Where in the input each position of the result lies, (length_out,) float64."""
    i = np.arange(length_out, dtype=np.float64)
    if align == "corners":
        return i * (length_in - 1) / max(length_out - 1, 1)
    return np.clip((i + 0.5) * length_in / length_out - 0.5, 0, length_in - 1)
