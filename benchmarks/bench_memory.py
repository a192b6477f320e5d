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
from pathlib import Path

import memory
import numpy as np
import peers
import torch
from bench_generator import latents, make_network

import convscope as cs

Network = cs.models.SpeechNetwork
WAYS = ("convscope", "hooks, means, batches of 64", "hooks, maps kept")


def run_convscope(network: Network, z: np.ndarray) -> peers.Series:
    return dict(cs.Probe(network).run(z))


def run_hooks(network: Network, z: np.ndarray) -> peers.Series:
    engine = peers.make("torch hooks", network, cs.probe.thread_count(None))
    parts = [engine(z[first : first + 64]) for first in range(0, len(z), 64)]
    whole: peers.Series = {}
    for name in list(parts[0]):
        whole[name] = np.concatenate([part.pop(name) for part in parts])
    return whole


def run_keeping_maps(network: Network, z: np.ndarray) -> peers.Series:
    torch.set_grad_enabled(False)
    maps: dict[str, torch.Tensor] = {}
    for name, layer in network.named_children():
        layer.register_forward_hook(lambda module, inputs, output, name=name: maps.__setitem__(name, output))
    network(torch.from_numpy(z))
    return {name: value.mean(1).numpy() for name, value in maps.items()}


def report(way: str, count: int) -> None:
    run = dict(zip(WAYS, (run_convscope, run_hooks, run_keeping_maps), strict=True))[way]
    run(make_network(), latents(2))  # imports, thread pools and other first-time costs are not the subject
    network = make_network()
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
