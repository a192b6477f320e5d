"""Intervals as Praat's TextGrids: what is written is read back, by our reader and by Praat."""

from __future__ import annotations

import numpy as np
import pytest

from convscope.acoustics import Interval, Intervals, write_layer_sounds
from convscope.data import Segment

MARKS = Intervals.from_segments(
    [
        [Segment("s", 0.0, 0.1), Segment("ɑː", 0.1, 0.25), Segment('"x"', 1 / 3, 0.4)],
        [],
        [Segment("voiced", 0.2, 0.5)],
    ]
)


def test_they_are_read_back(tmp_path):
    pytest.importorskip("praatio", reason="praatio is not installed (extra train)")
    written = MARKS.to_textgrid(tmp_path / "grids", 0.5, tier="phones", name="out")
    assert [path.name for path in written] == [f"00000{sound}-out.TextGrid" for sound in range(3)]
    for sound, path in enumerate(written):
        read = Intervals.from_textgrid(path, "phones", sound=sound)
        assert [(row.sound, row.label) for row in read] == [(row.sound, row.label) for row in MARKS.of(sound)]
        for row, expected in zip(read, MARKS.of(sound), strict=True):
            assert (row.start_s, row.end_s) == pytest.approx((expected.start_s, expected.end_s), abs=1e-5)


def test_praat_reads_them(tmp_path):
    parselmouth = pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
    call = parselmouth.praat.call
    for sound, path in enumerate(MARKS.to_textgrid(tmp_path, [0.5, 0.7, 0.6])):
        grid = parselmouth.read(str(path))
        assert call(grid, "Get end time") == pytest.approx([0.5, 0.7, 0.6][sound])
        count = call(grid, "Get number of intervals", 1)
        rows = [
            (call(grid, query, 1, i + 1))
            for i in range(count)
            for query in ("Get label of interval", "Get start time of interval", "Get end time of interval")
        ]
        labelled = [tuple(rows[i : i + 3]) for i in range(0, len(rows), 3) if rows[i]]
        assert [label for label, *_ in labelled] == [row.label for row in MARKS.of(sound)]
        for (_, start_s, end_s), row in zip(labelled, MARKS.of(sound), strict=True):
            assert (start_s, end_s) == pytest.approx((row.start_s, row.end_s))


def test_they_lie_beside_the_sounds_of_layers(tmp_path):
    sounds = write_layer_sounds(tmp_path, np.zeros((3, 8000)), rate_hz=16000)
    grids = MARKS.to_textgrid(tmp_path, 0.5)
    assert [path.stem for path in grids] == [path.stem for path in sounds]


@pytest.mark.parametrize("is_gap", [False, True])
def test_neighbours_that_touch_but_for_rounding_have_nothing_between(tmp_path, is_gap):
    """0.1 + 0.2 is more than 0.3."""
    ends_s = (0.3, 0.1 + 0.2) if is_gap else (0.1 + 0.2, 0.3)
    marks = Intervals((Interval(0, "a", 0.1, ends_s[0]), Interval(0, "b", ends_s[1], 0.505)))
    (path,) = marks.to_textgrid(tmp_path, 0.5)
    assert path.read_text(encoding="utf-8").splitlines()[-10:] == [
        *("3", "0", "0.1", '""', "0.1", "0.3", '"a"', "0.3", "0.5", '"b"'),
    ]


@pytest.mark.parametrize(
    ("marks", "duration_s", "message"),
    [
        (((0, "a", 0.1, 0.3), (0, "b", 0.2, 0.4)), 0.5, "intervals: expected ones that follow each other, got overlapping ones in sound 0, 'b' at 0.2 s"),
        (((0, "a", 0.1, 0.6),), 0.5, "intervals: expected all within the sound, 0 to 0.5 s"),
        (((0, "a", -0.1, 0.3),), 0.5, "intervals: expected all within the sound, 0 to 0.5 s"),
        ((), [0.5, 0.0], "duration_s: expected positive numbers, got 0 of sound 1"),
        (((2, "a", 0.1, 0.3),), [0.5, 0.5], "intervals: expected sounds below 2, got one of sound 2"),
    ],
)  # fmt: skip
def test_what_praat_has_no_tier_for_is_refused(marks, duration_s, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        Intervals(tuple(Interval(*each) for each in marks)).to_textgrid(tmp_path / "grids", duration_s)
    assert not (tmp_path / "grids").exists()
