"""All sounds of a corpus in one file of 16-bit integers, mapped into memory, and what is known of them.

`build_cache` reads a source once; `open_cache` takes milliseconds; `Slices` gives batches to train on.
"""

from __future__ import annotations

from convscope.data.cache._build import build_cache
from convscope.data.cache._cache import Cache, open_cache
from convscope.data.cache._format import CacheError
from convscope.data.cache._slices import Slices

__all__ = ["Cache", "CacheError", "Slices", "build_cache", "open_cache"]
