"""One word out of a recording, with silence on each side and its phones moved along."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convscope.data._sound import Sound
from convscope.data.sources._item import Item, LeftOut, Segment


def cut_word(
    recording: Sound, word: Segment, phones: Sequence[Segment], *, name: str, silence_s: float
) -> Item | LeftOut:
    """Cut a word at its boundaries, rounded to whole samples.

    Phones, in seconds of the recording like the word, are clipped to it; those outside are dropped.
    """
    rate_hz, count = recording.sample_rate_hz, recording.samples.size
    start, end = round(word.start_s * rate_hz), round(word.end_s * rate_hz)
    if end <= start:
        return LeftOut(name, f"{word.label!r} is empty: from sample {start} to {end}")
    if end > count:
        return LeftOut(name, f"{word.label!r} goes from sample {start} to {end}, the sound has {count}")
    silence = round(silence_s * rate_hz)
    samples = np.pad(recording.samples[start:end], silence)  # (N,)
    first_s, last_s = start / rate_hz, end / rate_hz
    shift_s = silence / rate_hz - first_s
    clipped = (Segment(p.label, max(p.start_s, first_s), min(p.end_s, last_s)) for p in phones)
    inside = tuple(
        Segment(p.label, p.start_s + shift_s, p.end_s + shift_s) for p in clipped if p.end_s > p.start_s
    )
    return Item(name, Sound(samples, rate_hz), word.label, inside)
