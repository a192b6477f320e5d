"""GAMM curves and differences: what `GammResult.predict` and `difference` return, drawn.

After Beguš & Zhou 2022 (ICASSP), figures 3 to 5. A band holds the whole curve, unless the table was made otherwise; stretches where a difference
leaves zero out are marked along the bottom.
"""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from . import _panels as panels
from . import _style as style

if TYPE_CHECKING:
    import pandas as pd


def plot_curves(
    curves: pd.DataFrame,
    *,
    raw: pd.DataFrame | None = None,
    title: str = "curves of groups",
    remarks: str = "GAMM, with simultaneous 95 % bands",
    x_label: str = "time (s)",
    y_label: str = "activation",
    save: str | PathLike[str] | None = None,
) -> Figure:
    """Draw the curve of each group in a panel, the others in grey behind it.

    Parameters
    ----------
    curves : DataFrame (group, time, fit, lower, upper)
        As `GammResult.predict` returns it.
    raw : DataFrame (group, time, value), optional
        What was fitted: its mean is dotted.
    title, remarks, x_label, y_label : str
    save : path, optional
        Also write the figure there.

    Raises
    ------
    ValueError
        If a column is missing or nothing is there.
    """
    check_columns("curves", curves, ("group", "time", "fit", "lower", "upper"))
    if raw is not None:
        check_columns("raw", raw, ("group", "time", "value"))
    groups = list(dict.fromkeys(curves["group"]))
    figure, axes_of = panels.grid(
        groups,
        title=title,
        remarks=remarks + (", dotted: means of the values" if raw is not None else ""),
        x_label=x_label,
        y_label=y_label,
        columns=4,
        size=(2.1, 1.5),
    )
    low, high = float(curves["lower"].min()), float(curves["upper"].max())
    for axes, group in zip(axes_of, groups, strict=True):
        for other in groups:
            if other != group:
                behind = curves[curves["group"] == other]
                axes.plot(behind["time"], behind["fit"], color=style.RULE, linewidth=0.6, zorder=1)
        own = curves[curves["group"] == group]
        axes.fill_between(
            own["time"], own["lower"], own["upper"], color=style.PURPLE, alpha=0.22, linewidth=0, zorder=2
        )
        axes.plot(own["time"], own["fit"], color=style.PURPLE, linewidth=1.4, zorder=3)
        if raw is not None:
            means = raw[raw["group"] == group].groupby("time")["value"].mean()
            axes.plot(means.index, means, color=style.INK, linewidth=0.8, linestyle=":", zorder=4)
        margin = 0.05 * (high - low)
        axes.set_ylim(low - margin, high + margin)
        axes.set_xlim(own["time"].min(), own["time"].max())
    return style.finish(figure, save)


def plot_differences(
    differences: pd.DataFrame | Iterable[pd.DataFrame],
    *,
    title: str = "differences between groups",
    remarks: str = "GAMM difference curves with simultaneous 95 % bands; bars below: where zero is left out",
    x_label: str = "time (s)",
    y_label: str = "difference",
    shared_scale: bool = True,
    save: str | PathLike[str] | None = None,
) -> Figure:
    """Draw difference curves, each in a panel.

    Parameters
    ----------
    differences : table, or several (group, other, time, difference, lower, upper, significant)
        As `GammResult.difference` returns them.
    title, remarks, x_label, y_label : str
    shared_scale : bool
        Whether all panels have one vertical scale; not where they are of different layers.
    save : path, optional

    Raises
    ------
    ValueError
        If a column is missing or nothing is there.
    """
    tables: list[pd.DataFrame] = [differences] if hasattr(differences, "columns") else list(differences)
    for table in tables:
        check_columns(
            "differences", table, ("group", "other", "time", "difference", "lower", "upper", "significant")
        )
    if not tables:
        raise ValueError("differences: expected at least one table, got none")
    names = [f"{table['group'].iloc[0]} \N{MINUS SIGN} {table['other'].iloc[0]}" for table in tables]
    figure, axes_of = panels.grid(
        names, title=title, remarks=remarks, x_label=x_label, y_label=y_label, columns=4, size=(2.1, 1.5)
    )
    # zero in view: it is what differences are judged by
    ends = [
        (min(float(table["lower"].min()), 0.0), max(float(table["upper"].max()), 0.0)) for table in tables
    ]
    if shared_scale:
        ends = [(min(low for low, _ in ends), max(high for _, high in ends))] * len(tables)
    for axes, table, (low, high) in zip(axes_of, tables, ends, strict=True):
        margin = 0.12 * (high - low)
        panels.zero_line(axes)
        times = table["time"].to_numpy()
        axes.fill_between(times, table["lower"], table["upper"], color=style.PURPLE, alpha=0.22, linewidth=0)
        axes.plot(times, table["difference"], color=style.PURPLE, linewidth=1.4)
        inside = np.where(table["significant"].to_numpy(bool), low - 0.6 * margin, np.nan)
        axes.plot(times, inside, color=style.INK, linewidth=2.5, solid_capstyle="butt")
        axes.set(ylim=(low - margin, high + margin), xlim=(times[0], times[-1]))
    return style.finish(figure, save)


def check_columns(name: str, table: pd.DataFrame, expected: tuple[str, ...]) -> None:
    """ValueError for a table that lacks columns or rows."""
    missing = [column for column in expected if column not in getattr(table, "columns", ())]
    if missing:
        raise ValueError(
            f"{name}: expected a table with columns {', '.join(expected)}, got none called {', '.join(missing)}"
        )
    if not len(table):
        raise ValueError(f"{name}: expected rows, got none")
