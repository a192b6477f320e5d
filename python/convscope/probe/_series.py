"""Layer series: what a probe returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch

from .._libraries import imported
from ._by_layer import ByLayer
from ._layers import LayerInfo, LayerTable, format_table
from ._resample import Align, resample_linear

if TYPE_CHECKING:
    import xarray

_CENTRE = {"units": "s", "long_name": "centre of the stretch that the position sees or makes"}
DataFrame: TypeAlias = Any  # pandas comes without types
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

    def to_table(self, layer: str, **about: Any) -> DataFrame:
        """A row for each sample and position of a layer: what `convscope.stats.fit_gamm` models.

        Parameters
        ----------
        layer : one with a clock.
        **about : (B,) each
            What samples are, such as ``word=words``: a column each.

        Returns
        -------
        pandas.DataFrame
            Columns ``sound`` (row of the sample), ``time`` in s, ``value``, and those of ``about``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        KeyError, ValueError
            for an unknown layer, one without a clock or with several read-outs, or ``about`` of another length.

        Examples
        --------
        >>> import numpy as np, convscope as cs
        >>> net = cs.models.build(cs.models.preset("tf1-wavegan", role="generator", dim=2))
        >>> series = cs.fast_probe(net, np.zeros((2, 100)))
        >>> series.to_table("conv1", word=["ask", "wash"]).columns.tolist()
        ['sound', 'time', 'value', 'word']
        """
        info, values = self.info(layer), _numpy(self[layer])
        if not info.has_clock or values.ndim != 2:
            raise ValueError(
                f"layer: expected one with a time axis and one series, got {layer} of shape {values.shape}"
            )
        samples, length = values.shape
        columns = {
            "sound": np.repeat(np.arange(samples), length),
            "time": np.tile(info.times_s(), samples),
            "value": values.ravel().astype(np.float64),
        }
        for name, each in about.items():
            if len(each) != samples or name in columns:
                raise ValueError(
                    f"{name}: expected another name than {', '.join(columns)}, and {samples} values, got {len(each)}"
                )
            columns[name] = np.repeat(np.asarray(each), length)
        return imported("pandas", "stats").DataFrame(columns)

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
