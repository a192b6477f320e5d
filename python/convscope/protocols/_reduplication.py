"""Stretches that come again: in the output, and in the layer before it."""

from __future__ import annotations

import numpy as np

from ..probe import Series
from ..stats import find_copies
from ._outputs import timed_layers
from ._study import Study

PAPER = "Beguš and Zhou 2022 (TASLP)"
COPIES_IN = 2  # layers that are searched: the output and the one before it


def add_copies(study: Study, series: Series, output: str, count: int, seed: int) -> None:
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
