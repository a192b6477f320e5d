"""Smoothing parameters by REML, and rho by REML's profile.

REML has several optima once rho is large, and a smooth that starts as a straight line may stay one; so it is minimised from several starts,
by L-BFGS on the exact gradient. A logarithm further than `REACH` from where penalty and values are balanced changes nothing any more: the
smooth is a line, or not penalised. Only curves of groups may be so far above the noise that they need less (`REACH_OF_CURVES`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from ._arrowhead import Arrowhead, Fit
from ._basis import Floats

REACH = 22.0
REACH_OF_CURVES = 30.0  # downwards; beyond, the penalty would be below the rounding of what it is added to
# Of curves, and of tokens' shapes, relative to the balance.
STARTS = ((-8.0, 0.0), (0.0, 0.0), (-8.0, 6.0), (-8.0, -6.0))
RHO_GRID = (-0.6, -0.3, 0.0, 0.2, 0.4, 0.6, 0.75, 0.85, 0.92, 0.97)
RHO_REACH = 0.995
_FLAT = 1e-3  # a gradient, in units of log-likelihood: REML is nearer than that to its optimum


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """The best fit, REML at the end of each start, and whether its gradient vanishes."""

    fit: Fit
    starts: tuple[float, ...]
    converged: bool


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """The best rho, and REML over those that were tried, in their order: both (tried,)."""

    rho: float
    rhos: Floats
    reml: Floats

    @property
    def pairs(self) -> tuple[tuple[float, float], ...]:
        """(rho, REML), in the order of rho."""
        return tuple(zip(self.rhos.tolist(), self.reml.tolist(), strict=True))


def minimise(equations: Arrowhead, starts: list[Floats] | None = None) -> Optimum:
    """The theta of smallest REML."""
    neutral = equations.neutral()
    low, high = limits(equations, neutral)

    def reml(theta: Floats) -> tuple[float, Floats]:
        fit = equations.solve(theta)
        return fit.reml, fit.gradient

    ends = [
        scipy.optimize.minimize(
            reml,
            np.clip(start, low, high),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(low, high, strict=True)),
            options={"maxiter": 300, "ftol": 1e-13, "gtol": 1e-6},
        )
        for start in starts or default_starts(neutral)
    ]
    best = min(ends, key=lambda end: float(end.fun))
    fit = equations.solve(best.x)
    return Optimum(fit, tuple(float(end.fun) for end in ends), _is_flat(fit, low, high))


def limits(equations: Arrowhead, neutral: Floats) -> tuple[Floats, Floats]:
    """Of theta, around the ``neutral`` one."""
    low = neutral - REACH
    low[: equations.layout.groups] = neutral[: equations.layout.groups] - REACH_OF_CURVES
    return low, neutral + REACH


def default_starts(neutral: Floats) -> list[Floats]:
    """Curves wiggly or balanced, tokens balanced, smooth or wiggly."""
    offsets = np.array([[*[curves] * (len(neutral) - 2), shape, 0.0] for curves, shape in STARTS])
    return list(neutral + offsets)


def profile(equations_at: Callable[[float], Arrowhead]) -> tuple[Optimum, Profile]:
    """The rho of smallest REML: a grid, then a search between the neighbours of its best."""
    tried: dict[float, Optimum] = {}

    def reml(rho: float) -> float:
        equations = equations_at(rho)
        starts = default_starts(equations.neutral())
        near = sorted(tried, key=lambda other: abs(other - rho))[:2]
        found = minimise(equations, [*(tried[other].fit.theta for other in near), *starts[: 4 - len(near)]])
        tried[rho] = found
        return found.fit.reml

    grid = [reml(rho) for rho in RHO_GRID]
    best = int(np.argmin(grid))
    around = (-RHO_REACH, *RHO_GRID, RHO_REACH)
    scipy.optimize.minimize_scalar(
        reml,
        bounds=(around[best], around[best + 2]),
        method="bounded",
        options={"xatol": 1e-4, "maxiter": 25},
    )
    rho = min(tried, key=lambda each: tried[each].fit.reml)
    rhos = np.array(sorted(tried))
    return tried[rho], Profile(rho, rhos, np.array([tried[each].fit.reml for each in rhos]))


def _is_held(fit: Fit, low: Floats, high: Floats) -> NDArray[np.bool_]:
    """Where theta is at its limit, and would go beyond it."""
    return ((fit.theta >= high) & (fit.gradient < 0)) | ((fit.theta <= low) & (fit.gradient > 0))


def _is_flat(fit: Fit, low: Floats, high: Floats) -> bool:
    free = ~_is_held(fit, low, high)
    return bool(np.abs(fit.gradient[free]).max(initial=0.0) < _FLAT)
