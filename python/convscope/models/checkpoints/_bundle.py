"""TensorFlow checkpoints (``model.ckpt-1000.index`` and ``.data-00000-of-00001``), read without TensorFlow.

The index is a table from names to messages of TensorFlow's ``tensor_bundle.proto``, the data what they point to, one array after
the other.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ._crc32c import crc32c, masked
from ._error import CheckpointError
from ._protobuf import parse
from ._reader import as_shape, reading
from ._table import read_table, varint, write_table

# Of TensorFlow's types.proto, those that a network's variables have.
_TYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 9: "int64", 10: "bool", 17: "uint16",
    19: "float16", 22: "uint32", 23: "uint64",
}  # fmt: skip
_FLOAT32 = 1
_FILE = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_SLICE = b"\0"  # begins the names of a partitioned variable's slices, beside its own
_MOST_INDEX_BYTES = 1 << 24  # a hundred thousand variables


@dataclass(frozen=True, slots=True)
class Variable:
    """Where an array lies, and what it is. ``kind`` is TensorFlow's number of its type."""

    name: str
    kind: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int
    is_sliced: bool


class TensorBundle(Mapping[str, np.ndarray]):
    """The variables of a checkpoint by name, each read and checked when it is asked for.

    Parameters
    ----------
    path : what TensorFlow calls the checkpoint (``.../model.ckpt-1000``), one of its files, or a folder, of which the
        checkpoint that its file ``checkpoint`` names is taken.

    Raises
    ------
    CheckpointError
        for files that are missing, damaged or cut off; the message names the file and the variable.
    """

    format = "TensorFlow 1 checkpoint"

    def __init__(self, path: str | os.PathLike[str]) -> None:
        with reading(Path(path)):
            self.prefix = _prefix(Path(path))
            index = self.prefix.with_name(f"{self.prefix.name}.index")
            if not index.is_file():
                raise CheckpointError(f"{index}: no such file")
            if index.stat().st_size > _MOST_INDEX_BYTES:
                raise CheckpointError(
                    f"{index}: expected at most {_MOST_INDEX_BYTES} bytes, got {index.stat().st_size}"
                )
            entries = read_table(index.read_bytes(), str(index))
        self._shards = _shards(entries.pop(b"", None), index)
        self.variables: dict[str, Variable] = {}
        for key, message in entries.items():
            if key.startswith(_SLICE):
                continue
            name = key.decode("utf-8", "backslashreplace")
            if name in self.variables:
                raise CheckpointError(f"{index}: {name}: two variables of names that no text tells apart")
            self.variables[name] = _variable(name, message, index)

    def __getitem__(self, name: str) -> np.ndarray:
        """The array, in memory of its own."""
        variable = self.variables[name]
        with reading(self.prefix):
            data = self._bytes(variable)
        return np.frombuffer(data, _type(variable, self.prefix)).reshape(variable.shape)

    def shape(self, name: str) -> tuple[int, ...]:
        """Without reading the array."""
        return self.variables[name].shape

    def __contains__(self, name: object) -> bool:
        """Without reading the array."""
        return name in self.variables

    def __iter__(self) -> Iterator[str]:
        return iter(self.variables)

    def __len__(self) -> int:
        return len(self.variables)

    def _bytes(self, variable: Variable) -> bytearray:
        if not 0 <= variable.shard < self._shards:
            raise CheckpointError(
                f"{self.prefix}: {variable.name}: expected it in one of {self._shards} files, got number {variable.shard}"
            )
        path = Path(f"{self.prefix}.data-{variable.shard:05d}-of-{self._shards:05d}")
        if variable.is_sliced:
            raise CheckpointError(f"{path}: {variable.name}: stored in slices, which is not supported")
        wanted = math.prod(variable.shape) * _type(variable, self.prefix).itemsize
        if variable.size != wanted:
            raise CheckpointError(
                f"{path}: {variable.name}: expected {wanted} bytes of shape {variable.shape}, got {variable.size}"
            )
        if not path.is_file():
            raise CheckpointError(f"{path}: {variable.name}: no such file")
        length = path.stat().st_size
        if variable.offset + variable.size > length:
            raise CheckpointError(
                f"{path}: {variable.name}: cut off: expected {variable.size} bytes at {variable.offset}, got {length} in all"
            )
        data = bytearray(variable.size)
        with path.open("rb") as file:
            file.seek(variable.offset)
            file.readinto(data)
        if masked(crc32c(memoryview(data))) != variable.checksum:
            raise CheckpointError(f"{path}: {variable.name}: damaged: its checksum is another")
        return data


