"""Checks an input batch once, at the door, and hands the engine what it wants."""

from __future__ import annotations

import math
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from ._weights import Floats

Shape = tuple[int, ...]

_DLPACK_CUDA = 2  # kDLCUDA of dlpack.h


@runtime_checkable
class WaveformBatch(Protocol):
    """What `convscope.data.load_folder` and `synthesise_words` return."""

    @property
    def waveforms(self) -> Floats: ...
    @property
    def sample_rate_hz(self) -> int: ...


def unpack(x: object, sample_rate_hz: int | None) -> tuple[Any, int | None, tuple[str, ...] | None]:
    """Values, sample rate and the names of their sounds; the last two as far as they are known.

    Raises
    ------
    ValueError
        when a batch of `convscope.data` says another sample rate than the caller.
    """
    if not isinstance(x, WaveformBatch):
        return x, sample_rate_hz, None
    if sample_rate_hz is not None:
        check_rate(x.sample_rate_hz, sample_rate_hz, "you said")
    return x.waveforms, x.sample_rate_hz, getattr(x, "names", None)


def from_device(x: Any) -> Any:
    """An array of another library that lies on a GPU as a tensor there, by DLPack; anything else as it is."""
    if isinstance(x, np.ndarray | torch.Tensor) or not hasattr(x, "__dlpack_device__"):
        return x
    kind, _ = x.__dlpack_device__()
    return torch.utils.dlpack.from_dlpack(x) if kind == _DLPACK_CUDA else x


def check_rate(got_hz: int | None, expected_hz: int, who: str = "the network works at") -> None:
    """Raise ValueError when sound of one sample rate is given to a network of another."""
    if got_hz is not None and got_hz != expected_hz:
        raise ValueError(
            f"sample_rate_hz: {who} {expected_hz} Hz, got sound at {got_hz} Hz; "
            "resample it first (convscope.data.resample)"
        )


def check_shape(shape: Shape, per_sample: Shape) -> None:
    """Raise ValueError unless ``shape`` is (B, *per_sample), with or without the channel axis of mono waveforms."""
    if len(shape) >= 1 and shape[1:] in (per_sample, *_same_sound(per_sample)):
        return
    wanted = "(B, " + ", ".join(map(str, per_sample)) + ")"
    hint = ""
    if shape == per_sample:
        hint = "; add a batch axis: x[None]"
    elif is_waveform(per_sample) and len(shape) == 2:
        hint = "; cut or pad it first (convscope.data.fit_length)"
    raise ValueError(f"input: expected shape {wanted}, got {shape}{hint}")


def _same_sound(per_sample: Shape) -> tuple[Shape, ...]:
    """(samples,) and (1, samples) are the same mono waveform."""
    if not is_waveform(per_sample):
        return ()
    if len(per_sample) == 1:
        return ((1, *per_sample),)
    return (per_sample[1:],) if per_sample[0] == 1 else ()


def is_waveform(per_sample: Shape) -> bool:
    """One channel of a slice: latent vectors are hundreds of values long, the shortest slice is thousands."""
    return per_sample[-1] >= 1024 and math.prod(per_sample[:-1]) == 1


def as_float32(x: object) -> Floats:
    """Any real array or tensor as a contiguous float32 array; TypeError for what is not numbers."""
    if isinstance(x, torch.Tensor):
        return np.ascontiguousarray(as_float32_tensor(x).to("cpu").numpy())
    array = np.asarray(x)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"input: expected real numbers, got {array.dtype}")
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, which the next check names
        return np.ascontiguousarray(array, np.float32)


def as_float32_tensor(x: torch.Tensor) -> torch.Tensor:
    """Any real tensor in float32, where it is and without its gradient's history; TypeError for what is not numbers."""
    if x.is_meta:
        raise ValueError("input: the tensor is on the meta device, so it holds no values")
    if x.dtype == torch.bool or x.is_complex():
        raise TypeError(f"input: expected real numbers, got {x.dtype}")
    return x.detach().to(torch.float32)


def check_all_finite(x: Floats, first_sample: int = 0) -> None:
    """Raise ValueError naming the first value that is NaN or infinite (as float32) and how many there are."""
    finite = np.isfinite(x)
    if finite.all():
        return
    index = tuple(int(i) for i in np.argwhere(~finite)[0])
    place = ", ".join(map(str, (index[0] + first_sample, *index[1:])))
    count = x.size - int(finite.sum())
    others = f" ({count - 1} more such values in this stretch)" if count > 1 else ""
    raise ValueError(
        f"input: x[{place}] is {x[index]}{others}; give finite values, or check_finite=False to let it through"
    )
