"""How much of the work along a line in latent space could be shared: figures for benchmarks/ladder/lines.md.

    python benchmarks/ladder/lines.py

Along z0 + t (z1 - z0) the dense layer before its activation is a + t b, and a unit of it changes sign at most once. So the
first transposed layer before its activation, over a whole line, is A(t) + t B(t) with A and B that change only where a
unit changes sign: two layers' worth of work at the start of the line, and a unit's share of two for each change.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import conv_transpose1d

import convscope as cs

LINES, STEPS = 16, 2001


def main() -> None:
    torch.set_grad_enabled(False)
    spec = cs.models.preset("torch-atzhou8-2022", role="generator", num_categories=8)
    net = cs.models.build(spec, seed=1).eval()
    layers = dict(net.named_children())
    dense, conv = layers["fc"], layers["conv1"]
    rng = np.random.default_rng(0)
    fractions, errors = [], []
    for _ in range(LINES):
        ends = torch.from_numpy(rng.uniform(-1, 1, (2, 100))).double()
        weight, bias = dense.weight.double(), dense.bias.double()
        a = ends[0] @ weight.T + bias
        b = (ends[1] - ends[0]) @ weight.T
        changes_at = -a / b
        crossed = (changes_at > 0) & (changes_at < 1)
        fractions.append(float(crossed.double().mean()))
        errors.append(error_of_running_sums(a, b, conv))
    print(
        f"units that change sign within a line: {np.mean(fractions):.1%} ({np.min(fractions):.1%} to {np.max(fractions):.1%})"
    )
    print(
        f"first transposed layer over a line of any length: {2 + 2 * np.mean(fractions):.2f} samples' worth of products"
    )
    print(
        f"error of running sums in float32 after {STEPS} steps: {np.mean(errors):.1e}, worst {np.max(errors):.1e}"
    )


def error_of_running_sums(a: torch.Tensor, b: torch.Tensor, conv: torch.nn.Module) -> float:
    """Of A(t) + t B(t) at the end of the line, when each change is added in float32 in the order it comes."""
    channels = conv.weight.shape[0]
    weight = conv.weight[:, :1]  # one output channel is enough

    def through(values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        return conv_transpose1d(
            values.to(dtype).view(1, channels, -1), weight.to(dtype), stride=4, padding=11
        )[0, 0]

    t = torch.linspace(0, 1, STEPS, dtype=torch.double)
    active = a > 0
    sums = [through(v * active, torch.float32) for v in (a, b)]
    step_of_change = torch.searchsorted(t, (-a / b).clamp(0, 1))
    order = torch.argsort(step_of_change)
    inside = order[((-a / b) > 0)[order] & ((-a / b) < 1)[order]]
    for unit in inside.split(64):  # changes that come close together are added together
        change = torch.zeros_like(a)
        change[unit] = torch.where(active[unit], -1.0, 1.0).double()
        sums = [s + through(v * change, torch.float32) for s, v in zip(sums, (a, b), strict=True)]
    end = sums[0] + t[-1].float() * sums[1]
    exact = through(torch.relu(a + t[-1] * b), torch.double)
    return float(torch.linalg.norm(end.double() - exact) / torch.linalg.norm(exact))


if __name__ == "__main__":
    main()
