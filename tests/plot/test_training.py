"""Pictures of training: every sound and every count is where it belongs."""

from __future__ import annotations

import matplotlib.image
import numpy as np
import pytest
from matplotlib.patches import Rectangle

from convscope.plot import plot_confusion, plot_sounds
from convscope.stats import code_table

RATE_HZ = 5000


def tone(hz, seconds=0.4, lead_s=0.1):
    times_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.where(times_s >= lead_s, 0.5 * np.sin(2 * np.pi * hz * times_s), 0)


def test_a_spectrogram_is_dark_at_the_tones_frequency_once_it_has_begun():
    figure = plot_sounds([tone(500), tone(2000)], RATE_HZ, names=["low", "high"])
    spectra = [axes for axes in figure.axes if axes.images]
    assert len(spectra) == 2
    for axes, hz in zip(spectra, (500, 2000), strict=True):
        image = axes.images[0]
        levels_db = np.asarray(image.get_array())
        left, right, low, high = image.get_extent()
        frequency, frame = np.unravel_index(levels_db.argmax(), levels_db.shape)
        assert low + (frequency + 0.5) / levels_db.shape[0] * (high - low) == pytest.approx(
            hz / 1000, abs=0.03
        )
        times_s = left + (np.arange(levels_db.shape[1]) + 0.5) / levels_db.shape[1] * (right - left)
        loud = times_s[levels_db[frequency] > -20]
        assert loud[0] == pytest.approx(0.1, abs=0.01)
        assert times_s[frame] > 0.1
    assert {text.get_text() for text in figure.texts} >= {"low", "high"}


def test_sounds_that_are_silent_or_many_have_a_picture(tmp_path):
    figure = plot_sounds(np.zeros((9, 500)), RATE_HZ, save=tmp_path / "sounds.png")
    assert len(figure.axes) == 18
    assert matplotlib.image.imread(tmp_path / "sounds.png").shape[2] == 4


@pytest.mark.parametrize(
    ("sounds", "names"), [(np.zeros(5), None), (np.zeros((2, 0)), None), (np.zeros((2, 50)), ["a"])]
)
def test_what_cannot_be_drawn_is_named(sounds, names):
    with pytest.raises(ValueError, match="expected"):
        plot_sounds(sounds, RATE_HZ, names=names)


def test_the_code_that_stands_for_a_word_is_on_the_diagonal(tmp_path):
    counts = [[1, 9, 0], [8, 2, 0], [0, 5, 5]]
    figure = plot_confusion(
        counts,
        ["ask", "dark", "oily"],
        ["0", "1", "2"],
        assigned={"ask": "1", "dark": "0", "oily": "2"},
        save=tmp_path / "c.png",
    )
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "0", "2"]
    np.testing.assert_allclose(
        np.asarray(axes.images[0].get_array()), [[90, 10, 0], [20, 80, 0], [50, 0, 50]]
    )
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in axes.texts}
    assert written == {(0, 0): "90", (0, 1): "10", (1, 0): "20", (1, 1): "80", (2, 0): "50", (2, 2): "50"}


def test_what_stands_for_a_word_is_framed():
    found = code_table([0, 0, 1, 1, 2, 2], ["b", "b", "a", "a", "c", "a"], permutations=19)
    (axes,) = plot_confusion(found).axes
    frames = [patch.get_xy() for patch in axes.patches if isinstance(patch, Rectangle)]
    assert sorted(frames) == [(-0.5, -0.5), (0.5, 0.5), (1.5, 1.5)]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "0", "2"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]


def test_counts_must_fit():
    with pytest.raises(ValueError, match=r"counts: expected \(2, 3\), got \(2, 2\)"):
        plot_confusion([[1, 2], [3, 4]], ["a", "b"], ["0", "1", "2"])
