"""`convscope info`: what runs here."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .. import __version__
from ._console import say, show_json
from ._errors import misuse, reporting
from ._options import Debug, Json

PACKAGES = ("torch", "numpy", "xarray", "matplotlib", "soundfile", "soxr", "espeakng-loader")


def info(json: Json = False, debug: Debug = False) -> None:
    """Say which version, instruction set, threads and packages are in use.

    \b
    convscope info
    CONVSCOPE_ISA=avx2 convscope info       as it would run on an older processor
    """
    with reporting(debug=debug):
        facts = _facts()
        if json:
            show_json(facts)
            return
        isa, packages = facts["isa"], facts["packages"]
        say(f"convscope  {facts['convscope']}")
        say(f"python     {facts['python']} on {facts['machine']}")
        say(f"processor  {isa['selected']} in use, of {', '.join(isa['available'])} (CONVSCOPE_ISA chooses)")
        say(f"compiler   {facts['compiler']}")
        say(f"threads    {facts['threads']}")
        say(f"bfloat16   {'available' if facts['bfloat16'] else 'not available: it needs AVX512_BF16'}")
        say(f"tuned      {_tuned(facts['tuned'])}")
        say(f"GPU        {_gpu(facts['gpu'])}")
        for name in PACKAGES:
            absent = "not installed" + (
                ': pip install "convscope[speech]"' if name == "espeakng-loader" else ""
            )
            say(f"{name.ljust(10)} {packages[name] or absent}")


def _facts() -> dict[str, Any]:
    from .. import _core
    from ..probe import gpu_facts, load_machine, thread_count

    with misuse(ValueError):  # CONVSCOPE_ISA names a set that is not there
        selected = _core.selected_isa()
    machine = load_machine(selected)
    return {
        "convscope": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "isa": {"selected": selected, "available": _core.available_isas()},
        "compiler": _core.compiler(),
        "threads": thread_count(None),
        "bfloat16": _core.has_bfloat16(),
        "tuned": None if machine is None else asdict(machine),
        "gpu": asdict(gpu_facts()),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _tuned(machine: dict[str, Any] | None) -> str:
    if machine is None:
        return "no: plans use the figures of a common server (convscope tune)"
    products, weights = machine["products_per_second"] / 1e9, machine["bytes_per_second"] / 1e9
    return f"{products:.0f} G multiply-adds/s per thread, weights at {weights:.0f} GB/s on {machine['threads']} threads"


def _gpu(gpu: dict[str, Any]) -> str:
    if gpu["toolkit"] is None:
        return f"not available: {gpu['reason']}"
    built = f"kernels for {', '.join(gpu['architectures'])}, CUDA {gpu['toolkit']}, driver {gpu['driver'] or 'none'}"
    return (
        f"{', '.join(gpu['devices'])}; {built}"
        if gpu["reason"] is None
        else f"not available: {gpu['reason']} ({built})"
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
