"""What all pictures share: colours, sizes, and axes without clutter.

Colours come from viridis, which keeps its order in greyscale and for colour-blind readers; its yellow end is
left out, since it vanishes on white paper. Layouts are in inches, so that a panel and its text keep their size
however many panels there are.
"""

from __future__ import annotations

from os import PathLike
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ..probe import LayerInfo, Series

Colour = tuple[float, float, float, float]

INK = "#1b1b1f"
QUIET = "#5f646d"  # secondary text: 5.9 to 1 on white
RULE = "#c3c7cf"
PURPLE = "#7a3e9d"  # the logits, as in the ICASSP paper's figure

TITLE_PT, TEXT_PT, SMALL_PT = 13.0, 9.5, 8.0
DPI = 160
LIGHTEST = 0.8  # of viridis
DENSE = 1500  # positions in view: beyond, lines are drawn thinner


def sheet(width: float, height: float) -> Figure:
    """An empty figure of a size in inches."""
    return Figure(figsize=(width, height), dpi=DPI, facecolor="white")


def panel(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes of a place and size in inches, with a left spine only."""
    across, up = figure.get_size_inches()
    axes = figure.add_axes((left / across, bottom / up, width / across, height / up))
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_color(RULE)
    axes.patch.set_visible(False)
    axes.tick_params(labelcolor=QUIET, labelsize=SMALL_PT, length=2.5, width=0.6, color=RULE)
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    few_ticks(axes.yaxis, 3)
    return axes


def extent(axes: Axes) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) of a panel in inches."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    across, up = figure.get_size_inches()
    left, bottom, right, top = axes.get_position().extents
    return float(left * across), float(bottom * up), float(right * across), float(top * up)


def write(figure: Figure, x: float, y: float, text: str, **style: Any) -> None:
    """Text at a place in inches from the lower left corner of the figure."""
    across, up = figure.get_size_inches()
    figure.text(x / across, y / up, text, **{"fontsize": TEXT_PT, "color": INK, **style})


def heading(figure: Figure, x: float, title: str, remarks: str) -> None:
    """A title at the top, and below it how to read the picture."""
    top = figure.get_size_inches()[1]
    write(figure, x, top - 0.36, title, fontsize=TITLE_PT, fontweight="bold")
    write(figure, x, top - 0.49, remarks, fontsize=SMALL_PT, color=QUIET, va="top", linespacing=1.3)


def time_axis(axes: Axes, *, below_pt: float) -> None:
    """Ticks in seconds along the bottom, so many points below the panel."""
    axes.tick_params(axis="x", bottom=True, labelbottom=True)
    axes.spines["bottom"].set_visible(True)
    axes.spines["bottom"].set_color(RULE)
    axes.spines["bottom"].set_position(("outward", below_pt))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda time_s, _: f"{time_s:.5g}"))
    axes.set_xlabel("time (s)", fontsize=TEXT_PT, color=INK, labelpad=3)


def few_ticks(axis: Axis, intervals: int) -> None:
    """At most so many intervals, labelled plainly."""
    axis.set_major_locator(MaxNLocator(intervals))
    axis.set_major_formatter(FuncFormatter(plain))


def plain(value: float, _position: object = None) -> str:
    """A tick label with a true minus sign: 0.004, and 4e-06 only where zeros would be many."""
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def viridis() -> Colormap:
    """viridis without its yellow end."""
    whole = matplotlib.colormaps["viridis"]
    return ListedColormap([whole(LIGHTEST * i / 255) for i in range(256)], "viridis_on_white")


def shades(count: int) -> list[Colour]:
    """`count` colours from the dark to the light end."""
    colours = viridis()
    return [colours(i / max(count - 1, 1)) for i in range(count)]


def described(series: Series) -> str:
    """What the numbers are, from what the probe noted: "mean over channels, after the activation"."""
    reduce, at = series.attributes.get("reduce", "mean"), series.attributes.get("at", "post")
    over = "read-out of the channels" if reduce == "readout" else f"{reduce} over channels"
    return f"{over}, {'after' if at == 'post' else 'before'} the activation"


def facts(series: Series, layer: LayerInfo) -> tuple[str, ...]:
    """Positions per second of sound, what one of them sees, channels: ("62.5 Hz", "field 128 ms", "512 channels").

    A resampled layer is "drawn at 16 kHz": what it carries ends at its own rate, which the series no longer knows.
    """
    rate = f"{layer.rate_hz / 1000:g} kHz" if layer.rate_hz >= 1000 else f"{layer.rate_hz:g} Hz"
    if "resampled_to" in series.attributes:
        rate = f"drawn at {rate}"
    field = layer.field
    fields = [] if field is None else [f"field {1000 * field.length / layer.sample_rate_hz:.3g} ms"]
    return rate, *fields, f"{layer.channels} channel{'s' * (layer.channels != 1)}"


def check_series(series: object) -> None:
    """TypeError for what is not what a probe returns."""
    if not isinstance(series, Series):
        raise TypeError(f"series: expected a Series, got {type(series).__name__}")


def finish(figure: Figure, save: str | PathLike[str] | None) -> Figure:
    """Save if asked."""
    if save is not None:
        figure.savefig(save)
    return figure
