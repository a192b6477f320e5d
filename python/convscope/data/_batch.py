"""Many sound files as one array of equally long slices, one row per file, in a stated order.

Each file is read whole, resampled, scaled to its own peak, and only then cropped or padded. Scaling before
cropping is what the TensorFlow WaveGAN loader does: a slice is as loud as its part of the file, so its own
peak may be below 1.

Letters: B files, L = `slice_len` samples.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from convscope.data._files import existing_folder, visible_files
from convscope.data._length import Align, fit_length
from convscope.data._sound import SoundError, read_sound
from convscope.data._waveform import peak_normalise

SUFFIXES = (".wav", ".flac", ".ogg")


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Slices of many sounds.

    Attributes
    ----------
    waveforms : (B, L) float32
        One slice per file, full scale ±1.
    names : tuple of str
        The path of each row's file.
    sample_rate_hz : int
        Samples per second of every row.
    lengths : (B,) int64
        Samples of each sound at that rate before it was cropped or padded.
    skipped : tuple of (path, reason)
        Files that could not be read.

    Paths are those given to `load_sounds`; `load_folder` gives them relative to the folder, with "/" between
    their parts.
    """

    waveforms: NDArray[np.float32]
    names: tuple[str, ...]
    sample_rate_hz: int
    lengths: NDArray[np.int64]
    skipped: tuple[tuple[str, str], ...] = ()


def load_sounds(
    paths: Iterable[Path | str] | Path | str,
    *,
    slice_len: int = 16384,
    sample_rate_hz: int = 16000,
    normalise: Literal["peak"] | None = "peak",
    on_error: Literal["raise", "skip"] = "raise",
    align: Align = "start",
) -> Batch:
    """Read sound files into one batch, in the order given.

    Parameters
    ----------
    paths : iterable of paths, or one path
        Any files that `read_sound` reads.
    slice_len : int
        Samples per row.
    sample_rate_hz : int
        Sampling rate of the batch, in Hz.
    normalise : "peak" or None
        Scale each whole file to peak 1 before it is cropped, or leave the levels as they are.
    on_error : "raise" or "skip"
        Whether unreadable files end in an error, after all have been tried, or in `Batch.skipped`.
    align : "start", "centre" or "end"
        Which part of a sound is kept and where zeros go, see `fit_length`.

    Returns
    -------
    Batch
        At least one row.

    Raises
    ------
    SoundError
        If files cannot be read, naming each with its reason; with "skip" only if none can; without paths.
    ValueError
        For a slice below one sample or an unknown option.

    Examples
    --------
    >>> load_sounds(["missing.wav"])
    Traceback (most recent call last):
    convscope.data._sound.SoundError: load_sounds: 1 of 1 files cannot be read
      missing.wav: no such file
    """
    if slice_len < 1:
        raise ValueError(f"load_sounds: expected a slice_len of 1 or more samples, got {slice_len}")
    if normalise not in ("peak", None):
        raise ValueError(f"load_sounds: expected normalise 'peak' or None, got {normalise!r}")
    if on_error not in ("raise", "skip"):
        raise ValueError(f"load_sounds: expected on_error 'raise' or 'skip', got {on_error!r}")
    files = [Path(paths)] if isinstance(paths, str | PathLike) else list(paths)
    if not files:
        raise SoundError("load_sounds", "expected at least one path, got none")
    waveforms = np.zeros((len(files), slice_len), np.float32)  # (B, L)
    names: list[str] = []
    lengths: list[int] = []
    skipped: list[tuple[str, str]] = []
    for path in files:
        try:
            samples = read_sound(path, sample_rate_hz=sample_rate_hz).samples  # (N,)
        except (SoundError, FileNotFoundError) as error:
            skipped.append((str(path), error.reason if isinstance(error, SoundError) else "no such file"))
            continue
        if normalise == "peak":
            samples = peak_normalise(samples)
        waveforms[len(names)] = fit_length(samples, slice_len, align=align)
        names.append(str(path))
        lengths.append(samples.size)
    if skipped and (on_error == "raise" or not names):
        listing = "".join(f"\n  {path}: {reason}" for path, reason in skipped)
        raise SoundError("load_sounds", f"{len(skipped)} of {len(files)} files cannot be read{listing}")
    read = waveforms[: len(names)]
    return Batch(read, tuple(names), sample_rate_hz, np.array(lengths, np.int64), tuple(skipped))


def load_folder(
    folder: Path | str,
    *,
    pattern: str = "**/*",
    slice_len: int = 16384,
    sample_rate_hz: int = 16000,
    normalise: Literal["peak"] | None = "peak",
    on_error: Literal["raise", "skip"] = "raise",
    align: Align = "start",
) -> Batch:
    """Read the sound files of a folder into one batch, in natural order (`2.wav` before `10.wav`).

    A sound file is one whose suffix is in `SUFFIXES`, in any case. Hidden files, and files in hidden folders,
    are ignored: macOS leaves `._ask.wav` beside `ask.wav`.

    Parameters
    ----------
    folder : path
        Where to look.
    pattern : str
        Glob relative to the folder that narrows the choice, such as "*_george_*"; everything below it by
        default.
    slice_len, sample_rate_hz, normalise, on_error, align
        As in `load_sounds`.

    Returns
    -------
    Batch
        At least one row.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is no such folder.
    SoundError
        If it holds no sound file, or as in `load_sounds`.

    Examples
    --------
    >>> import tempfile
    >>> from convscope.data import write_sound
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("10.wav", "9.wav"):
    ...         write_sound(f"{folder}/{name}", np.ones(100), 8000)
    ...     load_folder(folder).names
    ('9.wav', '10.wav')
    """
    folder = existing_folder(folder, "load_folder")
    found = visible_files(folder, suffixes=SUFFIXES, pattern=pattern)
    if not found:
        raise SoundError(folder, f"holds no file that matches {pattern!r} and ends in {', '.join(SUFFIXES)}")
    batch = load_sounds(
        [folder / path for path in found],
        slice_len=slice_len,
        sample_rate_hz=sample_rate_hz,
        normalise=normalise,
        on_error=on_error,
        align=align,
    )
    names = tuple(_relative(name, folder) for name in batch.names)
    return replace(
        batch, names=names, skipped=tuple((_relative(path, folder), why) for path, why in batch.skipped)
    )


def _relative(path: str, folder: Path) -> str:
    return Path(path).relative_to(folder).as_posix()
