"""A description as JSON and back."""

from __future__ import annotations

import json
import math
import types
from dataclasses import MISSING, asdict, fields, is_dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ._spec import Conv, Dense, Layer, NetworkSpec, SpecError

_KINDS: dict[str, type[Layer]] = {"dense": Dense, "conv": Conv}


def to_json(spec: NetworkSpec) -> str:
    """All fields; a layer's ``kind`` is ``dense`` or ``conv``."""
    names = {made: kind for kind, made in _KINDS.items()}
    facts = asdict(spec) | {
        "layers": [{"kind": names[type(layer)], **asdict(layer)} for layer in spec.layers]
    }
    return json.dumps(facts)


def from_json(text: str) -> NetworkSpec:
    """SpecError for a text that is none; it names the field that is missing, does not exist or has another type."""
    try:
        spec: NetworkSpec = _made(NetworkSpec, json.loads(text), "network")
        return spec
    except (ValueError, RecursionError, OverflowError) as error:
        raise SpecError(f"expected the description of a network: {error}") from error


@cache
def _types(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _made(kind: type, facts: Any, what: str) -> Any:
    """An object of a dataclass, each of its fields of the type that it is declared with."""
    _require(isinstance(facts, dict), what, "its fields", facts)
    known, needed = _types(kind), {field.name for field in fields(kind) if _is_needed(field)}
    for name in (*facts, *needed):
        _require(name in known, f"{what}: {name}", "no such field", facts.get(name))
        _require(name in facts, f"{what}: {name}", "a value", None)
    return kind(**{name: _value(known[name], value, f"{what}: {name}") for name, value in facts.items()})


def _is_needed(field: Any) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _layer(facts: Any, what: str) -> Layer:
    _require(isinstance(facts, dict), what, "its fields", facts)
    kind = facts.get("kind")
    _require(isinstance(kind, str) and kind in _KINDS, f"{what}: kind", f"one of {', '.join(_KINDS)}", kind)
    layer: Layer = _made(_KINDS[kind], {name: facts[name] for name in facts if name != "kind"}, what)
    _require(layer.name.isidentifier(), f"{what}: name", "an identifier", layer.name)
    return layer


def _value(kind: Any, value: Any, what: str) -> Any:
    """What JSON makes of a value of this type, back as it was."""
    choices = get_args(kind)
    if kind == Layer:
        return _layer(value, what)
    if isinstance(kind, types.UnionType):  # of a type with None
        return None if value is None else _value(choices[0], value, what)
    if get_origin(kind) is Literal:
        _require(value in choices, what, f"one of {', '.join(choices)}", value)
        return value
    if get_origin(kind) is tuple:
        _require(isinstance(value, list), what, "a list", value)
        _require(len(value) == len(choices) or choices[-1] is ..., what, f"a list of {len(choices)}", value)
        return tuple(_value(choices[0], part, f"{what}[{i}]") for i, part in enumerate(value))
    if isinstance(kind, type) and is_dataclass(kind):
        return _made(kind, value, what)
    if kind is float:
        _require(type(value) in (int, float) and math.isfinite(value), what, "a finite number", value)
    else:
        _require(type(value) is kind, what, kind.__name__, value)
    return value


def _require(holds: bool, what: str, expected: str, got: object) -> None:
    if not holds:
        raise SpecError(f"{what}: expected {expected}, got {got!r:.80}")
