"""TensorFlow checkpoints, written by bundles.py from the format's description, and a real one."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.checkpoints import bundles

from convscope.models.checkpoints import CheckpointError, TensorBundle
from convscope.models.checkpoints._crc32c import crc32c
from convscope.models.checkpoints._table import read_table


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    found = {
        f"G/upconv_{i}/conv2d_transpose/kernel": rng.standard_normal((1, 5, i + 1, 3)) for i in range(30)
    }
    found = {name: values.astype(np.float32) for name, values in found.items()}
    return found | {
        "global_step": np.int64(121116),
        "beta1_power": np.float32(0.5),
        "empty": np.zeros((0, 3), np.float32),
        "half": rng.standard_normal(7).astype(np.float16),
        "whole": np.arange(5, dtype=np.int32),
    }


@pytest.mark.parametrize("count", [0, 1, 3, 255, 256, 257, 511, 4096, 70_001])
def test_checksum_of_any_length(count):
    data = np.random.default_rng(count).bytes(count)
    assert crc32c(data) == bundles.crc32c(data)


def test_checksums_of_the_standard():
    """RFC 3720, B.4."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_tables_of_several_blocks():
    entries = {f"{'common' * (i % 3)}{i:03d}".encode(): bytes([i]) * (i % 7) for i in range(100)}
    for entries_of_block in (1, 7, 1000):
        assert read_table(bundles.table(entries, entries_of_block), "table") == entries


@pytest.mark.parametrize("shards", [1, 3])
def test_every_variable_comes_back(tmp_path, arrays, shards):
    bundles.write(tmp_path / "model.ckpt-7", arrays, shards)
    bundle = TensorBundle(tmp_path / "model.ckpt-7")
    assert set(bundle) == set(arrays)
    for name, wanted in arrays.items():
        assert bundle[name].dtype == wanted.dtype
        np.testing.assert_array_equal(bundle[name], wanted)
    bundle["whole"][0] = 3  # in memory of its own
    assert bundle["whole"][0] == 0


def test_a_checkpoint_by_any_of_its_names(tmp_path, arrays):
    for step in (7, 8):
        bundles.write(tmp_path / f"model.ckpt-{step}", arrays | {"global_step": np.int64(step)})
    for name in (
        "model.ckpt-7",
        "model.ckpt-7.index",
        "model.ckpt-7.meta",
        "model.ckpt-7.data-00000-of-00001",
    ):
        assert TensorBundle(tmp_path / name)["global_step"] == 7
    with pytest.raises(
        CheckpointError, match=r"one \.index file, got model\.ckpt-7\.index, model\.ckpt-8\.index"
    ):
        TensorBundle(tmp_path)
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "/of/another/machine/model.ckpt-8"\n')
    assert TensorBundle(tmp_path)["global_step"] == 8


def test_missing_files_are_named(tmp_path, arrays):
    with pytest.raises(CheckpointError, match=r"model\.ckpt-9\.index: no such file"):
        TensorBundle(tmp_path / "model.ckpt-9")
    bundles.write(tmp_path / "model", arrays)
    data = tmp_path / "model.data-00000-of-00001"
    data.unlink()
    with pytest.raises(CheckpointError, match=r"model\.data-00000-of-00001: half: no such file"):
        TensorBundle(tmp_path / "model")["half"]


def test_an_index_cut_off_anywhere(tmp_path, arrays):
    bundles.write(tmp_path / "model", arrays)
    index = tmp_path / "model.index"
    whole = index.read_bytes()
    for length in range(0, len(whole), 7):
        index.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"model\.index"):
            TensorBundle(tmp_path / "model")


def test_an_index_with_any_bit_flipped(tmp_path, arrays):
    """Only the footer's padding may differ unseen."""
    bundles.write(tmp_path / "model", arrays)
    index, wanted = tmp_path / "model.index", TensorBundle(tmp_path / "model").variables
    whole = index.read_bytes()
    unseen = 0
    for at in range(0, len(whole), 3):
        index.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        try:
            assert TensorBundle(tmp_path / "model").variables == wanted
            unseen += 1
        except CheckpointError:
            continue
    assert 0 < unseen < 14


