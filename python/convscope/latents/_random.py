"""Random latent vectors: a code in front, variables behind, each row a function of the seed and its number.

Row 1,234,567 needs no others: a counter-based generator (Philox, Salmon et al. 2011) begins where the row begins. So a
million latents take no memory, parts of them can be made on different machines, and the same rows come out everywhere.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._design import Design, Floats, Setting, digest, finite, require

Distribution = Literal["uniform", "normal"]
_WORDS_OF_BLOCK = 4  # that Philox makes for one value of its counter


@dataclass(frozen=True, slots=True)
class OneHot:
    """A code of ciwGAN: one of ``categories`` entries is 1, each as likely."""

    categories: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "categories", operator.index(self.categories))
        require(self.categories >= 1, "categories", "at least 1", self.categories)

    @property
    def size(self) -> int:
        """Entries."""
        return self.categories

    def _made(self, fractions: NDArray[np.float64]) -> Floats:
        classes = (fractions[:, 0] * self.categories).astype(np.int64)
        made: Floats = (classes[:, None] == np.arange(self.categories)).astype(np.float32)
        return made


@dataclass(frozen=True, slots=True)
class Binary:
    """A code of fiwGAN: ``bits`` entries, each 0 or 1."""

    bits: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "bits", operator.index(self.bits))
        require(self.bits >= 1, "bits", "at least 1", self.bits)

    @property
    def size(self) -> int:
        """Entries."""
        return self.bits

    def _made(self, fractions: NDArray[np.float64]) -> Floats:
        return (fractions >= 0.5).astype(np.float32)


class Latents(Design):
    """Random rows. `random` makes one."""

    def __init__(
        self,
        count: int,
        size: int,
        code: OneHot | Binary | Floats | None,
        distribution: Distribution,
        seed: int,
    ) -> None:
        super().__init__(count, size)
        self.code, self.distribution, self.seed = code, distribution, seed
        self.code_size = (
            0 if code is None else code.size if isinstance(code, OneHot | Binary) else code.shape[-1]
        )
        drawn = self.code_size if isinstance(code, OneHot | Binary) else 0
        variables = size - self.code_size
        self._code_words = drawn
        self._words = drawn + (variables if distribution == "uniform" else variables + variables % 2)

    def __repr__(self) -> str:
        return (
            f"Latents({self.count} x {self.size}, code={self.code!r}, {self.distribution}, seed={self.seed})"
        )

    def describe(self) -> dict[str, Setting]:
        """Its settings; a code that is given by its digest."""
        given = self.code is not None and not isinstance(self.code, OneHot | Binary)
        return {
            "kind": "random",
            "count": self.count,
            "size": self.size,
            "code": digest(self.code) if given else repr(self.code),
            "distribution": self.distribution,
            "seed": self.seed,
        }

    def _rows(self, numbers: NDArray[np.int64]) -> Floats:
        made = np.empty((len(numbers), self.size), np.float32)
        breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
        for first, end in zip([0, *breaks], [*breaks, len(numbers)], strict=True):
            if first < end:
                made[first:end] = self._stretch(int(numbers[first]), end - first)
        if self.code is not None and not isinstance(self.code, OneHot | Binary):
            made[:, : self.code_size] = self.code if self.code.ndim == 1 else self.code[numbers]
        return made

    def _stretch(self, first: int, count: int) -> Floats:
        """Rows that follow each other."""
        blocks = -(-self._words // _WORDS_OF_BLOCK)
        generator = np.random.Philox(key=self.seed, counter=first * blocks)
        words = np.asarray(generator.random_raw(count * blocks * _WORDS_OF_BLOCK)).reshape(count, -1)
        code, variables = words[:, : self._code_words], words[:, self._code_words : self._words]
        made = np.zeros((count, self.size), np.float32)
        if isinstance(self.code, OneHot | Binary):
            made[:, : self.code_size] = self.code._made(_fractions(code))
        made[:, self.code_size :] = self._drawn(variables)[:, : self.size - self.code_size]
        return made

    def _drawn(self, words: NDArray[np.uint64]) -> Floats:
        if self.distribution == "uniform":
            made: Floats = (words >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)
            return made
        half = words.shape[1] // 2  # Box and Muller
        radius = np.sqrt(-2 * np.log(1 - _fractions(words[:, :half])))
        angle = 2 * np.pi * _fractions(words[:, half:])
        return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1).astype(np.float32)


def random(
    count: int,
    *,
    size: int = 100,
    code: OneHot | Binary | ArrayLike | None = None,
    distribution: Distribution = "uniform",
    seed: int = 0,
) -> Latents:
    """Random latent vectors, addressable by number.

    Parameters
    ----------
    count : rows.
    size : latent variables of a row, the code included.
    code : what stands in front: `OneHot` (ciwGAN) or `Binary` (fiwGAN), drawn for each row; or values of any kind, within the
        training range or beyond it, (entries,) for all rows or (count, entries).
    distribution : of the rest, ``"uniform"`` from -1 to below 1 as in the papers, or ``"normal"``.
    seed : rows are functions of it and their number; at least 0.

    Raises
    ------
    ValueError
        naming the argument.

    Examples
    --------
    >>> z = random(10**9, code=OneHot(8), seed=3)
    >>> z[1_234_567].shape, float(z[1_234_567][:8].sum())
    ((100,), 1.0)
    >>> random(1000, code=[5.0, 0.0])[:3][:, :2]  # beyond the training range
    array([[5., 0.],
           [5., 0.],
           [5., 0.]], dtype=float32)
    """
    count, size, seed = operator.index(count), operator.index(size), operator.index(seed)
    require(count >= 0, "count", "at least 0", count)
    require(size >= 1, "size", "at least 1", size)
    require(seed >= 0, "seed", "at least 0", seed)
    require(distribution in ("uniform", "normal"), "distribution", "uniform or normal", distribution)
    if code is None or isinstance(code, OneHot | Binary):
        kind: OneHot | Binary | Floats | None = code
    else:
        kind = finite("code", code).astype(np.float32)
        fits = kind.ndim == 1 or (kind.ndim == 2 and len(kind) == count)
        require(fits, "code", f"entries of one code, or of {count}", f"shape {kind.shape}")
    latents = Latents(count, size, kind, distribution, seed)
    require(latents.code_size <= size, "code", f"at most size={size} entries", latents.code_size)
    return latents


def _fractions(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """From 0 to below 1."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