def bundle_files(prefix: Path, arrays: Mapping[str, np.ndarray]) -> dict[Path, bytes]:
    """The checkpoint's two files, for float32 arrays, and the file ``checkpoint`` beside them that names it; the index last."""
    data = bytearray()
    header = _field(1, 1) + _inside(3, _field(1, 1))  # one data file, and a version
    entries = {b"": header}
    for name, values in sorted(arrays.items()):
        raw = np.ascontiguousarray(values, "<f4").tobytes()
        shape = b"".join(_inside(2, _field(1, size)) for size in values.shape)
        message = _field(1, _FLOAT32) + _inside(2, shape) + _field(4, len(data)) + _field(5, len(raw))
        entries[name.encode()] = message + varint(6 << 3 | 5) + masked(crc32c(raw)).to_bytes(4, "little")
        data += raw
    return {
        prefix.with_name(f"{prefix.name}.data-00000-of-00001"): bytes(data),
        prefix.with_name("checkpoint"): f'model_checkpoint_path: "{prefix.name}"\n'.encode(),
        prefix.with_name(f"{prefix.name}.index"): write_table(entries),
    }


def _field(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def _inside(number: int, message: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(message)) + message


def is_bundle(path: Path) -> bool:
    """Whether there are files of a checkpoint of that name or, if it is a folder's, in it; be it without its index."""
    if path.is_dir():
        return any(file.name == "checkpoint" or _FILE.search(file.name) for file in path.iterdir())
    if _FILE.search(path.name):
        return True
    if path.is_file() or not path.parent.is_dir():
        return False
    return any(_FILE.sub("", file.name) == path.name != file.name for file in path.parent.iterdir())


def _prefix(path: Path) -> Path:
    return _newest(path) if path.is_dir() else path.with_name(_FILE.sub("", path.name))


def _newest(folder: Path) -> Path:
    """What the folder's file ``checkpoint`` names, else its only checkpoint."""
    listing = folder / "checkpoint"
    if listing.is_file():
        for line in listing.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key == "model_checkpoint_path":
                name = Path(value.strip().strip('"')).name  # its folder is of the machine that wrote it
                if name in ("", ".."):
                    raise CheckpointError(
                        f"{listing}: model_checkpoint_path: expected a name, got {value.strip()}"
                    )
                return folder / name
    found = sorted(folder.glob("*.index"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise CheckpointError(f"{folder}: expected a file `checkpoint` or one .index file, got {names}")
    return found[0].with_suffix("")


def _type(variable: Variable, prefix: Path) -> np.dtype:
    name = _TYPES.get(variable.kind)
    if name is None:
        raise CheckpointError(
            f"{prefix}: {variable.name}: values of TensorFlow's type {variable.kind} are not supported"
        )
    return np.dtype(name).newbyteorder("<")


def _shards(header: bytes | None, index: Path) -> int:
    """How many data files there are."""
    if header is None:
        raise CheckpointError(f"{index}: not the index of a TensorFlow checkpoint: it has no header")
    message = parse(header, f"{index}: header")
    shards, endianness = message.numbers.get(1, 1), message.numbers.get(2, 0)
    if endianness != 0:
        raise CheckpointError(f"{index}: written on a big-endian machine, which is not supported")
    if not 1 <= shards < 100_000:
        raise CheckpointError(f"{index}: expected 1 to 99999 data files, got {shards}")
    return shards


def _variable(name: str, data: bytes, index: Path) -> Variable:
    what = f"{index}: {name}"
    message = parse(data, what)
    dimensions = (
        parse(dimension, what).numbers.get(1, 0)
        for shape in message.inside.get(2, [])
        for dimension in parse(shape, what).inside.get(2, [])
    )
    numbers = message.numbers
    return Variable(
        name=name,
        kind=numbers.get(1, 0),
        shape=as_shape(dimensions, what),
        shard=numbers.get(3, 0),
        offset=numbers.get(4, 0),
        size=numbers.get(5, 0),
        checksum=numbers.get(6, 0),
        is_sliced=7 in message.inside,
    )
