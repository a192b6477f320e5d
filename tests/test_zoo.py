"""The networks that come with the package: small, whole, and as good as they say."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import convscope as cs
from convscope.cli import app


def test_words8_is_a_ciwgan_of_under_ten_megabytes(repository):
    networks = cs.zoo.load("words8")
    assert set(networks) == {"generator", "discriminator", "q_network"}
    assert {network.spec.slice_len for network in networks.values()} == {4096}
    assert not any(network.training for network in networks.values())
    folder = repository / "python" / "convscope" / "zoo" / "words8"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 10e6


def test_its_recipe_and_log_are_there(repository):
    folder = repository / "python" / "convscope" / "zoo" / "words8"
    config = cs.train.read_config(folder / "config.toml", environment={})
    networks = cs.zoo.load("words8")
    for role in config.roles:
        assert networks[role].spec == config.spec(role)
    log = cs.zoo.log("words8")
    last = log[-1]["step"]
    losses = [entry["step"] for entry in log if entry["kind"] == "losses"]
    assert losses == list(range(10, last + 1, 10))
    evaluations = [entry for entry in log if entry["kind"] == "evaluation" and entry["step"] == last]
    assert evaluations, "the step that ships was evaluated"


def test_every_word_has_a_class_of_its_own():
    words = cs.zoo.words("words8")
    assert set(words) == set(cs.data.WORDS)
    assert sorted(words.values()) == list(range(8))


def test_an_unknown_network_is_named():
    with pytest.raises(ValueError, match="there is no network 'words9'; did you mean words8"):
        cs.zoo.load("words9")


def test_its_sounds_are_neither_silent_nor_alike():
    generator = cs.zoo.load("words8")["generator"]
    z = cs.latents.random(64, size=generator.spec.in_channels, code=cs.latents.OneHot(8), seed=5)
    sounds = np.asarray(cs.fast_probe(generator, z[:])["out"])
    assert 0.02 < np.sqrt(np.mean(sounds**2)) < 0.5
    own = sounds - sounds.mean(axis=0)
    assert np.sqrt(np.mean(own**2) / np.mean(sounds**2)) > 0.5


def test_a_code_makes_more_of_a_sound_than_the_other_variables():
    generator = cs.zoo.load("words8")["generator"]
    z = cs.latents.random(64, size=generator.spec.in_channels, code=cs.latents.OneHot(8), seed=5)[:]
    alike = np.abs(np.corrcoef(np.asarray(cs.fast_probe(generator, z)["out"])))
    same_code = z[:, :8] @ z[:, :8].T > 0.5
    others = ~np.eye(64, dtype=bool)
    assert alike[same_code & others].mean() > alike[~same_code].mean() + 0.2


def test_its_q_network_names_at_least_sixty_percent_of_400_withheld_words():
    pytest.importorskip(
        "espeakng_loader", reason="espeakng-loader (the extra convscope[speech]) is not installed"
    )
    result = CliRunner().invoke(app, ["evaluate", "words8:q_network", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["sounds"] == 400
    assert len(found["words"]) == len(found["codes"]) == 8
    assert found["accuracy"] >= 0.6


def test_its_words_are_of_its_domain_and_new_to_it():
    pytest.importorskip("espeakng_loader", reason="espeak-ng is not installed (extra speech)")
    heard = cs.zoo.corpus("words8", tokens_per_word=8)
    assert heard.waveforms.shape == (64, 4096)
    assert heard.sample_rate_hz == 5000
    known = cs.zoo.words("words8")
    codes = np.asarray(cs.fast_probe(cs.zoo.load("words8")["q_network"], heard.waveforms)["logits"]).argmax(1)
    right = np.mean(codes == [known[word] for word in heard.words])
    assert right > 0.7, "as on any withheld words; 0.42 on words by all voices at all rates"
    again = cs.zoo.corpus("words8", tokens_per_word=8)
    assert again.sha256 == heard.sha256
