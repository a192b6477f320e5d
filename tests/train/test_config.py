"""Configurations: what comes with the package, what wins over what, and what is refused."""

from __future__ import annotations

import pytest

from convscope.train import Config, ConfigError, config_names, read_config, write_config

PUBLISHED = {  # of the papers: kind and size of the code, steps
    "ciwgan-8words": ("one_hot", 8, 121116),
    "fiwgan-8words": ("binary", 3, 20026),
    "fiwgan-timit": ("binary", 13, 179528),
    "fiwgan-librispeech": ("binary", 9, 61707),
    "ciwgan-reduplication": ("one_hot", 2, 15920),
    "wavegan-tv": ("none", 0, 12255),
    "fiwgan-codas": ("binary", 5, 99280),
}


def read(source, *changes, **environment):
    return read_config(source, changes, environment=environment)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models(name):
    config = read(name)
    assert (config.code.kind, config.code.size, config.run.steps) == PUBLISHED[name]
    assert config.name == name
    assert (config.loss.kind, config.loss.penalty, config.loss.critic_updates) == ("wgan-gp", 10, 5)
    assert (config.network.dim, config.network.latent_dim, config.run.batch_size) == (64, 100, 64)
    assert config.critic.rate == config.generator.rate == config.q.rate == 1e-4


@pytest.mark.parametrize("name", config_names())
def test_every_configuration_that_ships_can_be_read_and_written(tmp_path, name):
    config = read(name)
    write_config(config, tmp_path / "resolved.toml")
    assert read(tmp_path / "resolved.toml") == config


def test_the_ten_configurations_are_there():
    assert {*PUBLISHED, "wavegan", "ciwgan", "fiwgan", "debug", "words8"} == set(config_names())


def test_file_then_environment_then_command_line(tmp_path):
    (tmp_path / "base.toml").write_text(
        'base = "ciwgan"\n[run]\nseed = 1\nbatch_size = 8\n[code]\nsize = 5\n'
    )
    path = tmp_path / "mine.toml"
    path.write_text('base = "base.toml"\n[run]\nbatch_size = 16\nkeep = 2\n')
    config = read(path)
    assert (config.name, config.run.seed, config.run.batch_size, config.code.size) == ("mine", 1, 16, 5)
    environment = {"CONVSCOPE_TRAIN_RUN_BATCH_SIZE": "32", "CONVSCOPE_TRAIN_RUN_KEEP": "7", "PATH": "x"}
    config = read(path, "run.keep=9", "data.words=ask,wash", "network.batch_norm=true", **environment)
    assert (config.run.batch_size, config.run.keep) == (32, 9)
    assert config.data.words == ("ask", "wash")
    assert config.network.batch_norm is True
    assert config.run.seed == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["run.batchsize=3"], r"run\.batchsize: no such field; did you mean run\.batch_size"),
        (["run.batch_size=three"], r"run\.batch_size: expected a whole number, got 'three'"),
        (["run.batch_size=0"], r"run\.batch_size: expected at least 1, got 0"),
        (["network.batch_norm=maybe"], r"network\.batch_norm: expected true or false, got 'maybe'"),
        (["loss.kind=gan"], r"loss\.kind: expected 'wgan-gp' or 'wgan' or 'lsgan' or 'dcgan', got 'gan'"),
        (["run.batch_size"], r"run\.batch_size: expected TABLE\.FIELD=VALUE"),
        (["code.size=0"], r"code\.size: expected what fits kind='one_hot', got 0"),
        (["code.size=101"], r"network: num_categories: expected at most latent_dim=100"),
        (["network.dialect=tf2"], r"network: name: there is no preset 'tf2'"),
        (["network.strides=4,x"], r"network\.strides: expected a list separated by commas, got '4,x'"),
        (["data.rates_wpm=180"], r"data\.rates_wpm: expected the slowest and the fastest, got \(180,\)"),
        (["data.withheld=1"], r"data\.withheld: expected a part from 0 to below 1"),
        (["network.slice_len=1000"], r"network: slice_len: expected one of \(16384, 32768, 65536\)"),
    ],
)
def test_wrong_changes_are_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        read("ciwgan", *changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[run]\nsed = 1\n", r"run\.sed: no such field; did you mean seed"),
        ("run = 3\n", r"run: expected a table, got 3"),
        ("[run]\nseed = 1.5\n", r"run\.seed: expected a whole number, got 1\.5"),
        ("[run]\nseed = true\n", r"run\.seed: expected a whole number, got True"),
        ("[data]\nwords = [1]\n", r"data\.words: expected a list of words"),
        ("[run\n", r"mine\.toml: Expected"),
        ('base = "mine.toml"\n', r"at most 10 bases"),
        ('base = "nothing"\n', r"nothing: no such configuration"),
    ],
)
def test_wrong_files_are_named(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read(path)


def test_a_missing_file_an_unknown_name_and_an_unknown_variable(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="ciwgan-8word: no such configuration; did you mean ciwgan-8words"):
        read("ciwgan-8word")
    with pytest.raises(
        ConfigError, match="CONVSCOPE_TRAIN_RUN_SED: no such field; did you mean CONVSCOPE_TRAIN_RUN_SEED"
    ):
        read("ciwgan", CONVSCOPE_TRAIN_RUN_SED="1")


def test_a_configuration_is_frozen():
    with pytest.raises(AttributeError):
        Config().run = None
