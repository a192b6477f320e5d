"""A second opinion: R's mgcv, by way of Rscript and CSV files.

Not by rpy2, whose versions have been seen not to import, and which puts R into this process. Always ``discrete=FALSE``, since mgcv's
discrete covariates are padded at random and shift the table of levels. A guard refuses what would not fit into memory.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from ._basis import Floats
from ._engine import Request, Solution
from ._formula import Names, formula
from ._tabulated import TabulatedCurves, grid
from ._token_table import TokenTable

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

_READ = ("rows", "coefficients", "covariance", "smooths", "fitted", "numbers")


def fit_mgcv(table: TokenTable, request: Request) -> Solution:
    """`fit_gamm` by mgcv's ``bam``."""
    import pandas as pd

    rho = request.given_rho("mgcv")
    rscript = shutil.which("Rscript")
    if rscript is None:
        raise RuntimeError("engine: 'mgcv' needs R with the package mgcv, and Rscript on the PATH; got none")
    speakers = len(table.speakers) if request.names.speaker else 0
    _check_memory(len(table.groups) * request.k + speakers + len(table.tokens) * request.k_token)
    times = grid(table)
    with tempfile.TemporaryDirectory(prefix="convscope-mgcv-") as text:
        folder = Path(text)
        _write(folder, table, times, _script(table, request, rho))
        _run([rscript, "--vanilla", "fit.R"], folder)
        read = {name: np.loadtxt(folder / f"{name}.txt", ndmin=1) for name in _READ}
        version = (folder / "version.txt").read_text().strip()
    reml, scale, residual_df, converged = read["numbers"].tolist()
    rows = read["rows"].reshape(len(table.groups), len(times), -1)
    smooths = pd.DataFrame(np.atleast_2d(read["smooths"]), columns=["edf", "ref_df", "F", "p"])
    smooths.insert(0, "term", _in_order_of_r(request.names, table.groups))
    return Solution(
        engine="mgcv",
        version=version,
        curves=TabulatedCurves(table.groups, read["coefficients"], read["covariance"], times, rows),
        smooths=smooths,
        fitted=read["fitted"],
        rho=rho,
        scale=scale,
        residual_df=residual_df,
        reml=reml,
        converged=bool(converged),
    )


def _script(table: TokenTable, request: Request, rho: float) -> str:
    """Columns have plain names there."""
    names = request.names
    group, speaker = None if names.group is None else "group", None if names.speaker is None else "speaker"
    plain = Names("value", "time", group, "token", speaker)
    model = formula(plain, k=request.k, k_token=request.k_token, groups=len(table.groups))
    return (
        _SCRIPT.replace("@FORMULA@", model)
        .replace("@LAST@", str(len(table.groups) - 1))
        .replace("@RHO@", repr(rho))
        .replace("@SPEAKER@", "d$speaker <- factor(d$speaker)" if names.speaker else "")
    )


def _write(folder: Path, table: TokenTable, times: Floats, script: str) -> None:
    import pandas as pd

    columns = {
        "value": table.values,
        "time": table.times,
        "group": table.group_of[table.token_of],
        "token": table.token_of,
        "speaker": table.speaker_of[table.token_of],
        "start": np.r_[1, np.diff(table.token_of) != 0],
    }
    pd.DataFrame(columns).to_csv(folder / "table.csv", index=False, float_format="%.17g")
    np.savetxt(folder / "grid.txt", times, fmt="%.17g")
    (folder / "fit.R").write_text(script)


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
