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
from tests.models.checkpoints.test_tensorflow import assert_same, maps_of

import convscope as cs

INTERPRETER = os.environ.get("TENSORFLOW_PYTHON") or (
    sys.executable if importlib.util.find_spec("tensorflow") else None
)
SCRIPT = Path(__file__).with_name("tensorflow_graph.py")


@pytest.mark.skipif(
    INTERPRETER is None, reason="TensorFlow is not installed (TENSORFLOW_PYTHON says where it is)"
)
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
