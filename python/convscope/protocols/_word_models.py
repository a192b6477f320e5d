"""GAMMs of words in a layer: levels and curves, differences from the reference, where they are certain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..plot import plot_curves, plot_differences
from ..probe import Series
from ..stats import GammResult, adjust, fit_gamm
from ._effects import LEVEL
from ._items import DataFrame
from ._papers import ICASSP
from ._study import Section, Study
from ._words import Words

LEAST_POSITIONS = 4  # of a curve
ROOM = 2  # by which a token has more values than functions: else its curve follows every value


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """As for `convscope.stats.fit_gamm`; ``seed`` of the bands."""

    k: int
    k_token: int
    rho: float | str | None
    seed: int

    def fit(self, table: DataFrame, *, reference: str | None, has_speakers: bool) -> GammResult:
        """Of words; sizes are brought down to the times that there are."""
        most = table["time"].nunique()
        return fit_gamm(
            table,
            group="word",
            speaker="speaker" if has_speakers else None,
            reference=reference,
            k=min(self.k, most),
            k_token=min(self.k_token, max(most - ROOM, 2)),
            rho=self.rho,  # type: ignore[arg-type] # checked there
        )


def why_no_model(series: Series, layer: str) -> str:
    """Why a layer has no curves to fit; "" where it has."""
    values = np.asarray(series[layer])
    if values.shape[1] < LEAST_POSITIONS:
        return f"{layer} has {values.shape[1]} positions, a curve needs {LEAST_POSITIONS}"
    return f"{layer} has the same value in all sounds" if np.ptp(values) == 0 else ""


def add_model_of_words(
    study: Study, series: Series, given: Words, layer: str, reference: str | None, settings: ModelSettings
) -> None:
    """Put the model into the study."""
    section = study.section(f"Words in {layer}")
    is_last = layer == [each.name for each in series.layers if each.has_clock][-1]
    claim = (
        f"Words differ in the last convolutional layer ({layer})" if is_last else f"Words differ in {layer}"
    )
    reason = why_no_model(series, layer)
    if reason:
        section.left_out(f"The model of words in {layer}", f"{reason}.")
        study.finding(claim, ICASSP, None, reason)
        return
    table = _long(series, layer, given)
    result = settings.fit(table, reference=reference, has_speakers=given.speakers is not None)
    others = result.groups[1:]
    _add_tables(section, result, layer)
    raw = table.rename(columns={"word": "group"})
    section.picture(
        "words_curves",
        f"{layer}: curves of words with simultaneous 95 % bands (figure 3 of the paper).",
        plot_curves(result.predict(seed=settings.seed), raw=raw, title=f"words in {layer}"),
    )
    level = 1 - LEVEL / len(others)  # Bonferroni: bands hold all differences at once
    section.picture(
        "words_differences",
        f"{layer}: differences from {result.groups[0]} (figure 5 of the paper); the bands hold all of them at once.",
        plot_differences(
            [result.difference(word, seed=settings.seed, level=level) for word in others],
            title=f"differences from {result.groups[0]} in {layer}",
            remarks="GAMM difference curves; bands hold over time and over all words with 95 %; bars below: where zero is left out",
        ),
    )
    section.table(
        "words_intervals",
        f"Where words differ from {result.groups[0]} in {layer}, in seconds, with certainty over time and over all words",
        _together([result.significant_intervals(word, seed=settings.seed, level=level) for word in others]),
    )
    curves, levels = result.smooths.iloc[1 : len(result.groups)], result.parametric.iloc[1:]
    certain = adjust(np.concatenate([curves.p, levels.p]), "holm") < LEVEL
    by_curve, by_level = certain[: len(curves)].sum(), certain[len(curves) :].sum()
    told = f"of {len(others)} words, {by_curve} differ from {result.groups[0]} in the shape of their curve and {by_level} in level (Holm)"
    study.finding(claim, ICASSP, bool(certain.any()), told)
    study.methods.append(
        f"{layer} ({series[layer].shape[1]} values per sound) was fitted by a generalised additive mixed model, {result.formula}, with AR(1) within "
        f"sounds (rho {result.info.rho:.3f}, {result.info.rho_by}), by REML. Bands of differences hold over time and over all words (Bonferroni), p-values of "
        "words were corrected by Holm's method."
    )


def _add_tables(section: Section, result: GammResult, layer: str) -> None:
    section.table("words_parametric", f"{layer} by word (Table 1 of the paper): levels", result.parametric)
    section.table("words_smooths", f"{layer} by word (Table 1 of the paper): curves", result.smooths)
    section.text(f"Model: {result.formula}; rho {result.info.rho:.3f}; scale {result.info.scale:.4g}.")
    for remark in result.info.remarks:
        section.text(f"Note: {remark}.")


def _long(series: Series, layer: str, given: Words) -> DataFrame:
    """A row for each sound and position."""
    speakers = {} if given.speakers is None else {"speaker": given.speakers}
    return series.to_table(layer, word=given.words, **speakers).rename(columns={"sound": "token"})


def _together(tables: list[DataFrame]) -> DataFrame:
    import pandas as pd

    return pd.concat(tables, ignore_index=True)
