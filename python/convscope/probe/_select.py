"""Which layers a user means: names, patterns, or a function of a name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase

Selection = str | Iterable[str] | Callable[[str], bool] | None


class UnknownLayerError(KeyError, ValueError):
    """A layer name or pattern that matches nothing; the message offers the closest names."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would print the message's repr


def select_layers(names: Sequence[str], wanted: Selection) -> tuple[str, ...]:
    """The chosen names in order of execution.

    Parameters
    ----------
    names : all layers, in order of execution.
    wanted : a name or pattern (``"conv*"``), several, a predicate, or None for all.

    Raises
    ------
    UnknownLayerError
        when a name or pattern matches no layer: an empty result would look like an answer.
    """
    if wanted is None:
        return tuple(names)
    if callable(wanted):
        chosen = {name for name in names if wanted(name)}
        if not chosen:
            raise UnknownLayerError(f"the layer predicate holds for none of {', '.join(names)}")
    else:
        patterns = [wanted] if isinstance(wanted, str) else list(wanted)
        if not patterns:
            raise UnknownLayerError(f"no layers asked for; there are {', '.join(names)}")
        chosen = set()
        for pattern in patterns:
            chosen |= set(_matches(names, pattern))
    return tuple(name for name in names if name in chosen)


def _matches(names: Sequence[str], pattern: object) -> list[str]:
    if not isinstance(pattern, str):
        raise TypeError(f"layers: expected names, got {type(pattern).__name__} {pattern!r}")
    found = [name for name in names if name == pattern] or [
        name for name in names if fnmatchcase(name, pattern)
    ]
    if not found:
        close = difflib.get_close_matches(pattern, names, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise UnknownLayerError(f"no layer matches {pattern!r}.{hint} Layers: {', '.join(names)}")
    return found
