"""Our engine: from a checked table to what `Solution` holds."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from .._libraries import library
from ._arrowhead import Arrowhead, Fit
from ._basis import Basis, Floats, centred, thin_plate, token_basis
from ._degrees import Degrees, degrees
from ._engine import Request, Rho, Solution
from ._formula import Names
from ._layout import Layout
from ._reml import RHO_REACH, Optimum, Profile, minimise, profile
from ._result import POINTS
from ._significance import of_curve, of_speakers, of_tokens
from ._tables import smooth_table
from ._token_table import TokenTable
from ._tokens import Tokens

if TYPE_CHECKING:
    import pandas as pd

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


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """The fit at the rho that was taken, and REML over others where it was looked for."""

    rho: float
    optimum: Optimum
    profile: Profile | None = None


def fit_native(table: TokenTable, request: Request) -> Solution:
    """`fit_gamm` by our engine: on one thread, since its matrices are small and a stolen core stops all threads of a product."""
    with library("threadpoolctl").threadpool_limits(1, user_api="blas"):
        return _fit(table, request)


def _fit(table: TokenTable, request: Request) -> Solution:
    centre = float(table.values.mean())  # a level that is much larger than what varies would take its digits
    table = replace(table, values=table.values - centre)
    times, counts = np.unique(table.times, return_counts=True)
    basis, layout, tokens = _model(table, request, times, counts.astype(np.float64))

    @functools.lru_cache(maxsize=2)
    def equations_at(rho: float) -> Arrowhead:
        return Arrowhead(layout, tokens, tokens.products(rho))

    searched = _search(table, equations_at, request.rho)
    equations, fit = equations_at(searched.rho), searched.optimum.fit
    freedom = degrees(equations, fit)
    residual_df = len(table.values) - freedom.total
    coefficients = fit.coefficients.copy()
    coefficients[0] += centre
    grid = np.linspace(times[0], times[-1], POINTS)
    return Solution(
        engine="native",
        version=version("convscope"),
        curves=NativeCurves(table.groups, coefficients, fit.scale * fit.covariance, grid, basis, layout),
        smooths=_smooths(request.names, equations, fit, freedom, residual_df),
        fitted=_fitted(equations, fit) + centre,
        rho=searched.rho,
        scale=fit.scale,
        residual_df=residual_df,
        reml=fit.reml,
        converged=searched.optimum.converged,
        starts=searched.optimum.starts,
        rho_profile=() if searched.profile is None else searched.profile.pairs,
        remarks=_remarks(searched, float(freedom.edf[-1])),
    )


def _model(
    table: TokenTable, request: Request, times: Floats, counts: Floats
) -> tuple[Basis, Layout, Tokens]:
    """Functions at the distinct times (T,), of which there are ``counts`` (T,), and where their coefficients are."""
    basis, penalty = centred(*thin_plate(times, request.k, order=2), times, counts)
    speakers = len(table.speakers) if request.names.speaker else 0
    shared = np.hstack([np.ones((len(times), 1)), basis(times)])
    own = token_basis(times, counts, request.k_token)(times)
    return basis, Layout(len(table.groups), speakers, penalty), Tokens(table, shared, own, times)


def _search(table: TokenTable, equations_at: Callable[[float], Arrowhead], rho: Rho) -> _Search:
    if rho == "reml":
        found, searched = profile(equations_at)
        return _Search(searched.rho, found, searched)
    if rho == "acf":
        independent = equations_at(0.0)
        residuals = table.values - _fitted(independent, minimise(independent).fit)
        used = first_autocorrelation(table, residuals)
    else:
        used = float(rho or 0)
    return _Search(used, minimise(equations_at(used)))


def first_autocorrelation(table: TokenTable, residuals: Floats) -> float:
    """Of neighbours within tokens."""
    inside = np.diff(table.token_of) == 0
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
    groups, layout = equations.tokens.table.groups, equations.layout
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


def _remarks(searched: _Search, edf_of_tokens: float) -> tuple[str, ...]:
    rho, remarks = searched.rho, []
    if not searched.optimum.converged:
        remarks.append("REML's gradient did not vanish: take degrees of freedom and p with care")
    if searched.profile is not None and abs(rho) > RHO_REACH - AT_THE_END:
        remarks.append(
            f"rho {rho:.3f} lies at the end of its range: what is left within tokens is hardly noise, as where values are interpolated; "
            "take p with care"
        )
    if searched.profile is not None and edf_of_tokens < NO_CURVES:
        remarks.append(
            f"curves of tokens vanish (edf {edf_of_tokens:.2g}): REML takes all that tokens differ by for AR(1) with rho {rho:.3f}, as "
            "mgcv's does, too, at that rho; see what a given rho changes"
        )
    return tuple(remarks)
