"""`convscope train`, `evaluate`, `generate` and `invert`: from sounds to networks and back, on networks of a few thousand weights."""

from __future__ import annotations

import json
import shutil

import matplotlib.image
import numpy as np
import pytest

import convscope as cs
from convscope.cli import _train

TINY = """
[network]
dialect = "tf1-ciwgan"
strides = [4, 4]
dim = 4
kernel_len = 9
latent_dim = 8
sample_rate_hz = 4000

[code]
kind = "one_hot"
size = 2

[run]
batch_size = 4
steps = 4
save_every = 2
evaluate_every = 2
log_every = 1
threads = 1
"""


@pytest.fixture
def sounds(folder):
    generator = np.random.default_rng(0)
    for label, hz in (("low", 100), ("high", 700)):
        (folder / "rec" / label).mkdir(parents=True)
        for i in range(10):
            times_s = np.arange(1000) / 4000
            sound = 0.5 * np.sin(2 * np.pi * hz * times_s + generator.uniform(0, 6))
            cs.data.write_sound(folder / "rec" / label / f"{i}.wav", sound, 4000)
    return folder / "rec"


@pytest.fixture
def config(folder):
    (folder / "tiny.toml").write_text(TINY)
    return folder / "tiny.toml"


@pytest.fixture
def run(convscope, config, sounds):
    (sounds / "low" / "broken.wav").write_bytes(b"no sound")
    result = convscope("train", "tiny.toml", "--data", "rec", "--out", "run")
    assert result.exit_code == 0, result.stderr
    return result


def test_a_run_writes_what_it_promises(run, folder):
    out = folder / "run"
    assert "run: all 4 steps are done; step 4" in run.stdout
    assert "sounds to train on" in run.stderr
    assert "low/broken.wav: " in run.stderr, "what was left out is named"
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == [
        "best.json",
        "step-00000002",
        "step-00000004",
    ]
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log if entry["kind"] == "losses"] == [1, 2, 3, 4]
    assert cs.train.read_config(out / "config.toml").network.strides == (4, 4)
    assert list((out / "tensorboard").glob("events*"))
    sound = cs.data.read_sound(out / "previews" / "step-00000004.wav")
    assert sound.sample_rate_hz == 4000
    assert sound.samples.size == 8 * (256 + 1000)
    for name in ("step-00000004.png", "step-00000004-codes.png"):
        assert matplotlib.image.imread(out / "previews" / name).std() > 0.05


def test_a_run_goes_on_and_refuses_what_would_change_it(run, convscope, folder):
    result = convscope("train", "tiny.toml", "--data", "rec", "--out", "run")
    assert result.exit_code == 2
    assert "run holds a run at step 4; --resume goes on with it" in result.stderr
    result = convscope(
        "train", "tiny.toml", "--out", "run", "--resume", "--set", "run.seed=5", "--set", "network.dim=3"
    )
    assert result.exit_code == 2
    assert "network.dim was 4 and is 3; run.seed was 0 and is 5" in result.stderr
    result = convscope("train", "--out", "run", "--resume", "--steps", 6)
    assert result.exit_code == 0, result.stderr
    assert "all 6 steps are done; step 6" in result.stdout
    whole = convscope("train", "tiny.toml", "--data", "rec", "--out", "whole", "--steps", 6)
    assert whole.exit_code == 0
    last = "checkpoints/step-00000006/generator.safetensors"
    assert (folder / "run" / last).read_bytes() == (folder / "whole" / last).read_bytes()


