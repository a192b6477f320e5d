"""Completion: a file for each shard that is there, written after the shard's own files, and nothing else.

What a directory lists may be half a shard, one of another sweep or one that a dying disk has changed; a receipt says which bytes
were written.
"""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from ._place import Place

RECEIPTS, FAILURES = "receipts", "failures"
_RESULTS = f"{RECEIPTS}/results.json"
_NAME = re.compile(r"(\d{9,})\.json")


@dataclass(frozen=True, slots=True)
class File:
    """What was written: bytes and their SHA-256."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """One shard is in the store, with samples ``first`` to below ``end``.

    ``seconds`` since the process had finished its shard before, by a clock that only goes forward; ``finished`` is for people.
    ``not_finite`` counts values that are NaN or infinite.
    """

    shard: int
    first: int
    end: int
    sweep: str
    files: Mapping[str, File]
    not_finite: int
    seconds: float
    process: str
    finished: str


class Receipts:
    """Of one store and one sweep."""

    def __init__(self, place: Place, sweep: str) -> None:
        self._place, self._sweep = place, sweep

    def done(self) -> set[int]:
        """Shards that have one; looks at names only."""
        return set(_numbers(self._place, RECEIPTS))

    def failed(self) -> set[int]:
        """Shards whose last attempt ended in an error, and that nobody has finished since."""
        return set(_numbers(self._place, FAILURES)) - self.done()

    def has(self, shard: int) -> bool:
        """Whether the shard has one."""
        return self._place.size(_name(RECEIPTS, shard)) is not None

    def read(self, shard: int) -> Receipt | None:
        """None where there is none of this sweep, or one that cannot be read."""
        data = self._place.read(_name(RECEIPTS, shard))
        try:
            facts = json.loads(data or b"null")
            files = {name: File(**file) for name, file in facts.pop("files").items()}
            receipt = Receipt(files=files, **facts)
        except (ValueError, TypeError, AttributeError, KeyError):
            return None
        return receipt if (receipt.shard, receipt.sweep) == (shard, self._sweep) else None

    def write(
        self, shard: int, first: int, end: int, files: Mapping[str, File], *, not_finite: int, seconds: float
    ) -> Receipt:
        """After the files are durable."""
        receipt = Receipt(
            shard,
            first,
            end,
            self._sweep,
            files,
            not_finite,
            seconds,
            f"{platform.node()}:{os.getpid()}",
            time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )
        self._place.write(_name(RECEIPTS, shard), json.dumps(asdict(receipt)).encode())
        self._place.remove(_name(FAILURES, shard))
        return receipt

    def withdraw(self, shard: int) -> None:
        """The shard is missing again, and so are results over all of them."""
        self._place.remove(_RESULTS)
        self._place.remove(_name(RECEIPTS, shard))

    @property
    def has_results(self) -> bool:
        """Whether results over all shards are there."""
        return self._place.size(_RESULTS) is not None

    def write_results(self) -> None:
        """After they are durable."""
        self._place.write(_RESULTS, json.dumps({"sweep": self._sweep}).encode())

    def note_failure(self, shard: int, error: BaseException) -> None:
        """For `status`; where not even that can be written, the error itself has to do."""
        try:
            self._place.write(_name(FAILURES, shard), json.dumps(f"{type(error).__name__}: {error}").encode())
        except OSError:
            return

    def failure(self, shard: int) -> str:
        """What went wrong with it."""
        data = self._place.read(_name(FAILURES, shard))
        return str(json.loads(data)) if data else ""


def _name(folder: str, shard: int) -> str:
    return f"{folder}/{shard:09d}.json"


def _numbers(place: Place, folder: str) -> Iterator[int]:
    for name in place.names(folder):
        matched = _NAME.fullmatch(name)
        if matched:
            yield int(matched[1])
