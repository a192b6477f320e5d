"""Layer series as sounds for Praat: TASLP's way, values above 1 clipped, 16 kHz WAV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from convscope.data import write_sound

from ._measure import expect
from ._source import source_of
from ._wave import PUBLISHED_RATE_HZ, as_published


def write_layer_sounds(
    folder: Path | str,
    source: Any,
    *,
    rate_hz: float | None = None,
    start_s: float = 0.0,
    reduction: str | None = None,
) -> tuple[Path, ...]:
    """Write each series as a sound file ``<sound>-<layer>.wav``, drawn out to 16 kHz by straight lines.

    Means stay in, as in the paper; every layer's file lasts as long as the output's, so that annotations fit
    all. To measure layers, prefer `measure`, which looks at the series themselves.

    Parameters
    ----------
    folder : path
        Made where it is not there; files of the same names are replaced.
    source, rate_hz, start_s, reduction
        As for `measure`.

    Returns
    -------
    tuple of Path

    Raises
    ------
    ValueError
        If a layer is faster than 16 kHz, or a series is not finite.
    """
    found = source_of(source, rate_hz=rate_hz, start_s=start_s, reduction=reduction)
    for layer in found.layers:
        expect(layer.rate_hz <= PUBLISHED_RATE_HZ, f"rate of {layer.name}", "at most 16000 Hz", layer.rate_hz)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for sound, waves in enumerate(zip(*(layer.waves() for layer in found.layers), strict=True)):
        for layer, wave in zip(found.layers, waves, strict=True):
            path = folder / f"{sound:06d}-{layer.name or 'series'}.wav"
            write_sound(path, as_published(wave).values, int(PUBLISHED_RATE_HZ))
            written.append(path)
    return tuple(written)
