"""`fit_gamm`: generalised additive mixed models of layer series, as Beguš and Zhou fitted them with mgcv.

Values of groups (words) over time, each token (one sound) with a curve of its own:

    value ~ group + s(time) + s(time, by=ordered group) + s(time, token, bs="fs", m=1), AR(1) within tokens
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from ._formula import Names
from ._frame import frame_of
from ._result import GammResult

if TYPE_CHECKING:
    import pandas as pd

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
    RuntimeError
        when another engine is missing or fails.

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
    names = Names(value, time, group, token, speaker)
    _check_engine(engine)
    _check_rho(rho)
    frame = frame_of(
        table, value=value, time=time, group=group, token=token, speaker=speaker, reference=reference
    )
    _check_size("k", k, 3, frame.distinct_times)
    _check_size("k_token", k_token, 2, frame.distinct_times)
    if engine == "mgcv":
        from ._mgcv import fit_mgcv

        return fit_mgcv(frame, names, k=k, k_token=k_token, rho=rho)
    if engine == "mssm":
        from ._mssm import fit_mssm

        return fit_mssm(frame, names, k=k, k_token=k_token, rho=rho)
    from ._native import fit_native  # with SciPy, which tables alone do not need

    return fit_native(frame, names, k=k, k_token=k_token, rho=rho)


def _check_engine(engine: str) -> None:
    if engine not in ENGINES:
        raise ValueError(f"engine: expected {', '.join(ENGINES)}, got {engine!r}")


def _check_rho(rho: object) -> None:
    if isinstance(rho, str):
        if rho not in ("reml", "acf"):
            raise ValueError(f"rho: expected a number, 'reml', 'acf' or None, got {rho!r}")
    elif rho is not None and not (isinstance(rho, float | int | np.number) and -1 < rho < 1):
        raise ValueError(f"rho: expected a number between -1 and 1, got {rho!r}")


def _check_size(name: str, size: int, least: int, most: int) -> None:
    if most < least:
        raise ValueError(f"time: expected at least {least} different times, got {most}")
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or not least <= size <= most:
        raise ValueError(
            f"{name}: expected a whole number from {least} to {most}, the number of different times, got {size!r}"
        )
