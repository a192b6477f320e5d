"""Processes give the same bits, from a script as from here; little work starts none."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from tests.acoustics.planted import vowel
from tests.sweep.sweeps import environment_of_tests

from convscope import acoustics
from convscope.acoustics import _pool, _run

pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
MEASURES = (acoustics.F0(points=3), acoustics.Formants(report=2), acoustics.Intensity(), acoustics.Lag())
SOUNDS = np.stack([vowel(80 + 5 * i, 8000, 0.2) for i in range(40)])
SCRIPT = """
import sys
from tests.acoustics.test_workers import MEASURES, SOUNDS
from convscope import acoustics

if __name__ == "__main__":
    settings = dict(rate_hz=8000, waveform=SOUNDS, waveform_rate_hz=8000)
    acoustics.measure(SOUNDS, *MEASURES, workers=2, **settings).table.to_pickle(sys.argv[1])
"""
UNGUARDED = """
import numpy as np
from convscope import acoustics

try:
    acoustics.measure(np.random.rand(40, 8000), acoustics.Intensity(), rate_hz=8000, workers=2)
except RuntimeError as error:
    raise SystemExit(str(error))
"""


def measured(**settings):
    return acoustics.measure(
        SOUNDS, *MEASURES, rate_hz=8000, waveform=SOUNDS, waveform_rate_hz=8000, **settings
    )


def run_script(tmp_path, text, *arguments):
    path = tmp_path / "script.py"
    path.write_text(text)
    command = [sys.executable, str(path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment_of_tests(), timeout=300)


def test_a_script_with_two_processes_gets_the_same_bits(tmp_path):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed (extra acoustics)")
    out = tmp_path / "table.pickle"
    done = run_script(tmp_path, SCRIPT, str(out))
    assert done.returncode == 0, done.stderr
    table = pandas.read_pickle(out)
    expected = measured().table
    assert table["value"].to_numpy().tobytes() == expected["value"].to_numpy().tobytes()
    assert table.equals(expected)


def test_a_script_without_a_guard_is_told(tmp_path):
    done = run_script(tmp_path, UNGUARDED)
    assert done.returncode == 1
    assert 'a script must call this under if __name__ == "__main__":' in done.stderr


def test_blocks_do_not_show(monkeypatch):
    expected = measured().table
    monkeypatch.setattr(_run, "BLOCK_BYTES", 7 * 2 * SOUNDS[0].nbytes)
    assert measured().table.equals(expected)


def test_one_block_starts_no_process(monkeypatch):
    monkeypatch.setattr(_pool, "ProcessPoolExecutor", lambda *_, **__: pytest.fail("a pool for one block"))
    few = acoustics.measure(SOUNDS[:16], acoustics.Intensity(50), rate_hz=8000, workers=8)
    assert len(few.wide()) == 16


def test_what_is_held_is_bounded(monkeypatch):
    """Blocks are read when there is room for them: two for each process, however many there are."""

    class Now:
        def __init__(self, *_, **__):
            self.waiting = self.most = 0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            assert self.most == 4, "two blocks for each of two processes"

        def submit(self, function, task):
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            return Done(self, function(task))

    class Done:
        def __init__(self, pool, value):
            self.pool, self.value = pool, value

        def result(self):
            self.pool.waiting -= 1
            return self.value

        def cancel(self):
            return False

    monkeypatch.setattr(_pool, "ProcessPoolExecutor", Now)
    monkeypatch.setattr(_run, "BLOCK_BYTES", 1)
    table = acoustics.measure(SOUNDS, acoustics.Intensity(50), rate_hz=8000, workers=2).table
    assert table["sound"].drop_duplicates().tolist() == list(range(40))


def test_progress_is_told():
    told = []
    acoustics.measure(
        SOUNDS, acoustics.Intensity(50), rate_hz=8000, progress=lambda done, total: told.append((done, total))
    )
    assert told[-1] == (40, 40)
    assert [done for done, _ in told] == sorted({done for done, _ in told})


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stderr", "is_shown"), [(Terminal(), True), (io.StringIO(), False)])
def test_a_bar_is_shown_on_a_terminal_alone(stderr, is_shown, monkeypatch):
    pytest.importorskip("rich", reason="rich is not installed (extra ui)")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stderr)
    acoustics.measure(SOUNDS, acoustics.Intensity(50), rate_hz=8000, progress=True)
    assert ("measure" in stderr.getvalue() and "100%" in stderr.getvalue()) == is_shown
    assert bool(stderr.getvalue()) == is_shown
