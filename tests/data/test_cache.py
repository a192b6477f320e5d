"""The cache: exact integers, stable parts, everything left out by name, and an old cache that survives every failure."""

from __future__ import annotations

import errno
import json
import math
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.data.caches import FILES, RATE_HZ, Made, content, item, numbered, of

from convscope import data

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "data" / "spoken_digits" / "recordings"


@pytest.fixture
def cache(tmp_path):
    return data.build_cache(numbered(20), tmp_path / "cache")


# -- what comes in comes out ----------------------------------------------------------------------------------------


def test_pcm_keeps_its_integers(tmp_path):
    integers = np.array([0, 1, -1, 32767, -32768, 12345], np.int16)
    soundfile.write(tmp_path / "a.wav", integers, RATE_HZ, subtype="PCM_16")
    soundfile.write(tmp_path / "b.flac", integers[::-1], RATE_HZ, subtype="PCM_16")
    cache = data.build_cache(data.Folder(tmp_path), tmp_path / "cache")
    assert len(cache) == 2
    assert cache.samples(0).dtype == np.int16
    np.testing.assert_array_equal(cache.samples(0), integers)
    np.testing.assert_array_equal(cache.samples(1), integers[::-1])
    assert cache.scale(0) == 1 / 32768
    assert cache.table.peaks.tolist() == [32768, 32768]
    assert cache.lengths.tolist() == [6, 6]


@pytest.mark.parametrize("gain", [1e-30, 1e-3, 0.3, 1.0, 7.0, 3e38])
def test_other_levels_come_back_to_half_a_step(tmp_path, gain):
    samples = (gain * np.sin(np.arange(1000) ** 1.5)).astype(np.float32)
    cache = data.build_cache(of(item("a", samples)), tmp_path / "cache")
    integers, scale = cache.samples(0), cache.scale(0)
    assert abs(integers.astype(int)).max() == cache.table.peaks[0] == 32767
    error = np.abs(integers * scale - samples.astype(float))
    assert error.max() <= 0.5 * scale * (1 + 1e-9)
    assert error.max() > 0.4 * scale, "the bound is reached: the step is what it says"


def test_floats_at_full_scale_do_not_wrap_around(tmp_path):
    cache = data.build_cache(of(item("a", [1.0, 0.5, -1.0])), tmp_path / "cache")
    assert cache.samples(0).tolist() == [32767, 16384, -32767]


def test_24_bits_are_scaled_and_16_bits_in_them_are_not(tmp_path):
    soundfile.write(tmp_path / "fine.wav", np.array([0.5, 1 / 2**20]), RATE_HZ, subtype="PCM_24")
    soundfile.write(tmp_path / "plain.wav", np.array([0.5, 1 / 2**15]), RATE_HZ, subtype="PCM_24")
    cache = data.build_cache(data.Folder(tmp_path), tmp_path / "cache")
    assert cache.samples(0).tolist() == [32767, 0 + round(32767 / 2**19)]
    assert cache.samples(1).tolist() == [16384, 1]


def test_sounds_of_any_rate_and_channels_come_at_one(tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(8000) / 8000)
    data.write_sound(tmp_path / "8.wav", tone, 8000)
    soundfile.write(tmp_path / "stereo.wav", np.stack([tone, np.zeros(8000)], 1), RATE_HZ)
    cache = data.build_cache(data.Folder(tmp_path), tmp_path / "cache")
    assert cache.sample_rate_hz == RATE_HZ
    assert cache.lengths.tolist() == [16000, 8000]
    exact = 0.5 * np.sin(2 * np.pi * 200 * np.arange(16000) / RATE_HZ)
    inner = slice(500, -500)
    np.testing.assert_allclose((cache.samples(0) * cache.scale(0))[inner], exact[inner], atol=1e-4)
    np.testing.assert_allclose(cache.samples(1) * cache.scale(1), tone / 2, atol=1e-4)


