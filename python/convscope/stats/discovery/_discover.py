"""Which latent variables an annotation depends on: several methods side by side, and the variables that stand out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._checks import Floats, check_count, check_level
from .._libraries import Frame, library
from .._multiplicity import adjust
from .._result import Result
from ._annotation import Annotated, annotated
from ._elbow import elbow
from ._forest import forest
from ._lasso import Lasso, lasso, stability
from ._logistic import Logistic, likelihood_ratio_p, logistic, null_log_likelihood

STABLE = 0.8  # of the half-samples: within the range of 0.6 to 0.9 that Meinshausen & Bühlmann recommend


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Discovery(Result):
    """What an annotation says of each variable.

    ``variables``: one row each, the strongest first. ``coefficients``: those of every class against the first, alone and
    joint. ``lasso_path``: deviance by lambda. ``models``: fit of all variables together. ``problems``: what could not be had.
    """

    variables: Frame
    coefficients: Frame
    lasso_path: Frame
    models: Frame
    problems: tuple[str, ...]
    settings: Mapping[str, Any]

    _aside: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "variables": (
            *("p", "p_bh", "joint_beta", "joint_p", "lasso_min"),
            *("importance", "p_importance", "before_elbow"),
        )
    }

    @property
    def standing_out(self) -> tuple[str, ...]:
        """Variables that matter alone (Holm) and that the Lasso keeps in most half-samples, the strongest first."""
        return tuple(self.variables.loc[self.variables["stands_out"], "variable"])

    @property
    def before_elbow(self) -> tuple[str, ...]:
        """Variables before the bend of sorted Lasso coefficients, as the papers read them; noise has a bend too."""
        return tuple(self.variables.loc[self.variables["before_elbow"], "variable"])


def discover_latents(
    z: ArrayLike,
    annotation: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    folds: int = 10,
    lambdas: int = 40,
    resamples: int = 50,
    trees: int = 200,
    permutations: int = 19,
    level: float = 0.95,
    seed: int = 0,
) -> Discovery:
    """Find the latent variables that an annotation of outputs depends on.

    Parameters
    ----------
    z : (n, variables) latent vectors. They are standardised: coefficients are per standard deviation.
    annotation : (n,) classes of the outputs, two or more: booleans, numbers or text. None and NaN are left out.
    names : of the variables; z0, z1, ... by default.
    folds : of the cross-validation of lambda.
    lambdas : on its path.
    resamples : random halves of the rows, for stability.
    trees : of the random forest; 0 for none.
    permutations : of the annotation, for the null of its importances.
    level : 1 - level is the family-wise error rate of ``stands_out``.
    seed : of folds, halves, forest and permutations.

    Returns
    -------
    Discovery
        ``variables`` has: ``beta`` and ``se`` alone (of the largest contrast), ``p`` of the likelihood ratio, ``p_holm``, ``p_bh``,
        ``joint_beta``, ``joint_p``, ``lasso_min``, ``lasso_1se``, ``stability``, ``importance``, ``p_importance``
        (family-wise), ``before_elbow`` and ``stands_out``: p_holm below 1 - level and kept at 1se by 80 % of the halves.
        1,000 vectors of 100 variables take about half a minute, most of it for the forest's null and the folds.

    Raises
    ------
    ValueError
        for one class, a class with fewer rows than folds, unequal lengths, NaN in z, or an annotation that is a measure: of
        more than ten different numbers. Those belong to `correlate` or `linear_model`.

    Source
    ------
    Beguš 2020, "Generative adversarial phonology" (Frontiers in AI); Beguš 2021 (TACL): Lasso with lambda by 10-fold
    cross-validation, sorted |beta|, elbow.

    Examples
    --------
    >>> import numpy as np
    >>> z = np.random.default_rng(0).uniform(-1, 1, (400, 10))
    >>> heard = z[:, 3] + 0.3 * np.random.default_rng(1).standard_normal(400) > 0
    >>> discover_latents(z, heard, resamples=20, trees=0, folds=5).standing_out
    ('z3',)
    """
    level = check_level(level)
    for name, value, least in (("folds", folds, 3), ("lambdas", lambdas, 5), ("resamples", resamples, 10)):
        check_count(name, value, least)
    check_count("trees", trees, 0)
    check_count("permutations", permutations)
    data = annotated(z, annotation, names, least=folds)

    alone = [logistic(data.x[:, [i]], data.y) for i in range(len(data.names))]
    no_joint = _why_no_joint(data)
    joint = None if no_joint else logistic(data.x, data.y)
    shrunk = lasso(data.x, data.y, folds=folds, lambdas=lambdas, seed=seed)
    table = _variables(data, alone, joint, shrunk)
    table["stability"] = stability(data.x, data.y, shrunk.lambda_1se, resamples=resamples, seed=seed)
    if trees:
        trained = forest(data.x, data.y, trees=trees, permutations=permutations, seed=seed)
        table["importance"], table["p_importance"] = trained.importance, trained.p
    settings = {"classes": data.classes, "n": len(data.y), "dropped": data.dropped, "folds": folds}
    settings |= {"lambdas": lambdas, "resamples": resamples, "trees": trees, "permutations": permutations}
    settings |= {"level": level, "seed": seed}
    return Discovery(
        _judged(table, level),
        _coefficients(data, alone, joint),
        shrunk.path,
        _models(data, joint, shrunk),
        (*_problems(data, alone, joint), *no_joint, *shrunk.problems),
        settings | {"lambda_min": shrunk.lambda_min, "lambda_1se": shrunk.lambda_1se},
    )


def _judged(table: Frame, level: float) -> Frame:
    """With what lies before the elbow and what stands out, the strongest first."""
    strength = table["lasso_min"].abs().to_numpy()
    is_kept = table["stability"] >= STABLE
    judged = table.assign(
        before_elbow=_before_elbow(strength), stands_out=(table["p_holm"] < 1 - level) & is_kept
    )
    return judged.iloc[np.argsort(-strength, kind="stable")].reset_index(drop=True)


def _why_no_joint(data: Annotated) -> tuple[str, ...]:
    """Empty where a model of all variables without penalty can be had."""
    rows, variables = data.x.shape
    if rows <= 2 * variables:
        return ("all variables together: too few rows for a model without penalty",)
    if np.linalg.matrix_rank(data.x) < variables:
        return ("all variables together: some determine each other, as a one-hot code does",)
    return ()


def _before_elbow(strength: Floats) -> NDArray[np.bool_]:
    """Among what the Lasso keeps: a long tail of zeros would move the bend to the right."""
    kept = np.append(strength[strength > 0], 0.0)
    if len(kept) < 3:
        return strength > 0
    before: NDArray[np.bool_] = strength > np.sort(kept)[::-1][elbow(kept)]
    return before


def _variables(data: Annotated, alone: list[Logistic], joint: Logistic | None, shrunk: Lasso) -> Frame:
    null, contrasts = null_log_likelihood(data.y), len(data.classes) - 1
    largest = [int(np.abs(np.nan_to_num(fit.beta[:, 0])).argmax()) for fit in alone]
    table = library("pandas").DataFrame(
        {
            "variable": data.names,
            "beta": [fit.beta[row, 0] for fit, row in zip(alone, largest, strict=True)],
            "se": [fit.se[row, 0] for fit, row in zip(alone, largest, strict=True)],
            "p": [likelihood_ratio_p(fit.log_likelihood, null, contrasts) for fit in alone],
        }
    )
    table["p_holm"], table["p_bh"] = adjust(table["p"], "holm"), adjust(table["p"], "bh")
    table["joint_beta"], table["joint_p"] = np.nan, np.nan
    if joint is not None and not joint.separated:
        row = np.abs(joint.beta).argmax(0)
        columns = np.arange(len(data.names))
        table["joint_beta"] = joint.beta[row, columns]
        wald = (joint.beta / joint.se)[row, columns] ** 2
        table["joint_p"] = np.minimum(
            library("scipy.stats").chi2.sf(wald, 1) * contrasts, 1
        )  # of the largest contrast
    table["lasso_min"], table["lasso_1se"] = shrunk.at_min, shrunk.at_1se
    return table


def _coefficients(data: Annotated, alone: list[Logistic], joint: Logistic | None) -> Frame:
    rows = []
    for i, name in enumerate(data.names):
        for contrast, label in enumerate(data.classes[1:]):
            row: dict[str, Any] = {"variable": name, "class": label, "against": data.classes[0]}
            row |= {"beta": alone[i].beta[contrast, 0], "se": alone[i].se[contrast, 0]}
            row |= {"joint_beta": np.nan if joint is None else joint.beta[contrast, i]}
            rows.append(row | {"joint_se": np.nan if joint is None else joint.se[contrast, i]})
    return library("pandas").DataFrame(rows)


def _models(data: Annotated, joint: Logistic | None, shrunk: Lasso) -> Frame:
    null, contrasts = null_log_likelihood(data.y), len(data.classes) - 1
    parameters = contrasts * (len(data.names) + 1)
    value = np.nan if joint is None else joint.log_likelihood
    best = shrunk.path["deviance"].min()
    rows = [
        {
            "model": "shares of the classes",
            "parameters": contrasts,
            "log_likelihood": null,
            "aic": 2 * (contrasts - null),
        },
        {
            "model": "all variables",
            "parameters": parameters,
            "log_likelihood": value,
            "aic": 2 * (parameters - value),
        },
        {"model": "lasso, held-out rows", "log_likelihood": -best / 2 * len(data.y)},
    ]
    made = library("pandas").DataFrame(rows)
    made["pseudo_r2"] = 1 - made["log_likelihood"] / null  # McFadden's
    p = np.nan if joint is None else likelihood_ratio_p(value, null, parameters - contrasts)
    return made.assign(p=[np.nan, p, np.nan])


def _problems(data: Annotated, alone: list[Logistic], joint: Logistic | None) -> tuple[str, ...]:
    found = [f"{name} does not vary and was left out" for name in data.constant]
    found += [
        f"{name} alone separates classes: its coefficient is infinite, its p-value stands"
        for name, fit in zip(data.names, alone, strict=True)
        if fit.separated
    ]
    if joint is not None and joint.separated:
        found.append(
            "all variables together separate classes: their coefficients are infinite; see the Lasso"
        )
    return tuple(found)
