"""The GPU benchmark's Triton kernel in Triton's interpreter, on the processor: every layer's means against float64.

The interpreter has no bfloat16 and multiplies tf32 as float32, of numbers that the kernel has rounded to tf32.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.probe.helpers import fill
from tests.tolerances import relative_error

import convscope as cs
from convscope.models import Activation, Conv, Dense, NetworkSpec
from convscope.probe._torch_engine import TorchEngine

LIMITS = {"float32": 3e-6, "tf32": 2e-3, "float16": 2e-3}  # of any layer's series
CASES = {  # batch, and columns of a tile: in one phase, over several, or to be chosen
    "float32": (1, [64]),
    "float32, wide": (3, [256]),
    "tf32": (3, [64]),
    "float16, tuned": (1, [16, 64, 128, 256]),
}
ROLES = ("generator", "q_network")
ROOT = Path(__file__).parents[2]
RELU, LEAKY = Activation("relu"), Activation("leaky_relu", slope=0.2)


def up(name: str, inputs: int, outputs: int, activation: Activation = RELU, **changed) -> Conv:
    shape = {"kernel": 25, "stride": 4, "padding": (11, 10)} | changed
    return Conv(
        name=name, in_channels=inputs, out_channels=outputs, activation=activation, transposed=True, **shape
    )


def down(name: str, inputs: int, outputs: int, **changed) -> Conv:
    shape = {"kernel": 25, "stride": 4, "padding": (11, 10)} | changed
    return Conv(name=name, in_channels=inputs, out_channels=outputs, activation=LEAKY, **shape)


def network(role: str) -> cs.models.SpeechNetwork:
    """Tiles within a phase and of several, parts of channels, ends cut off, and channels that no step of the loop divides."""
    if role == "generator":
        layers = (
            Dense(name="fc", in_channels=7, out_positions=5, out_channels=18, activation=RELU),
            up("conv1", 18, 128),
            up("conv2", 128, 32, padding=(10, 11)),
            up("conv3", 32, 64, kernel=6, stride=5, padding=(2, 1)),
            up("out", 64, 1, Activation("tanh")),
        )
        shape = {"in_length": 1, "in_channels": 7, "slice_len": 1592}
    else:
        layers = (
            down("conv1", 1, 16),
            down("conv2", 16, 32, kernel=7, stride=3, padding=(3, 2)),
            down("conv3", 32, 3, padding=(0, 0)),  # not the kernel's
            down("conv4", 3, 128, kernel=3, stride=1, padding=(1, 1)),
            Dense(name="logits", in_positions=7, in_channels=128, out_channels=5),
        )
        shape = {"in_length": 603, "in_channels": 1, "slice_len": 603}
    spec = NetworkSpec(name="by hand", role=role, layers=layers, **shape)
    return fill(cs.models.build(spec), "he").eval()


def report() -> None:
    """Print the errors by role and case: what the interpreter's process does."""
    import triton
    from benchmarks.yardstick_triton import TritonMeans, convolve

    convolve.do_bench = lambda call, quantiles: [call() or 0.0] * len(quantiles)  # any tile is as fast
    found = {}
    for role in ROLES:
        net = network(role)
        x = np.random.default_rng(0).uniform(-1, 1, (3, *net.spec.input_shape)).astype(np.float32)
        layers = TorchEngine(net, net.spec.input_shape, torch.float64).record(x).values()
        exact = [(h.after.mean(1) if h.after.dim() == 3 else h.after).numpy() for h in layers]
        for case, (batch, columns) in CASES.items():
            dtype = torch.float16 if "float16" in case else torch.float32
            means = TritonMeans(network(role), len(exact), dtype, tf32=case == "tf32")
            convolve.configs = [triton.Config({"ROWS": 128, "COLUMNS": count}) for count in columns]
            with torch.inference_mode():
                series = means(torch.from_numpy(x[:batch]).to(dtype))
            pairs = zip(series, exact, strict=True)
            found[f"{role}, {case}"] = [relative_error(got, wanted[:batch]) for got, wanted in pairs]
    print(json.dumps(found))


@pytest.fixture(scope="module")
def errors() -> dict[str, list[float]]:
    if importlib.util.find_spec("triton") is None:
        pytest.skip("the yardstick needs Triton")
    paths = os.pathsep.join([str(Path(cs.__file__).parents[1]), str(ROOT), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, "-c", "from tests.gpu.test_yardstick import report; report()"],
        env=os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": paths},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if "only 0-dimensional arrays can be converted" in ended.stderr:
        pytest.skip("the interpreter of this Triton does not know this NumPy")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("role", ROLES)
def test_every_layer_against_float64(errors, role, case):
    row = errors[f"{role}, {case}"]
    assert max(row) <= LIMITS[case.split(",")[0]], row