def test_names_labels_and_segments_come_back(tmp_path):
    phones = (data.Segment("æ", 0.1, 0.25), data.Segment("s", 0.25, 0.3), data.Segment("æ", 1 / 3, 2 / 3))
    undecodable = b"\xff.wav".decode(errors="surrogateescape")
    cache = data.build_cache(
        of(
            item("größe/ask#1", [0.5], label="ask", segments=phones),
            item(undecodable, [0.5, 0.5], label=""),
            item("none", [0.25, 0.5, 0.5], label="10", segments=phones[1:2]),
            item("ʃ", [0.5], label="9"),
        ),
        tmp_path / "cache",
    )
    assert [cache.name(i) for i in range(4)] == ["größe/ask#1", undecodable, "none", "ʃ"]
    assert cache.labels == ("", "9", "10", "ask"), "in natural order"
    assert [cache.label(i) for i in range(4)] == ["ask", "", "10", "9"]
    assert [cache.segments(i) for i in range(4)] == [phones, (), phones[1:2], ()]
    assert cache.table.labels.all() == cache.labels


def test_a_click_at_a_boundary_is_found_there_at_another_rate(tmp_path):
    samples = np.zeros(22050)
    samples[4410] = 0.9
    source = of(item("a", samples, 22050, segments=(data.Segment("t", 0.2, 0.3),)))
    cache = data.build_cache(source, tmp_path / "cache", sample_rate_hz=16000)
    (segment,) = cache.segments(0)
    assert np.abs(cache.samples(0).astype(int)).argmax() == round(segment.start_s * 16000) == 3200


@pytest.mark.parametrize("row", [-1, 20, 10**9])
def test_an_item_that_is_not_there_is_an_error(cache, row):
    for read in (cache.name, cache.label, cache.samples, cache.scale, cache.segments):
        with pytest.raises(IndexError, match=f"expected an item from 0 to 19, got {row}"):
            read(row)


def test_what_is_read_cannot_be_written_to(cache):
    for array in (cache.samples(0), cache.withheld, cache.table.offsets, cache.table.peaks):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


# -- what is left out -----------------------------------------------------------------------------------------------


def test_every_item_left_out_is_named_with_its_reason(tmp_path):
    source = of(
        item("good", np.full(800, 0.5)),
        data.LeftOut("broken", "Format not recognised."),
        item("silent", np.zeros(800)),
        item("nearly silent", np.full(800, -0.001)),
        item("subnormal", np.full(800, 1e-40)),
        item("empty", []),
        item("short", np.full(799, 0.5)),
        item("nan", np.where(np.arange(800) == 7, np.nan, 0.5)),
        item("infinite", np.where(np.arange(800) == 7, -np.inf, 0.5)),
        item("good", np.full(800, 0.25)),
        item("last", np.full(800, 0.5)),
    )
    cache = data.build_cache(source, tmp_path / "cache", shortest_s=0.05, silence_below=0.001)
    assert [cache.name(i) for i in range(len(cache))] == ["good", "last"]
    assert cache.samples(0)[0] == 16384, "the first of its name is taken"
    assert {left.name: left.reason for left in cache.left_out} == {
        "broken": "Format not recognised.",
        "silent": "silent: its peak is 0",
        "nearly silent": "silent: its peak is 0.001",
        "subnormal": "silent: its peak is 9.99995e-41",
        "empty": "empty: no samples",
        "short": "too short: 0.04994 s of 0.05 s",
        "nan": "not finite: it holds NaN or infinity",
        "infinite": "not finite: it holds NaN or infinity",
        "good": "an item of this name came before",
    }
    reopened = data.open_cache(tmp_path / "cache", verify=True)
    assert reopened.left_out == cache.left_out
    assert reopened.description["counts"]["left_out"] == 9


def test_a_subnormal_peak_is_silence_without_any_threshold(tmp_path):
    source = of(item("subnormal", np.full(8, 1e-40)), item("good", [0.5]), item("gone", [0.5], 10**6))
    cache = data.build_cache(source, tmp_path / "cache")
    assert [left.name for left in cache.left_out] == ["subnormal", "gone"]
    assert cache.left_out[1].reason == "empty: no samples at 16000 Hz"


