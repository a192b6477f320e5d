"""Waterfalls: how every layer changes while one latent variable moves.

After Beguš & Zhou 2022 (IEEE/ACM TASLP), figure 9: a panel per layer, a trace per value, time to the right, the
variable into the depth. The projection is oblique, where theirs is a rotated one: every trace keeps the same
horizontal clock and the same vertical scale, so that times and heights can be read off, and a trace hides what
stands behind it. The shift into the depth is a transform; a line's data are the series itself. A layer with too many
positions to tell apart shows a stretch of them, and its panel says which.

Letters: B values of the variable, L positions of a layer, W of them in view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation, Transform

from ..probe import LayerInfo, Series
from . import _style as style

Values = npt.NDArray[np.float64]

# Inches.
COLUMNS, COLUMN, EDGE, TOP, BOTTOM = 2, 4.75, 0.3, 0.78, 0.62
AXIS_LEFT, AXIS_RIGHT = 0.62, 0.55  # for tick labels beside a panel
NAME_HEIGHT = 0.46  # above the traces, of a panel's name and facts
TRACE_HEIGHT = 1.25
DEPTH = (0.62, 1.0)  # from the first trace to the last: to the right, up

POSITIONS = 128  # in view, where single ones can still be told apart
SPAN = 1.06  # of the vertical axis to the range of a layer's values
HIDING = 0.82  # opacity of what stands under a trace
WINDOW_TICKS = 5
DEPTH_LABELS = 6
FLOOR, ABOVE_FLOOR = "#f4f5f7", 2
# Inches from the depth axis: to the end of its ticks, to its labels, and from the first label to its title.
TICK, BESIDE, BELOW = np.array([0.05, 0.0]), np.array([0.09, 0.0]), np.array([0.0, 0.19])


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What a panel shows of a layer: times_s (W,), rows (B, W), and the ends of its time axis in seconds."""

    layer: LayerInfo
    times_s: Values
    rows: npt.NDArray[np.float32]
    ends_s: tuple[float, float]

    @property
    def floor(self) -> float:
        """Where the traces stand: zero, or the lowest value below it."""
        return min(0.0, float(self.rows.min()))

    @property
    def span(self) -> float:
        """Of the vertical axis."""
        return SPAN * max(float(self.rows.max()) - self.floor, float(np.finfo(np.float32).tiny))

    def reach(self, shares: Values) -> float:
        """Inches from the floor's front edge to the highest point of the panel."""
        heights = TRACE_HEIGHT * (self.rows.max(axis=1) - self.floor) / self.span  # (B,)
        return max(DEPTH[1], float((heights + shares * DEPTH[1]).max()))


