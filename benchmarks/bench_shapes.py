"""Long slices, narrow and wide networks, many latents: is there a cliff?

    python benchmarks/bench_shapes.py [--latents 65536] [--save FILE.json]

The planner's choice beside the direct form, in turns, medians of paired ratios; then the time per sample of ever more latents.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np

import convscope as cs
from convscope.bench import _memory as memory

SHAPES = ((16384, 64), (32768, 64), (65536, 64), (16384, 16), (16384, 32), (16384, 128))
BATCHES = (1, 16)
ROUNDS = 7


def network(role: str, slice_len: int, dim: int) -> cs.models.SpeechNetwork:
    spec = cs.models.preset("tf1-ciwgan", role=role, num_categories=8, slice_len=slice_len, dim=dim)
    return cs.models.build(spec, seed=1).eval()


def inputs(probe: cs.Probe, batch: int) -> np.ndarray:
    return np.random.default_rng(batch).uniform(-1, 1, (batch, *probe.input_shape)).astype(np.float32)


def compare(role: str, slice_len: int, dim: int, batch: int) -> dict[str, float]:
    """Speed of the planner's choice, and how much longer the direct form takes."""
    net = network(role, slice_len, dim)
    probes = {algorithm: cs.Probe(net, algorithm=algorithm) for algorithm in ("auto", "direct")}
    x = inputs(probes["auto"], batch)
    times: dict[str, list[float]] = {algorithm: [] for algorithm in probes}
    for _ in range(ROUNDS + 1):
        for algorithm, probe in probes.items():
            start = time.perf_counter()
            probe.run(x)
            times[algorithm].append(time.perf_counter() - start)
    ratios = [direct / auto for auto, direct in zip(times["auto"][1:], times["direct"][1:], strict=True)]
    median = statistics.median(times["auto"][1:])
    products = probes["auto"].estimate(batch).multiply_adds
    return {
        "samples_per_s": batch / median,
        "nominal_gflop_per_s": 2 * products / median / 1e9,
        "direct_over_auto": statistics.median(ratios),
    }


def scaling(largest: int) -> list[dict[str, float]]:
    """Time per sample and peak memory beyond the series, for 64 latents and more."""
    probe = cs.Probe(network("generator", 16384, 64))
    rows = []
    count = 64
    while count <= largest:
        z = inputs(probe, count)
        probe.run(z[:64])
        memory.reset_peak()
        before = memory.resident_mb()
        start = time.perf_counter()
        series = probe.run(z)
        seconds = time.perf_counter() - start
        held = sum(array.nbytes for array in series.values()) / 1e6
        rows.append(
            {
                "latents": count,
                "ms_per_sample": 1e3 * seconds / count,
                "mb_beyond_series": memory.peak_mb() - before - held,
            }
        )
        print(
            f"{count:>8} latents {rows[-1]['ms_per_sample']:8.3f} ms each, {rows[-1]['mb_beyond_series']:6.0f} MB beyond the series"
        )
        del series
        count *= 4
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--latents", type=int, default=16384)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    results: dict[str, object] = {}
    print(
        f"{'network':<12}{'slice':>7}{'dim':>5}{'batch':>7}{'samples/s':>11}{'GFLOP/s':>9}{'direct / auto':>15}"
    )
    for role in ("generator", "q_network"):
        for slice_len, dim in SHAPES:
            for batch in BATCHES:
                row = compare(role, slice_len, dim, batch)
                results[f"{role} {slice_len} dim {dim} batch {batch}"] = row
                print(
                    f"{role:<12}{slice_len:>7}{dim:>5}{batch:>7}{row['samples_per_s']:>11.1f}"
                    f"{row['nominal_gflop_per_s']:>9.0f}{row['direct_over_auto']:>15.2f}",
                    flush=True,
                )
    results["scaling"] = scaling(options.latents)
    if options.save:
        options.save.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
