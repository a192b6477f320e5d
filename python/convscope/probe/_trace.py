"""From any Sequential-like torch module to a `NetworkSpec` and its weights, through torch.fx.

The graph is walked once, in order, with the shape of the running value; what the engine has no operation for raises
`UnsupportedOperation` with its name. Nothing is executed and the module is not changed. Layers are called after the
convolution or linear module that begins them.

Values are followed as (B, C, L) maps, as (B, L, C) transposed maps, or flat as (B, F) with the map they came from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
import torch.fx
from torch import nn

from ..models import Activation, Conv, Dense, Layer, NetworkSpec, Norm
from ._graph import BATCH, graph_of, label_of, show_shape
from ._weights import LayerWeights, UnsupportedOperation, as_array, read_norm


@dataclass(frozen=True, slots=True)
class _Value:
    """The running value: ``layout`` "map" (B, C, L), "transposed" (B, L, C) or "flat" (B, L * C) in ``order``."""

    layout: Literal["map", "transposed", "flat"]
    channels: int
    length: int
    order: Literal["channels_first", "channels_last"] = "channels_first"


def trace(
    module: nn.Module, input_shape: tuple[int, ...], sample_rate_hz: int
) -> tuple[NetworkSpec, dict[str, LayerWeights]]:
    """Describe a module.

    Parameters
    ----------
    module : parameters on any device but meta.
    input_shape : of one sample: (features,), (samples,) or (channels, samples).
    sample_rate_hz : of the waveform it reads or makes.

    Raises
    ------
    UnsupportedOperation
        naming the operation that has no place in the engine.
    """
    graph = graph_of(module)
    walk = _Walk(module, input_shape)
    for node in graph.nodes:
        walk.visit(node)
    layers = walk.finish()
    return _describe(layers, walk, input_shape, sample_rate_hz), walk.weights


def _describe(
    layers: list[Layer], walk: _Walk, input_shape: tuple[int, ...], sample_rate_hz: int
) -> NetworkSpec:
    first, start, end = layers[0], walk.start, walk.value
    reads_latents = isinstance(first, Dense) and first.in_positions == 1
    reads_sound = start.layout == "map" and start.channels == 1 and start.length > 1
    makes_sound = not reads_sound and end.layout == "map" and end.channels == 1 and end.length > start.length
    return NetworkSpec(
        name="torch.fx",
        role="custom",
        layers=tuple(layers),
        in_length=1 if reads_latents else start.length,
        in_channels=first.in_channels,
        slice_len=start.length if reads_sound else (end.length if makes_sound else 0),
        sample_rate_hz=sample_rate_hz,
        makes_sound=makes_sound,
    )


class _Walk:
    def __init__(self, module: nn.Module, input_shape: tuple[int, ...]) -> None:
        self._modules = dict(module.named_modules())
        self.start = _start(input_shape)
        self.value = self.start
        self.weights: dict[str, LayerWeights] = {}
        self._rank = len(input_shape) + 1
        self._done: list[Layer] = []
        self._open: Layer | None = None  # may still take a normalisation, an activation, a crop or a shape
        self._upsample = 1
        self._pad = (0, 0)
        self._env: dict[torch.fx.Node, object] = {}
        self._newest: torch.fx.Node | None = None

    def finish(self) -> list[Layer]:
        self._close()
        if not self._done:
            raise UnsupportedOperation("a module without a convolution or linear layer")
        self._refuse_pending("output")
        return self._done

    def visit(self, node: torch.fx.Node) -> None:
        if node.op == "placeholder":
            if self._newest is not None:
                raise UnsupportedOperation(f"a second input ({node.name})")
            self._newest = node
        elif node.op == "output":
            if node.args[0] is not self._newest:
                raise UnsupportedOperation("an output that is not the last layer's")
        elif not self._asks_for_size(node):
            args = list(torch.fx.map_arg(node.args, self._known))
            if label_of(node) == "mul" and len(args) == 2 and args[1] is self._newest:
                args.reverse()
            if node.op == "get_attr" or not args or args[0] is not self._newest:
                raise UnsupportedOperation(f"{label_of(node)} on anything but the layer before ({node.name})")
            if node.op == "call_module":
                self._call_module(str(node.target), self._modules[str(node.target)])
            else:
                self._call_function(label_of(node), node, args[1:], dict(node.kwargs))
            self._newest = node

    def _known(self, node: torch.fx.Node) -> Any:
        """A size that was asked for, or the node itself."""
        return self._env.get(node, node)

    def _asks_for_size(self, node: torch.fx.Node) -> bool:
        """``x.size(0)``, ``x.shape[0]`` and the like: only the batch size is unknown."""
        label, shape = label_of(node), [BATCH, *self._shape()]
        on_newest = bool(node.args) and node.args[0] is self._newest
        if on_newest and (label == "size" or (label == "getattr" and node.args[1] == "shape")):
            whole = len(node.args) == 1 or label == "getattr"
            self._env[node] = shape if whole else shape[int(node.args[1])]  # type: ignore[arg-type]
            return True
        source = (
            self._env.get(node.args[0]) if node.args and isinstance(node.args[0], torch.fx.Node) else None
        )
        if isinstance(source, list) and label == "getitem":
            self._env[node] = source[node.args[1]]  # type: ignore[index]
            return True
        return False

    def _shape(self) -> list[int]:
        value = self.value
        return {
            "map": [value.channels, value.length],
            "transposed": [value.length, value.channels],
            "flat": [value.channels * value.length],
        }[value.layout]

    # -- modules ------------------------------------------------------------------------------------------------------

    def _call_module(self, name: str, module: nn.Module) -> None:
        match module:
            case nn.Identity() | nn.Dropout() | nn.Dropout1d():
                pass
            case nn.Linear():
                self._linear(name, module)
            case nn.Conv1d() | nn.ConvTranspose1d():
                self._conv(name, module)
            case nn.BatchNorm1d():
                self._norm(name, module)
            case nn.ReLU():
                self._activate(Activation("relu"), name)
            case nn.LeakyReLU():
                self._activate(Activation("leaky_relu", module.negative_slope), name)
            case nn.Tanh():
                self._activate(Activation("tanh"), name)
            case nn.Sigmoid():
                self._activate(Activation("sigmoid"), name)
            case nn.Flatten(start_dim=1, end_dim=-1):
                self._flatten()
            case nn.Unflatten(dim=1 | -1):
                self._reshape([BATCH, *module.unflattened_size], name)
            case nn.ConstantPad1d(value=0) | nn.ZeroPad1d():
                self._zero_pad(module.padding, name)
            case nn.Upsample(mode="nearest", size=None):
                self._repeat(module.scale_factor, name)
            case _:
                raise UnsupportedOperation(f"{type(module).__name__} ({name})")

    def _refuse_pending(self, name: str) -> None:
        if self._upsample != 1 or self._pad != (0, 0):
            raise UnsupportedOperation(f"upsampling or padding that no convolution follows ({name})")

    def _begin(self, name: str, layer: Layer, weights: LayerWeights) -> None:
        self._close()
        if any(done.name == name for done in self._done):
            raise UnsupportedOperation(f"a module that is used twice ({name})")
        self._open, self.weights[name] = layer, weights

    def _close(self) -> None:
        if self._open is not None:
            self._done.append(self._open)
        self._open = None

    def _linear(self, name: str, module: nn.Linear) -> None:
        self._refuse_pending(name)
        value = self.value
        if value.layout == "flat" and value.channels * value.length != module.in_features:
            raise ValueError(
                f"input: layer {name!r} expected {module.in_features} values, got {value.channels * value.length} "
                "from an input of this shape"
            )
        if value.layout != "flat":
            raise UnsupportedOperation(f"Linear over {self._shape()} ({name})")
        layer = Dense(
            name=name,
            in_positions=value.length,
            in_channels=value.channels,
            out_channels=module.out_features,
            order=value.order,
            bias=module.bias is not None,
        )
        self._begin(name, layer, LayerWeights(as_array(module.weight), _bias(module)))
        self.value = _Value("flat", module.out_features, 1)

    def _conv(self, name: str, module: nn.Conv1d | nn.ConvTranspose1d) -> None:
        if self.value.layout != "map":
            raise UnsupportedOperation(f"{type(module).__name__} over {self._shape()} ({name})")
        if self.value.channels != module.in_channels:
            raise ValueError(
                f"input: layer {name!r} expected {module.in_channels} channels, got {self.value.channels} "
                "from an input of this shape"
            )
        if module.groups != 1 or module.padding_mode != "zeros":
            raise UnsupportedOperation(
                f"{type(module).__name__} with groups={module.groups}, padding_mode={module.padding_mode!r} ({name})"
            )
        transposed = isinstance(module, nn.ConvTranspose1d)
        left, right = _padding(module)
        if isinstance(module, nn.ConvTranspose1d):
            if self._upsample != 1 or self._pad != (0, 0):
                raise UnsupportedOperation(f"upsampling or padding before ConvTranspose1d ({name})")
            right -= module.output_padding[0]
        layer = Conv(
            name=name,
            in_channels=module.in_channels,
            out_channels=module.out_channels,
            kernel=module.kernel_size[0],
            stride=module.stride[0],
            padding=(left + self._pad[0], right + self._pad[1]),
            dilation=module.dilation[0],
            transposed=transposed,
            upsample=self._upsample,
            bias=module.bias is not None,
        )
        if self._upsample > 1 and left + right > 0 and self._pad != (0, 0):
            raise UnsupportedOperation(f"padding twice after upsampling ({name})")
        self._upsample, self._pad = 1, (0, 0)
        self._begin(name, layer, LayerWeights(as_array(module.weight), _bias(module)))
        self.value = _Value("map", layer.out_channels, layer.out_length(self.value.length))

    def _norm(self, name: str, module: nn.BatchNorm1d) -> None:
        layer = self._open
        if layer is None or layer.norm is not None or layer.activation != Activation():
            raise UnsupportedOperation(
                f"BatchNorm1d that does not follow a convolution or linear layer ({name})"
            )
        if module.num_features != layer.out_channels or self.value.layout == "transposed":
            raise UnsupportedOperation(f"BatchNorm1d over {self._shape()} ({name})")
        self.weights[layer.name] = replace(self.weights[layer.name], norm=read_norm(name, module))
        self._open = replace(layer, norm=Norm(module.eps, module.momentum or 0.0))

    def _activate(self, activation: Activation, name: str) -> None:
        if self._open is None or self._open.activation != Activation():
            raise UnsupportedOperation(
                f"{activation.kind} that does not follow a convolution or linear layer ({name})"
            )
        self._open = replace(self._open, activation=activation)

    # -- functions and methods ----------------------------------------------------------------------------------------

    def _call_function(
        self, label: str, node: torch.fx.Node, args: list[Any], kwargs: dict[str, Any]
    ) -> None:
        activation = {
            "relu": Activation("relu"),
            "tanh": Activation("tanh"),
            "sigmoid": Activation("sigmoid"),
        }.get(label)
        if activation is not None:
            self._activate(activation, node.name)
        elif label == "leaky_relu":
            self._activate(
                Activation("leaky_relu", kwargs.get("negative_slope", args[0] if args else 0.01)), node.name
            )
        elif label == "mul" and args and isinstance(args[0], int | float):
            self._scale(float(args[0]), node.name)
        elif label in ("view", "reshape"):
            self._reshape(list(args[0]) if args and isinstance(args[0], list | tuple) else args, node.name)
        elif label == "unflatten" and args[0] in (1, -1):
            self._reshape([BATCH, *args[1]], node.name)
        elif label == "flatten" and (kwargs or {"start_dim": args[0] if args else 0}) == {"start_dim": 1}:
            self._flatten()
        elif (label in ("transpose", "swapaxes") and {a % 3 for a in args} == {1, 2}) or (
            label == "permute" and tuple(args[0] if isinstance(args[0], tuple | list) else args) == (0, 2, 1)
        ):
            self._transpose(node.name)
        elif label == "contiguous" or (
            label == "dropout" and kwargs.get("training", args[1:2] == [False]) is False
        ):
            pass
        elif (
            label == "unsqueeze"
            and args[0] in (1, -2)
            and self._open is None
            and not self._done
            and self._rank == 2
        ):
            self.value = self.start = _Value("map", 1, self.value.channels * self.value.length)
        elif label == "pad" and kwargs.get("mode", args[1] if len(args) > 1 else "constant") == "constant":
            fill = kwargs.get("value", args[2] if len(args) > 2 else None)
            self._zero_pad(args[0] if args else kwargs["pad"], node.name, fill or 0)
        elif (
            label == "getitem"
            and isinstance(args[0], tuple)
            and args[0][:-1] in ((...,), (slice(None), slice(None)))
        ):
            self._crop(args[0][-1], node.name)
        else:
            raise UnsupportedOperation(f"{label} ({node.name})")

    def _scale(self, factor: float, name: str) -> None:
        if (
            self._open is None
            or self._open.activation.kind == "identity"
            or self._open.activation.scale != 1.0
        ):
            raise UnsupportedOperation(f"a product that does not follow an activation ({name})")
        self._open = replace(self._open, activation=replace(self._open.activation, scale=factor))

    def _flatten(self) -> None:
        value = self.value
        if value.layout != "flat":
            order: Literal["channels_first", "channels_last"] = (
                "channels_first" if value.layout == "map" else "channels_last"
            )
            self.value = _Value("flat", value.channels, value.length, order)

    def _reshape(self, shape: list[Any], name: str) -> None:
        if not (shape[0] is BATCH or shape[0] == -1) or len(shape) not in (2, 3):
            raise UnsupportedOperation(f"a reshape to {show_shape(shape)} ({name})")
        size = self.value.channels * self.value.length
        sizes = list(shape[1:])
        if sizes.count(-1) == 1:
            known = 1
            for part in sizes:
                known *= part if part != -1 else 1
            sizes[sizes.index(-1)] = size // known
        if len(sizes) == 1 and sizes[0] == size:
            self._flatten()
        elif (layer := self._shapeable()) is not None and sizes[0] * sizes[1] == size:
            order = _order(layer, "channels_first", name)
            self._open = replace(layer, out_channels=sizes[0], out_positions=sizes[1], order=order)
            self.value = _Value("map", sizes[0], sizes[1])
        elif sizes != self._shape():
            raise UnsupportedOperation(f"a reshape to {show_shape(shape)} ({name})")

    def _shapeable(self) -> Dense | None:
        """A dense layer whose flat result is still to be given its axes."""
        layer = self._open
        is_flat = self.value.layout == "flat" and isinstance(layer, Dense) and layer.norm is None
        return layer if is_flat and isinstance(layer, Dense) and layer.out_positions == 1 else None

    def _transpose(self, name: str) -> None:
        value, layer = self.value, self._open
        if value.layout == "flat":
            raise UnsupportedOperation(f"transpose of a flat value ({name})")
        if isinstance(layer, Dense) and value.layout == "map" and layer.norm is None:
            # The dense result was laid out (B, L, C): what looked like channels are positions.
            self._open = replace(
                layer,
                out_channels=value.length,
                out_positions=value.channels,
                order=_order(
                    layer, "channels_last" if layer.order == "channels_first" else "channels_first", name
                ),
            )
            self.value = _Value("map", value.length, value.channels)
        else:
            layout: Literal["map", "transposed"] = "transposed" if value.layout == "map" else "map"
            self.value = replace(value, layout=layout)

    def _zero_pad(self, padding: Any, name: str, fill: float = 0) -> None:
        pair = (padding, padding) if isinstance(padding, int) else tuple(padding)
        if self.value.layout != "map" or len(pair) != 2 or fill != 0 or min(pair) < 0 or self._pad != (0, 0):
            raise UnsupportedOperation(f"pad by {pair} with {fill} ({name})")
        self._close()
        self._pad = pair

    def _repeat(self, factor: Any, name: str) -> None:
        if self.value.layout != "map" or factor != int(factor) or self._upsample != 1 or self._pad != (0, 0):
            raise UnsupportedOperation(f"nearest upsampling by {factor} ({name})")
        self._close()
        self._upsample = int(factor)

    def _crop(self, part: Any, name: str) -> None:
        layer = self._open
        usable = (
            isinstance(part, slice)
            and part.step is None
            and part.stop is not None
            and self.value.layout == "map"
        )
        if not usable or not isinstance(layer, Conv) or not layer.transposed:
            raise UnsupportedOperation(f"a slice that does not crop a transposed convolution ({name})")
        start, stop, _ = part.indices(self.value.length)
        left, right = layer.padding
        self._open = replace(layer, padding=(left + start, right + self.value.length - stop))
        self.value = replace(self.value, length=stop - start)


def _start(input_shape: tuple[int, ...]) -> _Value:
    match input_shape:
        case (features,):
            return _Value("flat", features, 1)
        case (channels, length):
            return _Value("map", channels, length)
    raise UnsupportedOperation(f"an input of shape (B, {', '.join(map(str, input_shape))})")


def _order(
    layer: Dense, order: Literal["channels_first", "channels_last"], name: str
) -> Literal["channels_first", "channels_last"]:
    if layer.in_positions > 1 and layer.order != order:
        raise UnsupportedOperation(f"a dense layer flattened one way and unflattened another ({name})")
    return order


def _padding(module: nn.Conv1d | nn.ConvTranspose1d) -> tuple[int, int]:
    if module.padding == "valid":
        return 0, 0
    if module.padding == "same":
        total = module.dilation[0] * (module.kernel_size[0] - 1)
        return total // 2, total - total // 2
    assert not isinstance(module.padding, str)
    return module.padding[0], module.padding[0]


def _bias(module: nn.Linear | nn.Conv1d | nn.ConvTranspose1d) -> Any:
    return None if module.bias is None else as_array(module.bias)
