"""What of the output's acoustics each layer has: tracks, durations, classes of sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..acoustics import (
    F0,
    ClassSettings,
    Duration,
    Formants,
    Intensity,
    Intervals,
    Measurements,
    compare_classes,
    find_segments,
    measure,
)
from ..plot import plot_correlations, plot_trajectories
from ..probe import Series
from ..stats import correlate, linear_model, p_text, pair_layers
from ._items import DataFrame
from ._outputs import timed_layers
from ._papers import TASLP
from ._study import Section, Study

POINTS = 10
SHOWN = 6  # sounds in a picture
ABOUT_ONE = (0.9, 1.1)  # slopes of durations that are the same
SMALL_RISE, SMALL_R = 0.05, 0.3  # nothing to speak of
RESAMPLES = 2000
CORRELATED = ("measure", "layer", "r", "lower", "upper", "n", "items", "p_holm")
TRACKS = {"f0": "F0", "intensity": "intensity", "f1": "F1", "f2": "F2"}


def add_tracks(
    study: Study, series: Series, vowels: Intervals, f0: F0, output: str, workers: int, seed: int
) -> None:
    """Correlations of layers' F0, intensity and formants with the output's, along the longest vowel of each sound."""
    section = study.section("F0, intensity and formants at each layer")
    later = "Later layers correlate more with the output's {}"
    if len(vowels) < 8:
        reason = f"{len(vowels)} outputs have a vowel; correlations need at least 8."
        section.left_out("Correlations", reason)
        for name in ("F0", "intensity"):
            study.finding(later.format(name), TASLP, None, reason)
        return
    measures = (f0, Intensity(100, points=POINTS), Formants(report=2, points=POINTS))
    own = measure(series, *measures, intervals=vowels, workers=workers)
    published = measure(series, *measures, intervals=vowels, as_published=True, workers=workers)
    carried, tracks = _pairs(own, output), _named(own)
    tables = {"": _correlated(carried), "_as_published": _correlated(_pairs(published, output))}
    section.table(
        "correlations",
        "Correlation with the output's, points of one sound resampled together: what each layer carries",
        tables[""][tables[""]["n"] > 0],
        shown=CORRELATED,
    )
    _draw_tracks(section, tracks, output)
    section.table("not_carried", "What layers cannot carry, and why", _by_reason(own.reasons()))
    section.table(
        "correlations_as_published",
        "Correlation with the output's: as the paper did, layers drawn out to 16 kHz as if they were sounds",
        tables["_as_published"][tables["_as_published"]["n"] > 0],
        shown=CORRELATED,
    )
    section.text(
        "The last table is the paper's way: values of layers whose rate cannot carry a measure are there, and should not be trusted."
    )
    if tables[""]["r"].notna().any():
        section.picture(
            "correlations",
            "Correlations with the output, by layer; intervals from resampling whole sounds.",
            plot_correlations(tables[""]),
        )
    order = [each.name for each in timed_layers(series.layers) if each.name != output]
    for name in ("F0", "intensity"):
        _later_more(study, later.format(name), tables, carried, name, order, seed)
    study.methods.append(
        f"The longest vowel (periodic stretch) of each output was measured at {POINTS} points of normalised time at the output and at each layer: F0 (Praat, {f0.floor_hz:g}-{f0.ceiling_hz:g} "
        "Hz), intensity (minimum pitch 100 Hz) and two formants (Burg). Pearson correlations of layers with the output have intervals from resampling whole sounds; "
        "what the rate of a layer cannot carry was left out."
    )


def _named(found: Measurements) -> DataFrame:
    """The tracks, by the names that phoneticians have for them."""
    table = found.table[found.table["measure"].isin(TRACKS)].copy()
    table["measure"] = [TRACKS[str(each)] for each in table["measure"]]
    table["layer"] = table["layer"].astype(str)
    return table


def _pairs(found: Measurements, output: str) -> DataFrame:
    return pair_layers(_named(found), output=output)


def _correlated(pairs: DataFrame) -> DataFrame:
    return correlate(
        pairs, "layer_value", "output_value", by=["measure", "layer"], items="sound"
    ).correlations


def _draw_tracks(section: Section, tracks: DataFrame, output: str) -> None:
    shown = tracks[tracks["sound"].isin(sorted(tracks["sound"].unique())[:SHOWN])]
    for kind, unit in (("F0", "Hz"), ("intensity", "dB")):
        own = shown[(shown["measure"] == kind) & shown["value"].notna()]
        own = own.assign(point=(own["point"] + 0.5) / POINTS)
        if own["layer"].nunique() > 1 and (own["layer"] == output).any():
            section.picture(
                f"trajectories_{kind.lower()}",
                f"{kind} along the vowels of {own['sound'].nunique()} outputs (figures 6 and 7 of the paper).",
                plot_trajectories(
                    own, output=output, unit=f"{kind} ({unit})", title=f"{kind} of layers and output"
                ),
            )


def _by_reason(reasons: DataFrame) -> DataFrame:
    """One row for each layer and reason."""
    groups = reasons.assign(measure=reasons["measure"].astype(str)).groupby(
        ["layer", "reason"], observed=True, sort=False
    )
    found = groups.agg(measures=("measure", ", ".join), values=("values", "sum")).reset_index()
    return found[["layer", "measures", "reason", "values"]]


def _later_more(
    study: Study,
    claim: str,
    tables: Mapping[str, DataFrame],
    pairs: DataFrame,
    name: str,
    order: Sequence[str],
    seed: int,
) -> None:
    """Judged by what layers carry; what the paper's way gives is told beside it."""
    shown = {}
    for way, table in tables.items():
        of_measure = table[(table["measure"] == name) & table["r"].notna()].set_index("layer")
        there = [layer for layer in order if layer in of_measure.index]
        shown[way] = (
            of_measure,
            there,
            ", ".join(f"{layer} r = {of_measure.loc[layer, 'r']:.2f}" for layer in there),
        )
    own, layers, evidence = shown[""]
    published = f"as the paper measured, beyond what layers carry: {shown['_as_published'][2]}"
    if not layers:
        study.finding(claim, TASLP, None, f"no layer's rate carries it ({published})")
        return
    last = own.loc[layers[-1]]
    if len(layers) == 1:
        study.finding(
            claim,
            TASLP,
            None,
            f"{evidence} (p {p_text(last['p'])}): the only layer whose rate carries it, so there is no trend to look at ({published})",
        )
        return
    low, high = _rise(pairs[pairs["measure"] == name], layers[0], layers[-1], seed)
    rises, does_not = low > 0 and last["lower"] > 0, high < SMALL_RISE or last["upper"] < SMALL_R
    study.finding(
        claim,
        TASLP,
        True if rises else False if does_not else "undecided",
        f"{evidence}; from {layers[0]} to {layers[-1]} r rises by {own.loc[layers[-1], 'r'] - own.loc[layers[0], 'r']:.2f}, 95 % interval {low:.2f} to {high:.2f} "
        f"({published})",
    )


