"""Sounds in and out: files, folders, slices, and words spoken by a synthesiser with known phone boundaries.

Everything here is arrays in, arrays out. A waveform is float with full scale at ±1, `(N,)` for one sound and
`(B, L)` for a batch of equally long slices. The room stands alone: NumPy, libsndfile and soxr, no torch.
"""

from __future__ import annotations

from convscope.data._batch import SUFFIXES, Batch, load_folder, load_sounds
from convscope.data._length import Align, fit_length, slices
from convscope.data._sound import Sound, SoundError, read_sound, write_sound
from convscope.data._waveform import peak_normalise, resample
from convscope.data._words import WORDS, Phone, Token, WordCorpus, synthesise_words

__all__ = [
    "SUFFIXES",
    "WORDS",
    "Align",
    "Batch",
    "Phone",
    "Sound",
    "SoundError",
    "Token",
    "WordCorpus",
    "fit_length",
    "load_folder",
    "load_sounds",
    "peak_normalise",
    "read_sound",
    "resample",
    "slices",
    "synthesise_words",
    "write_sound",
]
