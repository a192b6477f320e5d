"""The figures that plans are made with: kept in a file, which may hold anything; never measured for a plan."""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from tests.models.catalogue import network_of

import convscope as cs
from convscope import _core
from convscope.probe import Machine, _machine, load_machine, save_machine

ISA = _core.selected_isa()
HERE = Machine(2e11, 3e10, 4)
SLOW_MEMORY = Machine(1e13, 1e9, 2)  # weights cost more than products: everything direct
SLOW_PRODUCTS = Machine(1e9, 1e13, 2)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where figures are kept, empty at first."""
    monkeypatch.setenv("CONVSCOPE_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def file(folder):
    folder.mkdir()
    return folder / "machine.json"


@pytest.fixture(scope="module")
def net():
    return network_of("tf1-ciwgan", "generator", dim=16)


# -- where ------------------------------------------------------------------------------------------------------------


def test_convscope_cache_is_the_folder(folder):
    assert not folder.exists()
    assert load_machine(ISA) is None
    assert save_machine(HERE, ISA) == folder / "machine.json"
    assert load_machine(ISA) == HERE


@pytest.mark.skipif(sys.platform != "linux", reason="XDG_CACHE_HOME is the convention of Linux")
def test_otherwise_it_is_the_users_cache_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    for unset in (None, ""):  # an empty variable is as good as none
        if unset is None:
            monkeypatch.delenv("CONVSCOPE_CACHE")
        else:
            monkeypatch.setenv("CONVSCOPE_CACHE", unset)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
        assert _machine.cache_file() == tmp_path / "xdg" / "convscope" / "machine.json"
        monkeypatch.setenv("XDG_CACHE_HOME", unset or "")
        assert _machine.cache_file() == tmp_path / "home" / ".cache" / "convscope" / "machine.json"
    assert save_machine(HERE, ISA).is_relative_to(tmp_path)
    assert load_machine(ISA) == HERE


def test_each_instruction_set_has_figures_of_its_own():
    save_machine(HERE, "avx2")
    save_machine(SLOW_MEMORY, "avx512")
    assert load_machine("avx2") == HERE
    assert load_machine("avx512") == SLOW_MEMORY
    assert load_machine("baseline") is None


def test_other_machines_in_a_shared_directory_are_kept_and_not_believed(file, monkeypatch):
    save_machine(HERE, ISA)
    monkeypatch.setattr(_machine.platform, "node", lambda: "elsewhere")
    assert load_machine(ISA) is None
    save_machine(SLOW_MEMORY, ISA)
    assert load_machine(ISA) == SLOW_MEMORY
    monkeypatch.undo()
    monkeypatch.setenv("CONVSCOPE_CACHE", str(file.parent))
    assert load_machine(ISA) == HERE
    assert len(json.loads(file.read_text())) == 2


# -- what may be in the file ----------------------------------------------------------------------------------------------


def kept(**changes) -> bytes:
    return json.dumps({_machine._key(ISA): {**asdict(HERE), **changes}}).encode()


NOT_FIGURES = {
    "nothing": b"",
    "half an object": kept()[:-5],
    "not text": b"\xff\xfe\x00\x80",
    "a list": b"[]",
    "null": b"null",
    "a number": b"3",
    "a word": b'"figures"',
    "brackets without end": b"[" * 100_000,
    "another machine": json.dumps({"elsewhere avx512": asdict(HERE)}).encode(),
    "a list of figures": json.dumps({_machine._key(ISA): [1e11, 1e10, 2]}).encode(),
    "null figures": json.dumps({_machine._key(ISA): None}).encode(),
    "a missing figure": json.dumps({_machine._key(ISA): {"threads": 2}}).encode(),
    "a figure of a later version": kept(transforms_per_second=1e10),
}
WRONG = {
    "a word": "fast", "null": None, "zero": 0, "negative": -1.0, "not a number": float("nan"),
    "infinite": float("inf"), "a list": [], "too large": 10**400,
}  # fmt: skip
NOT_FIGURES |= {
    f"{field} {name}": kept(**{field: value}) for field in asdict(HERE) for name, value in WRONG.items()
}


@pytest.mark.parametrize("content", NOT_FIGURES.values(), ids=NOT_FIGURES)
def test_what_is_not_figures_is_as_good_as_nothing(file, net, content):
    usual = cs.Probe(net).plan
    file.write_bytes(content)
    assert load_machine(ISA) is None
    probe = cs.Probe(net)
    assert probe.plan == usual
    assert probe.estimate(10).seconds > 0


@pytest.mark.parametrize("content", NOT_FIGURES.values(), ids=NOT_FIGURES)
def test_what_is_not_figures_is_replaced(file, content):
    file.write_bytes(content)
    save_machine(HERE, ISA)
    assert load_machine(ISA) == HERE


def test_a_folder_in_the_place_of_the_file_is_as_good_as_nothing(file):
    file.mkdir()
    assert load_machine(ISA) is None


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="the superuser may read everything")
def test_an_unreadable_file_is_as_good_as_nothing(file, net):
    file.write_bytes(kept())
    file.chmod(0)
    assert load_machine(ISA) is None
    cs.Probe(net)


# -- saving ---------------------------------------------------------------------------------------------------------------


def test_a_save_that_fails_leaves_the_old_file_and_nothing_beside_it(file, monkeypatch):
    save_machine(HERE, ISA)

    def full(self, *_, **__):
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="no space left"):
        save_machine(SLOW_MEMORY, ISA)
    assert load_machine(ISA) == HERE
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_save_that_cannot_replace_the_file_leaves_nothing_beside_it(file):
    file.mkdir()
    with pytest.raises(OSError, match=file.name):
        save_machine(HERE, ISA)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_readers_never_see_half_a_file(file):
    """One process saves again and again while another reads: always some whole figures."""
    save_machine(HERE, ISA)
    found, is_done = set(), threading.Event()

    def read() -> None:
        while not is_done.is_set():
            found.add(load_machine(ISA))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        save_machine((HERE, SLOW_MEMORY)[number % 2], ISA)
    is_done.set()
    reader.join()
    assert found <= {HERE, SLOW_MEMORY}
    assert [path.name for path in file.parent.iterdir()] == [file.name]


# -- what figures do ------------------------------------------------------------------------------------------------------


def test_tuned_figures_change_the_plan(net):
    save_machine(SLOW_MEMORY, ISA)
    assert {row.algorithm for row in cs.Probe(net, typical_batch=1).plan} == {"direct"}
    save_machine(SLOW_PRODUCTS, ISA)
    algorithms = {row.layer: row.algorithm for row in cs.Probe(net, typical_batch=1).plan}
    assert [algorithms[f"conv{number}"] for number in (1, 2, 3)] == ["spectral"] * 3


def test_figures_of_another_instruction_set_do_not(net):
    usual = cs.Probe(net).plan
    save_machine(SLOW_MEMORY, "neon" if ISA != "neon" else "avx2")
    assert cs.Probe(net).plan == usual


def test_estimates_follow_the_figures(net):
    save_machine(HERE, ISA)
    slower = Machine(HERE.products_per_second / 2, HERE.bytes_per_second / 2, HERE.threads)
    fast = cs.Probe(net, num_threads=2).estimate(64).seconds
    save_machine(slower, ISA)
    assert cs.Probe(net, num_threads=2).estimate(64).seconds == pytest.approx(2 * fast)
    assert cs.Probe(net, num_threads=1).estimate(64).seconds > 2 * fast


def test_a_plan_measures_nothing(net, monkeypatch):
    def measured(*_, **__):
        raise AssertionError("measured")

    monkeypatch.setattr(_machine, "_best_seconds", measured)
    cs.Probe(net).run(np.zeros((1, 100)))
    save_machine(HERE, ISA)
    assert cs.Probe(net).estimate(10).seconds > 0


def test_a_measurement_has_plausible_figures():
    machine = _machine.measure_machine(ISA, 2, repeats=1)
    assert 1e7 < machine.products_per_second < 1e13
    assert 1e7 < machine.bytes_per_second < 1e13
    assert machine.threads == 2


def test_every_instruction_set_has_common_figures():
    for isa in ("baseline", "avx2", "avx512", "neon", *_core.available_isas()):
        figures = _machine.for_planning(isa)
        assert figures.products_per_second > 0
        assert figures.bytes_per_second > 0
        assert figures.threads > 0
