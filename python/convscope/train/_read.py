"""Configurations in TOML files: a base and what differs; file < environment < command line.

A file's ``base`` names another, whose fields it changes. ``CONVSCOPE_TRAIN_RUN_BATCH_SIZE=32`` in the environment is ``[run]
batch_size = 32`` in the file and ``run.batch_size=32`` on the command line.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass
from importlib import resources
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ._config import Config, ConfigError

ENVIRONMENT = "CONVSCOPE_TRAIN_"
_BASES_AT_MOST = 10
T = TypeVar("T")


def config_names() -> tuple[str, ...]:
    """Of the configurations that come with the package."""
    return tuple(
        sorted(
            path.name.removesuffix(".toml") for path in _shipped().iterdir() if path.name.endswith(".toml")
        )
    )


def read_config(
    source: str | Path, changes: Iterable[str] = (), *, environment: Mapping[str, str] | None = None
) -> Config:
    """A configuration by name (`config_names`) or from a TOML file.

    Parameters
    ----------
    source : a name, or the path of a file that ends in ``.toml``.
    changes : ``"run.batch_size=32"``, ``"data.words=ask,wash"``; they win over everything.
    environment : ``os.environ`` if not given.

    Raises
    ------
    ConfigError
        (a ValueError) naming the file or variable, the field, what was expected and what came.

    Examples
    --------
    >>> read_config("ciwgan-8words", ["run.seed=3"]).run.seed
    3
    """
    table = _with_bases(source)
    environment = os.environ if environment is None else environment
    known = {f"{ENVIRONMENT}{name.replace('.', '_').upper()}": name for name in _field_names()}
    for variable in sorted(environment):
        if variable.startswith(ENVIRONMENT):
            if variable not in known:
                raise ConfigError(f"{variable}: no such field{_closest(variable, known)}")
            _assign(table, known[variable], environment[variable])
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise ConfigError(f"{change}: expected TABLE.FIELD=VALUE, such as run.batch_size=32")
        if name not in _field_names():
            raise ConfigError(f"{name}: no such field{_closest(name, _field_names())}")
        _assign(table, name, text)
    if "name" not in table:
        table["name"] = Path(source).stem
    return _made(Config, table, "")


def write_config(config: Config, path: Path) -> None:
    """Write `config_text` to a file."""
    path.write_text(config_text(config))


def config_text(config: Config) -> str:
    """All fields, as the text of a file that `read_config` reads."""
    lines = [f"name = {_toml(config.name)}"]
    for field, table in asdict(config).items():
        if isinstance(table, dict):
            lines += ["", f"[{field}]"]
            lines += [f"{name} = {_toml(value)}" for name, value in table.items() if value is not None]
    return "\n".join([*lines, ""])


def _shipped() -> Any:
    return resources.files("convscope.train") / "configs"


def _with_bases(source: str | Path) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    name: str | Path | None = source
    folder: Path | None = None
    for _ in range(_BASES_AT_MOST):
        if name is None:
            return merged
        table, folder = _table(name, folder)
        name = table.pop("base", None)
        merged = _merged(table, merged)
    raise ConfigError(f"{source}: expected at most {_BASES_AT_MOST} bases behind each other")


def _table(name: str | Path, folder: Path | None) -> tuple[dict[str, Any], Path | None]:
    """A file's table, and the folder that the name of its base is relative to."""
    if str(name).endswith(".toml"):
        path = (folder or Path()) / name
        try:
            return tomllib.loads(path.read_text()), path.parent
        except FileNotFoundError:
            raise ConfigError(f"{path}: no such file") from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{path}: {error}") from error
    if name not in config_names():
        raise ConfigError(
            f"{name}: no such configuration{_closest(str(name), config_names())}; a file's name ends in .toml"
        )
    return tomllib.loads((_shipped() / f"{name}.toml").read_text()), None


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in changes.items():
        both_tables = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = merged[name] | value if both_tables else value
    return merged


def _assign(table: dict[str, Any], name: str, text: str) -> None:
    """What a line of text means depends on the field: `_value` reads it."""
    where, _, field = name.rpartition(".")
    target = table.setdefault(where, {}) if where else table
    target[field] = _Text(text)


class _Text(str):
    """From the environment or the command line, not yet a value."""

    __slots__ = ()


def _field_names() -> list[str]:
    names = []
    hints = get_type_hints(Config)
    for field in fields(Config):
        table = _table_class(hints[field.name])
        names += [field.name] if table is None else [f"{field.name}.{each.name}" for each in fields(table)]
    return names


def _table_class(hint: Any) -> Any:
    """The dataclass of a field that is a table, else None."""
    return next((each for each in (hint, *get_args(hint)) if is_dataclass(each)), None)


def _made(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    """A record of a table; fields that are not in it keep their defaults."""
    hints = get_type_hints(kind)
    for name in table:
        if name not in hints:
            known = list(hints)
            raise ConfigError(f"{where}{name}: no such field{_closest(name, known)}")
    values = {name: _value(value, hints[name], f"{where}{name}") for name, value in table.items()}
    return kind(**values)


def _value(value: Any, hint: Any, name: str) -> Any:
    table = _table_class(hint)
    if table is not None:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{name}: expected a table, got {value!r}")
        return _made(table, value, f"{name}.")
    if get_origin(hint) in (Union, UnionType):
        hint = next(each for each in get_args(hint) if each is not NoneType)
    if isinstance(value, _Text):
        value = _read(value, hint, name)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ConfigError(f"{name}: expected {' or '.join(map(repr, get_args(hint)))}, got {value!r}")
        return value
    if get_origin(hint) is tuple:
        kind = get_args(hint)[0]
        if not isinstance(value, list | tuple) or not all(_is_a(each, kind) for each in value):
            raise ConfigError(f"{name}: expected a list of {_PLURALS[kind]}, got {value!r}")
        return tuple(value)
    if not _is_a(value, hint):
        raise ConfigError(f"{name}: expected {_NAMES[hint]}, got {value!r}")
    return float(value) if hint is float else value


_NAMES: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_PLURALS: dict[Any, str] = {int: "whole numbers", str: "words"}


def _is_a(value: Any, kind: Any) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)


def _read(text: str, hint: Any, name: str) -> Any:
    """A value of the field's type from plain text."""
    try:
        if get_origin(hint) is tuple:
            return [get_args(hint)[0](each) for each in text.split(",") if each]
        if hint is bool:
            return {"true": True, "false": False}[text.lower()]
        return hint(text) if hint in (int, float) else str(text)
    except (KeyError, ValueError):
        expected = _NAMES.get(hint, "a list separated by commas")
        raise ConfigError(f"{name}: expected {expected}, got {str(text)!r}") from None


def _toml(value: Any) -> str:
    """Numbers, truth values, text and lists; JSON writes the same."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def _closest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else f"; known: {', '.join(sorted(known))}"