def test_data_that_is_damaged_or_cut_off(tmp_path, arrays):
    bundles.write(tmp_path / "model", arrays)
    data, bundle = tmp_path / "model.data-00000-of-00001", TensorBundle(tmp_path / "model")
    whole, place = data.read_bytes(), bundle.variables["half"].offset
    data.write_bytes(whole[: place + 3] + b"\x55" + whole[place + 4 :])
    with pytest.raises(CheckpointError, match=r"half: damaged"):
        bundle["half"]
    np.testing.assert_array_equal(bundle["whole"], arrays["whole"])  # the others are as they were
    data.write_bytes(whole[: place + 3])
    with pytest.raises(CheckpointError, match=r"half: cut off: expected 14 bytes"):
        bundle["half"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"size": 13}, r"half: expected 14 bytes of shape \(7,\), got 13"),
        ({"offset": 2**62}, r"half: cut off"),
        ({"kind": 7}, r"half: values of TensorFlow's type 7"),
        ({"shard": 5}, r"half: expected it in one of 1 files, got number 5"),
    ],
)
def test_an_entry_that_cannot_be(tmp_path, arrays, changed, message):
    half = arrays["half"]
    entries = {b"": bundles.number(1, 1), b"half": bundles.entry(half, **changed)}
    (tmp_path / "model.index").write_bytes(bundles.table(entries))
    (tmp_path / "model.data-00000-of-00001").write_bytes(half.tobytes())
    with pytest.raises(CheckpointError, match=message):
        TensorBundle(tmp_path / "model")["half"]


def test_every_variable_is_read_once(tmp_path, arrays, monkeypatch):
    bundles.write(tmp_path / "model", arrays)
    bundle, read = TensorBundle(tmp_path / "model"), []
    monkeypatch.setattr(
        TensorBundle, "_bytes", lambda self, variable: read.append(variable.name) or bytearray(8)
    )
    assert "global_step" in bundle
    assert read == []
    assert bundle["global_step"] == 0
    assert read == ["global_step"]


def claim(*sizes: int) -> bytes:
    shape = b"".join(bundles.inside(2, bundles.number(1, size)) for size in sizes)
    return bundles.number(1, 1) + bundles.inside(2, shape)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({b"": bundles.number(1, 1) + bundles.number(2, 1)}, "written on a big-endian machine"),
        ({b"": bundles.number(1, 0)}, "expected 1 to 99999 data files, got 0"),
        ({b"": bundles.number(1, 100_000)}, "expected 1 to 99999 data files, got 100000"),
        ({b"": b"", b"a": claim(*[1] * 33)}, "a: damaged: a shape of 33 dimensions"),
        ({b"": b"", b"a": claim(2**20, 2**20)}, "a: damaged: a shape of 1048576 x 1048576 values"),
        ({b"": b"", b"a": claim(0, 2**62)}, "a: damaged: a shape of 0 x"),
        (
            {b"": b"", b"\xff": claim(1), b"\\xff": claim(1)},
            r"two variables of names that no text tells apart",
        ),
        (bundles.assembled([bundles.block([(b"", b"")])], compression=1), r"compressed \(kind 1\)"),
        (bundles.assembled([bundles.block([(b"", b""), (b"a", b""), (b"a", b"")])]), "b'a' is there twice"),
        ({b"": b"", b"a\x1b[31m\n": b"\x07"}, r"a\\x1b\[31m\\n: damaged: a field of kind 7"),
    ],
)
def test_what_no_index_says(tmp_path, made, message):
    contents = made if isinstance(made, bytes) else bundles.table(made)
    (tmp_path / "model.index").write_bytes(contents)
    with pytest.raises(CheckpointError, match=rf"model\.index: .*{message}"):
        TensorBundle(tmp_path / "model")


def test_a_missing_shard_is_named(tmp_path, arrays):
    bundles.write(tmp_path / "model", arrays, shards=3)
    (tmp_path / "model.data-00001-of-00003").unlink()
    bundle = TensorBundle(tmp_path / "model")
    missing = [name for name, variable in bundle.variables.items() if variable.shard == 1]
    assert missing
    for name in missing:
        with pytest.raises(CheckpointError, match=rf"model\.data-00001-of-00003: {name}: no such file"):
            bundle[name]


def test_names_that_no_file_has(tmp_path):
    with pytest.raises(CheckpointError, match="File name too long"):
        TensorBundle(tmp_path / ("x" * 300))
    for name in ("", ".."):
        (tmp_path / "checkpoint").write_text(f'model_checkpoint_path: "{name}"\n')
        with pytest.raises(
            CheckpointError, match=rf'checkpoint: model_checkpoint_path: expected a name, got "{name}"'
        ):
            TensorBundle(tmp_path)


def test_what_is_no_checkpoint(tmp_path):
    (tmp_path / "model.index").write_bytes(b"RIFF" * 100)
    with pytest.raises(CheckpointError, match=r"model\.index: not the index of a TensorFlow checkpoint"):
        TensorBundle(tmp_path / "model")
    (tmp_path / "model.index").write_bytes(bundles.table({b"half": b""}))
    with pytest.raises(CheckpointError, match="it has no header"):
        TensorBundle(tmp_path / "model")
