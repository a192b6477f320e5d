"""Run by an interpreter that has TensorFlow: the graphs of `tensorflow_reference`, saved by TensorFlow itself, and their outputs.

python tensorflow_graph.py FOLDER SLICE_LEN [norm]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from tests.models.checkpoints import tensorflow_reference as reference

v1 = tf.compat.v1


def main(folder: Path, slice_len: int, norm: bool) -> None:
    v1.disable_eager_execution()
    values = reference.variables(slice_len, dim=1, norm=norm)
    of = {name: v1.get_variable(name, initializer=tf.constant(value)) for name, value in values.items()}
    strides = reference.STRIDES[slice_len]
    rng = np.random.default_rng(1)
    inputs = {"z": rng.uniform(-1, 1, (2, 30)), "x": rng.uniform(-1, 1, (2, slice_len))}
    z, x = (tf.constant(inputs[name].astype(np.float32)) for name in "zx")
    outputs = {
        "G": generator(of, z, strides),
        "D": critic(of, x, strides, "D"),
        "Q": critic(of, x, strides, "Q"),
    }
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        made = session.run(outputs)
        v1.train.Saver().save(session, str(folder / "model.ckpt"), global_step=7)
    arrays = {f"{scope}{i}": map_ for scope, maps in made.items() for i, map_ in enumerate(maps)}
    np.savez(folder / "expected.npz", **inputs, **arrays)


def normalised(h, of, place, by_batch):
    place = f"{place}/batch_normalization"
    if f"{place}/gamma" not in of:
        return h
    mean, variance = of[f"{place}/moving_mean"], of[f"{place}/moving_variance"]
    if by_batch:
        mean, variance = tf.nn.moments(h, [0, 1])
    return tf.nn.batch_normalization(h, mean, variance, of[f"{place}/beta"], of[f"{place}/gamma"], 1e-3)


def generator(of, z, strides):
    h = tf.matmul(z, of["G/z_project/dense/kernel"]) + of["G/z_project/dense/bias"]
    h = tf.nn.relu(normalised(tf.reshape(h, [z.shape[0], 16, -1]), of, "G/z_project", False))
    maps = [h]
    for i, stride in enumerate(strides):
        place = f"G/upconv_{i}"
        kernel = of[f"{place}/conv2d_transpose/kernel"]
        with v1.name_scope(f"{place}/conv2d_transpose/"):
            shape = [z.shape[0], 1, h.shape[1] * stride, kernel.shape[2]]
            h = tf.nn.conv2d_transpose(
                h[:, None], kernel, shape, [1, 1, stride, 1], "SAME", name="conv2d_transpose"
            )[:, 0]
        h += of[f"{place}/conv2d_transpose/bias"]
        h = tf.tanh(h) if i + 1 == len(strides) else tf.nn.relu(normalised(h, of, place, False))
        maps.append(h)
    return maps


def critic(of, x, strides, scope):
    prefix, h, maps = "Q" if scope == "Q" else "", x[:, :, None], []
    for i, stride in enumerate(strides):
        place = f"{scope}/{prefix}downconv_{i}"
        with v1.name_scope(f"{place}/conv1d/"):
            h = tf.nn.conv1d(h, of[f"{place}/conv1d/kernel"], stride, "SAME", name="Conv1D")
        h = tf.nn.leaky_relu(normalised(h + of[f"{place}/conv1d/bias"], of, place, True), 0.2)
        maps.append(h)
    place = f"{scope}/{prefix}output/dense"
    return [*maps, tf.matmul(tf.reshape(h, [x.shape[0], -1]), of[f"{place}/kernel"]) + of[f"{place}/bias"]]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), "norm" in sys.argv[3:])
