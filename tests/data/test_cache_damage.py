"""A damaged cache: every fault is named, and nothing that a file holds is run."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from tests.data.caches import FILES, numbered

from convscope import data
from convscope.data.cache._format import description_bytes, read_description


@pytest.fixture
def cache(tmp_path):
    return data.build_cache(numbered(20), tmp_path / "cache")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(cache, name):
    (cache.folder / name).unlink()
    with pytest.raises(data.CacheError, match=name):
        data.open_cache(cache.folder)


@pytest.mark.parametrize("change", [-1, -2, -4000, 1])
def test_samples_that_were_cut_off_are_named_with_their_sizes(cache, change):
    path = cache.folder / "samples.int16"
    whole = path.read_bytes()
    path.write_bytes(whole[:change] if change < 0 else whole + b"x" * change)
    with pytest.raises(
        data.CacheError, match=rf"samples\.int16: .* expected 4000 bytes, got {4000 + change}"
    ):
        data.open_cache(cache.folder)


def test_any_damage_to_the_table_or_the_description_is_noticed(cache):
    for name in ("items.npz", "cache.json"):
        path = cache.folder / name
        whole = path.read_bytes()
        for position in range(0, len(whole), 7):
            damaged = bytearray(whole)
            damaged[position] ^= 0x01
            path.write_bytes(damaged)
            if name == "cache.json" and json_equal(whole, damaged):
                continue  # white space turned into other white space
            with pytest.raises(data.CacheError, match=name.replace(".", r"\.")):
                data.open_cache(cache.folder)
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(data.CacheError, match=name.replace(".", r"\.")):
            data.open_cache(cache.folder)
        path.write_bytes(whole)
    assert len(data.open_cache(cache.folder)) == 20


def json_equal(a, b):
    try:
        return json.loads(a) == json.loads(bytes(b))
    except ValueError:
        return False


def test_a_flipped_bit_in_the_samples_is_found_on_demand(cache):
    path = cache.folder / "samples.int16"
    damaged = bytearray(path.read_bytes())
    damaged[1234] ^= 0x10
    path.write_bytes(damaged)
    assert len(data.open_cache(cache.folder)) == 20
    with pytest.raises(data.CacheError, match=r"samples\.int16: damaged: expected SHA-256 [0-9a-f]{64}, got"):
        data.open_cache(cache.folder, verify=True)


def test_another_version_says_so(cache):
    path = cache.folder / "cache.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(data.CacheError, match="expected version 1, got 2: build the cache again"):
        data.open_cache(cache.folder)


def test_a_pickle_in_the_table_is_not_run(cache):
    """Even one whose digest was made to fit."""
    ran = []

    class Trap:
        def __reduce__(self):
            return (ran.append, (1,))

    arrays = dict(np.load(cache.folder / "items.npz"))
    np.savez(cache.folder / "items.npz", **{**arrays, "names_text": np.array([Trap()], object)})
    description = read_description(cache.folder / "cache.json")
    digest = hashlib.sha256((cache.folder / "items.npz").read_bytes()).hexdigest()
    description["sha256"]["items.npz"] = digest
    (cache.folder / "cache.json").write_bytes(description_bytes(description))
    with pytest.raises(
        data.CacheError, match=r"items\.npz: no table of items: Object arrays cannot be loaded"
    ):
        data.open_cache(cache.folder)
    assert not ran
