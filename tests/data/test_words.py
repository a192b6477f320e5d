"""Synthetic words: reproducible, in their rows, and with boundaries where the sound changes."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from convscope import data
from convscope.data._espeak import Job, speak


@pytest.fixture(scope="module")
def corpus():
    pytest.importorskip(
        "espeakng_loader", reason="espeakng-loader (the extra convscope[speech]) is not installed"
    )
    return data.synthesise_words(tokens_per_word=12)


def centroid_hz(samples, sample_rate_hz):
    power = np.abs(np.fft.rfft(samples * np.hanning(samples.size))) ** 2
    return (power * np.fft.rfftfreq(samples.size, 1 / sample_rate_hz)).sum() / power.sum()


def sound_of(corpus, row, phone):
    start, end = (round(time_s * corpus.sample_rate_hz) for time_s in (phone.start_s, phone.end_s))
    return corpus.waveforms[row, start:end]


def test_tokens_are_listed_word_by_word_in_many_voices(corpus):
    assert [token.word for token in corpus.tokens] == [word for word in data.WORDS for _ in range(12)]
    assert len({token.voice for token in corpus.tokens}) > 48
    assert len({token.pitch for token in corpus.tokens}) > 24
    assert {120 <= token.rate_wpm <= 260 for token in corpus.tokens} == {True}


def test_rows_hold_one_token_each(corpus):
    assert corpus.waveforms.shape == (96, 16384)
    assert corpus.waveforms.dtype == np.float32
    np.testing.assert_array_equal(np.abs(corpus.waveforms).max(axis=1), 1)
    for row, token in zip(corpus.waveforms, corpus.tokens, strict=True):
        assert token.length <= 16384
        assert not row[:400].any(), "25 ms of silence lead"
        assert row[400:800].any(), "the word follows them"
        assert row[token.length - 400 : token.length].any()
        assert not row[token.length :].any()


def test_boundaries_increase_within_the_token(corpus):
    for token in corpus.tokens:
        times_s = [time_s for phone in token.phones for time_s in (phone.start_s, phone.end_s)]
        assert times_s == sorted(times_s)
        assert all(phone.start_s < phone.end_s for phone in token.phones)
        assert times_s[0] == 0.025
        assert token.length - 1 <= times_s[-1] * corpus.sample_rate_hz <= token.length
        assert not {"_", "_:"} & {phone.label for phone in token.phones}


@pytest.mark.parametrize(("word", "fricative", "vowel"), [("ask", "s", "'aa"), ("wash", "S", "'0")])
def test_fricatives_are_where_the_boundaries_say(corpus, word, fricative, vowel):
    rows = [row for row, token in enumerate(corpus.tokens) if token.word == word]
    assert len(rows) == 12
    for row in rows:
        phones = {phone.label: phone for phone in corpus.tokens[row].phones}
        hiss, voice = (sound_of(corpus, row, phones[label]) for label in (fricative, vowel))
        # espeak-ng puts the closure of [k] into the [s] of "ask": its first half is pure hiss.
        assert centroid_hz(hiss[: hiss.size // 2], 16000) > 2500 > centroid_hz(voice, 16000)


@pytest.mark.parametrize(("word", "fricative"), [("ask", "s"), ("wash", "S")])
def test_fricatives_begin_within_2_ms_of_their_boundary(corpus, word, fricative):
    rows = [row for row, token in enumerate(corpus.tokens) if token.word == word]
    assert len(rows) == 12
    for row in rows:
        phone = next(phone for phone in corpus.tokens[row].phones if phone.label == fricative)
        start, end = round(phone.start_s * 16000), round(phone.end_s * 16000)
        # Above 4.5 kHz these voices have nothing but fricatives and bursts.
        spectrum = np.fft.rfft(corpus.waveforms[row])
        spectrum[: 4500 * 16384 // 16000] = 0
        level = np.sqrt(np.convolve(np.fft.irfft(spectrum) ** 2, np.ones(32) / 32, mode="same"))
        inside = start + (end - start) // 3
        is_quiet = level[:inside] < 0.3 * level[inside - 100 : inside + 100].mean()
        onset = np.flatnonzero(is_quiet)[-1]
        assert abs(onset - start) <= 32, corpus.tokens[row]


def test_durations_follow_the_rate(corpus):
    for word in data.WORDS:
        said = [token for token in corpus.tokens if token.word == word]
        periods = [1 / token.rate_wpm for token in said]
        assert np.corrcoef(periods, [token.length for token in said])[0, 1] > 0.5, word


@pytest.mark.usefixtures("corpus")
def test_the_voice_rises_with_the_pitch():
    jobs = [Job("oily", "en+Alex", pitch, 150) for pitch in (20, 50, 80)]
    fundamentals_hz = []
    for spoken in speak(jobs, seed=0):
        vowel = spoken.samples[2000:4000].astype(float)
        autocorrelation = np.correlate(vowel, vowel, mode="full")[vowel.size - 1 :]
        shortest = spoken.sample_rate_hz // 300
        period = shortest + np.argmax(autocorrelation[shortest:])
        fundamentals_hz.append(spoken.sample_rate_hz / period)
    np.testing.assert_allclose(fundamentals_hz, [70, 102, 152], rtol=0.1)


def test_the_same_arguments_give_the_same_bits(corpus):
    again = data.synthesise_words(tokens_per_word=12)
    np.testing.assert_array_equal(again.waveforms, corpus.waveforms)
    assert again.tokens == corpus.tokens
    assert again.sha256 == corpus.sha256


def test_another_seed_gives_another_corpus(corpus):
    other = data.synthesise_words(tokens_per_word=12, seed=1)
    assert other.sha256 != corpus.sha256
    assert [token.voice for token in other.tokens] != [token.voice for token in corpus.tokens]


@pytest.mark.usefixtures("corpus")
def test_rate_lead_and_slice_are_the_callers():
    chosen = data.synthesise_words(
        ("oily rag",), tokens_per_word=2, slice_len=40000, sample_rate_hz=22050, lead_s=0
    )
    assert chosen.waveforms.shape == (2, 40000)
    assert chosen.sample_rate_hz == 22050
    for row, token in enumerate(chosen.tokens):
        assert token.phones[0].start_s == 0
        assert sound_of(chosen, row, token.phones[0]).any()
        assert {phone.label[-1] for phone in token.phones} >= {"l", "g"}


@pytest.mark.usefixtures("corpus")
def test_only_the_chosen_voices_speak():
    chosen = ("en-us+m3", "en+f1")
    corpus = data.synthesise_words(("ask",), tokens_per_word=20, voices=chosen)
    assert {token.voice for token in corpus.tokens} == set(chosen)
    with pytest.raises(RuntimeError, match=r"no voice 'en-us\+m99'"):
        data.synthesise_words(("ask",), voices=("en-us+m99",))


@pytest.mark.usefixtures("corpus")
def test_words_unlike_those_of_another_corpus():
    alike = {"voices": ("en-us",), "rates_wpm": (180, 181)}  # 122 ways to say a word

    def said(**options):
        corpus = data.synthesise_words(("ask", "oily"), tokens_per_word=20, **alike, **options)
        return [(token.word, token.pitch, token.rate_wpm) for token in corpus.tokens]

    first = said(seed=3)
    assert set(said(seed=4)) & set(first)
    assert said(seed=4, unlike=(7, 0)) == said(seed=4)
    for seed in (3, 4):
        unlike = said(seed=seed, unlike=(3, 20))
        assert not set(unlike) & set(first)
        assert [word for word, _, _ in unlike] == ["ask"] * 20 + ["oily"] * 20
    with pytest.raises(ValueError, match="found no 20 tokens unlike the"):
        data.synthesise_words(("ask",), tokens_per_word=20, **alike, unlike=(3, 5000))


@pytest.mark.usefixtures("corpus")
def test_slow_words_are_longer_than_fast_ones():
    slow, fast = (data.synthesise_words(tokens_per_word=1, rates_wpm=(rate, rate)) for rate in (120, 300))
    assert {token.rate_wpm for token in slow.tokens} == {120}
    assert {token.rate_wpm for token in fast.tokens} == {300}
    assert [token.voice for token in slow.tokens] == [token.voice for token in fast.tokens]
    for a, b in zip(slow.tokens, fast.tokens, strict=True):
        assert a.length > 1.3 * b.length


@pytest.mark.usefixtures("corpus")
def test_a_token_longer_than_its_row_is_an_error():
    with pytest.raises(
        ValueError, match=r"'water' by en\S* at \d+ wpm takes \d+ samples at 16000 Hz, slice_len is 1000"
    ):
        data.synthesise_words(("water",), slice_len=1000)


@pytest.mark.usefixtures("corpus")
def test_a_word_without_sound_is_an_error():
    with pytest.raises(ValueError, match=r"'\.\.\.' has no sound"):
        data.synthesise_words(("ask", "..."), tokens_per_word=1)


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        ("ask", {}, "expected a sequence of words, got 'ask'"),
        ((), {}, r"expected a sequence of words, got \(\)"),
        (("ask", ""), {}, "expected a sequence of words"),
        (("ask",), {"tokens_per_word": 0}, "expected tokens_per_word ≥ 1"),
        (("ask",), {"seed": -1}, "seed ≥ 0"),
        (("ask",), {"voices": "en-us"}, "expected a sequence of voices, got 'en-us'"),
        (("ask",), {"voices": ()}, r"expected a sequence of voices, got \(\)"),
        (
            ("ask",),
            {"rates_wpm": (200, 100)},
            r"rates_wpm from 80 to 350, the slowest first, got \(200, 100\)",
        ),
        (("ask",), {"rates_wpm": (60, 100)}, "rates_wpm from 80 to 350"),
        (("ask",), {"rates_wpm": (100, 400)}, "rates_wpm from 80 to 350"),
        (("ask",), {"lead_s": -0.1}, "lead_s ≥ 0"),
    ],
)
def test_arguments_out_of_range_are_refused(words, options, message):
    with pytest.raises(ValueError, match=message):
        data.synthesise_words(words, **options)


def test_a_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(ImportError, match=r'pip install "convscope\[speech\]"'):
        data.synthesise_words(("ask",))


@pytest.fixture
def replace_worker(monkeypatch, tmp_path):
    pytest.importorskip(
        "espeakng_loader", reason="espeakng-loader (the extra convscope[speech]) is not installed"
    )

    def replace(program):
        (tmp_path / "worker.py").write_text(program)
        monkeypatch.setattr("convscope.data._espeak.WORKER", tmp_path / "worker.py")

    return replace


def test_a_worker_that_fails_says_why(replace_worker):
    replace_worker("raise SystemExit('x' * 5000 + 'no such voice')")
    with pytest.raises(RuntimeError, match=r"exit status 1:\nx+no such voice$") as caught:
        data.synthesise_words(("ask",))
    assert len(str(caught.value)) < 2100


def test_a_worker_that_crashes_says_so(replace_worker):
    replace_worker("import os; os._exit(9)")
    with pytest.raises(RuntimeError, match="exit status 9 and said nothing"):
        data.synthesise_words(("ask",))


def test_a_worker_that_hangs_is_ended(replace_worker, monkeypatch):
    replace_worker("import sys, time; print('stuck', file=sys.stderr, flush=True); time.sleep(60)")
    monkeypatch.setattr("convscope.data._espeak.START_TIMEOUT_S", 0.5)
    with pytest.raises(RuntimeError, match=r"did not end within .* s:\nstuck"):
        data.synthesise_words(("ask",))