def test_nothing_left_is_an_error_with_the_first_reasons(tmp_path):
    source = Made(lambda i: item(f"{i}.wav", np.zeros(10)), 8)
    with pytest.raises(data.CacheError) as caught:
        data.build_cache(source, tmp_path / "cache")
    first, *rest = str(caught.value).splitlines()
    assert first == "build_cache: no item to train on in {'kind': 'Made', 'count': 8}, 8 left out"
    assert rest == [f"  {i}.wav: silent: its peak is 0" for i in range(5)] + ["  and 3 more"]
    with pytest.raises(data.CacheError, match=r"no item .*, 0 left out$"):
        data.build_cache(Made(None, 0), tmp_path / "cache")
    assert list(tmp_path.iterdir()) == []


# -- parts ----------------------------------------------------------------------------------------------------------


def fates(cache):
    return {cache.name(i): bool(cache.withheld[i]) for i in range(len(cache))}


def test_an_items_part_does_not_depend_on_the_others(tmp_path):
    few = fates(data.build_cache(numbered(200), tmp_path / "few"))
    many = fates(data.build_cache(numbered(500), tmp_path / "many"))
    backwards = Made(lambda i: numbered(500).make(499 - i), 500)
    assert few == {name: many[name] for name in few}
    assert fates(data.build_cache(backwards, tmp_path / "backwards")) == many
    assert 0.13 < np.mean(list(many.values())) < 0.27  # 20 % ± 4 standard deviations
    other = fates(data.build_cache(numbered(500), tmp_path / "other", seed=1))
    agree = np.mean([other[name] == many[name] for name in many])
    assert 0.55 < agree < 0.80  # 0.8² + 0.2² = 0.68 by chance


def test_a_larger_fraction_withholds_all_that_a_smaller_one_does(tmp_path):
    parts = {
        w: data.build_cache(numbered(300), tmp_path / f"{w}", withhold=w).withheld for w in (0, 0.1, 0.5, 1)
    }
    assert not parts[0].any()
    assert parts[1].all()
    assert parts[0.1].any()
    assert (parts[0.1] <= parts[0.5]).all()
    assert 0.38 < parts[0.5].mean() < 0.62


def test_a_manifest_decides_for_itself(tmp_path):
    data.write_sound(tmp_path / "a.wav", np.full(1000, 0.5), 1000)
    rows = "".join(
        f"a.wav,0.{i:03},{part}\n" for i in range(90) for part in [["train", "withheld", ""][i % 3]]
    )
    (tmp_path / "list.csv").write_text(f"path,start_s,part\n{rows}")
    cache = data.build_cache(data.Manifest(tmp_path / "list.csv"), tmp_path / "cache", withhold=0.5)
    assert len(cache) == 90
    assert not cache.withheld[0::3].any()
    assert cache.withheld[1::3].all()
    assert 0 < cache.withheld[2::3].sum() < 30


def test_where_chooses_by_part_and_label(cache):
    train, withheld, everything = (cache.where(part) for part in ("train", "withheld", "all"))
    assert everything.dtype == np.int64
    assert everything.tolist() == cache.where().tolist() == list(range(20))
    assert sorted([*train, *withheld]) == list(range(20))
    assert 0 < withheld.size < 20
    assert not cache.withheld[train].any()
    assert cache.where(labels=["label 0", "label 11"]).tolist() == [0, 11, 12]
    assert cache.where(labels="label 3").tolist() == [3, 15]
    both = cache.where("train", ["label 1"])
    assert both.tolist() == [i for i in (1, 13) if not cache.withheld[i]]
    with pytest.raises(
        ValueError, match=r"no item has the labels \['nine'\]; known are 'label 0', 'label 1'"
    ):
        cache.where(labels=["label 0", "nine"])
    with pytest.raises(ValueError, match="'train', 'withheld' or 'all', got 'test'"):
        cache.where("test")


# -- the folder -----------------------------------------------------------------------------------------------------


def test_the_same_source_gives_the_same_bytes(tmp_path):
    data.build_cache(numbered(20), tmp_path / "a")
    data.build_cache(numbered(20), tmp_path / "b")
    assert list(content(tmp_path / "a")) == FILES
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"], "nothing else remains"


