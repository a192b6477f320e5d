"""Designs of latent vectors: rows by number alone, what they are, and what cannot be."""

from __future__ import annotations

import json

import numpy as np
import pytest

from convscope import latents
from convscope.latents import OneHot

A, B = np.random.default_rng(1).standard_normal((2, 12))
BASES = latents.random(7, size=12, code=OneHot(3), seed=4)


def designs():
    two = np.stack([A, B])
    return {
        "random": latents.random(30, size=12, seed=2),
        "line": latents.line(A, B, steps=31),
        "lines": latents.lines(two, two[::-1] * 2, steps=15),
        "sphere": latents.sphere(A, B, steps=30, code_size=3),
        "variable": latents.variable("z11", [-15.0, 0.5, 4.5, 100], bases=BASES),
        "grid": latents.grid({"z3": [0.0, 1], 0: [5.0, 6, 7]}, bases=BASES),
        "path": latents.path({"z3": [1.5, 0, 0, 0, 1], 0: [0, 0.0, 1, 1, 2]}, bases=BASES),
        "rows": latents.rows(np.random.default_rng(2).random((30, 12))),
    }


@pytest.fixture(params=designs())
def design(request):
    return designs()[request.param]


def test_a_row_needs_no_others(design):
    whole = design[:]
    assert whole.shape == (len(design), 12)
    assert whole.dtype == np.float32
    for i in (0, 1, len(design) // 2, len(design) - 1, -1):
        np.testing.assert_array_equal(design[i], whole[i])
    np.testing.assert_array_equal(design[[9, 3, 25]], whole[[9, 3, 25]])
    np.testing.assert_array_equal(design[5:28:4], whole[5:28:4])
    np.testing.assert_array_equal(np.asarray(design), whole)
    with pytest.raises(IndexError, match=f"below {len(design)}, got {len(design)}"):
        design[len(design)]


def test_what_rows_are_needs_no_others_either(design):
    whole = design.variables()
    for name, values in whole.items():
        assert values.shape == (len(design),)
        np.testing.assert_array_equal(design.variables(slice(7, 20))[name], values[7:20])
        np.testing.assert_array_equal(design.variables([5, 2])[name], values[[5, 2]])


def test_descriptions_tell_designs_apart():
    described = [json.dumps(each.describe(), sort_keys=True) for each in designs().values()]
    assert len(set(described)) == len(described)
    assert described == [json.dumps(each.describe(), sort_keys=True) for each in designs().values()]
    others = [
        latents.random(30, size=12, seed=3),
        latents.random(30, size=12, seed=2, code=OneHot(2)),
        latents.random(30, size=12, seed=2, code=[1.0, 0]),
        latents.random(30, size=12, seed=2, code=[0.0, 1]),
        latents.line(A, B, steps=30),
        latents.line(A, B + 1e-12, steps=31),
        latents.sphere(A, B, steps=30),
        latents.variable("z10", [-15.0, 0.5, 4.5, 100], bases=BASES),
        latents.variable("z11", [-15.0, 0.5, 4.5, 100], bases=latents.random(7, size=12)),
        latents.grid({0: [5.0, 6, 7], "z3": [0.0, 1]}, bases=BASES),
    ]
    more = [json.dumps(each.describe()) for each in others]
    assert len({*described, *more}) == len(described) + len(more)


def test_a_line_begins_and_ends_where_it_should():
    design = latents.line(A, B, steps=2001)
    np.testing.assert_array_equal(design[0], A.astype(np.float32))
    np.testing.assert_array_equal(design[-1], B.astype(np.float32))
    np.testing.assert_allclose(design[500], 0.75 * A + 0.25 * B, rtol=1e-6, atol=1e-7)
    found = design.variables([0, 500, 2000])
    assert found["step"].tolist() == [0, 500, 2000]
    assert found["position"].tolist() == [0, 0.25, 1]
    assert set(found) == {"step", "position"}


def test_lines_follow_each_other():
    starts, ends = np.stack([A, B]), np.stack([B, 3 * A])
    design = latents.lines(starts, ends, steps=5)
    each = [latents.line(a, b, steps=5)[:] for a, b in zip(starts, ends, strict=True)]
    np.testing.assert_array_equal(design[:], np.concatenate(each))
    assert design.variables()["line"].tolist() == [0] * 5 + [1] * 5
    assert design.variables()["step"].tolist() == [*range(5)] * 2


def test_a_sphere_keeps_lengths_and_turns_evenly():
    b = B * np.linalg.norm(A) / np.linalg.norm(B)
    rows = latents.sphere(A, b, steps=9)[:].astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), np.linalg.norm(A), rtol=1e-6)
    turns = np.arccos((rows[1:] * rows[:-1]).sum(1) / (A @ A))
    np.testing.assert_allclose(turns, turns.mean(), rtol=1e-4)
    np.testing.assert_array_equal(rows[[0, -1]], np.stack([A, b]).astype(np.float32))
    coded = latents.sphere(A, b, steps=9, code_size=3)[:]
    np.testing.assert_array_equal(coded[:, :3], latents.line(A, b, steps=9)[:][:, :3])
    np.testing.assert_allclose(latents.sphere(A, 2 * A, steps=3)[1], 1.5 * A, rtol=1e-6)


