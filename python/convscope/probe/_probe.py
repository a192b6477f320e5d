"""`Probe` and `fast_probe`: the layer series of a network, without its feature maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from .. import _core
from ..models import SpeechNetwork
from ._caller import warn_caller
from ._compile import describe, input_shape_of, run_in_torch, unwrap
from ._cuda_device import choose_device
from ._cuda_engine import CudaEngine
from ._inputs import (
    as_float32,
    as_float32_tensor,
    check_all_finite,
    check_rate,
    check_shape,
    from_device,
    is_waveform,
    unpack,
)
from ._layers import LayerInfo, LayerTable, describe_layers
from ._machine import for_planning
from ._native_engine import NativeEngine
from ._operator import register
from ._plan import Estimate, Plan, thread_count
from ._planner import Algorithm, Memory, choose_form
from ._reduce import Reduce, parse_reduction
from ._runners import CpuRunner, CudaRunner, Progress, Runner, TorchRunner
from ._select import Selection, select_layers
from ._series import Series
from ._torch_engine import TorchEngine
from ._weights import Floats, UnsupportedOperation

At = Literal["post", "pre"]
_PRECISIONS = {"cpu": ("float32", "bfloat16"), "cuda": ("float32", "float16")}
_ALGORITHMS = ("auto", "direct", "spectral")
_MEMORY = ("normal", "low")


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
    device : str or torch.device, optional
        ``"cpu"``, ``"cuda"`` or one GPU by number (``"cuda:1"``); by default where the network is, or the processor. On a GPU,
        tensors that lie there are computed in place and in their stream, and the series stay there; everything else goes
        through it in chunks. See ``convscope info`` for whether there is one.
    precision : "float32", "bfloat16" or "float16"
        "bfloat16" multiplies numbers of 8 significant bits and adds in float32, in the layers that have a spectral form: for
        previews, with errors of some thousandths. It needs a processor with AVX512_BF16. "float16" is the GPU's, three times as
        fast as its "float32" and exact to a thousandth; a value that it cannot hold makes its series NaN.
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
        Samples handed over at a time. On a processor the engine holds the maps of a few of them whatever the number, on a GPU
        those of two layers of all of them. Results have the same bits for every one. A network whose samples influence each other (normalisation by the batch) runs whole batches, whatever is asked for.
    check_finite : bool
        Refuse NaN and infinite inputs, naming the first; those that lie on a GPU are not looked at.
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
    UnusableDeviceError
        (a RuntimeError) for a GPU that is not there or cannot be used, saying why; torch.cuda.OutOfMemoryError names a chunk that would fit.

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
        device: str | torch.device | None = None,
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
        _one_of("algorithm", algorithm, _ALGORITHMS)
        _one_of("memory", memory, _MEMORY)
        _one_of("at", at, ("post", "pre"))
        _samples("chunk", chunk)
        _samples("typical_batch", typical_batch)
        chunk = None if chunk is None else int(chunk)
        if algorithm == "spectral" and memory == "low":
            raise ValueError('memory: "low" keeps to the direct form, got algorithm="spectral"')
        module = unwrap(net)
        if isinstance(module, SpeechNetwork):
            check_rate(sample_rate_hz, module.spec.sample_rate_hz)
        self._input_shape = input_shape_of(module, input_shape)
        self._check_finite = check_finite
        place = choose_device(device, module)
        _check_precision(precision, algorithm, memory, place)
        threads = thread_count(num_threads)
        before_activation = at == "pre"

        fallback: TorchEngine | None = None
        try:
            self._input_shape, spec, weights = describe(module, self._input_shape, sample_rate_hz)
            table = describe_layers(spec)
        except UnsupportedOperation as reason:
            fallback = run_in_torch(module, self._input_shape)
            warn_caller(_fallback_message(reason, fallback.ended_by))
            self._input_shape = fallback.input_shape
            table = _fallback_layers(fallback, sample_rate_hz)
        self._sample_rate_hz = table[0].sample_rate_hz
        chosen = select_layers(table.names, layers)
        self.layers = LayerTable(layer for layer in table if layer.name in chosen)
        self._reductions = {
            layer.name: parse_reduction(reduce, layer.name, layer.channels, layer.length > 0)
            for layer in self.layers
        }
        self._runner: Runner
        if fallback is not None:
            self._runner = TorchRunner(
                fallback, self._reductions, before_activation=before_activation, chunk=chunk
            )
        elif place.type == "cuda":
            engine = CudaEngine(
                spec,
                weights,
                self._reductions,
                place,
                before_activation=before_activation,
                precision=precision,
                chunk=chunk,
            )
            self._runner = CudaRunner(engine, place, precision)
        else:
            machine = for_planning(_core.selected_isa())
            native = NativeEngine(
                spec,
                weights,
                self._reductions,
                before_activation=before_activation,
                choose=lambda layer: choose_form(
                    layer,
                    machine,
                    algorithm=algorithm,
                    memory=memory,
                    typical_batch=typical_batch,
                    bfloat16=precision == "bfloat16",
                ),
            )
            self._runner = CpuRunner(native, threads, chunk)
        self._attributes: dict[str, str | int] = {
            "reduce": reduce if isinstance(reduce, str) else "readout",
            "at": at,
            "precision": "float32" if fallback is not None else precision,
            "engine": self.engine,
            "sample_rate_hz": self._sample_rate_hz,
        }
        self._number = register(self)

    @property
    def engine(self) -> str:
        """``"cpu"`` with its instruction set, ``"cuda"`` with its precision, or ``"torch"``."""
        return self._runner.name

    @property
    def plan(self) -> Plan:
        """How each layer is computed."""
        return self._runner.plan

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
        if isinstance(batch, bool) or not isinstance(batch, int | np.integer) or batch < 0:
            raise ValueError(f"batch: expected a number of samples of at least 0, got {batch!r}")
        return self._runner.estimate(int(batch))

    def run(
        self,
        x: Any,
        *,
        sample_rate_hz: int | None = None,
        out: Mapping[str, Floats] | None = None,
        progress: Progress | None = None,
    ) -> Series:
        """Probe a batch.

        Parameters
        ----------
        x : array (B, latent variables) or (B, samples), NumPy or torch, or a batch of `convscope.data`
            Real numbers of any type; computed in float32.
        sample_rate_hz : int, optional
            Of these sounds; refused when it is not the network's. A batch of `convscope.data` brings its own.
        out : mapping from layers to arrays, optional
            C-contiguous float32 NumPy arrays of the shapes that would be returned, to put the series of these layers in; for batches
            that do not lie on a GPU.
        progress : callable, optional
            Called with (samples done, samples in all) after each chunk; not for tensors on a GPU, which nobody waits for.

        Returns
        -------
        Series
            Float32 arrays (B, L) of the same kind, and for tensors on the same device, as ``x``; tensors for arrays of other
            libraries on a GPU, which are taken by DLPack.
        """
        x, sample_rate_hz, sources = unpack(from_device(x), sample_rate_hz)
        check_rate(sample_rate_hz, self._sample_rate_hz)
        check_shape(tuple(np.shape(x)), self._input_shape)
        if isinstance(self._runner, CudaRunner) and isinstance(x, torch.Tensor) and x.is_cuda:
            if out is not None:
                raise ValueError("out: for batches in host memory only, got a tensor on a GPU")
            arrays: Mapping[str, Any] = self._runner.run_tensor(as_float32_tensor(x))
        else:
            values = as_float32(x).reshape(len(x), *self._input_shape)
            if self._check_finite:
                stride = self._runner.chunk_for(len(values))
                for first in range(0, len(values), stride):
                    check_all_finite(values[first : first + stride], first)
            empty = self._places(len(values), out or {})
            self._runner.run(values, empty, progress or _unheard)
            arrays = {name: _like(x, array) for name, array in empty.items()}
        return Series(
            {name: self._squeezed(name, array) for name, array in arrays.items()},
            self.layers,
            self._attributes,
            sources,
        )

    __call__ = run

    def operator(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """`run` as the functional operator ``torch.ops.convscope.probe``, for code that is compiled or captured as a graph.

        Parameters
        ----------
        x : torch.Tensor (B, ...)

        Returns
        -------
        dict
            The series (B, L) by layer, on the device of ``x``; without a gradient.
        """
        return dict(zip(self._reductions, torch.ops.convscope.probe(x, self._number), strict=True))

    @property
    def series_shapes(self) -> list[tuple[int, ...]]:
        """Of one sample, by layer."""
        return [
            self._squeezed(
                layer.name, np.empty((0, self._reductions[layer.name].count, max(layer.length, 1)))
            ).shape[1:]
            for layer in self.layers
        ]

    def _places(self, batch: int, out: Mapping[str, Floats]) -> dict[str, Floats]:
        """(B, K, L) of each layer: views of the arrays given, new ones for the rest."""
        unknown = out.keys() - set(self.layers.names)
        if unknown:
            raise ValueError(
                f"out: expected layers of {', '.join(self.layers.names)}, got {', '.join(unknown)}"
            )
        places: dict[str, Floats] = {}
        for layer, shape in zip(self.layers, self.series_shapes, strict=True):
            whole = (batch, self._reductions[layer.name].count, max(layer.length, 1))
            given = out.get(layer.name)
            if given is None:
                places[layer.name] = np.empty(whole, np.float32)
                continue
            fits = isinstance(given, np.ndarray) and given.dtype == np.float32 and given.flags.c_contiguous
            if not fits or given.shape != (batch, *shape) or not given.flags.writeable:
                got = (
                    f"{given.dtype} {given.shape}" if isinstance(given, np.ndarray) else type(given).__name__
                )
                raise ValueError(
                    f"out: expected a writeable C-contiguous float32 array {(batch, *shape)} for {layer.name}, got {got}"
                )
            places[layer.name] = given.reshape(whole)
        return places

    def _squeezed(self, name: str, array: Any) -> Any:
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
    device: str | torch.device | None = None,
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
    x = from_device(x)
    values, rate, _ = unpack(x, sample_rate_hz)
    module = unwrap(net)
    ours = isinstance(module, SpeechNetwork)
    probe = Probe(
        module,
        layers,
        reduce=reduce,
        at=at,
        device=values.device if device is None and getattr(values, "is_cuda", False) else device,
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


def _check_precision(precision: str, algorithm: str, memory: str, device: torch.device) -> None:
    _one_of("precision", precision, _PRECISIONS[device.type])
    if device.type == "cuda" and algorithm == "spectral":
        raise ValueError('algorithm: a GPU computes the direct form only, got "spectral"')
    if precision != "bfloat16":
        return
    if algorithm == "direct" or memory == "low":
        raise ValueError(
            'precision: bfloat16 products exist in the spectral form only, got algorithm="direct" or memory="low"'
        )
    if not _core.has_bfloat16():
        raise ValueError(
            "precision: bfloat16 needs a processor with AVX512_BF16 and the avx512 kernels, "
            f"got the kernels for {_core.selected_isa()}"
        )


def _unheard(done: int, count: int) -> None:
    """Progress that nobody asked for."""


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
