"""[s] and [ʃ] in each layer, cut out by their boundaries, on normalised time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..acoustics import Intervals, normalised_time
from ..data import BOUNDARY_TOLERANCE_S
from ..plot import plot_differences
from ..probe import Series
from ..stats import GammResult, adjust
from ._effects import LEVEL
from ._items import DataFrame
from ._papers import ICASSP
from ._study import Section, Study
from ._word_models import LEAST_POSITIONS, ModelSettings
from ._words import Words

ESH = "\N{LATIN SMALL LETTER ESH}"
FRICATIVES: Mapping[str, str] = {"s": r"s", ESH: rf"S|sh|{ESH}"}  # of espeak-ng, TIMIT and the IPA
ARPABET: Mapping[str, str] = {"s": r"S", ESH: r"SH"}  # of forced aligners, where S is [s]
POINTS = 10
SHORTEST = 0.1  # of the tokens may be too short for a layer's points


def add_fricatives(
    study: Study,
    series: Series,
    given: Words,
    layers: Sequence[str],
    fricatives: Mapping[str, str] | None,
    settings: ModelSettings,
) -> None:
    """Put the comparison into the study, or the reason why there is none."""
    patterns = fricatives or (_patterns(given.phones) if given.phones is not None else FRICATIVES)
    first, second = patterns
    study.settings["fricatives"] = ", ".join(f"[{name}]: {pattern}" for name, pattern in patterns.items())
    section = study.section(f"[{first}] and [{second}] by layer")
    claim = f"Layers tell [{first}] and [{second}] apart"
    end_s = float(series.layers[0].slice_len / series.layers[0].sample_rate_hz)
    marks, cut_off = _marked(given.phones, patterns, end_s)
    counts = Counter(each.label for each in marks)
    if min(counts[name] for name in patterns) < 2:
        reason = _too_few(given.phones, first, second)
        section.left_out(f"[{first}] and [{second}] on normalised time", reason)
        study.finding(claim, ICASSP, None, reason)
        return
    section.text(
        f"{counts[first]} [{first}] and {counts[second]} [{second}], each layer cut to the frication and averaged over {POINTS} equal parts of "
        f"normalised time, fewer where a layer has fewer positions{f'; {cut_off} that reach beyond the slice were left out' if cut_off else ''}."
    )
    rows, differences = [], []
    for layer in layers:
        table, points, too_short = _frication(series, layer, marks, given)
        why_not = _why_no_curve(table, points, patterns)
        if why_not:
            section.left_out(layer, f"No curve can be fitted: {why_not}.")
            continue
        result = settings.fit(table, reference=first, has_speakers="speaker" in table)
        rows.append({"layer": layer, "points": points, "left out": too_short} | _level_and_shape(result))
        difference = result.difference(second, seed=settings.seed)
        differences.append(difference.assign(group=f"{layer}: [{second}]", other=f"[{first}]"))
    if not rows:
        study.finding(claim, ICASSP, None, "no layer has enough positions within a fricative")
        return
    _tell(study, section, _corrected(rows), differences, first, second)
    study.methods.append(
        f"Frication of [{first}] and [{second}] was cut out of each layer by the phones' boundaries, averaged over at most {POINTS} equal parts of "
        f"normalised time, and fitted by a model of the same form{', speakers included,' if given.speakers is not None else ''} for each layer; p-values of levels and shapes of all "
        "layers were corrected together (Holm)."
    )


def _tell(
    study: Study, section: Section, found: DataFrame, differences: list[DataFrame], first: str, second: str
) -> None:
    """Table, figure, and whether any layer tells the two apart."""
    section.table(
        "fricatives",
        f"Difference of [{second}] from [{first}]: level and shape of the curve; left out: tokens too short",
        found,
        shown=[
            "layer",
            "points",
            "left out",
            "level",
            "se",
            "p_level_holm",
            "edf",
            "F",
            "p_shape_holm",
            "rho",
        ],
    )
    section.picture(
        "fricatives_differences",
        f"[{second}] minus [{first}], by layer.",
        plot_differences(
            differences, title=f"[{second}] and [{first}]", x_label="normalised time", shared_scale=False
        ),
    )
    apart = found[(found["p_level_holm"] < LEVEL) | (found["p_shape_holm"] < LEVEL)]
    told = f"in level or shape in {', '.join(apart['layer']) or 'none'} of {', '.join(found['layer'])} (Holm)"
    study.finding(f"Layers tell [{first}] and [{second}] apart", ICASSP, len(apart) > 0, told)


def _too_few(phones: Intervals | None, first: str, second: str) -> str:
    if phones is None:
        return "No phones were given."
    commonest = Counter(each.label for each in phones).most_common(12)
    labels = ", ".join(f"{label} ({count})" for label, count in commonest)
    return f"Fewer than two [{first}] or two [{second}] lie within the sounds; the phones are {labels}."


def _why_no_curve(table: DataFrame, points: int, patterns: Mapping[str, str]) -> str:
    held = Counter(table.drop_duplicates("token")["word"])
    if points < LEAST_POSITIONS:
        return f"most frication has {points} positions"
    if min(held[name] for name in patterns) < 2 or np.ptp(table["value"]) == 0:
        return "too few are long enough, or it does not vary"
    return ""


def _level_and_shape(result: GammResult) -> dict[str, object]:
    level, shape = result.parametric.iloc[1], result.smooths.iloc[1]
    return {
        "level": level.estimate,
        "se": level.se,
        "t": level.t,
        "p_level": level.p,
        "edf": shape.edf,
        "F": shape.F,
        "p_shape": shape.p,
        "rho": result.info.rho,
    }


def _patterns(phones: Intervals) -> Mapping[str, str]:
    return ARPABET if any(each.label == "SH" for each in phones) else FRICATIVES


def _marked(phones: Intervals | None, patterns: Mapping[str, str], end_s: float) -> tuple[Intervals, int]:
    """Phones of either kind under its name, and how many reach beyond the slice: what is cut off is no whole frication."""
    if phones is None:
        return Intervals(()), 0
    found = [
        replace(each, label=name) for name, pattern in patterns.items() for each in phones.labelled(pattern)
    ]
    inside = [
        each
        for each in found
        if each.start_s >= -BOUNDARY_TOLERANCE_S and each.end_s <= end_s + BOUNDARY_TOLERANCE_S
    ]
    return Intervals(tuple(inside)), len(found) - len(inside)


def _frication(series: Series, layer: str, marks: Intervals, given: Words) -> tuple[DataFrame, int, int]:
    """Rows of a model, points of normalised time, and tokens that are too short for them."""
    values, info = np.asarray(series[layer], np.float64), series.info(layer)
    start_s = float(info.times_s()[0])

    def cut(points: int) -> DataFrame:
        return normalised_time(
            values, marks, points=points, by="mean", rate_hz=info.rate_hz, start_s=start_s, beyond="clip"
        )

    positions = cut(2).drop_duplicates("interval")["positions"]
    points = int(min(POINTS, np.quantile(positions, SHORTEST)))
    table = cut(max(points, 2))
    is_long = table["positions"] >= points
    table = table.assign(token=table["interval"].map("token {}".format)).rename(columns={"label": "word"})
    if given.speakers is not None:
        table = table.assign(speaker=given.speakers[table["sound"]])
        if table["speaker"].nunique() < 2:
            table = table.drop(columns="speaker")
    return table[is_long], points, int((positions < points).sum())


def _corrected(rows: list[dict[str, object]]) -> DataFrame:
    """Levels and shapes of all layers are one family."""
    import pandas as pd

    found = pd.DataFrame(rows)
    both = adjust(np.concatenate([found["p_level"], found["p_shape"]]), "holm")
    return found.assign(p_level_holm=both[: len(found)], p_shape_holm=both[len(found) :])
