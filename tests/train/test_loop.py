"""The loop: runs to its limit, logs every step, resumes to the same bits, also when it was killed, and stops when asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
import torch
from tests.train.runs import changed, noise_slices, small_config

from convscope.models import CheckpointError
from convscope.train import (
    TrainingError,
    Withheld,
    best_checkpoint,
    checkpoints,
    load_checkpoint,
    new_state,
    read_log,
    train,
)


def bits(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.safetensors"))}


def withheld(folder):
    slices = noise_slices(folder / "of", "all")
    return Withheld(slices, tuple(slices.cache.labels[row] for row in slices.labels))


@pytest.fixture
def whole(tmp_path):
    """A run of twelve steps without an interruption."""
    run = tmp_path / "whole"
    run.mkdir()
    ended = train(new_state(small_config(steps=12)), noise_slices(tmp_path), run, withheld=withheld(tmp_path))
    assert "all 12 steps" in ended
    return run


def test_a_run_ends_after_its_steps_with_a_complete_log(whole):
    log = read_log(whole)
    losses = [entry for entry in log if entry["kind"] == "losses"]
    assert [entry["step"] for entry in losses] == list(range(1, 13))
    for entry in losses:
        assert {"critic_loss", "wasserstein", "penalty", "generator_loss", "q_loss", "q_accuracy"} <= set(
            entry
        )
        assert all(np.isfinite(entry[name]) for name in ("critic_loss", "generator_loss", "q_loss"))
    assert [entry["step"] for entry in log if entry["kind"] == "evaluation"] == [5, 10, 12]
    assert [entry["step"] for entry in log if entry["kind"] == "checkpoint"] == [5, 10, 12]
    assert [log[0]["kind"], log[-1]["kind"]] == ["start", "end"]
    evaluation = next(entry for entry in log if entry["kind"] == "evaluation")
    assert np.sum(evaluation["counts"]) == 24
    assert list(checkpoints(whole)) == [5, 10, 12]


def test_only_the_last_checkpoints_and_the_best_are_kept(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    config = small_config(steps=8, save_every=1, evaluate_every=1, keep=2)
    train(new_state(config), noise_slices(tmp_path), run, withheld=withheld(tmp_path))
    accuracies = {e["step"]: e["accuracy"] for e in read_log(run) if e["kind"] == "evaluation"}
    best = best_checkpoint(run)
    assert best is not None
    assert best.accuracy == max(accuracies.values()) == accuracies[best.step]
    assert set(checkpoints(run)) == {7, 8, best.step}


def test_a_resumed_run_ends_in_the_same_bits(tmp_path, whole):
    run = tmp_path / "parts"
    run.mkdir()
    slices = noise_slices(tmp_path / "again")
    train(new_state(small_config(steps=5)), slices, run)
    state = load_checkpoint(checkpoints(run)[5], small_config(steps=12))
    assert state.step == 5
    train(state, slices, run, withheld=withheld(tmp_path))
    assert bits(checkpoints(run)[12]) == bits(checkpoints(whole)[12])
    losses = [entry for entry in read_log(run) if entry["kind"] == "losses"]
    assert [entry["step"] for entry in losses] == list(range(1, 13)), "each step once"


@pytest.mark.parametrize("update", ["after", "in_adam", "twice"])
def test_every_way_of_updating_q_resumes_to_the_same_bits(tmp_path, update):
    config = changed(small_config(steps=4, save_every=2), "loss", q_update=update)
    slices, ends = noise_slices(tmp_path), []
    for name, first in (("a", 4), ("b", 2)):
        run = tmp_path / name
        run.mkdir()
        train(new_state(changed(config, "run", steps=first)), slices, run)
        if first == 2:
            train(load_checkpoint(checkpoints(run)[2], config), slices, run)
        ends.append(bits(checkpoints(run)[4]))
    assert ends[0] == ends[1]


KILLED = """
    import sys
    from pathlib import Path
    from tests.train.runs import changed, noise_slices, small_config
    from convscope.train import checkpoints, load_checkpoint, new_state, train

    run = Path(sys.argv[1])
    config = small_config(steps=12, save_every=2)
    found = checkpoints(run)
    state = load_checkpoint(found[max(found)], config) if found else new_state(config)

    class Print:
        def losses(self, losses): print(losses.step, flush=True)
        def look(self, look): pass
        def saved(self, step, folder): pass

    train(state, noise_slices(run.parent / "data"), run, observers=[Print()])
"""


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_in_the_same_bits(tmp_path, whole):
    run = tmp_path / "killed"
    run.mkdir()
    script = tmp_path / "killed.py"
    script.write_text(textwrap.dedent(KILLED))
    generator = np.random.default_rng(0)
    kills = 0
    while True:
        process = subprocess.Popen(
            [sys.executable, str(script), str(run)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None
        for line, _ in enumerate(process.stdout):
            if kills < 3 and line == 2:
                time.sleep(generator.uniform(0, 0.2))  # also in the middle of writing a checkpoint
                process.kill()
                kills += 1
                break
        process.stdout.close()
        if process.wait() == 0:
            break
        assert process.returncode == -signal.SIGKILL
    assert kills == 3
    assert bits(checkpoints(run)[12]) == bits(checkpoints(whole)[12])
    losses = [entry["step"] for entry in read_log(run) if entry["kind"] == "losses"]
    assert losses == list(range(1, 13))


def test_an_interrupt_ends_it_after_a_whole_step_and_saves(tmp_path, whole):
    run = tmp_path / "run"
    run.mkdir()

    class Press:
        def losses(self, losses):
            if losses.step == 3:
                os.kill(os.getpid(), signal.SIGINT)

        def look(self, look):
            pass

        def saved(self, step, folder):
            pass

    slices = noise_slices(tmp_path / "again")
    before = signal.getsignal(signal.SIGINT)
    ended = train(new_state(small_config()), slices, run, observers=[Press()])
    assert ended == "it was interrupted"
    (last,) = checkpoints(run)
    assert last in (3, 4)
    train(load_checkpoint(checkpoints(run)[last], small_config(steps=12)), slices, run)
    assert bits(checkpoints(run)[12]) == bits(checkpoints(whole)[12])
    assert signal.getsignal(signal.SIGINT) is before


def test_hours_end_it(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    ended = train(new_state(small_config(hours=1e-6)), noise_slices(tmp_path), run)
    assert "hours are over" in ended
    assert list(checkpoints(run)) == [1]


def test_a_loss_that_is_not_finite_ends_it_with_an_error(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    state = new_state(small_config(steps=12))
    with torch.no_grad():
        state.critic.conv1.weight[0, 0, 0] = float("nan")
    with pytest.raises(TrainingError, match="critic_loss is not finite somewhere in steps 1 to 1"):
        train(state, noise_slices(tmp_path), run)
    assert not checkpoints(run)
    assert read_log(run)[-1]["kind"] == "end"


def test_no_thread_is_left_behind(whole):
    assert [thread.name for thread in threading.enumerate() if "feed" in thread.name] == []


def test_a_checkpoint_that_was_cut_off_or_is_of_other_networks_is_refused(whole):
    folder = checkpoints(whole)[12]
    other = changed(small_config(), "network", dim=5)
    with pytest.raises(CheckpointError, match="its generator is not the one"):
        load_checkpoint(folder, other)
    training = folder / "training.pt"
    training.write_bytes(training.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"training\.pt: damaged"):
        load_checkpoint(folder, small_config())
    (folder / "discriminator.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"expected discriminator\.safetensors"):
        load_checkpoint(folder, small_config())
