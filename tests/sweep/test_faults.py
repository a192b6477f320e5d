"""Whatever happens to a sweep, the store ends in the bits of one that nothing happened to."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest
from tests.sweep.sweeps import arrays, assert_same, bases, design, environment_of_tests, generator

import convscope as cs
from convscope.sweep import SweepMismatchError

CODE = cs.latents.OneHot(4)
KEEP = ["series", "peak", "moments", "top:3:energy"]


@pytest.fixture
def net():
    return generator()


@pytest.fixture
def whole(net, tmp_path):
    """The store of a sweep that nothing happened to."""
    make(net, tmp_path / "whole.zarr").run()
    return tmp_path / "whole.zarr"


def make(net, out, **settings):
    return cs.Sweep(net, design(), out=out, **({"shard": 4, "keep": KEEP, "audio": True} | settings))


def shard_file(out, shard=2, array="conv1/mean"):
    return out / array / "c" / str(shard) / "0"


@pytest.mark.parametrize(("executor", "kills"), [("serial", 20), ("threads", 20)])
def test_killed_at_random_moments(tmp_path, repository, executor, kills):
    whole, cut = tmp_path / "whole.zarr", tmp_path / "cut.zarr"
    done = subprocess.run(
        [sys.executable, "-m", "tests.sweep.killed", str(whole), str(cut), executor, str(kills), "7"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=repository,
        env=environment_of_tests(),
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= kills // 2, "most attempts were to be killed before they finished"
    assert_same(whole, cut)
    assert not [path for path in cut.rglob("*") if path.suffix in (".partial", ".new")], (
        "nothing half-written stays"
    )


def test_two_processes_on_one_store(net, whole, tmp_path):
    """Neither knows of the other, and both begin at the first shard."""
    out = tmp_path / "cut.zarr"
    code = (
        "import sys, convscope as cs\n"
        "from tests.sweep.sweeps import generator\n"
        "from tests.sweep.test_faults import make\n"
        "make(generator(), sys.argv[1]).run('serial')"
    )
    environment = environment_of_tests()
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(out)], stderr=subprocess.PIPE, text=True, env=environment
        )
        for _ in range(2)
    ]
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert_same(whole, out)


def test_only_missing_shards_are_computed(net, whole, tmp_path):
    out = tmp_path / "cut.zarr"
    make(net, out).run()
    written = {path: path.stat().st_mtime_ns for path in out.rglob("c/*/0")}
    for shard in (1, 4):
        (out / "receipts" / f"{shard:09d}.json").unlink()
    sweep = make(net, out)
    assert sweep.status().missing == 2
    told = []
    sweep.run(progress=lambda done, shards: told.append(done))
    assert told == [5, 6]
    changed = {path.parent.name for path, when in written.items() if path.stat().st_mtime_ns != when}
    assert changed == {"1", "4"}
    assert_same(whole, out)


def test_a_file_without_a_receipt_counts_for_nothing(net, whole, tmp_path):
    """Half a shard, left by a process that died before the rename of the rest."""
    out = tmp_path / "cut.zarr"
    make(net, out).begin()
    shard_file(out).parent.mkdir(parents=True)
    shard_file(out).write_bytes(b"half")
    assert make(net, out).status().done == 0
    make(net, out).run()
    assert_same(whole, out)


def test_a_flipped_bit_is_found_by_verify_and_mended_by_run(net, whole, tmp_path):
    out = tmp_path / "cut.zarr"
    make(net, out).run()
    data = bytearray(shard_file(out).read_bytes())
    data[len(data) // 2] ^= 8
    shard_file(out).write_bytes(data)
    found = make(net, out).verify()
    assert found.damaged == {2: "conv1/mean/c/2/0: other bytes than were written"}
    assert not found.is_sound
    assert "shard 2" in str(found)
    assert make(net, out).status().missing == 1
    make(net, out).run()
    assert_same(whole, out)
    assert make(net, out).verify().is_sound


def test_a_flipped_bit_is_mended_by_run_alone_if_it_looks_at_bytes(net, whole, tmp_path):
    out = tmp_path / "cut.zarr"
    make(net, out).run()
    data = bytearray(shard_file(out, 0, "out/mean").read_bytes())
    data[7] ^= 1
    shard_file(out, 0, "out/mean").write_bytes(data)
    make(net, out).run(check="bytes")
    assert_same(whole, out)


@pytest.mark.parametrize("damage", ["truncated", "gone", "receipt", "part"])
def test_what_is_cut_off_or_gone_is_mended_by_run_alone(net, whole, tmp_path, damage):
    out = tmp_path / "cut.zarr"
    make(net, out).run()
    path = {
        "truncated": shard_file(out),
        "gone": shard_file(out),
        "receipt": out / "receipts" / "000000003.json",
        "part": out / "parts" / "000000001.safetensors",
    }[damage]
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    if damage == "gone":
        path.unlink()
    make(net, out).run()
    assert_same(whole, out)
    assert make(net, out).verify().is_sound


def test_verify_finds_what_the_network_does_not_make(net, tmp_path):
    """A shard whose receipt fits its files, but which is not what this network makes: recomputing finds it."""
    out, other = tmp_path / "a.zarr", tmp_path / "b.zarr"
    make(net, out).run()
    make(generator(seed=4), other).run()
    for name in ("000000002.json",):
        receipt = (other / "receipts" / name).read_text()
        sweeps = [make(net, out).receipts._sweep, make(generator(seed=4), other).receipts._sweep]
        (out / "receipts" / name).write_text(receipt.replace(sweeps[1], sweeps[0]))
    for path in [*other.rglob("c/2/0"), *other.rglob("c/2")]:
        if path.is_file():
            (out / path.relative_to(other)).write_bytes(path.read_bytes())
    (out / "parts" / "000000002.safetensors").write_bytes(
        (other / "parts" / "000000002.safetensors").read_bytes()
    )
    assert make(net, out).verify(recompute=0).is_sound
    found = make(net, out).verify(recompute=100)
    assert found.recomputed == (0, 1, 2, 3, 4, 5)
    assert found.damaged.keys() == {2}
    assert "are others than the network makes now" in found.damaged[2]


def test_a_shard_that_another_process_finishes_meanwhile_is_no_failure(net, whole, tmp_path, monkeypatch):
    from convscope.sweep._store import Store

    out = tmp_path / "cut.zarr"
    write = Store.write

    def late(self, shard, rows, values):
        files = write(self, shard, rows, values)
        if shard == 3:
            make(net, out, keep=["series"]).receipts.write(
                shard, rows.start, rows.stop, files, not_finite=0, seconds=1
            )
            raise FileNotFoundError("its own file is gone: the other has tidied up")
        return files

    monkeypatch.setattr(Store, "write", late)
    make(net, out, keep=["series"]).run("serial")
    monkeypatch.undo()
    make(net, tmp_path / "b.zarr", keep=["series"]).run()
    assert_same(tmp_path / "b.zarr", out)


def test_a_full_disk(net, whole, tmp_path, full_disk):
    out = tmp_path / "cut.zarr"
    sweep = make(net, out)
    sweep.begin()
    with full_disk(1500), pytest.raises(OSError, match="too large") as caught:
        sweep.run()
    assert any("what is finished stays" in note for note in caught.value.__notes__)
    status = make(net, out).status()
    assert status.done == 0
    assert status.missing == 6
    make(net, out).run()
    assert make(net, out).status().failures == {}
    assert_same(whole, out)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_file_system(net, whole, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(small)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    try:
        sweep = make(net, small / "cut.zarr")
        with pytest.raises(OSError, match="No space left"):
            sweep.run("serial")
        done = make(net, small / "cut.zarr").status().done
        subprocess.run(["mount", "-o", "remount,size=20m", str(small)], check=True)
        make(net, small / "cut.zarr").run()
        assert done < 6
        assert_same(whole, small / "cut.zarr")
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_a_clock_that_jumps(net, whole, tmp_path, monkeypatch):
    jumps = iter(range(10**6))
    monkeypatch.setattr(time, "time", lambda: 2e9 if next(jumps) % 2 else -1e9)
    monkeypatch.setattr(
        time, "gmtime", lambda *_: time.struct_time((1970 + next(jumps) % 90, 1, 1, 0, 0, 0, 0, 1, 0))
    )
    out = tmp_path / "cut.zarr"
    status = make(net, out).run()
    assert status.rate > 0
    assert status.seconds_left == 0
    assert make(net, out).status().is_complete
    assert_same(whole, out)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"layers": "conv*"}, "layers"),
        ({"reduce": ["rms"]}, "reduce mean"),
        ({"keep": ["series"]}, "keep"),
        ({"shard": 5}, "shard"),
        ({"dtype": "float16"}, "dtype"),
        ({"compression": "zstd"}, "compression"),
        ({"at": "pre"}, "at"),
        ({"audio": False}, "audio"),
        ({"latents": False}, "latents"),
    ],
)
def test_another_sweep_is_refused_with_the_field_that_differs(net, whole, changes, field):
    before = arrays(whole)
    with pytest.raises(SweepMismatchError, match=f"\n  {field}.*: store has .*, this sweep ") as caught:
        make(net, whole, **changes).run()
    assert "--force-new" in str(caught.value)
    assert all(np.array_equal(values, before[name], equal_nan=True) for name, values in arrays(whole).items())


def test_another_network_design_or_version_is_refused(net, whole, monkeypatch):
    with pytest.raises(SweepMismatchError, match="network weights: store has"):
        make(generator(seed=4), whole).run()
    settings = {"out": whole, "shard": 4, "keep": KEEP, "audio": True}
    other = cs.latents.variable("z6", [-4.5, 0, 4.5], bases=cs.latents.random(7, size=10, code=CODE, seed=6))
    with pytest.raises(SweepMismatchError, match="design base seed: store has 5, this sweep 6"):
        cs.Sweep(net, other, **settings).run()
    other = cs.latents.variable("z6", [-4.5, 0, 4], bases=bases())
    with pytest.raises(SweepMismatchError, match="design z6"):
        cs.Sweep(net, other, **settings).run()
    monkeypatch.setattr("convscope.sweep._fingerprint.__version__", "9.9")
    with pytest.raises(SweepMismatchError, match=r"versions convscope: store has .*, this sweep 9\.9"):
        make(net, whole).run()


def test_another_algorithm_is_refused(tmp_path):
    net = generator(strides=(4, 4, 4), dim=16)
    out = tmp_path / "sweep.zarr"
    cs.Sweep(net, design(), out=out, algorithm="direct").run()
    with pytest.raises(SweepMismatchError, match=r"algorithms .*: store has direct, this sweep spectral"):
        cs.Sweep(net, design(), out=out, algorithm="spectral").run()


def test_force_new_begins_anew(net, whole, tmp_path):
    make(generator(seed=4), whole, force_new=True).run()
    make(generator(seed=4), tmp_path / "other.zarr").run()
    assert_same(whole, tmp_path / "other.zarr")


def test_force_new_goes_on_with_a_store_of_its_own(net, tmp_path):
    out = tmp_path / "a.zarr"
    make(net, out, force_new=True).run("ranks", rank=0, world=2)
    written = {path: path.stat().st_mtime_ns for path in out.rglob("c/*/0")}
    make(net, out, force_new=True).run()
    assert all(path.stat().st_mtime_ns == when for path, when in written.items())


def test_force_new_deletes_no_other_folder(net, tmp_path):
    out = tmp_path / "letters"
    out.mkdir()
    (out / "dear.txt").write_text("friend")
    with pytest.raises(FileExistsError, match="got something else; choose another place"):
        make(net, out, force_new=True).run()
    assert (out / "dear.txt").read_text() == "friend"


def test_a_store_that_was_killed_while_it_was_made(net, whole, tmp_path):
    out = tmp_path / "cut.zarr"
    make(net, out).begin()
    (out / "zarr.json").unlink()
    (out / "conv1" / "zarr.json").unlink()
    make(net, out).run()
    assert_same(whole, out)
