"""Libraries of the extras: imported when they are first needed, and missed with the command that installs them."""

from __future__ import annotations

import importlib
from typing import Any


def imported(name: str, extra: str) -> Any:
    """The module ``name``.

    Raises
    ------
    ImportError
        Naming the extra of convscope that brings it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        raise ImportError(
            f"{extra}: expected {package}, which is not installed; pip install 'convscope[{extra}]'",
            name=error.name,
        ) from error
