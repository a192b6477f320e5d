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

    ``starts`` are REML at the end of each start: where they differ, REML has several optima, and the smallest was taken.
    ``remarks`` are what a reader of the results should know.
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
class GammResult:
    """A fitted model.

    Attributes
    ----------
    parametric : DataFrame (term, estimate, se, t, p, df)
        Intercept (the reference group's level, averaged over the rows' times) and the others' differences from it.
    smooths : DataFrame (term, edf, ref_df, F, p)
        The reference's curve, each group's difference curve, the tokens' curves, the speakers' levels if there are any.
    info : GammInfo
    fitted, residuals_ : (n,) in the order of the rows that were given; NaN from engines that do not tell
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
        if kind not in ("response", "ar1"):
            raise ValueError(f"kind: expected response or ar1, got {kind!r}")
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
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        files = {
            folder / f"{name}.csv": table.to_csv(index=False).encode() for name, table in self.tables.items()
        }
        about = {"formula": self.formula, **asdict(self.info)}
        files[folder / "info.json"] = json.dumps(about, indent=1).encode()
        write_files(files)
        return list(files)

    def to_latex(self) -> str:
        """The two tables, laid out as in Beguš and Zhou (ICASSP 2022), Table 1."""
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
        if group not in self.groups:
            raise ValueError(f"group: expected one of {', '.join(self.groups)} (as text), got {group!r}")


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
