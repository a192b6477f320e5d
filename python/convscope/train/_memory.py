"""Memory that is freed and wanted again in the next moment, kept by the process.

A step makes and frees dozens of maps of tens of megabytes. The C library gives each back to the system and asks for it anew, and the
system zeroes every page: twelve million page faults in four full-size steps, a fifth of their time on two Zen 4 cores. Where it
is glibc, it can be told to keep what was freed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

# Of malloc.h, and glibc's own defaults.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_DEFAULT_TRIM_BYTES, _DEFAULT_MMAPS = 128 * 1024, 65536
_NEVER_TRIM = 2**31 - 1


@contextmanager
def kept_memory() -> Iterator[bool]:
    """Within the block, freed memory stays with the process; afterwards it is given back. Yields whether the C library can."""
    library = ctypes.CDLL(None)
    can = hasattr(library, "mallopt") and hasattr(library, "gnu_get_libc_version")
    if not can:
        yield False
        return
    library.mallopt(_MMAP_MAX, 0)
    library.mallopt(_TRIM_THRESHOLD, _NEVER_TRIM)
    try:
        yield True
    finally:
        library.mallopt(_MMAP_MAX, _DEFAULT_MMAPS)
        library.mallopt(_TRIM_THRESHOLD, _DEFAULT_TRIM_BYTES)
        library.malloc_trim(0)
