"""PRESET:ROLE[:SETTING=VALUE,...], as in tf1-ciwgan:q_network:num_categories=8,seed=3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from ._errors import Misuse, closest, misuse

if TYPE_CHECKING:
    from torch import nn

EXPECTED = "expected PRESET:ROLE, such as tf1-ciwgan:generator, or FILE.py:FUNCTION"


def from_preset(text: str) -> nn.Module:
    """Build the network with weights drawn from its seed; `Misuse` for what does not exist."""
    from ..models import build, preset, preset_names

    name, *rest = text.split(":", 2)
    if not rest:
        raise Misuse(f"NET: {EXPECTED}, got {text!r}; presets are {', '.join(preset_names())}")
    settings = _parse(rest[1] if len(rest) > 1 else "", _kinds())
    seed = settings.pop("seed", 0)
    if seed < 0:
        raise Misuse(f"NET: seed: expected a number of at least 0, got {seed}")
    with misuse(ValueError, about="NET: "):
        return build(preset(name, role=rest[0], **settings), seed=seed)


def _kinds() -> dict[str, Any]:
    """The types of the settings, as `preset` declares them."""
    from ..models import preset

    hints = get_type_hints(preset)
    return {"seed": int} | {key: hints[key] for key in hints if key not in ("name", "role", "return")}


def _parse(text: str, kinds: dict[str, Any]) -> dict[str, Any]:
    settings = {}
    for part in filter(None, text.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise Misuse(f"NET: expected SETTING=VALUE, got {part!r}")
        if key not in kinds:
            raise Misuse(f"NET: there is no setting {key!r}{closest(key, kinds)}")
        settings[key] = _value(key, value, kinds[key])
    return settings


def _value(key: str, text: str, kind: Any) -> object:
    if kind is bool:
        if text not in ("true", "false"):
            raise Misuse(f"NET: {key}: expected true or false, got {text!r}")
        return text == "true"
    if int in (kind, *get_args(kind)):
        try:
            return int(text)
        except ValueError:
            raise Misuse(f"NET: {key}: expected a whole number, got {text!r}") from None
    return text
