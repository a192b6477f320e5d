"""FILE.py:FUNCTION, a Python file of the reader's own and a function in it that returns a torch module."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar, cast

from ._errors import Failure, Misuse, closest, siblings

if TYPE_CHECKING:
    from torch import nn

T = TypeVar("T")


def from_file(path: Path, name: str) -> nn.Module:
    """Run the file, call the function.

    Raises
    ------
    Misuse
        If there is no such file or function, or it returns something else.
    Failure
        If the file or the function fails, naming its error.
    """
    from torch import nn

    if not path.is_file():
        raise Misuse(f"NET: no such file: {path}{closest(path.name, siblings(path))}")
    with _folder_on_path(path.parent):
        module = _guarded(lambda: _run(path), str(path))
        function = getattr(module, name, None)
        if not callable(function):
            raise Misuse(f"NET: {path} has no function {name!r}{closest(name, vars(module))}")
        made = _guarded(cast(Callable[[], object], function), f"{path}:{name}")
    if not isinstance(made, nn.Module):
        raise Misuse(f"NET: expected {path}:{name} to return a torch.nn.Module, got {type(made).__name__}")
    return made


def _run(path: Path) -> ModuleType:
    # A name of its own: a reader's "torch.py" must not take the place of torch.
    spec = importlib.util.spec_from_file_location(f"_convscope_net_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up the module that they are defined in
    spec.loader.exec_module(module)
    return module


def _guarded(call: Callable[[], T], name: str) -> T:
    try:
        return call()
    except Exception as error:
        raise Failure(f"NET: {name} failed with {type(error).__name__}: {error}") from error


@contextmanager
def _folder_on_path(folder: Path) -> Iterator[None]:
    """So that the file finds its neighbours, as it does when it is run."""
    sys.path.insert(0, str(folder.resolve()))
    try:
        yield
    finally:
        sys.path.remove(str(folder.resolve()))
