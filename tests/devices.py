"""One list of what the kernels can run on; an entry this processor cannot run is skipped and says why."""

from __future__ import annotations

import platform

import pytest

from convscope import _core

_ON_ARM = platform.machine().lower() in ("aarch64", "arm64")
KNOWN_ISAS = ("baseline", "neon") if _ON_ARM else ("baseline", "avx2", "avx512")
AVAILABLE_ISAS = tuple(_core.available_isas())
DIRECT_FORMS = ("panels", "scatter")
FORMS = (*DIRECT_FORMS, "spectral")
THREAD_COUNTS = (1, 2, 3)
BATCHES = (1, 7, 64)


def _isa(name: str):
    if name in AVAILABLE_ISAS:
        return name
    reason = f"this build or processor has no {name}; it has {', '.join(AVAILABLE_ISAS)}"
    return pytest.param(name, marks=pytest.mark.skip(reason=reason))


every_isa = pytest.mark.parametrize("isa", [_isa(name) for name in KNOWN_ISAS])
every_form = pytest.mark.parametrize("form", FORMS)
every_direct_form = pytest.mark.parametrize("form", DIRECT_FORMS)
