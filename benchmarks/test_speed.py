"""The whole networks, for pytest-benchmark: convscope alone, each result compared with float64.

python -m pytest benchmarks/test_speed.py

For ratios to other engines, which take turns and are therefore comparable on a busy machine: `convscope bench`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from convscope.bench import ENGINES, Arrays, Case
from convscope.probe import thread_count

ERROR_LIMIT = 2e-6  # relative, of a layer: PyTorch's float32 has up to 1e-6 on these weights


@pytest.mark.parametrize("batch", [1, 16])
@pytest.mark.parametrize("role", ["generator", "q_network"])
@pytest.mark.parametrize("algorithm", ["convscope", "convscope direct"])
def test_speed(benchmark: Callable[..., Arrays], algorithm: str, role: str, batch: int) -> None:
    case = Case(role, batch=batch, threads=thread_count(None))
    run = ENGINES[algorithm].make(case.network(), case)
    series = benchmark(run, case.inputs())
    exact, rows = case.exact(), case.checked_rows()
    assert list(series) == list(exact)
    for layer, expected in exact.items():
        error = np.linalg.norm(series[layer][rows] - expected) / np.linalg.norm(expected)
        assert error <= ERROR_LIMIT, layer
