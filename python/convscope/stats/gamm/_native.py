"""Our engine: from a checked table to a result."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

import numpy as np
import threadpoolctl

from ._arrowhead import Arrowhead, Fit
from ._basis import Basis, Floats, centred, thin_plate, token_basis
from ._degrees import Degrees, degrees
from ._formula import Names
from ._frame import Frame
from ._layout import Layout
from ._reml import RHO_REACH, Optimum, Profile, minimise, profile
from ._result import POINTS, GammInfo, GammResult
from ._tables import parametric_table, smooth_table
from ._tests import of_curve, of_speakers, of_tokens
from ._tokens import Tokens, whiten_rows

if TYPE_CHECKING:
    import pandas as pd

LEAST_DF = 5.0  # that the residuals must have
AT_THE_END = 1e-3  # of rho's range: the search comes as near as its tolerance
NO_CURVES = 1.0  # effective degrees of freedom of all tokens together


@dataclass(frozen=True, slots=True, eq=False)
class NativeCurves:
    """Curves of groups at any time."""

    groups: tuple[str, ...]
    coefficients: Floats
    covariance: Floats
    times: Floats
    basis: Basis
    layout: Layout

    def rows(self, group: str, times: Floats) -> Floats:
        """(T, p), without tokens and speakers."""
        functions = np.hstack([np.ones((len(times), 1)), self.basis(times)])
        return self.layout.rows(np.full(len(times), self.groups.index(group)), functions)


def fit_native(
    frame: Frame, names: Names, *, k: int, k_token: int, rho: float | Literal["reml", "acf"] | None
) -> GammResult:
    """`fit_gamm` by our engine: on one thread, since its matrices are small and a stolen core stops all threads of a product."""
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        return _fit(frame, names, k=k, k_token=k_token, rho=rho)


def _fit(
    frame: Frame, names: Names, *, k: int, k_token: int, rho: float | Literal["reml", "acf"] | None
) -> GammResult:
    centre = float(frame.values.mean())  # a level that is much larger than what varies would take its digits
    frame = replace(frame, values=frame.values - centre)
    times, found_counts = np.unique(frame.times, return_counts=True)
    counts = found_counts.astype(np.float64)
    basis, penalty = centred(*thin_plate(times, k, order=2), times, counts)
    own_basis = token_basis(times, counts, k_token)
    layout = Layout(len(frame.groups), len(frame.speakers) if names.speaker else 0, penalty)
    shared = np.hstack([np.ones((len(times), 1)), basis(times)])
    tokens = Tokens(frame, shared, own_basis(times), times)

    @functools.lru_cache(maxsize=2)
    def equations_at(rho: float) -> Arrowhead:
        return Arrowhead(layout, tokens, tokens.products(rho))

    searched: Profile | None = None
    if rho == "reml":
        found, searched = profile(equations_at)
        used = searched.rho
    elif rho == "acf":
        independent = equations_at(0.0)
        used = first_autocorrelation(frame, frame.values - _fitted(independent, minimise(independent).fit))
        found = minimise(equations_at(used))
    else:
        used = 0.0 if rho is None else float(rho)
        found = minimise(equations_at(used))
    equations, fit = equations_at(used), found.fit
    freedom = degrees(equations, fit)
    residual_df = len(frame.values) - freedom.total
    covariance = fit.scale * fit.covariance
    coefficients = fit.coefficients.copy()
    coefficients[0] += centre
    fitted = _fitted(equations, fit)
    curves = NativeCurves(
        frame.groups, coefficients, covariance, np.linspace(times[0], times[-1], POINTS), basis, layout
    )
    return GammResult(
        parametric=parametric_table(names, frame.groups, coefficients, covariance, residual_df),
        smooths=_smooths(names, equations, fit, freedom, residual_df),
        info=GammInfo(
            engine="native",
            version=version("convscope"),
            rows=len(frame.values),
            tokens=len(frame.tokens),
            groups=len(frame.groups),
            speakers=layout.speakers,
            k=k,
            k_token=k_token,
            rho=float(used),
            rho_by=rho if isinstance(rho, str) else "given",
            reml=fit.reml,
            scale=fit.scale,
            residual_df=residual_df,
            converged=found.converged,
            starts=found.starts,
            rho_profile=()
            if searched is None
            else tuple(zip(searched.rhos.tolist(), searched.reml.tolist(), strict=True)),
            remarks=(
                *_remarks(frame, found, residual_df),
                *(_remarks_on_rho(used, float(freedom.edf[-1])) if rho == "reml" else ()),
            ),
        ),
        names=names,
        curves=curves,
        fitted=frame.in_given_order(fitted + centre),
        observed=frame.in_given_order(frame.values + centre),
        innovations=frame.in_given_order(whiten_rows(frame, frame.values - fitted, used)),
    )


def first_autocorrelation(frame: Frame, residuals: Floats) -> float:
    """Of neighbours within tokens."""
    inside = np.diff(frame.token_of) == 0
    around = residuals - residuals.mean()
    return float((around[1:] * around[:-1])[inside].sum() / (around**2).sum())


def _fitted(equations: Arrowhead, fit: Fit) -> Floats:
    """(n,) with tokens and speakers."""
    tokens = equations.tokens
    at_pairs = equations.at_pairs(fit.coefficients)
    toward = np.einsum("rmq,rm->rq", equations.products.mixed[tokens.pair_pattern], at_pairs)
    own = np.einsum(
        "nij,nj->ni",
        fit.own_inverse[tokens.pattern_of],
        equations.products.token_values - toward[tokens.pair_of],
    )
    return tokens.fitted(np.hstack([at_pairs[tokens.pair_of], own]))


def _smooths(
    names: Names, equations: Arrowhead, fit: Fit, freedom: Degrees, residual_df: float
) -> pd.DataFrame:
    """A row for each curve, the speakers, the tokens."""
    groups, layout = equations.tokens.frame.groups, equations.layout
    products = equations.sum_matrices(equations.products.shared)
    tests = []
    for i in range(layout.groups):
        where = layout.curve(i)
        tests.append(
            of_curve(
                fit.coefficients[where],
                fit.scale * fit.covariance[where, where],
                products[where, where],
                ref_df=float(freedom.edf1[i]),
                residual_df=residual_df,
            )
        )
    if layout.speakers:
        tests.append(of_speakers(equations, fit, residual_df=residual_df))
    tests.append(of_tokens(equations, fit, residual_df=residual_df))
    return smooth_table(names.smooth_terms(groups), freedom.edf, tests)


def _remarks(frame: Frame, found: Optimum, residual_df: float) -> tuple[str, ...]:
    counts = np.bincount(frame.group_of, minlength=len(frame.groups))
    single = [name for name, count in zip(frame.groups, counts, strict=True) if count == 1]
    remarks = []
    if single:
        remarks.append(
            f"one token only of {', '.join(single)}: how tokens differ there is taken from the other groups"
        )
    if residual_df < LEAST_DF:
        remarks.append(
            f"curves of tokens leave {residual_df:.1f} degrees of freedom: they follow the values, and no test of groups is to be had; take a smaller k_token"
        )
    if not found.converged:
        remarks.append("REML's gradient did not vanish: take degrees of freedom and p with care")
    return tuple(remarks)


def _remarks_on_rho(rho: float, edf_of_tokens: float) -> tuple[str, ...]:
    remarks = []
    if abs(rho) > RHO_REACH - AT_THE_END:
        remarks.append(
            f"rho {rho:.3f} lies at the end of its range: what is left within tokens is hardly noise, as where values are interpolated; "
            "take p with care"
        )
    if edf_of_tokens < NO_CURVES:
        remarks.append(
            f"curves of tokens vanish (edf {edf_of_tokens:.2g}): REML takes all that tokens differ by for AR(1) with rho {rho:.3f}, as "
            "mgcv's does, too, at that rho; see what a given rho changes"
        )
    return tuple(remarks)
