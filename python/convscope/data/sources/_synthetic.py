"""Synthetic words as a source: something to train on that needs no corpus."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from convscope.data._sound import Sound
from convscope.data._voices import VOICES
from convscope.data._words import RATES_WPM, WORDS, WordCorpus, synthesise_words
from convscope.data.sources._item import Item, LeftOut, Segment, Setting, check_words, describe


@dataclass(frozen=True, slots=True)
class SyntheticWords:
    """Words spoken by a synthesiser, with their phones: `synthesise_words` as items.

    Items are named "ask#0", "ask#1" and so on, and end where their last phone does. All words are spoken in one
    call and held in memory, 64 kB each, because the synthesiser's bits depend on everything said before:
    speaking them in portions would give other sounds.

    Attributes
    ----------
    words : tuple of str
        What to say, each once.
    tokens_per_word : int
        Items of each word.
    voices, rates_wpm, seed, unlike, slice_len, sample_rate_hz, lead_s
        As in `synthesise_words`.

    Raises
    ------
    ValueError
        For words that are no tuple or not distinct.

    Examples
    --------
    >>> SyntheticWords(("ask", "wash"), tokens_per_word=1000).describe()["words"]
    ['ask', 'wash']
    """

    words: tuple[str, ...] = WORDS
    tokens_per_word: int = 100
    voices: tuple[str, ...] = VOICES
    rates_wpm: tuple[int, int] = RATES_WPM
    seed: int = 0
    unlike: tuple[int, int] | None = None
    slice_len: int = 16384
    sample_rate_hz: int = 16000
    lead_s: float = 0.025

    def __post_init__(self) -> None:
        check_words(self.words, "SyntheticWords")
        if len(set(self.words)) < len(self.words):
            raise ValueError(f"SyntheticWords: expected each word once, got {self.words!r}")

    def corpus(self) -> WordCorpus:
        """Speak all tokens.

        Raises
        ------
        ImportError, ValueError, RuntimeError
            As `synthesise_words`.
        """
        return synthesise_words(
            self.words,
            tokens_per_word=self.tokens_per_word,
            voices=self.voices,
            rates_wpm=self.rates_wpm,
            seed=self.seed,
            unlike=self.unlike,
            slice_len=self.slice_len,
            sample_rate_hz=self.sample_rate_hz,
            lead_s=self.lead_s,
        )

    def items(self) -> Iterator[Item | LeftOut]:
        """Yield all tokens of the first word, then of the second, and so on.

        Raises
        ------
        ImportError, ValueError, RuntimeError
            As `synthesise_words`.
        """
        corpus = self.corpus()
        for row, token in enumerate(corpus.tokens):
            sound = Sound(corpus.waveforms[row, : token.length], corpus.sample_rate_hz)
            phones = tuple(Segment(phone.label, phone.start_s, phone.end_s) for phone in token.phones)
            yield Item(f"{token.word}#{row % self.tokens_per_word}", sound, token.word, phones)

    def describe(self) -> dict[str, Setting]:
        """Return the settings."""
        return describe(self)
