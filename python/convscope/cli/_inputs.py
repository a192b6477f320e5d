"""INPUT on the command line: sounds, arrays or random numbers become one batch.

Letters: B samples.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ._console import note
from ._errors import Failure, Misuse, closest, siblings

if TYPE_CHECKING:
    from ..data import Batch

Numbers = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the network reads: one sample's shape, and for sound its rate."""

    shape: tuple[int, ...]
    is_sound: bool
    sample_rate_hz: int

    def __str__(self) -> str:
        size = " x ".join(map(str, self.shape))
        return (
            f"sound of {size} samples at {self.sample_rate_hz} Hz"
            if self.is_sound
            else f"{size} latent variables"
        )


@dataclass(frozen=True, slots=True)
class Samples:
    """values (B, *shape), where each comes from (a path, or array[row]), and the files that were left out."""

    values: Numbers
    names: tuple[str, ...]
    skipped: tuple[str, ...] = ()


def read_inputs(
    texts: Sequence[str], wanted: Wanted, *, on_error: Literal["raise", "skip"] = "raise"
) -> Samples:
    """Read all in the order given; neighbouring sound files together, so that all bad ones are named at once.

    Raises
    ------
    Misuse
        For a missing file, or one that is not what the network reads.
    Failure
        For files that cannot be read, each by name, unless unreadable sounds are to be skipped.
    """
    parts: list[Samples] = []
    for kind, group in itertools.groupby(texts, _kind):
        if kind == "sounds":
            parts.append(_sounds([Path(text) for text in group], wanted, on_error))
        else:
            parts += [_random(text, wanted) if kind == "random" else _array(text, wanted) for text in group]
    return _joined(parts)


def _joined(parts: Sequence[Samples]) -> Samples:
    return Samples(
        np.concatenate([part.values for part in parts]),
        tuple(name for part in parts for name in part.names),
        tuple(name for part in parts for name in part.skipped),
    )


def _kind(text: str) -> str:
    if text.startswith("random:"):
        return "random"
    return "array" if text.endswith((".npy", ".npz")) or ".npz:" in text else "sounds"


def _random(text: str, wanted: Wanted) -> Samples:
    try:
        count, seed = (int(number) for number in [*text.split(":")[1:], "0"][:2])
    except ValueError:
        count = seed = -1
    if count < 1 or seed < 0 or text.count(":") > 2:
        raise Misuse(
            f"INPUT: expected random:COUNT[:SEED] with whole numbers, such as random:16, got {text!r}"
        )
    values = np.random.default_rng(seed).uniform(-1, 1, (count, *wanted.shape))
    return Samples(values, tuple(f"{text}[{i}]" for i in range(count)))


def _array(text: str, wanted: Wanted) -> Samples:
    head, mark, name = text.partition(".npz:")
    path = Path(head + ".npz" if mark else text)
    _check_exists(path)
    try:
        loaded = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise Failure(f"{path}: cannot be read as an array: {error}") from error
    if isinstance(loaded, np.lib.npyio.NpzFile):
        with loaded:
            if not name and len(loaded.files) == 1:
                name = loaded.files[0]
            if name not in loaded.files:
                raise Misuse(
                    f"INPUT: expected {path}:NAME with one of {', '.join(loaded.files)}, got {text!r}"
                )
            loaded = loaded[name]
    if loaded.shape == wanted.shape:
        loaded = loaded[None]
    if loaded.dtype.kind not in "fiu" or loaded.shape[1:] != wanted.shape:
        size = ", ".join(map(str, wanted.shape))
        raise Misuse(
            f"INPUT: {text}: the network reads {wanted}: expected real numbers (B, {size}), "
            f"got {loaded.dtype} {loaded.shape}"
        )
    if len(loaded) == 0:
        raise Misuse(f"INPUT: {text}: expected at least one sample, got {loaded.shape}")
    return Samples(loaded, tuple(f"{text}[{i}]" for i in range(len(loaded))))


def _sounds(paths: Sequence[Path], wanted: Wanted, on_error: Literal["raise", "skip"]) -> Samples:
    from ..data import SoundError, load_folder, load_sounds

    for path in paths:
        _check_exists(path)
    if not wanted.is_sound:
        raise Misuse(
            f"INPUT: the network reads {wanted}, not sound: give a .npy or .npz file or random:COUNT, got {paths[0]}"
        )
    options: dict[str, Any] = {
        "slice_len": wanted.shape[-1],
        "sample_rate_hz": wanted.sample_rate_hz,
        "on_error": on_error,
    }
    parts = []
    try:
        for is_folder, group in itertools.groupby(paths, Path.is_dir):
            if is_folder:
                parts += [_from(f"{folder}/", load_folder(folder, **options), wanted) for folder in group]
            else:
                parts.append(_from("", load_sounds(group, **options), wanted))
    except SoundError as error:  # "2 of 9 files cannot be read", then a line for each
        reason = error.reason.replace("\n  ", ": ", 1).replace("\n  ", "; ")
        raise Failure(reason if error.where == "load_sounds" else f"{error.where}: {reason}") from error
    return _joined(parts)


def _from(folder: str, batch: Batch, wanted: Wanted) -> Samples:
    for name, reason in batch.skipped:
        note(f"skipped {folder}{name}: {reason}")
    return Samples(
        batch.waveforms.reshape(-1, *wanted.shape),
        tuple(folder + name for name in batch.names),
        tuple(folder + name for name, _ in batch.skipped),
    )


def _check_exists(path: Path) -> None:
    if not path.exists():
        raise Misuse(f"INPUT: no such file or folder: {path}{closest(path.name, siblings(path))}")
