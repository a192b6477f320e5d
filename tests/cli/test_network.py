"""NET: presets with settings, and functions in a file, seen through `convscope layers`."""

from __future__ import annotations

import json
import sys

import pytest

import convscope as cs
from convscope.cli._net_folder import recipe_of

OWN = """
from dataclasses import dataclass
from torch import nn
from neighbour import CHANNELS

@dataclass
class Size:
    count: int = CHANNELS

def make():
    return nn.Sequential(nn.Conv1d(1, Size().count, 9, 4, 4), nn.ReLU())

def make_linear():
    return nn.Sequential(nn.Linear(7, 32), nn.ReLU())

def make_number():
    return 3

def broken():
    raise RuntimeError("no weights here")
"""


@pytest.fixture
def own(folder):
    (folder / "neighbour.py").write_text("CHANNELS = 5\n")
    (folder / "own.py").write_text(OWN)
    return folder / "own.py"


def test_the_table_is_the_networks(convscope):
    result = convscope("layers", "tf1-ciwgan:q_network:num_categories=8")
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].split()[:4] == ["layer", "kind", "channels", "positions"]
    assert lines[1].split() == ["conv1", "conv", "64", "4096", "4000", "1.562", "leaky_relu(0.2)"]
    assert lines[6].split() == ["logits", "dense", "8", "-", "-", "-", "identity"]


def test_json_has_every_layer_with_its_clock(convscope):
    layers = json.loads(convscope("layers", "tf1-ciwgan:generator:dim=2", "--json").stdout)
    net = cs.models.build(cs.models.preset("tf1-ciwgan", role="generator", dim=2))
    for layer, info in zip(layers, cs.Probe(net).layers, strict=True):
        assert (layer["name"], layer["channels"], layer["positions"]) == (
            info.name,
            info.channels,
            info.length,
        )
        assert layer["rate_hz"] == info.rate_hz
        assert layer["field_samples"]["length"] == info.field.length


def test_json_has_null_where_there_is_no_clock(convscope):
    layers = json.loads(convscope("layers", "tf1-ciwgan:d:dim=2", "--json").stdout)
    assert layers[-1]["name"] == "logits"
    assert layers[-1]["rate_hz"] is layers[-1]["field_samples"] is None


def test_settings_reach_the_preset(convscope):
    text = "torch-atzhou8-2025a:generator:dim=3,slice_len=65536,batch_norm=true,upsample=nearest"
    layers = json.loads(convscope("layers", text, "--json").stdout)
    assert layers[0]["channels"] == 96
    assert layers[-1]["positions"] == 65536
    assert {layer["kind"] for layer in layers[1:]} == {"upsampled conv"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tf1-ciwgam:generator", "Did you mean tf1-ciwgan"),
        ("tf1-ciwgan", "expected PRESET:ROLE"),
        ("tf1-ciwgan:generater", "role: expected generator, discriminator or q_network, got 'generater'"),
        ("tf1-ciwgan:generator:dims=4", "there is no setting 'dims'; did you mean dim"),
        ("tf1-ciwgan:generator:dim", "expected SETTING=VALUE, got 'dim'"),
        ("tf1-ciwgan:generator:dim=four", "dim: expected a whole number, got 'four'"),
        ("tf1-ciwgan:generator:dim=0", "dim: expected at least 1, got 0"),
        ("tf1-ciwgan:generator:batch_norm=maybe", "batch_norm: expected true or false, got 'maybe'"),
        ("tf1-ciwgan:generator:seed=-1", "seed: expected a number of at least 0, got -1"),
        ("tf1-ciwgan:q_network", "num_categories: expected at least 1"),
        ("tf1-ciwgan:q_network", "; for example tf1-ciwgan:q_network:num_categories=8\n"),
        ("tf1-ciwgan:q_network:dim=4", "; for example tf1-ciwgan:q_network:dim=4,num_categories=8\n"),
        ("tf1-ciwgan:q_network:num_categories=0", "; for example tf1-ciwgan:q_network:num_categories=8\n"),
        ("own.py", "expected FILE.py:FUNCTION, got 'own.py'"),
        ("owm.py:make", "no such file: owm.py; did you mean own.py"),
        ("own.py:maek", "no function 'maek'; did you mean make"),
        ("own.py:make_number", "to return a torch.nn.Module, got int"),
        ("own.py:make", "the network does not tell its input shape: add --input-shape 1,16384\n"),
    ],
)
def test_what_does_not_exist_is_named_with_what_does(convscope, own, text, message):
    result = convscope("layers", text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_file_of_ones_own_is_run_beside_its_neighbours(convscope, own):
    path = list(sys.path)
    result = convscope("layers", f"{own}:make", "--input-shape", "1,16384", "--sample-rate", "8000", "--json")
    assert [(layer["channels"], layer["positions"]) for layer in json.loads(result.stdout)] == [(5, 4096)]
    assert json.loads(result.stdout)[0]["sample_rate_hz"] == 8000
    assert sys.path == path


def test_a_first_linear_layer_tells_the_input(convscope, own):
    assert convscope("layers", "own.py:make_linear").exit_code == 0


@pytest.mark.parametrize("text", ["own.py:broken", "syntax.py:make"])
def test_a_file_that_fails_is_a_failure_that_names_it(convscope, own, folder, text):
    (folder / "syntax.py").write_text("def make(:\n")
    result = convscope("layers", text)
    assert result.exit_code == 1
    assert f"{text.partition(':')[0]}" in result.stderr
    assert "RuntimeError: no weights here" in result.stderr or "SyntaxError" in result.stderr


@pytest.mark.parametrize("shape", ["0", "1,", "a", "1,-5"])
def test_an_input_shape_is_whole_numbers(convscope, own, shape):
    result = convscope("layers", "own.py:make", f"--input-shape={shape}")
    assert result.exit_code == 2
    assert "--input-shape: expected whole numbers" in result.stderr


def test_a_preset_knows_its_input(convscope):
    result = convscope("layers", "tf1-ciwgan:generator", "--input-shape", "100")
    assert result.exit_code == 2
    assert "FILE.py:FUNCTION" in result.stderr


def test_a_folder_called_like_a_network_of_the_zoo_needs_its_dot(convscope, folder):
    (folder / "words8").mkdir()
    assert convscope("layers", "words8:q_network").exit_code == 0
    result = convscope("layers", "./words8:q_network")
    assert result.exit_code == 1
    assert "words8: expected a folder with .safetensors files" in result.stderr


def test_the_recipe_is_beside_a_network_or_in_its_run(folder):
    step = folder / "run" / "checkpoints" / "step-00000004"
    cs.models.save(
        {"generator": cs.models.build(cs.models.preset("tf1-wavegan", role="generator", dim=2))}, step
    )
    assert recipe_of("run/checkpoints/step-00000004") is None
    (folder / "run" / "config.toml").write_text("")
    for text in ("run/checkpoints/step-00000004", "run/checkpoints/step-00000004:generator"):
        assert recipe_of(text) == step.parents[1] / "config.toml"
    (step / "config.toml").write_text("")
    assert recipe_of("run/checkpoints/step-00000004/generator.safetensors").samefile(step / "config.toml")
    assert recipe_of("words8:generator") == cs.zoo.recipe("words8")
    assert recipe_of("tf1-ciwgan:generator") is None
