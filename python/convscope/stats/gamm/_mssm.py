"""A second opinion: mssm (GPL-3, an extra), with its own P-splines, which give somewhat other effective degrees of freedom than thin-plate splines.

It tests no token curves (NaN), and sees only the order of rows, which `TokenTable` has put right.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from ..._libraries import imported
from ._basis import Floats
from ._engine import Request, Solution
from ._significance import Significance
from ._tables import smooth_table
from ._tabulated import TabulatedCurves, grid
from ._token_table import TokenTable


def fit_mssm(table: TokenTable, request: Request) -> Solution:
    """`fit_gamm` by mssm."""
    rho, names = request.given_rho("mssm"), request.names
    if names.speaker is not None:
        raise ValueError(
            f"speaker: expected none for engine='mssm', got {names.speaker!r}; mgcv and ours have it"
        )
    with warnings.catch_warnings():
        # of what it could do with more packages, and of its own calls of SciPy
        warnings.simplefilter("ignore")
        fitted = _Fitted.of(table, request, rho)
    edf = np.asarray(fitted.model.term_edf, np.float64)
    # of tokens there is no test
    found = zip([*fitted.statistics, np.nan], edf, [*fitted.p_values, np.nan], strict=True)
    tests = [Significance(float(f_value), float(degrees), float(p)) for f_value, degrees, p in found]
    return Solution(
        engine="mssm",
        version=version("mssm"),
        curves=fitted.curves,
        smooths=smooth_table(names.smooth_terms(table.groups), edf, tests),
        fitted=fitted.values,
        rho=rho,
        scale=float(fitted.model.scale),
        residual_df=len(table.values) - len(table.groups) - float(edf.sum()),
        remarks=("P-splines: effective degrees of freedom differ from those of thin-plate splines",),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """mssm's model, its tests of curves, what it makes of each row, and the curves as a table."""

    model: Any
    p_values: Any
    statistics: Any
    values: Floats
    curves: TabulatedCurves

    @classmethod
    def of(cls, table: TokenTable, request: Request, rho: float) -> _Fitted:
        parts = imported("mssm.models", "mssm")
        groups, f = len(table.groups), parts.f
        data = _data(table, table.times, table.group_of[table.token_of], table.token_of)
        data["value"] = table.values
        terms = [
            parts.i(),
            *([parts.l(["group"])] if groups > 1 else []),
            f(["time"], nk=request.k - 1),
            *(f(["time"], by_cont=f"group{number}", nk=request.k - 1) for number in range(1, groups)),
        ]
        of_tokens = parts.fs(["time"], rf="token", nk=request.k_token)
        formula = parts.Formula(
            parts.lhs("value"), [*terms, of_tokens], data=data, series_id="token", print_warn=False
        )
        model = parts.GAMM(formula, parts.Gaussian())
        model.fit(rho=rho or None, n_cores=1, progress_bar=False)
        tests = imported("mssm.src.python.utils", "mssm").approx_smooth_p_values
        p_values, statistics = tests(model, edf1=False)
        fitted = model.predict(None, data)[0].reshape(-1)
        return cls(model, p_values, statistics, fitted, _curves(table, model, len(terms)))


def _curves(table: TokenTable, model: Any, shared: int) -> TabulatedCurves:
    """Of groups, without their tokens."""
    times = grid(table)
    at = [
        _data(table, times, np.full(len(times), group), np.zeros(len(times), int))
        for group in range(len(table.groups))
    ]
    rows = np.stack([_dense(model.predict(list(range(shared)), each, ci=True)[1]) for each in at])
    used = np.flatnonzero(rows.any((0, 1)))  # columns of tokens are zero
    inverse_root = _dense(model.lvi)[:, used]
    return TabulatedCurves(
        table.groups,
        np.asarray(model.coef).reshape(-1)[used],
        float(model.scale) * inverse_root.T @ inverse_root,
        times,
        rows[:, :, used],
    )


def _data(table: TokenTable, times: Floats, group_of: Any, token_of: Any) -> Any:
    import pandas as pd

    columns: dict[str, Any] = {
        "time": times,
        # names that sort as the groups are ordered: the first is mssm's reference
        "group": [f"{number:06d}" for number in group_of],
        "token": [f"{number:09d}" for number in token_of],
    }
    columns |= {f"group{number}": (group_of == number) * 1.0 for number in range(1, len(table.groups))}
    return pd.DataFrame(columns)


def _dense(matrix: Any) -> Floats:
    found: Floats = np.asarray(matrix.todense() if hasattr(matrix, "todense") else matrix, np.float64)
    return found
