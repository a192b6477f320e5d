"""Nothing is timed that is not right, and what is not right is told."""

from __future__ import annotations

import numpy as np
import pytest
from tests.bench.planted import TINY, Fake

from convscope.bench import ENGINES, Case, _memory
from convscope.bench._engines import CannotRun
from convscope.bench._measure import PRODUCT, described, measure, measure_memory


@pytest.fixture(autouse=True)
def short_turns(monkeypatch):
    monkeypatch.setattr("convscope.bench._measure.TURN_S", 0.0)
    monkeypatch.setattr("convscope.bench._floor.REPEATS", 1)


def plant(monkeypatch, **engines):
    for name, engine in engines.items():
        monkeypatch.setitem(ENGINES, name, engine)
    return [*engines, "convscope"]


def measured(monkeypatch, change):
    fake = Fake(change)
    plant(monkeypatch, fake=fake)
    return measure(TINY, ["fake"], 1).row("fake"), fake


def scaled(layer, factor):
    return lambda series: {**series, layer: series[layer] * np.float32(factor)}


def test_right_engines_are_timed_in_all_rounds(monkeypatch):
    heard = []
    found = measure(TINY, plant(monkeypatch, fake=Fake()), 2, lambda what, who: heard.append((what, who)))
    assert [row.engine for row in found.rows] == ["fake", "convscope"]
    for row in found.rows:
        assert (row.status, row.message, len(row.times_s)) == ("ok", "", 2)
        assert list(row.errors) == list(TINY.layers)
        assert 0 < row.worst_error < 2e-6
        assert row.setup_s > 0
        assert row.busy > 0
    assert len(found.product_gflop_per_s) == 2
    assert {who for what, who in heard if what == "round 2 of 2"} == {"fake", "convscope", PRODUCT}


@pytest.mark.parametrize("layer", ["fc", "conv3", "out"])
def test_a_small_error_in_any_layer_is_wrong(monkeypatch, layer):
    row, fake = measured(monkeypatch, scaled(layer, 1 + 1e-4))
    assert (row.status, row.times_s, fake.runs) == ("wrong", (), 1)
    assert row.message == f"relative error 1.0e-04 in {layer}, the limit is 1e-05"
    assert row.errors[layer] == pytest.approx(1e-4, rel=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda series: {"fc": series["fc"]}, "expected layers fc, conv1, conv2, conv3, conv4, out, got fc"),
        (
            lambda series: {**series, "out": series["out"][:2]},
            r"out: expected shape \(3, 16384\), got \(2, 16384\)",
        ),
        (scaled("conv2", np.nan), "conv2: not finite"),
    ],
)
def test_other_answers_are_wrong(monkeypatch, change, message):
    row, _ = measured(monkeypatch, change)
    assert (row.status, row.times_s) == ("wrong", ())
    assert row.message == message.replace("\\", "")


def test_an_engine_that_raises_has_failed_and_says_why(monkeypatch):
    def fail(series):
        raise RuntimeError("first line\nsecond line")

    row, _ = measured(monkeypatch, fail)
    assert (row.status, row.message, row.errors) == ("failed", "RuntimeError: first line", {})


def test_an_engine_without_a_form_of_the_network_says_what_it_lacks(monkeypatch):
    def refuse(series):
        raise CannotRun("the JAX form has no Identity")

    row, _ = measured(monkeypatch, refuse)
    assert (row.status, row.message) == ("cannot run this network", "the JAX form has no Identity")


def test_when_nothing_is_right_nothing_is_timed(monkeypatch):
    plant(monkeypatch, fake=Fake(scaled("fc", 2)))
    found = measure(TINY, ["fake"], 3)
    assert found.rows[0].status == "wrong"
    assert found.product_gflop_per_s == ()


def test_who_is_far_behind_is_timed_once(monkeypatch):
    monkeypatch.setattr("convscope.bench._measure.SLOW_S", 0.0)
    monkeypatch.setattr("convscope.bench._measure.SLOW_RATIO", 1e-9)
    names = plant(monkeypatch, fake=Fake())
    found = measure(TINY, names, 2)
    assert [len(row.times_s) for row in found.rows] == [1, 2]
    assert found.rows[0].busy is None


def test_an_error_is_one_short_line():
    assert described(ValueError()) == "ValueError"
    assert len(described(ValueError("x" * 500))) == 200


def test_memory_grows_with_the_batch():
    if not _memory.is_known():
        assert measure_memory(TINY, "torch hooks") is None
        return
    small = measure_memory(Case("generator", dim=2, batch=1), "torch hooks")
    large = measure_memory(Case("generator", dim=2, batch=128), "torch hooks")
    # The last hidden map alone: 128 x 2 x 4096 float32 numbers.
    assert large.to_run_mb > small.to_run_mb + 4
    assert large.to_prepare_mb > 4
