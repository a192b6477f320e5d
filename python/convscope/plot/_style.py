"""What all pictures share: colours, sizes in inches, and axes without clutter.

Colours come from viridis, which keeps its order in greyscale and for colour-blind readers; its yellow end is left out, since
it vanishes on white paper. Layouts are in inches, so that a panel and its text keep their size however many panels there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, cast

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

Colour = tuple[float, float, float, float]

INK = "#1b1b1f"
QUIET = "#6b6f78"  # secondary text: 4.9 to 1 on white
RULE = "#b9bdc6"
PURPLE = "#7a3e9d"  # the logits, as in Beguš & Zhou 2022 (ICASSP), figure 2

TITLE_PT, TEXT_PT, SMALL_PT = 13.0, 9.5, 8.0
DPI = 160
_DARK, _LIGHT = 0.0, 0.86  # of viridis


def viridis() -> Colormap:
    """viridis without its yellow end."""
    whole = matplotlib.colormaps["viridis"]
    return LinearSegmentedColormap.from_list("viridis_on_white", whole([_DARK + (_LIGHT - _DARK) * i / 63 for i in range(64)]))


def shades(count: int) -> list[Colour]:
    """``count`` colours from the dark to the light end."""
    colours = viridis()
    return [cast(Colour, colours(i / max(count - 1, 1))) for i in range(count)]


def plain(value: float, _position: object = None) -> str:
    """A tick label: 0.004, not 4.00e-03; exponents only where zeros would be many."""
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def few_ticks(axis: Any, count: int) -> None:
    """At most ``count`` intervals, labelled plainly."""
    axis.set_major_locator(MaxNLocator(count))
    axis.set_major_formatter(FuncFormatter(plain))


def panel(figure: Figure, box_in: Sequence[float], sharex: Axes | None = None) -> Axes:
    """Axes at (left, bottom, width, height) in inches, with a left spine only."""
    width, height = figure.get_size_inches()
    left, bottom, wide, high = box_in
    axes = figure.add_axes((left / width, bottom / height, wide / width, high / height), sharex=sharex)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_color(RULE)
    axes.patch.set_visible(False)
    axes.tick_params(colors=QUIET, labelsize=SMALL_PT, length=2.5, width=0.6, color=RULE)
    few_ticks(axes.yaxis, 2)
    return axes


def write(figure: Figure, x_in: float, y_in: float, text: str, **style: Any) -> None:
    """Text at a place in inches from the lower left corner of the figure."""
    width, height = figure.get_size_inches()
    figure.text(x_in / width, y_in / height, text, **{"fontsize": TEXT_PT, "color": INK, "va": "baseline", **style})


def finish(figure: Figure, save: str | PathLike[str] | None) -> Figure:
    """Save if asked."""
    if save is not None:
        figure.savefig(save, dpi=DPI)
    return figure
