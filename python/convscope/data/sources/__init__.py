"""Where items come from: folders, TIMIT, LibriSpeech, manifests and synthetic words.

A source is a frozen dataclass of settings. Its `items()` reads one sound at a time, always in the same order,
and names what it has to leave out instead of stopping; its `describe()` says how it was made.
"""

from __future__ import annotations

from convscope.data.sources._folder import Folder
from convscope.data.sources._item import Item, LeftOut, Segment, Source
from convscope.data.sources._librispeech import LibriSpeech
from convscope.data.sources._manifest import Manifest
from convscope.data.sources._open import open_source
from convscope.data.sources._synthetic import SyntheticWords
from convscope.data.sources._textgrid import BOUNDARY_TOLERANCE_S, TextGridError, read_tiers
from convscope.data.sources._timit import Timit, read_marks

__all__ = [
    "BOUNDARY_TOLERANCE_S",
    "Folder",
    "Item",
    "LeftOut",
    "LibriSpeech",
    "Manifest",
    "Segment",
    "Source",
    "SyntheticWords",
    "TextGridError",
    "Timit",
    "open_source",
    "read_marks",
    "read_tiers",
]
