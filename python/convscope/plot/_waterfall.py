"""Waterfalls: how every layer changes while one latent variable moves.

After Beguš & Zhou 2022 (IEEE/ACM TASLP), figure 9: a panel per layer, a trace per value, time to the right, the
variable into the depth. The projection is oblique, where theirs is a rotated one: every trace keeps the same
horizontal clock and the same vertical scale, so that times and heights can be read off, and a trace hides what
stands behind it. The shift into the depth is a transform; a line's data are the series itself.

Letters: B values of the variable, L positions of a layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.transforms import ScaledTranslation, Transform

from ..probe import LayerInfo, Series
from . import _style as style

Values = npt.NDArray[np.float64]

# Inches.
COLUMNS, COLUMN, EDGE, TOP, BOTTOM, ROW = 2, 4.75, 0.3, 0.78, 0.62, 3.0
AXIS_LEFT, AXIS_RIGHT = 0.62, 0.55  # for tick labels beside a panel
TRACE_HEIGHT = 1.0
DEPTH = (0.62, 1.0)  # from the first trace to the last: to the right, up

SPAN = 1.06  # of the vertical axis to the range of a layer's values
HIDING = 0.82  # opacity of what stands under a trace
DEPTH_LABELS = 6
FLOOR, ABOVE_FLOOR = "#f4f5f7", 2
# Inches from the depth axis: to the end of its ticks, to its labels, and from the first label to its title.
TICK, BESIDE, BELOW = np.array([0.05, 0.0]), np.array([0.09, 0.0]), np.array([0.0, 0.19])


def plot_waterfall(
    series: Series,
    values: npt.ArrayLike,
    *,
    layers: Sequence[str] | None = None,
    label: str = "latent variable",
    title: str | None = None,
    save: str | PathLike[str] | None = None,
) -> Figure:
    """Draw each layer's series over the values of one latent variable.

    Parameters
    ----------
    series : Series
        From `convscope.fast_probe` on latents that differ in one variable, one sample per value.
    values : (B,) array
        The variable's value in each sample, in any order; a trace's place in the depth and its colour.
    layers : sequence of str, optional
        Layer names; every convolutional layer by default (conv1 ... conv4 and out of a generator).
    label : str
        What the variable is called, on the depth axis.
    title : str, optional
        The label and the values' range by default.
    save : path, optional
        Also write the figure there; the suffix names the format.

    Returns
    -------
    matplotlib.figure.Figure
        One axes per layer, labelled with its name. It holds one line per value, whose label is the value, from
        the largest, at the back, to the smallest.

    Raises
    ------
    TypeError
        If `series` is no `Series`.
    KeyError
        For a layer that was not probed.
    ValueError
        If `values` are not (B,) finite numbers, or a layer has no time axis in seconds or several series per
        sample.

    Examples
    --------
    >>> import numpy as np, convscope as cs
    >>> net = cs.models.build(cs.models.preset("tf1-wavegan", role="generator", dim=4))
    >>> z, values = np.zeros((11, 100)), np.arange(-15, 6, 2)
    >>> z[:, 10] = values
    >>> figure = cs.plot.plot_waterfall(cs.fast_probe(net, z), values, label="z11")
    >>> [axes.get_label() for axes in figure.axes]
    ['conv1', 'conv2', 'conv3', 'conv4', 'out']
    """
    style.check_series(series)
    arrays = series.to_numpy()
    chosen = _chosen(series, layers)
    depths = _checked(values, arrays, chosen)
    figure = style.sheet(2 * EDGE + COLUMNS * COLUMN, TOP + -(-len(chosen) // COLUMNS) * ROW)
    for i, layer in enumerate(chosen):
        axes = _place(figure, i, is_last=i == len(chosen) - 1)
        _draw_traces(axes, layer, arrays[layer.name], depths)
        _draw_depth(figure, axes, depths, label)
        _name(figure, axes, layer, style.facts(series, layer))
    remarks = f"{style.described(series)}; one trace per value; every panel has its own vertical scale"
    spoken = f"{label} from {style.plain(depths.min())} to {style.plain(depths.max())}"
    style.heading(figure, EDGE, title or spoken, remarks)
    return style.finish(figure, save)


def _chosen(series: Series, layers: Sequence[str] | None) -> list[LayerInfo]:
    if layers is not None:
        return [series.info(name) for name in layers]
    return [layer for layer in series.layers if layer.has_clock and layer.kind != "dense"]


def _checked(
    values: npt.ArrayLike, arrays: dict[str, npt.NDArray[np.float32]], chosen: list[LayerInfo]
) -> Values:
    depths = np.asarray(values, np.float64)
    count = len(next(iter(arrays.values())))
    if depths.shape != (count,) or count == 0 or not np.isfinite(depths).all():
        raise ValueError(
            f"plot_waterfall: expected a finite value for each of {count} samples, got shape {depths.shape}"
        )
    if not chosen:
        raise ValueError(f"plot_waterfall: expected a layer with a time axis, got {', '.join(arrays)}")
    for layer in chosen:
        if not layer.has_clock or arrays[layer.name].ndim != 2:
            raise ValueError(
                f"plot_waterfall: expected one time series per sample in seconds, "
                f"layer {layer.name!r} has {arrays[layer.name].shape}"
            )
    return depths


def _place(figure: Figure, i: int, *, is_last: bool) -> Axes:
    """The front plane of the i-th panel; the last of an odd number has its row to itself."""
    row, column = divmod(i, COLUMNS)
    columns = COLUMNS if is_last and column == 0 else 1
    left, top = EDGE + column * COLUMN + AXIS_LEFT, figure.get_size_inches()[1] - TOP - row * ROW
    across = columns * COLUMN - AXIS_LEFT - AXIS_RIGHT - DEPTH[0]
    return style.panel(figure, left, top - ROW + BOTTOM, across, TRACE_HEIGHT)


def _draw_traces(axes: Axes, layer: LayerInfo, rows: npt.NDArray[np.float32], depths: Values) -> None:
    times_s = layer.times_s()  # (L,)
    floor = min(0.0, float(rows.min()))
    height = max(float(rows.max()) - floor, float(np.finfo(np.float32).tiny))
    axes.set_label(layer.name)
    axes.set_xlim(0, layer.slice_len / layer.sample_rate_hz)
    axes.set_ylim(floor, floor + SPAN * height)
    style.time_axis(axes, below_pt=0)
    colours, shares = style.viridis(), _shares(depths)
    linewidth = 0.5 if layer.length > style.DENSE else 0.9
    for order, i in enumerate(np.argsort(-depths, kind="stable"), start=ABOVE_FLOOR):  # from back to front
        place = axes.transData + _shift(axes, shares[i])
        base = [(times_s[-1], floor), (times_s[0], floor)]
        outline = np.concatenate([np.column_stack([times_s, rows[i]]), base])  # (L + 2, 2)
        under = Polygon(outline, facecolor="white", alpha=HIDING, linewidth=0, clip_on=False, zorder=order)
        under.set_transform(place)
        axes.add_patch(under)
        trace = Line2D(times_s, rows[i], color=colours(shares[i]), linewidth=linewidth, zorder=order)
        trace.set(transform=place, clip_on=False, label=style.plain(depths[i]), solid_joinstyle="round")
        axes.add_artist(trace)


def _draw_depth(figure: Figure, axes: Axes, depths: Values, label: str) -> None:
    """The floor under the traces, and the axis of the variable along its right edge; in inches."""
    left, bottom, right, _ = style.extent(axes)
    corner, across, deep = np.array([left, bottom]), np.array([right - left, 0]), np.array(DEPTH)
    inches = figure.dpi_scale_trans
    floor = Polygon(
        [corner, corner + across, corner + across + deep, corner + deep], facecolor=FLOOR, zorder=0
    )
    floor.set(transform=inches, clip_on=False)
    axes.add_patch(floor)

    end_s = axes.get_xlim()[1]
    starts = [corner + across * time_s / end_s for time_s in axes.get_xticks() if 0 < time_s < end_s]
    lines = [(start, start + deep) for start in [corner, *starts, corner + across]]
    small: dict[str, Any] = {"fontsize": style.SMALL_PT, "va": "center", "transform": inches}
    for value, share in _labelled(depths):
        tick = corner + across + share * deep
        lines.append((tick, tick + TICK))
        x, y = tick + BESIDE
        axes.text(x, y, style.plain(value), **small, color=style.viridis()(share))
    x, y = corner + across + BESIDE - BELOW
    axes.text(x, y, label, **small, color=style.INK)
    rules = LineCollection(lines, colors=style.RULE, linewidths=0.6, zorder=1)
    rules.set(transform=inches, clip_on=False)
    axes.add_collection(rules, autolim=False)


def _name(figure: Figure, axes: Axes, layer: LayerInfo, facts: Sequence[str]) -> None:
    left, _, _, top = style.extent(axes)
    x, y = left - AXIS_LEFT, top + DEPTH[1] + 0.06
    style.write(figure, x, y, layer.name, fontweight="bold")
    style.write(
        figure, x, y - 0.16, ", ".join(facts), fontsize=style.SMALL_PT, color=style.QUIET
    )


def _labelled(depths: Values) -> list[tuple[float, float]]:
    """The values to label and where they stand: all, or every second, third ... where they are many."""
    distinct = np.unique(depths)
    step = -(-distinct.size // DEPTH_LABELS)
    return [*zip(distinct[::step].tolist(), _shares(distinct)[::step].tolist(), strict=True)]


def _shares(depths: Values) -> Values:
    """0 at the front ... 1 at the back."""
    extent = float(np.ptp(depths))
    return (depths - depths.min()) / extent if extent > 0 else np.zeros_like(depths)


def _shift(axes: Axes, share: float) -> Transform:
    figure = axes.get_figure(root=True)
    assert figure is not None
    return ScaledTranslation(share * DEPTH[0], share * DEPTH[1], figure.dpi_scale_trans)
