"""Checkpoints that TensorFlow itself wrote, and what it computed; the length of six layers comes from its graph.

TENSORFLOW_PYTHON is an interpreter that has it, if this one has not.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.models.checkpoints import bundles
from tests.models.checkpoints import tensorflow_reference as reference
from tests.models.checkpoints.test_tensorflow import assert_same, maps_of

import convscope as cs
from convscope.models.checkpoints import TensorBundle

INTERPRETER = os.environ.get("TENSORFLOW_PYTHON") or (
    sys.executable if importlib.util.find_spec("tensorflow") else None
)
READ = """
import sys, numpy as np, tensorflow as tf
reader = tf.train.load_checkpoint(sys.argv[1])
np.savez(sys.argv[2], **{name.replace("/", "|"): reader.get_tensor(name) for name in reader.get_variable_to_shape_map()})
"""
SCRIPT = Path(__file__).with_name("tensorflow_graph.py")


needs_tensorflow = pytest.mark.skipif(
    INTERPRETER is None, reason="TensorFlow is not installed (TENSORFLOW_PYTHON says where it is)"
)


@needs_tensorflow
@pytest.mark.parametrize("slice_len", [16384, 32768, 65536])
@pytest.mark.parametrize("norm", [[], ["norm"]], ids=["plain", "batch norm"])
def test_tensorflows_own_checkpoints(tmp_path, slice_len, norm):
    subprocess.run(
        [INTERPRETER, SCRIPT, tmp_path, str(slice_len), *norm], check=True, capture_output=True, text=True
    )
    networks = cs.models.import_checkpoint(tmp_path)
    with np.load(tmp_path / "expected.npz") as expected:
        for scope, role in (("G", "generator"), ("D", "discriminator"), ("Q", "q_network")):
            assert networks[role].spec.slice_len == slice_len
            found = maps_of(networks[role], expected["z" if scope == "G" else "x"])
            assert_same(found, [expected[f"{scope}{i}"] for i in range(len(found))])


@needs_tensorflow
def test_tensorflow_reads_what_is_exported(tmp_path):
    bundles.write(tmp_path / "old", reference.variables(16384, norm=True))
    networks = cs.models.import_checkpoint(tmp_path / "old")
    cs.models.export_checkpoint(networks, tmp_path / "new" / "model.ckpt-0")
    paths = [str(tmp_path / "new" / "model.ckpt-0"), str(tmp_path / "read.npz")]
    subprocess.run([INTERPRETER, "-c", READ, *paths], check=True, capture_output=True, text=True)
    bundle = TensorBundle(tmp_path / "new")
    with np.load(tmp_path / "read.npz") as read:
        assert {name.replace("|", "/") for name in read} == set(bundle)
        for name in bundle:
            np.testing.assert_array_equal(read[name.replace("/", "|")], bundle[name])
