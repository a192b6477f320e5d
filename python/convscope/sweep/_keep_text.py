"""What is to be kept, as a text: the same on the command line, in a file and in Python."""

from __future__ import annotations

from collections.abc import Iterable

from ._gather import Gathered, Moments, Top
from ._keep import SCALARS, Decimated, Kept, Whole, Window

FORMS = ("series", "window:START:END", "decimate:FACTOR", *SCALARS, "moments", "top:COUNT:SCALAR")


def parse_keep(texts: str | Iterable[str]) -> tuple[tuple[Kept, ...], tuple[Gathered, ...]]:
    """What is kept of each sample, and of all together.

    Raises
    ------
    ValueError
        naming the forms there are.
    """
    kept: list[Kept] = []
    gathered: list[Gathered] = []
    for text in [texts] if isinstance(texts, str) else texts:
        found = _parsed(text)
        if isinstance(found, Moments | Top):
            gathered.append(found)
        else:
            kept.append(found)
    kinds = [type(each) if not each.text in SCALARS else each.text for each in (*kept, *gathered)]
    if not kinds:
        raise ValueError(f"keep: expected at least one of {', '.join(FORMS)}, got none")
    if len(set(kinds)) < len(kinds):
        raise ValueError(f"keep: expected each kind once, got {', '.join(texts)}")
    return tuple(kept), tuple(gathered)


def _parsed(text: str) -> Kept | Gathered:
    name, *settings = text.split(":")
    try:
        if name == "series" and not settings:
            return Whole()
        if name == "moments" and not settings:
            return Moments()
        if name in SCALARS and not settings:
            return SCALARS[name]
        if name == "decimate" and len(settings) == 1 and int(settings[0]) >= 2:
            return Decimated(int(settings[0]))
        if name == "top" and len(settings) == 2 and int(settings[0]) >= 1 and settings[1] in SCALARS:
            return Top(int(settings[0]), settings[1])
        if name == "window" and settings and len(settings) % 2 == 0:
            ends = [float(second) for second in settings]
            stretches = tuple(zip(ends[::2], ends[1::2], strict=True))
            if all(start < end for start, end in stretches):
                return Window(stretches)
    except ValueError:
        pass
    raise ValueError(f"keep: expected {', '.join(FORMS)} (START:END in seconds, several one after the other), got {text!r}")
