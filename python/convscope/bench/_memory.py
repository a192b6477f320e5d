"""The high-water mark of this process's memory; known on Linux only."""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def is_known() -> bool:
    """Whether this system tells."""
    return _STATUS.exists() and _CLEAR.exists()


def reset_peak() -> None:
    """Give freed memory back to the system, and start the high-water mark again from what is resident then."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)
    _CLEAR.write_text("5")


def peak_mb() -> float:
    """MB (10^6 bytes) resident at the highest since `reset_peak`. getrusage would include the parent's peak."""
    return _value("VmHWM")


def resident_mb() -> float:
    """MB resident now."""
    return _value("VmRSS")


def _value(field: str) -> float:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(field + ":"))
    return int(line.split()[1]) * 1024 / 1e6