def plot_waterfall(
    series: Series,
    values: npt.ArrayLike,
    *,
    layers: Sequence[str] | None = None,
    label: str = "latent variable",
    positions: int | None = POSITIONS,
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
    positions : int, optional
        How many a panel shows of a layer that has more than twice as many: a stretch around the moment of the largest
        value of the last layer, whose length stands above the panel. None shows every layer whole.
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
        If `values` are not (B,) finite numbers, `positions` is below 2, or a layer has no time axis in seconds or several series per
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
    if positions is not None and positions < 2:
        raise ValueError(f"plot_waterfall: expected 2 or more positions in view, got {positions}")
    loudest_s = _moment_of_largest(chosen[-1], arrays[chosen[-1].name])
    views = [_view(layer, arrays[layer.name], positions, loudest_s) for layer in chosen]
    reaches = [view.reach(_shares(depths)) for view in views]
    reaches = [max(reaches[i - i % COLUMNS :][:COLUMNS]) for i in range(len(views))]  # of the panel's row
    heights = [reach + BOTTOM + NAME_HEIGHT for reach in reaches[::COLUMNS]]
    figure = style.sheet(2 * EDGE + COLUMNS * COLUMN, TOP + sum(heights))
    for i, (view, reach) in enumerate(zip(views, reaches, strict=True)):
        above = TOP + sum(heights[: i // COLUMNS + 1])
        axes = _place(figure, i, above, is_last=i == len(views) - 1)
        _draw_traces(axes, view, depths)
        _draw_depth(figure, axes, depths, label)
        _name(figure, axes, view, style.facts(series, view.layer), reach)
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


def _moment_of_largest(layer: LayerInfo, rows: npt.NDArray[np.float32]) -> float:
    return float(layer.times_s()[np.abs(rows).max(axis=0).argmax()])


def _view(layer: LayerInfo, rows: npt.NDArray[np.float32], positions: int | None, middle_s: float) -> _View:
    """The whole layer, or where it has more than twice as many positions, that many around a moment."""
    times_s = layer.times_s()  # (L,)
    if positions is None or layer.length <= 2 * positions:
        return _View(layer, times_s, rows, (0.0, layer.slice_len / layer.sample_rate_hz))
    middle = int(np.searchsorted(times_s, middle_s))
    start = min(max(middle - positions // 2, 0), layer.length - positions)
    shown = slice(start, start + positions)
    half_s = 0.5 / layer.rate_hz
    ends_s = (float(times_s[shown][0]) - half_s, float(times_s[shown][-1]) + half_s)
    return _View(layer, times_s[shown], rows[:, shown], ends_s)


def _place(figure: Figure, i: int, above: float, *, is_last: bool) -> Axes:
    """The front plane of the i-th panel, whose row ends so many inches below the figure's upper edge.

    The last of an odd number has its row to itself.
    """
    column = i % COLUMNS
    columns = COLUMNS if is_last and column == 0 else 1
    left, bottom = EDGE + column * COLUMN + AXIS_LEFT, figure.get_size_inches()[1] - above + BOTTOM
    across = columns * COLUMN - AXIS_LEFT - AXIS_RIGHT - DEPTH[0]
    return style.panel(figure, left, bottom, across, TRACE_HEIGHT)


def _draw_traces(axes: Axes, view: _View, depths: Values) -> None:
    times_s, rows, floor = view.times_s, view.rows, view.floor
    axes.set_label(view.layer.name)
    axes.set_xlim(view.ends_s)
    axes.set_ylim(floor, floor + view.span)
    style.time_axis(axes, below_pt=0)
    axes.xaxis.set_major_locator(MaxNLocator(WINDOW_TICKS))
    colours, shares = style.viridis(), _shares(depths)
    linewidth = 0.5 if times_s.size > style.DENSE else 0.9
    for order, i in enumerate(np.argsort(-depths, kind="stable"), start=ABOVE_FLOOR):  # from back to front
        place = axes.transData + _shift(axes, shares[i])
        base = [(times_s[-1], floor), (times_s[0], floor)]
        outline = np.concatenate([np.column_stack([times_s, rows[i]]), base])  # (W + 2, 2)
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

    start_s, end_s = axes.get_xlim()
    ticks_s = [time_s for time_s in axes.get_xticks() if start_s < time_s < end_s]
    starts = [corner + across * (time_s - start_s) / (end_s - start_s) for time_s in ticks_s]
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


def _name(figure: Figure, axes: Axes, view: _View, facts: Sequence[str], reach: float) -> None:
    left, bottom, _, _ = style.extent(axes)
    x, y = left - AXIS_LEFT, bottom + reach + 0.26
    layer, (start_s, end_s) = view.layer, view.ends_s
    if view.times_s.size < layer.length:
        whole_s = layer.slice_len / layer.sample_rate_hz
        facts = [*facts, f"{1000 * (end_s - start_s):.4g} ms of {1000 * whole_s:.4g} shown"]
    style.write(figure, x, y, layer.name, fontweight="bold")
    style.write(figure, x, y - 0.16, ", ".join(facts), fontsize=style.SMALL_PT, color=style.QUIET)


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
