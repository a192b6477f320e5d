"""The machine: what it is called, which processors a process may use, and how fast it multiplies matrices."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from ..probe import thread_count

MATRIX = 2048  # rows and columns
PACKAGES = ("torch", "onnxruntime", "openvino", "jax", "numpy")


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a report was made: processor, processors that may be used, system, and versions by package."""

    cpu: str
    processors: int
    system: str
    versions: dict[str, str]

    @classmethod
    def here(cls) -> Machine:
        """This one."""
        from .. import __version__

        found = {"convscope": __version__, "python": platform.python_version()}
        for name in PACKAGES:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                continue
        return cls(cpu_name(), thread_count(None), f"{platform.system()} {platform.machine()}", found)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `Machine(**it)` is the machine again."""
        return asdict(self)

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        plural = "s" * (self.processors != 1)
        return f"{self.cpu}, {self.processors} processor{plural}, {self.system}; {versions}"


def cpu_name() -> str:
    """As the system calls it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def limit_processors(threads: int) -> None:
    """Keep this process, and every thread that a library starts in it, on so many processors, where the system can.

    One processor of each core comes first, so that threads do not share a core while others idle.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    allowed = sorted(os.sched_getaffinity(0))
    if threads < len(allowed):
        os.sched_setaffinity(0, spread(allowed, _core_of)[:threads])


def spread(processors: Iterable[int], core_of: Callable[[int], str]) -> list[int]:
    """In order, the first processor of every core, then the second of every core, and so on."""
    seen: dict[str, int] = {}
    ranked = []
    for processor in processors:
        core = core_of(processor)
        ranked.append((seen.get(core, 0), processor))
        seen[core] = seen.get(core, 0) + 1
    return [processor for _, processor in sorted(ranked)]


def _core_of(processor: int) -> str:
    path = Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list")
    return path.read_text().strip() if path.exists() else str(processor)


def environment(threads: int) -> dict[str, str]:
    """What libraries read when they are loaded; torch, onnxruntime and OpenVINO are told again by their own means.

    ``NPROC`` is where XLA takes the size of its thread pool from.
    """
    count = str(threads)
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC")
    flag = "--xla_cpu_multi_thread_eigen=" + ("true" if threads > 1 else "false")
    flags = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()
    return {**dict.fromkeys(names, count), "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}


@dataclass(frozen=True, slots=True)
class Product:
    """A float32 matrix product: a call, and its floating-point operations."""

    run: Callable[[], object]
    flops: float

    def gflop_per_s(self) -> float:
        """The better of two calls after a first."""
        self.run()
        return max(self.flops / _seconds(self.run) / 1e9 for _ in range(2))


def fastest_product(threads: int) -> Product:
    """The fastest that PyTorch has here: the machine's peak, as far as a library reaches it.

    A product of two matrices goes to one library (MKL or OpenBLAS), the same product written as a convolution of one tap to
    another (oneDNN), which is twice as fast on some processors; of that one, sizes for few and for many cores.
    """
    torch.set_num_threads(threads)
    a, b = torch.rand(2, MATRIX, MATRIX, generator=torch.Generator().manual_seed(0))
    products = [Product(lambda: torch.mm(a, b), 2.0 * MATRIX**3)]
    products += [
        _one_tap(*sizes) for sizes in ((16, 512, 64, 1024), (16, 1024, 128, 1024), (64, 1024, 128, 1024))
    ]
    with torch.inference_mode():
        return max(products, key=Product.gflop_per_s)


def _one_tap(batch: int, inputs: int, positions: int, outputs: int) -> Product:
    """(batch positions, inputs) by (inputs, outputs)."""
    generator = torch.Generator().manual_seed(0)
    x, w = (
        torch.rand(shape, generator=generator).contiguous(memory_format=torch.channels_last)
        for shape in ((batch, inputs, 1, positions), (outputs, inputs, 1, 1))
    )
    return Product(lambda: F.conv2d(x, w), 2.0 * batch * positions * inputs * outputs)


def _seconds(run: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    run()
    return time.perf_counter() - start_s
