"""`convscope demo` from end to end, small."""

from __future__ import annotations

import re

import matplotlib.image
import numpy as np
import pytest
import xarray

import convscope as cs
from convscope.data import WORDS

FILES = ["generated", "generated.png", "interpolation.nc", "waterfall.png", "word.png", "words", "words.nc"]
SEED = 2_000_003 + 4  # of the words


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The demo, run once for the module, and where it wrote."""
    pytest.importorskip(
        "espeakng_loader", reason="espeakng-loader (the extra convscope[speech]) is not installed"
    )
    from typer.testing import CliRunner

    from convscope.cli import app

    out = tmp_path_factory.mktemp("demo") / "new" / "demo"
    arguments = ["demo", "--out", str(out), "--tokens-per-word", "2", "--seed", "4"]
    return CliRunner().invoke(app, arguments), out


def test_it_succeeds_and_writes_the_named_files(ran):
    result, out = ran
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == FILES
    for name in ("generated.png", "interpolation.nc", "waterfall.png", "word.png", "words.nc"):
        assert str(out / name) in result.stdout


def corpus_of(seed=SEED):
    spoken = cs.train.read_config(cs.zoo.recipe("words8"), environment={}).data
    return cs.data.synthesise_words(
        tokens_per_word=2,
        voices=spoken.voices,
        rates_wpm=spoken.rates_wpm,
        seed=seed,
        unlike=(0, spoken.tokens_per_word),
        sample_rate_hz=5000,
        slice_len=5120,
    )


def test_it_says_how_many_words_are_named_rightly(ran):
    logits = cs.fast_probe(cs.zoo.load("words8")["q_network"], corpus_of().waveforms[:, :4096])["logits"]
    classes = cs.zoo.words("words8")
    right = [
        classes[token.word] == row.argmax() for token, row in zip(corpus_of().tokens, logits, strict=True)
    ]
    assert f"{np.mean(right):.0%} of 16 words named rightly" in ran[0].stdout
    rows = {line.split()[0]: line for line in ran[0].stdout.splitlines()[1:9]}
    for i, word in enumerate(WORDS):
        assert f"{sum(right[2 * i : 2 * i + 2])} of 2" in rows[word]


def test_it_ends_with_measured_speeds(ran):
    lines = ran[0].stdout.splitlines()
    assert re.fullmatch(
        r" *\d+ samples/s +words8:q_network \(16 samples, median of \d+ runs on .+\)", lines[-3]
    )
    assert re.fullmatch(
        r" *\d+ samples/s +words8:generator \(13 samples, median of \d+ runs on .+\)", lines[-2]
    )
    assert re.fullmatch(r"[\d.]+ s in all", lines[-1])


@pytest.fixture
def quick(monkeypatch):
    """Time the networks once over, not for a second."""
    monkeypatch.setattr("convscope.cli._demo_runs.TIMED_S", 0.0)


def test_errors_beyond_the_promise_are_a_failure(convscope, monkeypatch, quick):
    pytest.importorskip(
        "espeakng_loader", reason="espeakng-loader (the extra convscope[speech]) is not installed"
    )
    monkeypatch.setattr("convscope.cli._demo.is_beyond", lambda row, limit: row.layer == "conv2")
    result = convscope("demo", "--tokens-per-word", 1)
    assert result.exit_code == 1
    assert result.stderr == "convscope: errors are beyond 3 times PyTorch's in conv2, conv2\n"


def test_it_shows_the_errors_of_both_networks(ran):
    rows = [line.split()[0] for line in ran[0].stdout.splitlines() if re.search(r"\de-\d\d +\d+\.\d\d", line)]
    convs = [f"conv{i}" for i in range(1, 5)]
    assert rows == [*convs, "logits", "fc", *convs[:3], "out"]


def test_the_words_are_the_corpus_through_the_network(ran):
    corpus = corpus_of()
    expected = cs.fast_probe(cs.zoo.load("words8")["q_network"], corpus.waveforms[:, :4096])
    with xarray.open_dataset(ran[1] / "words.nc", engine="h5netcdf") as dataset:
        for name in expected:
            np.testing.assert_array_equal(dataset[name], expected[name])
        assert dataset["word"].to_numpy().tolist() == [word for word in WORDS for _ in range(2)]
        assert set(dataset["named"].to_numpy().tolist()) <= set(WORDS)
        assert dataset.attrs["corpus_sha256"] == corpus.sha256
        token, row = corpus.tokens[4], dataset.isel(sample=4)
        count = len(token.phones)
        assert row["phone_label"].to_numpy().tolist()[:count] == [phone.label for phone in token.phones]
        assert row["phone_end"].to_numpy()[:count].tolist() == [phone.end_s for phone in token.phones]
        assert np.isnan(row["phone_end"].to_numpy()[count:]).all()


def test_the_interpolation_moves_one_code(ran):
    values = np.arange(0, 3.1, 0.25)
    generator = cs.zoo.load("words8")["generator"]
    z = np.repeat(cs.latents.random(1, size=generator.spec.in_channels, seed=4)[:], len(values), axis=0)
    z[:, :8] = 0
    z[:, cs.zoo.words("words8")["greasy"]] = values
    with xarray.open_dataset(ran[1] / "interpolation.nc", engine="h5netcdf") as dataset:
        np.testing.assert_array_equal(dataset["code"], values)
        assert dataset["out"].shape == (13, 4096)
        np.testing.assert_array_equal(dataset["conv3"], cs.fast_probe(generator, z)["conv3"])


def test_the_generator_says_a_word_for_each_code(ran):
    generator = cs.zoo.load("words8")["generator"]
    z = cs.latents.random(1, size=generator.spec.in_channels, seed=4)[:]
    z[:, :8] = 0
    z[:, cs.zoo.words("words8")["wash"]] = 1
    assert sorted(path.stem for path in (ran[1] / "generated").iterdir()) == sorted(WORDS)
    sound = cs.data.read_sound(ran[1] / "generated" / "wash.wav")
    np.testing.assert_allclose(sound.samples, cs.fast_probe(generator, z)["out"][0], atol=1 / 32768)


@pytest.mark.parametrize("name", ["word.png", "waterfall.png", "generated.png"])
def test_the_pictures_are_pictures(ran, name):
    picture = matplotlib.image.imread(ran[1] / name)  # (height, width, 4)
    assert min(picture.shape[:2]) > 800
    assert picture[..., :3].std() > 0.05


def test_a_word_of_each_kind_can_be_heard(ran):
    corpus = corpus_of()
    assert sorted(path.stem for path in (ran[1] / "words").iterdir()) == sorted(WORDS)
    sound = cs.data.read_sound(ran[1] / "words" / "greasy.wav")
    assert (sound.sample_rate_hz, sound.samples.size) == (5000, corpus.tokens[4].length)
    np.testing.assert_allclose(sound.samples, corpus.waveforms[4, : sound.samples.size], atol=1e-4)


def test_another_run_replaces_only_its_own_files(ran, convscope, quick):
    out = ran[1]
    (out / "mine.txt").write_text("precious")
    (out / "word.png").write_text("old")
    assert convscope("demo", "--out", out, "--tokens-per-word", 1).exit_code == 0
    assert (out / "mine.txt").read_text() == "precious"
    assert (out / "word.png").read_bytes().startswith(b"\x89PNG")
    (out / "mine.txt").unlink()


def test_without_the_synthesiser_it_says_what_to_install(convscope, folder, monkeypatch):
    monkeypatch.setattr("convscope.data._espeak.importlib.util.find_spec", lambda name: None)
    result = convscope("demo")
    assert result.exit_code == 1
    assert result.stderr.endswith('pip install "convscope[speech]"\n')
    assert list(folder.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_misuse(convscope, folder):
    (folder / "demo").write_text("precious")
    result = convscope("demo")
    assert result.exit_code == 2
    assert "expected a folder, got a file: demo" in result.stderr
    assert (folder / "demo").read_text() == "precious"
