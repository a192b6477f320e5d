"""The words of TIMIT, cut at the boundaries that come with it (Garofolo et al., LDC93S1).

Beside each sound lie `.WRD` and `.PHN`: one line for each word or phone, "first-sample past-the-last label".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from convscope.data._files import existing_folder, visible_files
from convscope.data.sources._cut import cut_word
from convscope.data.sources._item import (
    Item,
    LeftOut,
    Segment,
    Setting,
    check_silence,
    check_words,
    describe,
    sound_or_reason,
)
from convscope.data.sources._sequence import check_sequences, sequence_of

# The longest first: copies of TIMIT hold SA1.WAV.wav, the same sound in another container, beside SA1.WAV.
SOUND_SUFFIXES = (".wav.wav", ".wav", ".flac")
SUFFIXES = (*SOUND_SUFFIXES, ".wrd", ".phn")
_LINE = re.compile(r"\s*(\d+)\s+(\d+)\s+(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Timit:
    """The words of TIMIT's tree, as the published models take them: 25 ms of silence on each side.

    An item is named by its utterance and its line in the `.WRD` file, from 0: "TRAIN/DR1/FCJF0/SA1#3". Its
    segments are the phones that overlap the word, clipped to it; without a `.PHN` file there are none. Suffixes
    are matched in any case. Sounds are RIFF or the original NIST SPHERE.

    Attributes
    ----------
    path : path
        The folder with TRAIN and TEST, or any below it.
    words : tuple of str, optional
        The words wanted, in any case; all by default.
    silence_s : float
        Zeros added on each side in seconds, rounded to whole samples.
    sequences : tuple of str, optional
        Instead of words, their beginnings: "TV" is a voiceless stop and the vowel after it, "sTV" the same behind
        [s]. An item lasts from the word's start to the vowel's end and has the sequence as its label; words that
        begin otherwise are not used.

    Raises
    ------
    ValueError
        For words that are no tuple, a negative silence, or an unknown sequence.

    Examples
    --------
    >>> Timit("timit", words=("ask", "wash")).describe()
    {'kind': 'Timit', 'path': 'timit', 'words': ['ask', 'wash'], 'silence_s': 0.025, 'sequences': None}
    """

    path: Path | str
    words: tuple[str, ...] | None = None
    silence_s: float = 0.025
    sequences: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_words(self.words, "Timit")
        check_sequences(self.sequences)
        check_silence(self.silence_s, "Timit")

    def items(self) -> Iterator[Item | LeftOut]:
        """Yield the words of each utterance; an utterance that cannot be used is left out as a whole.

        Raises
        ------
        FileNotFoundError, NotADirectoryError
            If there is no such folder.
        """
        root = existing_folder(self.path, "Timit")
        for name, files in _utterances(root).items():
            sound = next((files[suffix] for suffix in SOUND_SUFFIXES if suffix in files), None)
            if ".wrd" in files and sound:
                yield from self._words(name, root / sound, root / files[".wrd"], files.get(".phn"))
            elif ".wrd" in files or sound:
                yield LeftOut(
                    name, "no .WRD file beside it" if sound else "no sound file beside its .WRD file"
                )

    def describe(self) -> dict[str, Setting]:
        """Return the settings."""
        return describe(self)

    def _words(self, name: str, sound: Path, words: Path, phones: str | None) -> Iterator[Item | LeftOut]:
        wanted = None if self.words is None else {word.casefold() for word in self.words}
        try:
            marks = _read_marks(words)
            phone_marks = _read_marks(Path(self.path) / phones) if phones else []
        except ValueError as error:
            yield LeftOut(name, str(error))
            return
        chosen = [i for i, mark in enumerate(marks) if wanted is None or mark[2].casefold() in wanted]
        if not chosen:
            return
        recording = sound_or_reason(sound)
        if isinstance(recording, str):
            yield LeftOut(name, recording)
            return
        rate_hz = recording.sample_rate_hz
        segments = [_in_seconds(mark, rate_hz) for mark in phone_marks]
        if self.sequences and not segments:
            yield LeftOut(name, "no phones in a .PHN file beside it")
            return
        for i in chosen:
            start, end, label = marks[i]
            word = _in_seconds((start, end, label.lower()), rate_hz)
            if self.sequences:
                beginning = sequence_of(word, segments)
                if beginning is None or beginning.label not in self.sequences:
                    continue
                word = beginning
            yield cut_word(recording, word, segments, name=f"{name}#{i}", silence_s=self.silence_s)


def _utterances(root: Path) -> dict[str, dict[str, str]]:
    """Return for each utterance, in natural order, its files by suffix."""
    found: dict[tuple[str, str], tuple[str, dict[str, str]]] = {}
    for path in visible_files(root, suffixes=SUFFIXES):
        suffix = next(suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix))
        stem = path.name[: -len(suffix)]
        # One folder may hold SA1.WAV beside sa1.wrd.
        key = (path.parent.as_posix(), stem.casefold())
        files = found.setdefault(key, ((path.parent / stem).as_posix(), {}))[1]
        files.setdefault(suffix, path.as_posix())
    return dict(found.values())


def _read_marks(path: Path) -> list[tuple[int, int, str]]:
    marks = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (UnicodeDecodeError, OSError) as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        fields = _LINE.fullmatch(line)
        if fields is None:
            raise ValueError(f"{path.name}, line {number}: expected 'start end label', got {line!r}")
        marks.append((int(fields[1]), int(fields[2]), fields[3]))
    return marks


def read_marks(path: Path | str, sample_rate_hz: int = 16000) -> tuple[Segment, ...]:
    """Return the phones of a `.PHN` file, or the words of a `.WRD` file, in seconds of their recording.

    Raises
    ------
    ValueError
        If the file cannot be read, or a line is no "start end label".
    """
    return tuple(_in_seconds(mark, sample_rate_hz) for mark in _read_marks(Path(path)))


def _in_seconds(mark: tuple[int, int, str], rate_hz: int) -> Segment:
    return Segment(mark[2], mark[0] / rate_hz, mark[1] / rate_hz)
