"""The store on disk: Zarr version 3, written shard by shard, the digest of every file taken on its way out.

All metadata is there before the first shard and never changes: it is made in memory and copied, the root last, so that any
number of processes may begin the same store at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.abc.store import ByteRequest
from zarr.abc.store import Store as ZarrStore
from zarr.codecs import BloscCodec, ZstdCodec
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.errors import ZarrUserWarning
from zarr.storage import MemoryStore, WrapperStore

from ._fingerprint import Fingerprint, SweepMismatchError, differences
from ._layout import Array, Layout
from ._place import Place
from ._receipts import File, Receipts

COMPRESSIONS = ("blosc", "zstd", "none")
_ROOT = "zarr.json"
_PLAN = "receipts/plan.json"
PARTS = "parts"
_TRIES, _PAUSE_S = 5, 0.1


class Store:
    """A store that this sweep has begun, or goes on with. `begin` makes one."""

    def __init__(self, place: Place, layout: Layout) -> None:
        self.place, self._layout = place, layout
        self._recording = _Recording(place.zarr())
        self._reading = place.zarr(read_only=True)
        self._arrays: dict[str, zarr.Array[Any]] = {}

    def write(self, shard: int, rows: slice, values: Mapping[str, NDArray[Any]]) -> dict[str, File]:
        """Whole files of one shard, by array; returns when they are durable."""
        names = []
        for array in self._layout.of_samples:
            self._open(array.path)[rows] = values[array.path]
            names.append(f"{array.path}/c/{shard}{'/0' * (len(array.dims) - 1)}")
        self.place.make_durable(names)
        return {name: self._recording.written.pop(name) for name in names}

    def write_part(self, shard: int, data: bytes) -> dict[str, File]:
        """What the shard adds to results of all samples."""
        name = f"{PARTS}/{shard:09d}.safetensors"
        self.place.write(name, data)
        return {name: file_of(data)}

    def read_part(self, shard: int) -> bytes:
        """What `write_part` has written."""
        data = self.place.read(f"{PARTS}/{shard:09d}.safetensors")
        if data is None:
            raise FileNotFoundError(
                f"{self.place.text}: {PARTS}/{shard:09d}.safetensors is gone; verify the store"
            )
        return data

    def write_results(self, values: Mapping[str, NDArray[Any]]) -> dict[str, File]:
        """Whole arrays, by path; returns their files when they are durable."""
        for path, array in values.items():
            self._open(path)[...] = array
        files = {
            name: self._recording.written.pop(name)
            for name in list(self._recording.written)
            if name.rpartition("/c")[0] in values
        }
        self.place.make_durable(files)
        return files

    def read(self, path: str, rows: slice) -> NDArray[Any]:
        """Stored values of samples."""
        found: NDArray[Any] = np.asarray(zarr.open_array(self._reading, path=path, mode="r")[rows])
        return found

    def _open(self, path: str) -> zarr.Array[Any]:
        if path not in self._arrays:
            with zarr.config.set({"array.write_empty_chunks": True}):  # what is not there says nothing
                found = zarr.open_array(self._recording, path=path, mode="r+")
            self._arrays[path] = found
        return self._arrays[path]


def begin(
    place: Place,
    fingerprint: Fingerprint,
    layout: Layout,
    receipts: Receipts,
    *,
    attributes: Mapping[str, Any],
    shard: int,
    compression: str,
) -> Store:
    """A new store, or the one that the same sweep has begun; metadata that is damaged is written again.

    Raises
    ------
    SweepMismatchError
        when it is another sweep's, naming the fields.
    FileExistsError
        when something else is there.
    """
    stored = stored_plan(place)
    if stored is None and not place.is_empty():
        stored = _soon(place)
    if stored is None:
        place.write(_PLAN, json.dumps(fingerprint).encode())
    require_same(place, fingerprint)
    recorded = receipts.metadata()
    if recorded is None or any(damage(place, name, file) for name, file in recorded.items()):
        contents = _metadata(layout, attributes, shard, compression)
        root = contents.pop(_ROOT)
        for name, data in [*contents.items(), (_ROOT, root)]:
            place.write(name, data)
        receipts.write_metadata({name: file_of(data) for name, data in {**contents, _ROOT: root}.items()})
    return Store(place, layout)


def require_same(place: Place, fingerprint: Fingerprint) -> None:
    """SweepMismatchError where the store of another sweep is, naming the fields that differ."""
    stored = stored_plan(place)
    found = [] if stored is None else list(differences(stored, fingerprint))
    if found:
        raise SweepMismatchError(place.text, found)


def file_of(data: bytes) -> File:
    """What a receipt says of it."""
    return File(len(data), hashlib.sha256(data).hexdigest())


def damage(place: Place, name: str, file: File, *, sizes_only: bool = False) -> str:
    """How a file differs from what was written; nothing where it does not."""
    if sizes_only:
        size, same = place.size(name), True
    else:
        data = place.read(name)
        size, same = (None, False) if data is None else (len(data), file_of(data) == file)
    if size != file.bytes:
        return f"{name}: expected {file.bytes} bytes, {'it is gone' if size is None else f'got {size}'}"
    return "" if same else f"{name}: other bytes than were written"


def _soon(place: Place) -> Fingerprint:
    """The plan, where another process is just writing it."""
    for _ in range(_TRIES):
        time.sleep(_PAUSE_S)
        stored = stored_plan(place)
        if stored is not None:
            return stored
    raise FileExistsError(
        f"{place.text}: expected a new store or that of a sweep, got something else; choose another place"
    )


def stored_plan(place: Place) -> Fingerprint | None:
    """The fingerprint of the sweep that a store belongs to; None where there is none."""
    data = place.read(_PLAN)
    try:
        plan: Fingerprint | None = None if data is None else json.loads(data)
    except ValueError:
        return None
    return plan


def _metadata(
    layout: Layout, attributes: Mapping[str, Any], shard: int, compression: str
) -> dict[str, bytes]:
    """Everything that a store has before its first sample: files by name."""
    contents: dict[str, Buffer] = {}
    memory = MemoryStore(contents)
    for path, described in layout.groups.items():
        everything = {**described, **attributes} if not path else dict(described)
        zarr.create_group(memory, path=path or None, attributes=everything, overwrite=False)
    for array in layout.arrays:
        _create(memory, array, shard, compression)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZarrUserWarning)  # that not all libraries know consolidated metadata
        zarr.consolidate_metadata(memory)
    return {name: data.to_bytes() for name, data in contents.items()}


def _create(store: ZarrStore, array: Array, shard: int, compression: str) -> None:
    dtype = np.dtype(array.dtype)
    chunks = array.chunks(shard)
    is_split = array.is_of_samples and chunks[0] < shard
    made = zarr.create_array(
        store,
        name=array.path,
        shape=array.shape,
        chunks=chunks,
        shards=(shard, *array.shape[1:]) if is_split else None,
        dtype=dtype,
        compressors=_compressor(compression, dtype),
        fill_value=_fill(dtype),
        attributes=dict(array.attributes),
        dimension_names=array.dims,
    )
    if array.values is not None:
        made[...] = array.values


def _compressor(compression: str, dtype: np.dtype[Any]) -> BloscCodec | ZstdCodec | None:
    if compression == "blosc":
        return BloscCodec(cname="lz4", clevel=1, shuffle="bitshuffle", typesize=dtype.itemsize)
    return ZstdCodec(level=1) if compression == "zstd" else None


def _fill(dtype: np.dtype[Any]) -> float | int:
    return float("nan") if dtype.kind == "f" else 0 if dtype == np.int16 else -1


class _Recording(WrapperStore[ZarrStore]):
    """Passes on what is written and keeps its size and SHA-256. Of chunks nothing is there: zarr would read a shard before it writes
    one, and not write over one that is damaged.
    """

    def __init__(self, store: ZarrStore) -> None:
        super().__init__(store)
        self.written: dict[str, File] = {}

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        return None if _is_chunk(key) else await super().get(key, prototype, byte_range)

    async def exists(self, key: str) -> bool:
        return not _is_chunk(key) and await super().exists(key)

    async def set(self, key: str, value: Buffer) -> None:
        data: Any = value.as_numpy_array()
        digest, _ = await asyncio.gather(asyncio.to_thread(hashlib.sha256, data), super().set(key, value))
        self.written[key] = File(len(data), digest.hexdigest())

    async def _set_many(self, values: Iterable[tuple[str, Buffer]]) -> None:
        await asyncio.gather(*(self.set(key, value) for key, value in values))


def _is_chunk(key: str) -> bool:
    return "/c/" in key or key.endswith("/c")
