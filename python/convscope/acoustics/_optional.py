"""Libraries of the extra: imported when they are first needed, and missed with the command that installs them."""

from __future__ import annotations

import importlib
from typing import Any


def library(name: str) -> Any:
    """The module ``name``, or ImportError that says which extra has it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"acoustics: {name.partition('.')[0]} is not installed: pip install 'convscope[acoustics]'",
            name=error.name,
        ) from error
