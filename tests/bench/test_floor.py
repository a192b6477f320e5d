"""The floor of a call: from the plan and two rates of the machine, worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.bench.planted import OURS_FAST, TINY, Fake, report, result

from convscope import Probe, _core
from convscope.bench import ENGINES, Floor, Report, Row, Spread
from convscope.bench._measure import measure
from convscope.bench._tables import case_tables
from convscope.probe import LayerPlan, Machine, Plan

PLAN = Plan([LayerPlan("a", "direct", 0, 9, 2_000, 4_000), LayerPlan("b", "spectral", 64, 9, 3_000, 2_000)])
RATES = Machine(products_per_second=1e6, bytes_per_second=2e6, threads=2)


def with_floor(found, name, floor):
    rows = tuple(replace(row, floor=floor) if row.engine == name else row for row in found.rows)
    return replace(found, rows=rows)


def test_a_large_batch_multiplies_longer_than_it_reads():
    floor = Floor.of(PLAN, 8, RATES)
    assert floor == Floor(products=40_000, weight_bytes=6_000, products_per_second=2e6, bytes_per_second=2e6)
    assert floor.seconds == pytest.approx(0.02)
    assert str(floor) == "20 ms (4e-05 G multiply-adds at 0 G/s)"


def test_a_small_batch_reads_its_weights_longer_than_it_multiplies():
    floor = Floor.of(PLAN, 1, RATES)
    assert floor.seconds == pytest.approx(0.003)  # 6000 bytes; 5000 products take 2.5 ms
    assert str(floor) == "3 ms (0.0 MB of weights at 0.0 GB/s)"


def test_times_are_divided_by_the_floor():
    row = Row("convscope", "ok", times_s=(0.02, 0.03, 0.06), floor=Floor.of(PLAN, 8, RATES))
    assert row.times_floor == Spread(pytest.approx(1.5), pytest.approx(1.25), pytest.approx(2.25))
    assert replace(row, floor=None).times_floor is None
    assert replace(row, times_s=()).times_floor is None


@pytest.mark.parametrize(("name", "algorithm"), [("convscope", "auto"), ("convscope direct", "direct")])
def test_it_follows_from_the_plan_that_is_timed_and_from_rates_on_its_threads(monkeypatch, name, algorithm):
    monkeypatch.setattr("convscope.bench._measure.TURN_S", 0.0)
    asked = []

    def rates(isa, num_threads, repeats):
        asked.append((isa, num_threads))
        return Machine(*[(1e9, 3e9), (2e9, 1e9)][len(asked) - 1], num_threads)

    monkeypatch.setattr("convscope.bench._floor.measure_machine", rates)
    monkeypatch.setitem(ENGINES, "fake", Fake())
    case = replace(TINY, dim=16, threads=2)
    found = measure(case, [name, "fake"], 1)
    plan = Probe(case.network(), algorithm=algorithm).plan
    assert found.row(name).floor == Floor.of(plan, 3, Machine(2e9, 3e9, 2))  # the best of both
    assert found.row("fake").floor is None
    assert asked == [(_core.selected_isa(), 2)] * 2


def test_without_convscope_the_machine_is_not_measured(monkeypatch):
    monkeypatch.setattr("convscope.bench._floor.measure_machine", lambda *_: pytest.fail("measured"))
    monkeypatch.setitem(ENGINES, "fake", Fake())
    assert measure(TINY, ["fake"], 0).row("fake").floor is None


def test_it_stands_below_the_table_and_in_the_report():
    found = with_floor(OURS_FAST, "convscope", Floor(3 * 10**11, 10**6, 3e11, 1e9))
    (table,) = case_tables([found])
    line = "convscope: 2.00 (1.50-3.00) × its floor, 1e+03 ms (300 G multiply-adds at 300 G/s)"
    assert table.below == (line,)
    assert f"|\n\n- {line}\n" in report(found).markdown()
    assert case_tables([OURS_FAST])[0].below == ()


def test_it_survives_json_beside_what_follows_from_it():
    original = report(with_floor(OURS_FAST, "convscope", Floor(10, 2, 5.0, 4.0)))
    text = original.to_json()
    assert Report.from_json(text) == original
    ours, direct = json.loads(text)["results"][0]["rows"][:2]
    assert (ours["floor_s"], ours["times_floor"]) == (2.0, {"median": 1.0, "low": 0.75, "high": 1.5})
    assert (direct["floor"], direct["floor_s"], direct["times_floor"]) == (None, None, None)


def test_reports_from_before_there_was_a_floor_can_be_read():
    original = report(result(convscope=[1.0]))
    old = json.loads(original.to_json())
    for found in old["results"]:
        del found["case"]["busy"]
        for row in found["rows"]:
            del row["floor"]
    assert Report.from_json(json.dumps(old)) == original
