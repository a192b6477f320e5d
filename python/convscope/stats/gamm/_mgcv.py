"""A second opinion: R's mgcv, by way of Rscript and CSV files.

Not by rpy2, whose versions have been seen not to import, and which puts R into this process. Always ``discrete=FALSE``, since mgcv's
discrete covariates are padded at random and shift the table of levels. A guard refuses what would not fit into memory.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ._basis import Floats
from ._formula import Names, formula
from ._frame import Frame
from ._result import POINTS, GammInfo, GammResult
from ._tables import parametric_table
from ._tokens import whiten_rows

_BYTES_PER_SQUARE = 230  # of memory for each squared number of coefficients, as measured

_SCRIPT = """
suppressPackageStartupMessages(library(mgcv))
d <- read.csv("table.csv")
d$token <- factor(d$token)
groups <- 0:@LAST@
d$group <- factor(d$group, levels = groups)
d$groupO <- ordered(d$group, levels = groups)
if (length(groups) > 1) contrasts(d$groupO) <- "contr.treatment"
@SPEAKER@
m <- bam(@FORMULA@, data = d, method = "fREML", discrete = FALSE, rho = @RHO@, AR.start = d$start == 1)
s <- summary(m)
fixed <- which(!grepl("^s\\\\((time,token|speaker)\\\\)", names(coef(m))))
grid <- expand.grid(time = scan("grid.txt", quiet = TRUE), group = factor(groups, levels = groups))
grid$groupO <- ordered(grid$group, levels = groups)
if (length(groups) > 1) contrasts(grid$groupO) <- "contr.treatment"
grid$token <- d$token[1]
grid$speaker <- d$speaker[1]
save <- function(x, name) write.table(format(x, digits = 17, trim = TRUE), name, row.names = FALSE, col.names = FALSE, quote = FALSE)
save(predict(m, grid, type = "lpmatrix")[, fixed], "rows.txt")
save(coef(m)[fixed], "coefficients.txt")
save(vcov(m)[fixed, fixed], "covariance.txt")
save(s$s.table, "smooths.txt")
save(fitted(m), "fitted.txt")
save(c(m$gcv.ubre, m$sig2, m$df.residual, m$converged), "numbers.txt")
writeLines(as.character(packageVersion("mgcv")), "version.txt")
"""


@dataclass(frozen=True, slots=True, eq=False)
class TabulatedCurves:
    """Curves at the times that R was asked for."""

    groups: tuple[str, ...]
    coefficients: Floats
    covariance: Floats
    times: Floats
    table: Floats  # (groups, T, p)

    def rows(self, group: str, times: Floats) -> Floats:
        """(T, p) for times among those."""
        nearest = np.abs(self.times[:, None] - times).argmin(0)
        if not np.allclose(self.times[nearest], times, rtol=0, atol=1e-9):
            raise ValueError(
                f"times: expected some of the {len(self.times)} that this engine was asked for (.curves.times), got others"
            )
        found: Floats = self.table[self.groups.index(group), nearest]
        return found


def fit_mgcv(
    frame: Frame, names: Names, *, k: int, k_token: int, rho: float | Literal["reml", "acf"] | None
) -> GammResult:
    """`fit_gamm` by mgcv's ``bam``."""
    import pandas as pd

    if isinstance(rho, str):
        raise ValueError(
            f"rho: expected a number for engine='mgcv', which takes it as given, got {rho!r}; fit_gamm(...).info.rho has ours"
        )
    rscript = shutil.which("Rscript")
    if rscript is None:
        raise RuntimeError("engine: 'mgcv' needs R with the package mgcv, and Rscript on the PATH; got none")
    _check_memory(len(frame.groups) * k + len(frame.speakers) + len(frame.tokens) * k_token)
    plain = Names(
        "value", "time", None if names.group is None else "group", "token", names.speaker and "speaker"
    )
    grid = np.unique(np.concatenate([np.linspace(frame.times.min(), frame.times.max(), POINTS), frame.times]))
    columns = {
        "value": frame.values,
        "time": frame.times,
        "group": frame.group_of[frame.token_of],
        "token": frame.token_of,
        "speaker": frame.speaker_of[frame.token_of],
        "start": np.r_[1, np.diff(frame.token_of) != 0],
    }
    script = (
        _SCRIPT.replace("@FORMULA@", formula(plain, k=k, k_token=k_token, groups=len(frame.groups)))
        .replace("@LAST@", str(len(frame.groups) - 1))
        .replace("@RHO@", repr(float(rho or 0)))
        .replace("@SPEAKER@", "d$speaker <- factor(d$speaker)" if names.speaker else "")
    )
    with tempfile.TemporaryDirectory(prefix="convscope-mgcv-") as text:
        folder = Path(text)
        pd.DataFrame(columns).to_csv(folder / "table.csv", index=False, float_format="%.17g")
        np.savetxt(folder / "grid.txt", grid, fmt="%.17g")
        (folder / "fit.R").write_text(script)
        _run([rscript, "--vanilla", "fit.R"], folder)
        read = {path.stem: np.loadtxt(path, ndmin=1) for path in folder.glob("*.txt") if path.stem in _READ}
        version = (folder / "version.txt").read_text().strip()
    reml, scale, residual_df, converged = read["numbers"]
    curves = TabulatedCurves(
        frame.groups,
        read["coefficients"],
        read["covariance"],
        grid,
        read["rows"].reshape(len(frame.groups), len(grid), -1),
    )
    smooths = pd.DataFrame(np.atleast_2d(read["smooths"]), columns=["edf", "ref_df", "F", "p"])
    smooths.insert(0, "term", _in_order_of_r(names, frame.groups))
    residuals = frame.values - read["fitted"]
    return GammResult(
        parametric=parametric_table(names, frame.groups, curves.coefficients, curves.covariance, residual_df),
        smooths=smooths,
        info=GammInfo(
            engine="mgcv",
            version=version,
            rows=len(frame.values),
            tokens=len(frame.tokens),
            groups=len(frame.groups),
            speakers=len(frame.speakers) if names.speaker else 0,
            k=k,
            k_token=k_token,
            rho=float(rho or 0),
            rho_by="given",
            reml=float(reml),
            scale=float(scale),
            residual_df=float(residual_df),
            converged=bool(converged),
            starts=(),
            rho_profile=(),
            remarks=(),
        ),
        names=names,
        curves=curves,
        fitted=frame.in_given_order(read["fitted"]),
        observed=frame.in_given_order(frame.values),
        innovations=frame.in_given_order(whiten_rows(frame, residuals, float(rho or 0))),
    )


_READ = ("rows", "coefficients", "covariance", "smooths", "fitted", "numbers")


def _in_order_of_r(names: Names, groups: tuple[str, ...]) -> list[str]:
    """R's table has tokens before speakers, as the formula has."""
    terms = names.smooth_terms(groups)
    return terms if names.speaker is None else [*terms[:-2], terms[-1], terms[-2]]


def _check_memory(coefficients: int) -> None:
    needed = _BYTES_PER_SQUARE * coefficients**2
    place = Path("/proc/meminfo")
    available = re.search(r"MemAvailable:\s+(\d+)", place.read_text()) if place.exists() else None
    free = int(available.group(1)) * 1024 if available else None  # nobody knows where there is no such file
    if free is not None and needed > free:
        raise RuntimeError(
            f"engine: mgcv would need about {needed / 1e9:.1f} GB for {coefficients} coefficients, of which {free / 1e9:.1f} are free; "
            "fit fewer tokens, or a smaller k_token, or engine='native'"
        )


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-8:] or ["no message"]
        raise RuntimeError(f"engine: mgcv failed: {' '.join(last)}")
