"""Messages of protocol buffers, as far as TensorFlow's files have them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ._error import CheckpointError
from ._reader import Reader


@dataclass(slots=True)
class Message:
    """The fields of a protocol buffer by number: numbers, or bytes of what is inside."""

    numbers: dict[int, int] = field(default_factory=dict)
    inside: dict[int, list[bytes]] = field(default_factory=dict)


def parse(data: bytes, what: str) -> Message:
    """``what`` it is is for errors."""
    found, reader = Message(), Reader(data, what)
    while not reader.is_at_end():
        number, kind = divmod(reader.varint(), 8)
        if kind == 0:
            found.numbers[number] = reader.varint()
        elif kind == 2:
            found.inside.setdefault(number, []).append(reader.take(reader.varint()))
        elif kind in (1, 5):
            found.numbers[number] = int.from_bytes(reader.take(8 if kind == 1 else 4), "little")
        else:
            raise CheckpointError(f"{what}: damaged: a field of kind {kind}")
    return found
