"""Peak memory of probing many latents through the full generator: convscope beside forward hooks.

    python benchmarks/bench_memory.py [--latents 4096] [--save FILE.json]

Each way runs in a process of its own. "above" is the high-water mark beyond the resident torch network and the returned
series; convscope's packed copy of the weights is in it. Hooks that keep the maps, as published scripts do, need all of a
batch's maps until the means are taken: they run on an eighth of the latents, or the machine would swap.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import convscope as cs
from convscope.bench import ENGINES, Arrays, Case
from convscope.bench import _memory as memory

Network = cs.models.SpeechNetwork
CASE = Case("generator", batch=64, threads=cs.probe.thread_count(None))
WAYS = ("convscope", "hooks, means, batches of 64", "hooks, maps kept")


def latents(count: int) -> np.ndarray:
    return replace(CASE, batch=count).inputs()


def run_convscope(network: Network, z: np.ndarray) -> Arrays:
    return dict(cs.Probe(network).run(z))


def run_hooks(network: Network, z: np.ndarray) -> Arrays:
    engine = ENGINES["torch hooks"].make(network, CASE)
    parts = [engine(z[first : first + 64]) for first in range(0, len(z), 64)]
    whole: Arrays = {}
    for name in list(parts[0]):
        whole[name] = np.concatenate([part.pop(name) for part in parts])
    return whole


def run_keeping_maps(network: Network, z: np.ndarray) -> Arrays:
    torch.set_grad_enabled(False)
    maps: dict[str, torch.Tensor] = {}
    for name, layer in network.named_children():
        layer.register_forward_hook(lambda module, inputs, output, name=name: maps.__setitem__(name, output))
    network(torch.from_numpy(z))
    return {name: value.mean(1).numpy() for name, value in maps.items()}


def report(way: str, count: int) -> None:
    run = dict(zip(WAYS, (run_convscope, run_hooks, run_keeping_maps), strict=True))[way]
    run(CASE.network(), latents(2))  # imports, thread pools and other first-time costs are not the subject
    network = CASE.network()
    memory.reset_peak()
    before = memory.resident_mb()
    series = run(network, latents(count))
    returned = sum(values.nbytes for values in series.values()) / 1e6
    print(
        json.dumps(
            {"latents": count, "series_mb": returned, "above_mb": memory.peak_mb() - before - returned}
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--latents", type=int, default=4096)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        report(options.way, options.latents)
        return
    rows = {}
    print(f"{'way':<30}{'latents':>9}{'series MB':>11}{'above MB':>10}")
    for way in WAYS:
        count = options.latents // 8 if way == "hooks, maps kept" else options.latents
        command = [sys.executable, __file__, "--way", way, "--latents", str(count)]
        rows[way] = row = json.loads(
            subprocess.run(command, check=True, capture_output=True, text=True).stdout
        )
        print(f"{way:<30}{row['latents']:>9}{row['series_mb']:>11.1f}{row['above_mb']:>10.1f}")
    if options.save:
        options.save.parent.mkdir(parents=True, exist_ok=True)
        options.save.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
