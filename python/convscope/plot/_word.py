"""A word and its layers below it, on one time axis.

After Beguš & Zhou 2022 (ICASSP), figure 2: waveform, conv1 ... conv5, logits. Theirs are upsampled to the
waveform; here each layer keeps its own positions, which show as dots where they are few.

Letters: B samples, N samples of the waveform, L positions of a layer, K rows of a read-out, n logits.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from os import PathLike

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..data import Phone
from ..probe import LayerInfo, Series
from . import _style as style
from ._ipa import ipa

Row = npt.NDArray[np.float32]

# Inches.
WIDTH, LEFT, RIGHT, NAMES_AT = 8.0, 1.68, 0.3, 0.3
TOP, BOTTOM, GAP = 0.98, 0.52, 0.17
SOUND_HEIGHT, LAYER_HEIGHT, LOGITS_HEIGHT = 1.05, 0.72, 0.6
LOGITS_BOTTOM, LOGITS_ROOM = 0.42, 1.22  # their place, and what one such panel adds to the figure

FACT_RISE = 0.07  # of a name for each fact beyond two below it
SUBTITLE_LETTERS, SUBTITLE_LINE = 130, 0.15  # letters in a line, inches that one more line takes

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
    made_by: str | None = None,
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
        Drawn as vertical lines at their boundaries, with labels: espeak-ng's mnemonics as IPA where they are common.
    title : str, optional
        The sample's number by default.
    made_by : str, optional
        The network and where its weights come from, at the head of the subtitle.
    end_s : float, optional
        End of the time axis. By default shortly after the last phone, and without phones the end of the slice.
    save : path, optional
        Also write the figure there; the suffix names the format.

    Returns
    -------
    matplotlib.figure.Figure
        Axes labelled "waveform" and with the layers' names, from top to bottom. With phones there is one more,
        "phones", behind them.

    Raises
    ------
    IndexError
        If there is no such sample.
    TypeError
        If `series` is no `Series`, or `sample` no whole number.
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
    style.check_series(series)
    rows = _rows_of(series, sample)
    timed = [layer for layer in series.layers if layer.has_clock]
    untimed = [layer for layer in series.layers if not layer.has_clock]
    if not timed:
        raise ValueError(f"plot_word: expected a layer with a time axis in seconds, got {', '.join(series)}")
    end_s = _end_s(end_s, phones, timed[0].slice_len / timed[0].sample_rate_hz)

    sound = [SOUND_HEIGHT] if waveform is not None else []
    remarks = f"{style.described(series)}; every panel has its own vertical scale"
    subtitle = textwrap.fill(f"{made_by}; {remarks}" if made_by else remarks, SUBTITLE_LETTERS)
    above = TOP + SUBTITLE_LINE * subtitle.count("\n")
    heights = sound + [LAYER_HEIGHT] * len(timed)
    figure, panels = _stack(heights, above=above, below=LOGITS_ROOM * len(untimed))
    if waveform is not None:
        _draw_sound(panels[0], waveform, sample_rate_hz or timed[0].sample_rate_hz)
    for axes, layer, colour in zip(panels[len(sound) :], timed, style.shades(len(timed)), strict=True):
        _draw_layer(axes, layer, rows[layer.name], colour, end_s)
        _name(axes, layer.name, *style.facts(series, layer), colour=colour)
    for axes in panels:
        axes.set_xlim(0, end_s)
    style.time_axis(panels[-1], below_pt=5)
    for i, layer in enumerate(reversed(untimed)):
        _draw_logits(figure, LOGITS_BOTTOM + i * LOGITS_ROOM, layer.name, rows[layer.name])
    if phones:
        _draw_phones(figure, panels, phones, end_s)
    style.heading(figure, NAMES_AT, title or f"sample {sample}", subtitle)
    return style.finish(figure, save)


def _rows_of(series: Series, sample: int) -> dict[str, Row]:
    """The sample's part of each layer: (L,), (K, L) of a read-out matrix, or (n,)."""
    if isinstance(sample, bool) or not isinstance(sample, int | np.integer):
        is_array = hasattr(sample, "shape") or isinstance(sample, list | tuple)
        got = "an array; pass the sound as waveform=" if is_array else type(sample).__name__
        raise TypeError(f"sample: expected a row number, got {got}")
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


