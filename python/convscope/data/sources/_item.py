"""What a source gives: items one after the other, and by name what it had to leave out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, get_args

from convscope.data._sound import Sound, SoundError, read_sound

Setting: TypeAlias = str | int | float | bool | list[str] | list[int] | None
Part = Literal["train", "withheld"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A labelled interval, such as a phone.

    Attributes
    ----------
    label : str
        What it is.
    start_s, end_s : float
        Seconds from the first sample of its item.
    """

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One sound to train on.

    Attributes
    ----------
    name : str
        Unique within its source: a path relative to the source's folder, with "#" and an index for a word of
        a recording.
    sound : Sound
        (N,) float32 at the rate of its file.
    label : str
        What is said; "" for none.
    segments : tuple of Segment
        Parts whose boundaries are known, in seconds.
    part : "train", "withheld" or None
        Which part it belongs to, where its source says so.

    Raises
    ------
    ValueError
        For an item without a name, or an unknown part.
    """

    name: str
    sound: Sound
    label: str = ""
    segments: tuple[Segment, ...] = ()
    part: Part | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("Item: expected a name, got ''")
        if self.part is not None and self.part not in get_args(Part):
            raise ValueError(f"Item: expected part 'train', 'withheld' or None, got {self.part!r}")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A sound that cannot be used.

    Attributes
    ----------
    name : str
        Which, as `Item.name`.
    reason : str
        Why.
    """

    name: str
    reason: str


class Source(Protocol):
    """Anything that gives items: the sources of this package, or one of your own."""

    def items(self) -> Iterator[Item | LeftOut]:
        """Yield every item or the reason why it is left out, always in the same order."""
        ...

    def describe(self) -> dict[str, Setting]:
        """Return the source's settings, as JSON can hold them."""
        ...


def describe(source: Any) -> dict[str, Setting]:
    """Return the fields of a source that is a dataclass, and under "kind" the name of its class."""
    settings: dict[str, Setting] = {"kind": type(source).__name__}
    for field in dataclasses.fields(source):
        value = getattr(source, field.name)
        if isinstance(value, Path):
            value = str(value)
        settings[field.name] = list(value) if isinstance(value, tuple) else value
    return settings


def sound_or_reason(path: Path) -> Sound | str:
    """Return the sound of a file at its own rate, or why it has none."""
    try:
        return read_sound(path)
    except FileNotFoundError:
        return "no such file"
    except SoundError as error:
        return error.reason


def check_words(words: tuple[str, ...] | None, source: str) -> None:
    """Raise ValueError unless `words` is a tuple: the letters of a string would be taken for words."""
    if words is not None and (not isinstance(words, tuple) or not words):
        raise ValueError(f"{source}: expected words as a tuple of one or more, or None, got {words!r}")


def check_silence(silence_s: float, source: str) -> None:
    """Raise ValueError for a silence that is negative or not finite."""
    if not 0 <= silence_s < float("inf"):
        raise ValueError(f"{source}: expected silence_s of 0 or more seconds, got {silence_s}")
