"""What is measured: one network, one batch, one number of threads.

Everything here is a pure function of the case, so that every process and every engine gets the same weights and inputs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch

from ..models import Conv, Layer, NetworkSpec, SpeechNetwork, build, preset
from ._functional import LayerMeans

Role = Literal["generator", "q_network"]
ROLES: tuple[Role, ...] = get_args(Role)
CATEGORIES = 8
SEED = 1
CHECKED = 16  # samples compared with float64, whose maps are held for as many at a time
_DIALECT = "torch-atzhou8-2022"
_DIALECT_OF_OTHER_SLICES = "tf1-ciwgan"  # the first has no slice of 32768


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison of all engines.

    Parameters
    ----------
    role : ``"generator"`` or ``"q_network"``.
    slice_len, dim : samples of the waveform, and channels of the widest-in-time layer.
    batch, threads : samples in one call, and threads that every engine may use.
    depth : layers that are run, from the first; None for all.
    busy : cores that other processes keep busy meanwhile.
    """

    role: Role = "generator"
    slice_len: int = 16384
    dim: int = 64
    batch: int = 16
    threads: int = 1
    depth: int | None = None
    busy: int = 0

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"network: expected {' or '.join(ROLES)}, got {self.role!r}")
        for field in ("slice_len", "dim", "batch", "threads"):
            value = getattr(self, field)
            if value < 1:
                raise ValueError(f"{field}: expected a number of at least 1, got {value}")
        if self.busy < 0:
            raise ValueError(f"busy: expected a number of at least 0, got {self.busy}")
        count = len(self.spec.layers)  # which also checks the slice length
        if self.depth is not None and not 1 <= self.depth <= count:
            raise ValueError(f"depth: expected 1 to {count} layers, got {self.depth}")

    @property
    def dialect(self) -> str:
        """The preset; that of the papers' PyTorch code where it has the slice length."""
        return _DIALECT if self.slice_len in (16384, 65536) else _DIALECT_OF_OTHER_SLICES

    @property
    def spec(self) -> NetworkSpec:
        """Of the whole network."""
        return preset(
            self.dialect, role=self.role, num_categories=CATEGORIES, slice_len=self.slice_len, dim=self.dim
        )

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of those that are run."""
        return tuple(layer.name for layer in self.spec.layers[: self.depth])

    @property
    def flops(self) -> int:
        """Nominal floating-point operations of one sample: two for each product in the layers' definitions."""
        spec = self.spec
        lengths = (spec.in_length, *spec.out_lengths)  # of each layer's input, and of the last output
        layers = spec.layers[: self.depth]
        return 2 * sum(_products(layer, lengths[i], lengths[i + 1]) for i, layer in enumerate(layers))

    def network(self) -> SpeechNetwork:
        """A new module each time: engines may change it (hooks, compilation)."""
        return build(self.spec, seed=SEED).eval()

    def inputs(self) -> np.ndarray:
        """(B, *input_shape) float32, uniform between -1 and 1."""
        generator = np.random.default_rng(self.batch)
        return generator.uniform(-1, 1, (self.batch, *self.spec.input_shape)).astype(np.float32)

    def checked_rows(self) -> np.ndarray:
        """Which samples are compared: all, or evenly spaced ones from the first to the last."""
        return np.unique(np.linspace(0, self.batch - 1, min(self.batch, CHECKED)).astype(int))

    def exact(self) -> dict[str, np.ndarray]:
        """The layers' series of the checked samples, computed by PyTorch in float64."""
        module = LayerMeans(self.network().double(), len(self.layers))
        x = torch.from_numpy(self.inputs()[self.checked_rows()]).double()
        with torch.inference_mode():
            return {name: mean.numpy() for name, mean in zip(self.layers, module(x), strict=True)}

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `Case(**it)` is the case again."""
        return asdict(self)

    @property
    def network_title(self) -> str:
        """ "generator, 16384 samples, dim 64"."""
        name = "Q-network" if self.role == "q_network" else self.role
        return f"{name}, {self.slice_len} samples, dim {self.dim}"

    @property
    def threads_title(self) -> str:
        """ "2 threads", and after a comma who else is at work."""
        return f"{self.threads} thread{'s' * (self.threads != 1)}" + (f", {self.load}" if self.load else "")

    @property
    def load(self) -> str:
        """ "1 core busy with another process"; empty where none is."""
        if self.busy < 2:
            return "1 core busy with another process" if self.busy else ""
        return f"{self.busy} cores busy with other processes"

    def __str__(self) -> str:
        cut = "" if self.depth is None else f", first {self.depth} layers"
        return f"{self.network_title}{cut}, batch {self.batch}, {self.threads_title}"


def _products(layer: Layer, in_length: int, out_length: int) -> int:
    if not isinstance(layer, Conv):
        return layer.in_features * layer.out_features
    positions = in_length if layer.transposed else out_length
    return positions * layer.kernel * layer.in_channels * layer.out_channels
