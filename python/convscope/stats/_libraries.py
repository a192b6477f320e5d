"""The libraries of the extra ``stats``, imported when first used: reading a sound does not need pandas."""

from __future__ import annotations

import importlib
from typing import Any, TypeAlias

Frame: TypeAlias = Any  # a pandas.DataFrame; pandas has no types of its own and is imported late


def library(name: str) -> Any:
    """The module of this name.

    Raises
    ------
    ImportError
        naming the extra that brings it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ImportError(
            f"stats: expected {package}, which is not installed; pip install 'convscope[stats]'"
        ) from error
