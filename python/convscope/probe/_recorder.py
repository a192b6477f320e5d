"""Watches a torch module run and keeps each layer's activation, without hooks.

A `TorchFunctionMode` sees every torch function as it is called. A convolution or linear map whose weight is one of the
module's parameters begins a layer, named after that parameter; normalisation, activation, reshaping and cropping of its
result continue it; anything else leaves it as it is. It works for any control flow, in any precision, and is how the
PyTorch fallback and the float64 reference of `verify` see a network: independent of the engine's own planning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode

_BEGINS = {"conv1d", "conv_transpose1d", "conv2d", "conv_transpose2d", "linear"}
_NORMALISES = {"batch_norm", "instance_norm", "group_norm", "layer_norm"}
_ACTIVATES = {
    "relu", "leaky_relu", "tanh", "sigmoid", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign",
    "hardtanh", "relu6", "prelu", "rrelu", "hardswish", "hardsigmoid", "logsigmoid", "threshold",
}  # fmt: skip
_RESHAPES = {
    "view", "reshape", "transpose", "permute", "flatten", "unflatten", "unsqueeze", "squeeze", "contiguous", "dropout",
    "__getitem__", "narrow", "swapaxes", "movedim", "mT", "T",
}  # fmt: skip
_SCALES = {"mul", "multiply", "__mul__", "__rmul__"}


@dataclass(slots=True)
class Activity:
    """One layer's value before and after its activation: (B, C, L), or (B, C) without a time axis."""

    layer: str
    before: Tensor
    after: Tensor
    is_activated: bool = False


class Recorder(TorchFunctionMode):
    """Collects `Activity` by layer while a module runs inside ``with recorder:``."""

    def __init__(self, module: nn.Module, layer_of: Callable[[str], str]) -> None:
        super().__init__()
        self.layers: dict[str, Activity] = {}
        self._names = {
            id(parameter): layer_of(name)
            for name, parameter in module.named_parameters(remove_duplicate=False)
        }
        for name, child in module.named_modules():
            if parametrize.is_parametrized(child, "weight"):
                self._names[id(child.weight)] = layer_of(f"{name}.weight")
        self._current: dict[
            int, Activity
        ] = {}  # by id of the newest tensor, which `Activity.after` keeps alive

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        name = _plain_name(func)
        activity = self._current.get(id(args[0])) if args else None
        if (
            activity is not None
            and name in _ACTIVATES
            and (func.__name__.endswith("_") or kwargs.get("inplace"))
        ):
            activity.before = activity.before.clone()  # the call overwrites it
        out = func(*args, **kwargs)
        if isinstance(out, Tensor):
            self._note(name, args, kwargs, activity, out)
        return out

    def _note(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], activity: Activity | None, out: Tensor
    ) -> None:
        if name in _BEGINS:
            weight = kwargs.get("weight", args[1] if len(args) > 1 else None)
            layer = self._names.get(id(weight))
            if layer is not None:
                self._keep(Activity(layer, out, out))
        elif name == "cat":
            parts = [self._current.get(id(part)) for part in args[0]]
            found = [part for part in parts if part is not None]
            if found and len(found) == len(parts) and len({part.layer for part in found}) == 1:
                before = torch.cat([part.before for part in found], *args[1:], **kwargs)
                self._keep(Activity(found[0].layer, before, out, is_activated=True))
        elif activity is None:
            return
        elif name in _NORMALISES and not activity.is_activated:
            self._keep(Activity(activity.layer, out, out))
        elif (name in _ACTIVATES and not activity.is_activated) or (
            _is_scaling(name, args) and activity.is_activated
        ):
            self._keep(Activity(activity.layer, activity.before, out, is_activated=True))
        elif name in _RESHAPES and self._is_part_of_layer(name, activity, out):
            before = out
            if activity.is_activated:
                before = (
                    activity.before
                    if name == "dropout"
                    else _same_reshape(name, activity.before, args, kwargs)
                )
            self._keep(Activity(activity.layer, before, out, activity.is_activated))

    @staticmethod
    def _is_part_of_layer(name: str, activity: Activity, out: Tensor) -> bool:
        """Flattening a finished map belongs to the next layer; giving a dense result its time axis belongs to this one."""
        if activity.after.dim() == 3:
            return not activity.is_activated and out.dim() == 3
        return out.dim() >= activity.after.dim()

    def _keep(self, activity: Activity) -> None:
        self._current = {key: value for key, value in self._current.items() if value.layer == activity.layer}
        self._current[id(activity.after)] = activity
        self.layers[activity.layer] = activity


def _plain_name(func: Callable[..., Any]) -> str:
    """``relu`` of ``relu_``; special methods keep their underscores."""
    name = getattr(func, "__name__", "")
    return name if name.startswith("__") else name.rstrip("_")


def _is_scaling(name: str, args: tuple[Any, ...]) -> bool:
    return name in _SCALES and not isinstance(args[1], Tensor)


def _same_reshape(name: str, value: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    if name == "__getitem__":
        return value[args[1]]
    reshaped = getattr(value, name)(*args[1:], **kwargs)
    assert isinstance(reshaped, Tensor)
    return reshaped
