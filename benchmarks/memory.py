"""The high-water mark of this process's memory, on Linux."""

from __future__ import annotations

from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset_peak() -> None:
    """Start the high-water mark again from what is resident now."""
    _CLEAR.write_text("5")


def peak_mb() -> float:
    """MB (10^6 bytes) resident at the highest since `reset_peak`. getrusage would include the parent's peak."""
    return _value("VmHWM")


def resident_mb() -> float:
    return _value("VmRSS")


def _value(field: str) -> float:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(field + ":"))
    return int(line.split()[1]) * 1024 / 1e6
