"""The picture holds every engine that was timed, at its speed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bench.planted import OURS_FAST, OURS_SLOW, TINY, report, result

from convscope.bench._engines import ENGINES
from convscope.bench._plot import CEILING, FAMILIES, NAME_STEP, spread_out


def test_a_panel_per_network_and_thread_count(tmp_path):
    other = replace(OURS_FAST, case=replace(TINY, threads=2))
    figure = report(OURS_FAST, other, OURS_SLOW).plot(tmp_path / "speeds.png")
    assert [axes.get_label() for axes in figure.axes] == [
        "generator, 16384 samples, dim 2, 1 thread",
        "generator, 16384 samples, dim 2, 2 threads",
        "Q-network, 16384 samples, dim 2, 1 thread",
    ]
    assert (tmp_path / "speeds.png").stat().st_size > 10_000


def test_points_are_medians_over_the_batches():
    other = result(replace(TINY, batch=6), convscope=[1.0, 1.0, 1.0])
    figure = report(OURS_FAST, other).plot()
    drawn = {line.get_label(): line[0] for line in figure.axes[0].containers}
    np.testing.assert_allclose(drawn["convscope"].get_ydata(), [1.5, 6.0])
    np.testing.assert_allclose(drawn["JAX"].get_ydata(), [1 / 3])
    names = [text.get_text() for text in figure.texts]
    assert {"convscope  6", "JAX  0.333", "onnxruntime  0.5", "convscope direct  0.75"} <= set(names)
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["3", "6"]


def test_the_rule_is_named_among_the_lines_where_nothing_is_drawn():
    figure = report(OURS_FAST).plot()
    (axes,) = figure.axes
    speed = 1e11 / TINY.flops
    (rule,) = [line for line in axes.lines if list(line.get_ydata()) == [speed, speed]]
    (name,) = [text for text in figure.texts if text.get_text() == f"{CEILING}  {speed:.3g}"]
    assert rule.get_color() == name.get_color()
    assert not axes.texts
    right = axes.get_position().x1
    assert all(text.get_position()[0] > right for text in figure.texts if text.get_text().startswith(CEILING))
    heights = sorted(
        t.get_position()[1] for t in figure.texts if t.get_position()[0] == name.get_position()[0]
    )
    step = NAME_STEP / figure.get_size_inches()[1]
    assert all(b - a > 0.99 * step for a, b in pairwise(heights))
    assert len(heights) == 5


def test_nothing_timed_is_nothing_to_draw():
    with pytest.raises(ValueError, match="expected a case in which an engine was timed"):
        report(result(convscope=[])).plot()


def test_every_engine_has_a_colour():
    assert {name.split(" ")[0].split(".")[0] for name in ENGINES} == set(FAMILIES)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=12))
def test_names_do_not_overlap_and_keep_their_order(heights):
    wanted = sorted(heights)
    places = spread_out(wanted, 0.2, 0.0)
    assert len(places) == len(wanted)
    assert places[0] >= 0
    assert all(b - a >= 0.2 - 1e-9 for a, b in pairwise(places))


def test_names_with_room_stay_where_they_belong():
    assert spread_out([1.0, 2.0, 3.0], 0.2, 0.0) == [1.0, 2.0, 3.0]
    np.testing.assert_allclose(spread_out([1.0, 1.0], 0.2, 0.0), [0.9, 1.1])
