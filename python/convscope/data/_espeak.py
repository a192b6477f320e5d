"""Speak words with espeak-ng in a process of its own.

The library must not live in this process: it is global state that never returns to its beginning, so a second
corpus would differ from the first. One fresh process per call makes a corpus a function of its arguments.
"""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WORKER = Path(__file__).with_name("_espeak_worker.py")
# A token takes under a millisecond; a hundred times that is a machine in trouble, not a slow one.
START_TIMEOUT_S = 30.0
TOKEN_TIMEOUT_S = 0.1
STDERR_TAIL = 2000


@dataclass(frozen=True, slots=True)
class Job:
    """What to say and how: pitch on espeak's scale 0-99, rate in words per minute."""

    word: str
    voice: str
    pitch: int
    rate_wpm: int


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """Sound (N,) int16 and events (label, sample): where each phone and pause begins."""

    samples: NDArray[np.int16]
    events: tuple[tuple[str, int], ...]
    sample_rate_hz: int


def speak(jobs: Sequence[Job], *, seed: int) -> list[Utterance]:
    """Speak all jobs in order, the same bits for the same arguments.

    Raises
    ------
    ImportError
        If espeakng-loader is not installed.
    RuntimeError
        If the process fails or does not end in time, with the tail of its stderr.
    """
    # Looked up, not imported: only the worker needs it.
    if importlib.util.find_spec("espeakng_loader") is None:
        raise ImportError(
            'synthetic words need the espeak-ng library: pip install "convscope[speech]"',
            name="espeakng_loader",
        )
    request = {"seed": seed, "jobs": [[job.word, job.voice, job.pitch, job.rate_wpm] for job in jobs]}
    timeout_s = START_TIMEOUT_S + TOKEN_TIMEOUT_S * len(jobs)
    return _unpack(_run_worker(json.dumps(request).encode(), timeout_s))


def _run_worker(request: bytes, timeout_s: float) -> bytes:
    # -P keeps this folder off the worker's import path.
    command = [sys.executable, "-P", str(WORKER)]
    try:
        ended = subprocess.run(command, input=request, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"espeak-ng did not end within {timeout_s:.0f} s{_tail(error.stderr)}") from error
    if ended.returncode != 0:
        raise RuntimeError(f"espeak-ng failed with exit status {ended.returncode}{_tail(ended.stderr)}")
    return ended.stdout


def _tail(stderr: bytes | None) -> str:
    text = (stderr or b"").decode(errors="replace").strip()
    return f":\n{text[-STDERR_TAIL:]}" if text else " and said nothing"


def _unpack(packed: bytes) -> list[Utterance]:
    with np.load(io.BytesIO(packed), allow_pickle=False) as result:
        rate_hz = int(result["sample_rate_hz"])
        sounds = np.split(result["samples"], np.cumsum(result["sample_counts"])[:-1])
        event_ends = np.cumsum(result["event_counts"])[:-1]
        labels = np.split(result["labels"], event_ends)
        positions = np.split(result["positions"], event_ends)
    return [
        Utterance(sound, tuple(zip(names.tolist(), samples.tolist(), strict=True)), rate_hz)
        for sound, names, samples in zip(sounds, labels, positions, strict=True)
    ]
