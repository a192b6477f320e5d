"""How often GAMMs find what is not there, and what is: simulated words, 500 times.

    python benchmarks/calibrate_gamm.py [--sets 500] [--workers 2] [--save FILE.json]

Two words of the same curve, tokens with levels and shapes of their own, AR(1) noise: the test of the difference in level, that of the difference
curve, and whether a band of the difference leaves zero out anywhere should each be significant in .05 of the sets. Then the second word is shifted
or bent: how often that is found is the power. Every set has a seed of its own. Nothing is saved unless null sets keep to `KEPT`.
"""

from __future__ import annotations

import argparse
import json
import statistics
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import threadpoolctl
from bench_gamm import LENGTH, RHO, ar1, cosines, here, table_of

from convscope.stats import fit_gamm

TOKENS = 30
LEVEL = 0.05
KEPT = (0.03, 0.07)  # shares of null sets that are as good as LEVEL
TESTS = ("level", "curve", "simultaneous band")  # which keep it; a pointwise band does not
PLANTED = {"nothing": (0.0, 0.0), "a shift of 0.1": (0.1, 0.0), "a bend of 0.1": (0.0, 0.1)}


def simulate(seed: int, shift: float, bend: float) -> pd.DataFrame:
    """Two words of `TOKENS` tokens; a token is a level, five cosines and AR(1) noise away from its word."""
    rng = np.random.default_rng([2026, seed])
    shapes, count = cosines(6)[1:], 2 * TOKENS
    noise = ar1(rng, count, 0.12)
    is_second = np.arange(count)[:, None] >= TOKENS
    own = rng.normal(0, 0.15, (count, 1)) + rng.normal(0, 0.1, (count, 5)) / np.arange(1, 6) @ shapes
    values = 0.7 + 0.3 * shapes[1] + own + noise + is_second * (shift + bend * shapes[2])
    return table_of(values, np.where(is_second[:, 0], "b", "a"))


def decide(seed: int, shift: float, bend: float, rho: float | str) -> dict[str, bool]:
    """What is significant in one set."""
    with threadpoolctl.threadpool_limits(1):
        result = fit_gamm(simulate(seed, shift, bend), rho=rho)
        return {
            "level": bool(result.parametric.p[1] < LEVEL),
            "curve": bool(result.smooths.p[1] < LEVEL),
            "simultaneous band": bool(result.difference("b", draws=4000).significant.any()),
            "pointwise band": bool(result.difference("b", simultaneous=False).significant.any()),
        }


def rates(executor: ProcessPoolExecutor, sets: int, shift: float, bend: float, rho: float | str) -> dict:
    """Shares of sets, by test."""
    found = list(executor.map(partial(decide, shift=shift, bend=bend, rho=rho), range(sets), chunksize=10))
    return {test: statistics.fmean(each[test] for each in found) for test in found[0]}


def check(results: list[dict]) -> None:
    """Tests and simultaneous bands keep their level."""
    for row in results:
        for test in TESTS if row["planted"] == "nothing" else ():
            assert KEPT[0] <= row[test] <= KEPT[1], f"rho {row['rho']}: {test} {row[test]:.3f} of null sets"


def main() -> None:
    """Print the shares, check and save them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--save", type=Path)
    asked = parser.parse_args()
    results = []
    with ProcessPoolExecutor(asked.workers) as executor:
        for rho in (RHO, 0.0, "reml"):
            for name, (shift, bend) in PLANTED.items():
                found = rates(executor, asked.sets, shift, bend, rho)
                results.append({"rho": rho, "planted": name, **found})
                shares = ", ".join(f"{test} {share:.3f}" for test, share in found.items())
                print(f"rho {rho}, {name}: {shares}", flush=True)
    if asked.save:
        check(results)
        about = {"sets": asked.sets, "tokens": 2 * TOKENS, "length": LENGTH, "true rho": RHO, "level": LEVEL}
        about["machine"] = here()
        asked.save.write_text(json.dumps(about | {"results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
