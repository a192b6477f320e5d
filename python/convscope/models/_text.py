"""A description as JSON and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ._spec import Activation, Conv, Dense, Layer, NetworkSpec, Norm, PhaseShuffle, SpecError

_KINDS: dict[str, type[Layer]] = {"dense": Dense, "conv": Conv}


def to_json(spec: NetworkSpec) -> str:
    """All fields; a layer's ``kind`` is ``dense`` or ``conv``."""
    names = {made: kind for kind, made in _KINDS.items()}
    facts = asdict(spec) | {
        "layers": [{"kind": names[type(layer)], **asdict(layer)} for layer in spec.layers]
    }
    return json.dumps(facts)


def from_json(text: str) -> NetworkSpec:
    """SpecError for a text that is none, or has a field that does not exist."""
    try:
        facts = json.loads(text)
        return NetworkSpec(**facts | {"layers": tuple(_layer(dict(layer)) for layer in facts["layers"])})
    except (KeyError, TypeError, ValueError) as error:
        raise SpecError(f"expected the description of a network: {error}") from error


def _layer(facts: dict[str, Any]) -> Layer:
    kind = facts.pop("kind")
    if kind not in _KINDS:
        raise SpecError(f"kind: expected one of {', '.join(_KINDS)}, got {kind!r}")
    for name, made in (("activation", Activation), ("norm", Norm), ("shuffle", PhaseShuffle)):
        if facts.get(name) is not None:
            facts[name] = made(**facts[name])
    if "padding" in facts:
        left, right = facts["padding"]
        facts["padding"] = (left, right)
    return _KINDS[kind](**facts)