def _rise(pairs: DataFrame, first: str, last: str, seed: int) -> tuple[float, float]:
    """95 % of the difference between two layers' correlations with the output, whole sounds resampled together."""
    wide = pairs[pairs["layer"].isin([first, last])].pivot_table(
        index=["sound", "interval", "point", "output_value"], columns="layer", values="layer_value"
    )
    wide = wide.dropna().reset_index()
    _, sound = np.unique(wide["sound"], return_inverse=True)
    rng, count = np.random.default_rng(seed), int(sound.max()) + 1
    output = wide["output_value"].to_numpy()

    def r(layer: str, weights: NDArray[np.float64]) -> float:
        x = wide[layer].to_numpy()
        a, b = (each - np.average(each, weights=weights) for each in (x, output))
        return float((weights * a * b).sum() / np.sqrt((weights * a * a).sum() * (weights * b * b).sum()))

    rises = []
    for _ in range(RESAMPLES):
        weights = np.bincount(rng.integers(count, size=count), minlength=count).astype(np.float64)[sound]
        rises.append(r(last, weights) - r(first, weights))
    low, high = np.quantile(rises, [0.025, 0.975])
    return float(low), float(high)


def add_durations(study: Study, series: Series, output: str, workers: int) -> None:
    """Linear models of layers' durations on the output's."""
    section = study.section("Durations")
    claim = "Durations at the layer before the output are those of the output"
    table = measure(series, Duration(), workers=workers).only("duration")
    table["layer"] = table["layer"].astype(str)
    pairs = pair_layers(table, output=output).dropna(subset=["layer_value", "output_value"])
    kept = [
        layer
        for layer, part in pairs.groupby("layer", sort=False)
        if len(part) >= 8 and part["layer_value"].nunique() > 1 and part["output_value"].nunique() > 1
    ]
    if not kept:
        reason = "No layer has durations that vary: outputs may all fill the slice, or be silent."
        section.left_out("Linear models of duration", reason)
        study.finding(claim, TASLP, None, reason)
        return
    model = linear_model(
        pairs[pairs["layer"].isin(kept)], "layer_value", predictors="output_value", by="layer"
    )
    section.table("durations", "Duration of each layer explained by the output's", model.coefficients)
    section.table("durations_fit", "Fit of these models", model.models)
    sounds = Duration()
    study.methods.append(
        f"A series sounds from the first to the last stretch of {1000 * sounds.shortest_s:g} ms or more that ranges within 5 ms over more than {sounds.threshold_db:g} dB "
        f"of its widest range, pauses up to {1000 * sounds.gap_s:g} ms included; durations of layers were regressed on those of the output by least squares."
    )
    last = [each.name for each in timed_layers(series.layers) if each.name in kept][-1]
    slope = model.coefficients[
        (model.coefficients["layer"] == last) & (model.coefficients["term"] == "output_value")
    ].iloc[0]
    fit = model.models[model.models["layer"] == last].iloc[0]
    within = slope["lower"] >= ABOUT_ONE[0] and slope["upper"] <= ABOUT_ONE[1]
    outside = slope["upper"] < ABOUT_ONE[0] or slope["lower"] > ABOUT_ONE[1] or fit["adjusted_r2"] < 0.5
    study.finding(
        claim,
        TASLP,
        True if within and not outside else False if outside else "undecided",
        f"{last}: slope {slope['estimate']:.2f}, 95 % interval {slope['lower']:.2f} to {slope['upper']:.2f} (one: {ABOUT_ONE[0]:g} to {ABOUT_ONE[1]:g}), "
        f"adjusted R² {fit['adjusted_r2']:.2f}",
    )


