"""The torch.fx graph of a module, taken without disturbing the module or other threads."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from typing import Any

import torch
import torch.fx
import torch.nn.functional as F
from torch import nn

from ._copies import skeleton
from ._weights import UnsupportedOperation

BATCH = object()  # the unknown batch size, wherever a module asks for it
_fx_lock = threading.Lock()  # torch.fx patches nn.Module while it traces


class _Tracer(torch.fx.Tracer):
    """Lets modules that other threads run in the meantime pass: torch.fx patches nn.Module for all of them.

    Parameters of the traced skeleton are its own, so that no other thread meets a proxy in their place.
    """

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if any(isinstance(argument, torch.fx.Proxy) for argument in (*args, *kwargs.values())):
            return super().call_module(m, forward, args, kwargs)
        return forward(*args, **kwargs)


def graph_of(module: nn.Module) -> torch.fx.Graph:
    """The graph in evaluation mode; UnsupportedOperation where the control flow depends on data."""
    with _fx_lock:
        try:
            return _Tracer().trace(skeleton(module))
        except Exception as error:  # fx raises many kinds
            raise UnsupportedOperation(
                f"{type(module).__name__}.forward, which torch.fx cannot trace ({error})"
            ) from error


def label_of(node: torch.fx.Node) -> str:
    """The plain name of what a node calls: ``relu`` of ``F.relu``, ``x.relu_()`` and the like."""
    if node.op == "call_module" or isinstance(node.target, str):
        return str(node.target).rstrip("_")
    target: Callable[..., Any] = node.target
    if target is operator.mul:
        return "mul"
    if target is getattr:
        return "getattr"
    return {operator.getitem: "getitem", F.pad: "pad"}.get(
        target, getattr(target, "__name__", str(target))
    ).rstrip("_")


def show_shape(shape: list[Any]) -> str:
    return "(" + ", ".join("B" if part is BATCH else str(part) for part in shape) + ")"
