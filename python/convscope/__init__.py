"""convscope: an oscilloscope for convolutional speech networks.

    import convscope as cs
    net = cs.models.build(cs.models.preset("tf1-ciwgan", role="generator", num_categories=8))
    series = cs.fast_probe(net, z)   # {"fc": (B, 16), "conv1": (B, 64), ... "out": (B, 16384)}

Names are loaded when first used: PyTorch takes seconds to import, and reading a sound does not need it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import acoustics as acoustics
    from . import bench as bench
    from . import cli as cli
    from . import data as data
    from . import latents as latents
    from . import models as models
    from . import plot as plot
    from . import probe as probe
    from . import profiles as profiles
    from . import protocols as protocols
    from . import stats as stats
    from . import sweep as sweep
    from . import train as train
    from . import zoo as zoo
    from .probe import Probe as Probe
    from .probe import Series as Series
    from .probe import fast_probe as fast_probe
    from .probe import verify as verify
    from .sweep import Sweep as Sweep
    from .sweep import open_sweep as open_sweep

__version__ = "0.1.0"
__all__ = [
    "Probe",
    "Series",
    "Sweep",
    "__version__",
    "acoustics",
    "bench",
    "cli",
    "data",
    "fast_probe",
    "latents",
    "models",
    "open_sweep",
    "plot",
    "probe",
    "profiles",
    "protocols",
    "stats",
    "sweep",
    "train",
    "verify",
    "zoo",
]

_ROOMS = {
    "acoustics", "bench", "cli", "data", "latents", "models", "plot", "probe", "profiles", "protocols", "stats", "sweep", "train", "zoo",
}  # fmt: skip
_FROM_ROOM = {
    **dict.fromkeys(("Probe", "Series", "fast_probe", "verify"), "probe"),
    **dict.fromkeys(("Sweep", "open_sweep"), "sweep"),
}


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f".{name}", __name__)
    if name in _FROM_ROOM:
        return getattr(importlib.import_module(f".{_FROM_ROOM[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_ROOMS})
