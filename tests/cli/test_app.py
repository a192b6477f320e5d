"""The command line as a whole: help, version, wrong options, and what it imports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.main import get_command

import convscope as package
from convscope.cli import app

COMMANDS = {
    *("import", "export", "plan", "tune", "info", "layers", "probe", "verify", "demo", "bench"),
    *("train", "evaluate", "generate", "invert", "sweep", "reproduce"),
}


def all_commands():
    """By name, those of groups as ``sweep run``."""
    for name, command in get_command(app).commands.items():
        yield name, command
        for below, other in getattr(command, "commands", {}).items():
            yield f"{name} {below}", other


def test_help_lists_the_commands_and_an_example(convscope):
    for arguments in ([], ["--help"]):
        result = convscope(*arguments)
        assert result.exit_code == 0
        assert all(f" {name} " in result.stdout for name in COMMANDS)
        assert "convscope probe tf1-ciwgan:q_network:num_categories=8 recordings/" in result.stdout


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_an_example(convscope, command):
    assert (
        f"convscope {command}" in convscope(command, "--help").stdout.partition("Usage")[2].partition("\n")[2]
    )


def test_every_option_and_argument_has_help():
    assert set(get_command(app).commands) == COMMANDS
    for name, command in all_commands():
        for parameter in command.params:
            assert parameter.help, f"{name} {parameter.name}"


def test_no_bracket_of_a_help_text_is_taken_for_markup():
    from rich.text import Text

    for name, command in all_commands():
        for text in [command.help, *(parameter.help for parameter in command.params)]:
            assert Text.from_markup(text).plain == text.replace("\\[", "[").replace("\b", ""), name


def test_the_demos_help_names_the_extra(convscope):
    assert 'pip install "convscope[speech]"' in convscope("demo", "--help").stdout


def test_the_version_is_the_packages(convscope):
    assert convscope("--version").stdout == f"convscope {package.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prob"], "No such command 'prob'"),
        (["--colour"], "No such option"),
        (["probe"], "Missing argument 'NET' (convscope probe --help says more)"),
        (["layers", "tf1-ciwgan:generator", "--jason"], "No such option"),
        (
            ["probe", "tf1-ciwgan:generator", "random:1", "--reduce", "median"],
            ": 'median' is not one of 'mean', 'rms', 'max' (convscope probe --help says more)",
        ),
        (["probe", "a", "b", "--threads", "0"], "must be greater than or equal to 1 (convscope probe"),
        (["probe", "a", "b", "--threads", "x"], "must be a valid integer (convscope probe --help"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_code_2(convscope, arguments, message):
    result = convscope(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert re.fullmatch(r"convscope: [^\n]+\n", result.stderr)


def test_help_loads_neither_torch_nor_matplotlib():
    check = (
        "import sys\nfrom convscope.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'torch', 'matplotlib', 'xarray', 'soundfile'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(package.__file__).parents[1])}
    command = [sys.executable, "-c", check]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_a_bug_is_named_and_its_traceback_kept_for_debug(convscope, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("convscope.cli._layers.load_network", broken)
    quiet = convscope("layers", "tf1-ciwgan:generator")
    assert (quiet.exit_code, quiet.stderr) == (
        1,
        "convscope: ZeroDivisionError: by zero (--debug shows where)\n",
    )
    loud = convscope("layers", "tf1-ciwgan:generator", "--debug")
    assert loud.exit_code == 1
    assert "Traceback" in loud.stderr
    assert "raise ZeroDivisionError" in loud.stderr


def test_an_interrupt_is_neither_success_nor_misuse(convscope, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("convscope.cli._layers.load_network", interrupted)
    result = convscope("layers", "tf1-ciwgan:generator")
    assert (result.exit_code, result.stderr) == (130, "convscope: interrupted, nothing written\n")


def test_main_is_the_entry_point(monkeypatch, capsys):
    from convscope.cli import main

    monkeypatch.setattr(sys, "argv", ["convscope", "--version"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("convscope ")
    assert isinstance(app, typer.Typer)
