"""`Probe` and `fast_probe`: the layer series of a network, without its feature maps."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from .. import _core
from ..models import SpeechNetwork
from ._compile import describe, input_shape_of, run_in_torch, unwrap
from ._inputs import as_float32, check_all_finite, check_rate, check_shape, is_waveform, unpack
from ._layers import LayerInfo, LayerTable, describe_layers
from ._machine import for_estimates, for_planning
from ._native_engine import NativeEngine
from ._plan import Estimate, LayerPlan, Plan, choose_chunk, thread_count
from ._planner import Algorithm, Memory, choose_form
from ._reduce import Reduce, parse_reduction
from ._select import Selection, select_layers
from ._series import Series
from ._torch_engine import TorchEngine
from ._weights import Floats, UnsupportedOperation

At = Literal["post", "pre"]
Progress = Callable[[int, int], None]

_PRECISIONS = ("float32", "bfloat16")
_ALGORITHMS = ("auto", "direct", "spectral")
_MEMORY = ("normal", "low")
_FALLBACK_CHUNK = 16  # PyTorch holds every map of a chunk


class Probe:
    """A network made ready to be probed many times: planned, its weights packed.

    Parameters
    ----------
    net : torch.nn.Module
        From `convscope.models.build`, or any Sequential-like module of Conv1d, ConvTranspose1d, Linear, BatchNorm1d,
        pointwise activations, padding, nearest upsampling and reshapes. Anything else runs in PyTorch after one warning
        that names the operation. The module is only read: later changes of its weights are not seen. It is probed as in
        evaluation mode (running statistics, no dropout, no phase shuffle) whatever its mode, and its hooks are not run.
    layers : str, list of str, callable or None
        Names (``"conv4"``), patterns (``"conv*"``) or a predicate of the name; None for all.
    reduce : "mean" (the papers'), "rms", "max", or a fixed linear read-out
        A matrix R (K, C) gives K series ``R @ activation`` per layer, a vector (C,) one; a mapping has one for each layer.
    at : "post" or "pre"
        After the activation, as in the papers, or before it (batch normalisation included).
    precision : "float32" or "bfloat16"
        "bfloat16" multiplies numbers of 8 significant bits and adds in float32, in the layers that have a spectral form: for
        previews, with errors of some thousandths. It needs a processor with AVX512_BF16.
    algorithm : "auto", "direct" or "spectral"
        The spectral form multiplies three times less by working on windows of a layer's input in the frequency domain; its
        error is relative to the loudest value in a window (`verify` shows both). "auto" takes it layer by layer where it
        pays, "direct" nowhere, "spectral" wherever it exists; `plan` says which. Results have the same bits for every
        batch size, per plan.
    memory : "normal" or "low"
        "low" keeps to the direct form, whose packed weights are two to three times smaller.
    typical_batch : int, optional
        Samples per call to plan for; by default a plan weighs single samples and batches of 64.
    num_threads : int, optional
        Defaults to the processors this process may use. Results have the same bits for every number.
    chunk : int, optional
        Samples handed over at a time. The engine holds the maps of a few of them whatever the number, and results have the
        same bits for every one. A network whose samples influence each other (normalisation by the batch) runs whole batches, whatever is asked for.
    check_finite : bool
        Refuse NaN and infinite inputs, naming the first.
    input_shape : tuple of int, optional
        Of one sample, for modules that do not tell.
    sample_rate_hz : int, optional
        Of the waveform a module of your own reads or makes; 16000 if not given.

    Raises
    ------
    UnknownLayerError
        (a KeyError) when a layer pattern matches nothing.
    ValueError, TypeError
        for the other arguments, naming what was expected and what came.

    Examples
    --------
    >>> import numpy as np, convscope as cs
    >>> net = cs.models.build(cs.models.preset("tf1-ciwgan", role="generator", dim=4))
    >>> cs.Probe(net, layers="conv*").run(np.zeros((2, 100)))["conv4"].shape
    (2, 4096)
    """

    def __init__(
        self,
        net: nn.Module,
        layers: Selection = None,
        *,
        reduce: Reduce = "mean",
        at: At = "post",
        precision: str = "float32",
        algorithm: Algorithm = "auto",
        memory: Memory = "normal",
        typical_batch: int | None = None,
        num_threads: int | None = None,
        chunk: int | None = None,
        check_finite: bool = True,
        input_shape: tuple[int, ...] | None = None,
        sample_rate_hz: int | None = None,
    ) -> None:
        _one_of("precision", precision, _PRECISIONS)
        _one_of("algorithm", algorithm, _ALGORITHMS)
        _one_of("memory", memory, _MEMORY)
        _one_of("at", at, ("post", "pre"))
        _samples("chunk", chunk)
        _samples("typical_batch", typical_batch)
        if algorithm == "spectral" and memory == "low":
            raise ValueError('memory: "low" keeps to the direct form, got algorithm="spectral"')
        if precision == "bfloat16":
            _check_bfloat16(algorithm, memory)
        module = unwrap(net)
        if isinstance(module, SpeechNetwork):
            check_rate(sample_rate_hz, module.spec.sample_rate_hz)
        self._input_shape = input_shape_of(module, input_shape)
        self._num_threads = thread_count(num_threads)
        self._chunk = chunk
        self._check_finite = check_finite
        self._before_activation = at == "pre"

        self._native: NativeEngine | None = None
        self._fallback: TorchEngine | None = None
        self._whole_batch = False
        try:
            self._input_shape, spec, weights = describe(module, self._input_shape, sample_rate_hz)
            table = describe_layers(spec)
        except UnsupportedOperation as reason:
            self._fallback = run_in_torch(module, self._input_shape)
            self._whole_batch = self._fallback.mixes_samples()
            warnings.warn(_fallback_message(reason, self._fallback.ended_by), stacklevel=_caller_level())
            self._input_shape = self._fallback.input_shape
            table = _fallback_layers(self._fallback, sample_rate_hz)
        self._sample_rate_hz = table[0].sample_rate_hz
        chosen = select_layers(table.names, layers)
        self.layers = LayerTable(layer for layer in table if layer.name in chosen)
        self._reductions = {
            layer.name: parse_reduction(reduce, layer.name, layer.channels, layer.length > 0)
            for layer in self.layers
        }
        if self._fallback is None:
            machine = for_planning(_core.selected_isa())
            self._native = NativeEngine(
                spec,
                weights,
                self._reductions,
                before_activation=self._before_activation,
                choose=lambda layer: choose_form(
                    layer,
                    machine,
                    algorithm=algorithm,
                    memory=memory,
                    typical_batch=typical_batch,
                    bfloat16=precision == "bfloat16",
                ),
            )
        self._attributes: dict[str, str | int] = {
            "reduce": reduce if isinstance(reduce, str) else "readout",
            "at": at,
            "precision": precision,
            "engine": self.engine,
            "sample_rate_hz": self._sample_rate_hz,
        }

    @property
    def engine(self) -> str:
        """``"cpu"`` with its instruction set, or ``"torch"``."""
        return f"cpu ({self._native.isa})" if self._native is not None else "torch"

    @property
    def plan(self) -> Plan:
        """How each layer is computed."""
        if self._native is not None:
            return self._native.plan
        return Plan(LayerPlan(layer.name, "torch", 0, 0, 0, 0) for layer in self.layers)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return self._input_shape

    def __repr__(self) -> str:
        return f"Probe on {self.engine}, input (B, {', '.join(map(str, self._input_shape))})\n{self.layers}"

    def estimate(self, batch: int) -> Estimate:
        """Bytes and seconds for a batch, before anything runs.

        Raises
        ------
        ValueError
            for a network that runs in PyTorch: its needs are not known beforehand.
        """
        if self._native is None:
            raise ValueError(
                "estimate: this network runs in PyTorch, whose memory and time are not known beforehand"
            )
        if isinstance(batch, bool) or not isinstance(batch, int | np.integer) or batch < 0:
            raise ValueError(f"batch: expected a number of samples of at least 0, got {batch!r}")
        chunk = min(self._chunk_for(batch), batch)
        per_sample = sum(array.nbytes for array in self._native.empty(1).values())
        machine = for_estimates(self._native.isa, self._num_threads)
        return Estimate(
            batch=batch,
            chunk=chunk,
            multiply_adds=batch * sum(row.multiply_adds for row in self.plan),
            computed=batch * sum(row.computed for row in self.plan),
            weight_bytes=self._native.weight_bytes,
            workspace_bytes=self._native.workspace_bytes(chunk, self._num_threads) if batch else 0,
            series_bytes=batch * per_sample,
            seconds=sum(form.seconds(batch, machine, self._num_threads) for form in self._native.forms)
            if batch
            else 0.0,
        )

    def run(self, x: Any, *, sample_rate_hz: int | None = None, progress: Progress | None = None) -> Series:
        """Probe a batch.

        Parameters
        ----------
        x : array (B, latent variables) or (B, samples), NumPy or torch, or a batch of `convscope.data`
            Real numbers of any type; computed in float32.
        sample_rate_hz : int, optional
            Of these sounds; refused when it is not the network's. A batch of `convscope.data` brings its own.
        progress : callable, optional
            Called with (samples done, samples in all) after each chunk.

        Returns
        -------
        Series
            Float32 arrays (B, L) of the same kind, and for tensors on the same device, as ``x``.
        """
        x, sample_rate_hz, sources = unpack(x, sample_rate_hz)
        check_rate(sample_rate_hz, self._sample_rate_hz)
        check_shape(tuple(np.shape(x)), self._input_shape)
        values = as_float32(x).reshape(len(x), *self._input_shape)
        if self._check_finite:
            stride = self._chunk_for(len(values))
            for first in range(0, len(values), stride):
                check_all_finite(values[first : first + stride], first)
        arrays = self._run_chunks(values, progress)
        return Series(
            {n: _like(x, self._squeezed(n, a)) for n, a in arrays.items()},
            self.layers,
            self._attributes,
            sources,
        )

    __call__ = run

    def _run_chunks(self, x: Floats, progress: Progress | None) -> dict[str, Floats]:
        step = self._chunk_for(len(x))
        whole = {
            layer.name: np.empty(
                (len(x), self._reductions[layer.name].count, max(layer.length, 1)), np.float32
            )
            for layer in self.layers
        }
        for first in range(0, len(x), step):
            part = slice(first, min(first + step, len(x)))
            if self._native is not None:
                self._native.run(
                    x[part], {name: array[part] for name, array in whole.items()}, self._num_threads
                )
            else:
                self._run_fallback(x[part], {name: array[part] for name, array in whole.items()})
            if progress is not None:
                progress(part.stop, len(x))
        return whole

    def _run_fallback(self, x: Floats, out: dict[str, Floats]) -> None:
        assert self._fallback is not None
        names, reductions = list(self._reductions), list(self._reductions.values())
        series = self._fallback.run(x, names, reductions, before_activation=self._before_activation)
        for name, values in zip(names, series, strict=True):
            out[name][...] = values

    def _chunk_for(self, batch: int) -> int:
        if self._whole_batch:
            return max(batch, 1)
        if self._chunk is not None:
            return int(self._chunk)
        if self._native is None:
            return _FALLBACK_CHUNK
        return choose_chunk(batch)

    def _squeezed(self, name: str, array: Floats) -> Floats:
        """(B, K, L) to what the user asked for."""
        layer, reduction = self._layer(name), self._reductions[name]
        if reduction.flat:
            return array[:, 0]  # (B, L)
        return array if layer.length > 0 else array[:, :, 0]  # (B, K, L) or (B, n)

    def _layer(self, name: str) -> LayerInfo:
        return next(layer for layer in self.layers if layer.name == name)


def fast_probe(
    net: nn.Module,
    x: Any,
    *,
    layers: Selection = None,
    reduce: Reduce = "mean",
    at: At = "post",
    precision: str = "float32",
    algorithm: Algorithm = "auto",
    memory: Memory = "normal",
    typical_batch: int | None = None,
    num_threads: int | None = None,
    chunk: int | None = None,
    check_finite: bool = True,
    sample_rate_hz: int | None = None,
    progress: Progress | None = None,
) -> Series:
    """Average each layer's activations over channels, as time series, without storing a feature map.

        series[layer][b, t] = mean over c of activation(layer)[b, c, t]

    Plans, packs the weights and runs; use `Probe` to do the first two once. Arguments are those of `Probe` and
    `Probe.run`.

    Parameters
    ----------
    net : torch.nn.Module
        A generator, Q-network or discriminator, or any Sequential-like 1-D convolutional network.
    x : array
        Latents (B, variables) or waveforms (B, samples); NumPy or torch.

    Returns
    -------
    Series
        ``series["conv4"]`` is (B, L) float32, NumPy or torch like ``x``.

    Source
    ------
    Beguš & Zhou 2022, "Interpreting Intermediate Convolutional Layers of Generative CNNs Trained on Waveforms"
    (IEEE/ACM TASLP), equation 4.

    Examples
    --------
    >>> import numpy as np, convscope as cs
    >>> net = cs.models.build(cs.models.preset("tf1-ciwgan", role="q_network", num_categories=8, dim=4))
    >>> cs.fast_probe(net, np.zeros((1, 16384)), layers="conv5")["conv5"].shape
    (1, 16)
    """
    values, rate, _ = unpack(x, sample_rate_hz)
    module = unwrap(net)
    ours = isinstance(module, SpeechNetwork)
    probe = Probe(
        module,
        layers,
        reduce=reduce,
        at=at,
        precision=precision,
        algorithm=algorithm,
        memory=memory,
        typical_batch=typical_batch,
        num_threads=num_threads,
        chunk=chunk,
        check_finite=check_finite,
        input_shape=None if ours else _sample_shape(values),
        sample_rate_hz=rate,
    )
    return probe.run(x, sample_rate_hz=sample_rate_hz, progress=progress)


def _sample_shape(x: Any) -> tuple[int, ...]:
    shape = tuple(np.shape(x))
    if len(shape) < 2:
        raise ValueError(f"input: expected a batch (B, ...), got {shape}")
    return shape[1:]


def _one_of(field: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{field}: expected {' or '.join(map(repr, known))}, got {value!r}")


def _check_bfloat16(algorithm: str, memory: str) -> None:
    if algorithm == "direct" or memory == "low":
        raise ValueError(
            'precision: bfloat16 products exist in the spectral form only, got algorithm="direct" or memory="low"'
        )
    if not _core.has_bfloat16():
        raise ValueError(
            "precision: bfloat16 needs a processor with AVX512_BF16 and the avx512 kernels, "
            f"got the kernels for {_core.selected_isa()}"
        )


def _samples(field: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{field}: expected a number of samples of at least 1, got {value!r}")


def _like(x: Any, array: Floats) -> Any:
    return torch.from_numpy(array).to(x.device) if isinstance(x, torch.Tensor) else array


def _fallback_layers(engine: TorchEngine, sample_rate_hz: int | None) -> LayerTable:
    shape = engine.input_shape
    return LayerTable(
        LayerInfo(
            name=name,
            kind="torch",
            channels=channels,
            length=length,
            activation="-",
            slice_len=shape[-1] if is_waveform(shape) else 0,
            sample_rate_hz=sample_rate_hz or 16000,
            field=None,
        )
        for name, (channels, length) in engine.layers.items()
    )


def _fallback_message(reason: Exception, ended_by: dict[str, str]) -> str:
    message = f"probing in PyTorch: the engine has no operation for {reason}"
    if ended_by:
        taken = ", ".join(f"{layer} (before {function})" for layer, function in ended_by.items())
        message += f"; taken without an activation of their own: {taken}"
    return message


def _caller_level() -> int:
    """Warn at the line outside this package that asked for a probe."""
    import sys

    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("convscope."):
        level, frame = level + 1, frame.f_back
    return level
