"""An engine that is far behind is not asked for minutes: its speed in a smaller batch tells."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.bench.planted import TINY, result

import convscope as cs
from convscope.bench import ENGINES, _processes
from convscope.bench._run import too_slow

SMALL, LARGE = replace(TINY, batch=64), replace(TINY, batch=256)


def earlier(case=SMALL, seconds=21.2, ours=0.1):
    return result(case, convscope=[ours, ours], JAX=[seconds], onnxruntime=[19 * ours, 19 * ours])


def test_a_call_that_would_take_over_a_minute_is_not_made():
    rows = too_slow(LARGE, [earlier()])
    assert list(rows) == ["JAX"]
    assert rows["JAX"].status == "too slow"
    assert rows["JAX"].message == "21.2 s for a batch of 64, so about 85 s for 256"


@pytest.mark.parametrize(
    "before",
    [
        earlier(seconds=14.0),  # 56 s
        earlier(seconds=21.2, ours=2.0),  # not far behind
        earlier(replace(SMALL, batch=1), seconds=0.9, ours=0.001),  # too short to tell
        earlier(replace(SMALL, threads=2)),
        earlier(replace(SMALL, busy=1)),
        earlier(replace(SMALL, dim=4)),
        earlier(replace(SMALL, depth=1)),
        earlier(LARGE),
        earlier(replace(SMALL, batch=512), seconds=400.0),
    ],
)
def test_otherwise_it_is(before):
    assert too_slow(LARGE, [before]) == {}


def test_a_batch_that_was_left_out_already_tells_nothing_new():
    rows = {"JAX": replace(earlier().row("JAX"), status="too slow", times_s=())}
    middle = replace(earlier(), rows=(earlier().row("convscope"), rows["JAX"]))
    assert list(too_slow(LARGE, [earlier(replace(SMALL, batch=32)), middle])) == ["JAX"]


def test_it_is_left_out_of_the_run_and_listed(monkeypatch):
    asked = []

    def ask(task, tell):
        asked.append(task["engines"])
        times = {"convscope": [0.1], "JAX": [21.2]}
        case = replace(TINY, batch=task["case"]["batch"])
        return result(case, **{name: times[name] for name in task["engines"]}).to_dict()

    monkeypatch.setattr(_processes, "_ask", ask)
    monkeypatch.setitem(ENGINES, "JAX", replace(ENGINES["JAX"], packages=()))
    options = {"threads": [1], "dims": [2], "engines": ["JAX"], "memory": False}
    found = cs.bench.run(["generator"], batches=[64, 256], **options)
    assert asked == [["convscope", "JAX"], ["convscope"]]
    assert [row.status for row in found.results[1].rows] == ["ok", "too slow"]
    assert "JAX is too slow in 1 of 2 cases (21.2 s for a batch of 64, so about 85 s" in found.verdict()
    assert "| JAX | 3.019 (212.00 ×) | too slow |" in found.markdown()
