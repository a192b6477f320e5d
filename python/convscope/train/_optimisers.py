"""TensorFlow 1's optimisers, which torch's of the same names are not.

RMSProp: the mean square starts at one, decays by 0.9, and epsilon stands inside the root (torch: at zero, by 0.99, outside).
Adam: epsilon stands beside the root of the uncorrected second moment, so that it weighs more in the first steps.
Source: the update rules in TensorFlow's documentation of ``tf.train.RMSPropOptimizer`` and ``tf.train.AdamOptimizer``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ._config import Optimiser


class TensorFlowRMSProp(torch.optim.Optimizer):
    """s ← d s + (1 − d) g²; p ← p − r g / √(s + ε), with s = 1 before the first step."""

    def __init__(
        self, parameters: Iterable[nn.Parameter], *, rate: float, decay: float = 0.9, epsilon: float = 1e-10
    ) -> None:
        super().__init__(parameters, {"rate": rate, "decay": decay, "epsilon": epsilon})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # no closure: nothing to return
        """One update."""
        for group in self.param_groups:
            for parameter, gradient, state in _with_gradients(self, group):
                if not state:
                    state["square"] = torch.ones_like(parameter)
                square = state["square"]
                square.mul_(group["decay"]).addcmul_(gradient, gradient, value=1 - group["decay"])
                parameter.addcdiv_(gradient, (square + group["epsilon"]).sqrt_(), value=-group["rate"])


class TensorFlowAdam(torch.optim.Optimizer):
    """p ← p − r √(1 − b₂ᵗ) / (1 − b₁ᵗ) · m / (√v + ε)."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        rate: float,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(parameters, {"rate": rate, "beta1": beta1, "beta2": beta2, "epsilon": epsilon})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # no closure: nothing to return
        """One update."""
        for group in self.param_groups:
            beta1, beta2 = group["beta1"], group["beta2"]
            for parameter, gradient, state in _with_gradients(self, group):
                if not state:
                    state["step"] = 0
                    state["mean"], state["square"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
                state["step"] += 1
                state["mean"].mul_(beta1).add_(gradient, alpha=1 - beta1)
                state["square"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
                rate = group["rate"] * (1 - beta2 ** state["step"]) ** 0.5 / (1 - beta1 ** state["step"])
                parameter.addcdiv_(state["mean"], state["square"].sqrt().add_(group["epsilon"]), value=-rate)


def _with_gradients(
    optimiser: torch.optim.Optimizer, group: dict[str, Any]
) -> Iterable[tuple[nn.Parameter, Tensor, dict[str, Any]]]:
    return (
        (parameter, parameter.grad, optimiser.state[parameter])
        for parameter in group["params"]
        if parameter.grad is not None
    )


def make_optimiser(chosen: Optimiser, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimiser that a configuration describes."""
    return _MAKERS[chosen.kind](chosen, list(parameters))


_MAKERS: dict[str, Callable[[Optimiser, list[nn.Parameter]], torch.optim.Optimizer]] = {
    "tf-adam": lambda chosen, parameters: TensorFlowAdam(
        parameters, rate=chosen.rate, beta1=chosen.beta1, beta2=chosen.beta2
    ),
    "tf-rmsprop": lambda chosen, parameters: TensorFlowRMSProp(
        parameters, rate=chosen.rate, decay=chosen.decay
    ),
    "adam": lambda chosen, parameters: torch.optim.Adam(
        parameters, lr=chosen.rate, betas=(chosen.beta1, chosen.beta2)
    ),
    "rmsprop": lambda chosen, parameters: torch.optim.RMSprop(parameters, lr=chosen.rate, alpha=chosen.decay),
}
