"""Engines run in processes of their own: one may be missing or die, and the others are measured."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from tests.bench.planted import TINY, result

import convscope as cs
from convscope.bench import ENGINES, Row, _memory, _processes
from convscope.bench._machine import cpu_name, environment, spread
from convscope.bench._processes import Died, compare, known, memory_of


def quiet(what, who):
    pass


def test_a_whole_run():
    seen = []
    report = cs.bench.run(
        ["generator"],
        batches=[2],
        threads=[1],
        dims=[2],
        engines=["torch hooks"],
        repeats=2,
        memory=False,
        progress=lambda case, doing, done, total: seen.append((case.batch, doing, done, total)),
    )
    (found,) = report.results
    assert [row.engine for row in found.rows] == ["convscope", "torch hooks"]
    assert [(row.status, len(row.times_s)) for row in found.rows] == [("ok", 2)] * 2
    if hasattr(os, "sched_getaffinity"):
        assert all(row.busy < 1.2 for row in found.rows)  # kept on one processor
    ours, peer = found.rows
    assert ours.times_floor.median > 1
    assert 1e8 < ours.floor.products_per_second < 1e12
    assert 1e8 < ours.floor.bytes_per_second < 1e12
    assert peer.floor is None
    assert (2, "preparing, convscope", 0, 1) in seen
    assert report.machine.versions["torch"]


def test_memory_is_measured_in_a_process_of_its_own():
    heard = []
    found = memory_of(TINY, "convscope", lambda what, who: heard.append((what, who)))
    assert heard == [("measuring memory", "convscope")]
    assert (found is None) != _memory.is_known()
    assert found is None or 0 < found.to_run_mb < found.to_prepare_mb + 10


def test_a_missing_package_is_listed_with_the_way_to_get_it(monkeypatch):
    lacking = replace(ENGINES["JAX"], packages=("no_such_package",))
    monkeypatch.setitem(ENGINES, "JAX", lacking)
    monkeypatch.setattr(_processes, "_ask", lambda task, tell: result(convscope=[1.0]).to_dict())
    found = compare(TINY, ["JAX", "convscope"], 1, quiet)
    assert found.rows[0] == Row("JAX", "not installed", "pip install no_such_package")
    assert found.rows[1].times_s == (1.0,)


def test_an_engine_that_dies_is_left_out_and_the_others_start_again(monkeypatch):
    asked = []

    def ask(task, tell):
        asked.append(task["engines"])
        if "JAX" in task["engines"]:
            raise Died("JAX", "signal SIGSEGV")
        return result(convscope=[1.0]).to_dict()

    monkeypatch.setattr(_processes, "_ask", ask)
    monkeypatch.setitem(ENGINES, "JAX", replace(ENGINES["JAX"], packages=()))
    found = compare(TINY, ["convscope", "JAX"], 1, quiet)
    assert asked == [["convscope", "JAX"], ["convscope"]]
    assert found.rows[1] == Row("JAX", "failed", "its process died: signal SIGSEGV")


def test_a_process_that_ends_early_gives_its_last_words():
    wrong = TINY.to_dict() | {"batch": 0}
    task = {"do": "compare", "case": wrong, "engines": ["convscope"], "repeats": 1}
    with pytest.raises(Died) as death:
        _processes._ask(task, quiet)
    assert death.value.engine is None
    assert death.value.reason == "ValueError: batch: expected a number of at least 1, got 0"


def test_when_no_engine_is_to_blame_all_have_failed(monkeypatch):
    def ask(task, tell):
        raise Died(None, "signal SIGKILL (out of memory?)")

    monkeypatch.setattr(_processes, "_ask", ask)
    found = compare(TINY, ["convscope", "torch hooks"], 1, quiet)
    assert [row.status for row in found.rows] == ["failed", "failed"]
    assert "out of memory" in found.rows[0].message


def test_engines_come_in_the_order_of_the_tables():
    assert [engine.name for engine in known(["JAX", "convscope"])] == ["convscope", "JAX"]
    assert len(known(None)) == len(ENGINES)
    with pytest.raises(ValueError, match=r"engines: expected some of convscope, .*, got tensorflow"):
        known(["tensorflow"])


@pytest.mark.parametrize(
    "wrong",
    [{"repeats": 0}, {"batches": [0]}, {"engines": ["none"]}, {"slice_lens": [1000], "threads": [1]}],
)
def test_misuse_is_found_before_anything_runs(wrong, monkeypatch):
    monkeypatch.setattr(_processes, "_ask", lambda task, tell: pytest.fail("something ran"))
    with pytest.raises(ValueError, match="expected"):
        cs.bench.run(["generator"], **wrong)


def test_what_is_finished_survives_an_interruption(monkeypatch):
    def ask(task, tell):
        if task["case"]["batch"] == 2:
            raise KeyboardInterrupt
        return result(convscope=[1.0]).to_dict()

    monkeypatch.setattr(_processes, "_ask", ask)
    options = {"threads": [1], "dims": [2], "engines": [], "memory": False}
    assert len(cs.bench.run(["generator"], batches=[1, 2, 3], **options).results) == 1
    with pytest.raises(KeyboardInterrupt):
        cs.bench.run(["generator"], batches=[2], **options)


def test_one_processor_of_each_core_comes_first():
    assert spread([0, 1, 2, 3], lambda i: str(i % 2)) == [0, 1, 2, 3]
    assert spread([0, 1, 2, 3], lambda i: str(i // 2)) == [0, 2, 1, 3]


def test_libraries_are_told_their_threads(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_something=1")
    found = environment(1)
    assert found["NPROC"] == found["OMP_NUM_THREADS"] == "1"
    assert found["XLA_FLAGS"] == "--xla_something=1 --xla_cpu_multi_thread_eigen=false"
    assert environment(2)["XLA_FLAGS"].endswith("=true")
    assert cpu_name()
