"""Neighbours on purpose: they are there while something is measured, and gone afterwards, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.bench.planted import TINY, report, result

import convscope as cs
from convscope.bench import _busy, _processes, _run
from convscope.bench._busy import busy_processors
from convscope.bench._tables import summary_tables
from convscope.probe import thread_count

on_linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def stat(pid):
    """The fields of /proc/PID/stat from the state on; None for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_running(pid):
    return stat(pid) is not None and stat(pid)[0] != "Z"


def wait_until(is_so, seconds=20.0):
    end_s = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end_s:
        time.sleep(0.02)
    return is_so()


@on_linux
def test_they_calculate_on_the_first_processors_and_end_with_the_block():
    allowed = sorted(os.sched_getaffinity(0))
    with busy_processors(2) as pids:
        for i, pid in enumerate(pids):
            assert os.sched_getaffinity(pid) == set(allowed[i : i + 1] or allowed)
            before = int(stat(pid)[11])  # clock ticks in user mode
            assert wait_until(lambda pid=pid, before=before: int(stat(pid)[11]) >= before + 5)
    assert len(pids) == 2
    assert not any(map(is_running, pids))


@on_linux
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_ends_them_too(error):
    def fail():
        with busy_processors(1) as pids:
            found.extend(pids)
            assert is_running(pids[0])
            raise error

    found = []
    with pytest.raises(error):
        fail()
    assert not is_running(found[0])


@on_linux
def test_ctrl_c_is_for_the_parent():
    with busy_processors(1) as (pid,):
        os.kill(pid, signal.SIGINT)
        time.sleep(0.1)
        assert is_running(pid)


@on_linux
def test_they_do_not_outlive_a_parent_that_is_killed():
    script = (
        "import _busy, os\nwith _busy.busy_processors(1) as pids:\n print(*pids, flush=True); os._exit(1)"
    )
    folder = str(Path(_busy.__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, stdout=subprocess.PIPE, text=True, timeout=20
    )
    pid = int(done.stdout)
    assert wait_until(lambda: not is_running(pid))


def test_a_neighbour_that_cannot_start_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(_busy, "__file__", str(tmp_path / "missing.py"))
    with pytest.raises(RuntimeError, match="busy: a process ended at once"), busy_processors(1):
        pytest.fail("the block began")


def test_nobody_is_busy_by_default():
    with busy_processors(0) as pids:
        assert pids == []


@on_linux
@pytest.mark.parametrize("busy", [0, 1])
def test_a_run_is_measured_beside_them_and_says_so(monkeypatch, busy):
    seen = []

    def neighbours():
        own = str(os.getpid())
        found = [stat(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [fields for fields in found if fields and fields[1] == own and fields[0] != "Z"]

    def ask(task, tell):
        seen.append((task["case"]["busy"], len(neighbours()) - before))
        return result(replace(TINY, **task["case"]), convscope=[1.0]).to_dict()

    before = len(neighbours())
    monkeypatch.setattr(_processes, "_ask", ask)
    monkeypatch.setattr(_run, "thread_count", lambda count: 4)
    options = {"batches": [1, 2], "threads": [1], "dims": [2], "engines": [], "memory": False}
    found = cs.bench.run(["generator"], busy=busy, **options)
    assert seen == [(busy, busy)] * 2
    assert len(neighbours()) == before
    assert [each.case.busy for each in found.results] == [busy] * 2


def test_a_busy_core_stands_in_every_title():
    case = replace(TINY, busy=1)
    beside = "generator, 16384 samples, dim 2, 1 thread, 1 core busy with another process"
    assert str(case) == "generator, 16384 samples, dim 2, batch 3, 1 thread, 1 core busy with another process"
    assert str(replace(case, busy=2)).endswith("1 thread, 2 cores busy with other processes")
    alone, crowded = result(TINY, convscope=[1.0], JAX=[2.0]), result(case, convscope=[1.0], JAX=[2.0])
    assert [table.title for table in summary_tables([alone, crowded])] == [
        "generator, 16384 samples, dim 2, 1 thread",
        beside,
    ]
    assert "in 1 of 1 case with 1 core busy with another process:" in report(crowded).verdict()
    assert "busy" not in report(alone).verdict()
    assert report(crowded).plot().axes[0].get_label() == beside


def test_one_processor_stays_free(monkeypatch):
    monkeypatch.setattr(_processes, "_ask", lambda task, tell: pytest.fail("something ran"))
    count = thread_count(None)
    with pytest.raises(
        ValueError, match=f"busy: expected fewer than the {count} processors there are, got {count}"
    ):
        cs.bench.run(["generator"], busy=count)
    with pytest.raises(ValueError, match="busy: expected a number of at least 0, got -1"):
        cs.bench.run(["generator"], busy=-1)
