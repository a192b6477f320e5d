"""What a GAMM gives: tables, curves, differences, residuals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from ..._folders import write_files
from .._checks import check_choice, require
from .._result import Result
from ._basis import Floats
from ._curves import DRAWS, Band, band, stretches
from ._formula import Names, formula

if TYPE_CHECKING:
    import pandas as pd

POINTS = 101  # of a curve, unless times are given


class Curves(Protocol):
    """Where the groups' curves come from: rows of a model over coefficients that have a covariance."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The reference first."""

    @property
    def coefficients(self) -> Floats:
        """(p,) that tokens share."""

    @property
    def covariance(self) -> Floats:
        """(p, p) theirs."""

    @property
    def times(self) -> Floats:
        """(T,) of curves where none are asked for."""

    def rows(self, group: str, times: Floats) -> Floats:
        """(T, p), without tokens and speakers."""


@dataclass(frozen=True, slots=True)
class GammInfo:
    """How the fit came about.

    Attributes
    ----------
    engine, version : which engine, and its package's version
    rows, tokens, groups, speakers : how many there are; no speakers where they have no effect of their own
    k, k_token : functions of a group's and a token's curve
    rho, rho_by : AR(1) within tokens, and how it was taken: given, reml or acf
    reml : what was minimised, the negative logarithm of the restricted likelihood (NaN from mssm)
    scale : the variance of what remains, AR(1) included
    residual_df : rows less effective degrees of freedom, of which t and F are
    converged : whether REML's gradient vanishes
    starts : REML at the end of each start: where they differ, REML has several optima, and the smallest was taken
    rho_profile : (rho, REML) of each rho that was tried, where rho is by REML
    remarks : what a reader of the results should know; printed with them
    """

    engine: str
    version: str
    rows: int
    tokens: int
    groups: int
    speakers: int
    k: int
    k_token: int
    rho: float
    rho_by: str
    reml: float
    scale: float
    residual_df: float
    converged: bool
    starts: tuple[float, ...]
    rho_profile: tuple[tuple[float, float], ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GammResult(Result):
    """A fitted model; tables, CSV and LaTeX as of every result of `convscope.stats`.

    Attributes
    ----------
    parametric : DataFrame (term, estimate, se, t, p, df)
        Intercept (the reference group's level, averaged over the rows' times) and the others' differences from it.
    smooths : DataFrame (term, edf, ref_df, F, p)
        The reference's curve, each group's difference curve, the speakers' levels if there are any, the tokens' curves.
        Effective degrees of freedom, and the test of each against zero; mssm tests no tokens (NaN).
    info : GammInfo
        Sizes, rho, REML, scale, convergence, remarks.
    names : Names
        Columns of the table that was given, by role.
    curves : Curves
        Coefficients that tokens share, their covariance, and the rows that make curves of them: what `predict` and `difference` ask.
        Those of mgcv and mssm are at ``curves.times`` only.
    fitted : (n,) float64
        Values of the model, tokens and speakers included, in the order of the rows that were given; so are the next two.
    observed : (n,) float64
        The values that were given.
    innovations : (n,) float64
        What AR(1) leaves of ``observed - fitted``: white where rho is right. The first of each token is the residual itself.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from convscope.stats import fit_gamm
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"token": np.repeat(range(12), 10), "group": np.repeat(["a", "b"], 60), "time": np.tile(np.arange(10.0), 12)})
    >>> result = fit_gamm(table.assign(value=rng.normal(size=120)), k=6, k_token=4, rho=0)
    >>> list(result.tables)
    ['parametric', 'smooths', 'curves']
    >>> "edf" in result.to_latex("smooths", digits=2)
    True
    """

    parametric: pd.DataFrame
    smooths: pd.DataFrame
    info: GammInfo
    names: Names
    curves: Curves
    fitted: Floats
    observed: Floats
    innovations: Floats

    @property
    def formula(self) -> str:
        """The same model for R's mgcv."""
        return formula(self.names, k=self.info.k, k_token=self.info.k_token, groups=self.info.groups)

    @property
    def groups(self) -> tuple[str, ...]:
        """The reference first."""
        return self.curves.groups

    @property
    def vcov(self) -> Floats:
        """(p, p) covariance of the coefficients behind `lpmatrix`."""
        return self.curves.covariance

    def lpmatrix(self, group: str, times: ArrayLike | None = None) -> Floats:
        """(T, p) rows that give the group's curve when multiplied by the coefficients."""
        self._check_group(group)
        return self.curves.rows(group, self._times(times))

    def predict(
        self,
        times: ArrayLike | None = None,
        groups: Sequence[str] | None = None,
        *,
        level: float = 0.95,
        simultaneous: bool = True,
        draws: int = DRAWS,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Curves of groups, of a token and speaker that are average.

        Returns
        -------
        DataFrame (group, time, fit, se, lower, upper)
            The band holds the whole curve of a group with probability ``level`` where ``simultaneous``, else each point.
        """
        import pandas as pd

        at = self._times(times)
        made = []
        for group in self.groups if groups is None else groups:
            found = self._band(self.lpmatrix(group, at), level, simultaneous, draws, seed)
            made.append(
                pd.DataFrame(
                    {
                        "group": group,
                        "time": at,
                        "fit": found.fit,
                        "se": found.se,
                        "lower": found.lower,
                        "upper": found.upper,
                    }
                )
            )
        return pd.concat(made, ignore_index=True)

    def difference(
        self,
        group: str,
        other: str | None = None,
        times: ArrayLike | None = None,
        *,
        level: float = 0.95,
        simultaneous: bool = True,
        draws: int = DRAWS,
        seed: int = 0,
    ) -> pd.DataFrame:
        """The curve of ``group`` less that of ``other`` (the reference, unless it is given), levels included.

        Any pair comes from the one fit.

        Returns
        -------
        DataFrame (group, other, time, difference, se, lower, upper, critical, significant)
            ``significant`` where the band leaves zero out. With ``simultaneous=False``, 11 to 13 of 100 differences that are none are so
            somewhere (benchmarks/results/2026-11-22-gamm-calibration.json).
        """
        import pandas as pd

        other = self.groups[0] if other is None else other
        at = self._times(times)
        rows = self.lpmatrix(group, at) - self.lpmatrix(other, at)
        found = self._band(rows, level, simultaneous, draws, seed)
        return pd.DataFrame(
            {
                "group": group,
                "other": other,
                "time": at,
                "difference": found.fit,
                "se": found.se,
                "lower": found.lower,
                "upper": found.upper,
                "critical": found.critical,
                "significant": found.leaves_zero_out,
            }
        )

    def significant_intervals(
        self, group: str, other: str | None = None, times: ArrayLike | None = None, **options: Any
    ) -> pd.DataFrame:
        """Where the difference is significant; options as for `difference`.

        Returns
        -------
        DataFrame (group, other, start, end, difference)
            The last is the mean over the interval.
        """
        import pandas as pd

        table = self.difference(group, other, times, **options)
        at, values = table["time"].to_numpy(), table["difference"].to_numpy()
        found = stretches(at, table["significant"].to_numpy())
        means = [float(values[(at >= start) & (at <= end)].mean()) for start, end in found]
        return pd.DataFrame(
            {
                "group": group,
                "other": self.groups[0] if other is None else other,
                "start": [start for start, _ in found],
                "end": [end for _, end in found],
                "difference": means,
            }
        )

    def residuals(self, kind: Literal["response", "ar1"] = "response") -> Floats:
        """(n,) in the order of the rows that were given: values less fitted ones, or the innovations of their AR(1) process."""
        check_choice("kind", kind, ("response", "ar1"))
        return self.observed - self.fitted if kind == "response" else self.innovations

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "formula": self.formula,
            "info": asdict(self.info),
            "parametric": self.parametric.to_dict("records"),
            "smooths": self.smooths.to_dict("records"),
        }

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """The two tables, and the groups' curves with simultaneous bands."""
        return {"parametric": self.parametric, "smooths": self.smooths, "curves": self.predict()}

    def to_csv(self, path: str | Path) -> list[Path]:
        """Write ``parametric.csv``, ``smooths.csv``, ``curves.csv`` and ``info.json`` into a folder, all or none; returns them."""
        folder, tables = Path(path), self.tables
        require(folder.suffix != ".csv", "path", f"a folder for the tables {', '.join(tables)}", str(folder))
        folder.mkdir(parents=True, exist_ok=True)
        files = {folder / f"{name}.csv": table.to_csv(index=False).encode() for name, table in tables.items()}
        about = {"formula": self.formula, **asdict(self.info)}
        files[folder / "info.json"] = json.dumps(about, indent=1).encode()
        write_files(files)
        return list(files)

    def to_latex(self, table: str | None = None, **options: Any) -> str:
        """One table by its name, options as for every result; or both, laid out as in Beguš and Zhou (ICASSP 2022), Table 1."""
        if table is not None:
            return Result.to_latex(self, table, **options)
        require(not options, "table", f"one of {', '.join(self.tables)} for {', '.join(options)}", None)
        return self._both_in_latex()

    def _both_in_latex(self) -> str:
        lines = [
            r"\begin{tabular}{lrrrr}",
            r"\hline",
            r"Parametric & Estimate & SE & $t$ & $p$ \\",
            r"\hline",
        ]
        for row in self.parametric.itertuples():
            lines.append(
                rf"{_escaped(row.term)} & {row.estimate:.4f} & {row.se:.4f} & {row.t:.2f} & {_p_in_latex(row.p)} \\"
            )
        lines += [r"\hline", r"Smooth & edf & Ref.df & $F$ & $p$ \\", r"\hline"]
        for row in self.smooths.itertuples():
            lines.append(
                rf"{_escaped(row.term)} & {row.edf:.2f} & {row.ref_df:.2f} & {row.F:.2f} & {_p_in_latex(row.p)} \\"
            )
        return "\n".join([*lines, r"\hline", r"\end{tabular}"])

    def __str__(self) -> str:
        info = self.info
        about = (
            f"{self.formula}\n{info.rows} rows, {info.tokens} tokens, rho {info.rho:.4g} ({info.rho_by}), scale {info.scale:.4g}, "
            f"REML {info.reml:.6g}, {info.engine}"
        )
        tables = [_printed(self.parametric), _printed(self.smooths)]
        return "\n\n".join([about, *tables, *(f"Note: {remark}." for remark in info.remarks)])

    __repr__ = __str__

    def _band(self, rows: Floats, level: float, simultaneous: bool, draws: int, seed: int) -> Band:
        curves = self.curves
        return band(
            rows,
            curves.coefficients,
            curves.covariance,
            level=level,
            simultaneous=simultaneous,
            draws=draws,
            seed=seed,
        )

    def _times(self, times: ArrayLike | None) -> Floats:
        found = self.curves.times if times is None else np.atleast_1d(np.asarray(times, np.float64))
        if not np.isfinite(found).all() or found.ndim != 1 or not len(found):
            raise ValueError("times: expected finite times, one after the other")
        return found

    def _check_group(self, group: str) -> None:
        require(group in self.groups, "group", f"one of {', '.join(self.groups)} (as text)", repr(group))


def p_text(p: float) -> str:
    """As papers print it."""
    return "" if np.isnan(p) else "<0.0001" if p < 1e-4 else f"{p:.4f}"


def _p_in_latex(p: float) -> str:
    return p_text(p).replace("<", "$<$")


def _printed(table: pd.DataFrame) -> str:
    text: str = table.to_string(
        index=False, formatters={"p": p_text}, float_format=lambda value: f"{value:.4f}"
    )
    return text


_IN_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def _escaped(term: str) -> str:
    return "".join(_IN_LATEX.get(each, f"\\{each}" if each in "_%&#${}" else each) for each in term)
