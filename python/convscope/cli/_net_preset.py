"""PRESET:ROLE[:SETTING=VALUE,...], as in tf1-ciwgan:q_network:num_categories=8,seed=3."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from ._errors import Misuse, closest

if TYPE_CHECKING:
    from ..models import SpeechNetwork

EXPECTED = "expected PRESET:ROLE, such as tf1-ciwgan:generator, FOLDER:ROLE or FILE.py:FUNCTION"


def from_preset(text: str) -> tuple[SpeechNetwork, int]:
    """The network, and the seed that its weights are drawn from; `Misuse` for what does not exist."""
    from ..models import build, preset, preset_names

    name, *rest = text.split(":", 2)
    if not rest:
        raise Misuse(f"NET: {EXPECTED}, got {text!r}; presets are {', '.join(preset_names())}")
    settings = _parse(rest[1] if len(rest) > 1 else "", _kinds())
    seed = settings.pop("seed", 0)
    if seed < 0:
        raise Misuse(f"NET: seed: expected a number of at least 0, got {seed}")
    try:
        return build(preset(name, role=rest[0], **settings), seed=seed), seed
    except ValueError as error:
        lacks_categories = str(error).startswith("num_categories: expected at least 1")
        hint = f"; for example {_with_categories(text)}" if lacks_categories else ""
        raise Misuse(f"NET: {error}{hint}") from error


def with_setting(text: str, setting: str) -> str:
    """PRESET:ROLE with one more SETTING=VALUE."""
    return f"{text.rstrip(',')}{',' if '=' in text else ':' if not text.endswith(':') else ''}{setting}"


def _with_categories(text: str) -> str:
    given = re.sub(r"num_categories=[^,]*,?", "", text).rstrip(",:")
    return with_setting(given, "num_categories=8")


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
