"""Lines, tables and progress, with and without a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from convscope.cli import _console


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_plain_table_is_aligned(capsys):
    _console.show_table(("layer", "n"), [("fc", "16"), ("conv1", "4096")], title="Sizes")
    assert capsys.readouterr().out == "Sizes\nlayer     n\nfc       16\nconv1  4096\n"


def test_a_table_on_a_terminal_holds_the_same_cells(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    _console.show_table(("layer", "n"), [("fc", "16"), ("conv1", "4096")])
    shown = sys.stdout.getvalue()
    assert all(cell in shown for cell in ("layer", "fc", "16", "conv1", "4096"))


def test_json_refuses_what_json_has_not():
    with pytest.raises(ValueError, match="not JSON compliant"):
        _console.show_json({"rate_hz": float("nan")})


def test_long_work_without_a_terminal_says_plain_lines(monkeypatch, capsys):
    now_s = iter([0.0, 1.0, 2.5, 2.5, 3.0, 5.0, 5.0])
    monkeypatch.setattr(_console.time, "monotonic", lambda: next(now_s))
    with _console.progress("probing") as step:
        for done in (1, 2, 3, 4):
            step(done, 4)
    assert capsys.readouterr() == ("", "convscope: probing 2 of 4\nconvscope: probing 4 of 4\n")


def test_work_on_a_terminal_shows_a_bar_on_stderr_only(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with _console.progress("probing") as step:
        step(3, 4)
    assert "probing 3 of 4" in terminal.getvalue()
    assert capsys.readouterr().out == ""