def test_one_variable_over_values_and_the_others_fixed():
    design = latents.variable("z11", np.arange(-15, 6, 2), bases=BASES)
    rows, found = design[:], design.variables()
    assert len(design) == 7 * 11
    np.testing.assert_array_equal(rows[:, :11], np.repeat(BASES[:], 11, axis=0)[:, :11])
    np.testing.assert_array_equal(rows[:, 11], np.tile(np.arange(-15, 6, 2), 7))
    np.testing.assert_array_equal(found["z11"], rows[:, 11])
    np.testing.assert_array_equal(found["base"], np.repeat(np.arange(7), 11))


def test_a_grid_has_every_combination():
    design = latents.grid({"z3": [0.0, 1], 0: [5.0, 6, 7]}, bases=BASES)
    rows, found = design[:], design.variables()
    assert {tuple(row) for row in rows[:6, [3, 0]].tolist()} == {(a, b) for a in (0, 1) for b in (5, 6, 7)}
    np.testing.assert_array_equal(rows[:, [3, 0]], np.stack([found["z3"], found["z0"]], axis=1))
    np.testing.assert_array_equal(rows[6:12, 4:], np.repeat(BASES[1:2], 6, axis=0)[:, 4:])


def test_a_path_takes_its_variables_along_together():
    down = np.maximum(np.arange(1.5, -1.6, -0.125), 0)
    design = latents.path({"z0": down, "z1": down[::-1]}, bases=BASES)
    assert len(design) == 7 * 25  # the papers' steps
    rows = design[25:50]
    np.testing.assert_array_equal(rows[:, 0], down)
    np.testing.assert_array_equal(rows[:, 1], down[::-1])
    np.testing.assert_array_equal(rows[:, 2:], np.broadcast_to(BASES[1][2:], (25, 10)))
    assert list(design.variables([26])) == ["base", "step", "z0", "z1"]
    np.testing.assert_array_equal(design.axes["step"], np.arange(25))
    np.testing.assert_array_equal(design.cells([26, 3]), [1, 3])
    with pytest.raises(ValueError, match=r"values: expected as many for each variable, got \[2, 3\]"):
        latents.path({0: [0, 1], 1: [0, 1, 2]}, bases=BASES)


def test_rows_of_a_file_are_read_when_they_are_asked_for(tmp_path):
    array = np.random.default_rng(3).random((50, 4))
    np.save(tmp_path / "z.npy", array)
    design = latents.rows(tmp_path / "z.npy")
    np.testing.assert_array_equal(design[10:20], array[10:20].astype(np.float32))
    assert design.describe() == latents.rows(array).describe()
    array[30, 2] = np.nan
    np.save(tmp_path / "z.npy", array)
    with pytest.raises(ValueError, match="rows: expected finite numbers, got 'others in row 30'"):
        latents.rows(tmp_path / "z.npy")


