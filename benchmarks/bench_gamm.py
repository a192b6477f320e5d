"""GAMMs of a paper's size: ours on 1,067 tokens, and beside R's mgcv on 200 where R is installed.

    python benchmarks/bench_gamm.py [--save FILE.json]

1,067 tokens of eight words with 16 samples each, k_token = 9, as in Table 1 of Beguš and Zhou (ICASSP 2022); each fit in a process of its own, so
that its peak memory is its own. mgcv would need more than 20 GB for 1,067. Beside each time stands how far the two differ.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from convscope.bench import _memory as memory
from convscope.stats import fit_gamm

WORDS = ("ask", "dark", "greasy", "oily", "rag", "wash", "water", "year")
LENGTH, RHO = 16, 0.5
FITS = {
    "1067 tokens, rho .5": (1067, RHO),
    "1067 tokens, rho by REML": (1067, "reml"),
    "200 tokens, rho .5": (200, RHO),
}


def simulate(tokens: int) -> pd.DataFrame:
    """Words with shapes of their own, tokens that differ in five cosines, AR(1) noise."""
    rng = np.random.default_rng(0)
    position = (np.arange(LENGTH) + 0.5) / LENGTH
    cosines = np.cos(np.pi * np.arange(5)[:, None] * position)
    word = np.arange(tokens) % len(WORDS)
    noise = rng.normal(0, 0.15, (tokens, LENGTH))
    noise[:, 1:] *= np.sqrt(1 - RHO**2)
    for i in range(1, LENGTH):
        noise[:, i] += RHO * noise[:, i - 1]
    shapes = rng.normal(0, 0.3, (len(WORDS), 5))[word] + rng.normal(0, 0.15, (tokens, 5))
    values = 0.7 + shapes @ cosines + noise
    return pd.DataFrame(
        {
            "value": values.ravel(),
            "sample": np.tile(np.arange(1.0, LENGTH + 1), tokens),
            "token": np.repeat(np.arange(tokens), LENGTH),
            "word": np.repeat(np.array(WORDS)[word], LENGTH),
        }
    )


def fit(name: str, engine: str) -> dict[str, object]:
    """Seconds of one fit, imports and table before the clock starts, and its tables."""
    tokens, rho = FITS[name]
    table = simulate(tokens)
    began = time.perf_counter()
    result = fit_gamm(table, time="sample", group="word", rho=rho, engine=engine)
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "peak_mb": memory.peak_mb(),
        "rho": result.info.rho,
        "estimate": result.parametric.estimate.tolist(),
        "se": result.parametric.se.tolist(),
        "edf": result.smooths.edf.tolist(),
        "curves": result.predict(np.arange(1.0, LENGTH + 1)).fit.tolist(),
    }


def in_a_process(name: str, engine: str) -> dict[str, object]:
    """The same, by a new interpreter."""
    command = [sys.executable, __file__, "--fit", name, "--engine", engine]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def largest_difference(one: dict, other: dict) -> dict[str, float]:
    """Of tables and curves."""
    return {
        key: float(np.abs(np.subtract(one[key], other[key])).max())
        for key in ("estimate", "se", "edf", "curves")
    }


def main() -> None:
    """Print the table, and save it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--save", type=Path)
    parser.add_argument("--fit", choices=FITS, help=argparse.SUPPRESS)
    parser.add_argument("--engine", default="native", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.fit:
        print(json.dumps(fit(asked.fit, asked.engine)))
        return
    results = []
    ours: dict[str, dict] = {}
    for name in FITS:
        ours[name] = in_a_process(name, "native")
        results.append(
            {
                "fit": name,
                "engine": "native",
                **{key: ours[name][key] for key in ("seconds", "peak_mb", "rho")},
            }
        )
    small = "200 tokens, rho .5"
    if shutil.which("Rscript") is None:
        print("mgcv: R is not installed")
    else:
        theirs = in_a_process(small, "mgcv")
        results.append(
            {
                "fit": small,
                "engine": "mgcv",
                "seconds": theirs["seconds"],
                "rho": theirs["rho"],
                "differences": largest_difference(ours[small], theirs),
            }
        )
    for row in results:
        peak = f", peak {row['peak_mb']:.0f} MB" if "peak_mb" in row else ""
        print(f"{row['engine']:>7}, {row['fit']}: {row['seconds']:.2f} s{peak}, rho {row['rho']:.3f}")
        for what, difference in row.get("differences", {}).items():
            print(f"         largest difference of {what}: {difference:.1e}")
    if asked.save:
        asked.save.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
