"""Which latent variables go with what is measured in random outputs, and which make a fricative."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..acoustics import Intervals
from ..plot import plot_elbow
from ..stats import correlate, discover_latents
from ._effects import LEVEL
from ._items import DataFrame
from ._papers import GAP, TASLP
from ._study import Study

FOLDS = 10
FRICATION_S = 0.08  # shorter aperiodic stretches are edges of vowels as often


def add_variables_and_measures(
    study: Study, z: NDArray[np.float32], table: DataFrame, output: str, code: int
) -> str | None:
    """The latent variable, of those that are no code, that goes most clearly with anything that is measured in random outputs."""
    import pandas as pd

    section = study.section("Latent variables and what is measured")
    claim = "Properties of the output go with single latent variables"
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
        study.finding(claim, TASLP, None, "nothing could be measured")
        return None
    found = correlate(
        pd.concat(parts, ignore_index=True), "z", "value", by=["measure", "variable"]
    ).correlations
    found = found.sort_values("p", ignore_index=True)
    section.table(
        "latents_and_measures",
        "Correlations of latent variables with measures of random outputs, the clearest first",
        found,
        shown=["measure", "variable", "r", "lower", "upper", "n", "p_holm"],
    )
    study.methods.append(
        "Each latent variable was correlated (Pearson) with each measure of the random outputs, p-values corrected together (Holm)."
    )
    certain = found[found["p_holm"] < LEVEL]
    named = "; ".join(
        f"{row.measure}: {called(row.variable, code)} (r = {row.r:.2f})"
        for row in certain.drop_duplicates("measure").itertuples()  # the clearest of each
    )
    study.finding(
        claim, TASLP, len(certain) > 0, f"the clearest of each: {named}" if named else "none after correction"
    )
    return _first_free(certain["variable"], code)


def called(variable: str, code: int) -> str:
    """``z3``, and that it is an entry of the code, if it is."""
    return f"{variable} of the code" if int(variable[1:]) < code else variable


def _first_free(variables: Iterable[str], code: int) -> str | None:
    """What can be interpolated: an entry of a one-hot code far from 0 and 1 is a place that training never saw."""
    return next((str(each) for each in variables if int(each[1:]) >= code), None)


def add_discovery(study: Study, z: NDArray[np.float32], marks: Intervals, seed: int, code: int) -> str | None:
    """The variable, of those that are no code, that most decides whether there is a fricative, if one stands out."""
    section = study.section("Which latent variables make a fricative")
    claim = "A few latent variables decide whether there is a fricative"
    long_enough = [each.sound for each in marks.labelled("fricative") if each.span.duration_s >= FRICATION_S]
    has_it = np.isin(np.arange(len(z)), long_enough)
    names = [f"z{place}" for place in range(z.shape[1])]
    rarer = min(has_it.sum(), (~has_it).sum())
    if rarer < 2 * FOLDS:
        reason = f"{has_it.sum()} of {len(z)} outputs have a fricative of {1000 * FRICATION_S:g} ms; {2 * FOLDS} with and without are needed."
        section.left_out("Discovery of latent variables", reason)
        study.finding(claim, GAP, None, reason)
        return None
    found = discover_latents(z, has_it, names=names, folds=FOLDS, seed=seed)
    section.table(
        "latents",
        f"Variables and fricatives: {has_it.sum()} of {len(z)} outputs have one of {1000 * FRICATION_S:g} ms",
        found.variables,
        shown=[
            "variable",
            "beta",
            "p_holm",
            "lasso_min",
            "lasso_1se",
            "stability",
            "importance",
            "stands_out",
        ],
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
    if found.problems:
        section.text(f"Notes: {'; '.join(found.problems)}.")
    certain = ", ".join(called(each, code) for each in found.standing_out)
    study.finding(
        claim,
        GAP,
        0 < len(found.standing_out) <= max(len(names) // 4, 3),
        f"{certain or 'none'} of {len(names)} stand out alone (Holm) and in most half-samples",
    )
    study.methods.append(
        f"Whether an output has a fricative of {1000 * FRICATION_S:g} ms was regressed on the latent variables: logistic regression of each, Lasso with lambda by "
        f"{FOLDS}-fold cross-validation, and a random forest."
    )
    return _first_free(found.standing_out, code)
