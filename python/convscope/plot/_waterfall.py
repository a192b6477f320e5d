"""Waterfalls: how every layer changes while one latent variable moves.

After Beguš & Zhou 2022 (IEEE/ACM TASLP), figure 9: a panel per layer, a trace per value, time to the right, the
variable into the depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np
import numpy.typing as npt
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D

from ..probe import LayerInfo, Series
from ._style import (
    DPI, INK, QUIET, RULE, SMALL_PT, TEXT_PT, TITLE_PT, described, few_ticks, finish, plain, rate, viridis, write,
)  # fmt: skip

COLUMNS = 2
PANEL_WIDTH, PANEL_HEIGHT = 4.6, 3.0
TOP, BOTTOM = 0.8, 0.3


def plot_waterfall(
    series: Series,
    values: npt.ArrayLike,
    *,
    layers: Sequence[str] | None = None,
    label: str = "latent variable",
    title: str | None = None,
    save: str | PathLike[str] | None = None,
) -> Figure:
    values = np.asarray(values, np.float64)
    chosen = [l for l in series.layers if l.has_clock and l.kind != "dense"]
    rows = -(-(len(chosen) + 1) // COLUMNS)
    width, height = COLUMNS * PANEL_WIDTH, TOP + rows * PANEL_HEIGHT + BOTTOM
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    norm = Normalize(values.min(), values.max())
    for i, layer in enumerate(chosen):
        col, row = i % COLUMNS, i // COLUMNS
        box = (col * PANEL_WIDTH / width, (BOTTOM + (rows - 1 - row) * PANEL_HEIGHT) / height, PANEL_WIDTH / width, PANEL_HEIGHT / height)
        axes = figure.add_axes(box, projection="3d", label=layer.name, computed_zorder=False)
        axes.set_proj_type("ortho")
        axes.view_init(elev=28, azim=-68)
        axes.set_box_aspect((2.1, 1.1, 0.8), zoom=1.2)
        t = layer.times_s()
        arr = series.to_numpy()[layer.name]
        lo = min(arr.min(), 0)
        order = np.argsort(-values)
        for z, j in enumerate(order):
            c = viridis()(norm(values[j]))
            axes.plot(t, np.full(t.size, values[j]), arr[j], color=c, linewidth=0.9 if t.size < 2000 else 0.45, zorder=10 + z)
        for ax in (axes.xaxis, axes.yaxis, axes.zaxis):
            ax.pane.set_visible(False)
            ax.line.set_color(RULE)
            ax._axinfo["grid"].update(color="#e4e6ea", linewidth=0.6)
        axes.tick_params(labelsize=SMALL_PT, labelcolor=QUIET, pad=0)
        axes.set_xlim(0, layer.slice_len / layer.sample_rate_hz)
        axes.set_xlabel("time (s)", fontsize=SMALL_PT, labelpad=-2)
        axes.set_ylabel(label, fontsize=SMALL_PT, labelpad=-2)
        few_ticks(axes.zaxis, 3); few_ticks(axes.xaxis, 5); few_ticks(axes.yaxis, 4)
    return finish(figure, save)
