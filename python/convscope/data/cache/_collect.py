"""What happens to each item on its way into a cache."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from convscope.data._waveform import resample
from convscope.data.cache._part import is_withheld
from convscope.data.cache._quantise import SMALLEST_PEAK, quantise
from convscope.data.cache._table import GrowingTable, Table
from convscope.data.sources._item import Item, LeftOut


@dataclass(frozen=True, slots=True)
class Settings:
    """How a cache is made, see `build_cache`."""

    sample_rate_hz: int
    withhold: float
    seed: int
    shortest_s: float
    silence_below: float

    def __post_init__(self) -> None:
        if self.sample_rate_hz < 1:
            raise ValueError(f"build_cache: expected a positive sample_rate_hz, got {self.sample_rate_hz}")
        if not 0 <= self.withhold <= 1:
            raise ValueError(f"build_cache: expected withhold from 0 to 1, got {self.withhold}")
        if not (0 <= self.shortest_s < np.inf and 0 <= self.silence_below < np.inf):
            raise ValueError(
                "build_cache: expected shortest_s ≥ 0 and silence_below ≥ 0, "
                f"got {self.shortest_s} and {self.silence_below}"
            )


class Collector:
    """Writes the samples of items to an open file, and keeps the rest for the table."""

    def __init__(self, settings: Settings, file: BinaryIO) -> None:
        self.left_out: list[LeftOut] = []
        self._settings = settings
        self._file = file
        self._digest = hashlib.sha256()
        self._table = GrowingTable()
        self._names: set[bytes] = set()  # as digests, which are shorter

    @property
    def count(self) -> int:
        """Items taken."""
        return len(self._table)

    def take(self, item: Item | LeftOut) -> None:
        """Write an item, or note why it is left out."""
        if isinstance(item, LeftOut):
            self.left_out.append(item)
            return
        prepared = self._samples(item)
        if isinstance(prepared, str):
            self.left_out.append(LeftOut(item.name, prepared))
            return
        integers, scale = quantise(prepared)
        content = integers.astype("<i2", copy=False).data
        self._file.write(content)
        self._digest.update(content)
        chosen = self._settings
        withheld = is_withheld(item.name, fraction=chosen.withhold, seed=chosen.seed)
        if item.part is not None:
            withheld = item.part == "withheld"
        self._table.add(item.name, item.label, item.segments, integers, scale, withheld=withheld)

    def table(self) -> Table:
        """Return the properties of all items taken."""
        return self._table.done()

    def sha256(self) -> str:
        """Return the digest of all samples written."""
        return self._digest.hexdigest()

    def _samples(self, item: Item) -> NDArray[np.float32] | str:
        """Return the item at the cache's rate, or why it is left out."""
        name = hashlib.blake2b(item.name.encode(errors="surrogateescape"), digest_size=16).digest()
        if name in self._names:
            return "an item of this name came before"
        self._names.add(name)
        sound, settings = item.sound, self._settings
        if sound.samples.size == 0:
            return "empty: no samples"
        if sound.duration_s < settings.shortest_s:
            return f"too short: {sound.duration_s:.4g} s of {settings.shortest_s:g} s"
        samples = resample(sound.samples, sound.sample_rate_hz, settings.sample_rate_hz)
        if samples.size == 0:
            return f"empty: no samples at {settings.sample_rate_hz} Hz"
        peak = max(float(samples.max()), -float(samples.min()))
        if not np.isfinite(peak):
            return "not finite: it holds NaN or infinity"
        # In float32 like the samples: 0.001 as one is a little above 0.001.
        if peak <= np.float32(settings.silence_below) or peak < SMALLEST_PEAK:
            return f"silent: its peak is {peak:g}"
        return samples
