"""What the TensorFlow 1 graphs of WaveGAN compute, in NumPy, from variables as their checkpoints hold them. Maps are (B, L, C)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Variables = Mapping[str, np.ndarray]
STRIDES = {16384: (4,) * 5, 32768: (4, 4, 4, 4, 4, 2), 65536: (4,) * 6}


def variables(
    slice_len: int, *, dim: int = 2, categories: int = 5, norm=False, nearest=False, filtered=0
) -> dict[str, np.ndarray]:
    """Random ones of a whole ciwGAN, and some that only training needs."""
    rng = np.random.default_rng(slice_len + dim)
    found: dict[str, np.ndarray] = {}

    def add(name: str, *shape: int, around: float = 0.0, spread: float | None = None) -> None:
        fan_in = np.prod(shape[:-1]) if len(shape) > 1 else 4
        scale = 1 / np.sqrt(fan_in) if spread is None else spread
        found[name] = (around + scale * rng.standard_normal(shape)).astype(np.float32)

    def add_norm(place: str, channels: int) -> None:
        if norm:
            add(f"{place}/batch_normalization/gamma", channels, around=1, spread=0.1)
            add(f"{place}/batch_normalization/beta", channels, spread=0.1)
            add(f"{place}/batch_normalization/moving_mean", channels, spread=0.1)
            found[f"{place}/batch_normalization/moving_variance"] = rng.uniform(0.3, 1, channels).astype(
                np.float32
            )

    strides = STRIDES[slice_len]
    widths = [dim * 2**i for i in reversed(range(len(strides)))] + [1]
    add("G/z_project/dense/kernel", 30, 16 * widths[0])
    add("G/z_project/dense/bias", 16 * widths[0], spread=0.1)
    add_norm("G/z_project", widths[0])
    for i in range(len(strides)):
        kind = "conv1d" if nearest else "conv2d_transpose"
        shape = (25, widths[i], widths[i + 1]) if nearest else (1, 25, widths[i + 1], widths[i])
        add(f"G/upconv_{i}/{kind}/kernel", *shape, spread=1.0 / np.sqrt(6 * widths[i]))
        add(f"G/upconv_{i}/{kind}/bias", widths[i + 1], spread=0.1)
        if i + 1 < len(strides):
            add_norm(f"G/upconv_{i}", widths[i + 1])
    if filtered:
        add("G/pp_filt/conv1d/kernel", filtered, 1, 1)
    for scope, prefix, outputs in (("D", "", 1), ("Q", "Q", categories)):
        widths = [1] + [dim * 2**i for i in range(len(strides))]
        for i in range(len(strides)):
            add(f"{scope}/{prefix}downconv_{i}/conv1d/kernel", 25, widths[i], widths[i + 1])
            add(f"{scope}/{prefix}downconv_{i}/conv1d/bias", widths[i + 1], spread=0.1)
            if i > 0:
                add_norm(f"{scope}/{prefix}downconv_{i}", widths[i + 1])
        add(f"{scope}/{prefix}output/dense/kernel", 16 * widths[-1], outputs)
        add(f"{scope}/{prefix}output/dense/bias", outputs, spread=0.1)
    for name in list(found):
        slot = "RMSProp" if name.startswith("Q/") else "Adam"
        if "moving" not in name:
            found[f"{name}/{slot}"] = np.zeros_like(found[name])
    return found | {
        "global_step": np.int64(7),
        "beta1_power": np.float32(0.5),
        "beta2_power_1": np.float32(0.9),
    }


def same_padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    outputs = -(-length // stride)
    total = max((outputs - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def convolution(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """SAME; kernel (taps, in, out)."""
    length, taps = x.shape[1], len(kernel)
    padded = np.pad(x, ((0, 0), same_padding(length, taps, stride), (0, 0)))
    outputs = -(-length // stride)
    return sum(padded[:, k : k + (outputs - 1) * stride + 1 : stride] @ kernel[k] for k in range(taps))


def transposed_convolution(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """What the gradient of a SAME convolution is; kernel (1, taps, out, in)."""
    batch, length, _ = x.shape
    _, taps, channels, _ = kernel.shape
    full = np.zeros((batch, (length - 1) * stride + taps, channels))
    for k in range(taps):
        full[:, k : k + (length - 1) * stride + 1 : stride] += x @ kernel[0, k].T
    left, _ = same_padding(length * stride, taps, stride)
    return full[:, left : left + length * stride]


def normalised(x: np.ndarray, of: Variables, place: str, by_batch: bool) -> np.ndarray:
    place = f"{place}/batch_normalization"
    if f"{place}/gamma" not in of:
        return x
    mean, variance = of[f"{place}/moving_mean"], of[f"{place}/moving_variance"]
    if by_batch:
        mean, variance = x.mean((0, 1)), x.var((0, 1))
    return (x - mean) / np.sqrt(variance + 1e-3) * of[f"{place}/gamma"] + of[f"{place}/beta"]


def generator(of: Variables, z: np.ndarray, slice_len: int) -> list[np.ndarray]:
    """Maps after the activations, at least the last of which is the waveform."""
    h = z @ of["G/z_project/dense/kernel"].astype(np.float64) + of["G/z_project/dense/bias"]
    h = np.maximum(normalised(h.reshape(len(z), 16, -1), of, "G/z_project", False), 0)
    maps, strides = [h], STRIDES[slice_len]
    for i, stride in enumerate(strides):
        place = f"G/upconv_{i}"
        if f"{place}/conv1d/kernel" in of:
            h = convolution(h.repeat(stride, 1), of[f"{place}/conv1d/kernel"], 1) + of[f"{place}/conv1d/bias"]
        else:
            kernel = of[f"{place}/conv2d_transpose/kernel"]
            h = transposed_convolution(h, kernel, stride) + of[f"{place}/conv2d_transpose/bias"]
        h = np.tanh(h) if i + 1 == len(strides) else np.maximum(normalised(h, of, place, False), 0)
        maps.append(h)
    if "G/pp_filt/conv1d/kernel" in of:
        maps.append(convolution(h, of["G/pp_filt/conv1d/kernel"], 1))
    return maps


def critic(of: Variables, x: np.ndarray, slice_len: int, scope: str) -> list[np.ndarray]:
    """Maps after the activations of D or Q without phase shuffle, and the logits (B, n)."""
    prefix, h, maps = "Q" if scope == "Q" else "", x[:, :, None].astype(np.float64), []
    for i, stride in enumerate(STRIDES[slice_len]):
        place = f"{scope}/{prefix}downconv_{i}"
        h = convolution(h, of[f"{place}/conv1d/kernel"], stride) + of[f"{place}/conv1d/bias"]
        h = normalised(h, of, place, True)
        h = np.where(h > 0, h, 0.2 * h)
        maps.append(h)
    place = f"{scope}/{prefix}output/dense"
    return [*maps, h.reshape(len(x), -1) @ of[f"{place}/kernel"] + of[f"{place}/bias"]]