def add_classes(study: Study, series: Series, marks: Intervals, f0: F0, output: str) -> None:
    """Which classes of sound layers show, where the output has them."""
    section = study.section("Vowels, fricatives and silence at each layer")
    claim = "Layers show vowels as periodic, fricatives as aperiodic, stops as silent"
    settings = ClassSettings(floor_hz=f0.floor_hz, ceiling_hz=f0.ceiling_hz)
    rows = []
    for layer in timed_layers(series.layers):
        if layer.name == output:
            continue
        values, start_s = np.asarray(series[layer.name]), float(layer.times_s()[0])
        try:
            found = find_segments(values, rate_hz=layer.rate_hz, start_s=start_s, settings=settings)
        except ValueError as error:
            rows.append({"layer": layer.name, "accuracy": np.nan, "reason": str(error).partition("got ")[2]})
            continue
        compared = compare_classes(found, marks, class_of=str)
        recalled = {f"recall of {name}": value for name, value in compared.recall.items()}
        rows.append({"layer": layer.name, "accuracy": compared.accuracy, **recalled, "reason": ""})
    import pandas as pd

    study.methods.append(
        f"In windows of {1000 * settings.window_s:g} ms a series was called silent {-settings.silence_db:g} dB below its loudest window, else periodic (a vowel) where its "
        f"normalised autocorrelation between {settings.floor_hz:g} and {settings.ceiling_hz:g} Hz reaches {settings.periodicity:g}, else aperiodic (a fricative); stretches "
        f"below {1000 * settings.shortest_s:g} ms were given to their neighbours. The output's classes were compared with each layer's."
    )
    table = pd.DataFrame(rows)
    section.table(
        "classes",
        "Share of the time whose class is found in a layer, too; the output's classes are taken for known",
        table,
    )
    told = table[table["accuracy"].notna()]
    if told.empty:
        study.finding(
            claim, TASLP, None, "no layer's rate carries F0, by which vowels are told from fricatives"
        )
        return
    kinds = {each.label for each in marks}
    last = told.iloc[-1]
    recalls = {
        name: float(last[f"recall of {name}"]) for name in sorted(kinds) if f"recall of {name}" in last
    }
    study.finding(
        claim,
        TASLP,
        len(recalls) > 1 and min(recalls.values()) > 0.5 and float(np.mean(list(recalls.values()))) > 0.7,
        f"{last['layer']}: "
        + ", ".join(f"{share:.0%} of the time of {name}s" for name, share in recalls.items()),
    )
