"""Small sweeps, and how two stores are compared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr

import convscope as cs


def generator(seed: int = 3, **settings: Any) -> Any:
    """256 samples long, four categories, a handful of channels."""
    options = {"strides": (4, 4), "num_categories": 4, "dim": 2, "latent_dim": 10} | settings
    return cs.models.build(cs.models.preset("tf1-ciwgan", role="generator", **options), seed=seed).eval()


def bases(count: int = 7, size: int = 10) -> cs.latents.Latents:
    return cs.latents.random(count, size=size, code=cs.latents.OneHot(4), seed=5)


def design(count: int = 7) -> cs.latents.Design:
    """Three values of one variable for each base."""
    return cs.latents.variable("z6", [-4.5, 0.0, 4.5], bases=bases(count))


def arrays(out: Any) -> dict[str, np.ndarray]:
    """Everything that a store holds, by path."""
    return dict(_arrays(zarr.open_group(str(out), mode="r"), ""))


def _arrays(group: zarr.Group, path: str) -> Iterator[tuple[str, np.ndarray]]:
    for name, member in group.members():
        if isinstance(member, zarr.Group):
            yield from _arrays(member, f"{path}{name}/")
        else:
            yield path + name, np.asarray(member[...])


def assert_same(out: Any, other: Any) -> None:
    """The same arrays with the same bits."""
    left, right = arrays(out), arrays(other)
    assert left.keys() == right.keys()
    for name, values in left.items():
        assert values.dtype == right[name].dtype, name
        assert values.tobytes() == right[name].tobytes(), name


def environment_of_tests() -> dict[str, str]:
    """For another interpreter that imports the same package, and these helpers."""
    package = str(Path(cs.__file__).parents[1])
    return os.environ | {"PYTHONPATH": os.pathsep.join([package, str(Path(__file__).parents[2])])}
