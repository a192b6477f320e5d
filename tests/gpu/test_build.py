"""The kernels compile for every architecture that is promised, in registers alone; and nvcc is asked for in vain with an error."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[2] / "csrc"
EVERY = ["arch=compute_80,code=sm_80", "arch=compute_80,code=compute_80", "arch=compute_90a,code=sm_90a"]


@pytest.fixture(scope="module")
def nvcc():
    found = os.environ.get("CUDACXX") or shutil.which("nvcc")
    if found is None:
        pytest.skip("nvcc is not installed")
    return found


@pytest.mark.slow
def test_all_architectures_within_three_minutes_and_without_spills(nvcc, tmp_path):
    start, report = time.monotonic(), ""
    for source, targets in (("launch.cu", EVERY), ("launch_hopper.cu", EVERY[2:])):
        command = [
            nvcc, "-std=c++20", "-O3", "--expt-relaxed-constexpr", "-Xptxas", "-v", "-I", SOURCES,
            *(word for target in targets for word in ("-gencode", target)),
            "-c", SOURCES / "cuda" / source, "-o", tmp_path / f"{source}.o",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        report += done.stderr
    assert time.monotonic() - start < 180
    kernels = re.findall(r"Function properties for (\w+)\n\s+(.*)", report)
    # Tiles of the tensor and window kernels, input, fold and gather, on two architectures; four tiles of the Hopper kernel on
    # one.
    assert len(kernels) == 2 * (5 + 2 + 3) + 4
    for name, properties in kernels:
        assert properties == "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads", (
            name,
            properties,
        )
    # What the compiler says when it does not trust the order of the products, or drops the reallocation of registers.
    for word in ("injected", "serialized", "setmaxnreg"):
        assert word not in report


def test_without_nvcc_the_engine_is_left_out_or_asked_for_in_vain(tmp_path):
    """AUTO builds the rest and says so; ON is an error that names what is missing."""
    pybind11 = pytest.importorskip("pybind11", reason="CMake needs pybind11 to build the extension")
    tools = tmp_path / "tools"
    tools.mkdir()
    here = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for tool in (
        "cmake",
        "ninja",
        "c++",
        "cc",
        "g++",
        "gcc",
        "ar",
        "ranlib",
        "ld",
        "as",
        "nm",
        "objcopy",
        "strip",
    ):
        path = shutil.which(tool, path=here)
        if path is None and tool in ("cmake", "ninja", "c++"):
            pytest.skip(f"{tool} is not installed")
        if path is not None:
            (tools / tool).symlink_to(path)
    environment = {"PATH": str(tools), "HOME": str(tmp_path)}

    def configure(choice: str) -> subprocess.CompletedProcess[str]:
        command = [
            tools / "cmake", "-S", SOURCES.parent, "-B", tmp_path / choice, "-G", "Ninja", f"-DCONVSCOPE_CUDA={choice}",
            f"-Dpybind11_DIR={pybind11.get_cmake_dir()}", f"-DPython_EXECUTABLE={sys.executable}",
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    left_out = configure("AUTO")
    assert left_out.returncode == 0, left_out.stderr
    assert "GPU engine OFF (CONVSCOPE_CUDA=AUTO)" in left_out.stdout
    asked_for = configure("ON")
    assert asked_for.returncode != 0
    assert "expected nvcc, found none" in asked_for.stderr
