"""Put a checkpoint of a run into the zoo: its networks, the words its codes stand for, its configuration and its log.

    convscope train words8 --data words --out run
    python tools/ship_network.py run words8 [--step N]

The step is that of the best checkpoint unless given. Which code stands for which word is decided on the sounds that the run withheld.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import convscope as cs
from convscope.data import open_cache
from convscope.models import save
from convscope.train import (
    best_checkpoint,
    checkpoints,
    evaluate,
    load_checkpoint,
    read_config,
    read_log,
    withheld_sounds,
    write_config,
)

ZOO = Path(__file__).resolve().parents[1] / "python" / "convscope" / "zoo"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--step", type=int)
    parser.add_argument("--sounds", type=Path, help="the run's cache, where it is not in the run")
    options = parser.parse_args()
    best = best_checkpoint(options.run)
    step = options.step or (best.step if best else max(checkpoints(options.run)))
    config = read_config(str(options.run / "config.toml"), environment={})
    networks = load_checkpoint(checkpoints(options.run)[step], config).networks
    withheld = withheld_sounds(config, open_cache(options.sounds or options.run / "sounds"))
    assert withheld is not None
    count = len(withheld.slices)
    sounds = withheld.slices.read(range(count), [[0.0, 0.0]] * count)
    logits = cs.fast_probe(networks["q_network"].eval(), sounds)["logits"]
    found = evaluate(logits, withheld.labels, kind=config.code.kind)
    folder = ZOO / options.name
    shutil.rmtree(folder, ignore_errors=True)
    save({role: network.eval() for role, network in networks.items()}, folder)
    words = {word: int(code) for word, code in found.assigned.items()}
    (folder / "words.json").write_text(json.dumps(words, indent=1) + "\n")
    log = [entry for entry in read_log(options.run) if entry["step"] <= step]
    (folder / "log.jsonl").write_text("".join(f"{json.dumps(entry)}\n" for entry in log))
    write_config(config, folder / "config.toml")
    print(f"{folder}: step {step}, {found.accuracy:.1%} of {count} withheld sounds")


if __name__ == "__main__":
    main()