def test_the_description_says_how_it_was_made(tmp_path):
    data.write_sound(tmp_path / "7.wav", np.full(100, 0.5), 8000)
    data.build_cache(data.Folder(tmp_path, label=None), tmp_path / "c", withhold=1, seed=3, shortest_s=0.01)
    description = json.loads((tmp_path / "c" / "cache.json").read_text())
    assert (description["format"], description["version"]) == ("convscope cache", 1)
    assert description["source"] == {
        "kind": "Folder",
        "path": str(tmp_path),
        "label": None,
        "pattern": "**/*",
    }
    assert description["counts"] == {"items": 1, "withheld": 1, "samples": 200, "segments": 0, "left_out": 0}
    settings = {"sample_rate_hz": 16000, "withhold": 1, "seed": 3, "shortest_s": 0.01, "silence_below": 0.0}
    assert description["settings"] == settings


def test_progress_counts_what_was_seen(tmp_path):
    seen = []
    source = of(item("a", [0.5]), data.LeftOut("b", "broken"), item("c", [0.5]))
    data.build_cache(source, tmp_path / "cache", progress=seen.append)
    assert seen == [1, 2, 3]


def test_a_cache_is_not_replaced_unless_asked(tmp_path):
    data.build_cache(numbered(3), tmp_path / "cache")
    before = content(tmp_path / "cache")
    with pytest.raises(FileExistsError, match="cache: is there already"):
        data.build_cache(numbered(4), tmp_path / "cache")
    assert content(tmp_path / "cache") == before
    mapped = data.open_cache(tmp_path / "cache")
    first = mapped.samples(0).tolist()
    assert len(data.build_cache(numbered(4, length=50), tmp_path / "cache", replace=True)) == 4
    assert mapped.samples(0).tolist() == first, "one that is open keeps its file"
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_a_folder_of_something_else_is_never_replaced(tmp_path):
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "notes.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"is no cache, it holds notes\.txt: not replaced"):
        data.build_cache(numbered(3), tmp_path / "sounds", replace=True)
    assert content(tmp_path / "sounds") == {"notes.txt": b"years of work"}
    with pytest.raises(FileExistsError, match="is no cache, it holds a file"):
        data.build_cache(numbered(3), tmp_path / "sounds" / "notes.txt", replace=True)


