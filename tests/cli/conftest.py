"""Runs commands in this process, in an empty folder, with small networks."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from convscope import data
from convscope.cli import app

Q_NETWORK = "tf1-ciwgan:q_network:num_categories=8,dim=2,seed=3"
GENERATOR = "tf1-ciwgan:generator:num_categories=8,dim=2"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working folder of the commands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def convscope():
    """Call the command line; gives exit_code, stdout and stderr."""

    def call(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Where `tune` keeps its figures; empty."""
    monkeypatch.setenv("CONVSCOPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "machine.json"


@pytest.fixture
def recordings(folder):
    """A folder of three sounds at the network's rate, already at peak 1."""
    (folder / "rec").mkdir()
    generator = np.random.default_rng(0)
    for name in ("ask", "dark", "oily"):
        samples = generator.uniform(-0.5, 0.5, 8000)
        samples[0] = 1.0
        data.write_sound(folder / "rec" / f"{name}.wav", samples, 16000, subtype="FLOAT")
    return folder / "rec"
