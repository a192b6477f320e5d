"""Words spoken by espeak-ng in many voices, with the boundaries of their phones: planted truth.

The formant synthesiser gives regular vowels and little variety between speakers, and its voiceless fricatives
are one recording for all voices: enough to test an analysis against known answers, no replacement for human
speech.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convscope.data._espeak import Job, Utterance, speak
from convscope.data._voices import VOICES
from convscope.data._waveform import peak_normalise, resample

# The words of the eight-word ciwGAN (Beguš and Zhou, ICASSP 2022).
WORDS = ("ask", "dark", "greasy", "oily", "rag", "wash", "water", "year")

PITCHES = (20, 80)
RATES_WPM = (120, 260)
FASTEST_WPM = 350  # above, espeak-ng reports phones out of order
SLOWEST_WPM = 80  # below, espeak-ng speaks no slower
PAUSES = ("_", "_:")
REDRAWS = 100
ESPEAK_SEEDS = 2**31
SHOWN_WORDS = 8


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone and its interval.

    Attributes
    ----------
    label : str
        espeak-ng's own mnemonic, `'` before a stressed vowel. It varies with the voice: the [t] of *water* is
        `t` or `t#`, *dark* has an `r` only in Scotland. Match it by pattern, not by equality.
    start_s, end_s : float
        Seconds from the start of the waveform's row, lead-in included.
    """

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Token:
    """One spoken word.

    Attributes
    ----------
    word : str
        What is said.
    voice : str
        espeak-ng's accent and variant, such as `en-us+f1`.
    pitch : int
        Base pitch on espeak-ng's scale of 0 to 99; what it means in Hz depends on the variant.
    rate_wpm : int
        Words per minute.
    phones : tuple of Phone
        In order and without gaps, except where the voice pauses; at least one.
    length : int
        Samples up to the end of the last phone, lead-in included; the rest of the row is zero.
    """

    word: str
    voice: str
    pitch: int
    rate_wpm: int
    phones: tuple[Phone, ...]
    length: int


@dataclass(frozen=True, slots=True, eq=False)
class WordCorpus:
    """Spoken words and what is known of them.

    Attributes
    ----------
    waveforms : (B, L) float32
        One token per row, peak 1.
    tokens : tuple of Token
        What each row holds: all tokens of the first word, then of the second, and so on.
    sample_rate_hz : int
        Samples per second.
    sha256 : str
        Digest of waveforms and tokens; equal for equal corpora.
    """

    waveforms: NDArray[np.float32]
    tokens: tuple[Token, ...]
    sample_rate_hz: int
    sha256: str

    @property
    def words(self) -> tuple[str, ...]:
        """(B,) what each row says."""
        return tuple(token.word for token in self.tokens)

    def __repr__(self) -> str:
        words = list(dict.fromkeys(self.words))
        shown = ", ".join(words[:SHOWN_WORDS]) + (", ..." if len(words) > SHOWN_WORDS else "")
        length = self.waveforms.shape[1]
        return (
            f"WordCorpus({len(self.tokens)} tokens of {shown}; {length} samples at {self.sample_rate_hz} Hz)"
        )


