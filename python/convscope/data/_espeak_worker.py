"""Standalone program: speak a list of jobs with espeak-ng. Run by file path, never imported by the package.

The library is one global state whose noise and oscillators carry over from call to call: only a fresh
process, a fixed seed and a fixed order of calls give the same bits. This file imports nothing of convscope,
so that it starts at once.

stdin: JSON {"seed": int, "jobs": [[word, voice, pitch, rate_wpm], …]}. stdout: an npz of all samples and
phone events, end to end, with their counts per job.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import sys
from pathlib import Path
from typing import ClassVar

import espeakng_loader  # type: ignore[import-untyped]
import numpy as np

# Values of espeak-ng's speak_lib.h, revision 12.
SYNCHRONOUS = 2
PHONEME_EVENTS = 1
CHARACTERS_UTF8 = 1
RATE, PITCH = 1, 3
EVENT_LIST_END, EVENT_PHONEME = 0, 7


class Event(ctypes.Structure):
    """One entry of the event list that comes with a block of sound (espeak_EVENT)."""

    _fields_: ClassVar = [
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("label", ctypes.c_char * 8),
    ]


Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))


class Speaker:
    """espeak-ng, started once in this process."""

    def __init__(self, seed: int) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = Path(espeakng_loader.get_data_path())
        # From the folder itself: the library fails on paths of 160 bytes, which deep environments reach.
        os.chdir(data.parent)
        self.sample_rate_hz = self._library.espeak_Initialize(SYNCHRONOUS, 0, b".", PHONEME_EVENTS)
        if self.sample_rate_hz <= 0:
            raise SystemExit(f"espeak-ng does not start with the data in {data}")
        self._variants = data / "voices" / "!v"
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        self._blocks: list[bytes] = []
        self._events: list[tuple[str, int]] = []
        self._callback = Callback(self._collect)  # kept: ctypes frees a callback that nothing refers to
        self._library.espeak_SetSynthCallback(self._callback)

    def say(self, word: str, voice: str, pitch: int, rate_wpm: int) -> tuple[bytes, list[tuple[str, int]]]:
        """Return the sound as int16 bytes and its phone events as (label, sample)."""
        self._blocks, self._events = [], []
        # The library refuses an unknown accent, but speaks an unknown variant in its plain voice.
        variant = voice.partition("+")[2]
        is_known = not variant or (self._variants / variant).is_file()
        if not is_known or self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SystemExit(f"espeak-ng has no voice {voice!r}")
        self._library.espeak_SetParameter(RATE, rate_wpm, 0)
        self._library.espeak_SetParameter(PITCH, pitch, 0)
        text = word.encode()
        size = ctypes.c_size_t(len(text) + 1)
        if self._library.espeak_Synth(text, size, 0, 0, 0, CHARACTERS_UTF8, None, None) != 0:
            raise SystemExit(f"espeak-ng cannot speak {word!r} with voice {voice!r}")
        return b"".join(self._blocks), self._events

    def _collect(
        self, block: ctypes._Pointer[ctypes.c_short], samples: int, events: ctypes._Pointer[Event]
    ) -> int:
        if block and samples > 0:
            self._blocks.append(ctypes.string_at(block, samples * ctypes.sizeof(ctypes.c_short)))
        i = 0
        while events[i].type != EVENT_LIST_END:
            if events[i].type == EVENT_PHONEME:
                self._events.append((events[i].label.decode(), events[i].sample))
            i += 1
        return 0


def main() -> None:
    """Read the jobs, speak them in order, write the result."""
    # The result has the real stdout to itself; whatever the library prints goes to stderr.
    with os.fdopen(os.dup(1), "wb") as result:
        os.dup2(2, 1)
        request = json.load(sys.stdin.buffer)
        speaker = Speaker(request["seed"])
        spoken = [speaker.say(*job) for job in request["jobs"]]
        packed = io.BytesIO()
        np.savez(
            packed,
            sample_rate_hz=speaker.sample_rate_hz,
            samples=np.frombuffer(b"".join(sound for sound, _ in spoken), np.int16),
            sample_counts=np.array([len(sound) // 2 for sound, _ in spoken], np.int64),
            labels=np.array([label for _, events in spoken for label, _ in events], "U8"),
            positions=np.array([sample for _, events in spoken for _, sample in events], np.int64),
            event_counts=np.array([len(events) for _, events in spoken], np.int64),
        )
        result.write(packed.getvalue())


if __name__ == "__main__":
    main()
