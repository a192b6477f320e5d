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
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ._place import Place

RECEIPTS, FAILURES = "receipts", "failures"
_RESULTS, _METADATA = f"{RECEIPTS}/results.json", f"{RECEIPTS}/metadata.json"
_NAME = re.compile(r"(\d{9,})-([0-9a-f]{8})\.json")


@dataclass(frozen=True, slots=True)
class File:
    """What was written: bytes and their SHA-256."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """One shard is in the store, with samples ``first`` to below ``end``.

    ``seconds`` since the process had finished its shard before, by a clock that only goes forward; ``finished`` by the clock on the
    wall, in seconds since 1970, for estimates only. ``not_finite`` counts values that are NaN or infinite.
    """

    shard: int
    first: int
    end: int
    sweep: str
    files: Mapping[str, File]
    not_finite: int
    seconds: float
    process: str
    finished: float


class Receipts:
    """Of one store and one sweep."""

    def __init__(self, place: Place, sweep: str) -> None:
        self._place, self._sweep = place, sweep

    def done(self) -> set[int]:
        """Shards that have one; looks at names only."""
        return self._numbers(RECEIPTS)

    def failed(self) -> set[int]:
        """Shards whose last attempt ended in an error, and that nobody has finished since."""
        return self._numbers(FAILURES) - self.done()

    def has(self, shard: int) -> bool:
        """Whether the shard has one."""
        return self._place.size(self.name(shard)) is not None

    def read(self, shard: int) -> Receipt | None:
        """None where there is none of this sweep, or one that cannot be read."""
        data = self._place.read(self.name(shard))
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
            time.time(),
        )
        self._place.write(self.name(shard), json.dumps(asdict(receipt)).encode())
        self._place.remove(self.name(shard, FAILURES))
        return receipt

    def withdraw(self, shard: int) -> None:
        """The shard is missing again, and so are results over all of them."""
        self.withdraw_results()
        self._place.remove(self.name(shard))

    def results(self) -> dict[str, File] | None:
        """Files of results over all shards; None where they are not there."""
        return self._files(_RESULTS)

    def write_results(self, files: Mapping[str, File]) -> None:
        """After they are durable."""
        self._write_files(_RESULTS, files)

    def withdraw_results(self) -> None:
        """They are to be merged again."""
        self._place.remove(_RESULTS)

    def metadata(self) -> dict[str, File] | None:
        """Files that are there before the first shard; None where they are not."""
        return self._files(_METADATA)

    def write_metadata(self, files: Mapping[str, File]) -> None:
        """After they are durable."""
        self._write_files(_METADATA, files)

    def _files(self, name: str) -> dict[str, File] | None:
        data = self._place.read(name)
        try:
            facts = json.loads(data or b"null")
            return {file: File(**each) for file, each in facts["files"].items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def _write_files(self, name: str, files: Mapping[str, File]) -> None:
        facts = {"sweep": self._sweep, "files": {file: asdict(each) for file, each in files.items()}}
        self._place.write(name, json.dumps(facts).encode())

    def note_failure(self, shard: int, error: BaseException) -> None:
        """For `status`; where not even that can be written, the error itself has to do."""
        try:
            self._place.write(
                self.name(shard, FAILURES), json.dumps(f"{type(error).__name__}: {error}").encode()
            )
        except OSError:
            return

    def failure(self, shard: int) -> str:
        """What went wrong with it."""
        data = self._place.read(self.name(shard, FAILURES))
        return str(json.loads(data)) if data else ""

    def name(self, shard: int, folder: str = RECEIPTS) -> str:
        """Of the file; it has the sweep in it, so that a process of another one, still at work, does not count."""
        return f"{folder}/{shard:09d}-{self._sweep}.json"

    def _numbers(self, folder: str) -> set[int]:
        found = (_NAME.fullmatch(name) for name in self._place.names(folder))
        return {int(each[1]) for each in found if each and each[2] == self._sweep}
