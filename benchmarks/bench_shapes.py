"""Long slices, narrow and wide networks, many latents: is there a cliff?

    python benchmarks/bench_shapes.py [--latents 65536] [--save FILE.json]

The planner's choice beside the direct form, in turns, medians of paired ratios; then the time per sample of ever more latents,
beside calls of 64.
"""

from __future__ import annotations

import argparse
import ctypes
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


def keep_freed_memory(floats: int) -> np.ndarray:
    """What this process frees from now on, and so many floats beforehand, it keeps (glibc) until the result is dropped.

    A virtual machine that gives free memory back takes some 2 ms for each MB that is new to it: up to six percent of the time
    of many latents in one call, and none of it the engine's.
    """
    most_mappings, trim_threshold = -4, -1  # M_MMAP_MAX, M_TRIM_THRESHOLD of malloc.h
    libc = ctypes.CDLL("libc.so.6")
    if not libc.mallopt(most_mappings, 0) or not libc.mallopt(trim_threshold, 2**31 - 1):
        raise RuntimeError("mallopt: expected glibc to keep freed memory, it refused")
    np.ones(floats, np.float32)
    return np.ones(2**18, np.float32)  # behind the others: the end of the heap is trimmed all the same


def mb_beyond_series(probe: cs.Probe, count: int) -> float:
    z = inputs(probe, count)
    memory.reset_peak()
    before = memory.resident_mb()
    held = sum(array.nbytes for array in probe.run(z).values()) / 1e6
    return memory.peak_mb() - before - held


def scaling(largest: int) -> list[dict[str, float]]:
    """Memory and time of many latents in one call, the time beside that of calls of 64 just before and after."""
    probe = cs.Probe(network("generator", 16384, 64))
    few = inputs(probe, 64)
    floats = sum(array.size for array in probe.run(few).values()) // 64

    def seconds_of_64(calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            probe.run(few)
        return (time.perf_counter() - start) / calls

    counts = [count for count in (256, 1024, 4096, 16384, 65536) if count <= largest]
    beyond = {count: mb_beyond_series(probe, count) for count in counts}
    kept = keep_freed_memory(largest * (floats + 100))
    rows = []
    for count in counts:
        z = inputs(probe, count)
        ratios, times = [], []
        calls = max(count // 128, 8) if count <= 4096 else 32
        after = seconds_of_64(calls)
        for _ in range(2 * ROUNDS if count <= 4096 else 3):
            before = after
            start = time.perf_counter()
            probe.run(z)
            times.append((time.perf_counter() - start) / count)
            after = seconds_of_64(calls)
            ratios.append(times[-1] * 128 / (before + after))
        row = {
            "latents": count,
            "ms_per_sample": 1e3 * statistics.median(times),
            "over_calls_of_64": statistics.median(ratios),
            "least_ratio": min(ratios),
            "largest_ratio": max(ratios),
            "mb_beyond_series": beyond[count],
        }
        rows.append(row)
        print(
            f"{count:>8} latents {row['ms_per_sample']:8.3f} ms each, {row['over_calls_of_64']:.3f} "
            f"({row['least_ratio']:.3f} to {row['largest_ratio']:.3f}) of calls of 64, "
            f"{row['mb_beyond_series']:6.0f} MB beyond the series",
            flush=True,
        )
    del kept
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
