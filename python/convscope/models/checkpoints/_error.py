"""What is wrong with a checkpoint."""

from __future__ import annotations


class CheckpointError(ValueError):
    """A file that is not what it should be; the message names the file and, where there is one, the variable."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


def printable(text: str) -> str:
    """A text with names of a file's own: what would steer a terminal, or cannot be written, as Python's ``repr`` has it."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def reason(error: BaseException) -> str:
    """The first line of an error of others, or its type."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
