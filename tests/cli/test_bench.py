"""`convscope bench`: files, tables and exit codes, on planted reports; what is measured has its own tests."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from tests.bench.planted import MACHINE, OURS_FAST, OURS_SLOW, report, result, with_rows

from convscope import bench
from convscope.cli._bench import default_name


@pytest.fixture
def asked(monkeypatch):
    """What the command asked `bench.run` for; it gets ``asked["report"]``."""
    found = {"report": report(OURS_FAST, OURS_SLOW), "cases": 2}

    def run(**options):
        found["options"] = options
        options["progress"](OURS_FAST.case, "preparing, JAX", 0, found["cases"])
        options["progress"](OURS_FAST.case, "round 1 of 7, JAX", 0, found["cases"])
        return found["report"]

    monkeypatch.setattr(bench, "run", run)
    return found


def test_numbers_report_and_picture_are_written(convscope, asked, folder):
    done = convscope("bench", "--out", "new.json")
    assert done.exit_code == 0
    assert bench.Report.from_json((folder / "new.json").read_text()) == asked["report"]
    assert (folder / "new.md").read_text() == asked["report"].markdown()
    assert (folder / "new.png").stat().st_size > 10_000
    lines = done.stdout.splitlines()
    assert lines[0].startswith(MACHINE.cpu)
    assert lines[-1] == "new.json, new.md, new.png"
    assert lines[-2] == asked["report"].verdict()
    assert done.stderr == "convscope: 1 of 2: generator, 16384 samples, dim 2, batch 3, 1 thread\n"
    assert any(line.startswith("JAX ") and line.split()[-1] == "-" and "faster" in line for line in lines)


def test_options_reach_the_measurement(convscope, asked):
    done = convscope(
        *("bench", "-n", "q_network", "-b", "1,4,1", "-t", "2", "--dims", "16", "--slice-lens", "65536"),
        *("-e", "JAX", "--repeats", 3, "--per-layer", "--no-memory", "--no-picture", "--busy", 1),
    )
    assert done.exit_code == 0
    options = {key: value for key, value in asked["options"].items() if key != "progress"}
    assert options == {
        "networks": ["q_network"],
        "batches": [1, 4],
        "threads": [2],
        "slice_lens": [65536],
        "dims": [16],
        "engines": ["JAX"],
        "repeats": 3,
        "per_layer": True,
        "memory": False,
        "busy": 1,
    }


def test_results_go_to_the_repositorys_folder_of_results(convscope, asked, folder):
    (folder / "benchmarks" / "results").mkdir(parents=True)
    assert convscope("bench", "--no-picture").exit_code == 0
    names = sorted(path.name for path in (folder / "benchmarks" / "results").iterdir())
    stem = default_name(bench.Machine.here().cpu).removesuffix(".json")
    assert names == [f"{stem}.json", f"{stem}.md"]


def test_results_beside_a_busy_core_have_another_name(convscope, asked, folder):
    assert convscope("bench", "--no-picture").exit_code == 0
    assert convscope("bench", "--no-picture", "--busy", 1).exit_code == 0
    stem = default_name(bench.Machine.here().cpu).removesuffix(".json")
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"{stem}-busy-1.json", f"{stem}-busy-1.md", f"{stem}.json", f"{stem}.md"]


def test_the_floor_is_told_below_the_table(convscope, asked):
    ours, *others = OURS_FAST.rows
    ours = replace(ours, floor=bench.Floor(10**9, 10**6, 1e9, 1e9))
    asked["report"] = report(replace(OURS_FAST, rows=(ours, *others)))
    lines = convscope("bench", "--no-picture").stdout.splitlines()
    line = "convscope: 2.00 (1.50-3.00) × its floor, 1e+03 ms (1 G multiply-adds at 1 G/s)"
    assert lines[lines.index(line) - 1].startswith("JAX ")


def test_nothing_is_replaced_unless_asked(convscope, asked, folder):
    (folder / "old.md").write_text("old")
    done = convscope("bench", "--out", "old.json")
    assert (done.exit_code, "options" in asked) == (2, False)
    assert "old.md exists already; --force replaces" in done.stderr
    assert convscope("bench", "--out", "old.json", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batches", "1,x"], "--batches: expected whole numbers with commas, such as 1,16, got '1,x'"),
        (["--threads", "0"], "--threads: expected whole numbers"),
        (["--busy", "-1"], "--busy"),
        (["--out", "results.txt"], "--out: expected a name that ends in .json"),
        (["--out", "nowhere/results.json"], "--out: no such folder: nowhere"),
    ],
)
def test_misuse(convscope, asked, arguments, message):
    done = convscope("bench", *arguments)
    assert (done.exit_code, "options" in asked) == (2, False)
    assert message in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-n", "discriminator"], "network: expected generator or q_network, got 'discriminator'"),
        (["-e", "tensorflow"], "engines: expected some of convscope"),
        (["--slice-lens", "1000"], "slice_len: expected one of"),
        (["--busy", "100000"], "busy: expected fewer than the "),
    ],
)
def test_misuse_that_the_measurement_finds(convscope, arguments, message):
    done = convscope("bench", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr


def test_an_engine_of_ours_that_is_wrong_is_a_failure(convscope, asked):
    wrong = bench.Row("convscope direct", "wrong", "relative error 2.6e-01 in conv2")
    asked["report"] = report(with_rows(result(convscope=[1.0], JAX=[2.0]), wrong))
    done = convscope("bench")
    assert done.exit_code == 1
    assert "convscope direct is wrong (relative error 2.6e-01 in conv2)." in done.stdout


def test_an_interrupted_run_keeps_what_is_finished(convscope, asked, folder):
    asked["cases"] = 16
    done = convscope("bench", "--out", "some.json", "--no-picture")
    assert "interrupted: 2 of 16 cases are in the report" in done.stderr
    assert (folder / "some.json").exists()


def test_nothing_timed_is_told_instead_of_drawn(convscope, asked, folder):
    asked["report"] = report(result(convscope=[]))
    done = convscope("bench", "--out", "none.json")
    assert "no picture: plot: expected a case in which an engine was timed, got none" in done.stderr
    assert not (folder / "none.png").exists()


@pytest.mark.parametrize(
    ("cpu", "name"),
    [
        ("AMD EPYC 9R14", "2026-11-21-amd-epyc-9r14.json"),
        ("Intel(R) Xeon(R) CPU @ 2.20GHz", "2026-11-21-intel-xeon-2-20ghz.json"),
        ("", "2026-11-21-cpu.json"),
    ],
)
def test_the_default_name_is_the_date_and_the_processor(cpu, name):
    assert default_name(cpu, today=datetime.date(2026, 11, 21)) == name
