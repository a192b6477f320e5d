"""A machine without a usable GPU says why, wherever it is asked, and loses nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.gpu import networks

import convscope as cs
from convscope.probe import _cuda_device
from convscope.probe._inputs import from_device

FINE = {"toolkit": 13000, "driver": 13000, "torch_cuda": "13.0", "torch_finds_one": True}


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"driver": 0}, "no NVIDIA driver"),
        ({"driver": 12080}, "offers CUDA 12.8, this build needs 13.0 or later: update"),
        ({"torch_cuda": None}, "PyTorch was built without CUDA"),
        ({"torch_finds_one": False}, "PyTorch finds no GPU"),
    ],
)
def test_reasons(facts, words):
    assert words in _cuda_device.missing(**{**FINE, **facts})


def test_a_newer_driver_will_do():
    assert _cuda_device.missing(**{**FINE, "driver": 14010}) is None
    assert _cuda_device.missing(**{**FINE, "toolkit": 13020}) is None


def test_an_old_gpu_is_named():
    with pytest.raises(RuntimeError, match=r"8\.0 or later, got 7\.5 \(Tesla T4\)"):
        _cuda_device.check_capability("Tesla T4", (7, 5))
    for capability in ((8, 0), (8, 6), (9, 0), (12, 0)):
        _cuda_device.check_capability("GPU", capability)


@pytest.fixture
def reason(monkeypatch):
    words = "the moon is in the wrong phase"
    monkeypatch.setattr(_cuda_device, "unavailable", lambda: words)
    return words


def test_asking_for_a_gpu_is_an_error_that_says_why(reason):
    with pytest.raises(RuntimeError, match=reason):
        cs.Probe(networks.odd(), device="cuda", input_shape=(3, 60))


def test_a_network_on_a_gpu_is_probed_on_the_processor_after_a_warning(reason, monkeypatch):
    net = networks.odd()
    monkeypatch.setattr(torch.nn.Parameter, "is_cuda", property(lambda self: True))
    monkeypatch.setattr(torch.nn.Parameter, "device", property(lambda self: torch.device("cuda", 0)))
    with pytest.warns(UserWarning, match=f"on the processor, not on cuda:0: {reason}") as caught:
        place = _cuda_device.choose_device(None, net)
    assert place == torch.device("cpu")
    assert caught[0].filename == __file__


@pytest.mark.parametrize("device", ["tpu", "meta", 1.5, "mps"])
def test_other_devices_are_refused(device):
    with pytest.raises(ValueError, match=r'expected "cpu", "cuda" or "cuda:N", got'):
        cs.Probe(networks.odd(), device=device, input_shape=(3, 60))


def test_precisions_belong_to_devices(device):
    with pytest.raises(ValueError, match="'float32' or 'bfloat16', got 'float16'"):
        cs.Probe(networks.odd(), precision="float16", input_shape=(3, 60))
    with pytest.raises(ValueError, match="'float32' or 'float16', got 'bfloat16'"):
        cs.Probe(networks.odd(), device="cuda", precision="bfloat16", input_shape=(3, 60))
    with pytest.raises(ValueError, match="direct form only"):
        cs.Probe(networks.odd(), device="cuda", algorithm="spectral", input_shape=(3, 60))


def test_a_tensor_elsewhere_is_refused(device):
    runner = cs.Probe(networks.odd(), device="cuda:1", input_shape=(3, 60))._runner
    with pytest.raises(ValueError, match="expected a tensor on cuda:1, got one on cpu"):
        runner.run_tensor(torch.zeros(1, 3, 60))


def test_arrays_on_a_gpu_are_taken_by_dlpack(monkeypatch):
    class OnGpu:
        def __dlpack_device__(self):
            return 2, 0

    class OnProcessor(OnGpu):
        def __dlpack_device__(self):
            return 1, 0

    there, here = OnGpu(), OnProcessor()
    monkeypatch.setattr(torch.utils.dlpack, "from_dlpack", lambda array: ("taken", array))
    assert from_device(there) == ("taken", there)
    assert from_device(here) is here
    array, tensor = np.zeros(3), torch.zeros(3)
    assert from_device(array) is array
    assert from_device(tensor) is tensor


def test_the_processor_can_be_named():
    probe = cs.Probe(networks.odd(), device="cpu", input_shape=(3, 60))
    assert probe.engine.startswith("cpu")
    assert np.isfinite(probe.run(networks.inputs(probe, 1))["0"]).all()
