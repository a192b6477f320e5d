"""`convscope reproduce`: each protocol to its report, and what it refuses before any work."""

from __future__ import annotations

import json

import numpy as np
import pytest

from convscope import data

pytest.importorskip("parselmouth", reason="Praat (the extra convscope[acoustics]) is not installed")


@pytest.fixture
def spoken(folder):
    """Two words of two speakers, two tokens each: a tone that comes early or late."""
    rng = np.random.default_rng(0)
    time_s = np.arange(4096) / 5000
    (folder / "rec").mkdir()
    for word, onset_s in (("one", 0.1), ("two", 0.4)):
        for speaker in ("ann", "bob"):
            for index in range(3):
                inside = (time_s > onset_s) & (time_s < onset_s + 0.2)
                sound = np.sin(2 * np.pi * rng.uniform(100, 130) * time_s) * inside + rng.normal(
                    0, 0.01, 4096
                )
                data.write_sound(folder / "rec" / f"{word}_{speaker}_{index}.wav", 0.5 * sound, 5000)
    return folder / "rec"


def test_icassp_on_recordings_whose_names_tell_word_and_speaker(convscope, folder, spoken):
    result = convscope(
        "reproduce", "icassp", "--net", "words8:q_network", "--data", spoken, "--label", r"^(\w+?)_",
        "--speaker", r"^\w+?_(\w+?)_", "--tokens-per-word", 5, "--rho", 0.3, "--out", "study",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "Words differ in the last convolutional layer (conv4)" in result.stdout
    assert "left out: [s] and" in result.stderr
    saved = json.loads((folder / "study" / "study.json").read_text())
    assert saved["settings"]["sounds"] == 10
    assert saved["settings"]["speakers"] == 2
    assert (folder / "study" / "report.html").exists()


def test_taslp(convscope, folder):
    result = convscope(
        "reproduce", "taslp", "--net", "words8:generator", "--outputs", 24, "--bases", 8, "--values", "-2:2:3",
        "--variable", "z9", "--copies", 0, "--out", "study", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    said = json.loads(result.stdout)
    assert said["settings"]["which"] == "z9"
    assert any("intensity" in each["claim"] for each in said["findings"])
    assert (folder / "study" / "figures" / "waterfall.svg").exists()


def test_cdev(convscope, folder):
    result = convscope(
        "reproduce", "cdev", "--net", "words8:generator", "--variable", "z0", "--variable", "z9", "--bases", 10,
        "--values", "-1:1:3", "--out", "study",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "Single latent variables have causal effects" in result.stdout
    assert (folder / "study" / "tables" / "tests.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("icassp", "--net", "words8:generator"), "--net: expected a q-network, got words8:generator"),
        (("taslp", "--net", "words8:q_network"), "--net: expected a generator, got words8:q_network"),
        (("cdev", "--net", "words8:generator", "--values", "1"), "--values: expected FROM:TO:STEPS such as -3:3:7"),
        (("cdev", "--net", "words8:generator", "--values", "1:3:3"), "the baseline 0 among them"),
        (("cdev", "--net", "words8:generator", "--variable", "z99"), "variable: expected z0 to z11, got 'z99'"),
        (("cdev", "--net", "words8:generator", "--f0", "75"), "--f0: expected FLOOR-CEILING such as 75-450"),
        (("cdev", "--net", "words8:generator", "--f0", "450-75"), "--f0: floor_hz, ceiling_hz"),
        (("icassp", "--net", "words8:q_network", "--rho", "x"), "--rho: expected a number, reml or acf, got 'x'"),
        (("icassp", "--net", "words8:q_network", "--data", "nowhere"), "there is nothing at nowhere"),
        (("icassp", "--net", "words8:q_network", "--code", "three"), "--code: expected one-hot or binary"),
        (("icassp", "--net", "words8:q_network", "--label", "(.)"), "--label: for folders of sounds"),
        (("icassp", "--net", "words8:q_network", "--fricative", "s=s"), "--fricative: expected two of the form NAME=REGEX, got 's=s'"),
        (("icassp", "--net", "words8:q_network", "--fricative", "s=s", "--fricative", "z=("), "--fricative: expected a regular expression, got '('"),
    ],
)  # fmt: skip
def test_what_cannot_be(convscope, folder, arguments, message):
    if arguments[0] == "icassp":
        pytest.importorskip(
            "espeakng_loader", reason="espeakng-loader (the extra convscope[speech]) is not installed"
        )
    result = convscope(
        "reproduce",
        *arguments,
        "--out",
        "study",
        *(["--tokens-per-word", 2] if arguments[0] == "icassp" else []),
    )
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (folder / "study").exists()


def test_fricatives_may_be_named(convscope, folder):
    pytest.importorskip(
        "espeakng_loader", reason="espeakng-loader (the extra convscope[speech]) is not installed"
    )
    result = convscope(
        "reproduce", "icassp", "--net", "words8:q_network", "--tokens-per-word", 4, "--fricative", "vowel='?[aeI].*",
        "--fricative", "stop=[tk]", "--out", "study",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "Layers tell [vowel] and [stop] apart" in result.stdout


def test_a_folder_that_is_there_is_refused_at_once(convscope, folder):
    (folder / "study").mkdir()
    result = convscope("reproduce", "cdev", "--net", "words8:generator", "--out", "study")
    assert result.exit_code == 2
    assert "--out: expected a new folder, study is there already; --force replaces it" in result.stderr


def test_speakers_that_names_do_not_tell(convscope, spoken):
    result = convscope(
        "reproduce", "icassp", "--net", "words8:q_network", "--data", spoken, "--label", r"^(\w+?)_", "--speaker",
        r"(\d\d)", "--out", "study",
    )  # fmt: skip
    assert result.exit_code == 2
    assert "--speaker: expected a group that matches in each name" in result.stderr