class Broken(Exception):
    pass


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize(
    "error", [Broken(), KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")]
)
def test_a_failure_in_the_middle_leaves_everything_as_it_was(tmp_path, error, replace):
    if replace:
        data.build_cache(numbered(3), tmp_path / "cache")
    before = content(tmp_path / "cache") if replace else None

    def make(number):
        if number == 5:
            raise error
        return numbered(10).make(number)

    with pytest.raises(type(error)):
        data.build_cache(Made(make, 10), tmp_path / "cache", replace=replace)
    assert [path.name for path in tmp_path.iterdir()] == (["cache"] if replace else [])
    if replace:
        assert content(tmp_path / "cache") == before


@pytest.mark.parametrize("stage", ["items.npz", "cache.json", "rename"])
def test_a_full_disk_at_the_end_leaves_the_old_cache(tmp_path, monkeypatch, stage):
    data.build_cache(numbered(3), tmp_path / "cache")
    before = content(tmp_path / "cache")
    full = OSError(errno.ENOSPC, "No space left on device")
    plain_rename, plain_write = Path.rename, Path.write_bytes

    def rename(self, target):
        if stage == "rename" and self.name.endswith(".new"):
            raise full
        return plain_rename(self, target)

    def write_bytes(self, content):
        if self.name == stage:
            raise full
        return plain_write(self, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        patch.setattr(Path, "write_bytes", write_bytes)
        with pytest.raises(OSError, match="No space left"):
            data.build_cache(numbered(9), tmp_path / "cache", replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert content(tmp_path / "cache") == before
    assert len(data.open_cache(tmp_path / "cache", verify=True)) == 3


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"sample_rate_hz": 0}, "positive sample_rate_hz, got 0"),
        ({"withhold": 1.01}, "withhold from 0 to 1, got 1.01"),
        ({"withhold": math.nan}, "withhold from 0 to 1, got nan"),
        ({"shortest_s": -1}, "shortest_s ≥ 0 and silence_below ≥ 0, got -1 and 0.0"),
        ({"silence_below": math.inf}, "got 0.0 and inf"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path, option, message):
    with pytest.raises(ValueError, match=message):
        data.build_cache(numbered(1), tmp_path / "cache", **option)


def test_a_description_that_json_cannot_hold_is_refused_before_the_pass(tmp_path):
    @dataclass
    class Strange:
        read = False

        def items(self):
            self.read = True
            yield item("a", [0.5])

        def describe(self):
            return {"kind": object()}

    source = Strange()
    with pytest.raises(TypeError, match="not JSON serializable"):
        data.build_cache(source, tmp_path / "cache")
    assert not source.read


# -- size -----------------------------------------------------------------------------------------------------------


def peak_memory(count, folder):
    """Bytes at the highest while items of one second are cached: (of Python, of the table)."""
    waveform = np.random.default_rng(0).uniform(-0.5, 0.5, RATE_HZ).astype(np.float32)
    source = Made(
        lambda i: item(f"speaker/recording-{i:05}.wav", np.roll(waveform, i), label=f"{i % 50}"), count
    )
    tracemalloc.start()
    try:
        cache = data.build_cache(source, folder)
        return tracemalloc.get_traced_memory()[1], sum(
            array.nbytes for array in cache.table.arrays().values()
        )
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_corpus(tmp_path):
    peak_memory(10, tmp_path / "warm")
    few, small_table = peak_memory(200, tmp_path / "few")
    many, large_table = peak_memory(2000, tmp_path / "many")
    grown, table = many - few, large_table - small_table
    assert (tmp_path / "many" / "samples.int16").stat().st_size == 2000 * 2 * RATE_HZ  # 64 MB, 57.6 MB more
    assert table < 1800 * 120
    # At the end the table is there as grown, encoded and read again, and each name as a digest.
    assert grown < 4 * table + 300_000


def test_54000_words_fit_a_disk(tmp_path):
    """TIMIT's words last 0.31 s on average and 0.36 s with silence; each with four phones."""
    phones = tuple(data.Segment(f"p{k}", k / 10, (k + 1) / 10) for k in range(4))
    word = np.random.default_rng(0).integers(-9000, 9000, round(0.36 * RATE_HZ)) / 32768
    source = Made(
        lambda i: item(f"TRAIN/DR1/FCJF0/SA{i}#3", word, label=f"word {i % 6229}", segments=phones), 540
    )
    cache = data.build_cache(source, tmp_path / "cache")
    size = sum(path.stat().st_size for path in cache.folder.iterdir())
    assert 100 * size < 4e9
    assert 100 * (cache.folder / "items.npz").stat().st_size < 20e6


# -- real and synthetic speech --------------------------------------------------------------------------------------


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"no spoken digits at {RECORDINGS}")
def test_spoken_digits(tmp_path):
    source = data.open_source(RECORDINGS, label=r"^(\d)_")
    cache = data.build_cache(source, tmp_path / "cache")
    files = sorted(RECORDINGS.glob("[0-9]_*.wav"))
    assert len(cache) == len(files) - len(cache.left_out) == 2000
    assert cache.labels == tuple("0123456789")
    assert np.bincount(cache.table.label_rows).tolist() == [200] * 10
    assert all(cache.name(i)[0] == cache.label(i) for i in range(2000))
    assert 0.15 < cache.withheld.mean() < 0.25
    for i in range(0, 2000, 97):
        wanted = data.read_sound(RECORDINGS / cache.name(i), sample_rate_hz=16000).samples
        got = cache.samples(i) * cache.scale(i)
        assert np.abs(got - wanted).max() <= 0.51 * cache.scale(i)
    batch = data.Slices(cache, cache.where("withheld")).read([0, 1], np.zeros((2, 2)))
    first = data.load_sounds([RECORDINGS / cache.name(cache.where("withheld")[0])]).waveforms[0]
    np.testing.assert_allclose(batch[0], first, atol=1 / 32767)


def test_synthetic_words(tmp_path):
    pytest.importorskip(
        "espeakng_loader", reason="espeakng-loader (the extra convscope[speech]) is not installed"
    )
    cache = data.build_cache(data.open_source("words", tokens_per_word=5), tmp_path / "cache")
    assert cache.labels == data.WORDS
    assert len(cache) == 40
    assert cache.table.peaks.min() == 32767
    assert [cache.label(i) for i in cache.where(labels=("wash",))] == ["wash"] * 5
    assert all(cache.segments(i)[0].start_s == 0.025 for i in range(40))
