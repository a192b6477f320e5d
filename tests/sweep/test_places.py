"""Stores that are not folders: whatever fsspec opens."""

from __future__ import annotations

import importlib.util
import uuid

import pytest
import xarray
from tests.sweep.sweeps import assert_same, design, generator

import convscope as cs
from convscope.sweep import SweepMismatchError

KEEP = ["series", "peak", "moments"]


def make(out, **settings):
    return cs.Sweep(generator(), design(), out=out, **({"shard": 4, "keep": KEEP} | settings))


@pytest.fixture
def memory():
    return f"memory://{uuid.uuid4().hex}/sweep.zarr"


@pytest.fixture
def bucket(monkeypatch):
    """A server of one's own that speaks S3."""
    for name in ("moto", "s3fs"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed: no S3 server to test with")
    from moto.server import ThreadedMotoServer

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    server = ThreadedMotoServer(port=0)
    server.start()
    _, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    import s3fs

    s3fs.S3FileSystem().mkdir("sweeps")
    yield "s3://sweeps/a/sweep.zarr"
    server.stop()


@pytest.mark.parametrize("where", ["memory", "bucket"])
def test_a_url(tmp_path, request, where):
    out = request.getfixturevalue(where)
    make(tmp_path / "local").run()
    first = make(out)
    first.run("ranks", rank=0, world=2)
    assert make(out).status().missing == 3
    status = make(out).run()
    assert status.is_complete
    assert status.store == out
    assert make(out).verify().is_sound
    tree, local = cs.open_sweep(out), cs.open_sweep(tmp_path / "local")
    xarray.testing.assert_identical(tree.load(), local.load())
    with pytest.raises(SweepMismatchError, match="shard"):
        make(out, shard=5).run()
    make(out, shard=5, force_new=True).run()
    assert make(out, shard=5).status().shards == 5


def test_damage_in_a_url(memory):
    import fsspec

    make(memory).run()
    files = fsspec.filesystem("memory")
    path = memory.removeprefix("memory://") + "/conv1/mean/c/1/0"
    files.pipe_file(path, files.cat_file(path)[:-1])
    assert make(memory).verify().damaged.keys() == {1}
    assert make(memory).run().is_complete
    assert make(memory).verify().is_sound


def test_a_url_with_something_else(memory):
    import fsspec

    fsspec.filesystem("memory").pipe_file(memory.removeprefix("memory://") + "/notes.txt", b"mine")
    with pytest.raises(FileExistsError, match="got something else"):
        make(memory).run()


def test_a_folder_by_its_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make("sweep.zarr").run()
    make(tmp_path / "other").run()
    assert_same("sweep.zarr", tmp_path / "other")


def test_a_file_url_is_a_folder(tmp_path):
    make(f"file://{tmp_path}/sweep.zarr").run()
    make(tmp_path / "other").run()
    assert_same(tmp_path / "sweep.zarr", tmp_path / "other")


def test_a_relative_folder_is_the_same_for_a_worker_that_is_elsewhere(tmp_path, monkeypatch):
    import pickle

    monkeypatch.chdir(tmp_path)
    sweep = pickle.loads(pickle.dumps(make("sweep.zarr")))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    sweep.run()
    assert cs.open_sweep(tmp_path / "sweep.zarr").sizes["sample"] == 21
