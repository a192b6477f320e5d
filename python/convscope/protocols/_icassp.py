"""`icassp`: withheld words through a Q-network, as in Beguš and Zhou 2022, "Interpreting intermediate convolutional layers in unsupervised
acoustic word classification" (ICASSP).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import nn

from .. import __version__
from ..acoustics import Intervals, normalised_time
from ..plot import plot_confusion, plot_curves, plot_differences, plot_word
from ..probe import Probe, Series
from ..stats import GammResult, adjust, code_table, fit_gamm, p_text
from ._network import network_name
from ._study import DataFrame, Section, Study
from ._words import Words, checked_words

FRICATIVES: Mapping[str, str] = {"s": r"s", "\N{LATIN SMALL LETTER ESH}": r"S|sh|\N{LATIN SMALL LETTER ESH}"}
FRICATION_POINTS = 10
PAPER = "Beguš and Zhou 2022 (ICASSP)"
LEVEL = 0.05


def icassp(
    net: nn.Module,
    waveforms: ArrayLike,
    words: Sequence[str],
    *,
    phones: Intervals | None = None,
    speakers: Sequence[str] | None = None,
    reference: str | None = None,
    layer: str | None = None,
    fricatives: Mapping[str, str] = FRICATIVES,
    code: str = "one-hot",
    k: int = 10,
    k_token: int = 9,
    rho: float | str | None = "reml",
    seed: int = 0,
) -> Study:
    """Ask where a Q-network tells words apart, and [s] from [ʃ].

    Parameters
    ----------
    net : torch.nn.Module
        A Q-network: waveforms in, logits out.
    waveforms : (n, L)
        Words that it was not trained on; brought to peak 1 here.
    words : (n,) what each says
    phones : Intervals, optional
        Their phones, for the test of fricatives.
    speakers : (n,), optional
        Who says each: a random level in the model.
    reference : str, optional
        The word that others are compared with; the first by name unless given.
    layer : str, optional
        Of which layer words are modelled; the last one that has a time axis.
    fricatives : mapping
        The two kinds and the regular expressions that their phones' labels match.
    code : "one-hot" or "binary"
        What the logits stand for: ciwGAN's or fiwGAN's.
    k, k_token, rho : as for `convscope.stats.fit_gamm`; sizes are brought down to the layer's positions.
    seed : of permutations and bands.

    Returns
    -------
    Study

    Raises
    ------
    ValueError
        for what cannot be modelled, naming it.
    """
    given = checked_words(waveforms, words, speakers, phones)
    probe = Probe(net, input_shape=(given.waveforms.shape[1],))
    series = probe.run(given.waveforms)
    timed = [each.name for each in series.layers if each.has_clock]
    if not timed:
        raise ValueError("net: expected layers with a time axis, got none")
    modelled = layer or timed[-1]
    if modelled not in timed:
        raise ValueError(f"layer: expected one of {', '.join(timed)}, got {modelled!r}")
    study = Study(
        "Words in a Q-network",
        f"{network_name(net)}; {len(given.words)} sounds of {len(np.unique(given.words))} words; protocol icassp of convscope {__version__}",
    )
    study.settings |= {
        "network": network_name(net),
        "sounds": len(given.words),
        "samples per sound": given.waveforms.shape[1],
        "words": ", ".join(np.unique(given.words)),
        "speakers": "not given" if given.speakers is None else len(np.unique(given.speakers)),
        "layers": ", ".join(series.layers.names),
        "modelled layer": modelled,
        "k, k_token, rho": f"{k}, {k_token}, {rho}",
        "seed": seed,
        "engine": probe.engine,
    }
    study.methods.append(
        f"{len(given.words)} sounds of {len(np.unique(given.words))} words that the network had not been trained on were brought to a peak of 1 and "
        f"given to the Q-network, phase shuffle off. After the activation of each layer its channels were averaged (convscope {__version__}), which "
        "gives a time series for each layer."
    )
    _traces(study.section("One word through the network"), series, given)
    _classification(study, series, given, code, seed)
    _model_of_words(study, series, given, modelled, reference, k, k_token, rho, seed)
    _fricatives(study, series, given, timed, fricatives, k, k_token, rho, seed)
    return study


def _traces(section: Section, series: Series, given: Words) -> None:
    section.picture(
        "word",
        f"{given.words[0]}: the waveform, and the mean of each layer's channels (figure 2 of the paper).",
        plot_word(series, 0, waveform=given.waveforms[0], title=str(given.words[0])),
    )


def _classification(study: Study, series: Series, given: Words, code: str, seed: int) -> None:
    section = study.section("What the network calls them")
    claim = "The Q-network names words that it has never heard"
    logits = np.asarray(series[series.layers.names[-1]])
    if series.layers[-1].has_clock or logits.ndim != 2 or logits.shape[1] < 2:
        section.left_out(
            "The table of codes and words", "The last layer has a time axis or one value: these are no codes."
        )
        study.finding(claim, PAPER, None, "no logits")
        return
    codes: Any = (logits > 0).astype(int) if code == "binary" else logits.argmax(1)
    if len(np.unique(codes, axis=0)) < 2:
        section.left_out("The table of codes and words", "All sounds have the same code.")
        study.finding(claim, PAPER, False, "all sounds have the same code")
        return
    found = code_table(codes, given.words, kind="binary" if code == "binary" else None, seed=seed)
    section.picture(
        "codes",
        "Sounds by word and code; framed: the code that stands for a word under the best assignment.",
        plot_confusion(
            found.counts.drop(columns="code").to_numpy().T,
            list(found.counts.columns[1:]),
            list(found.counts["code"]),
            assigned={word: each for each, word in found.word_of_code.items()},
        ),
    )
    section.table("codes_summary", "Accuracy and purity, with what permuted words give", found.summary)
    section.table("codes_assignment", "The word of each code", found.assignment)
    section.table("codes_odds", "Odds ratios of codes and words, Fisher's exact test", found.odds)
    section.table("codes_models", "Words explained by codes: multinomial regression", found.models)
    row = found.summary.iloc[0]
    study.finding(
        claim,
        PAPER,
        row["p_accuracy"] < LEVEL,
        f"{row['accuracy']:.1%} right under the best assignment, permuted words {row['accuracy_chance']:.1%} "
        f"(p {p_text(row['p_accuracy'])})",
    )
    study.methods.append(
        "Each code was assigned to the word that makes most sounds named rightly (Hungarian algorithm); the same search in permuted words gives "
        "chance."
    )


def _model_of_words(
    study: Study,
    series: Series,
    given: Words,
    layer: str,
    reference: str | None,
    k: int,
    k_token: int,
    rho: float | str | None,
    seed: int,
) -> None:
    section = study.section(f"Words in {layer}")
    table = _long(series, layer, given)
    result = _fit(table, k, k_token, rho, reference=reference, has_speakers=given.speakers is not None)
    _add_model(section, result, f"words_{layer}", f"{layer} by word (Table 1 of the paper)")
    raw = table.rename(columns={"word": "group"})
    section.picture(
        "words_curves",
        f"{layer}: curves of words with simultaneous 95 % bands (figure 3 of the paper).",
        plot_curves(result.predict(seed=seed), raw=raw, title=f"words in {layer}"),
    )
    differences = [result.difference(word, seed=seed) for word in result.groups[1:]]
    section.picture(
        "words_differences",
        f"{layer}: differences from {result.groups[0]} (figure 5 of the paper).",
        plot_differences(differences, title=f"differences from {result.groups[0]} in {layer}"),
    )
    section.table(
        "words_intervals",
        f"Where words differ from {result.groups[0]} in {layer}, in seconds",
        _together([result.significant_intervals(word, seed=seed) for word in result.groups[1:]]),
    )
    curves = result.smooths.iloc[1 : len(result.groups)]
    levels = result.parametric.iloc[1:]
    holm = adjust(np.concatenate([curves.p, levels.p]), "holm") < LEVEL
    by_curve, by_level = holm[: len(curves)].sum(), holm[len(curves) :].sum()
    study.finding(
        f"Words differ in the last convolutional layer ({layer})",
        PAPER,
        bool(holm.any()),
        f"of {len(curves)} words, {by_curve} differ from {result.groups[0]} in the shape of their curve and {by_level} in level (Holm)",
    )
    study.methods.append(
        f"{layer} ({series[layer].shape[1]} values per sound) was fitted by a generalised additive mixed model, {result.formula}, with AR(1) within "
        f"sounds (rho {result.info.rho:.3f}, {result.info.rho_by}), by REML; bands are simultaneous, p-values of words were corrected by Holm's method."
    )
    for remark in result.info.remarks:
        section.text(f"Note: {remark}.")


def _fricatives(
    study: Study,
    series: Series,
    given: Words,
    layers: Sequence[str],
    fricatives: Mapping[str, str],
    k: int,
    k_token: int,
    rho: float | str | None,
    seed: int,
) -> None:
    first, second = fricatives
    section = study.section(f"[{first}] and [{second}] by layer")
    claim = f"Layers tell [{first}] and [{second}] apart"
    marks = None if given.phones is None else _marked(given.phones, fricatives)
    if marks is None or min(sum(each.label == name for each in marks) for name in fricatives) < 2:
        reason = (
            "No phones were given."
            if marks is None
            else f"Fewer than two [{first}] or two [{second}] are among the phones."
        )
        section.left_out(f"[{first}] and [{second}] on normalised time", reason)
        study.finding(claim, PAPER, None, reason)
        return
    counts = {name: sum(each.label == name for each in marks) for name in fricatives}
    section.text(
        f"{counts[first]} [{first}] and {counts[second]} [{second}], each layer cut to the frication and averaged over {FRICATION_POINTS} equal parts of "
        "normalised time. A layer whose shortest frication has fewer positions than that is modelled at as many points."
    )
    rows, differences = [], []
    for layer in layers:
        table, points = _frication(series, layer, marks)
        if points < 4:
            section.left_out(
                f"{layer}", f"Its shortest frication has {points} positions: no curve can be fitted."
            )
            continue
        result = _fit(
            table.rename(columns={"label": "word"}), k, k_token, rho, reference=first, has_speakers=False
        )
        level, shape = result.parametric.iloc[1], result.smooths.iloc[1]
        rows.append(
            {
                "layer": layer,
                "points": points,
                "level": level.estimate,
                "se": level.se,
                "t": level.t,
                "p_level": level.p,
            }
            | {"edf": shape.edf, "F": shape.F, "p_shape": shape.p, "rho": result.info.rho}
        )
        difference = result.difference(second, seed=seed)
        differences.append(difference.assign(group=f"{layer}: [{second}]", other=f"[{first}]"))
    import pandas as pd

    found = pd.DataFrame(rows)
    if found.empty:
        study.finding(claim, PAPER, None, "no layer has enough positions within a fricative")
        return
    for name in ("level", "shape"):
        found[f"p_{name}_holm"] = adjust(found[f"p_{name}"].to_numpy(), "holm")
    section.table(
        "fricatives", f"Difference of [{second}] from [{first}]: level and shape of the curve", found
    )
    section.picture(
        "fricatives_differences",
        f"[{second}] minus [{first}], by layer.",
        plot_differences(
            differences, title=f"[{second}] and [{first}]", x_label="normalised time", shared_scale=False
        ),
    )
    apart = found[(found["p_level_holm"] < LEVEL) | (found["p_shape_holm"] < LEVEL)]
    study.finding(
        claim,
        PAPER,
        len(apart) > 0,
        f"in level or shape in {', '.join(apart['layer']) or 'none'} of {', '.join(found['layer'])} (Holm)",
    )
    study.methods.append(
        f"Frication of [{first}] and [{second}] was cut out of each layer by the phones' boundaries, averaged over {FRICATION_POINTS} equal parts of normalised time (fewer where a layer has fewer positions), and fitted by a model of "
        "the same form for each layer."
    )


def _marked(phones: Intervals, fricatives: Mapping[str, str]) -> Intervals:
    """Phones of either kind, under its name."""
    return Intervals(
        tuple(
            replace(each, label=name)
            for name, pattern in fricatives.items()
            for each in phones.labelled(pattern)
        )
    )


def _frication(series: Series, layer: str, marks: Intervals) -> tuple[DataFrame, int]:
    """Rows of a model: no more points than positions."""
    values, info = np.asarray(series[layer], np.float64), series.info(layer)

    def cut(points: int) -> DataFrame:
        start_s = float(info.times_s()[0])
        return normalised_time(
            values, marks, points=points, by="mean", rate_hz=info.rate_hz, start_s=start_s, beyond="clip"
        )

    least = cut(2)
    points = int(min(FRICATION_POINTS, least["positions"].min()))
    if points < 2:
        return least, points
    table = cut(points)
    return table.assign(token=table["interval"].map("token {}".format)), points


def _fit(
    table: DataFrame,
    k: int,
    k_token: int,
    rho: float | str | None,
    *,
    reference: str | None,
    has_speakers: bool,
) -> GammResult:
    most = table["time"].nunique()
    return fit_gamm(
        table,
        group="word",
        speaker="speaker" if has_speakers else None,
        reference=reference,
        k=min(k, most),
        k_token=min(k_token, most),
        rho=rho,  # type: ignore[arg-type] # checked there
    )


def _add_model(section: Section, result: GammResult, name: str, caption: str) -> None:
    section.table(f"{name}_parametric", f"{caption}: levels", result.parametric)
    section.table(f"{name}_smooths", f"{caption}: curves", result.smooths)
    section.text(f"Model: {result.formula}; rho {result.info.rho:.3f}; scale {result.info.scale:.4g}.")


def _long(series: Series, layer: str, given: Words) -> DataFrame:
    """A row for each sound and position."""
    import pandas as pd

    values = np.asarray(series[layer], np.float64)
    count, length = values.shape
    table = pd.DataFrame(
        {
            "value": values.ravel(),
            "time": np.tile(series.info(layer).times_s(), count),
            "token": np.repeat([f"sound {i}" for i in range(count)], length),
            "word": np.repeat(given.words, length),
        }
    )
    return table if given.speakers is None else table.assign(speaker=np.repeat(given.speakers, length))


def _together(tables: list[DataFrame]) -> DataFrame:
    import pandas as pd

    return pd.concat(tables, ignore_index=True)
