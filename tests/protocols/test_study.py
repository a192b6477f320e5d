"""A study and its page: everything is in it, nothing else is needed, nothing is half written."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from convscope.plot import plot_elbow
from convscope.protocols import Study


@pytest.fixture
def study():
    made = Study("A <study>", "of a network", methods=["First & last."], settings={"seed": 0})
    section = made.section("Part")
    section.text("5 < 6")
    section.table(
        "numbers",
        "Numbers",
        pd.DataFrame({"name": ["a"], "p": [1e-9], "x": [-0.25], "y": [np.nan], "n": [3]}),
    )
    section.picture("elbow", "Strengths", plot_elbow(["z0", "z1"], [1.0, 2.0], chosen=1))
    section.left_out("A test", "There were no phones.")
    made.finding("It appears", "Paper", True, "r = .9")
    made.finding("It does not", "Paper", np.False_, "r = .1")
    made.finding("Nobody knows", "Paper", None, "no data")
    made.finding("It may be", "Paper", "undecided", "r = .3, -.1 to .6")
    return made


def test_the_page_needs_no_other_file(study, tmp_path):
    report = study.write(tmp_path / "out")
    page = report.read_text()
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert page.count("data:image/") == 1
    for text in (
        "A &lt;study&gt;", "5 &lt; 6", "&lt;0.0001", "\N{MINUS SIGN}0.25", "\N{EN DASH}", "First &amp; last.",
        "Left out: A test. There were no phones.", "appears", "does not appear", "could not be looked at", "undecided",
    ):  # fmt: skip
        assert text in page


def test_tables_figures_and_settings_lie_beside_it(study, tmp_path):
    study.write(tmp_path / "out")
    assert pd.read_csv(tmp_path / "out" / "tables" / "numbers.csv").p[0] == 1e-9
    for kind in ("svg", "png"):
        assert (tmp_path / "out" / "figures" / f"elbow.{kind}").stat().st_size > 1000
    saved = json.loads((tmp_path / "out" / "study.json").read_text())
    assert [each["verdict"] for each in saved["findings"]] == [
        "appears",
        "does not appear",
        "could not be looked at",
        "undecided",
    ]
    assert saved["left_out"] == [{"what": "A test", "reason": "There were no phones."}]


def test_the_same_study_is_the_same_bytes(study, tmp_path):
    one, other = study.write(tmp_path / "one"), study.write(tmp_path / "other")
    assert one.read_bytes() == other.read_bytes()


def test_what_is_there_stays_unless_it_is_to_be_replaced(study, tmp_path):
    study.write(tmp_path / "out")
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        study.write(tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").exists()
    study.write(tmp_path / "out", replace=True)
    assert not (tmp_path / "out" / "mine.txt").exists()


def test_names_of_files_are_checked_at_once(study):
    with pytest.raises(ValueError, match=r"name: expected letters, digits and _, got '\.\./evil'"):
        study.sections[0].table("../evil", "Outside", pd.DataFrame({"a": [1]}))


def test_long_tables_are_cut_on_the_page_only(study, tmp_path):
    study.sections[0].table("long", "Long", pd.DataFrame({"row": np.arange(1000)}))
    page = study.write(tmp_path / "out").read_text()
    assert "of 1000 rows" in page
    assert "<td>999</td>" not in page
    assert len(pd.read_csv(tmp_path / "out" / "tables" / "long.csv")) == 1000


def test_the_page_has_the_columns_that_are_shown_and_the_file_all(study, tmp_path):
    wide = pd.DataFrame({"layer": ["conv4"], "r": [0.5], "draws": [2000]})
    study.sections[0].table("wide", "Wide", wide, shown=["layer", "r"])
    page = study.write(tmp_path / "out").read_text()
    assert "1 more columns" in page
    assert "draws" not in page
    assert list(pd.read_csv(tmp_path / "out" / "tables" / "wide.csv")) == ["layer", "r", "draws"]