def test_a_thousand_million_points_take_no_memory():
    design = latents.variable("z11", np.linspace(-15, 15, 1000), bases=latents.random(10**6, size=12))
    assert len(design) == 10**9
    last = design.variables([10**9 - 1])
    assert (last["base"][0], last["z11"][0]) == (10**6 - 1, 15)
    assert latents.line(A, B, steps=10**9)[[10**9 - 1]].tolist() == [B.astype(np.float32).tolist()]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: latents.line(A, B, steps=1), "steps: expected at least 2, the ends, got 1"),
        (lambda: latents.line(A, B[:5], steps=3), r"end: expected as many as start, \(1, 12\), got \(1, 5\)"),
        (lambda: latents.line(A * np.nan, B, steps=3), "start: expected finite numbers, got '12 of 12"),
        (lambda: latents.line([], [], steps=3), "start: expected one latent vector for each line"),
        (lambda: latents.lines(A, B, steps=3), "start: expected one latent vector for each line"),
        (lambda: latents.sphere(A, -A, steps=3), "expected directions that are not opposite"),
        (lambda: latents.sphere(A, 0 * A, steps=3), "expected vectors that have a direction"),
        (lambda: latents.sphere(A, B, steps=3, code_size=12), "code_size: expected at least 0 and below 12"),
        (lambda: latents.variable("z12", [0.0], bases=BASES), "variable: expected z0 to z11, got 'z12'"),
        (lambda: latents.variable("c1", [0.0], bases=BASES), "variable: expected z0 to z11, got 'c1'"),
        (lambda: latents.variable(3, [], bases=BASES), "values of z3: expected a list of one or more"),
        (lambda: latents.random(3, code=[np.nan, 0]), "code: expected finite numbers"),
        (lambda: latents.variable(3, [1e39], bases=BASES), "values of z3: expected finite numbers"),
        (lambda: latents.rows(np.vstack([BASES[:], np.full(12, np.nan)])), "expected finite numbers, got 'others in row 7'"),
        (lambda: latents.variable(3, [1, 1], bases=BASES), "values of z3: expected each value once"),
        (lambda: latents.variable(3, [np.inf], bases=BASES), "values of z3: expected finite numbers"),
        (lambda: latents.grid({3: [1.0], "z3": [2.0]}, bases=BASES), "expected each variable once, got 'z3 twice'"),
        (lambda: latents.grid({}, bases=BASES), "values: expected at least one variable, got 'none'"),
        (lambda: latents.variable(3, [1.0], bases=latents.random(0)), "bases: expected at least one row"),
        (lambda: latents.variable(0, [1.0], bases=A), r"rows: expected an array \(rows, size\), got 'shape \(12,\)'"),
        (lambda: latents.rows(np.array([["a"]])), "rows: expected floating-point numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("design", "axes"),
    [
        (latents.random(5, size=3), {}),
        (latents.rows(np.zeros((4, 3))), {}),
        (latents.line([0.0, 1.0], [1.0, 0.0], steps=5), {"position": [0, 0.25, 0.5, 0.75, 1]}),
        (latents.lines(np.zeros((3, 2)), np.ones((3, 2)), steps=2), {"position": [0, 1]}),
        (
            latents.grid({"z1": [1, 2, 3], "z0": [5, 6]}, bases=np.zeros((4, 2))),
            {"z1": [1, 2, 3], "z0": [5, 6]},
        ),
    ],
)
def test_cells_are_the_combinations_of_what_is_varied(design, axes):
    assert {name: values.tolist() for name, values in design.axes.items()} == axes
    cells = design.cells()
    assert cells.dtype == np.int64
    places = np.unravel_index(cells, tuple(map(len, axes.values()))) if axes else ()
    variables = design.variables()
    for name, place in zip(axes, places, strict=True):
        assert np.array_equal(np.asarray(axes[name])[place], variables[name])
    if not axes:
        assert not cells.any()
    assert np.array_equal(design.cells([3, 1]), cells[[3, 1]])
    assert np.array_equal(design.cells(slice(2, None)), cells[2:])


def test_numpy_integers_are_integers():
    one, other = (
        latents.random(kind(5), size=kind(9), code=OneHot(kind(4)), seed=kind(3)) for kind in (int, np.int64)
    )
    assert json.dumps(one.describe()) == json.dumps(other.describe())
    assert json.dumps(latents.line(A, B, steps=np.int64(5)).describe())
