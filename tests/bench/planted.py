"""Engines and results whose truth is known, because it was put there."""

from __future__ import annotations

from convscope.bench import ENGINES, Case, Machine, Memory, Report, Result, Row

TINY = Case("generator", dim=2, batch=3)
MACHINE = Machine("Some CPU @ 2 GHz", 2, "Linux x86_64", {"convscope": "0", "torch": "0"})


class Fake:
    """Stands in for an engine: what ``change`` makes of the right answer."""

    missing = ()
    is_ours = False

    def __init__(self, change=lambda series: series):
        self.change = change
        self.runs = 0

    def make(self, network, case):
        right = ENGINES["torch hooks"].make(network, case)

        def run(x):
            self.runs += 1
            return self.change(right(x))

        return run


def result(case=TINY, product=(100.0, 100.0, 100.0), **times_s):
    """A result with these times by engine; underscores for spaces."""
    rows = tuple(
        Row(name.replace("_", " "), "ok", errors=dict.fromkeys(case.layers, 1e-7), times_s=tuple(times))
        for name, times in times_s.items()
    )
    return Result(case, case.layers, case.flops, rows, product)


def with_rows(found, *rows):
    return Result(found.case, found.layers, found.flops, (*found.rows, *rows), found.product_gflop_per_s)


def report(*results):
    return Report(MACHINE, "2026-11-21T12:00:00+00:00", 3, tuple(results))


OURS_FAST = result(
    convscope=[1.0, 2.0, 4.0], convscope_direct=[2.0, 4.0, 8.0], onnxruntime=[3.0, 6.0, 8.0], JAX=[9.0]
)
HEARD = Case("q_network", dim=2, batch=3)
OURS_SLOW = with_rows(
    result(HEARD, convscope=[2.0, 2.0, 2.0], JAX=[1.0, 1.1, 1.2]),
    Row("OpenVINO", "not installed", "pip install openvino"),
    Row(
        "torch hooks",
        "wrong",
        "relative error 2.6e-01 in conv2",
        errors=dict.fromkeys(HEARD.layers, 1e-7) | {"conv2": 0.26},
    ),
)
MEMORY = Memory(12.0, 34.0)
