"""The manifest and files of wavegan's web page."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.models.checkpoints import tensorflow_reference
from tests.models.checkpoints.ports_reference import maps_of, random

import convscope as cs
from convscope.models import CheckpointError


def test_the_dump_of_the_web_page(tmp_path):
    of = tensorflow_reference.variables(16384, filtered=512)
    of = {name: values for name, values in of.items() if name.startswith("G/") and "Adam" not in name}
    manifest = {
        name: {"filename": name.replace("/", "_"), "shape": list(values.shape)} for name, values in of.items()
    }
    manifest["cherries"] = {"filename": "cherries", "shape": [65, 100]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    for name, values in of.items():
        values.astype("<f4").tofile(tmp_path / name.replace("/", "_"))
    network = cs.models.import_checkpoint(tmp_path)["generator"]
    z = random(2, 30)
    found = maps_of(network, z)[-1].numpy().transpose(0, 2, 1)
    np.testing.assert_allclose(found, tensorflow_reference.generator(of, z.numpy(), 16384)[-1], atol=1e-5)
    with (tmp_path / "G_upconv_0_conv2d_transpose_bias").open("ab") as file:
        file.write(b"1")
    with pytest.raises(
        CheckpointError, match=r"G/upconv_0/conv2d_transpose/bias: expected 64 bytes of shape \(16,\), got 65"
    ):
        cs.models.import_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('{"filename": "../../etc/passwd", "shape": [1]}', "expected names with .*'../../etc/passwd'"),
        ('{"filename": "", "shape": [1]}', "expected names with .*'' of shape"),
        ('{"filename": 5, "shape": [1]}', "expected names with"),
        ('{"filename": "a", "shape": [1e999]}', r"expected names with .*of shape \[inf\]"),
        ('{"filename": "a", "shape": [true]}', r"expected names with .*of shape \[True\]"),
        ('{"filename": "a", "shape": [1.9]}', r"expected names with .*of shape \[1\.9\]"),
        (
            '{"filename": "a", "shape": [-1]}',
            "expected names with .*a shape of 1 dimensions, or a negative one",
        ),
        (
            '{"filename": "a", "shape": [0, 4611686018427387904]}',
            "expected names with .*a shape of 0 x 4611686018427387904 values",
        ),
        ('{"filename": "a", "shape": null}', "expected names with"),
        ("[1, 2]", "expected names with"),
        ("[" * 100_000, "expected names with .*recursion"),
    ],
)
def test_a_manifest_that_cannot_be(tmp_path, entry, message):
    (tmp_path / "manifest.json").write_text(f'{{"G/x": {entry}}}')
    with pytest.raises(CheckpointError, match=rf"manifest\.json: {message}"):
        cs.models.import_checkpoint(tmp_path)


def test_a_manifest_that_cannot_be_read(tmp_path):
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(CheckpointError, match=r"manifest\.json: Is a directory"):
        cs.models.import_checkpoint(tmp_path / "manifest.json")
