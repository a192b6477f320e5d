"""Lines between latent vectors: straight, or along a sphere."""

from __future__ import annotations

import operator
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._design import Design, Floats, Setting, digest, finite, require

_PARALLEL = 1e-9  # sine of the angle between two directions


class Lines(Design):
    """Steps from each start to its end, one line after the other. `line`, `lines` and `sphere` make one."""

    def __init__(
        self,
        starts: NDArray[np.float64],
        ends: NDArray[np.float64],
        steps: int,
        way: Literal["straight", "sphere"],
        code_size: int = 0,
    ) -> None:
        steps, code_size = operator.index(steps), operator.index(code_size)
        super().__init__(len(starts) * steps, starts.shape[1])
        self.steps, self._starts, self._ends, self._way, self._code_size = steps, starts, ends, way, code_size

    def __repr__(self) -> str:
        return f"Lines({len(self._starts)} {self._way}, {self.steps} steps x {self.size})"

    def describe(self) -> dict[str, Setting]:
        """Its settings; starts and ends by their digests."""
        return {
            "kind": "lines",
            "way": self._way,
            "steps": self.steps,
            "code_size": self._code_size,
            "starts": digest(self._starts),
            "ends": digest(self._ends),
        }

    @property
    def axes(self) -> dict[str, NDArray[Any]]:
        """Positions along the way, from 0 to 1."""
        return {"position": np.arange(self.steps) / (self.steps - 1)}

    def _cells(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        return numbers % self.steps

    def _variables(self, numbers: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        line, step = np.divmod(numbers, self.steps)
        found: dict[str, NDArray[Any]] = {"step": step, "position": step / (self.steps - 1)}
        return found if len(self._starts) == 1 else {"line": line} | found

    def _rows(self, numbers: NDArray[np.int64]) -> Floats:
        line, step = np.divmod(numbers, self.steps)
        start, end = self._starts[line], self._ends[line]  # (n, Z)
        position = (step / (self.steps - 1))[:, None]
        made = start * (1 - position) + end * position
        if self._way == "sphere":
            behind = slice(self._code_size, None)
            made[:, behind] = _along_sphere(start[:, behind], end[:, behind], position)
        return made.astype(np.float32)


def line(start: ArrayLike, end: ArrayLike, *, steps: int) -> Lines:
    """Steps on the straight line between two latent vectors, both ends included.

    Parameters
    ----------
    start, end : (size,), within the training range or beyond it, the code included.
    steps : vectors, at least 2.

    Raises
    ------
    ValueError
        naming the argument.

    Examples
    --------
    >>> design = line([0.0, 1.0], [1.0, 0.0], steps=3)
    >>> design[:].tolist(), design.variables()["position"].tolist()
    ([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]], [0.0, 0.5, 1.0])
    """
    return Lines(*_ends(np.asarray(start)[None], np.asarray(end)[None], steps), steps, "straight")


def lines(starts: ArrayLike, ends: ArrayLike, *, steps: int) -> Lines:
    """`line` for each row of ``starts`` and ``ends``, (lines, size) each; their rows follow each other."""
    return Lines(*_ends(starts, ends, steps), steps, "straight")


def sphere(start: ArrayLike, end: ArrayLike, *, steps: int, code_size: int = 0) -> Lines:
    """Steps from one latent vector to another along the great circle between their directions (White 2016).

    On the way between normal vectors their lengths stay likely ones. ``code_size`` entries in front are interpolated
    straight.

    Raises
    ------
    ValueError
        naming the argument; also for vectors of opposite directions or of length 0, between which there is no one way.
    """
    starts, ends = _ends(np.asarray(start)[None], np.asarray(end)[None], steps)
    size = starts.shape[1]
    require(0 <= code_size < size, "code_size", f"at least 0 and below {size}", code_size)
    a, b = starts[0, code_size:], ends[0, code_size:]
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    require(lengths > 0, "start, end", "vectors that have a direction", "one of length 0")
    require(
        float(a @ b) > -lengths * (1 - 1e-12),
        "start, end",
        "directions that are not opposite",
        "opposite ones",
    )
    return Lines(starts, ends, steps, "sphere", code_size)


def _ends(starts: ArrayLike, ends: ArrayLike, steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    require(steps >= 2, "steps", "at least 2, the ends", steps)
    first, last = finite("start", starts), finite("end", ends)
    require(first.ndim == 2 and 0 not in first.shape, "start", "one latent vector for each line", first.shape)
    require(first.shape == last.shape, "end", f"as many as start, {first.shape}", last.shape)
    return first, last


def _along_sphere(
    start: NDArray[np.float64], end: NDArray[np.float64], position: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, Z) at positions (n, 1)."""
    lengths = np.linalg.norm(start, axis=1) * np.linalg.norm(end, axis=1)
    angle = np.arccos(np.clip((start * end).sum(axis=1) / lengths, -1, 1))[:, None]
    sine = np.sin(angle)
    safe = np.where(sine < _PARALLEL, 1, sine)
    ahead, behind = np.sin((1 - position) * angle) / safe, np.sin(position * angle) / safe
    straight = sine < _PARALLEL
    return np.where(straight, 1 - position, ahead) * start + np.where(straight, position, behind) * end
