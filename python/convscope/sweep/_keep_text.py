"""What is to be kept, as a text: the same on the command line, in a file and in Python."""

from __future__ import annotations

from collections.abc import Iterable

from ._acoustics import f0, intensity
from ._gather import Gathered, Moments, Top
from ._keep import Decimated, Kept, Whole, Window
from ._scalars import SCALARS

FORMS = (
    "series",
    "window:START:END",
    "decimate:FACTOR",
    *SCALARS,
    "f0[:FLOOR:CEILING]",
    "intensity",
    "moments",
    "top:COUNT:SCALAR",
)


def parse_keep(texts: str | Iterable[str]) -> tuple[tuple[Kept, ...], tuple[Gathered, ...]]:
    """What is kept of each sample, and of all together.

    Raises
    ------
    ValueError
        naming the forms there are.
    """
    kept: list[Kept] = []
    gathered: list[Gathered] = []
    kinds = []
    for text in [texts] if isinstance(texts, str) else texts:
        name, *settings = text.split(":")
        one, all_together = _kept(name, settings), _gathered(name, settings)
        if one is not None:
            kept.append(one)
        elif all_together is not None:
            gathered.append(all_together)
        else:
            raise ValueError(
                f"keep: expected {', '.join(FORMS)} (START:END in seconds, several one after the other), got {text!r}"
            )
        if name in kinds:
            raise ValueError(f"keep: expected each kind once, got {name} twice")
        kinds.append(name)
    if not kinds:
        raise ValueError(f"keep: expected at least one of {', '.join(FORMS)}, got none")
    return tuple(kept), tuple(gathered)


def _kept(name: str, settings: list[str]) -> Kept | None:
    if name == "series" and not settings:
        return Whole()
    if name == "decimate" and len(settings) == 1 and _whole(settings[0]) >= 2:
        return Decimated(_whole(settings[0]))
    if name == "window" and settings and len(settings) % 2 == 0:
        ends = [_number(text) for text in settings]
        stretches = tuple(zip(ends[::2], ends[1::2], strict=True))
        return Window(stretches) if all(start < end for start, end in stretches) else None
    if name == "f0" and len(settings) in (0, 2):
        limits = [_number(text) for text in settings]
        return f0(*limits) if all(limit > 0 for limit in limits) and limits == sorted(set(limits)) else None
    if name == "intensity" and not settings:
        return intensity()
    return None if settings else SCALARS.get(name)


def _gathered(name: str, settings: list[str]) -> Gathered | None:
    if name == "moments" and not settings:
        return Moments()
    if name == "top" and len(settings) == 2 and _whole(settings[0]) >= 1 and settings[1] in SCALARS:
        return Top(_whole(settings[0]), settings[1])
    return None


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else -1


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
