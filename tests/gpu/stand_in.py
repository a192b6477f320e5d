"""A GPU that is not there: the engine's device sources compiled for this processor (tests/native/device), in host memory.

It runs every kernel, thread by thread, so networks must be small. Streams are in order because everything is.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / "build" / "stand-in"


def build() -> ModuleType:
    """Compiles what is out of date; a test without a compiler skips."""
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    cmake = shutil.which("cmake", path=tools)
    if cmake is None or shutil.which("ninja", path=tools) is None:
        pytest.skip("the stand-in for a GPU is compiled by cmake and ninja, which are not installed")
    pybind11 = pytest.importorskip("pybind11", reason="the stand-in for a GPU is compiled against pybind11")
    environment = {**os.environ, "PATH": tools}
    configure = [
        cmake, "-S", REPOSITORY, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCONVSCOPE_TESTS=ON",
        "-DCONVSCOPE_CUDA=OFF", f"-Dpybind11_DIR={pybind11.get_cmake_dir()}", f"-DPython_EXECUTABLE={sys.executable}",
    ]  # fmt: skip
    for command in (configure, [cmake, "--build", BUILD, "--target", "_cuda_stand_in"]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (path,) = BUILD.rglob("_cuda_stand_in*.so")
    spec = importlib.util.spec_from_file_location("_cuda_stand_in", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Copied:
    """A copy that is over before it is asked for."""

    def synchronize(self) -> None:
        pass


class StandIn:
    """`convscope.probe._cuda_device.Device` on this processor."""

    def __init__(self, module: ModuleType, free_bytes: int = 10**9) -> None:
        self.name = torch.device("cpu")
        self.is_hopper = False
        self._module = module
        self._free_bytes = free_bytes
        self.calls: list[dict[str, Any]] = []

    def run(self, constants: Tensor, **call: Any) -> None:
        self.calls.append(call)
        self._module.run(**call, constants=constants.data_ptr(), device=0, stream=0)

    def free_bytes(self) -> int:
        return self._free_bytes

    def empty_pinned(self, *shape: int) -> Tensor:
        return torch.full(shape, float("nan"))

    def copy_back(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> Copied:
        for to, made in pairs:
            to.copy_(made)
        return Copied()
