"""From a source to a cache in one pass: one sound in memory at a time, whatever their number."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from convscope._folders import whole_folder
from convscope.data.cache._cache import Cache, open_cache
from convscope.data.cache._collect import Collector, Settings
from convscope.data.cache._format import (
    DESCRIPTION,
    FILES,
    ITEMS,
    SAMPLES,
    CacheError,
    description_bytes,
    table_bytes,
)
from convscope.data.sources._item import Source

REASONS_SHOWN = 5


def build_cache(
    source: Source,
    folder: Path | str,
    *,
    sample_rate_hz: int = 16000,
    withhold: float = 0.2,
    seed: int = 0,
    shortest_s: float = 0.0,
    silence_below: float = 0.0,
    replace: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Cache:
    """Write the items of a source to a folder, resampled, as 16-bit integers; all of them or, on an error, nothing.

    A sound that is 16-bit PCM at this rate keeps its integers. Any other is scaled so that its peak becomes
    32767 and the scale is kept: integer times scale is the level to half a step. Sounds that are empty, silent,
    too short, not finite, or named like one before are left out by name, beside those the source leaves out.

    Parameters
    ----------
    source : Source
        Where items come from, see `open_source`.
    folder : path
        A new one. It is written beside its place and renamed.
    sample_rate_hz : int
        Sampling rate of the cache, in Hz.
    withhold : float
        Of all items, how many are kept from training, 0 to 1. Which ones depends on `seed` and their names
        only, so that new files move no others, unless the source decides for itself.
    seed : int
        Another seed withholds others.
    shortest_s : float
        Shorter items are left out, in seconds.
    silence_below : float
        Items are left out if no sample exceeds this level, full scale = 1.
    replace : bool
        Whether the folder may be a cache already; that is replaced as a whole, and remains as it was if
        anything fails.
    progress : callable, optional
        Called after each item with the number of those seen so far.

    Returns
    -------
    Cache
        Opened.

    Raises
    ------
    FileExistsError
        If the folder is there and `replace` is false, or it holds other files than a cache's.
    CacheError
        If no item is left, with the first reasons.
    ValueError
        For an argument out of range.
    OSError
        If the disk is full, and what else can happen to files.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from convscope.data import Folder, write_sound
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, level in (("tone.wav", 0.5), ("silence.wav", 0.0)):
    ...         write_sound(f"{folder}/{name}", np.full(8000, level), 16000)
    ...     cache = build_cache(Folder(folder), f"{folder}/cache")
    >>> cache.samples(0)[:3], cache.left_out[0].reason
    (array([16384, 16384, 16384], dtype=int16), 'silent: its peak is 0')
    """
    settings = Settings(sample_rate_hz, withhold, seed, shortest_s, silence_below)
    folder = Path(folder)
    _check_place(folder, replace=replace)
    description = {"source": source.describe(), "settings": asdict(settings)}
    json.dumps(description)  # now, not after an hour's pass
    with whole_folder(folder, replace=replace) as made:
        _write(source, made, settings, description, progress)
    return open_cache(folder)


def _check_place(folder: Path, *, replace: bool) -> None:
    if not folder.exists():
        return
    if not replace:
        raise FileExistsError(f"{folder}: is there already")
    # The whole folder is replaced: a wrong path must not cost anyone their recordings.
    others = (
        sorted(path.name for path in folder.iterdir() if path.name not in FILES)
        if folder.is_dir()
        else ["a file"]
    )
    if others:
        raise FileExistsError(
            f"{folder}: is no cache, it holds {', '.join(others[:REASONS_SHOWN])}: not replaced"
        )


def _write(
    source: Source,
    made: Path,
    settings: Settings,
    description: dict[str, Any],
    progress: Callable[[int], None] | None,
) -> None:
    with (made / SAMPLES).open("xb") as file:
        collector = Collector(settings, file)
        for seen, item in enumerate(source.items(), start=1):
            collector.take(item)
            if progress is not None:
                progress(seen)
    if collector.count == 0:
        raise CacheError(_nothing_left(collector, description["source"]))
    table = collector.table()
    content = table_bytes(table)
    (made / ITEMS).write_bytes(content)
    counts = {
        "items": len(table.names),
        "withheld": int(table.withheld.sum()),
        "samples": int(table.offsets[-1]),
        "segments": int(table.segment_offsets[-1]),
        "left_out": len(collector.left_out),
    }
    digests = {SAMPLES: collector.sha256(), ITEMS: hashlib.sha256(content).hexdigest()}
    left_out = [[item.name, item.reason] for item in collector.left_out]
    whole = {
        "sample_rate_hz": settings.sample_rate_hz,
        "counts": counts,
        **description,
        "sha256": digests,
        "left_out": left_out,
    }
    (made / DESCRIPTION).write_bytes(description_bytes(whole))


def _nothing_left(collector: Collector, source: dict[str, Any]) -> str:
    reasons = [f"\n  {item.name}: {item.reason}" for item in collector.left_out[:REASONS_SHOWN]]
    more = len(collector.left_out) - len(reasons)
    listing = "".join(reasons) + (f"\n  and {more} more" if more else "")
    return f"build_cache: no item to train on in {source}, {len(collector.left_out)} left out{listing}"
