"""The speeds as a picture: samples per second over the batch, a panel for each network and number of threads.

Every line is named at its end. Colour and mark are the library, dashes and hollow marks its sub-pixel form; convscope is drawn last and
thickest, wherever it lies. The dotted rule across a panel, named beside it like a line, is how fast the layers' definitions could be
computed at the speed of a large matrix product: an algorithm that multiplies less can be above it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from os import PathLike

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from ..plot import style
from ._engines import ENGINES, OURS
from ._results import Result, Spread

# Inches.
EDGE, TOP, LEFT, WIDTH, HEIGHT, NAMES, NAME_STEP = 0.3, 0.65, 0.62, 3.5, 2.7, 2.05, 0.145
LINE, LETTERS = 0.15, 15.5  # of the text below the title: height of a line, letters to an inch
ABOVE, BELOW = 0.34, 0.62  # of a panel: its title, its axis
HEADROOM = 1.06
CEILING = "matrix product"

FAMILIES = {  # colour and mark, by the first word of an engine's name
    "convscope": (style.PURPLE, "o"),
    "torch": ("#31688e", "s"),
    "onnxruntime": ("#1f9e89", "^"),
    "OpenVINO": ("#b8651b", "v"),
    "JAX": ("#5f646d", "D"),
}


@dataclass(frozen=True, slots=True)
class _Line:
    """An engine in a panel: (place of the batch, speed) pairs."""

    engine: str
    points: tuple[tuple[int, Spread], ...]

    @property
    def colour(self) -> str:
        """Of its library."""
        return self._family[0]

    @property
    def mark(self) -> str:
        """Of its library."""
        return self._family[1]

    @property
    def is_variant(self) -> bool:
        """A second form of the same library: dashed and hollow."""
        return "sub-pixel" in self.engine or self.engine.endswith("direct")

    @property
    def _family(self) -> tuple[str, str]:
        return FAMILIES[self.engine.split(" ")[0].split(".")[0]]


@dataclass(frozen=True, slots=True)
class _Name:
    """What stands to the right of a panel."""

    text: str
    speed: float
    colour: str


def plot_speeds(
    results: Sequence[Result], remarks: str, *, save: str | PathLike[str] | None = None
) -> Figure:
    """Draw the whole networks' speeds; prefixes are left out.

    Raises
    ------
    ValueError
        If nothing was timed.
    """
    whole = [r for r in results if r.case.depth is None and any(row.times_s for row in r.rows)]
    if not whole:
        raise ValueError("plot: expected a case in which an engine was timed, got none")
    rows = [list(group) for _, group in groupby(whole, lambda result: result.case.network_title)]
    threads = sorted({result.case.threads for result in whole})
    across = 2 * EDGE + len(threads) * (LEFT + WIDTH + NAMES)
    row_height = ABOVE + HEIGHT + BELOW
    reading = (
        "Samples per second: medians of rounds in which all engines take turns, bars are quartiles. "
        "Dashed and hollow: sub-pixel forms, and convscope's direct form. "
        f"Dotted, {CEILING}: the layers' definitions at the speed of a large one."
    )
    letters = int(LETTERS * (across - 2 * EDGE))
    lines = [line for text in (reading, remarks) for line in textwrap.wrap(text, letters)]
    height = TOP + LINE * len(lines) + EDGE + len(rows) * row_height
    figure = style.sheet(across, height)
    for i, row in enumerate(rows):
        for j, count in enumerate(threads):
            cases = [result for result in row if result.case.threads == count]
            if not cases:
                continue
            left = EDGE + LEFT + j * (LEFT + WIDTH + NAMES)
            bottom = EDGE + BELOW + (len(rows) - 1 - i) * row_height
            _draw(figure, style.panel(figure, left, bottom, WIDTH, HEIGHT), cases)
    style.heading(figure, EDGE, "All layers' channel means, by engine", "\n".join(lines))
    return style.finish(figure, save)


def _draw(figure: Figure, axes: Axes, cases: Sequence[Result]) -> None:
    lines = _lines(cases)
    ceiling = _ceiling(cases)
    highest = max(spread.high for line in lines for _, spread in line.points)
    axes.set_ylim(0, HEADROOM * max(highest, ceiling or 0.0))
    axes.set_xlim(-0.25 if len(cases) > 1 else -0.75, len(cases) - 0.75)
    if ceiling is not None:
        axes.axhline(ceiling, color=style.QUIET, linewidth=0.7, linestyle=(0, (1, 2)), zorder=1)
    for line in sorted(lines, key=lambda line: line.engine == OURS):
        _draw_line(axes, line)
    names = [_Name(line.engine, line.points[-1][1].median, line.colour) for line in lines]
    names += [] if ceiling is None else [_Name(CEILING, ceiling, style.QUIET)]
    _write_names(figure, axes, names, max(line.points[-1][0] for line in lines))
    _label(figure, axes, cases)


def _lines(cases: Sequence[Result]) -> list[_Line]:
    lines = []
    for name in ENGINES:
        speeds = [
            (i, speed)
            for i, result in enumerate(cases)
            if (row := result.row(name)) is not None and (speed := result.samples_per_s(row)) is not None
        ]
        if speeds:
            lines.append(_Line(name, tuple(speeds)))
    return lines


def _ceiling(cases: Sequence[Result]) -> float | None:
    rates = [rate for result in cases for rate in result.product_gflop_per_s]
    return float(np.median(rates)) * 1e9 / cases[0].flops if rates else None


def _draw_line(axes: Axes, line: _Line) -> None:
    x = np.array([place for place, _ in line.points])
    middle = np.array([spread.median for _, spread in line.points])
    below = middle - [spread.low for _, spread in line.points]
    above = [spread.high for _, spread in line.points] - middle
    is_ours = line.engine == OURS
    axes.errorbar(
        x,
        middle,
        yerr=np.maximum(0, np.array([below, above])),
        label=line.engine,
        color=line.colour,
        linestyle=(0, (4, 2)) if line.is_variant else "-",
        linewidth=2.4 if is_ours else 1.0,
        elinewidth=1.4 if is_ours else 0.7,
        marker=line.mark,
        markersize=6 if is_ours else 4,
        markerfacecolor="white" if line.is_variant else line.colour,
        markeredgewidth=0.9,
        zorder=4 if is_ours else 3,
        clip_on=False,
    )


def _write_names(figure: Figure, axes: Axes, names: Sequence[_Name], last_place: int) -> None:
    """To the right of the last points, in the order of their speeds, moved apart where they would overlap."""
    left, bottom, right, top = style.extent(axes)
    limit = axes.get_ylim()[1]
    ordered = sorted(names, key=lambda name: name.speed)
    wanted = [bottom + (top - bottom) * name.speed / limit for name in ordered]
    places = spread_out(wanted, NAME_STEP, bottom - 0.1)
    last = left + (right - left) * _share(axes, last_place)
    x = right + 0.12
    for name, height, target in zip(ordered, places, wanted, strict=True):
        _leader(figure, (last + 0.08, target), (x - 0.03, height), name.colour)
        style.write(
            figure,
            x,
            height,
            f"{name.text}  {name.speed:.3g}",
            fontsize=style.SMALL_PT,
            color=name.colour,
            va="center",
            fontweight="bold" if name.text == OURS else "normal",
        )


def spread_out(wanted: Sequence[float], step: float, lowest: float) -> list[float]:
    """Heights in ascending order, at least a step apart, as near as that allows to where they should be.

    Groups that touch share their displacement (pool adjacent violators), so that a crowd spreads to both sides.
    """
    groups: list[tuple[float, int]] = []  # (centre of what its members want of the group's start, members)
    for i, height in enumerate(wanted):
        start, count = max(height, lowest + i * step), 1
        while groups and groups[-1][0] + groups[-1][1] * step > start:
            before, members = groups.pop()
            start = (before * members + (start - members * step) * count) / (members + count)
            count += members
        groups.append((start, count))
    places = [start + i * step for start, count in groups for i in range(count)]
    lift = max(0.0, lowest - places[0]) if places else 0.0
    return [place + lift for place in places]


def _share(axes: Axes, x: float) -> float:
    low, high = axes.get_xlim()
    return (x - low) / (high - low)


def _leader(figure: Figure, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    size = figure.get_size_inches()
    x, y = zip(start / size, end / size, strict=True)
    figure.add_artist(Line2D(x, y, color=colour, linewidth=0.5, alpha=0.5))


def _label(figure: Figure, axes: Axes, cases: Sequence[Result]) -> None:
    case = cases[0].case
    title = f"{case.network_title}, {case.threads_title}"
    left, _, _, top = style.extent(axes)
    style.write(figure, left - LEFT, top + 0.13, title, fontweight="bold")
    axes.set_label(title)
    axes.set_xticks(range(len(cases)), [str(result.case.batch) for result in cases])
    axes.tick_params(axis="x", bottom=True, labelbottom=True)
    axes.spines["bottom"].set_visible(True)
    axes.spines["bottom"].set_color(style.RULE)
    axes.set_xlabel("batch", fontsize=style.TEXT_PT, color=style.INK, labelpad=3)
    style.few_ticks(axes.yaxis, 5)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
