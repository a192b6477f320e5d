"""GAMMs of a paper's size: ours on 1,067 tokens, and beside R's mgcv on 200.

    python benchmarks/bench_gamm.py [--repeats 3] [--save FILE.json]

1,067 tokens of eight words with 16 samples each, k_token = 9, as in Table 1 of Beguš and Zhou (ICASSP 2022); each engine in a process of its own,
so that its peak memory is its own. mgcv would need more than 20 GB for 1,067. Before anything is saved, results are checked: both agree within
`AGREEMENT`, and ours keeps to `MOST_SECONDS` and `MOST_MB`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from convscope.bench import Machine
from convscope.bench import _memory as memory
from convscope.stats import fit_gamm

WORDS = ("ask", "dark", "greasy", "oily", "rag", "wash", "water", "year")
LENGTH, RHO = 16, 0.5
LARGE, BY_REML, SMALL = "1067 tokens, rho .5", "1067 tokens, rho by REML", "200 tokens, rho .5"
FITS = {LARGE: (1067, RHO), BY_REML: (1067, "reml"), SMALL: (200, RHO)}
MOST_SECONDS = {LARGE: 5.0, BY_REML: 60.0, SMALL: 5.0}
MOST_MB = 1000.0
AGREEMENT = 1e-5  # of levels, standard errors, degrees of freedom and curves


def cosines(count: int) -> np.ndarray:
    """(count, LENGTH), the constant first."""
    position = (np.arange(LENGTH) + 0.5) / LENGTH
    return np.cos(np.pi * np.arange(count)[:, None] * position)


def ar1(rng: np.random.Generator, tokens: int, sd: float) -> np.ndarray:
    """(tokens, LENGTH) noise of autocorrelation `RHO`."""
    noise = rng.normal(0, sd, (tokens, LENGTH))
    noise[:, 1:] *= np.sqrt(1 - RHO**2)
    for i in range(1, LENGTH):
        noise[:, i] += RHO * noise[:, i - 1]
    return noise


def table_of(values: np.ndarray, groups: np.ndarray) -> pd.DataFrame:
    """A row for each token and time, of values (tokens, LENGTH) and groups (tokens,)."""
    tokens = len(values)
    return pd.DataFrame(
        {
            "value": values.ravel(),
            "time": np.tile(np.arange(LENGTH, dtype=float), tokens),
            "token": np.repeat(np.arange(tokens), LENGTH),
            "group": np.repeat(groups, LENGTH),
        }
    )


def simulate(tokens: int) -> pd.DataFrame:
    """Words with shapes of their own, tokens that differ in five cosines, AR(1) noise."""
    rng = np.random.default_rng(0)
    word = np.arange(tokens) % len(WORDS)
    noise = ar1(rng, tokens, 0.15)
    shapes = rng.normal(0, 0.3, (len(WORDS), 5))[word] + rng.normal(0, 0.15, (tokens, 5))
    return table_of(0.7 + shapes @ cosines(5) + noise, np.array(WORDS)[word])


def fit(name: str, engine: str, repeats: int) -> dict:
    """Seconds of each fit, of which the first imports what the engine needs, and its tables."""
    tokens, rho = FITS[name]
    table = simulate(tokens)
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        result = fit_gamm(table, rho=rho, engine=engine)
        seconds.append(time.perf_counter() - began)
    assert result.info.converged
    return {
        "fit": name,
        "engine": engine,
        "version": result.info.version,
        "rho": result.info.rho,
        "seconds": seconds,
        "peak_mb": memory.peak_mb(),  # of this process: R's is not in it
        "estimate": result.parametric.estimate.tolist(),
        "se": result.parametric.se.tolist(),
        "edf": result.smooths.edf.tolist(),
        "curves": result.predict(np.arange(LENGTH)).fit.tolist(),
    }


def in_a_process(name: str, engine: str, repeats: int) -> dict:
    """The same, by a new interpreter."""
    command = [sys.executable, __file__, "--fit", name, "--engine", engine, "--repeats", str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def largest_differences(one: dict, other: dict) -> dict[str, float]:
    """Of tables and curves."""
    return {
        key: float(np.abs(np.subtract(one[key], other[key])).max())
        for key in ("estimate", "se", "edf", "curves")
    }


def row_of(found: dict) -> dict:
    """What is saved of a fit."""
    kept = {key: found[key] for key in ("fit", "engine", "version", "rho")}
    seconds = found["seconds"]
    kept |= {"fits": len(seconds), "median_s": statistics.median(seconds)}
    kept |= {"fastest_s": min(seconds), "slowest_s": max(seconds)}
    return kept | ({"peak_mb": found["peak_mb"]} if found["engine"] == "native" else {})


def check(rows: list[dict]) -> None:
    """What the package promises."""
    for row in rows:
        if row["engine"] == "native":
            assert row["median_s"] <= MOST_SECONDS[row["fit"]], row
            assert row["peak_mb"] <= MOST_MB, row
        for what, difference in row.get("differences", {}).items():
            assert difference <= AGREEMENT, f"{what} differ by {difference:.1e} from mgcv's"


def here() -> dict:
    """The machine, versions, and how busy it was."""
    machine = Machine.here().to_dict()
    machine["versions"] |= {name: version(name) for name in ("scipy", "pandas")}
    return machine | {"load_average": os.getloadavg()}


def main() -> None:
    """Print the rows, check and save them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--fit", choices=FITS, help=argparse.SUPPRESS)
    parser.add_argument("--engine", default="native", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.fit:
        print(json.dumps(fit(asked.fit, asked.engine, asked.repeats)))
        return
    has_r = shutil.which("Rscript") is not None
    if asked.save and (not has_r or asked.repeats < 3):
        parser.error(
            "--save: expected R with mgcv, whose numbers ours are compared with, and at least 3 repeats"
        )
    ours = {name: in_a_process(name, "native", asked.repeats) for name in FITS}
    rows = [row_of(found) for found in ours.values()]
    if has_r:
        theirs = in_a_process(SMALL, "mgcv", asked.repeats)
        rows.append(row_of(theirs) | {"differences": largest_differences(ours[SMALL], theirs)})
    for row in rows:
        peak = f", peak {row['peak_mb']:.0f} MB" if "peak_mb" in row else ""
        seconds = f"{row['median_s']:.2f} s ({row['fastest_s']:.2f} to {row['slowest_s']:.2f})"
        print(f"{row['engine']:>7}, {row['fit']}: {seconds}{peak}, rho {row['rho']:.3f}")
        for what, difference in row.get("differences", {}).items():
            print(f"         largest difference of {what}: {difference:.1e}")
    check(rows)
    if asked.save:
        asked.save.write_text(json.dumps({"machine": here(), "results": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
