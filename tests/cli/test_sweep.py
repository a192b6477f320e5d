"""`convscope sweep` and what there is to do with its stores."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from tests.sweep.sweeps import arrays, assert_same, environment_of_tests

import convscope as cs

NET = "words8:generator"
SIZE = cs.zoo.load("words8")["generator"].spec.in_channels


def opened(out="sweep.zarr"):
    return cs.open_sweep(out)


def test_one_variable_over_values(convscope):
    result = convscope("sweep", NET, "--variable", "z11=-15:5:11", "--bases", 3, "-l", "conv*", "--shard", 10)
    assert result.exit_code == 0, result.stderr
    assert "4 of 4 shards, 33 of 33 samples" in result.stdout
    tree = opened()
    assert tree["z11"].values.tolist() == np.linspace(-15, 5, 11).tolist() * 3
    net = cs.zoo.load("words8")["generator"]
    expected = cs.fast_probe(net, tree["z"].values, layers="conv*")
    for name, series in expected.items():
        assert tree[name]["mean"].values.tobytes() == series.tobytes()


def test_the_same_command_goes_on_and_another_is_refused(convscope):
    command = ("sweep", NET, "-v", "z11=0,1", "-b", 6, "--shard", 4)
    assert convscope(*command, "-x", "ranks").exit_code == 1, "nobody says which rank it is"
    assert convscope(*command).exit_code == 0
    before = arrays("sweep.zarr")
    assert convscope(*command, "-x", "serial").exit_code == 0
    other = convscope("sweep", NET, "-v", "z11=0,2", "-b", 6, "--shard", 4)
    assert other.exit_code == 1
    assert "design z11: store has [0.0, 1.0], this sweep [0.0, 2.0]" in other.stderr
    assert "--force-new" in other.stderr
    assert arrays("sweep.zarr").keys() == before.keys()
    assert convscope("sweep", NET, "-v", "z11=0,2", "-b", 6, "--force-new").exit_code == 0
    assert opened()["z11"].values.tolist() == [0, 2] * 6


def test_lines_between_random_vectors_and_files(convscope):
    vectors = np.random.default_rng(1).uniform(-1, 1, (3, SIZE)).astype(np.float32)
    np.save("v.npy", vectors)
    result = convscope(
        "sweep", NET, "--line", "v.npy:1", "--line", "random:2", "--line", "v.npy", "--steps", 5, "-l", "fc"
    )
    assert result.exit_code == 0, result.stderr
    z = opened()["z"].values.reshape(2, 5, -1)
    drawn = cs.latents.random(3, size=SIZE, code=cs.latents.OneHot(8))[2]
    assert np.array_equal(z[0, 0], vectors[1])
    assert np.array_equal(z[0, -1], drawn)
    assert np.array_equal(z[1, 0], drawn)
    assert np.array_equal(z[1, -1], vectors[0])


def test_on_a_sphere(convscope):
    result = convscope(
        "sweep", NET, "--line", "random:0", "--line", "random:1", "--sphere", "--steps", 3, "-l", "fc"
    )
    assert result.exit_code == 0, result.stderr
    assert '"way": "sphere"' in opened().attrs["design"]


def test_random_vectors_and_codes(convscope):
    assert convscope("sweep", NET, "--random", 5, "--code", "0,0,2.5", "--seed", 4, "-l", "fc").exit_code == 0
    assert opened()["z"].values[:, :3].tolist() == [[0, 0, 2.5]] * 5


def test_sounds_through_a_listener(convscope):
    sounds = np.random.default_rng(0).uniform(-1, 1, (5, 4096)).astype(np.float32)
    np.save("sounds.npy", sounds)
    result = convscope("sweep", "words8:q_network", "--rows", "sounds.npy", "--no-latents", "-o", "q.zarr")
    assert result.exit_code == 0, result.stderr
    expected = cs.fast_probe(cs.zoo.load("words8")["q_network"], sounds)
    assert np.array_equal(opened("q.zarr")["logits"]["mean"], expected["logits"])


def test_options_from_a_file_and_the_command_line_over_them(convscope, folder):
    (folder / "sweep.toml").write_text(
        f'net = "{NET}"\nvariable = ["z10=-1:1:3", "z11=0,2"]\nbases = 2\nlayers = "conv1"\ncode = [0, 0, 2.5]\nkeep = ["peak"]\n'
        'shard = 5\ndtype = "float16"\nout = "from_file.zarr"\n'
    )
    result = convscope("sweep", "--config", "sweep.toml", "--keep", "moments", "--keep", "series")
    assert result.exit_code == 0, result.stderr
    tree = opened("from_file.zarr")
    assert tree.sizes["sample"] == 12
    assert tree["code"].values[:, :3].tolist() == [[0, 0, 2.5]] * 12
    assert tree["conv1"]["mean"].dtype == np.float16
    assert "mean_peak" not in tree["conv1"]
    assert tree["moments/conv1"]["mean"].dims == ("z10", "z11", "time")
    wrong = convscope("sweep", "-c", "sweep.toml", "--layers", "nothing")
    assert wrong.exit_code == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('nett = "x"', "no option 'nett'; did you mean net"),
        ("net = ", "sweep.toml: "),
        (None, "no such file: sweep.toml"),
    ],
)
def test_a_wrong_file(convscope, folder, text, message):
    if text is not None:
        (folder / "sweep.toml").write_text(text)
    result = convscope("sweep", "--config", "sweep.toml")
    assert result.exit_code == 2
    assert message in result.stderr


def test_an_estimate_writes_nothing(convscope, folder):
    result = convscope("sweep", NET, "--random", 1_000_000, "--estimate")
    assert result.exit_code == 0
    assert "1,000,000 samples in 977 shards" in result.stdout
    assert not (folder / "sweep.zarr").exists()
    facts = json.loads(convscope("sweep", NET, "--random", 1000, "--estimate", "--json").stdout)
    assert facts["samples"] == 1000
    assert facts["store_bytes"] > 1000 * 4096 * 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "expected one of --line, --variable, --random and --rows, got none"),
        (["--random", 3, "--rows", "a.npy"], "got --random and --rows"),
        (["--variable", "z11"], "--variable: expected NAME=VALUES"),
        (["--variable", "z11=a:b"], "expected START:END:COUNT or values with commas"),
        (["--variable", "z11=0:1:0"], "--variable: expected at least one value"),
        (["--variable", "z1100=0:1:2"], "--variable: variable: expected z0 to z"),
        (["-v", "z1=0,1", "-v", "z1=2"], "--variable: z1 is given twice"),
        (["-v", "z1=0,1", "-b", "many"], "--bases: expected a number, or a .npy file, got 'many'"),
        (["-v", "z1=0,1", "-b", "0"], "--bases: expected a number, or a .npy file, got '0'"),
        (["--rows", "a.npy"], "--rows: no such file: a.npy"),
        (["--rows", "small.npy"], "--rows: small.npy: expected rows of"),
        (["--line", "random:1"], "--line: expected at least two"),
        (
            ["--line", "random:1", "--line", "b"],
            "--line: expected random:NUMBER, FILE.npy or FILE.npy:ROW, got 'b'",
        ),
        (["--line", "random:1", "--line", "small.npy:7"], "--line: small.npy:7: expected row 7 of"),
        (["--random", 3, "--code", "loud"], "--code: expected one_hot, binary, none, or values"),
        (["--random", 3, "--keep", "median"], "keep: expected series"),
        (["--random", 3, "-l", "conv77"], "no layer matches 'conv77'"),
        (["--random", 3, "--workers", 2], "for executor='dask' only"),
        (["--rows", "z.npy", "--code", "0,1"], "--code: has no meaning for this --rows"),
        (["--random", 3, "--steps", 5], "--steps: has no meaning for this --random"),
        (["-v", "z1=0,1", "-b", "z.npy", "--seed", 4], "--seed: has no meaning for this --variable"),
        (["-v", "z1=0,1e39"], "values of z1: expected finite numbers"),
        (["--random", 3, "--code", "nan,0"], "--code: code: expected finite numbers"),
        (["--random", 3, "-o", "taken"], "got something else"),
    ],
)
def test_wrong_requests(convscope, folder, options, message):
    np.save("small.npy", np.zeros((2, 3)))
    (folder / "taken").write_text("mine")
    result = convscope("sweep", NET, *options)
    assert result.exit_code in (1, 2)
    assert message in result.stderr
    assert not (folder / "sweep.zarr").exists() or not cs.open_sweep("sweep.zarr")["sample"].values.max() >= 0


def test_status_verify_and_repair(convscope, folder):
    command = ("sweep", NET, "--random", 10, "--shard", 4, "-l", "conv1")
    convscope(*command)
    assert "3 of 3 shards, 10 of 10 samples" in convscope("sweep", "status", "sweep.zarr").stdout
    facts = json.loads(convscope("sweep", "status", "sweep.zarr", "--json").stdout)
    assert facts["done"] == 3
    result = convscope("sweep", "verify", "sweep.zarr")
    assert result.exit_code == 0
    assert "computed again: 0, 1, 2" in result.stdout
    path = folder / "sweep.zarr" / "conv1" / "mean" / "c" / "1" / "0"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    result = convscope("sweep", "verify", "sweep.zarr", "--recompute", 0)
    assert result.exit_code == 1
    assert "shard 1: conv1/mean/c/1/0: other bytes than were written" in result.stdout
    assert "2 of 3 shards" in convscope("sweep", "status", "sweep.zarr").stdout
    convscope(*command)
    assert convscope("sweep", "verify", "sweep.zarr").exit_code == 0


def test_verify_of_a_store_that_was_made_from_python(convscope):
    cs.Sweep(cs.zoo.load("words8")["generator"], cs.latents.random(4, size=SIZE), out="sweep.zarr").run()
    result = convscope("sweep", "verify", "sweep.zarr")
    assert result.exit_code == 0
    assert "made from Python" in result.stderr


def test_verify_when_the_network_is_another_now(convscope, folder):
    networks = cs.zoo.load("words8")
    cs.models.save({"generator": networks["generator"]}, folder / "net")
    convscope("sweep", "./net:generator", "--random", 4)
    with_other = cs.models.build(networks["generator"].spec, seed=5)
    cs.models.save({"generator": with_other}, folder / "net", replace=True)
    result = convscope("sweep", "verify", "sweep.zarr")
    assert result.exit_code == 1
    assert "cannot be computed again, --recompute 0 looks at files only" in result.stderr
    assert "network weights: store has" in result.stderr


def test_export_and_compare(convscope, folder):
    for seed in (1, 2):
        spec = cs.zoo.load("words8")["generator"].spec
        cs.models.save({"generator": cs.models.build(spec, seed=seed)}, folder / f"net{seed}")
        convscope("sweep", f"./net{seed}:generator", "-v", "z11=-1,1", "-b", 3, "-o", f"{seed}.zarr")
    result = convscope("sweep", "compare", "1.zarr", "2.zarr")
    assert result.exit_code == 0, result.stderr
    assert "compared.nc: written" in result.stdout
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:3]] == [["fc", "6"], ["conv1", "6"]]
    assert convscope("sweep", "compare", "1.zarr", "2.zarr").exit_code == 2, "it is there already"
    assert convscope("sweep", "export", "1.zarr", "a.npz", "-l", "conv1").exit_code == 0
    result = convscope("sweep", "export", "1.zarr", "sounds", "-l", "out", "--samples", "0:2")
    assert result.stdout == "sounds: 2 sounds\n"
    assert convscope("sweep", "export", "1.zarr", "a.npz").exit_code == 2
    assert convscope("sweep", "export", "1.zarr", "b.npz", "--samples", "x").exit_code == 2
    assert convscope("sweep", "export", "nothing", "b.npz").exit_code == 2


def test_help_of_all(convscope):
    assert "status" in convscope("sweep", "--help").stdout
    assert "--variable" in convscope("sweep", "run", "--help").stdout


def test_an_interrupted_sweep_says_how_to_go_on(convscope, folder):
    command = ["sweep", NET, "--random", "8000", "--shard", "100", "-k", "peak", "--threads", "1"]
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from convscope.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *command], stderr=subprocess.PIPE, text=True, env=environment_of_tests()
    )
    while process.poll() is None and not any((folder / "sweep.zarr" / "receipts").glob("0*.json")):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "of 80 shards are in sweep.zarr; the same command goes on" in errors
    assert convscope(*command).exit_code == 0
    convscope(*command, "-o", "whole.zarr", "-x", "serial")
    assert_same("sweep.zarr", "whole.zarr")
