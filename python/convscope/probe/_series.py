"""Layer series: what a probe returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ._by_layer import ByLayer
from ._layers import LayerInfo, LayerTable, format_table
from ._resample import Align, resample_linear

if TYPE_CHECKING:
    import xarray

_CENTRE = {"units": "s", "long_name": "centre of the stretch that the position sees or makes"}
Array = Any  # np.ndarray or torch.Tensor, the kind that was given to the probe


class Series(ByLayer[Array]):
    """One array per layer, by layer name, in order of execution.

    ``series["conv4"]`` is (B, L): one time series per sample. A read-out matrix with K rows gives (B, K, L), and a layer
    without a time axis (logits) gives its values (B, n). Arrays are NumPy or torch like the input.
    """

    def __init__(
        self,
        arrays: Mapping[str, Array],
        layers: LayerTable,
        attributes: Mapping[str, str | int],
        sources: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(arrays, layers)
        self.attributes = dict(
            attributes
        )  # what produced the numbers: reduction, position, engine, precision
        self.sources = sources  # the file of each sample, if samples were read from files

    def __repr__(self) -> str:
        rows = [("layer", "shape", "rate/Hz")]
        for layer in self.layers:
            rate = f"{layer.rate_hz:g}" if layer.has_clock else "-"
            rows.append((layer.name, str(tuple(self._arrays[layer.name].shape)), rate))
        described = ", ".join(f"{key} {value}" for key, value in self.attributes.items())
        return f"Series ({described})\n{format_table(rows)}"

    def info(self, name: str) -> LayerInfo:
        """The layer's size and clock."""
        self[name]
        return next(layer for layer in self.layers if layer.name == name)

    def resample(self, length: int, *, align: Align = "centres") -> Series:
        """Bring every time series to ``length`` positions by linear interpolation.

        Parameters
        ----------
        length : positions, for example the slice length.
        align : ``"centres"`` (default): the centres of positions line up, the first and last half positions are held, and
            times in seconds stay true. ``"corners"``: the first and last positions of both line up. The papers do not say
            which one they used.

        Returns
        -------
        Series
            Layers without a time axis are dropped: there is nothing to interpolate.

        Notes
        -----
        For pictures. Interpolation adds image spectra above the layer's own Nyquist frequency and no information: measure
        pitch, formants and spectra on the series itself.
        """
        if isinstance(length, bool) or not isinstance(length, int | np.integer) or length < 1:
            raise ValueError(f"length: expected a number of positions of at least 1, got {length!r}")
        timed = LayerTable(layer for layer in self.layers if layer.length > 0)
        arrays = {
            layer.name: resample_linear(self._arrays[layer.name], int(length), align) for layer in timed
        }
        infos = LayerTable(layer.resampled(int(length), corners=align == "corners") for layer in timed)
        attributes = {**self.attributes, "resampled_to": int(length), "align": align}
        return Series(arrays, infos, attributes, self.sources)

    def to_numpy(self) -> dict[str, np.ndarray]:
        """By layer name."""
        return {name: _numpy(array) for name, array in self._arrays.items()}

    def to_xarray(self) -> xarray.Dataset:
        """Label the series.

        Returns
        -------
        xarray.Dataset
            One variable per layer with dims (sample, time_<layer>), (sample, readout_<layer>, time_<layer>) or
            (sample, unit_<layer>). ``time_<layer>`` is in seconds; ``field_centre_<layer>``, on the same dim, is where the
            receptive (or projective) field of each position really lies.
        """
        import xarray

        variables: dict[str, Any] = {}
        coordinates: dict[str, Any] = {}
        for layer in self.layers:
            name, values = layer.name, _numpy(self._arrays[layer.name])
            time = f"time_{name}"
            if layer.length == 0:
                variables[name] = (("sample", f"unit_{name}"), values)
                continue
            dims = ("sample", time) if values.ndim == 2 else ("sample", f"readout_{name}", time)
            described = {"channels": layer.channels, "kind": layer.kind, "activation": layer.activation}
            variables[name] = (dims, values, described)
            units = {
                "units": "s" if layer.has_clock else "position",
                "long_name": "centre of the position's equal share of the slice",
            }
            coordinates[time] = ((time,), layer.times_s(), units)
            centres = layer.field_centres_s()
            if centres is not None and len(centres) == values.shape[-1]:
                coordinates[f"field_centre_{name}"] = ((time,), centres, _CENTRE)
        samples = len(next(iter(self._arrays.values())))
        coordinates["sample"] = (("sample",), np.arange(samples))
        if self.sources is not None:
            coordinates["source"] = (("sample",), np.array(self.sources, dtype=object))
        return xarray.Dataset(variables, coordinates, dict(self.attributes))


def _numpy(array: Array) -> np.ndarray:
    return array.detach().cpu().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)