def test_a_cache_of_another_run_is_used_as_it_is(run, convscope, folder, sounds):
    shutil.rmtree(sounds)
    result = convscope("train", "tiny.toml", "--data", "run/sounds", "--out", "second", "--steps", 1)
    assert result.exit_code == 0, result.stderr
    assert not (folder / "second" / "sounds").exists()
    result = convscope("train", "--resume", "--data", "run/sounds", "--out", "second", "--steps", 2)
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "CONFIG: expected the name of a configuration"),
        (("tiny.tml",), "tiny.tml: no such configuration"),
        (("tiny.toml",), "--data: expected where the sounds are"),
        (("tiny.toml", "--data", "nothing"), "there is nothing at nothing"),
        (("tiny.toml", "--data", "empty"), "found none"),
        (("tiny.toml", "--data", "rec", "--set", "data.words=mid"), "no item has the labels ['mid']"),
        (
            ("tiny.toml", "--data", "rec", "--set", "data.sequences=TV"),
            "data.sequences: expected TIMIT at rec, got Folder",
        ),
        (("--resume",), "--resume: there is no run in run"),
    ],
)
def test_misuse_is_one_line(convscope, config, sounds, folder, arguments, message):
    (folder / "empty").mkdir()
    result = convscope("train", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_without_the_extra_it_says_what_to_install(convscope, config, monkeypatch):
    monkeypatch.setattr(_train.importlib.util, "find_spec", lambda name: None if name == "scipy" else name)
    result = convscope("train", "tiny.toml", "--data", "rec")
    assert result.exit_code == 2
    assert 'training needs scipy: pip install "convscope[train]"' in result.stderr


def test_configurations_are_listed_and_shown(convscope):
    assert convscope("train", "--list").stdout.split() == list(cs.train.config_names())
    shown = convscope("train", "ciwgan-8words", "--set", "run.seed=9", "--show").stdout
    assert "seed = 9" in shown
    assert 'words = ["ask", "dark"' in shown


def test_evaluate_prints_the_table_and_both_rates(run, convscope, folder):
    net = "run/checkpoints/step-00000004:q_network"
    result = convscope("evaluate", net, "--data", "rec", "--picture", "codes.png")
    assert result.exit_code == 0, result.stderr
    assert "of 20 sounds named rightly, one code for each word (by chance" in result.stdout
    assert result.stdout.splitlines()[0].split() == ["word", "code", "right", "c0", "c1"]
    assert matplotlib.image.imread(folder / "codes.png").std() > 0.02
    answer = json.loads(convscope("evaluate", net, "--data", "rec", "--json").stdout)
    assert np.sum(answer["counts"]) == answer["sounds"] == 20
    hits = sum(answer["counts"][answer["words"].index(w)][int(c)] for w, c in answer["assigned"].items())
    assert answer["accuracy"] == pytest.approx(hits / 20)
    assert "synthetic words" not in result.stdout
    result = convscope("evaluate", "run/checkpoints/step-00000004:generator", "--data", "rec")
    assert result.exit_code == 2
    assert "NET: expected a Q-network" in result.stderr


def test_generate_writes_sounds_and_their_latents(run, convscope, folder):
    net = "run/checkpoints/step-00000004:generator"
    assert convscope("generate", net, "-n", 5, "-o", "made", "--seed", 3).exit_code == 0
    vectors = np.load(folder / "made" / "latents.npy")
    expected = cs.latents.random(5, size=8, code=cs.latents.OneHot(2), seed=3)[:]
    np.testing.assert_array_equal(vectors, expected)
    table = np.genfromtxt(folder / "made" / "latents.csv", delimiter=",", skip_header=1)
    np.testing.assert_array_equal(table[:, 2:].astype(np.float32), expected)
    generator = cs.models.load(folder / "run/checkpoints/step-00000004")["generator"]
    sound = cs.data.read_sound(folder / "made" / "3.wav")
    np.testing.assert_allclose(sound.samples, cs.fast_probe(generator, expected)["out"][3], atol=1 / 32768)
    assert convscope("generate", net, "-n", 1, "--first", 3, "-o", "later", "--seed", 3).exit_code == 0
    np.testing.assert_array_equal(np.load(folder / "later" / "latents.npy")[0], expected[3])
    assert convscope("generate", net, "-n", 1, "--code", "0,7.5", "-o", "far").exit_code == 0
    assert np.load(folder / "far" / "latents.npy")[0, :2].tolist() == [0, 7.5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--code", "1,x"), "--code: expected one_hot, binary, none, or values"),
        (("--code", "1,2,3,4,5,6,7,8,9"), "--code: code: expected at most size=8 entries, got 9"),
        (("-o", "run"), "--out: run exists already"),
    ],
)
def test_generate_refuses(run, convscope, arguments, message):
    result = convscope("generate", "run/checkpoints/step-00000004:generator", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_invert_writes_what_it_found(run, convscope, folder):
    net = "run/checkpoints/step-00000004:generator"
    assert convscope("generate", net, "-n", 1, "-o", "made").exit_code == 0
    result = convscope("invert", net, "made/0.wav", "--restarts", 2, "--steps", 5, "-o", "found")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[1].split()[0] == "0.wav"
    assert np.load(folder / "found" / "latents.npy").shape == (1, 8)
    assert (folder / "found" / "0-0.wav").exists()
    result = convscope("invert", "run/checkpoints/step-00000004:q_network", "made/0.wav")
    assert result.exit_code == 2
    assert "NET: expected a generator" in result.stderr


@pytest.mark.slow
def test_the_debug_run_on_spoken_digits(convscope, folder, shared_data):
    result = convscope(
        "train",
        "debug",
        "--data",
        shared_data / "spoken_digits" / "recordings",
        "--out",
        "run",
        "--steps",
        6,
        "--set",
        r"data.label=^(\d)_",
        "--set",
        "code.size=10",
    )
    assert result.exit_code == 0, result.stderr
    log = [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log if entry["kind"] == "losses"] == list(range(1, 7))
    evaluation = next(entry for entry in log if entry["kind"] == "evaluation")
    assert evaluation["words"] == [str(digit) for digit in range(10)]
    assert convscope("train", "--resume", "--out", "run", "--steps", 8).exit_code == 0


@pytest.mark.slow
def test_the_debug_run_on_synthetic_words(convscope, folder):
    pytest.importorskip(
        "espeakng_loader", reason="espeakng-loader (the extra convscope[speech]) is not installed"
    )
    changes = (
        "--set",
        "data.tokens_per_word=6",
        "--set",
        "data.rates_wpm=170,190",
        "--set",
        "data.voices=en-us,en-us+m3",
        "--set",
        "run.evaluate_every=4",
        "--set",
        "run.save_every=4",
    )
    result = convscope("train", "debug", "--data", "words", "--out", "run", "--steps", 4, *changes)
    assert result.exit_code == 0, result.stderr
    assert convscope("train", "--resume", "--out", "run", "--steps", 8).exit_code == 0
    log = [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log if entry["kind"] == "losses"] == list(range(1, 9))
    assert [entry["step"] for entry in log if entry["kind"] == "checkpoint"] == [4, 8]
    assert log[-1] == log[-1] | {"kind": "end", "step": 8, "why": "all 8 steps are done"}
    evaluation = [entry for entry in log if entry["kind"] == "evaluation"][-1]
    assert evaluation["words"] == sorted(cs.data.WORDS)
    heard = convscope("evaluate", "run/checkpoints/step-00000008:q_network", "--tokens-per-word", 2)
    assert "of 16 sounds named rightly" in heard.stdout
    assert (
        "synthetic words by en-us, en-us+m3 at 170 to 190 words per minute, none of them heard in training"
        in heard.stdout
    )
