"""Watches a torch module run and keeps each layer's activation, without hooks.

A `TorchFunctionMode` sees every torch function as it is called. A convolution or linear map begins a layer, named after the
parameter or submodule that its weight belongs to. Normalisation, activation, reshaping, cropping in time and factors
continue it. Any other function ends it: where no activation has come by then, the layer is taken as it is, and
`Recorder.ended_by` says which function ended it, because no list of activations can be complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode

_BEGINS = {"conv1d", "conv_transpose1d", "linear"}
_NORMALISES = {"batch_norm", "instance_norm", "group_norm", "layer_norm"}
_ACTIVATES = {
    "relu", "leaky_relu", "tanh", "sigmoid", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign",
    "hardtanh", "relu6", "prelu", "rrelu", "hardswish", "hardsigmoid", "logsigmoid", "threshold", "clamp", "clip", "sin",
    "softmax", "log_softmax", "softshrink", "hardshrink", "tanhshrink",
}  # fmt: skip
_RESHAPES = {"view", "reshape", "flatten", "unflatten", "unsqueeze", "squeeze", "__getitem__", "narrow"}
_TURNS = {"transpose", "swapaxes", "permute", "movedim"}
_SCALES = {
    "mul",
    "multiply",
    "div",
    "true_divide",
    "divide",
    "add",
    "sub",
    "neg",
}  # by a number, not a tensor
_COPIES = {"contiguous", "clone", "dropout", "detach"}
_LOOKS = {"size", "dim", "__len__", "numel", "__get__", "is_floating_point", "stride"}


@dataclass(frozen=True, slots=True)
class Activity:
    """One layer's value before and after its activation: (B, C, L), or (B, C) without a time axis.

    ``channel_axis`` follows transposes; None while a dense result has not been given its axes.
    """

    layer: str
    before: Tensor
    after: Tensor
    channel_axis: int | None
    is_activated: bool = False

    def channels_first(self) -> Activity:
        """With axes (B, C, L)."""
        if self.channel_axis != 2:
            return self
        before, after = self.before.transpose(1, 2), self.after.transpose(1, 2)
        return replace(self, before=before, after=after, channel_axis=1)


class Recorder(TorchFunctionMode):
    """Collects `Activity` by layer while a module runs inside ``with recorder:``.

    Parameters
    ----------
    module : whose parameters name the layers.
    layer_of : from a parameter's name to its layer's.
    one_layer_per_name : several linear maps of one name are one layer (our class embedding); else a second use of a layer
        is ``name#2``.
    """

    def __init__(
        self, module: nn.Module, layer_of: Callable[[str], str], *, one_layer_per_name: bool
    ) -> None:
        super().__init__()
        self.ended_by: dict[
            str, str
        ] = {}  # layer without an activation of its own -> the function that came instead
        self._module = module
        self._layer_of = layer_of
        self._one_per_name = one_layer_per_name
        self._layers: dict[str, Activity] = {}
        self._by_tensor: dict[
            int, Activity
        ] = {}  # Activity.after keeps the tensor alive, and so its id its own
        self._names: dict[int, list[str]] = {}  # of a parameter; several where layers share it
        for name, parameter in module.named_parameters(remove_duplicate=False):
            self._names.setdefault(id(parameter), []).append(layer_of(name))

    @property
    def layers(self) -> dict[str, Activity]:
        """By layer, in order of execution."""
        return {name: activity.channels_first() for name, activity in self._layers.items()}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        name = _plain_name(func)
        if _is_in_place(func, kwargs):
            self._save_from_overwriting([*args, *kwargs.values()])
        activity = self._by_tensor.get(id(args[0])) if args else None
        out = func(*args, **kwargs)
        if name in _LOOKS or not isinstance(out, Tensor):
            return out
        if name in _BEGINS:
            self._begin(name, kwargs.get("weight", args[1] if len(args) > 1 else None), out)
            self._end([args[0]], name)
        elif name == "cat" and self._one_per_name:
            self._join(args, kwargs, out)
        else:
            following = None if activity is None else _continued(name, activity, args, kwargs, out)
            if following is not None:
                self._keep(following)
            else:
                self._end(_tensors([*args, *kwargs.values()]), name)
                self._by_tensor.pop(id(out), None)  # written in place: no layer's any more
        return out

    def _begin(self, function: str, weight: object, out: Tensor) -> None:
        names = self._names.get(id(weight)) or self._owners(weight) or [function]
        name = next((name for name in names if name not in self._layers), names[-1])
        if name in self._layers and not self._one_per_name:
            uses = sum(known == name or known.startswith(f"{name}#") for known in self._layers)
            name = f"{name}#{uses + 1}"
        axis = (
            out.dim() - 1 if function == "linear" and out.dim() > 2 else (1 if function != "linear" else None)
        )
        self._keep(Activity(name, out, out, axis))

    def _owners(self, weight: object) -> list[str]:
        """Submodules that hold this tensor as their weight, computed by a hook or a parametrisation."""
        return [
            self._layer_of(f"{name}.weight")
            for name, child in self._module.named_modules()
            if weight is vars(child).get("weight")
            or (parametrize.is_parametrized(child, "weight") and weight is child.weight)
        ]

    def _join(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> None:
        """The class embedding's channel joins its layer."""
        parts = [self._by_tensor.get(id(part)) for part in args[0]]
        found = [part for part in parts if part is not None]
        if found and len(found) == len(parts) and len({part.layer for part in found}) == 1:
            before = torch.cat([part.before for part in found], *args[1:], **kwargs)
            self._keep(Activity(found[0].layer, before, out, 1, is_activated=True))

    def _end(self, tensors: list[Tensor], function: str) -> None:
        for tensor in tensors:
            activity = self._by_tensor.get(id(tensor))
            is_newest = activity is not None and self._layers[activity.layer] is activity
            if activity is not None and is_newest and not activity.is_activated and function not in _BEGINS:
                self.ended_by.setdefault(activity.layer, function.strip("_"))

    def _keep(self, activity: Activity) -> None:
        self._by_tensor[id(activity.after)] = activity
        self._layers[activity.layer] = activity
        if activity.is_activated:
            self.ended_by.pop(activity.layer, None)

    def _save_from_overwriting(self, values: list[Any]) -> None:
        """Before a call that writes into tensors, copy what layers have there."""
        for tensor in _tensors(values):
            for key, activity in list(self._by_tensor.items()):
                if tensor is activity.after or tensor is activity.before:
                    before = activity.before.clone() if tensor is activity.before else activity.before
                    after = activity.after.clone() if tensor is activity.after else activity.after
                    saved = replace(activity, before=before, after=after)
                    if self._layers[activity.layer] is activity:
                        self._layers[activity.layer] = saved
                    self._by_tensor[key] = saved
                    self._by_tensor[id(after)] = saved


