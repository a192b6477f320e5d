"""Steps of training beside the published loop (`published_loop.py`), at full size: 16384 samples, dim 64, eight classes.

    python benchmarks/bench_training.py [--batch 64] [--pairs 5] [--device cpu] [--precision float32] [--save FILE.json]

A step is five updates of the critic and one of generator and Q-network. Each side lives in a process of its own, as it would be used, and
they make one update of each kind in turn, so that a machine that slows down slows both. The time of a step is put together from these; the
ratio is the median over pairs. That what is left out makes no difference is shown by the tests: losses equal a plain loop's to 1e-5
(tests/train/test_against_plain_loop.py), gradients PyTorch's (tests/train/test_convolutions.py).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from published_loop import PublishedLoop

import convscope as cs
from convscope.bench import Machine
from convscope.train import (
    CriticInputs,
    Draws,
    GeneratorInputs,
    Purpose,
    critic_step,
    generator_step,
    kept_memory,
    new_state,
)

CRITIC_UPDATES = 5
SIDES, KINDS = ("ours", "published"), ("critic", "generator")
Update = Callable[[], object]


def ours(options: argparse.Namespace, sounds: torch.Tensor) -> dict[str, Update]:
    changes = [f"run.batch_size={options.batch}", f"run.device={options.device}"]
    config = cs.train.read_config("ciwgan-8words", changes)
    state = new_state(config)
    draws = Draws(0, options.batch, 1000, config.network.latent_dim, config.latent_code)
    assert state.q is not None

    def latents(purpose: Purpose) -> torch.Tensor:
        return draws.latents(purpose, 0).to(options.device)

    def shifts(purpose: Purpose, network: cs.models.SpeechNetwork = state.critic) -> torch.Tensor:
        return draws.shifts(purpose, 0, network.shuffles)

    for_critic = CriticInputs(
        sounds,
        latents(Purpose.CRITIC),
        draws.mix(0).to(options.device),
        shifts(Purpose.REAL_SHIFTS),
        shifts(Purpose.GENERATED_SHIFTS),
        shifts(Purpose.MIXED_SHIFTS),
    )
    for_generator = GeneratorInputs(
        latents(Purpose.GENERATOR),
        latents(Purpose.Q_NETWORK),
        shifts(Purpose.GENERATOR_SHIFTS),
        shifts(Purpose.Q_SHIFTS, state.q),
    )
    device, half = torch.device(options.device).type, options.precision == "bfloat16"

    def with_precision(update: Update) -> object:
        with torch.autocast(device, torch.bfloat16, enabled=half):
            return update()

    return {
        "critic": lambda: with_precision(lambda: critic_step(state, for_critic)),
        "generator": lambda: with_precision(lambda: generator_step(state, for_generator)),
    }


def published(options: argparse.Namespace, sounds: torch.Tensor) -> dict[str, Update]:
    loop = PublishedLoop(64, 8, options.batch, options.device)
    return {"critic": lambda: loop.critic_step(sounds), "generator": loop.generator_step}


def work(options: argparse.Namespace) -> None:
    """Answer every line on stdin, the name of an update, with its seconds."""
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    sounds = (torch.rand(options.batch, 1, 16384) * 2 - 1).to(options.device)
    updates = {"ours": ours, "published": published}[options.side](options, sounds)

    def answer() -> None:
        for line in sys.stdin:
            start_s = time.perf_counter()
            updates[line.strip()]()
            if options.device.startswith("cuda"):
                torch.cuda.synchronize()
            print(time.perf_counter() - start_s, flush=True)

    if options.side == "published":
        answer()
    else:
        with kept_memory():  # as the loop of `convscope.train.train` does
            answer()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="of ours")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        work(options)
        return
    workers = {
        side: subprocess.Popen(
            [sys.executable, __file__, *sys.argv[1:], "--side", side],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for side in SIDES
    }

    def seconds(side: str, kind: str) -> float:
        ask, said = workers[side].stdin, workers[side].stdout
        assert ask is not None
        assert said is not None
        ask.write(f"{kind}\n")
        ask.flush()
        return float(said.readline())

    rows = []
    for pair in range(options.pairs + 1):
        times = {(side, kind): seconds(side, kind) for kind in KINDS for side in SIDES}
        if pair == 0:
            continue  # first-time costs
        steps = {side: CRITIC_UPDATES * times[side, "critic"] + times[side, "generator"] for side in SIDES}
        row = {f"{side}_s": value for side, value in steps.items()}
        row["ratio"] = steps["published"] / steps["ours"]
        row |= {f"{kind}_ratio": times["published", kind] / times["ours", kind] for kind in KINDS}
        rows.append(row)
        print(", ".join(f"{name} {value:.2f}" for name, value in row.items()), flush=True)
    for worker in workers.values():
        worker.communicate()
    middle = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    print(
        f"median: {middle['ratio']:.2f} times the published loop's steps (critic {middle['critic_ratio']:.2f}, "
        f"generator and Q {middle['generator_ratio']:.2f}); {1 / middle['ours_s']:.4f} steps/s"
    )
    if options.save:
        facts = {
            "batch": options.batch,
            "threads": options.threads or torch.get_num_threads(),
            "device": options.device,
            "precision": options.precision,
            "median": middle,
            "pairs": rows,
            "machine": asdict(Machine.here()),
        }
        options.save.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
