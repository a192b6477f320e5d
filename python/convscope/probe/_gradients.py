"""How much each latent variable moves a layer's series: derivatives by layer, variable and time.

Two ways that check each other. "autograd" is PyTorch's forward mode in float64 on a private copy of the module: one pass per
variable gives the whole series, where backward mode would need one per position. "difference" is the central difference of
two probes, for any engine: float32, with an error of step² / 6 times the third derivative, plus 1e-7 / step.

Where a ReLU has its kink there is no derivative: forward mode takes the side of zero, a central difference the mean over the
units that change sides within the step. So the two differ there, however exact both are: by a few per cent at a step of 0.01 in
WaveGANs with random weights, by one at 0.001, below which float32 rounds the difference away.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
import torch.autograd.forward_ad as forward_ad
from torch import nn

from ..latents import place_of
from ._by_layer import ByLayer
from ._compile import unwrap
from ._inputs import as_float32, check_all_finite, check_shape
from ._layers import LayerTable
from ._probe import At, Probe
from ._reduce import Reduce
from ._runners import FALLBACK_CHUNK
from ._select import Selection
from ._torch_engine import TorchEngine, reduce_map
from ._weights import Floats

if TYPE_CHECKING:
    import xarray

Method = Literal["autograd", "difference"]


class LatentGradients(ByLayer[np.ndarray]):
    """Derivatives by layer: ``gradients["conv4"]`` is (B, V, L), float64, of variable ``variables[v]`` of each sample.

    A read-out matrix with K rows gives (B, V, K, L), a layer without a time axis (B, V, n).
    """

    _what = "gradients"

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        layers: LayerTable,
        variables: tuple[str, ...],
        attributes: Mapping[str, str | float],
    ) -> None:
        super().__init__(arrays, layers)
        self.variables = variables
        self.attributes = dict(attributes)  # method and step

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in self._arrays.items())
        return f"LatentGradients({self.attributes['method']}; {shapes})"

    def to_xarray(self) -> xarray.Dataset:
        """One variable per layer, with dims (sample, variable, ..., time_<layer>); times in seconds where there is a clock."""
        import xarray

        variables: dict[str, Any] = {}
        coordinates: dict[str, Any] = {"variable": list(self.variables)}
        for layer in self.layers:
            values = self._arrays[layer.name]
            last = f"time_{layer.name}" if layer.length else f"unit_{layer.name}"
            middle = [f"readout_{layer.name}"] if values.ndim == 4 else []
            variables[layer.name] = (("sample", "variable", *middle, last), values)
            if layer.length:
                coordinates[last] = layer.times_s()
        return xarray.Dataset(variables, coordinates, self.attributes)


def latent_gradients(
    net: nn.Module,
    z: Any,
    *,
    layers: Selection = None,
    variables: int | str | Iterable[int | str] | None = None,
    method: Method = "autograd",
    step: float = 1e-2,
    reduce: Reduce = "mean",
    at: At = "post",
) -> LatentGradients:
    """Differentiate layer series by latent variables.

        gradients[layer][b, v, t] = d (mean over c of activation(layer)[b, c, t]) / d z[b, v]

    Parameters
    ----------
    net : torch.nn.Module
        A network that reads latent vectors. It is as it was afterwards: no gradient, flag, hook or random state is touched.
    z : array (B, variables), NumPy or torch
        Where the derivatives are taken.
    layers, reduce, at : as for `Probe`.
    variables : which ones, by place or name (``11``, ``"z11"``); all by default.
    method : ``"autograd"``, or ``"difference"`` by the engine, which needs no derivative of any operation.
    step : of the difference, to both sides.

    Returns
    -------
    LatentGradients

    Raises
    ------
    UnknownLayerError
        (a KeyError) when a layer pattern matches nothing.
    ValueError
        for an unknown variable, a step that is not positive, or a network whose samples influence each other.

    Source
    ------
    Beguš & Zhou 2022 (TASLP), section V.B names the derivative of a layer by a latent variable as a measure of its effect.

    Examples
    --------
    >>> import numpy as np, convscope as cs
    >>> net = cs.models.build(cs.models.preset("tf1-wavegan", role="generator", dim=2))
    >>> latent_gradients(net, np.zeros((3, 100)), layers="conv1", variables=["z11"])["conv1"].shape
    (3, 1, 64)
    """
    if method not in ("autograd", "difference"):
        raise ValueError(f"method: expected 'autograd' or 'difference', got {method!r}")
    if not (np.isfinite(step) and step > 0):
        raise ValueError(f"step: expected a positive number, got {step!r}")
    module = unwrap(net)
    z = z if isinstance(z, torch.Tensor) else np.asarray(z, np.float64)
    shape = tuple(z.shape)
    if len(shape) != 2:
        raise ValueError(f"z: expected latent vectors (B, variables), got {shape}")
    probe = Probe(module, layers, reduce=reduce, at=at, input_shape=shape[1:])
    check_shape(shape, probe.input_shape)
    chosen = _places(variables, shape[1])
    check_all_finite(as_float32(z))
    engine = TorchEngine(module, probe.input_shape, torch.float64)
    if engine.mixes_samples():
        raise ValueError(
            "net: expected samples that do not influence each other, got normalisation by the batch"
        )
    arrays = _empty(probe, len(z), len(chosen))
    if method == "autograd":
        _by_autograd(engine, probe, torch.as_tensor(z), chosen, at == "pre", arrays)
    else:
        _by_difference(probe, as_float32(z), chosen, step, arrays)
    attributes: dict[str, str | float] = {"method": method}
    if method == "difference":
        attributes["step"] = step
    return LatentGradients(arrays, probe.layers, tuple(f"z{i}" for i in chosen), attributes)


def _places(variables: int | str | Iterable[int | str] | None, size: int) -> list[int]:
    if variables is None:
        return list(range(size))
    listed = [variables] if isinstance(variables, int | np.integer | str) else list(variables)
    if not listed:
        raise ValueError("variables: expected at least one, got none")
    return [place_of(each, size) for each in listed]


def _empty(probe: Probe, batch: int, variables: int) -> dict[str, np.ndarray]:
    return {
        name: np.empty((batch, variables, *shape))
        for name, shape in zip(probe.layers.names, probe.series_shapes, strict=True)
    }


def _by_autograd(
    engine: TorchEngine,
    probe: Probe,
    z: torch.Tensor,
    chosen: list[int],
    before: bool,
    found: dict[str, np.ndarray],
) -> None:
    points = z.detach().to("cpu", torch.float64)
    for first in range(0, len(points), FALLBACK_CHUNK):
        rows = slice(first, min(first + FALLBACK_CHUNK, len(points)))
        for v, place in enumerate(chosen):
            direction = torch.zeros_like(points[rows])
            direction[:, place] = 1
            with torch.no_grad(), forward_ad.dual_level():
                activities = engine.watch(_dual(points[rows], direction))
                for name, reduction in probe._reductions.items():
                    activity = activities[name]
                    series = reduce_map(activity.before if before else activity.after, reduction)
                    tangent = forward_ad.unpack_dual(series).tangent  # type: ignore[no-untyped-call] # torch has no types here
                    # None: nothing of it depends on this variable.
                    found[name][rows, v] = 0 if tangent is None else probe._squeezed(name, tangent.numpy())


def _dual(points: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    with warnings.catch_warnings():
        # The first dual tensor of a process makes torch load formulas by its own deprecated torch.jit.script.
        warnings.simplefilter("ignore", DeprecationWarning)
        dual: torch.Tensor = forward_ad.make_dual(points, direction)  # type: ignore[no-untyped-call] # nor here
    return dual


def _by_difference(
    probe: Probe, points: Floats, chosen: list[int], step: float, found: dict[str, np.ndarray]
) -> None:
    for v, place in enumerate(chosen):
        above, below = points.copy(), points.copy()
        above[:, place] += np.float32(step)
        below[:, place] -= np.float32(step)
        width = above[:, place].astype(np.float64) - below[:, place]  # as float32 has it
        if not (width > 0).all():
            raise ValueError(f"step: expected one that float32 can add to z, got {step!r}")
        left, right = probe.run(below), probe.run(above)
        for name, array in found.items():
            rise = right[name].astype(np.float64) - left[name]
            array[:, v] = rise / width.reshape(-1, *[1] * (rise.ndim - 1))
