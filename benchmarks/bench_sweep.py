"""Sweeps with storing: beside `fast_probe` alone, and beside a script with forward hooks and `np.save`.

    python benchmarks/bench_sweep.py [--latents 20000] [--pairs 3] [--dim 64] [--save FILE.json]

Each way runs in a process of its own, its imports and network made before the clock starts. `fast_probe` and the executors
take turns, so that a pair is measured within minutes; its ratio is `fast_probe`'s seconds over the sweep's. The script, as people
write it, runs batches of 64 with a hook on each layer that takes the mean, gathers them and saves an array per layer; it runs on
fewer latents (``--script-latents``), its speed is per latent, and its memory grows with their number. Series of the store are
compared with the script's first.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import convscope as cs
from convscope.bench import _memory as memory

WAYS = ("fast_probe", "threads", "serial", "script")
BATCH = 64


def network(dim: int) -> cs.models.SpeechNetwork:
    spec = cs.models.preset("tf1-ciwgan", role="generator", num_categories=8, dim=dim)
    return cs.models.build(spec, seed=9).eval()


def design(count: int) -> cs.latents.Design:
    """One variable over 20 values, the papers' interpolation."""
    bases = cs.latents.random(count // 20, code=cs.latents.OneHot(8), seed=3)
    return cs.latents.variable("z11", np.linspace(-15, 5, 20), bases=bases)


def hooks_and_save(net: torch.nn.Module, z: np.ndarray, folder: Path) -> None:
    """What people write today; the means are taken at once, which is kind to memory."""
    means: dict[str, list[np.ndarray]] = {}
    for name, layer in net.named_children():
        means[name] = []
        layer.register_forward_hook(lambda _, __, y, name=name: means[name].append(y.mean(1).numpy()))
    folder.mkdir()
    with torch.inference_mode():
        for first in range(0, len(z), BATCH):
            net(torch.from_numpy(z[first : first + BATCH]))
    for name, parts in means.items():
        np.save(folder / f"{name}.npy", np.concatenate(parts))
    np.save(folder / "z.npy", z)


def report(way: str, count: int, dim: int, out: Path) -> None:
    net, rows = network(dim), design(count)
    cs.fast_probe(net, rows[:2])  # thread pools and other first-time costs are not the subject
    if way in ("threads", "serial"):
        import zarr  # noqa: F401  nor are imports
    memory.reset_peak()
    start = time.perf_counter()
    if way == "fast_probe":
        cs.fast_probe(net, rows[:])
    elif way == "script":
        hooks_and_save(net, rows[:], out)
    else:
        cs.Sweep(net, rows, out=out).run(way)
    seconds = time.perf_counter() - start
    stored = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) if out.exists() else 0
    print(
        json.dumps(
            {"seconds": seconds, "latents": count, "peak_mb": memory.peak_mb(), "stored_bytes": stored}
        )
    )


def run(way: str, count: int, dim: int, out: Path) -> dict[str, float]:
    command = [
        sys.executable,
        __file__,
        "--way",
        way,
        "--latents",
        str(count),
        "--dim",
        str(dim),
        "--out",
        str(out),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{way:>10}: {found['seconds']:.1f} s for {count}, peak {found['peak_mb']:.0f} MB, {found['stored_bytes'] / 1e6:.0f} MB stored"
    )
    return found


def largest_difference(store: Path, folder: Path) -> float:
    """Of the store's series to the script's, relative to the largest value of the layer."""
    tree = cs.open_sweep(store)
    worst = 0.0
    for path in folder.glob("*.npy"):
        if path.stem != "z":
            expected = np.load(path)
            stored = tree[path.stem]["mean"][: len(expected)].values
            worst = max(worst, float(np.abs(stored - expected).max() / np.abs(expected).max()))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--latents", type=int, default=20_000)
    parser.add_argument("--script-latents", type=int, default=4_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=Path(), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        report(options.way, options.latents, options.dim, options.out)
        return
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        found["script"].append(run("script", options.script_latents, options.dim, place / "script"))
        run("serial", options.script_latents, options.dim, place / "check.zarr")
        difference = largest_difference(place / "check.zarr", place / "script")
        print(f"largest difference of a value from the script's: {difference:.1e} of the layer's largest")
        assert difference < 1e-5
        for pair in range(options.pairs):
            for way in ("fast_probe", "threads", "fast_probe", "serial"):
                found[way].append(run(way, options.latents, options.dim, place / f"{way}{pair}"))
    alone = found["fast_probe"]
    ratios = {
        "threads": [a["seconds"] / b["seconds"] for a, b in zip(alone[0::2], found["threads"], strict=True)],
        "serial": [a["seconds"] / b["seconds"] for a, b in zip(alone[1::2], found["serial"], strict=True)],
    }
    per_latent = {
        way: statistics.median(each["seconds"] / each["latents"] for each in runs)
        for way, runs in found.items()
    }
    summary = {
        "speed_beside_fast_probe": {way: statistics.median(each) for way, each in ratios.items()},
        "script_seconds_beside_threads": per_latent["script"] / per_latent["threads"],
    }
    for way, ratio in summary["speed_beside_fast_probe"].items():
        print(f"{way}: {ratio:.3f} of fast_probe's speed (median of {options.pairs} pairs)")
    print(f"script: {summary['script_seconds_beside_threads']:.2f} times as long as threads, per latent")
    if options.save:
        machine = {
            "isa": cs._core.selected_isa(),
            "threads": cs.probe.thread_count(None),
            "torch": torch.__version__,
        }
        options.save.write_text(
            json.dumps(
                {
                    "machine": machine,
                    "dim": options.dim,
                    "difference": difference,
                    "ratios": ratios,
                    **summary,
                    "runs": found,
                },
                indent=1,
            )
            + "\n"
        )


if __name__ == "__main__":
    main()
