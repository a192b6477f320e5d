"""The full 16384-sample generator, all layers probed: convscope beside the engines users have today.

    python benchmarks/bench_generator.py [--batches 1 16 64] [--threads 2] [--repeats 7] [--save FILE.json]

Each result is checked against float64 before anything is timed. Engines run in turn, so that each repeat is a pair taken
under the same load, and ratios are medians over pairs: these are shared machines, absolute times are not comparable
between runs. Garbage is collected before each, which gives the threads of the engine before, onnxruntime's spin for a while,
time to sleep: run right after them, one sample takes us twice as long. Peak memory is what a fresh process needs for one batch beyond the imported libraries and the torch network.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path

import memory
import numpy as np
import peers
import torch

import convscope as cs
from convscope.probe._torch_engine import TorchEngine

FLOPS_PER_SAMPLE = 2 * 847.1e6  # nominal: what the layers' definitions ask for


def make_network() -> cs.models.SpeechNetwork:
    spec = cs.models.preset("torch-atzhou8-2022", role="generator", num_categories=8)
    return cs.models.build(spec, seed=1).eval()


def latents(batch: int) -> np.ndarray:
    return (np.random.default_rng(batch).random((batch, 100)) * 2 - 1).astype(np.float32)


def worst_error(series: peers.Series, exact: peers.Series) -> float:
    """Largest relative error over the layers."""
    return max(
        float(np.linalg.norm(series[name] - exact[name]) / np.linalg.norm(exact[name])) for name in exact
    )


def measure(batch: int, threads: int, repeats: int) -> dict[str, dict[str, float]]:
    engines = {name: peers.make(name, make_network(), threads) for name in peers.NAMES}
    z = latents(batch)
    checked = z[:4]
    reference = TorchEngine(make_network(), (100,), torch.float64).record(checked)
    exact = {name: activity.after.mean(1).numpy() for name, activity in reference.items()}
    rows: dict[str, dict[str, float]] = {}
    for name, engine in engines.items():
        error = worst_error({layer: series[:4] for layer, series in engine(z).items()}, exact)
        if error > 1e-5:
            sys.exit(f"{name} is wrong: relative error {error:.1e}")
        rows[name] = {"error": error}
        engine(z)
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(repeats):
        for name, engine in engines.items():
            gc.collect()
            start = time.perf_counter()
            engine(z)
            times[name].append(time.perf_counter() - start)
    for name, row in rows.items():
        median = statistics.median(times[name])
        ratios = sorted(t / ours for t, ours in zip(times[name], times["convscope"], strict=True))
        row["samples_per_s"] = batch / median
        row["gflop_per_s"] = batch * FLOPS_PER_SAMPLE / median / 1e9
        row["time_ratio"] = statistics.median(ratios)
        row["time_ratio_low"], row["time_ratio_high"] = (
            ratios[len(ratios) // 4],
            ratios[-1 - len(ratios) // 4],
        )
        row["peak_mb"] = peak_memory_mb(name, batch, threads)
    return rows


def peak_memory_mb(name: str, batch: int, threads: int) -> float:
    command = [sys.executable, __file__, "--peak", name, "--batches", str(batch), "--threads", str(threads)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def report_peak(name: str, batch: int, threads: int) -> None:
    """In a process of its own: growth of the high-water mark from the built network to one finished batch."""
    network, z = make_network(), latents(batch)
    memory.reset_peak()
    before = memory.resident_mb()
    peers.make(name, network, threads)(z)
    print(memory.peak_mb() - before)


def print_table(batch: int, rows: dict[str, dict[str, float]]) -> None:
    print(f"\nbatch {batch}")
    header = f"{'engine':<15}{'samples/s':>10}{'GFLOP/s':>9}{'time / ours':>22}{'error':>10}{'peak MB':>9}"
    print(header)
    for name, row in rows.items():
        ratio = f"{row['time_ratio']:.2f} ({row['time_ratio_low']:.2f}-{row['time_ratio_high']:.2f})"
        print(
            f"{name:<15}{row['samples_per_s']:>10.1f}{row['gflop_per_s']:>9.0f}{ratio:>22}"
            f"{row['error']:>10.1e}{row['peak_mb']:>9.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--threads", type=int, default=cs.probe.thread_count(None))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--peak", choices=peers.NAMES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.filterwarnings(
        "ignore", category=DeprecationWarning
    )  # torch.onnx's own, about its older exporter
    warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
    if options.peak:
        report_peak(options.peak, options.batches[0], options.threads)
        return
    machine = f"{_cpu_name()}, {options.threads} threads, convscope on {cs.Probe(make_network()).engine}, torch {torch.__version__}"
    print(machine)
    results = {}
    for batch in options.batches:
        results[batch] = measure(batch, options.threads, options.repeats)
        print_table(batch, results[batch])
        fastest = min(row["time_ratio"] for name, row in results[batch].items() if name != "convscope")
        print(f"fastest peer takes {fastest:.2f} x our time")
    if options.save:
        options.save.parent.mkdir(parents=True, exist_ok=True)
        options.save.write_text(json.dumps({"machine": machine, "generator": results}, indent=1) + "\n")


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


if __name__ == "__main__":
    main()
