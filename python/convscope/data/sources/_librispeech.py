"""The words of recordings with TextGrids, such as LibriSpeech after forced alignment (Panayotov et al., 2015)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from convscope.data._batch import SUFFIXES
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
from convscope.data.sources._textgrid import TextGridError, read_tiers

# What aligners write for silence, noise and words that they do not know.
NO_WORDS = frozenset({"", "<unk>", "sil", "sp", "spn"})


@dataclass(frozen=True, slots=True)
class LibriSpeech:
    """The words of a tree of sounds with TextGrid alignments.

    A sound's TextGrid has its relative path, or else, anywhere in the tree, its stem, which must then be the
    only one.

    An item is named by its sound and its interval in the tier of words, from 0: "84/121123/84-121123-0000#3".
    Its segments are the phones that overlap the word, clipped to it; without a tier of phones there are none.
    Intervals that are empty or marked <unk>, sil, sp or spn are no words and no phones.

    The most frequent words can be skipped and the next ones kept, which reads all TextGrids twice: the deeper
    WaveGAN of Beguš and Zhou (2022) skips 78 and keeps 508. Words as frequent as each other count in
    alphabetical order.

    Attributes
    ----------
    path : path
        The folder of sounds, such as train-clean-360.
    words : tuple of str, optional
        The words wanted, in any case; all by default.
    silence_s : float
        Zeros added on each side in seconds, rounded to whole samples.
    tier, phone_tier : str
        The names of the two tiers.
    alignments : path, optional
        The folder of TextGrids, if they do not lie below `path`.
    skip_most_frequent : int
        How many of the most frequent words are not wanted.
    keep_most_frequent : int, optional
        How many of the rest are wanted; all by default.

    Raises
    ------
    ValueError
        For an argument out of range.

    Examples
    --------
    >>> LibriSpeech("train-clean-360", skip_most_frequent=78, keep_most_frequent=508).tier
    'words'
    """

    path: Path | str
    words: tuple[str, ...] | None = None
    silence_s: float = 0.025
    tier: str = "words"
    phone_tier: str = "phones"
    alignments: Path | str | None = None
    skip_most_frequent: int = 0
    keep_most_frequent: int | None = None

    def __post_init__(self) -> None:
        check_words(self.words, "LibriSpeech")
        check_silence(self.silence_s, "LibriSpeech")
        kept = self.keep_most_frequent
        if self.skip_most_frequent < 0 or (kept is not None and kept < 1):
            raise ValueError(
                "LibriSpeech: expected skip_most_frequent ≥ 0 and keep_most_frequent ≥ 1 or None, "
                f"got {self.skip_most_frequent} and {kept}"
            )

    def items(self) -> Iterator[Item | LeftOut]:
        """Yield the words of each recording; a recording that cannot be used is left out as a whole.

        Raises
        ------
        FileNotFoundError, NotADirectoryError
            If there is no such folder.
        ImportError
            If praatio is not installed.
        """
        root = existing_folder(self.path, "LibriSpeech")
        grid_root = existing_folder(self.alignments or self.path, "LibriSpeech")
        sounds = visible_files(root, suffixes=SUFFIXES)
        grids = visible_files(grid_root, suffixes=(".TextGrid",))
        wanted = self._wanted([grid_root / grid for grid in grids])
        beside = {grid.with_suffix(""): grid for grid in grids}
        grids_by_stem, sounds_by_stem = _by_stem(grids), _by_stem(sounds)
        for sound in sounds:
            name = sound.with_suffix("").as_posix()
            grid = beside.get(sound.with_suffix(""))
            found = [grid] if grid else grids_by_stem.get(sound.stem, [])
            if not found:
                yield LeftOut(name, "no TextGrid of its name")
            elif grid or len(found) == 1 == len(sounds_by_stem[sound.stem]):
                yield from self._words(name, root / sound, grid_root / found[0], wanted)
            else:
                listing = ", ".join(path.as_posix() for path in (*sounds_by_stem[sound.stem], *found))
                yield LeftOut(name, f"its name is not the only one: {listing}")
        for stem, paths in grids_by_stem.items():
            if stem not in sounds_by_stem:
                yield from (LeftOut(path.as_posix(), "no sound of its name") for path in paths)

    def describe(self) -> dict[str, Setting]:
        """Return the settings."""
        return describe(self)

    def _wanted(self, grids: list[Path]) -> frozenset[str] | None:
        """Return the words wanted in lower case, None for all."""
        listed = None if self.words is None else frozenset(word.lower() for word in self.words)
        if self.skip_most_frequent == 0 and self.keep_most_frequent is None:
            return listed
        counts: Counter[str] = Counter()
        for grid in grids:
            try:
                marks = read_tiers(grid, (self.tier,)).get(self.tier, [])
            except TextGridError:
                continue  # named when the recording's turn comes
            counts.update(mark.label.lower() for mark in marks if _is_said(mark))
        ranked = sorted(counts, key=lambda word: (-counts[word], word))[self.skip_most_frequent :]
        frequent = frozenset(ranked[: self.keep_most_frequent])
        return frequent if listed is None else frequent & listed

    def _words(
        self, name: str, sound: Path, grid: Path, wanted: frozenset[str] | None
    ) -> Iterator[Item | LeftOut]:
        try:
            tiers = read_tiers(grid, (self.tier, self.phone_tier))
        except TextGridError as error:
            yield LeftOut(name, str(error))
            return
        if self.tier not in tiers:
            yield LeftOut(name, f"{grid.name} has no tier {self.tier!r}")
            return
        words = tiers[self.tier]
        chosen = [i for i, word in enumerate(words) if _is_said(word) and _is_in(word, wanted)]
        if not chosen:
            return
        recording = sound_or_reason(sound)
        if isinstance(recording, str):
            yield LeftOut(name, recording)
            return
        phones = [phone for phone in tiers.get(self.phone_tier, []) if _is_said(phone)]
        for i in chosen:
            word = replace(words[i], label=words[i].label.lower())
            yield cut_word(recording, word, phones, name=f"{name}#{i}", silence_s=self.silence_s)


def _by_stem(paths: list[Path]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in paths:
        found.setdefault(path.stem, []).append(path)
    return found


def _is_said(mark: Segment) -> bool:
    return mark.label.strip().lower() not in NO_WORDS


def _is_in(word: Segment, wanted: frozenset[str] | None) -> bool:
    return wanted is None or word.label.lower() in wanted
