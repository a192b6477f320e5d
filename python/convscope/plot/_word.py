"""A word and its layers below it, on one time axis.

After Beguš & Zhou 2022 (ICASSP), figure 2: waveform, conv1 ... conv5, logits. Theirs are upsampled to the
waveform; here each layer keeps its own positions, which show as dots where they are few.

Letters: B samples, N samples of the waveform, L positions of a layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..data import Phone
from ..probe import LayerInfo, Series
from ._style import (
    DPI, INK, PURPLE, QUIET, RULE, SMALL_PT, TEXT_PT, TITLE_PT, Colour, described, finish, panel, plain, rate, shades, write,
)  # fmt: skip

# Inches.
WIDTH, LEFT, RIGHT = 8.0, 1.62, 0.28
TOP, BOTTOM, GAP = 0.98, 0.52, 0.17
SOUND_HEIGHT, LAYER_HEIGHT, LOGITS_HEIGHT = 1.05, 0.72, 0.6
TIME_AXIS = 0.62  # between the last layer and the logits
LABEL_LEFT = 0.3

DOTS_UP_TO = 80  # positions in view: more of them touch
LABELLED_BARS = 32
AFTER_LAST_PHONE_S = 0.04
CROWDED = 0.024  # of the axis: phones whose middles are closer are labelled on two heights


def plot_word(
    series: Series,
    sample: int = 0,
    *,
    waveform: npt.ArrayLike | None = None,
    sample_rate_hz: float | None = None,
    phones: Sequence[Phone] | None = None,
    title: str | None = None,
    end_s: float | None = None,
    save: str | PathLike[str] | None = None,
) -> Figure:
    """Draw one sample: its waveform, and each layer's series below it, on one axis in seconds.

    Parameters
    ----------
    series : Series
        From `convscope.fast_probe`. Each layer is drawn at its own positions (`LayerInfo.times_s`), in order of
        execution, on a vertical scale of its own. Logits, if probed, become bars.
    sample : int
        Row of the batch.
    waveform : (N,) array, optional
        What was heard, full scale ±1.
    sample_rate_hz : float, optional
        Of the waveform; that of the network by default.
    phones : sequence of Phone, optional
        Drawn as vertical lines at their boundaries, with labels.
    title : str, optional
        The sample's number by default.
    end_s : float, optional
        End of the time axis. By default shortly after the last phone, and without phones the end of the slice.
    save : path, optional
        Also write the figure there; the suffix names the format.

    Returns
    -------
    matplotlib.figure.Figure
        Axes with the labels "waveform", then the layers' names, from top to bottom.

    Raises
    ------
    IndexError
        If there is no such sample.
    ValueError
        If no layer has a time axis in seconds, the waveform is not (N,) numbers, or `end_s` is not positive.

    Examples
    --------
    >>> import numpy as np, convscope as cs
    >>> net = cs.models.build(cs.models.preset("tf1-ciwgan", role="q_network", num_categories=8, dim=4))
    >>> figure = cs.plot.plot_word(cs.fast_probe(net, np.zeros((1, 16384))), waveform=np.zeros(16384))
    >>> [axes.get_label() for axes in figure.axes]
    ['waveform', 'conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'logits']
    """
    rows = _rows_of(series, sample)
    timed = [layer for layer in series.layers if layer.has_clock]
    others = [layer for layer in series.layers if not layer.has_clock]
    if not timed:
        raise ValueError(f"plot_word: expected a layer with a time axis in seconds, got {', '.join(series)}")
    slice_s = timed[0].slice_len / timed[0].sample_rate_hz
    stop_s = _end_s(end_s, phones, slice_s)

    heights = [SOUND_HEIGHT] * (waveform is not None) + [LAYER_HEIGHT] * len(timed)
    logits_height = (TIME_AXIS - BOTTOM + LOGITS_HEIGHT + BOTTOM) if others else 0.0
    height = TOP + sum(heights) + GAP * (len(heights) - 1) + BOTTOM + logits_height
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white")
    top = height - TOP
    stack: list[Axes] = []
    if waveform is not None:
        top -= SOUND_HEIGHT
        stack.append(panel(figure, LEFT, top, WIDTH - LEFT - RIGHT, SOUND_HEIGHT))
        _draw_sound(stack[-1], waveform, sample_rate_hz or timed[0].sample_rate_hz)
        _name(figure, top + SOUND_HEIGHT / 2, "waveform", "full scale ±1")
        top -= GAP
    for layer, colour in zip(timed, shades(len(timed)), strict=True):
        top -= LAYER_HEIGHT
        stack.append(panel(figure, LEFT, top, WIDTH - LEFT - RIGHT, LAYER_HEIGHT))
        _draw_layer(stack[-1], layer, rows[layer.name], colour, stop_s)
        _name(figure, top + LAYER_HEIGHT / 2, layer.name, f"{rate(layer)}, {layer.channels} ch.", colour)
        top -= GAP
    _time_axis(stack, stop_s)
    if phones:
        _draw_phones(figure, stack, phones, stop_s)
    if others:
        bottom = BOTTOM - 0.1
        _draw_logits(figure, others, rows, bottom)
    write(figure, LABEL_LEFT, height - 0.36, title or f"sample {sample}", fontsize=TITLE_PT, fontweight="bold")
    scale = f"{described(series)}; every panel has its own vertical scale"
    write(figure, LABEL_LEFT, height - 0.58, scale, fontsize=SMALL_PT, color=QUIET)
    return finish(figure, save)


def _rows_of(series: Series, sample: int) -> dict[str, npt.NDArray[np.float32]]:
    """The sample's array of each layer: (L,), or (K, L) for a read-out matrix, or (n,) logits."""
    arrays = series.to_numpy()
    count = len(next(iter(arrays.values())))
    if not -count <= sample < count:
        raise IndexError(f"plot_word: expected a sample below {count}, got {sample}")
    return {name: array[sample] for name, array in arrays.items()}


def _end_s(end_s: float | None, phones: Sequence[Phone] | None, slice_s: float) -> float:
    if end_s is not None:
        if not 0 < end_s < np.inf:
            raise ValueError(f"plot_word: expected a positive end_s in seconds, got {end_s}")
        return end_s
    return min(slice_s, max(phone.end_s for phone in phones) + AFTER_LAST_PHONE_S) if phones else slice_s


def _draw_sound(axes: Axes, waveform: npt.ArrayLike, sample_rate_hz: float) -> None:
    samples = np.asarray(waveform)  # (N,)
    if samples.ndim != 1 or samples.dtype.kind not in "fiu" or not sample_rate_hz > 0:
        raise ValueError(
            "plot_word: expected a waveform (N,) of real numbers and a positive sample_rate_hz, "
            f"got {samples.dtype} {samples.shape} at {sample_rate_hz} Hz"
        )
    axes.set_label("waveform")
    axes.plot(np.arange(samples.size) / sample_rate_hz, samples, color=INK, linewidth=0.6)
    axes.set_yticks([-1, 0, 1])
    axes.set_ylim(-1.05, 1.05)


def _draw_layer(
    axes: Axes, layer: LayerInfo, row: npt.NDArray[np.float32], colour: Colour, stop_s: float
) -> None:
    times_s = layer.times_s()  # (L,)
    dots = "o" if np.count_nonzero(times_s <= stop_s) <= DOTS_UP_TO else ""
    axes.set_label(layer.name)
    for values in np.atleast_2d(row):  # one (L,), or one per row of a read-out matrix
        axes.plot(times_s, values, color=colour, linewidth=1.3, marker=dots, markersize=3.2)
        if row.ndim == 1:
            axes.fill_between(times_s, values, color=colour, alpha=0.14, linewidth=0)
    axes.margins(y=0.08)


def _time_axis(stack: Sequence[Axes], stop_s: float) -> None:
    for axes in stack:
        axes.set_xlim(0, stop_s)
    last = stack[-1]
    last.tick_params(axis="x", bottom=True, labelbottom=True)
    last.spines["bottom"].set_visible(True)
    last.spines["bottom"].set_color(RULE)
    last.spines["bottom"].set_position(("outward", 5))
    last.xaxis.set_major_formatter(plain)
    last.set_xlabel("time (s)", fontsize=TEXT_PT, color=INK, labelpad=3)


def _draw_phones(figure: Figure, stack: Sequence[Axes], phones: Sequence[Phone], stop_s: float) -> None:
    """Lines through all panels, on axes of their own behind them."""
    first, last = stack[0].get_position(), stack[-1].get_position()
    behind = figure.add_axes((first.x0, last.y0, first.width, first.y1 - last.y0), label="phones", zorder=-1)
    behind.set_xlim(0, stop_s)
    behind.axis("off")
    for boundary_s in sorted({time_s for phone in phones for time_s in (phone.start_s, phone.end_s)}):
        behind.axvline(boundary_s, color=RULE, linewidth=0.7)
    previous_s, raised = -np.inf, False
    for phone in phones:
        middle_s = (phone.start_s + phone.end_s) / 2
        raised = middle_s - previous_s < CROWDED * stop_s and not raised
        previous_s = middle_s
        if middle_s <= stop_s:
            behind.annotate(
                phone.label,
                (middle_s, 1),
                xycoords=behind.get_xaxis_transform(),
                xytext=(0, 15 if raised else 4),
                textcoords="offset points",
                ha="center",
                fontsize=TEXT_PT,
                color=INK,
            )


def _draw_logits(figure: Figure, layers: Sequence[LayerInfo], rows: dict[str, npt.NDArray[np.float32]], bottom: float) -> None:
    for layer in layers:
        axes = panel(figure, LEFT, bottom, WIDTH - LEFT - RIGHT, LOGITS_HEIGHT)
        values = rows[layer.name].ravel()  # (n,)
        axes.set_label(layer.name)
        axes.bar(np.arange(values.size), values, width=0.62, color=PURPLE)
        axes.axhline(0, color=RULE, linewidth=0.7)
        if values.size <= LABELLED_BARS:
            axes.set_xticks(range(values.size))
            axes.tick_params(axis="x", labelbottom=True)
        _name(figure, bottom + LOGITS_HEIGHT / 2, layer.name, f"{values.size} values", PURPLE)


def _name(figure: Figure, y: float, name: str, facts: str, colour: Colour | str = INK) -> None:
    write(figure, LABEL_LEFT, y + 0.02, name, fontweight="bold", color=colour, va="bottom")
    write(figure, LABEL_LEFT, y - 0.02, facts, fontsize=SMALL_PT, color=QUIET, va="top")
