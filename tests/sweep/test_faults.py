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


def receipt(out, shard):
    return next((out / "receipts").glob(f"{shard:09d}-*.json"))


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
    left = [*cut.glob("conv*/*/c/**/*.partial"), *cut.glob("*/.0*.new")]
    assert not left, "nothing half-written stays"


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
        receipt(out, shard).unlink()
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
        "receipt": receipt(out, 3),
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
    theirs, ours = receipt(other, 2), receipt(out, 2)
    digits = [path.stem.partition("-")[2] for path in (theirs, ours)]
    ours.write_text(theirs.read_text().replace(*digits))
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
    with full_disk(100), pytest.raises(OSError, match="too large"):
        sweep.run()
    assert sweep.status().done == 0, "not even the plan was written"
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


@pytest.fixture(scope="module")
def long_net():
    """With layers of more than a megabyte a shard, which are chunked within it."""
    return generator(strides=(4, 4, 4, 4))


@pytest.mark.parametrize("damage", ["half", "index", "nothing"])
def test_a_damaged_shard_of_many_chunks_is_mended(long_net, tmp_path, damage):
    """Zarr would read such a shard before it writes over it."""
    out = tmp_path / "cut.zarr"
    for name in ("whole.zarr", "cut.zarr"):
        cs.Sweep(long_net, design(70), out=tmp_path / name, shard=100).run()
    path = shard_file(out, 1, "out/mean")
    data = path.read_bytes()
    path.write_bytes({"half": data[: len(data) // 2], "index": data[:-3] + b"abc", "nothing": b""}[damage])
    sweep = cs.Sweep(long_net, design(70), out=out, shard=100)
    assert set(sweep.verify(recompute=0).damaged) == {1}
    sweep.run()
    assert_same(tmp_path / "whole.zarr", out)
    assert sweep.verify().is_sound


@pytest.mark.parametrize(
    "name",
    ["zarr.json", "conv1/zarr.json", "conv1/mean/zarr.json", "conv1/time/c/0", "moments/conv1/mean/c/0/0"],
)
@pytest.mark.parametrize("damage", ["truncated", "flipped", "gone"])
def test_what_belongs_to_no_shard_is_found_and_mended(net, whole, tmp_path, name, damage):
    out = tmp_path / "cut.zarr"
    make(net, out).run()
    path = out / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data[: len(data) // 2] if damage == "truncated" else data)
    if damage == "gone":
        path.unlink()
    found = make(net, out).verify()
    assert not found.is_sound
    assert any(line.startswith(f"{name}: ") for line in found.others)
    make(net, out).run()
    assert_same(whole, out)
    assert make(net, out).verify().is_sound


@pytest.mark.parametrize("left", [["receipts"], ["receipts/.plan.json.1a2b3c4d.new"]])
def test_killed_before_the_plan_was_there(net, whole, tmp_path, left):
    out = tmp_path / "cut.zarr"
    for name in left:
        if name.endswith(".new"):
            (out / name).parent.mkdir(parents=True)
            (out / name).write_text("{")
        else:
            (out / name).mkdir(parents=True)
    make(net, out).run()
    assert_same(whole, out)


def test_a_refused_request_deletes_nothing(net, whole):
    before = arrays(whole)
    for wrong in (
        {"executor": "serial", "workers": 2},
        {"check": "all"},
        {"executor": "ranks", "rank": 7, "world": 2},
    ):
        with pytest.raises(ValueError, match=r"expected|only"):
            make(generator(seed=4), whole, force_new=True).run(**wrong)
    with pytest.raises(SweepMismatchError):
        make(generator(seed=4), whole, force_new=True).verify()
    assert arrays(whole).keys() == before.keys()
    assert make(net, whole).verify().is_sound


def test_a_process_of_another_sweep_does_not_fill_this_one(net, whole, tmp_path):
    """It was at work when the store was begun anew, and writes one more receipt."""
    from convscope.sweep._worker import Worker

    out = tmp_path / "cut.zarr"
    old = make(generator(seed=4), out)
    late = Worker(old, old.begin())
    make(net, out, force_new=True).run("ranks", rank=0, world=2)
    late.work(3)
    assert make(net, out).status().done == 3
    make(net, out).run()
    assert_same(whole, out)


def test_a_folder_behind_a_link(net, whole, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    make(generator(seed=4), tmp_path / "link").run()
    make(net, tmp_path / "link", force_new=True).run()
    assert_same(whole, tmp_path / "link")


def test_a_run_of_a_complete_store_takes_away_what_was_left(net, tmp_path):
    """A process that was killed after the last shard of another leaves half a file; nothing is computed, and it goes."""
    sweep = cs.Sweep(net, design(2), out=tmp_path / "a", shard=3)
    sweep.run()
    chunk = next(path for path in (tmp_path / "a" / "out" / "mean" / "c").rglob("*") if path.is_file())
    left = chunk.with_name(f"{chunk.name}.0123.partial")
    left.write_bytes(b"half")
    assert sweep.run().is_complete
    assert not left.exists()
    assert chunk.exists()
