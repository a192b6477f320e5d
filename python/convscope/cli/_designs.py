"""Which latent vectors, on the command line: options become a design."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._errors import Misuse, closest, misuse, siblings

if TYPE_CHECKING:
    from ..latents import Binary, Design, Latents, OneHot


@dataclass(frozen=True, slots=True)
class Draw:
    """Random latent vectors of a network: their size, how they begin, and where they come from."""

    size: int
    categories: int = 0
    code: str | None = None
    normal: bool = False
    seed: int = 0

    def design(self, count: int) -> Latents:
        """So many of them."""
        from .. import latents

        with misuse(ValueError, about="--code: "):
            return latents.random(
                count,
                size=self.size,
                code=parse_code(self.code, self.categories),
                distribution="normal" if self.normal else "uniform",
                seed=self.seed,
            )


def parse_code(text: str | None, categories: int) -> OneHot | Binary | list[float] | None:
    """What latent vectors begin with: one of a network with categories by default."""
    from ..latents import Binary, OneHot

    kind = text if text is not None else ("one_hot" if categories else "none")
    if kind == "none":
        return None
    if kind in ("one_hot", "binary"):
        if not categories:
            raise Misuse(f"--code: expected values or none, since the network has no code, got {kind}")
        return OneHot(categories) if kind == "one_hot" else Binary(categories)
    try:
        return [float(value) for value in kind.split(",")]
    except ValueError:
        raise Misuse(f"--code: expected one_hot, binary, none, or values with commas, got {text!r}") from None


def lines_between(ends: Sequence[str], steps: int, draw: Draw, *, on_sphere: bool) -> Design:
    """From each to the next."""
    from .. import latents

    points = np.stack([_vector(text, draw) for text in ends])
    with misuse(ValueError, about="--line: "):
        if on_sphere:
            if len(points) != 2:
                raise Misuse(f"--line: with --sphere expected two, got {len(points)}")
            return latents.sphere(points[0], points[1], steps=steps, code_size=draw.categories)
        if len(points) == 2:
            return latents.line(points[0], points[1], steps=steps)
        return latents.lines(points[:-1], points[1:], steps=steps)


def over_values(variables: Sequence[str], bases: str, draw: Draw) -> Design:
    """Every combination of the variables' values, for every base."""
    from .. import latents

    values: dict[str, Any] = {}
    for text in variables:
        name, _, given = text.partition("=")
        if not given:
            raise Misuse(f"--variable: expected NAME=VALUES, such as z11=-15:5:11, got {text!r}")
        if name in values:
            raise Misuse(f"--variable: {name} is given twice")
        values[name] = _values(given)
    behind = (
        draw.design(int(bases))
        if bases.isdecimal() and int(bases) > 0
        else given_rows(bases, "--bases", draw.size)
    )
    with misuse(ValueError, about="--variable: "):
        return latents.grid(values, bases=behind)


def given_rows(text: str, option: str, size: int) -> Design:
    """Of a .npy file."""
    from .. import latents

    path = Path(text)
    if path.suffix != ".npy":
        raise Misuse(
            f"{option}: expected {'a number, or ' if option == '--bases' else ''}a .npy file, got {text!r}"
        )
    if not path.is_file():
        raise Misuse(f"{option}: no such file: {path}{closest(path.name, siblings(path))}")
    with misuse(ValueError, about=f"{option}: {path}: "):
        found = latents.rows(path)
    if found.size != size:
        raise Misuse(
            f"{option}: {path}: expected rows of {size} values, as the network reads, got {found.size}"
        )
    return found


def _vector(text: str, draw: Draw) -> Any:
    """random:NUMBER, FILE.npy of one vector, or FILE.npy:ROW."""
    kind, _, number = text.rpartition(":")
    if kind == "random" and number.isdecimal():
        return draw.design(int(number) + 1)[int(number)]
    file, row = (kind, number) if kind.endswith(".npy") and number.isdecimal() else (text, "0")
    if not file.endswith(".npy"):
        raise Misuse(f"--line: expected random:NUMBER, FILE.npy or FILE.npy:ROW, got {text!r}")
    path = Path(file)
    if not path.is_file():
        raise Misuse(f"--line: no such file: {path}{closest(path.name, siblings(path))}")
    with misuse(ValueError, about=f"--line: {path}: "):
        rows = np.atleast_2d(np.load(path, allow_pickle=False))
    if rows.ndim != 2 or rows.shape[1] != draw.size or int(row) >= len(rows):
        raise Misuse(f"--line: {text}: expected row {row} of {draw.size} values, got an array {rows.shape}")
    return rows[int(row)]


def _values(text: str) -> Any:
    """START:END:COUNT, both ends included, or values with commas."""
    number = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
    if matched := re.fullmatch(rf"({number}):({number}):(\d+)", text):
        count = int(matched[3])
        if count < 1:
            raise Misuse(f"--variable: expected at least one value, got {text!r}")
        return np.linspace(float(matched[1]), float(matched[2]), count)
    if re.fullmatch(rf"{number}(?:,{number})*", text):
        return [float(value) for value in text.split(",")]
    raise Misuse(
        f"--variable: expected START:END:COUNT or values with commas, such as -15:5:11 or 0,1,2.5, got {text!r}"
    )
