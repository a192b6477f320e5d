"""One sound: from a file, to a file.

libsndfile decodes and encodes. A 16-bit integer k is the float k / 32768, exactly, so a PCM file that is read
and written again holds the same integers; +1.0 becomes 32767, the largest there is. What is written is
checked and encoded in memory, put beside its target and renamed: a file is either the old one or the whole
new one.

Letters: N samples, C channels.
"""

from __future__ import annotations

import errno
import io
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import soundfile  # type: ignore[import-untyped]
from numpy.typing import NDArray

from convscope.data._waveform import resample

Samples: TypeAlias = NDArray[np.float32] | NDArray[np.float64]


class SoundError(ValueError):
    """A sound that cannot be used: where it is, and why."""

    def __init__(self, where: Path | str, reason: str) -> None:
        super().__init__(where, reason)
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """A mono waveform with its sampling rate.

    Attributes
    ----------
    samples : (N,) float32
        Full scale is ±1.
    sample_rate_hz : int
        Samples per second.
    """

    samples: NDArray[np.float32]
    sample_rate_hz: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.dtype != np.float32:
            raise ValueError(f"Sound: expected (N,) float32, got {self.samples.shape} {self.samples.dtype}")
        if self.sample_rate_hz <= 0:
            raise ValueError(f"Sound: expected a positive sample_rate_hz, got {self.sample_rate_hz}")

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples.size / self.sample_rate_hz


def read_sound(path: Path | str, *, sample_rate_hz: int | None = None) -> Sound:
    """Read a sound file as one float32 waveform: the mean of its channels, resampled if asked.

    PCM files lie in [-1, 1]. Files of floats keep what they hold, and resampling may overshoot full scale a
    little: neither is clipped here. A WAV, OGG or MP3 file that was cut off is read as the shorter sound that
    it now is: libsndfile does not tell.

    Parameters
    ----------
    path : path
        Any file that libsndfile decodes: WAV, FLAC, OGG, MP3, AIFF and others.
    sample_rate_hz : int, optional
        Sampling rate wanted, in Hz; that of the file by default.

    Returns
    -------
    Sound
        samples (N,) float32, all finite, N ≥ 1.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    SoundError
        If the file cannot be decoded, or holds no samples or non-finite ones.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_sound(f"{folder}/silence.wav", np.zeros(22050), 22050)
    ...     read_sound(f"{folder}/silence.wav", sample_rate_hz=16000).samples.shape
    (16000,)
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, "no such sound file", str(path))
    samples, file_hz = _decode(path)  # (N,)
    broken = np.count_nonzero(~np.isfinite(samples))
    if broken:
        raise SoundError(path, f"{broken} of {samples.size} samples are not finite")
    rate_hz = file_hz if sample_rate_hz is None else sample_rate_hz
    samples = resample(samples, file_hz, rate_hz)
    if samples.size == 0:
        raise SoundError(path, f"holds no samples at {rate_hz} Hz")
    return Sound(samples, rate_hz)


def write_sound(
    path: Path | str,
    samples: Samples,
    sample_rate_hz: int,
    *,
    subtype: str = "PCM_16",
    clip: bool = False,
) -> None:
    """Write one waveform to a sound file, whole or not at all.

    Parameters
    ----------
    path : path
        Its suffix names the format: .wav, .flac, .ogg and what else libsndfile writes.
    samples : (N,) float32 or float64
        Full scale is ±1.
    sample_rate_hz : int
        Samples per second.
    subtype : str
        libsndfile's name of the encoding: "PCM_16", "PCM_24", "FLOAT", "VORBIS" and others.
    clip : bool
        Limit values beyond full scale to ±1 instead of refusing them.

    Raises
    ------
    ValueError
        If `samples` is not one finite waveform within [-1, 1], the rate is not positive, or the format has no
        such encoding. Nothing is written then.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_sound(f"{folder}/full_scale.wav", np.array([1.0, -1.0]), 16000)
    ...     read_sound(f"{folder}/full_scale.wav").samples
    array([ 0.9999695, -1.       ], dtype=float32)
    """
    path = Path(path)
    encoding = path.suffix.removeprefix(".").upper()
    if not soundfile.check_format(encoding, subtype):
        known = ", ".join(soundfile.available_subtypes(encoding)) or "none, libsndfile does not know it"
        raise ValueError(
            f"write_sound: {path.name} cannot hold {subtype!r}; encodings of its format: {known}"
        )
    if sample_rate_hz <= 0:
        raise ValueError(f"write_sound: expected a positive sample_rate_hz, got {sample_rate_hz}")
    limited = _within_full_scale(samples, clip=clip)
    encoded = io.BytesIO()
    soundfile.write(encoded, limited, sample_rate_hz, subtype=subtype, format=encoding)
    _replace(path, encoded.getvalue())


def _decode(path: Path) -> tuple[NDArray[np.float32], int]:
    try:
        with soundfile.SoundFile(path) as file:
            channels: NDArray[np.float32] = file.read(dtype="float32", always_2d=True)  # (N, C)
            return channels.mean(axis=1), file.samplerate
    # TypeError: a .raw file does not say its format. MemoryError: a broken FLAC header claims 2^36 samples.
    except (soundfile.SoundFileError, TypeError, MemoryError) as error:
        raise SoundError(path, getattr(error, "error_string", str(error))) from error


def _within_full_scale(samples: Samples, *, clip: bool) -> Samples:
    if samples.ndim != 1 or samples.size == 0 or samples.dtype not in (np.float32, np.float64):
        raise ValueError(
            "write_sound: expected (N,) float32 or float64 with N ≥ 1, "
            f"got shape {samples.shape} {samples.dtype}"
        )
    broken = np.count_nonzero(~np.isfinite(samples))
    if broken:
        raise ValueError(f"write_sound: {broken} of {samples.size} samples are not finite")
    beyond = np.count_nonzero(np.abs(samples) > 1)
    if beyond and clip:
        limited: Samples = samples.clip(-1, 1)
        return limited
    if beyond:
        raise ValueError(
            f"write_sound: {beyond} of {samples.size} samples lie outside [-1, 1], the peak is "
            f"{np.abs(samples).max():.4g}; use peak_normalise or clip=True"
        )
    return samples


def _replace(path: Path, content: bytes) -> None:
    # Not tempfile, whose files only their owner may read. Hidden, so that load_folder never sees it.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
