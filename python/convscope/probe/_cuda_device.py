"""The GPU engine's compiled half, imported when it is first asked for, and whether this machine can use it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ._caller import warn_caller

LEAST_CAPABILITY = (8, 0)


class UnusableDeviceError(RuntimeError):
    """A GPU was asked for that is not there, or that the engine cannot use; the message says why."""


class Copied(Protocol):
    """Copies under way; an event of PyTorch's."""

    def synchronize(self) -> None:
        """Until they are done."""


class Device(Protocol):
    """What an engine needs of the machine that it runs on, beside tensors."""

    name: torch.device
    is_hopper: bool  # of compute capability 9.0, which has kernels of its own

    def run(self, constants: Tensor, **call: Any) -> None:
        """`_cuda.run` in this device's present stream, until whose end nobody else gets the constants' memory."""

    def free_bytes(self) -> int:
        """That an allocation can have."""

    def empty_pinned(self, *shape: int) -> Tensor:
        """Float32 host memory that copies can run beside kernels to."""

    def copy_back(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> Copied:
        """Start to copy each second tensor to the first, pinned, once the present stream has made it."""


def unavailable() -> str | None:
    """Why no GPU can be used here; None if one can."""
    module = _module()
    if module is None:
        return "convscope was built without nvcc, so it has no GPU engine"
    return missing(
        toolkit=module.toolkit_version,
        driver=module.driver_version(),
        torch_cuda=torch.version.cuda,
        torch_finds_one=torch.cuda.is_available(),
    )


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """What the build and this machine have of a GPU engine.

    ``reason`` says why no GPU can be used, None if one can; ``toolkit`` and ``driver`` are CUDA versions such as "13.0", None
    where there is none; ``architectures`` are those that kernels were compiled for; ``devices`` the names of the GPUs.
    """

    reason: str | None
    toolkit: str | None
    architectures: tuple[str, ...]
    driver: str | None
    devices: tuple[str, ...]


def gpu_facts() -> GpuFacts:
    """Looked up anew on each call."""
    reason = unavailable()
    module = _module()
    if module is None:
        return GpuFacts(reason, None, (), None, ())
    driver = module.driver_version()
    count = torch.cuda.device_count() if reason is None else 0
    return GpuFacts(
        reason=reason,
        toolkit=version_text(module.toolkit_version),
        architectures=tuple(module.architectures.split(",")),
        driver=version_text(driver) if driver else None,
        devices=tuple(torch.cuda.get_device_name(number) for number in range(count)),
    )


def missing(*, toolkit: int, driver: int, torch_cuda: str | None, torch_finds_one: bool) -> str | None:
    """What keeps a build from a GPU. Versions are CUDA's numbers, 13000 for 13.0; ``driver`` 0 is none."""
    if driver == 0:
        return "no NVIDIA driver is installed"
    if driver // 1000 < toolkit // 1000:
        return (
            f"the NVIDIA driver offers CUDA {version_text(driver)}, this build needs {toolkit // 1000}.0 or later: "
            "update the driver"
        )
    if torch_cuda is None:
        return "this PyTorch was built without CUDA, so it has no tensors on a GPU"
    return None if torch_finds_one else "PyTorch finds no GPU that it can use"


def version_text(version: int) -> str:
    """13020 is 13.2."""
    return f"{version // 1000}.{version % 1000 // 10}"


def check_capability(name: str, capability: tuple[int, int]) -> None:
    """Raise UnusableDeviceError for a GPU that there are no kernels for."""
    if capability < LEAST_CAPABILITY:
        least, got = (".".join(map(str, version)) for version in (LEAST_CAPABILITY, capability))
        raise UnusableDeviceError(
            f"device: expected a GPU of compute capability {least} or later, got {got} ({name})"
        )


def choose_device(given: str | torch.device | None, net: nn.Module) -> torch.device:
    """Where to probe: as given, or where the network's parameters are.

    A network on a GPU that the engine cannot use is probed on the processor, after a warning; asked for, it is an error.
    """
    if given is None:
        first = next(net.parameters(), None)
        place = torch.device("cpu") if first is None or not first.is_cuda else first.device
        reason = unavailable() if place.type == "cuda" else None
        if reason is None:
            return place
        warn_caller(f"probing on the processor, not on {place}: {reason}")
        return torch.device("cpu")
    try:
        place = torch.device(given)
    except (RuntimeError, TypeError):
        place = torch.device("meta")
    if place.type not in ("cpu", "cuda"):
        raise ValueError(f'device: expected "cpu", "cuda" or "cuda:N", got {given!r}')
    if place.type == "cuda":
        find_device(place)
    return place


def find_device(name: torch.device) -> Device:
    """The GPU of that name, the present one where it has no number.

    Raises
    ------
    UnusableDeviceError
        when there is none that the engine can use, saying why.
    """
    reason = unavailable()
    if reason is not None:
        raise UnusableDeviceError(f"device: no GPU can be used: {reason}")
    count = torch.cuda.device_count()
    number = torch.cuda.current_device() if name.index is None else name.index
    if number >= count:
        raise UnusableDeviceError(f"device: expected a GPU below cuda:{count}, got cuda:{number}")
    check_capability(torch.cuda.get_device_name(number), torch.cuda.get_device_capability(number))
    return _Gpu(number)


def _module() -> ModuleType | None:
    """None where it was not built; an ImportError where it was and cannot be loaded."""
    if importlib.util.find_spec("convscope._cuda") is None:
        return None
    return importlib.import_module("convscope._cuda")


class _Gpu:
    """A GPU by PyTorch and `_cuda`."""

    def __init__(self, number: int) -> None:
        module = _module()
        assert module is not None
        self._run = module.run
        self.name = torch.device("cuda", number)
        self.is_hopper = torch.cuda.get_device_capability(number) == (9, 0)
        self._copies = torch.cuda.Stream(self.name)  # type: ignore[no-untyped-call]

    def run(self, constants: Tensor, **call: Any) -> None:
        stream = torch.cuda.current_stream(self.name)
        constants.record_stream(stream)
        self._run(**call, constants=constants.data_ptr(), device=self.name.index, stream=stream.cuda_stream)

    def free_bytes(self) -> int:
        free, _ = torch.cuda.mem_get_info(self.name)
        unused = torch.cuda.memory_reserved(self.name) - torch.cuda.memory_allocated(self.name)
        return free + unused

    def empty_pinned(self, *shape: int) -> Tensor:
        return torch.empty(shape, dtype=torch.float32, pin_memory=True)

    def copy_back(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> Copied:
        self._copies.wait_stream(torch.cuda.current_stream(self.name))
        with torch.cuda.stream(self._copies):
            for to, made in pairs:
                to.copy_(made, non_blocking=True)
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record(self._copies)
        return event
