"""`fit_gamm`: generalised additive mixed models of layer series, as Beguš and Zhou fitted them with mgcv.

Values of groups (words) over time, each token (one sound) with a curve of its own:

    value ~ group + s(time) + s(time, by=ordered group) + s(time, token, bs="fs", m=1), AR(1) within tokens
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from .._checks import check_choice, require
from .._libraries import library
from ._formula import Names
from ._result import GammResult
from ._token_table import TokenTable, token_table

if TYPE_CHECKING:
    import pandas as pd

    from ._engine import Request, Solution

Engine = Literal["native", "mgcv", "mssm"]
ENGINES = ("native", "mgcv", "mssm")


def fit_gamm(
    table: pd.DataFrame,
    *,
    value: str = "value",
    time: str = "time",
    group: str | None = "group",
    token: str = "token",
    speaker: str | None = None,
    reference: str | int | None = None,
    k: int = 10,
    k_token: int = 9,
    rho: float | Literal["reml", "acf"] | None = "reml",
    engine: Engine = "native",
) -> GammResult:
    """Fit curves of groups over time, with a curve of its own for every token.

    Parameters
    ----------
    table : DataFrame
        One row for each token and time, in any order. Tokens may have different times. A column ``positions``, as
        `convscope.acoustics.normalised_time` gives it, says of how many positions of the layer a token's values were made: a token with
        more times than that is refused, since interpolated points are no observations, and make F as large as one likes.
    value, time, group, token : str
        Columns. Names of tokens must be unique, also between groups. ``group=None`` fits one curve.
    speaker : str, optional
        A column of who speaks: adds a random level for each. Tokens of one speaker are not independent without it.
    reference : str, optional
        The group that others are compared with; the first by name unless given. Names are compared as text.
    k, k_token : int
        Functions of a group's and a token's curve, at most as many as there are different times. 9 is what mgcv takes for ``bs="fs", m=1``
        unless told, and what the degrees of freedom of Table 1 in Beguš and Zhou (ICASSP 2022) come to.
    rho : number, "reml", "acf" or None
        AR(1) of what remains within a token: given, or by REML's profile; ``"acf"``, the first autocorrelation of a fit without it, is what
        itsadug's start_value_rho gives, and is far too low (even negative) where tokens have curves of their own; None is 0. The result's
        remarks say where REML ends at the edge of its range, and where it gives all that tokens differ by to AR(1).
    engine : "native", "mgcv" or "mssm"
        Ours; R's mgcv (``bam(discrete=FALSE)``) by way of Rscript; mssm with P-splines (extra ``mssm``). The last two are second opinions.

    Returns
    -------
    GammResult

    Raises
    ------
    KeyError, ValueError
        for what cannot be modelled, naming column, expected and got.
    ImportError
        when the extra ``stats`` is missing, or for ``engine="mssm"`` the extra of that name.
    RuntimeError
        for ``engine="mgcv"``, when there is no Rscript, no package mgcv or too little memory, or when R fails.

    Notes
    -----
    Values after a ReLU are not negative and vary more where they are large; the model takes them for Gaussian, as the papers did.
    Equal to mgcv's ``bam(..., method="fREML", discrete=FALSE)``; with ``discrete=TRUE`` mgcv pads its data at random, and its table of
    levels differs by up to a standard error. Sources: Wood 2003, 2011, 2013 (see the modules); Beguš and Zhou, ICASSP 2022.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from convscope.stats import fit_gamm
    >>> rng = np.random.default_rng(0)
    >>> tokens = pd.DataFrame({"token": [f"t{i}" for i in range(20)], "group": ["a", "b"] * 10, "level": rng.normal(0, 0.3, 20)})
    >>> table = tokens.merge(pd.DataFrame({"time": np.arange(12.0)}), how="cross")
    >>> table["value"] = table.level + np.sin(table.time / 2) * (table.group == "b") + rng.normal(0, 0.2, len(table))
    >>> result = fit_gamm(table, k=8, k_token=6, rho=0)
    >>> bool(result.smooths.set_index("term").p["s(time):groupOb"] < 0.001)
    True
    """
    check_choice("engine", engine, ENGINES)
    _check_rho(rho)
    for needed in ("scipy.stats", "threadpoolctl"):
        library(needed)
    checked = token_table(
        table, value=value, time=time, group=group, token=token, speaker=speaker, reference=reference
    )
    _check_size("k", k, 3, checked.distinct_times)
    _check_size("k_token", k_token, 2, checked.distinct_times)
    from ._engine import Request, result_of  # with SciPy, which results alone do not need

    request = Request(Names(value, time, group, token, speaker), k, k_token, rho)
    return result_of(checked, request, _solve(engine, checked, request))


def _solve(engine: Engine, table: TokenTable, request: Request) -> Solution:
    if engine == "mgcv":
        from ._mgcv import fit_mgcv

        return fit_mgcv(table, request)
    if engine == "mssm":
        from ._mssm import fit_mssm

        return fit_mssm(table, request)
    from ._native import fit_native

    return fit_native(table, request)


def _check_rho(rho: object) -> None:
    if isinstance(rho, str):
        require(rho in ("reml", "acf"), "rho", "a number, 'reml', 'acf' or None", repr(rho))
    elif rho is not None:
        fits = isinstance(rho, float | int | np.number) and bool(-1 < rho < 1)
        require(fits, "rho", "a number between -1 and 1", repr(rho))


def _check_size(name: str, size: int, least: int, most: int) -> None:
    require(most >= least, "time", f"at least {least} different times", most)
    fits = not isinstance(size, bool) and isinstance(size, int | np.integer) and least <= size <= most
    expected = f"a whole number from {least} to {most}, the number of different times"
    require(fits, name, expected, repr(size))
