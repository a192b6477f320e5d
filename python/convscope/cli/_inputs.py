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

NAMED = 3  # sounds in a note; --json names all


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the network reads: one sample's shape, and for sound its rate."""

    shape: tuple[int, ...]
    is_sound: bool
    sample_rate_hz: int
    categories: int = 0  # entries of a one-hot code that the latent variables begin with

    def __str__(self) -> str:
        size = " x ".join(map(str, self.shape))
        return (
            f"sound of {size} samples at {self.sample_rate_hz} Hz"
            if self.is_sound
            else f"{size} latent variables"
        )


@dataclass(frozen=True, slots=True)
class Samples:
    """values (B, *shape), where each comes from (a path, or array[row]), and what became of sound files.

    ``lengths`` are those of sounds at the network's rate before they were cut or padded, or of an array's rows.
    """

    values: Numbers
    names: tuple[str, ...]
    lengths: tuple[int, ...]
    skipped: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()  # files without a sample that is not zero, in the slice

    def cut(self, slice_len: int) -> tuple[tuple[str, int], ...]:
        """(name, samples) of those that are longer than the slice."""
        return tuple((n, m) for n, m in zip(self.names, self.lengths, strict=True) if m > slice_len)


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
        tuple(length for part in parts for length in part.lengths),
        tuple(name for part in parts for name in part.skipped),
        tuple(name for part in parts for name in part.silent),
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
    generator = np.random.default_rng(seed)
    values = generator.uniform(-1, 1, (count, *wanted.shape))
    if wanted.categories:  # drawn last: the other variables are those of a generator without codes
        categories = generator.integers(wanted.categories, size=count)  # (B,)
        values[:, : wanted.categories] = np.eye(wanted.categories)[categories]
    return _rows(text, values)


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
    return _rows(text, loaded)


def _rows(text: str, values: Numbers) -> Samples:
    """Samples by number, of one length."""
    count = len(values)
    return Samples(values, tuple(f"{text}[{i}]" for i in range(count)), (values.shape[-1],) * count)


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
    names = tuple(folder + name for name in batch.names)
    is_silent = np.abs(batch.waveforms).max(axis=1) == 0  # (B,)
    return Samples(
        batch.waveforms.reshape(-1, *wanted.shape),
        names,
        tuple(batch.lengths.tolist()),
        tuple(folder + name for name, _ in batch.skipped),
        tuple(name for name, silent in zip(names, is_silent, strict=True) if silent),
    )


def note_changes(samples: Samples, wanted: Wanted) -> None:
    """Say on stderr which sounds were cut, and which hold nothing to probe."""
    if not wanted.is_sound:
        return
    slice_len, rate_hz = wanted.shape[-1], wanted.sample_rate_hz
    cut = samples.cut(slice_len)
    if cut:
        names = _few([f"{name} ({length / rate_hz:.1f} s)" for name, length in cut])
        verbs = "is longer than the slice ({} s) and was cut" if len(cut) == 1 else (
            "are longer than the slice ({} s) and were cut"
        )  # fmt: skip
        count = len(samples.names)
        of = f"{len(cut)} of {count} sound{'s' * (count != 1)}"
        note(f"{of} {verbs.format(f'{slice_len / rate_hz:.4g}')}: {names}")
    longer = {name for name, _ in cut}
    whole = [name for name in samples.silent if name not in longer]
    begun = [name for name in samples.silent if name in longer]
    if whole:
        note(f"silent after mixing to mono: {_few(whole)}")
    if begun:
        note(f"silent in the slice that is probed: {_few(begun)}")


def _few(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _check_exists(path: Path) -> None:
    if not path.exists():
        raise Misuse(f"INPUT: no such file or folder: {path}{closest(path.name, siblings(path))}")