def synthesise_words(
    words: Sequence[str] = WORDS,
    *,
    tokens_per_word: int = 10,
    voices: Sequence[str] | None = None,
    rates_wpm: tuple[int, int] = RATES_WPM,
    seed: int = 0,
    unlike: tuple[int, int] | None = None,
    slice_len: int = 16384,
    sample_rate_hz: int = 16000,
    lead_s: float = 0.025,
) -> WordCorpus:
    """Speak every word several times, each time in a voice, pitch and rate drawn at random.

    The same arguments give the same bits on one machine with the same libraries. The first phone starts at
    `lead_s`: the published models were trained on words with 25 ms of silence before them. A token that does
    not fit its row is an error and is not drawn again, because drawing until it fits would bias durations.
    Every token of `WORDS` fits the default slice.

    Parameters
    ----------
    words : sequence of str
        What to say, in English.
    tokens_per_word : int
        Tokens of each word.
    voices : sequence of str, optional
        espeak-ng's names, an accent or an accent and a variant: "en-us", "en-us+m3". Eight English accents,
        each in 43 variants, unless given.
    rates_wpm : (int, int)
        Slowest and fastest rate in words per minute, from 80 to 350. Tokens of one rate are alike in timing;
        over the default range a slow *rag* is longer than a fast *greasy*.
    seed : int
        Fixes all draws, 0 or more.
    unlike : (int, int), optional
        Seed and tokens per word of another corpus of the same words, voices and rates: nothing is said as
        there, in the same voice at the same pitch and rate. For words that a network has never heard.
    slice_len : int
        Samples per row, L.
    sample_rate_hz : int
        Sampling rate of the result, in Hz; espeak-ng speaks at 22050.
    lead_s : float
        Silence before the word in seconds, rounded to whole samples.

    Returns
    -------
    WordCorpus
        waveforms (B, L) with B = len(words) · tokens_per_word.

    Raises
    ------
    ImportError
        If espeakng-loader is not installed.
    ValueError
        If an argument is out of range, a word has no sound, a token is longer than the slice, or too few are
        unlike those given.
    RuntimeError
        If the synthesiser fails.

    Examples
    --------
    >>> synthesise_words(("ask", "wash"), tokens_per_word=3).waveforms.shape  # doctest: +SKIP
    (6, 16384)
    """
    if isinstance(words, str) or not words or not all(words):
        raise ValueError(f"synthesise_words: expected a sequence of words, got {words!r}")
    if tokens_per_word < 1 or seed < 0 or sample_rate_hz < 1 or lead_s < 0:
        raise ValueError(
            "synthesise_words: expected tokens_per_word ≥ 1, seed ≥ 0, sample_rate_hz ≥ 1 and lead_s ≥ 0, "
            f"got {tokens_per_word}, {seed}, {sample_rate_hz} and {lead_s}"
        )
    voices = VOICES if voices is None else voices
    if isinstance(voices, str) or not voices:
        raise ValueError(f"synthesise_words: expected a sequence of voices, got {voices!r}")
    slowest, fastest = rates_wpm
    if not SLOWEST_WPM <= slowest <= fastest <= FASTEST_WPM:
        raise ValueError(
            f"synthesise_words: expected rates_wpm from {SLOWEST_WPM} to {FASTEST_WPM}, the slowest first, got {rates_wpm}"
        )
    said = _draw(words, unlike[1], voices, rates_wpm, unlike[0]) if unlike else []
    jobs = _draw(words, tokens_per_word, voices, rates_wpm, seed, unlike=frozenset(said))
    lead = round(lead_s * sample_rate_hz)
    waveforms = np.zeros((len(jobs), slice_len), np.float32)  # (B, L)
    tokens = []
    utterances = speak(jobs, seed=seed % ESPEAK_SEEDS)
    for row, (job, utterance) in enumerate(zip(jobs, utterances, strict=True)):
        begin, end, phones = _phones(job, utterance, lead / sample_rate_hz)
        length = math.ceil(phones[-1].end_s * sample_rate_hz)
        if length > slice_len:
            raise ValueError(
                f"synthesise_words: {job.word!r} by {job.voice} at {job.rate_wpm} wpm takes {length} samples "
                f"at {sample_rate_hz} Hz, slice_len is {slice_len}"
            )
        sound = utterance.samples[begin:end].astype(np.float32)  # (N,)
        sound = peak_normalise(resample(sound, utterance.sample_rate_hz, sample_rate_hz))
        waveforms[row, lead : lead + sound.size] = sound
        tokens.append(Token(job.word, job.voice, job.pitch, job.rate_wpm, phones, length))
    digest = hashlib.sha256(waveforms.data)
    digest.update(repr((tokens, sample_rate_hz)).encode())
    return WordCorpus(waveforms, tuple(tokens), sample_rate_hz, digest.hexdigest())


def _draw(
    words: Sequence[str],
    tokens_per_word: int,
    voices: Sequence[str],
    rates_wpm: tuple[int, int],
    seed: int,
    *,
    unlike: frozenset[Job] = frozenset(),
) -> list[Job]:
    generator = np.random.default_rng(seed)

    def drawn(spoken: list[str]) -> list[Job]:
        speakers = generator.integers(len(voices), size=len(spoken)).tolist()
        pitches = generator.integers(*PITCHES, size=len(spoken), endpoint=True).tolist()
        rates = generator.integers(*rates_wpm, size=len(spoken), endpoint=True).tolist()
        return [
            Job(word, voices[speaker], pitch, rate_wpm)
            for word, speaker, pitch, rate_wpm in zip(spoken, speakers, pitches, rates, strict=True)
        ]

    jobs = drawn([word for word in words for _ in range(tokens_per_word)])
    for _ in range(REDRAWS):
        again = [i for i, job in enumerate(jobs) if job in unlike]
        if not again:
            return jobs
        for i, job in zip(again, drawn([jobs[i].word for i in again]), strict=True):
            jobs[i] = job
    raise ValueError(
        f"synthesise_words: expected fewer tokens or more voices and rates, found no {len(jobs)} tokens unlike "
        f"the {len(unlike)} given"
    )


def _phones(job: Job, utterance: Utterance, lead_s: float) -> tuple[int, int, tuple[Phone, ...]]:
    """Return the first and past-the-last sample of the word, and its phones in seconds of the row."""
    labels = [label for label, _ in utterance.events]
    starts = [sample for _, sample in utterance.events]
    ends = [*starts[1:], utterance.samples.size]
    # A phone may have no extent: the Scottish [r] of "year" begins where the pause does.
    heard = [
        (label, start, end)
        for label, start, end in zip(labels, starts, ends, strict=True)
        if label not in PAUSES and end > start
    ]
    if not heard:
        raise ValueError(f"synthesise_words: expected words that can be spoken, {job.word!r} has no sound")
    begin = heard[0][1]
    rate_hz = utterance.sample_rate_hz
    phones = [
        Phone(label, lead_s + (start - begin) / rate_hz, lead_s + (end - begin) / rate_hz)
        for label, start, end in heard
    ]
    return begin, heard[-1][2], tuple(phones)
