"""Warnings that point at the user's line."""

from __future__ import annotations

import sys
import warnings


def warn_caller(message: str) -> None:
    """Warn at the line outside this package that asked for a probe."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("convscope."):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
