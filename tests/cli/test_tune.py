"""`convscope tune`: measures, and keeps the figures where the user said."""

from __future__ import annotations

import json

import pytest

from convscope import _core
from convscope.probe import Machine, load_machine, thread_count

ISA = _core.selected_isa()


@pytest.fixture(autouse=True)
def few_repeats(monkeypatch, cache):
    """One run of some milliseconds each, and never in the user's own cache."""
    monkeypatch.setattr("convscope.cli._tune.REPEATS", 1)


@pytest.fixture
def measured(monkeypatch):
    """A machine of known figures; gives what was asked for."""
    asked = []

    def measure(isa, num_threads, repeats):
        asked.append((isa, num_threads, repeats))
        return Machine(1.5e11, 4.25e10, num_threads)

    monkeypatch.setattr("convscope.probe.measure_machine", measure)
    return asked


def test_it_measures_and_keeps(convscope, cache):
    result = convscope("tune", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    facts = json.loads(result.stdout)
    assert (facts.pop("isa"), facts.pop("file")) == (ISA, str(cache))
    assert load_machine(ISA) == Machine(**facts)
    assert 1e7 < facts["products_per_second"] < 1e13
    assert 1e7 < facts["bytes_per_second"] < 1e13


def test_threads_are_those_asked_for(convscope, measured):
    for arguments, count in (((), thread_count(None)), (("--threads", 3), 3), (("-t", 1), 1)):
        assert convscope("tune", *arguments).exit_code == 0
        assert measured.pop() == (ISA, count, 1)
        assert load_machine(ISA).threads == count


def test_lines_say_what_and_where(convscope, cache, measured):
    lines = convscope("tune", "--threads", 2).stdout.splitlines()
    assert lines == [
        f"products   150 G multiply-adds/s per thread ({ISA})",
        "weights    42 GB/s on 2 threads",
        f"kept in    {cache}",
    ]


def test_info_then_shows_them(convscope, measured):
    convscope("tune", "--threads", 2)
    assert json.loads(convscope("info", "--json").stdout)["tuned"] == {
        "products_per_second": 1.5e11, "bytes_per_second": 4.25e10, "threads": 2,
    }  # fmt: skip


def test_figures_of_other_machines_are_kept(convscope, cache, measured):
    cache.parent.mkdir()
    other = {"elsewhere avx2": {"products_per_second": 1.0, "bytes_per_second": 2.0, "threads": 3}}
    cache.write_text(json.dumps(other))
    assert convscope("tune").exit_code == 0
    known = json.loads(cache.read_text())
    assert len(known) == 2
    assert known["elsewhere avx2"] == other["elsewhere avx2"]


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "3"])
def test_a_corrupt_file_is_replaced(convscope, cache, measured, content):
    cache.parent.mkdir()
    cache.write_text(content)
    result = convscope("tune")
    assert (result.exit_code, result.stderr) == (0, "")
    assert load_machine(ISA) is not None


def test_a_folder_that_cannot_be_made_is_one_line(convscope, folder, monkeypatch, measured):
    (folder / "occupied").write_text("a file")
    monkeypatch.setenv("CONVSCOPE_CACHE", str(folder / "occupied"))
    result = convscope("tune")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "occupied" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("threads", ["0", "-1", "x", "1.5"])
def test_no_such_number_of_threads(convscope, cache, threads):
    result = convscope("tune", "--threads", threads)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert not cache.exists()


def test_an_unknown_instruction_set_is_misuse(convscope, cache, monkeypatch):
    monkeypatch.setenv("CONVSCOPE_ISA", "avx9")
    result = convscope("tune")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "avx9" in result.stderr
    assert not cache.exists()


def test_an_interrupt_keeps_the_old_figures(convscope, cache, monkeypatch, measured):
    convscope("tune", "--threads", 2)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("convscope.probe.measure_machine", interrupted)
    assert convscope("tune").exit_code == 130
    assert load_machine(ISA) == Machine(1.5e11, 4.25e10, 2)
