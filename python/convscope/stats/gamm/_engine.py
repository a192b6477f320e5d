"""What an engine is asked for and what it finds, and the result that is made of both: the same for all engines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ._basis import Floats
from ._formula import Names
from ._result import Curves, GammInfo, GammResult
from ._tables import parametric_table
from ._token_table import TokenTable
from ._tokens import whiten_rows

if TYPE_CHECKING:
    import pandas as pd

Rho: TypeAlias = float | Literal["reml", "acf"] | None

LEAST_DF = 5.0  # that the residuals must have


@dataclass(frozen=True, slots=True)
class Request:
    """The model, as `fit_gamm` takes it."""

    names: Names
    k: int
    k_token: int
    rho: Rho

    def given_rho(self, engine: str) -> float:
        """For engines that do not look for it."""
        if isinstance(self.rho, str):
            raise ValueError(
                f"rho: expected a number for engine={engine!r}, which takes it as given, got {self.rho!r}; fit_gamm(...).info.rho has ours"
            )
        return float(self.rho or 0)


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """What an engine found; fields as in `GammResult` and `GammInfo`, rows in the order of the `TokenTable`."""

    engine: str
    version: str
    curves: Curves
    smooths: pd.DataFrame
    fitted: Floats
    rho: float
    scale: float
    residual_df: float
    reml: float = float("nan")
    converged: bool = True
    starts: tuple[float, ...] = ()
    rho_profile: tuple[tuple[float, float], ...] = ()
    remarks: tuple[str, ...] = ()


def result_of(table: TokenTable, request: Request, found: Solution) -> GammResult:
    """Tables, and rows in the order that they were given in."""
    names, curves = request.names, found.curves
    residuals = table.values - found.fitted
    info = GammInfo(
        engine=found.engine,
        version=found.version,
        rows=len(table.values),
        tokens=len(table.tokens),
        groups=len(table.groups),
        speakers=len(table.speakers) if names.speaker else 0,
        k=request.k,
        k_token=request.k_token,
        rho=found.rho,
        rho_by=request.rho if isinstance(request.rho, str) else "given",
        reml=found.reml,
        scale=found.scale,
        residual_df=found.residual_df,
        converged=found.converged,
        starts=found.starts,
        rho_profile=found.rho_profile,
        remarks=(*_remarks(table, found.residual_df), *found.remarks),
    )
    return GammResult(
        parametric=parametric_table(
            names, table.groups, curves.coefficients, curves.covariance, found.residual_df
        ),
        smooths=found.smooths,
        info=info,
        names=names,
        curves=curves,
        fitted=table.in_given_order(found.fitted),
        observed=table.in_given_order(table.values),
        innovations=table.in_given_order(whiten_rows(table, residuals, found.rho)),
    )


def _remarks(table: TokenTable, residual_df: float) -> tuple[str, ...]:
    """What any engine's results suffer from."""
    counts = np.bincount(table.group_of, minlength=len(table.groups))
    single = [name for name, count in zip(table.groups, counts, strict=True) if count == 1]
    remarks = []
    if single:
        remarks.append(
            f"one token only of {', '.join(single)}: how tokens differ there is taken from the other groups"
        )
    if residual_df < LEAST_DF:
        remarks.append(
            f"curves of tokens leave {residual_df:.1f} degrees of freedom: they follow the values, and no test of groups is to be had; take a smaller k_token"
        )
    return tuple(remarks)
