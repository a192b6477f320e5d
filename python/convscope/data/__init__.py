"""Sounds in and out: files, folders, corpora and their cache, and words spoken by a synthesiser with known phones.

Everything here is arrays in, arrays out, except for sources and their cache, which hold corpora larger than
memory. A waveform is float with full scale at ±1, `(N,)` for one sound and
`(B, L)` for a batch of equally long slices. The room stands alone: NumPy, libsndfile and soxr, no torch.
"""

from __future__ import annotations

from convscope.data._batch import SUFFIXES, Batch, load_folder, load_sounds
from convscope.data._length import Align, fit_length, slices
from convscope.data._sound import Sound, SoundError, read_sound, write_sound
from convscope.data._waveform import peak_normalise, resample
from convscope.data._words import WORDS, Phone, Token, WordCorpus, synthesise_words
from convscope.data.cache import Cache, CacheError, Slices, build_cache, open_cache
from convscope.data.sources import (
    BOUNDARY_TOLERANCE_S,
    Folder,
    Item,
    LeftOut,
    LibriSpeech,
    Manifest,
    Segment,
    Source,
    SyntheticWords,
    TextGridError,
    Timit,
    open_source,
    read_marks,
    read_tiers,
)

__all__ = [
    "BOUNDARY_TOLERANCE_S",
    "SUFFIXES",
    "WORDS",
    "Align",
    "Batch",
    "Cache",
    "CacheError",
    "Folder",
    "Item",
    "LeftOut",
    "LibriSpeech",
    "Manifest",
    "Phone",
    "Segment",
    "Slices",
    "Sound",
    "SoundError",
    "Source",
    "SyntheticWords",
    "TextGridError",
    "Timit",
    "Token",
    "WordCorpus",
    "build_cache",
    "fit_length",
    "load_folder",
    "load_sounds",
    "open_cache",
    "open_source",
    "peak_normalise",
    "read_marks",
    "read_sound",
    "read_tiers",
    "resample",
    "slices",
    "synthesise_words",
    "write_sound",
]
