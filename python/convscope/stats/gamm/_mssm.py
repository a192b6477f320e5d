"""A second opinion: mssm (GPL-3, an extra), with its own P-splines, which give somewhat other effective degrees of freedom than thin-plate splines.

It tests no token curves (NaN), and sees only the order of rows, which `Frame` has put right.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

import numpy as np

from ..._libraries import imported
from ._basis import Floats
from ._formula import Names
from ._frame import Frame
from ._mgcv import TabulatedCurves
from ._result import POINTS, GammInfo, GammResult
from ._tables import parametric_table, smooth_table
from ._tests import Test
from ._tokens import whiten_rows


def fit_mssm(
    frame: Frame, names: Names, *, k: int, k_token: int, rho: float | Literal["reml", "acf"] | None
) -> GammResult:
    """`fit_gamm` by mssm."""
    if isinstance(rho, str):
        raise ValueError(
            f"rho: expected a number for engine='mssm', which takes it as given, got {rho!r}; fit_gamm(...).info.rho has ours"
        )
    if names.speaker is not None:
        raise ValueError(
            f"speaker: expected none for engine='mssm', got {names.speaker!r}; mgcv and ours have it"
        )
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # of what it could do with more packages, and of its own calls of SciPy
        fitted = _Fitted.of(frame, k, k_token, float(rho or 0))
    edf = np.asarray(fitted.model.term_edf, np.float64)
    tests = [
        Test(float(f_value), float(degrees), float(p))
        for f_value, degrees, p in zip(
            [*fitted.statistics, np.nan], edf, [*fitted.p_values, np.nan], strict=True
        )
    ]
    curves, scale, used_rho = fitted.curves, float(fitted.model.scale), float(rho or 0)
    residual_df = len(frame.values) - len(frame.groups) - float(edf.sum())
    info = GammInfo(
        engine="mssm",
        version=version("mssm"),
        rows=len(frame.values),
        tokens=len(frame.tokens),
        groups=len(frame.groups),
        speakers=0,
        k=k,
        k_token=k_token,
        rho=used_rho,
        rho_by="given",
        reml=float("nan"),
        scale=scale,
        residual_df=residual_df,
        converged=True,
        starts=(),
        rho_profile=(),
        remarks=("P-splines: effective degrees of freedom differ from those of thin-plate splines",),
    )
    return GammResult(
        parametric=parametric_table(names, frame.groups, curves.coefficients, curves.covariance, residual_df),
        smooths=smooth_table(names.smooth_terms(frame.groups), edf, tests),
        info=info,
        names=names,
        curves=curves,
        fitted=frame.in_given_order(fitted.values),
        observed=frame.in_given_order(frame.values),
        innovations=frame.in_given_order(whiten_rows(frame, frame.values - fitted.values, used_rho)),
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
    def of(cls, frame: Frame, k: int, k_token: int, rho: float) -> _Fitted:
        parts = imported("mssm.models", "mssm")
        groups, f = len(frame.groups), parts.f
        table = _table(frame, frame.times, frame.group_of[frame.token_of], frame.token_of)
        table["value"] = frame.values
        terms = [
            parts.i(),
            *([parts.l(["group"])] if groups > 1 else []),
            f(["time"], nk=k - 1),
            *(f(["time"], by_cont=f"group{number}", nk=k - 1) for number in range(1, groups)),
        ]
        of_tokens = parts.fs(["time"], rf="token", nk=k_token)
        formula = parts.Formula(
            parts.lhs("value"), [*terms, of_tokens], data=table, series_id="token", print_warn=False
        )
        model = parts.GAMM(formula, parts.Gaussian())
        model.fit(rho=rho or None, n_cores=1, progress_bar=False)
        tests = imported("mssm.src.python.utils", "mssm").approx_smooth_p_values
        p_values, statistics = tests(model, edf1=False)
        fitted = model.predict(None, table)[0].reshape(-1)
        return cls(model, p_values, statistics, fitted, _curves(frame, model, len(terms)))


def _curves(frame: Frame, model: Any, shared: int) -> TabulatedCurves:
    """Of groups, without their tokens."""
    grid = np.unique(np.concatenate([np.linspace(frame.times.min(), frame.times.max(), POINTS), frame.times]))
    at = [
        _table(frame, grid, np.full(len(grid), group), np.zeros(len(grid), int))
        for group in range(len(frame.groups))
    ]
    rows = np.stack([_dense(model.predict(list(range(shared)), each, ci=True)[1]) for each in at])
    used = np.flatnonzero(rows.any((0, 1)))  # columns of tokens are zero
    inverse_root = _dense(model.lvi)[:, used]
    return TabulatedCurves(
        frame.groups,
        np.asarray(model.coef).reshape(-1)[used],
        float(model.scale) * inverse_root.T @ inverse_root,
        grid,
        rows[:, :, used],
    )


def _table(frame: Frame, times: Floats, group_of: Any, token_of: Any) -> Any:
    import pandas as pd

    columns: dict[str, Any] = {
        "time": times,
        # names that sort as the groups are ordered: the first is mssm's reference
        "group": [f"{number:06d}" for number in group_of],
        "token": [f"{number:09d}" for number in token_of],
    }
    columns |= {f"group{number}": (group_of == number) * 1.0 for number in range(1, len(frame.groups))}
    return pd.DataFrame(columns)


def _dense(matrix: Any) -> Floats:
    found: Floats = np.asarray(matrix.todense() if hasattr(matrix, "todense") else matrix, np.float64)
    return found
