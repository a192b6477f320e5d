"""Private copies of a user's module, so that nothing done to them can be seen from outside.

Hooks of the user's do not run: a probe is not one of the calls they wait for. Those that torch itself puts on a module
(the older weight and spectral norm compute the weight in one) stay.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from ..models import BatchStatisticsNorm

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def skeleton(module: nn.Module) -> nn.Module:
    """A copy in evaluation mode whose parameters and buffers have shapes but no values: it costs no memory."""
    memo: dict[int, Any] = {}
    for parameter in module.parameters():
        memo[id(parameter)] = nn.Parameter(parameter.detach().to("meta"), parameter.requires_grad)
    for buffer in module.buffers():
        memo[id(buffer)] = buffer.detach().to("meta")
    return _without_hooks(copy.deepcopy(module, memo)).eval()


def full_copy(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """A copy in evaluation mode, on the CPU and in ``dtype``."""
    memo = {
        id(value): value.detach().clone()  # weights that torch's older norms computed: deepcopy refuses those
        for child in module.modules()
        for value in vars(child).values()
        if isinstance(value, Tensor) and not value.is_leaf
    }
    return _without_hooks(copy.deepcopy(module, memo)).to("cpu", dtype).eval()


def torch_hook(module: nn.Module) -> str | None:
    """The name of a hook of torch's own that computes something, if there is one."""
    for child in module.modules():
        for hook in (*child._forward_hooks.values(), *child._forward_pre_hooks.values()):
            if _is_torchs(hook):
                return type(hook).__name__
    return None


def depends_on_batch(module: nn.Module) -> bool:
    """Whether samples influence each other: batch normalisation by the batch at hand."""
    return any(
        isinstance(child, nn.modules.batchnorm._BatchNorm)
        and (child.running_mean is None or isinstance(child, BatchStatisticsNorm))
        for child in module.modules()
    )


def _without_hooks(module: nn.Module) -> nn.Module:
    for child in module.modules():
        for kind in _HOOKS:
            hooks = getattr(child, kind)
            for key in [key for key, hook in hooks.items() if not _is_torchs(hook)]:
                del hooks[key]
    return module


def _is_torchs(hook: object) -> bool:
    return type(hook).__module__.startswith("torch.")
