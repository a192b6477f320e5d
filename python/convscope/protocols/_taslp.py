"""`taslp`: a generator's layers beside its output, as in Beguš and Zhou 2022, "Interpreting intermediate convolutional layers of generative CNNs trained on
waveforms" (IEEE/ACM TASLP).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from .. import __version__
from ..acoustics import (
    F0,
    ClassSettings,
    Duration,
    Formants,
    Intensity,
    Interval,
    Intervals,
    compare_classes,
    find_segments,
    measure,
)
from ..latents import Latents, OneHot, random, variable
from ..plot import (
    plot_correlations,
    plot_elbow,
    plot_overlays,
    plot_profiles,
    plot_sounds,
    plot_trajectories,
    plot_waterfall,
)
from ..probe import Probe, Series
from ..profiles import cluster_maps, map_profiles, nearest_maps
from ..stats import (
    correlate,
    discover_latents,
    find_copies,
    linear_model,
    p_text,
    pair_layers,
)
from ._effects import LEVEL, add_effects
from ._network import latent_size, network_name
from ._outputs import measured_outputs, measured_series, output_name, segments, timed_layers
from ._study import DataFrame, Section, Study

PAPER = "Beguš and Zhou 2022 (TASLP)"
POINTS = 10
SHOWN = 6  # sounds in a picture
COPIES_IN = 2  # layers that are searched for copies: the output and the one before it
FOLDS = 10
FRICATION_S = 0.08  # shorter aperiodic stretches are edges of vowels as often
TRACKS = {"f0": "F0", "intensity": "intensity", "f1": "F1", "f2": "F2"}


def taslp(
    net: nn.Module,
    *,
    outputs: int = 100,
    which: int | str | None = None,
    values: ArrayLike = tuple(range(-15, 6, 2)),
    bases: int = 25,
    f0: F0 | None = None,
    copies: int = 16,
    workers: int = 1,
    seed: int = 0,
) -> Study:
    """Ask what of the output's acoustics each layer of a generator has.

    Parameters
    ----------
    net : torch.nn.Module
        A generator.
    outputs : random outputs that are measured
    which : place or name (``"z11"``) of the latent variable that is interpolated, optional
        By default the one that most changes whether outputs have a fricative; if none does, the first that is no code.
    values : what it is set to; the paper's -15 to 5 in steps of 2
    bases : random vectors behind each value
    f0 : F0
        Range of F0; the paper's 75-450 Hz by default.
    copies : outputs that are searched for stretches that come again (reduplication), a second each; 0 for none
    workers : processes for Praat
    seed : of the latent vectors and of everything that is drawn

    Returns
    -------
    Study

    Raises
    ------
    ValueError
        for a network that makes no sound, or fewer than 20 outputs.
    """
    if outputs < 20:
        raise ValueError(f"outputs: expected at least 20, got {outputs}")
    f0 = F0(f0.floor_hz, f0.ceiling_hz, POINTS) if f0 is not None else F0(points=POINTS)
    probe = Probe(net)
    output = output_name(probe.layers)
    size, code = latent_size(net, probe)
    drawn = OneHot(code) if code else None
    design = random(outputs, size=size, code=drawn, seed=seed)
    z = design[:]
    series = probe.run(z)
    marks = segments(series, f0)
    study = Study(
        "Layers of a generator beside its output",
        f"{network_name(net)}; {outputs} random outputs; protocol taslp of convscope {__version__}",
    )
    study.settings |= {
        "network": network_name(net),
        "outputs": outputs,
        "layers": ", ".join(series.layers.names),
        "F0 range": f"{f0.floor_hz:g}-{f0.ceiling_hz:g} Hz",
        "points of normalised time": POINTS,
        "code of outputs": f"one-hot of {code}" if code else "none",
        "bases of the interpolation": bases,
        "values of the interpolation": ", ".join(f"{each:g}" for each in np.asarray(values)),
        "seed": seed,
        "engine": probe.engine,
    }
    study.methods.append(
        f"{outputs} latent vectors were drawn as in training; after the activation of each layer its channels were averaged (convscope {__version__})."
    )
    _outputs(study.section("The outputs"), series, marks, output)
    vowels = _longest_vowels(marks)
    _tracks(study, series, vowels, f0, output, workers)
    _durations(study, series, output, workers)
    _classes(study, series, marks, f0, output)
    strongest = _variables_and_measures(study, z, measured_series(series, f0, workers), output)
    maker = _discovery(study, z, marks, seed)
    chosen = _named(which) or maker or strongest or f"z{code}"
    levels = np.unique(np.asarray(values, np.float64))
    behind = random(bases, size=size, code=drawn, seed=seed + 1)
    _interpolation(study, probe, chosen, levels, behind, f0, output, workers, seed)
    _maps(study, net, probe, chosen, levels, behind, output, seed)
    _copies(study, series, output, copies, seed)
    return study


def _outputs(section: Section, series: Series, marks: Intervals, output: str) -> None:
    sounds = np.asarray(series[output])
    rate_hz = series.layers[-1].sample_rate_hz
    section.picture(
        "outputs",
        f"The first {min(SHOWN, len(sounds))} outputs.",
        plot_sounds(sounds[:SHOWN], rate_hz, title="outputs"),
    )
    import pandas as pd

    counts = [
        {
            "class": kind,
            "outputs with it": len({each.sound for each in marks.labelled(kind)}),
            "segments": len(marks.labelled(kind)),
            "seconds": sum(each.span.duration_s for each in marks.labelled(kind)),
        }
        for kind in ("vowel", "fricative", "silence")
    ]
    section.table(
        "classes_of_outputs",
        "Classes of sound in the outputs: periodic, aperiodic, silent",
        pd.DataFrame(counts),
    )
    layers = [each.name for each in timed_layers(series.layers) if each.name != output][-3:]
    loudest = int(np.abs(sounds).max(1).argmax())
    section.picture(
        "overlays",
        f"Output {loudest} and the layers before it (figures 4 and 5 of the paper).",
        plot_overlays(series, loudest, layers, output=output),
    )


def _longest_vowels(marks: Intervals) -> Intervals:
    """One of each sound, whole."""
    longest: dict[int, Interval] = {}
    for each in marks.labelled("vowel"):
        if each.sound not in longest or each.span.duration_s > longest[each.sound].span.duration_s:
            longest[each.sound] = each
    return Intervals(tuple(longest.values()))


def _tracks(study: Study, series: Series, vowels: Intervals, f0: F0, output: str, workers: int) -> None:
    section = study.section("F0, intensity and formants at each layer")
    later = "Later layers correlate more with the output's {}"
    if len(vowels) < 8:
        reason = f"{len(vowels)} outputs have a vowel; correlations need at least 8."
        section.left_out("Correlations", reason)
        for name in ("F0", "intensity"):
            study.finding(later.format(name), PAPER, None, reason)
        return
    measures = (f0, Intensity(100, points=POINTS), Formants(report=2, points=POINTS))
    tables = {}
    for way, is_published in (("", False), ("_as_published", True)):
        found = measure(series, *measures, intervals=vowels, as_published=is_published, workers=workers)
        table = found.table[found.table["measure"].isin(TRACKS)].copy()
        table["measure"] = [TRACKS[str(each)] for each in table["measure"]]
        table["layer"] = table["layer"].astype(str)
        pairs = pair_layers(table, output=output)
        tables[way] = correlate(
            pairs, "layer_value", "output_value", by=["measure", "layer"], items="sound"
        ).correlations
        name = (
            "as the paper did, layers drawn out to 16 kHz as if they were sounds"
            if is_published
            else "what each layer carries"
        )
        section.table(
            f"correlations{way}",
            f"Correlation with the output's, points of one sound resampled together: {name}",
            tables[way],
        )
        if is_published:
            section.text(
                "The second table is the paper's way: values of layers whose rate cannot carry a measure are there, and should not be trusted."
            )
            continue
        shown = table[table["sound"].isin(sorted(table["sound"].unique())[:SHOWN])]
        for kind, unit in (("F0", "Hz"), ("intensity", "dB")):
            own = shown[(shown["measure"] == kind) & shown["value"].notna()]
            own = own.assign(point=(own["point"] + 0.5) / POINTS)
            if own["layer"].nunique() > 1 and (own["layer"] == output).any():
                section.picture(
                    f"trajectories_{kind.lower()}",
                    f"{kind} along the vowels of {SHOWN} outputs (figures 6 and 7 of the paper).",
                    plot_trajectories(
                        own, output=output, unit=f"{kind} ({unit})", title=f"{kind} of layers and output"
                    ),
                )
        section.table("not_carried", "What layers cannot carry, and why", found.reasons())
    section.picture(
        "correlations",
        "Correlations with the output, by layer; intervals from resampling whole sounds.",
        plot_correlations(tables[""]),
    )
    order = [each.name for each in timed_layers(series.layers) if each.name != output]
    for name in ("F0", "intensity"):
        _later_more(study, later.format(name), tables, name, order)
    study.methods.append(
        f"The longest vowel (periodic stretch) of each output was measured at {POINTS} points of normalised time at the output and at each layer: F0 (Praat, {f0.floor_hz:g}-{f0.ceiling_hz:g} "
        "Hz), intensity (minimum pitch 100 Hz) and two formants (Burg). Pearson correlations of layers with the output have intervals from resampling whole sounds; "
        "what the rate of a layer cannot carry was left out."
    )


def _later_more(
    study: Study, claim: str, tables: Mapping[str, DataFrame], name: str, order: Sequence[str]
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
        study.finding(claim, PAPER, None, f"no layer's rate carries it ({published})")
        return
    last = own.loc[layers[-1]]
    if len(layers) == 1:
        study.finding(
            claim,
            PAPER,
            None,
            f"{evidence} (p {p_text(last['p'])}): the only layer whose rate carries it, so there is no trend to look at ({published})",
        )
        return
    values = [float(own.loc[layer, "r"]) for layer in layers]
    rises = bool(values[-1] == max(values) and values[-1] > values[0] and last["lower"] > 0)
    study.finding(claim, PAPER, rises, evidence)


def _durations(study: Study, series: Series, output: str, workers: int) -> None:
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
        study.finding(claim, PAPER, None, reason)
        return
    model = linear_model(
        pairs[pairs["layer"].isin(kept)], "layer_value", predictors="output_value", by="layer"
    )
    section.table("durations", "Duration of each layer explained by the output's", model.coefficients)
    section.table("durations_fit", "Fit of these models", model.models)
    last = [each.name for each in timed_layers(series.layers) if each.name in kept][-1]
    slope = model.coefficients[
        (model.coefficients["layer"] == last) & (model.coefficients["term"] == "output_value")
    ].iloc[0]
    fit = model.models[model.models["layer"] == last].iloc[0]
    study.finding(
        claim,
        PAPER,
        slope["p"] < LEVEL and slope["lower"] <= 1.1 and slope["upper"] >= 0.9 and fit["adjusted_r2"] > 0.5,
        f"{last}: slope {slope['estimate']:.2f} (t {slope['t']:.1f}, p {p_text(slope['p'])}), adjusted R² {fit['adjusted_r2']:.2f}",
    )


def _classes(study: Study, series: Series, marks: Intervals, f0: F0, output: str) -> None:
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
            rows.append({"layer": layer.name, "accuracy": np.nan, "reason": str(error)})
            continue
        compared = compare_classes(found, marks, class_of=str)
        recalled = {f"recall of {name}": value for name, value in compared.recall.items()}
        rows.append({"layer": layer.name, "accuracy": compared.accuracy, **recalled, "reason": ""})
    import pandas as pd

    table = pd.DataFrame(rows)
    section.table(
        "classes",
        "Share of the time whose class is found in a layer, too; the output's classes are taken for known",
        table,
    )
    told = table[table["accuracy"].notna()]
    if told.empty:
        study.finding(
            claim, PAPER, None, "no layer's rate carries F0, by which vowels are told from fricatives"
        )
        return
    kinds = {each.label for each in marks}
    best = told.loc[told["accuracy"].idxmax()]
    shares = ", ".join(
        f"{name} {best[f'recall of {name}']:.0%}" for name in sorted(kinds) if f"recall of {name}" in best
    )
    study.finding(
        claim,
        PAPER,
        len(kinds) > 1 and best["accuracy"] > 0.7,
        f"{best['layer']}: {best['accuracy']:.0%} of the time right ({shares})",
    )


def _variables_and_measures(
    study: Study, z: NDArray[np.float32], table: DataFrame, output: str
) -> str | None:
    """The latent variable that goes most clearly with anything that is measured in random outputs."""
    import pandas as pd

    section = study.section("Latent variables and what is measured")
    claim = "Single latent variables go with single properties of the output"
    own = table[(table["layer"] == output) & table["value"].notna()]
    parts = [
        pd.DataFrame(
            {
                "measure": measure,
                "variable": f"z{place}",
                "z": z[part["sound"], place],
                "value": part["value"].to_numpy(),
            }
        )
        for measure, part in own.groupby("measure", sort=False)
        if len(part) >= 10 and part["value"].nunique() > 1
        for place in range(z.shape[1])
    ]
    if not parts:
        section.left_out(
            "Correlations of latent variables", "Nothing that varies could be measured in ten outputs."
        )
        study.finding(claim, PAPER, None, "nothing could be measured")
        return None
    found = correlate(
        pd.concat(parts, ignore_index=True), "z", "value", by=["measure", "variable"]
    ).correlations
    found = found.sort_values("p", ignore_index=True)
    section.table(
        "latents_and_measures",
        "Correlations of latent variables with measures of random outputs, the clearest first",
        found,
    )
    certain = found[found["p_holm"] < LEVEL]
    named = "; ".join(
        f"{measure}: " + ", ".join(f"{row.variable} (r = {row.r:.2f})" for row in part.itertuples())
        for measure, part in certain.groupby("measure", sort=False)
    )
    study.finding(claim, PAPER, len(certain) > 0, named or "none after correction")
    return str(certain["variable"].iloc[0]) if len(certain) else None


def _discovery(study: Study, z: NDArray[np.float32], marks: Intervals, seed: int) -> str | None:
    """The variable that most decides whether there is a fricative, if one stands out."""
    section = study.section("Which latent variables make a fricative")
    claim = "A few latent variables decide whether there is a fricative"
    long_enough = [each.sound for each in marks.labelled("fricative") if each.span.duration_s >= FRICATION_S]
    has_it = np.isin(np.arange(len(z)), long_enough)
    names = [f"z{place}" for place in range(z.shape[1])]
    rarer = min(has_it.sum(), (~has_it).sum())
    if rarer < 2 * FOLDS:
        reason = f"{has_it.sum()} of {len(z)} outputs have a fricative of {1000 * FRICATION_S:g} ms; {2 * FOLDS} with and without are needed."
        section.left_out("Discovery of latent variables", reason)
        study.finding(claim, "Beguš 2020 (GAP)", None, reason)
        return None
    found = discover_latents(z, has_it, names=names, folds=FOLDS, seed=seed)
    section.table(
        "latents",
        f"Variables and fricatives: {has_it.sum()} of {len(z)} outputs have one of {1000 * FRICATION_S:g} ms",
        found.variables,
    )
    section.picture(
        "elbow",
        "Coefficients of the Lasso (lambda by cross-validation), sorted; filled: before the elbow.",
        plot_elbow(
            list(found.variables["variable"]),
            found.variables["lasso_min"].abs(),
            chosen=len(found.before_elbow),
            title="fricatives",
            y_label="|Lasso coefficient|",
        ),
    )
    for problem in found.problems:
        section.text(f"Note: {problem}")
    certain = ", ".join(found.standing_out)
    study.finding(
        claim,
        "Beguš 2020 (GAP)",
        0 < len(found.standing_out) <= max(len(names) // 4, 3),
        f"{certain or 'none'} of {len(names)} stand out alone (Holm) and in most half-samples",
    )
    study.methods.append(
        f"Whether an output has a fricative of {1000 * FRICATION_S:g} ms was regressed on the latent variables: logistic regression of each, Lasso with lambda by "
        f"{FOLDS}-fold cross-validation, and a random forest."
    )
    return found.standing_out[0] if found.standing_out else None


def _named(which: int | str | None) -> str | None:
    return None if which is None else which if isinstance(which, str) else f"z{which}"


def _interpolation(
    study: Study,
    probe: Probe,
    which: str,
    values: NDArray[np.float64],
    behind: Latents,
    f0: F0,
    output: str,
    workers: int,
    seed: int,
) -> None:
    section = study.section(f"Interpolation of {which}")
    design = variable(which, values, bases=behind)
    study.settings["interpolated variable"] = which
    first = probe.run(design[: len(values)])
    layers = [each.name for each in timed_layers(first.layers)][1:]
    section.picture(
        "waterfall",
        f"{which} from {values.min():g} to {values.max():g}, the other variables fixed (figure 9 of the paper).",
        plot_waterfall(first, values, layers=layers, label=which),
    )
    at = design.variables()
    table = measured_outputs(probe, design, f0=f0, workers=workers)
    sounds = table["sound"].to_numpy()
    named = table.assign(variable=which, base=at["base"][sounds], to=at[which][sounds])
    baseline = float(values[np.abs(values).argmin()])
    tests = add_effects(
        section, named, output, baseline=baseline, bases=len(behind), seed=seed, name="interpolation_"
    )
    claim = f"Interpolating one latent variable ({which}) changes every layer"
    if tests is None:
        study.finding(claim, PAPER, None, "nothing could be measured")
        return
    layers = [each.name for each in timed_layers(first.layers)]
    moved = [layer for layer in layers if tests.loc[tests["layer"] == layer, "is_effect"].any()]
    study.finding(
        claim,
        PAPER,
        len(moved) == len(layers),
        f"something changes in {', '.join(moved) or 'none'} of {', '.join(layers)} (Holm, more than the measures' resolution)",
    )
    study.methods.append(
        f"{which} was set to {len(values)} values from {values.min():g} to {values.max():g}, the other variables fixed as in each of {len(behind)} random vectors."
    )


def _maps(
    study: Study,
    net: nn.Module,
    probe: Probe,
    which: str,
    values: NDArray[np.float64],
    behind: Latents,
    output: str,
    seed: int,
) -> None:
    layers = [each for each in timed_layers(probe.layers) if each.name != output]
    section = study.section("Single feature maps")
    if not layers or layers[-1].channels < 4:
        section.left_out("Clusters of feature maps", "The layer before the output has fewer than four maps.")
        return
    layer = layers[-1]
    low, high = (variable(which, [end], bases=behind)[:] for end in (values.min(), values.max()))
    profiles = map_profiles(net, np.concatenate([low, high]), layer.name)
    try:
        clusters = cluster_maps(profiles, gamma="auto", seed=seed)
    except ValueError as error:
        section.left_out("Clusters of feature maps", str(error))
        return
    section.picture(
        "map_clusters",
        f"Maps of {layer.name} in two clusters (figures 11 and 12 of the paper), their mean over {2 * len(behind)} outputs at both ends of {which}.",
        plot_profiles(
            {f"cluster {each}": profiles.mean[clusters.labels == each] for each in range(2)}, layer.times_s()
        ),
    )
    agreement = f"adjusted Rand index between seeds {clusters.stability:.2f}"
    section.text(
        f"Spectral clustering with a Gaussian kernel whose width comes from the data; {agreement}. {' '.join(clusters.problems)}"
    )
    distances = nearest_maps(net, low, high, layer.name)
    import pandas as pd

    table = pd.DataFrame(
        {
            "map": np.arange(len(distances.distance)),
            "cosine distance": distances.distance,
            "pairs": distances.pairs,
        }
    )
    section.table(
        "map_distances",
        f"Cosine distance of each map of {layer.name} between {which} at {values.min():g} and {values.max():g}, the least changed first (figure 13)",
        table.sort_values("cosine distance", ignore_index=True),
    )


def _copies(study: Study, series: Series, output: str, count: int, seed: int) -> None:
    section = study.section("Reduplication")
    claim = "What the output repeats is repeated in the layers, too"
    if not count:
        section.left_out("Copies", "Not asked for.")
        return
    chosen = timed_layers(series.layers)[-COPIES_IN:]
    rows = []
    for layer in chosen:
        for sound, values in enumerate(np.asarray(series[layer.name], np.float64)[:count]):
            try:
                found = find_copies(values, layer.rate_hz, seed=seed)
            except ValueError as error:
                rows.append(
                    {"layer": layer.name, "sound": sound, "copies": np.nan, "p": np.nan, "reason": str(error)}
                )
                continue
            rows.append(
                {"layer": layer.name, "sound": sound, "copies": found.count, "p": found.p, "reason": ""}
            )
    import pandas as pd

    table = pd.DataFrame(rows)
    wide = table.pivot(index="sound", columns="layer", values="copies").dropna(how="all")
    if wide.empty or output not in wide:
        section.left_out(
            "Copies",
            f"No output could be searched: {table['reason'].mode().iloc[0] if len(table) else 'no layer is fast enough'}",
        )
        study.finding(claim, PAPER, None, "no output could be searched")
        return
    repeated = wide[output] > 1
    summary = pd.DataFrame(
        [
            {
                "layer": layer.name,
                "outputs": int(wide[layer.name].notna().sum()),
                "repeat themselves": int((wide[layer.name] > 1).sum()),
                "as the output does": int(
                    ((wide[layer.name] > 1) == repeated)[wide[layer.name].notna()].sum()
                ),
            }
            for layer in chosen
            if layer.name in wide
        ]
    )
    section.table(
        "copies",
        f"Stretches that come again in the envelopes of the first {count} outputs, and in layers",
        summary,
    )
    section.table("copies_each", "Each output", table)
    if repeated.sum() < 3:
        study.finding(
            claim,
            PAPER,
            None,
            f"{repeated.sum()} of {len(repeated)} outputs repeat a stretch: too few to look at",
        )
        return
    inner = summary[summary["layer"] != output]
    share = (
        float(inner["as the output does"].iloc[-1] / inner["outputs"].iloc[-1])
        if len(inner)
        else float("nan")
    )
    study.finding(
        claim,
        PAPER,
        share > 0.8,
        f"{repeated.sum()} of {len(repeated)} outputs repeat a stretch; {inner['layer'].iloc[-1]} agrees on {share:.0%}",
    )
