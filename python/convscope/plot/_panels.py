"""Grids of panels: the same axes many times, a line of text above each."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import _style as style

# Inches.
EDGE, TOP, BOTTOM, NAME, GAP, LEGEND = 0.3, 0.85, 0.55, 0.26, 0.12, 0.28
LEFT = 0.55  # tick labels of a panel


def grid(
    names: Sequence[str],
    *,
    title: str,
    remarks: str,
    x_label: str,
    y_label: str = "",
    columns: int = 3,
    size: tuple[float, float] = (2.6, 1.7),
    has_legend: bool = False,
    gap: float = GAP,
) -> tuple[Figure, list[Axes]]:
    """A sheet with a panel for each name, in rows; ``size`` is that of a panel's data area and ``gap`` what is between panels, in inches."""
    across, up = size
    columns = min(columns, len(names))
    rows = -(-len(names) // columns)
    width = 2 * EDGE + columns * (LEFT + across) + (columns - 1) * gap
    width = max(width, 5.2)  # room for the heading
    height = TOP + LEGEND * has_legend + rows * (NAME + up + 0.3) + BOTTOM
    figure = style.sheet(width, height)
    style.heading(figure, EDGE, title, remarks)
    made = []
    for number, name in enumerate(names):
        row, column = divmod(number, columns)
        left = EDGE + LEFT + column * (LEFT + across + gap)
        bottom = height - TOP - LEGEND * has_legend - row * (NAME + up + 0.3) - NAME - up
        axes = style.panel(figure, left, bottom, across, up)
        style.write(figure, left, bottom + up + 0.07, name, fontsize=style.TEXT_PT)
        axes.tick_params(axis="x", bottom=True, labelbottom=True)
        axes.spines["bottom"].set_visible(True)
        axes.spines["bottom"].set_color(style.RULE)
        style.few_ticks(axes.xaxis, 4)
        if number + columns >= len(names):
            axes.set_xlabel(x_label, fontsize=style.TEXT_PT, color=style.INK, labelpad=3)
        if column == 0 and y_label:
            axes.set_ylabel(y_label, fontsize=style.SMALL_PT, color=style.QUIET)
        made.append(axes)
    return figure, made


def legend(figure: Figure, names: Sequence[str], colours: Sequence[style.Colour | str]) -> None:
    """One line of coloured names below the heading."""
    top = figure.get_size_inches()[1] - TOP - 0.02
    x = EDGE + LEFT
    for name, colour in zip(names, colours, strict=True):
        style.write(figure, x, top, "\N{EM DASH}", color=colour, fontsize=style.TEXT_PT, fontweight="bold")
        style.write(figure, x + 0.2, top, name, fontsize=style.SMALL_PT)
        x += 0.34 + 0.075 * len(name)


def zero_line(axes: Axes) -> None:
    """Where nothing differs."""
    axes.axhline(0, color=style.RULE, linewidth=0.8, zorder=0)
