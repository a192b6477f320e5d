"""Stretches that come again: in the output, and in the layer before it."""

from __future__ import annotations

import numpy as np
import scipy.stats

from ..probe import Series
from ..stats import find_copies, p_text
from ._effects import LEVEL
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
        study.finding(claim, TASLP, None, "no output could be searched")
        return
    wide = wide[wide[output].notna()]
    repeated = wide[output] > 1
    summary, share, p = [], np.nan, np.nan
    for layer in (each for each in chosen if each.name in wide):
        there = wide[layer.name].notna()
        again = wide.loc[there, layer.name] > 1
        both = int((again & repeated[there]).sum())
        row = {
            "layer": layer.name,
            "outputs": int(there.sum()),
            "repeat themselves": int(again.sum()),
            "with the output": both,
        }
        if layer.name != output:
            only = [
                [both, int((~again & repeated[there]).sum())],
                [int((again & ~repeated[there]).sum()), int((~again & ~repeated[there]).sum())],
            ]
            p = float(scipy.stats.fisher_exact(only, alternative="greater").pvalue)
            share = both / max(int(repeated[there].sum()), 1)
        summary.append(row)
    section.table(
        "copies",
        f"Stretches that come again in the envelopes of the first {wide.index.size} outputs that could be searched, and in the layer before",
        pd.DataFrame(summary),
    )
    section.table("copies_each", "Each output", table)
    study.methods.append(
        f"In the envelopes of {wide.index.size} outputs, and of the layer before, stretches of 0.12 to 0.4 s that come again were sought, against random series of the same "
        "spectrum; copies in layer and output were crossed (Fisher's exact test)."
    )
    if repeated.sum() < 3 or (~repeated).sum() < 3 or np.isnan(p):
        reason = f"{repeated.sum()} of {len(repeated)} outputs repeat a stretch: three that do and three that do not are needed"
        study.finding(claim, TASLP, None, reason)
        return
    study.finding(
        claim,
        TASLP,
        p < LEVEL and share > 0.5,
        f"{repeated.sum()} of {len(repeated)} outputs repeat a stretch, and of these {share:.0%} do in the layer before (Fisher's exact test, p {p_text(p)})",
    )
