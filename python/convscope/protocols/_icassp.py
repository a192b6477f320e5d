"""`icassp`: withheld words through a Q-network, as in Beguš and Zhou 2022, "Interpreting intermediate convolutional layers in unsupervised
acoustic word classification" (ICASSP).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from torch import nn

from .. import __version__
from ..acoustics import Intervals
from ..plot import plot_confusion, plot_word
from ..probe import Probe, Series
from ..stats import CodeTable, code_table, p_text
from ._effects import LEVEL
from ._fricatives import add_fricatives
from ._items import DataFrame
from ._network import network_name
from ._papers import ICASSP
from ._study import Section, Study
from ._word_models import ModelSettings, add_model_of_words, why_no_model
from ._words import Words, checked_words


def icassp(
    net: nn.Module,
    waveforms: ArrayLike,
    words: Sequence[str],
    *,
    phones: Intervals | None = None,
    speakers: Sequence[str] | None = None,
    reference: str | None = None,
    layer: str | None = None,
    fricatives: Mapping[str, str] | None = None,
    code: Literal["one-hot", "binary"] = "one-hot",
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
        Words that it was not trained on: nothing checks that. Brought to peak 1 here.
    words : (n,) what each says
    phones : Intervals, optional
        Their phones, for the test of fricatives.
    speakers : (n,), optional
        Who says each: a random level in the model.
    reference : str, optional
        The word that others are compared with; the first by name unless given.
    layer : str, optional
        Of which layer words are modelled; the last one with a time axis and enough positions.
    fricatives : mapping, optional
        The two kinds and the regular expressions that their phones' labels match; by default those of espeak-ng, TIMIT and the IPA, or of forced aligners
        where there is an SH.
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
    if code not in ("one-hot", "binary"):
        raise ValueError(f"code: expected 'one-hot' or 'binary', got {code!r}")
    if fricatives is not None and len(fricatives) != 2:
        raise ValueError(f"fricatives: expected two kinds, got {', '.join(fricatives) or 'none'}")
    given = checked_words(waveforms, words, speakers, phones)
    probe = Probe(net, input_shape=(given.waveforms.shape[1],))
    series = probe.run(given.waveforms)
    timed = [each.name for each in series.layers if each.has_clock]
    if not timed:
        raise ValueError("net: expected layers with a time axis, got none")
    usable = [name for name in timed if not why_no_model(series, name)]
    modelled = layer or (usable or timed)[-1]
    if modelled not in timed:
        raise ValueError(f"layer: expected one of {', '.join(timed)}, got {modelled!r}")
    settings = ModelSettings(k, k_token, rho, seed)
    study = _described(net, probe, given, modelled, settings)
    study.settings |= {"code": code, "reference": reference or "the first word by name"}
    _traces(study.section("One word through the network"), series, given)
    _classification(study, series, given, code, seed)
    add_model_of_words(study, series, given, modelled, reference, settings)
    add_fricatives(study, series, given, timed, fricatives, settings)
    return study


def _described(net: nn.Module, probe: Probe, given: Words, modelled: str, settings: ModelSettings) -> Study:
    """What was done to which network."""
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
        "layers": ", ".join(probe.layers.names),
        "layer": modelled,
        "k": settings.k,
        "k_token": settings.k_token,
        "rho": settings.rho,
        "seed": settings.seed,
        "engine": probe.engine,
    }
    study.methods.append(
        f"{len(given.words)} sounds of {len(np.unique(given.words))} words, given as ones that the network had not heard, were brought to a peak of 1 and "
        f"given to the Q-network, phase shuffle off. After the activation of each layer its channels were averaged (convscope {__version__}), which "
        "gives a time series for each layer."
    )
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
        study.finding(claim, ICASSP, None, "no logits")
        return
    codes: Any = (logits > 0).astype(int) if code == "binary" else logits.argmax(1)
    if len(np.unique(codes, axis=0)) < 2:
        section.left_out("The table of codes and words", "All sounds have the same code.")
        study.finding(claim, ICASSP, False, "all sounds have the same code")
        return
    found = code_table(codes, given.words, kind="binary" if code == "binary" else None, seed=seed)
    section.picture(
        "codes",
        "Sounds by word and code; framed: the code that stands for a word under the best assignment.",
        plot_confusion(found),
    )
    section.table("codes_summary", "Accuracy and purity, with what permuted words give", found.summary)
    section.table("codes_assignment", "The word of each code", found.assignment)
    section.table(
        "codes_odds",
        "Odds ratios of codes and the words that they stand for, Fisher's exact test; haldane: half added to each cell, since one is empty",
        _assigned_first(found),
        rows=len(found.assignment),
    )
    section.table("codes_models", "Words explained by codes: multinomial regression", found.models)
    row = found.summary.iloc[0]
    study.finding(
        claim,
        ICASSP,
        row["p_accuracy"] < LEVEL,
        f"{row['accuracy']:.1%} right under the best assignment, permuted words {row['accuracy_chance']:.1%} "
        f"(p {p_text(row['p_accuracy'])})",
    )
    study.methods.append(
        f"Each code ({code}) was assigned to the word that makes most sounds named rightly (Hungarian algorithm); the same search in {found.settings['permutations']} "
        "permutations of the words gives chance."
    )


def _assigned_first(found: CodeTable) -> DataFrame:
    """Odds ratios, those of the pairs that belong together in front."""
    pairs = found.assignment[["code", "word"]].assign(is_assigned=True)
    whole = found.odds.merge(pairs, on=["code", "word"], how="left")
    order = whole["is_assigned"].isna().to_numpy().argsort(kind="stable")
    return found.odds.iloc[order].reset_index(drop=True)
