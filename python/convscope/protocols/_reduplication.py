"""Stretches that come again: in the output, and in the layer before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.stats

from ..probe import Series
from ..stats import find_copies, p_text
from ._effects import LEVEL
from ._items import DataFrame
from ._outputs import timed_layers
from ._papers import TASLP
from ._study import Study

COPIES_IN = 2  # layers that are searched: the output and the one before it


def add_copies(study: Study, series: Series, output: str, count: int, seed: int) -> None:
    """Whether outputs repeat themselves, and whether the layer before does where they do."""
    section = study.section("Reduplication")
    claim = "What the output repeats is repeated in the layers, too"
    if not count:
        section.left_out("Copies", "Not asked for.")
        return
    chosen = [each.name for each in timed_layers(series.layers)[-COPIES_IN:]]
    table = _searched(series, chosen, count, seed)
    wide = table.pivot(index="sound", columns="layer", values="copies").dropna(how="all")
    if wide.empty or output not in wide:
        reasons = table.loc[table["reason"] != "", "reason"]
        reason = reasons.mode().iloc[0] if len(reasons) else "no layer is fast enough"
        section.left_out("Copies", f"No output could be searched: {reason}")
        study.finding(claim, TASLP, None, "no output could be searched")
        return
    wide = wide[wide[output].notna()]
    again = {layer: wide.loc[wide[layer].notna(), layer] > 1 for layer in chosen if layer in wide}
    repeated = again[output]
    summary = [
        {"layer": layer, "outputs": len(own), "repeat themselves": int(own.sum())}
        | {"with the output": int((own & repeated[own.index]).sum())}
        for layer, own in again.items()
    ]
    import pandas as pd

    section.table(
        "copies",
        f"Stretches that come again in the envelopes of the first {wide.index.size} outputs that could be searched, and in the layer before",
        pd.DataFrame(summary),
    )
    section.table("copies_each", "Each output", table)
    study.methods.append(
        f"In the envelopes of {wide.index.size} outputs, and of the layer before, stretches of 0.12 to 0.4 s that come again were sought, against random series without "
        "copies; copies in layer and output were crossed (Fisher's exact test)."
    )
    before = next((layer for layer in again if layer != output), None)
    if repeated.sum() < 3 or (~repeated).sum() < 3 or before is None:
        reason = f"{repeated.sum()} of {len(repeated)} outputs repeat a stretch: three that do and three that do not are needed"
        study.finding(claim, TASLP, None, reason)
        return
    share, p = _agreement(again[before], repeated[again[before].index])
    study.finding(
        claim,
        TASLP,
        p < LEVEL and share > 0.5,
        f"{repeated.sum()} of {len(repeated)} outputs repeat a stretch, and of these {share:.0%} do in the layer before (Fisher's exact test, p {p_text(p)})",
    )


def _searched(series: Series, layers: Sequence[str], count: int, seed: int) -> DataFrame:
    """Of each layer and sound how often its commonest stretch is there, or why it could not be searched."""
    import pandas as pd

    rows = []
    for layer in layers:
        rate_hz = series.info(layer).rate_hz
        for sound, values in enumerate(np.asarray(series[layer], np.float64)[:count]):
            try:
                found = find_copies(values, rate_hz, seed=seed)
                rows.append((layer, sound, float(found.count), found.p, ""))
            except ValueError as error:
                rows.append((layer, sound, np.nan, np.nan, str(error)))
    return pd.DataFrame(rows, columns=["layer", "sound", "copies", "p", "reason"])


def _agreement(layer: Any, output: Any) -> tuple[float, float]:
    """Share of the outputs that repeat themselves in which the layer does, and Fisher's exact p."""
    counts = [
        [(layer & output).sum(), (~layer & output).sum()],
        [(layer & ~output).sum(), (~layer & ~output).sum()],
    ]
    p = float(scipy.stats.fisher_exact(counts, alternative="greater").pvalue)
    return float(counts[0][0] / max(output.sum(), 1)), p
