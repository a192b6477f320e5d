"""Measures of layers beside those of the output: overlays, trajectories, correlations, effects.

After Beguš & Zhou 2022 (TASLP), figures 4 to 7, and Beguš, Leban and Gero 2023 (arXiv 2303.10931) for effects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from ..probe import Series
from ..stats import Effects
from . import _panels as panels
from . import _style as style
from ._gamm import check_columns

if TYPE_CHECKING:
    import pandas as pd

REASON_LENGTH = 34  # characters
BANDS = ("band_lower", "band_upper")


def plot_overlays(
    series: Series,
    sample: int,
    layers: Sequence[str],
    *,
    output: str,
    span_s: tuple[float, float] | None = None,
    title: str = "layers on the output",
    save: str | PathLike[str] | None = None,
) -> Figure:
    """Draw layers over the waveform that comes out, each multiplied so that its highest peak reaches the waveform's.

    Parameters
    ----------
    series : Series
        Of a generator, its output among the layers.
    sample : int
        Which of them.
    layers : names
    output : name of the layer that makes the waveform
    span_s : (start, end), optional
        What is shown; everything by default.
    title : str
    save : path, optional

    Raises
    ------
    ValueError, KeyError
        for a sample or layer that is not there, or one without a time axis.
    """
    style.check_series(series)
    info = {layer.name: layer for layer in series.layers}
    wave = np.asarray(series[output])
    if not -len(wave) <= sample < len(wave):
        raise ValueError(f"sample: expected one of {len(wave)}, got {sample}")
    times_s = info[output].times_s()
    start, end = span_s or (0.0, float(times_s[-1]))
    shown = (times_s >= start) & (times_s <= end)
    names, gains = [], []
    for name in layers:
        if name not in info or not info[name].has_clock:
            raise ValueError(f"layers: expected layers with a time axis, got {name!r}")
        at = info[name].times_s()
        peak = float(np.abs(np.asarray(series[name])[sample][(at >= start) & (at <= end)]).max(initial=0.0))
        gains.append(float(np.abs(wave[sample][shown]).max()) / peak if peak else 1.0)
        names.append(f"{name} \N{MULTIPLICATION SIGN} {gains[-1]:.3g}")
    figure, axes_of = panels.grid(
        names,
        title=title,
        remarks="grey: the waveform; a layer is multiplied as its name says",
        x_label="time (s)",
        columns=1,
        size=(6.6, 1.1),
    )
    for axes, name, gain in zip(axes_of, layers, gains, strict=True):
        axes.plot(times_s[shown], wave[sample][shown], color=style.RULE, linewidth=0.5)
        at = info[name].times_s()
        within = (at >= start) & (at <= end)
        axes.plot(
            at[within], gain * np.asarray(series[name])[sample][within], color=style.PURPLE, linewidth=0.9
        )
        axes.set_xlim(start, end)
    return style.finish(figure, save)


def plot_trajectories(
    table: pd.DataFrame,
    *,
    output: str,
    unit: str,
    title: str = "trajectories",
    save: str | PathLike[str] | None = None,
) -> Figure:
    """Draw a measure along sounds, of each layer beside the output's.

    Parameters
    ----------
    table : DataFrame (layer, sound, point, value)
        Points of normalised time, 0 to 1.
    output : str
        The layer that others are compared with.
    unit : str
        Of the values.
    title : str
    save : path, optional

    Raises
    ------
    ValueError
        If a column is missing or nothing is there.
    """
    check_columns("table", table, ("layer", "sound", "point", "value"))
    layers = [layer for layer in dict.fromkeys(table["layer"]) if layer != output]
    if not layers:
        raise ValueError(f"table: expected other layers beside {output!r}, got none")
    order = {sound: i for i, sound in enumerate(dict.fromkeys(table["sound"]))}
    figure, axes_of = panels.grid(
        layers,
        title=title,
        remarks=f"grey: {output}; one stretch per sound, normalised time within",
        x_label="sound",
        y_label=unit,
        columns=1,
        size=(6.6, 1.2),
    )
    for axes, layer in zip(axes_of, layers, strict=True):
        for name, colour, width in ((output, style.RULE, 1.6), (layer, style.PURPLE, 1.0)):
            own = table[table["layer"] == name]
            for sound, points in own.groupby("sound", sort=False):
                x = order[sound] + 0.08 + 0.84 * points["point"].to_numpy()
                axes.plot(x, points["value"], color=colour, linewidth=width, marker=".", markersize=2.2)
        axes.set_xlim(0, len(order))
        axes.set_xticks(
            np.arange(len(order)) + 0.5,
            [str(sound) for sound in order] if len(order) <= 25 else [""] * len(order),
        )
    return style.finish(figure, save)


def plot_correlations(
    table: pd.DataFrame,
    *,
    title: str = "layers and the output",
    remarks: str = "correlation with the output's, 95 % intervals; n: pairs",
    save: str | PathLike[str] | None = None,
) -> Figure:
    """Draw correlations with their intervals, a panel for each measure, a line for each layer.

    Parameters
    ----------
    table : DataFrame (measure, layer, r, lower, upper, n)
        As `convscope.stats.correlate` returns it, by measure and layer. Rows whose r is NaN have no point but the
        beginning of their ``reason``; measures without any r have no panel.
    title, remarks : str
    save : path, optional

    Raises
    ------
    ValueError
        If a column is missing, or no row has an r.
    """
    check_columns("table", table, ("measure", "layer", "r", "lower", "upper", "n"))
    measures = list(dict.fromkeys(table.loc[table["r"].notna(), "measure"]))
    if not measures:
        raise ValueError("table: expected a row with an r, got none")
    layers = list(dict.fromkeys(table["layer"]))
    figure, axes_of = panels.grid(
        measures,
        title=title,
        remarks=remarks,
        x_label="r",
        columns=3,
        gap=0.4,
        size=(2.1, 0.3 + 0.24 * len(layers)),
    )
    places = {layer: len(layers) - 1 - i for i, layer in enumerate(layers)}
    for axes, measure in zip(axes_of, measures, strict=True):
        axes.axvline(0, color=style.RULE, linewidth=0.8)
        for row in table[table["measure"] == measure].itertuples():
            y = places[row.layer]
            if np.isnan(row.r):
                axes.text(
                    0,
                    y,
                    _shortly(getattr(row, "reason", "")),
                    fontsize=style.SMALL_PT,
                    color=style.QUIET,
                    ha="center",
                    va="center",
                    backgroundcolor="white",
                )
                continue
            axes.plot([row.lower, row.upper], [y, y], color=style.PURPLE, linewidth=1.2)
            axes.plot(row.r, y, "o", color=style.PURPLE, markersize=4)
            axes.text(1.04, y, f"{row.n}", fontsize=style.SMALL_PT - 1, color=style.QUIET, va="center")
        axes.set(xlim=(-1.02, 1.02), ylim=(-0.6, len(layers) - 0.4))
        axes.set_yticks([places[layer] for layer in layers], layers)
    return style.finish(figure, save)


def _shortly(reason: str) -> str:
    """What has room in a panel of two inches."""
    why = str(reason).partition("pairs: ")[2] or str(reason)  # what is behind "fewer than 4 pairs"
    text = why.partition(":")[0] or "no r"
    return (
        text if len(text) <= REASON_LENGTH else text[: REASON_LENGTH - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
    )


def plot_effects(
    effects: Effects | pd.DataFrame,
    *,
    x: str = "to",
    x_label: str = "value of the variable",
    panel: str | None = None,
    line: str | None = None,
    baseline: float | None = None,
    title: str = "effects",
    remarks: str = "mean change against the baseline, with simultaneous 95 % bands",
    save: str | PathLike[str] | None = None,
) -> Figure:
    """Draw effect curves with simultaneous bands: a panel for each value of one column, a line for each of another.

    Parameters
    ----------
    effects : Effects or DataFrame (``panel``, ``line``, ``x``, ate, band_lower, band_upper)
        What `convscope.stats.causal_effects` and `effects_of_table` return, or their table ``effects``.
    x : column
        ``"to"``, the values that were set, or ``"time_s"``.
    panel, line : columns, optional
        By default measure, and variable or layer, of those that there are.
    baseline : float, optional
        Curves over values pass through no effect there; known where ``effects`` are an Effects.
    x_label, title, remarks : str
    save : path, optional

    Raises
    ------
    ValueError
        If a column is missing, or there is no effect.
    """
    if isinstance(effects, Effects):
        baseline = effects.settings["baseline"] if baseline is None else baseline
    whole = effects.effects if isinstance(effects, Effects) else effects
    check_columns("effects", whole, (*filter(None, (panel, line)), x, "ate", *BANDS))
    table = whole[whole["ate"].notna()]
    check_columns("effects", table, (x,))
    panel = panel or _first_of(table, ("measure", "layer"))
    line = line or _first_of(table, ("variable", "layer"), besides=panel)
    if x == "to" and baseline is not None:
        table = _through(table, baseline, [each for each in (panel, line) if each])
    names = list(dict.fromkeys(table[panel])) if panel else [""]
    lines = list(dict.fromkeys(table[line])) if line else [""]
    colours = style.shades(len(lines)) if len(lines) > 1 else [style.PURPLE]
    shade = 0.2 if len(lines) <= 4 else 0.06  # many bands lie on each other
    figure, axes_of = panels.grid(
        [str(name) for name in names],
        title=title,
        remarks=remarks,
        x_label=x_label,
        columns=3,
        has_legend=len(lines) > 1,
    )
    if len(lines) > 1:
        panels.legend(figure, [str(each) for each in lines], colours)
    for axes, name in zip(axes_of, names, strict=True):
        panels.zero_line(axes)
        of_panel = table[table[panel] == name] if panel else table
        for each, colour in zip(lines, colours, strict=True):
            own = (of_panel[of_panel[line] == each] if line else of_panel).sort_values(x)
            axes.fill_between(own[x], own[BANDS[0]], own[BANDS[1]], color=colour, alpha=shade, linewidth=0)
            axes.plot(own[x], own["ate"], color=colour, linewidth=1.3)
    return style.finish(figure, save)


def _first_of(table: pd.DataFrame, known: Sequence[str], besides: str | None = None) -> str | None:
    return next((name for name in known if name in table and name != besides), None)


def _through(table: pd.DataFrame, baseline: float, keys: list[str]) -> pd.DataFrame:
    """With a row of no effect at the baseline for each curve."""
    import pandas as pd

    zero = (table.drop_duplicates(keys) if keys else table.head(1)).assign(to=baseline, ate=0.0)
    return pd.concat([table, zero.assign(**dict.fromkeys(BANDS, 0.0))], ignore_index=True)


def plot_elbow(
    names: Sequence[str],
    strengths: npt.ArrayLike,
    *,
    chosen: int,
    title: str = "which latent variables",
    remarks: str = "strengths in their order; filled: before the elbow",
    y_label: str = "|coefficient|",
    save: str | PathLike[str] | None = None,
) -> Figure:
    """Draw sorted strengths of latent variables, the first ``chosen`` of them filled.

    Parameters
    ----------
    names : of the variables
    strengths : (variables,), not negative
    chosen : how many lie before the elbow
    title, remarks, y_label : str
    save : path, optional

    Raises
    ------
    ValueError
        If names and strengths are not equally many, or none.
    """
    values = np.asarray(strengths, np.float64)
    if values.shape != (len(names),) or not len(names):
        raise ValueError(f"strengths: expected one for each of {len(names)} names, got shape {values.shape}")
    order = np.argsort(-values)
    figure, (axes,) = panels.grid(
        [""], title=title, remarks=remarks, x_label="variable", y_label=y_label, columns=1, size=(6.2, 2.2)
    )
    rank = np.arange(len(order))
    axes.plot(rank, values[order], color=style.RULE, linewidth=0.8)
    axes.plot(
        rank[chosen:],
        values[order][chosen:],
        "o",
        markersize=3.5,
        markerfacecolor="white",
        markeredgecolor=style.QUIET,
    )
    axes.plot(rank[:chosen], values[order][:chosen], "o", markersize=4.5, color=style.PURPLE)
    axes.set_xticks([])
    axes.set_ylim(0, 1.12 * max(values.max(), np.finfo(np.float64).tiny))
    for place in rank[:chosen]:
        at = place, values[order[place]]
        axes.annotate(names[order[place]], at, (4, 4), textcoords="offset points", fontsize=style.SMALL_PT)
    return style.finish(figure, save)


def plot_profiles(
    profiles: Mapping[str, npt.ArrayLike],
    times_s: npt.ArrayLike,
    *,
    title: str = "clusters of feature maps",
    remarks: str = "mean of each cluster's maps; shaded: their middle half",
    save: str | PathLike[str] | None = None,
) -> Figure:
    """Draw the maps of each cluster: their mean, and the range that half of them lie in.

    Parameters
    ----------
    profiles : mapping from a cluster's name to (maps, L)
    times_s : (L,)
    title, remarks : str
    save : path, optional

    Raises
    ------
    ValueError
        If maps do not fit the times, or a cluster has none.
    """
    at = np.asarray(times_s, np.float64)
    named: dict[str, Any] = {name: np.asarray(maps, np.float64) for name, maps in profiles.items()}
    for name, maps in named.items():
        if maps.ndim != 2 or maps.shape[1] != len(at) or not len(maps):
            raise ValueError(f"profiles: expected (maps, {len(at)}) of {name!r}, got shape {maps.shape}")
    figure, axes_of = panels.grid(
        [f"{name}: {len(maps)} maps" for name, maps in named.items()],
        title=title,
        remarks=remarks,
        x_label="time (s)",
        y_label="activation",
        columns=1,
        size=(6.2, 1.3),
    )
    for axes, maps in zip(axes_of, named.values(), strict=True):
        low, high = np.quantile(maps, [0.25, 0.75], axis=0)
        axes.fill_between(at, low, high, color=style.PURPLE, alpha=0.2, linewidth=0)
        axes.plot(at, maps.mean(0), color=style.PURPLE, linewidth=1.0)
        axes.set_xlim(at[0], at[-1])
    return style.finish(figure, save)
