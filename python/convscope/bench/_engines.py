"""The engines that are compared: what they are called, what they need, and how to get one ready.

Those of PyTorch stand before JAX: torch.compile forks, which is safe only until JAX has started its threads.

An engine is a function from a batch (B, ...) float32 to {layer: (B, L)}; its module is imported only when it is asked for,
in the process that measures.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

from ..models import SpeechNetwork
from ._case import Case

Arrays = dict[str, np.ndarray]
Run = Callable[[np.ndarray], Arrays]
OURS = "convscope"


class CannotRun(Exception):
    """An engine has no form for a part of this network; the message says which."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A way to compute layer series.

    Parameters
    ----------
    name : as it stands in the tables.
    form : what it runs, for the reader.
    maker : ``module:function`` in this room, of (network, case); it returns a `Run`.
    packages : distributions that it needs, by the names pip knows; each is also the name to import.
    """

    name: str
    form: str
    maker: str
    packages: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages that are not installed."""
        return tuple(name for name in self.packages if importlib.util.find_spec(name) is None)

    @property
    def is_ours(self) -> bool:
        """Whether it is this package, in some form."""
        return self.name.startswith(OURS)

    def make(self, network: SpeechNetwork, case: Case) -> Run:
        """Get ready for a case; the network is the engine's own.

        Raises
        ------
        CannotRun
            If the engine cannot run this network, whatever the case.
        """
        module, function = self.maker.split(":")
        make = getattr(importlib.import_module(f".{module}", __package__), function)
        return cast(Run, make(network, case))


ENGINES = {
    engine.name: engine
    for engine in (
        Engine(OURS, "Probe, the planner chooses", "_ours:auto"),
        Engine("convscope direct", 'Probe(algorithm="direct")', "_ours:direct"),
        Engine(
            "torch hooks", "eager, forward hooks that take means at once", "_peers_torch:hooks", ("torch",)
        ),
        Engine(
            "torch.compile", "functional form, compiled for the shape", "_peers_torch:compiled", ("torch",)
        ),
        Engine(
            "torch sub-pixel", "strides rewritten: 7 taps, 4 x channels", "_peers_torch:sub_pixel", ("torch",)
        ),
        Engine(
            "torch sub-pixel compiled", "the same, compiled", "_peers_torch:sub_pixel_compiled", ("torch",)
        ),
        Engine(
            "onnxruntime",
            "ONNX graph with ReduceMean outputs",
            "_peers_onnx:onnxruntime",
            ("onnxruntime", "onnx"),
        ),
        Engine(
            "onnxruntime sub-pixel",
            "the same of the sub-pixel form",
            "_peers_onnx:onnxruntime_sub_pixel",
            ("onnxruntime", "onnx"),
        ),
        Engine("OpenVINO", "converted from PyTorch, float32", "_peers_openvino:openvino", ("openvino",)),
        Engine(
            "OpenVINO sub-pixel",
            "the same of the sub-pixel form",
            "_peers_openvino:openvino_sub_pixel",
            ("openvino",),
        ),
        Engine("JAX", "jit, conv_general_dilated", "_peers_jax:jax", ("jax", "jaxlib")),
        Engine(
            "JAX sub-pixel", "the same of the sub-pixel form", "_peers_jax:jax_sub_pixel", ("jax", "jaxlib")
        ),
    )
}
