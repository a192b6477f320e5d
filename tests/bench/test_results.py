"""Numbers of planted times, worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.bench.planted import MEMORY, OURS_FAST, OURS_SLOW, TINY, report, result, with_rows

from convscope.bench import Case, Report, Row, Spread
from convscope.bench._tables import case_tables, error_tables, layer_tables, summary_tables


def test_a_ratio_is_the_median_of_pairs():
    row = OURS_FAST.row("onnxruntime")
    assert OURS_FAST.ratio(row, "convscope") == Spread(3.0, 2.5, 3.0)  # of 3, 3 and 2
    assert OURS_FAST.samples_per_s(OURS_FAST.row("convscope")) == Spread(1.5, 1.125, 2.25)
    assert OURS_FAST.ratio(OURS_FAST.row("JAX"), "convscope") == Spread(9.0, 9.0, 9.0)  # with the first round
    assert OURS_SLOW.ratio(OURS_SLOW.row("torch hooks"), "convscope") is None
    assert OURS_SLOW.row("onnxruntime") is None


def test_the_share_of_the_peak_is_nominal():
    found = result(convscope=[1.0], product=(TINY.flops * TINY.batch / 1e9 / 2,))
    row = found.row("convscope")
    assert found.share_of_peak(row) == pytest.approx(2.0)
    assert found.gflop_per_s(row) == pytest.approx(TINY.flops * 3 / 1e9)


def test_a_report_survives_json():
    original = report(
        replace(OURS_FAST, rows=tuple(replace(r, memory=MEMORY) for r in OURS_FAST.rows)), OURS_SLOW
    )
    text = original.to_json()
    assert Report.from_json(text) == original
    row = json.loads(text)["results"][0]["rows"][2]
    assert row["engine"] == "onnxruntime"
    assert row["time_ratio"] == {"median": 3.0, "low": 2.5, "high": 3.0}
    assert row["memory"] == {"to_run_mb": 12.0, "to_prepare_mb": 34.0}
    assert "NaN" not in text


@pytest.mark.parametrize("text", ["[]", "{}", '{"format": 0}'])
def test_another_file_is_refused(text):
    with pytest.raises(ValueError, match="expected a JSON object with format 1"):
        Report.from_json(text)


def test_the_verdict_names_what_is_lost_and_what_is_missing():
    said = report(OURS_FAST, OURS_SLOW).verdict()
    assert said.startswith(
        "convscope is the fastest in 1 of 2 cases: the fastest peer takes 3.00 times its time."
    )
    assert (
        "slower than JAX in Q-network, 16384 samples, dim 2, batch 3, 1 thread (which takes 0.55, 0.53–0.57 of"
        in said
    )
    assert "OpenVINO is not installed in 1 of 2 cases (pip install openvino)." in said
    assert "torch hooks is wrong in 1 of 2 cases (relative error 2.6e-01 in conv2)." in said
    assert "direct form is faster" not in said


def test_level_is_neither_ahead_nor_behind():
    level = result(convscope=[1.0, 1.0, 1.0], JAX=[0.9, 1.0, 1.1], convscope_direct=[0.5, 0.5, 0.5])
    said = report(level).verdict()
    assert said.startswith("convscope is not the fastest in 1 case.")
    assert "level with JAX" in said
    assert "Its own direct form is faster in generator" in said


def test_a_verdict_without_peers():
    assert report(result(convscope=[1.0])).verdict() == "convscope was compared with no peer."


def test_who_cannot_run_a_network_is_named_in_table_and_verdict():
    lacking = Row("JAX", "cannot run this network", "the JAX form has no Identity")
    found = with_rows(result(convscope=[1.0]), lacking)
    assert case_tables([found])[0].rows[1] == ("JAX", "cannot run this network", *["-"] * 6)
    assert report(found).verdict().endswith(" JAX cannot run this network (the JAX form has no Identity).")


def test_prefixes_are_not_counted_as_cases():
    prefix = result(replace(TINY, depth=1), convscope=[2.0], JAX=[1.0])
    assert report(prefix, OURS_FAST).verdict() == report(OURS_FAST).verdict()


def test_lost_rows_say_so():
    (table,) = case_tables([OURS_SLOW])
    cells = {row[0]: row for row in table.rows}
    assert cells["JAX"][2] == "0.55 (0.53-0.57) faster"
    assert cells["convscope"][2] == "1"
    assert cells["OpenVINO"][1] == "not installed"
    assert cells["torch hooks"][1:6] == ("wrong", "-", "-", "-", "2.6e-01")
    assert all(len(row) == len(table.header) for row in table.rows)


def test_who_was_timed_once_is_marked():
    (table,) = case_tables([OURS_FAST])
    assert {row[0]: row[2] for row in table.rows}["JAX"] == "9 (once)"


def test_batches_stand_side_by_side():
    other = result(replace(TINY, batch=6), convscope=[1.0, 1.0, 1.0], JAX=[2.0, 2.0, 2.0])
    (table,) = summary_tables([OURS_FAST, other])
    assert table.header == ("samples/s (time / ours)", "batch 3", "batch 6")
    assert table.rows[0] == ("convscope", "1.5", "6")
    assert table.rows[3] == ("JAX", "0.3333 (9.00 ×)", "3 (2.00 ×)")


def test_errors_are_the_largest_of_all_cases():
    better = replace(OURS_FAST, case=replace(TINY, batch=6))
    worse = replace(
        OURS_FAST,
        rows=tuple(replace(row, errors={**row.errors, "conv2": 3e-7}) for row in OURS_FAST.rows),
    )
    (table,) = error_tables([better, worse])
    assert table.rows[0] == ("convscope", "1.0e-07", "1.0e-07", "3.0e-07", "1.0e-07", "1.0e-07", "1.0e-07")


def test_a_layer_is_the_difference_of_two_prefixes():
    prefixes = [
        result(replace(TINY, depth=i), convscope=[i, i, i], JAX=[2 * i, 2 * i, 2 * i]) for i in range(1, 6)
    ]
    whole = result(TINY, convscope=[10.0, 10.0, 12.0], JAX=[12.0, 12.0, 12.0])
    times, ratios = layer_tables([*prefixes, whole])
    assert times.header == ("engine", *TINY.layers)
    assert times.rows[0] == ("convscope", *["1e+03 ± 0"] * 5, "5e+03 ± 5e+02")
    assert ratios.rows == (("JAX", *["2.00 (2.00-2.00)"] * 5, "1.20 (1.10-1.20)"),)
    assert list(layer_tables([whole])) == []


def test_markdown_holds_every_engine_case_and_note():
    text = report(OURS_FAST, OURS_SLOW).markdown()
    assert text.startswith("# convscope beside other engines\n\nSome CPU @ 2 GHz, 2 processors")
    for expected in (
        "| JAX | 2.727 (0.55 ×) |",
        "faster",
        "### Q-network, 16384 samples, dim 2, batch 3, 1 thread",
        "50 ms",
    ):
        assert expected in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in lines)


def test_a_spread_of_one_value_is_the_value():
    assert Spread.of([2.0]) == Spread(2.0, 2.0, 2.0)


def test_titles():
    assert str(Case("q_network", 65536, 16, 1, 2)) == "Q-network, 65536 samples, dim 16, batch 1, 2 threads"
    assert str(replace(TINY, depth=2)) == "generator, 16384 samples, dim 2, first 2 layers, batch 3, 1 thread"
