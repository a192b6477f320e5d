"""What a training run has come to: spectrograms of what the generator says, and how codes and words go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..stats import CodeTable
from . import _style as style

# Inches.
EDGE, TOP, BOTTOM, GAP = 0.55, 0.85, 0.6, 0.3
WAVE, SPECTRUM, ACROSS = 0.45, 1.15, 2.2
COLUMNS = 4
CELL = 0.52

WINDOW_S = 0.016  # of the spectrogram, about three periods of a low voice
RANGE_DB = 60.0  # below its loudest point everything is white


def plot_sounds(
    waveforms: npt.ArrayLike,
    sample_rate_hz: int,
    *,
    names: Sequence[str] | None = None,
    title: str = "sounds",
    save: str | PathLike[str] | None = None,
) -> Figure:
    """Draw waveform and spectrogram of each sound.

    Parameters
    ----------
    waveforms : (B, L) array
        Full scale is ±1.
    sample_rate_hz : int
        Samples per second.
    names : sequence of B str, optional
        What stands above each; its number by default.
    title : str
        Of the whole.
    save : path, optional
        Also write the figure there; the suffix names the format.

    Returns
    -------
    matplotlib.figure.Figure
        Two axes per sound. Frequencies in kHz, times in seconds; a spectrogram's colours end 60 dB below its loudest point.

    Raises
    ------
    ValueError
        If `waveforms` are not (B, L) or the names not B.
    """
    sounds = np.asarray(waveforms, np.float64)
    if sounds.ndim != 2 or not sounds.size:
        raise ValueError(f"waveforms: expected (B, L) with sound in it, got shape {sounds.shape}")
    labels = [str(i) for i in range(len(sounds))] if names is None else list(names)
    if len(labels) != len(sounds):
        raise ValueError(f"names: expected {len(sounds)}, got {len(labels)}")
    columns = min(COLUMNS, len(sounds))
    rows = -(-len(sounds) // columns)
    height = WAVE + SPECTRUM + 2 * GAP
    figure = style.sheet(
        2 * EDGE + columns * (ACROSS + GAP) - GAP, TOP + rows * height - 2 * GAP + BOTTOM + 0.15
    )
    top = figure.get_size_inches()[1] - TOP
    style.heading(
        figure,
        EDGE,
        title,
        f"spectrograms: 0 to {sample_rate_hz / 2000:g} kHz, {RANGE_DB:g} dB; waveforms: full scale",
    )
    times_s = np.arange(sounds.shape[1]) / sample_rate_hz
    for i, (sound, label) in enumerate(zip(sounds, labels, strict=True)):
        left = EDGE + (i % columns) * (ACROSS + GAP)
        bottom = top - (i // columns) * height - WAVE
        wave = style.panel(figure, left, bottom, ACROSS, WAVE)
        wave.plot(times_s, sound, color=style.INK, linewidth=0.4)
        wave.set(ylim=(-1, 1), xlim=(0, times_s[-1]), yticks=[])
        style.write(figure, left, bottom + WAVE + 0.03, label, fontsize=style.SMALL_PT)
        axes = style.panel(figure, left, bottom - SPECTRUM, ACROSS, SPECTRUM)
        levels_db, ends = _spectrogram(sound, sample_rate_hz)
        axes.imshow(
            levels_db,
            origin="lower",
            aspect="auto",
            extent=(ends[0], ends[1], 0, sample_rate_hz / 2000),
            cmap="Greys",
            vmin=-RANGE_DB,
            vmax=0,
        )
        axes.set_xlim(0, times_s[-1])
        if i % columns == 0:
            axes.set_ylabel("kHz", fontsize=style.SMALL_PT, color=style.QUIET)
        else:
            axes.set_yticklabels([])
        if i + columns >= len(sounds):
            style.time_axis(axes, below_pt=2)
    return style.finish(figure, save)


def _spectrogram(
    sound: npt.NDArray[np.float64], sample_rate_hz: int
) -> tuple[npt.NDArray[np.float64], tuple[float, float]]:
    """Levels (frequencies, frames) in dB below the loudest, and the times in seconds where the first begins and the last ends."""
    length = max(16, round(WINDOW_S * sample_rate_hz))
    hop = max(1, length // 8)
    padded = np.pad(sound, length // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop]  # (frames, length)
    power = np.abs(np.fft.rfft(frames * np.hanning(length), n=4 * length, axis=1)) ** 2
    loudest = max(float(power.max()), np.finfo(np.float64).tiny)
    levels_db = 10 * np.log10(np.maximum(power / loudest, 1e-12)).T
    half_s = hop / sample_rate_hz / 2
    return levels_db, (-half_s, (len(frames) - 1) * hop / sample_rate_hz + half_s)


def plot_confusion(
    counts: npt.ArrayLike | CodeTable,
    words: Sequence[str] = (),
    codes: Sequence[str] = (),
    *,
    assigned: Mapping[str, str] | None = None,
    title: str = "codes and words",
    save: str | PathLike[str] | None = None,
) -> Figure:
    """Draw how many sounds of each word have each code.

    Parameters
    ----------
    counts : (W, K) array, or CodeTable
        Sounds; or what `convscope.stats.code_table` returns, which knows the rest.
    words, codes : sequences of str
        Of the rows and columns.
    assigned : mapping, optional
        Which code stands for which word (word to code): framed, and moved to the diagonal.
    title : str
        Of the picture.
    save : path, optional
        Also write the figure there; the suffix names the format.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If `counts` do not fit words and codes.
    """
    if isinstance(counts, CodeTable):
        words, codes = list(counts.counts.columns[1:]), list(counts.counts["code"])
        assigned = {word: code for code, word in counts.word_of_code.items()}
        counts = counts.counts.drop(columns="code").to_numpy().T
    table, words, codes = np.asarray(counts), list(words), list(codes)
    if table.shape != (len(words), len(codes)):
        raise ValueError(f"counts: expected ({len(words)}, {len(codes)}), got {table.shape}")
    order = [codes.index(assigned[word]) for word in words if word in assigned] if assigned else []
    order += [i for i in range(len(codes)) if i not in order]
    table = table[:, order]
    names = [codes[i] for i in order]
    longest = 0.085 * max(map(len, words)) + 0.3
    figure = style.sheet(longest + CELL * len(names) + EDGE + 0.4, TOP + CELL * 0.75 * len(words) + BOTTOM)
    style.heading(figure, 0.3, title, "sounds of each word that have each code, in % of the word's")
    axes = style.panel(figure, longest + 0.3, BOTTOM, CELL * len(names), CELL * 0.75 * len(words))
    shares = 100 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, aspect="auto", cmap="Blues", vmin=0, vmax=100)
    for row, shares_of_word in enumerate(shares):
        for column, share in enumerate(shares_of_word):
            if share >= 0.5:
                colour = "white" if share > 60 else style.INK
                axes.text(
                    column,
                    row,
                    f"{share:.0f}",
                    ha="center",
                    va="center",
                    fontsize=style.SMALL_PT,
                    color=colour,
                )
    for word, code in (assigned or {}).items():
        corner = names.index(code) - 0.5, words.index(word) - 0.5
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=style.INK, linewidth=1.2, clip_on=False))
    axes.set_yticks(range(len(words)), words, fontsize=style.TEXT_PT)
    axes.tick_params(axis="x", bottom=False, labelbottom=True)
    axes.set_xticks(range(len(names)), names, fontsize=style.TEXT_PT)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("code", fontsize=style.TEXT_PT, color=style.INK)
    return style.finish(figure, save)