def _stack(heights: Sequence[float], *, above: float, below: float) -> tuple[Figure, list[Axes]]:
    """A figure with panels of these heights from top to bottom, and room above and below them."""
    figure = style.sheet(WIDTH, above + sum(heights) + GAP * (len(heights) - 1) + BOTTOM + below)
    top = figure.get_size_inches()[1] - above
    panels = []
    for height in heights:
        panels.append(style.panel(figure, LEFT, top - height, WIDTH - LEFT - RIGHT, height))
        top -= height + GAP
    return figure, panels


def _draw_sound(axes: Axes, waveform: npt.ArrayLike, sample_rate_hz: float) -> None:
    samples = np.asarray(waveform)  # (N,)
    if samples.ndim != 1 or samples.dtype.kind not in "fiu" or not sample_rate_hz > 0:
        raise ValueError(
            "plot_word: expected a waveform (N,) of real numbers and a positive sample_rate_hz, "
            f"got {samples.dtype} {samples.shape} at {sample_rate_hz} Hz"
        )
    axes.plot(np.arange(samples.size) / sample_rate_hz, samples, color=style.INK, linewidth=0.6)
    axes.set_yticks([-1, 0, 1])
    axes.set_ylim(*np.array([-1.05, 1.05]) * max(1.0, float(np.abs(samples).max(initial=0))))
    _name(axes, "waveform", "full scale ±1")


def _draw_layer(axes: Axes, layer: LayerInfo, row: Row, colour: style.Colour, end_s: float) -> None:
    times_s = layer.times_s()  # (L,)
    in_view = np.count_nonzero(times_s <= end_s)
    dots = "o" if in_view <= DOTS_UP_TO else ""
    linewidth = 1.3 if in_view <= style.DENSE else 0.6
    for values in np.atleast_2d(row):  # (L,)
        axes.plot(times_s, values, color=colour, linewidth=linewidth, marker=dots, markersize=3.2)
    if row.ndim == 1:
        axes.fill_between(times_s, row, color=colour, alpha=0.14, linewidth=0)
    axes.margins(y=0.08)


def _draw_logits(figure: Figure, bottom: float, name: str, row: Row) -> None:
    axes = style.panel(figure, LEFT, bottom, WIDTH - LEFT - RIGHT, LOGITS_HEIGHT)
    values = row.ravel()  # (n,)
    axes.bar(np.arange(values.size), values, width=0.62, color=style.PURPLE)
    axes.axhline(0, color=style.RULE, linewidth=0.7)
    axes.margins(y=0.08)
    if values.size <= LABELLED_BARS:
        axes.set_xticks(range(values.size))
        axes.tick_params(axis="x", labelbottom=True)
    _name(axes, name, f"{values.size} value{'s' * (values.size != 1)}", colour=style.PURPLE)


def _draw_phones(figure: Figure, panels: Sequence[Axes], phones: Sequence[Phone], end_s: float) -> None:
    """Lines through all panels, on axes of their own behind them."""
    first, last = panels[0].get_position(), panels[-1].get_position()
    behind = figure.add_axes((first.x0, last.y0, first.width, first.y1 - last.y0), label="phones", zorder=-1)
    behind.set_xlim(0, end_s)
    behind.axis("off")
    for boundary_s in sorted({time_s for phone in phones for time_s in (phone.start_s, phone.end_s)}):
        behind.axvline(boundary_s, color=style.RULE, linewidth=0.7)
    previous_s, is_raised = -np.inf, False
    for phone in phones:
        middle_s = (phone.start_s + phone.end_s) / 2
        is_raised = middle_s - previous_s < CROWDED * end_s and not is_raised
        previous_s = middle_s
        if middle_s <= end_s:
            behind.annotate(
                ipa(phone.label),
                (middle_s, 1),
                xycoords=behind.get_xaxis_transform(),
                xytext=(0, 15 if is_raised else 4),
                textcoords="offset points",
                ha="center",
                fontsize=style.TEXT_PT,
                color=style.INK,
            )


def _name(axes: Axes, name: str, *facts: str, colour: style.Colour | str = style.INK) -> None:
    """Left of a panel: its name, and facts about it below."""
    axes.set_label(name)
    figure = axes.get_figure(root=True)
    assert figure is not None
    _, bottom, _, top = style.extent(axes)
    middle = (bottom + top) / 2
    middle += FACT_RISE * max(len(facts) - 2, 0)
    style.write(figure, NAMES_AT, middle + 0.05, name, fontweight="bold", color=colour, va="bottom")
    quiet = {"fontsize": style.SMALL_PT, "color": style.QUIET, "va": "top", "linespacing": 1.25}
    style.write(figure, NAMES_AT, middle + 0.02, "\n".join(facts), **quiet)
