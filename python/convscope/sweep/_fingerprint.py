"""What the bits of a store depend on, as JSON, compared field by field."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import nn

from .. import __version__
from ..models import SpeechNetwork
from ._keep import Kept

Fingerprint = dict[str, Any]


class SweepMismatchError(ValueError):
    """A store was begun by another sweep. ``differences`` are lines of "field: store has ..., this sweep ..."."""

    def __init__(self, where: str, differences: list[str]) -> None:
        self.differences = differences
        lines = "".join(f"\n  {line}" for line in differences)
        super().__init__(
            f"{where}: holds another sweep, which differs in{lines}\nchoose another place, or force_new=True (--force-new) to begin anew"
        )


def of_network(net: nn.Module) -> Fingerprint:
    """Its description and the SHA-256 of its parameters and buffers."""
    found = hashlib.sha256()
    for name, values in sorted(net.state_dict().items()):
        array = values.detach().to("cpu").contiguous()
        found.update(f"{name} {array.dtype} {tuple(array.shape)} ".encode())
        found.update(array.reshape(-1).view(torch.uint8).numpy().data)
    described = asdict(net.spec) if isinstance(net, SpeechNetwork) else repr(net)
    return {"specification": described, "weights": found.hexdigest()}


def of_versions(engine: str, kept: Iterable[Kept], *, torch_threads: int) -> Fingerprint:
    """Of what makes the numbers: this package, NumPy (latents), PyTorch where it is the engine, libraries that measure."""
    versions: Fingerprint = {"convscope": __version__, "numpy": ".".join(np.__version__.split(".")[:2])}
    if engine == "torch":
        versions |= {"torch": torch.__version__, "torch threads": torch_threads}
    return versions | {library: version(library) for each in kept for library in each.libraries}


def as_text(fingerprint: Fingerprint) -> str:
    """The same text for the same fingerprint."""
    return json.dumps(fingerprint, sort_keys=True)


def as_stored(fingerprint: Fingerprint) -> Fingerprint:
    """As it comes back from a store."""
    stored: Fingerprint = json.loads(json.dumps(fingerprint))
    return stored


def short(fingerprint: Fingerprint) -> str:
    """Eight digits that stand for it."""
    return hashlib.sha256(as_text(fingerprint).encode()).hexdigest()[:8]


def differences(stored: Any, asked: Any, where: str = "") -> Iterator[str]:
    """Lines that name each field that differs."""
    if isinstance(stored, dict) and isinstance(asked, dict):
        for name in sorted({*stored, *asked}):
            yield from differences(stored.get(name), asked.get(name), f"{where} {name}".strip())
    elif (
        isinstance(stored, list)
        and isinstance(asked, list)
        and len(stored) == len(asked)
        and any(isinstance(each, dict) for each in stored)
    ):
        for i, (one, other) in enumerate(zip(stored, asked, strict=True)):
            yield from differences(one, other, f"{where}[{i}]")
    elif stored != asked:
        yield f"{where}: store has {_brief(stored)}, this sweep {_brief(asked)}"


def _brief(value: Any) -> str:
    text = "nothing" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