def _continued(
    name: str, activity: Activity, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor
) -> Activity | None:
    """The layer after a function that continues it, or None."""
    if name in _NORMALISES and not activity.is_activated:
        return replace(activity, before=out, after=out)
    if name in _ACTIVATES:
        return replace(activity, after=out, is_activated=True)
    if name in _COPIES or (name in _SCALES and not _tensors([*args[1:], *kwargs.values()])):
        return replace(activity, before=activity.before if activity.is_activated else out, after=out)
    if name in _TURNS and activity.after.dim() == out.dim() == 3:
        before = getattr(activity.before, name)(*args[1:], **kwargs) if activity.is_activated else out
        axis = activity.channel_axis
        flips = getattr(torch.empty(1, 2, 3), name)(*args[1:], **kwargs).shape == (1, 3, 2)
        turned = 3 - axis if flips and axis is not None else axis
        return replace(activity, before=before, after=out, channel_axis=turned)
    if name in _RESHAPES and _is_part_of_layer(name, activity, out):
        before = _same_reshape(name, activity.before, args, kwargs) if activity.is_activated else out
        return replace(activity, before=before, after=out)
    return None


def _is_part_of_layer(name: str, activity: Activity, out: Tensor) -> bool:
    """Crops in time, and giving a dense result its time axis; flattening a map belongs to the next layer."""
    after = activity.after
    if name in ("__getitem__", "narrow"):
        kept = [
            axis
            for axis in range(after.dim())
            if axis != 3 - (activity.channel_axis or 1) or after.dim() == 2
        ]
        return out.dim() == after.dim() and all(out.shape[axis] == after.shape[axis] for axis in kept)
    return after.dim() == 2 and out.dim() in (2, 3) and out.shape[0] == after.shape[0]


def _plain_name(func: Callable[..., Any]) -> str:
    """``relu`` of ``relu_``; special methods keep their underscores."""
    name = getattr(func, "__name__", "")
    return name if name.startswith("__") else name.rstrip("_")


def _is_in_place(func: Callable[..., Any], kwargs: dict[str, Any]) -> bool:
    name = getattr(func, "__name__", "")
    writes = name.endswith("_") and not name.startswith("__")
    return (
        writes
        or name == "__setitem__"
        or name.startswith("__i")
        or bool(kwargs.get("inplace") or "out" in kwargs)
    )


def _tensors(values: list[Any]) -> list[Tensor]:
    def walk(value: Any) -> Iterator[Tensor]:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            for part in value:
                yield from walk(part)

    return list(walk(values))


def _same_reshape(name: str, value: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    if name == "__getitem__":
        return value[args[1]]
    reshaped = getattr(value, name)(*args[1:], **kwargs)
    assert isinstance(reshaped, Tensor)
    return reshaped
