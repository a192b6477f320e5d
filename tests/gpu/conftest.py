"""GPUs for the tests: one that is not there, for every machine, and those that are."""

from __future__ import annotations

import pytest
from tests.gpu import stand_in

from convscope.probe import _cuda_device


@pytest.fixture(scope="session")
def stand_in_module():
    return stand_in.build()


@pytest.fixture
def device(stand_in_module, monkeypatch):
    """What `device="cuda"` finds: the stand-in."""
    found = stand_in.StandIn(stand_in_module)
    monkeypatch.setattr(_cuda_device, "find_device", lambda name: found)
    return found


@pytest.fixture
def gpu():
    """The name of a GPU that the engine can use; the test skips, saying why, where there is none."""
    reason = _cuda_device.unavailable()
    if reason is not None:
        pytest.skip(f"needs an NVIDIA GPU: {reason}")
    return "cuda:0"
