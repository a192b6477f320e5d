"""A second opinion: mssm (GPL-3, an extra), with its own P-splines, which give somewhat other effective degrees of freedom than thin-plate splines.

It tests no token curves (NaN), and sees only the order of rows, which `Frame` has put right.
"""

from __future__ import annotations

import warnings
from importlib.metadata import version
from typing import Any, Literal

import numpy as np

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
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it could do with more packages
            from mssm.models import GAMM, Formula, Gaussian, f, fs, i, l, lhs
            from mssm.src.python.utils import approx_smooth_p_values
    except ImportError as error:
        raise ImportError(
            "engine: 'mssm' needs the extra: pip install 'convscope[mssm]'", name="mssm"
        ) from error
    groups = len(frame.groups)
    table = _table(frame, frame.times, frame.group_of[frame.token_of], frame.token_of)
    table["value"] = frame.values
    differences = [f(["time"], by_cont=f"group{number}", nk=k - 1) for number in range(1, groups)]
    terms = [i(), *([l(["group"])] if groups > 1 else []), f(["time"], nk=k - 1), *differences]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own calls of SciPy
        model = GAMM(
            Formula(
                lhs("value"),
                [*terms, fs(["time"], rf="token", nk=k_token)],
                data=table,
                series_id="token",
                print_warn=False,
            ),
            Gaussian(),
        )
        model.fit(rho=float(rho or 0) or None, n_cores=1, progress_bar=False)
        p_values, statistics = approx_smooth_p_values(model, edf1=False)
        shared = list(range(len(terms)))
        grid = np.unique(
            np.concatenate([np.linspace(frame.times.min(), frame.times.max(), POINTS), frame.times])
        )
        at = [
            _table(frame, grid, np.full(len(grid), group), np.zeros(len(grid), int))
            for group in range(groups)
        ]
        rows = np.stack([_dense(model.predict(shared, each, ci=True)[1]) for each in at])
        fitted = model.predict(None, table)[0].reshape(-1)
    used = np.flatnonzero(rows.any((0, 1)))  # columns of tokens are zero
    inverse_root = _dense(model.lvi)[:, used]
    scale = float(model.scale)
    curves = TabulatedCurves(
        frame.groups,
        np.asarray(model.coef).reshape(-1)[used],
        scale * inverse_root.T @ inverse_root,
        grid,
        rows[:, :, used],
    )
    edf = np.asarray(model.term_edf, np.float64)
    ours = [*(float(each) for each in p_values), np.nan]
    tests = [
        Test(float(f_value), float(degrees), p)
        for f_value, degrees, p in zip([*statistics, np.nan], edf, ours, strict=True)
    ]
    residual_df = len(frame.values) - groups - float(edf.sum())
    used_rho = float(rho or 0)
    return GammResult(
        parametric=parametric_table(names, frame.groups, curves.coefficients, curves.covariance, residual_df),
        smooths=smooth_table(names.smooth_terms(frame.groups), edf, tests),
        info=GammInfo(
            engine="mssm",
            version=version("mssm"),
            rows=len(frame.values),
            tokens=len(frame.tokens),
            groups=groups,
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
        ),
        names=names,
        curves=curves,
        fitted=frame.in_given_order(fitted),
        observed=frame.in_given_order(frame.values),
        innovations=frame.in_given_order(whiten_rows(frame, frame.values - fitted, used_rho)),
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
