"""What each sound is: a word, a speaker, a base, the value of a latent variable; from its source or who measures it.

It travels with the sounds to every table, so that statistics need no merge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._intervals import DataFrame
from ._measure import expect
from ._optional import library

About: TypeAlias = Mapping[str, NDArray[Any]]  # (sounds,) by name


def of_samples(coordinates: Mapping[Any, Any]) -> dict[str, NDArray[Any]]:
    """Those of a store or dataset that have one value for each sample, besides its number."""
    return {
        str(name): np.asarray(each.values)
        for name, each in coordinates.items()
        if each.dims == ("sample",) and name != "sample"
    }


def about_sounds(known: About, given: Any, count: int, *, taken: Iterable[str]) -> dict[str, NDArray[Any]]:
    """What the source knows and what is given, checked: one value for each sound, no name twice."""
    if given is None:
        given = {}
    if not hasattr(given, "keys"):
        raise TypeError(f"about: expected a mapping of names or a DataFrame, got {type(given).__name__}")
    made = dict(known)
    for name in given.keys():  # noqa: SIM118 - a DataFrame's, too
        expect(isinstance(name, str), "about", "names", repr(name))
        expect(name not in made, "about", "names that the source does not have", repr(name))
        made[name] = np.asarray(given[name])
    columns = set(taken)
    for name, values in made.items():
        expect(name not in columns, "about", "names that are no columns of the table", repr(name))
        is_each = values.shape == (count,)
        expect(is_each, f"about {name!r}", f"{count} values, one for each sound", f"shape {values.shape}")
    return made


def with_about(table: DataFrame, about: About) -> DataFrame:
    """The table with a column for each; texts as categories, so that a large table stays small."""
    if not about:
        return table
    sounds = table["sound"].to_numpy()
    return table.assign(**{name: _column(values, sounds) for name, values in about.items()})


def _column(values: NDArray[Any], sounds: NDArray[np.int64]) -> Any:
    if values.dtype.kind not in "OUST":
        return values[sounds]
    pandas = library("pandas")
    codes, names = pandas.factorize(values.astype(object))
    return pandas.Categorical.from_codes(codes[sounds], categories=names)
