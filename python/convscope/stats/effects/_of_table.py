"""Effects on every measure of every layer of a tidy table, corrected together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._checks import check_columns, column_names, groups_of, numbers, require, table_of
from .._libraries import Frame, library
from .._multiplicity import with_adjusted
from ._effects import Effects, causal_effects


def effects_of_table(
    table: Any,
    *,
    variable: str,
    base: str = "base",
    value: str = "value",
    by: str | Iterable[str] = ("measure", "layer"),
    time: str | None = None,
    **settings: Any,
) -> Effects:
    """`causal_effects` of each group of a tidy table.

    Parameters
    ----------
    table : pandas.DataFrame, or a result that has one as its table
        One row per base, value of the variable, group (and time).
    variable, base, value : the columns that hold them.
    by : columns that make the groups.
    time : the column of times, where measures are series.
    settings : those of `causal_effects`.

    Returns
    -------
    Effects
        Its tables with the columns ``by`` in front. ``p_holm`` and ``p_bh`` are over all groups; bands and ``p_max`` are
        simultaneous within a group.

    Raises
    ------
    ValueError
        as `causal_effects`, naming the group.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> base, z11 = (each.ravel() for each in np.meshgrid(np.arange(20), [0.0, 1.0], indexing="ij"))
    >>> table = pd.DataFrame({"base": base, "z11": z11, "layer": "out", "measure": "f0", "value": 100 + base + 9 * z11})
    >>> effects_of_table(table, variable="z11").effects[["measure", "layer", "to", "ate"]].values.tolist()
    [['f0', 'out', 1.0, 9.0]]
    """
    groups, table = column_names(by), table_of(table)
    check_columns(table, [*groups, variable, base, value, *([] if time is None else [time])])
    columns = {"variable": variable, "base": base, "value": value, "time": time}
    found: list[tuple[dict[str, Any], Effects]] = []
    for key, rows in groups_of(table, groups):
        group = dict(zip(groups, key, strict=True))
        try:
            found.append((group, _of_group(rows, variable, base, value, time, settings)))
        except ValueError as error:
            raise ValueError(f"{group}: {error}") from error
    require(bool(found), "table", "rows", "none")
    whole = {name: _together(found, name) for name in ("effects", "increments", "ice", "per_base")}
    for name in ("effects", "increments", "ice"):
        if len(whole[name]):
            for each in (each for each in ("p", "p_wasserstein") if each in whole[name]):
                whole[name] = with_adjusted(whole[name], each)
    return Effects(**whole, settings={**found[0][1].settings, **columns, "by": groups})


def _of_group(
    rows: Frame, variable: str, base: str, value: str, time: str | None, settings: dict[str, Any]
) -> Effects:
    if time is None:
        return causal_effects(numbers(rows, value), rows[variable], rows[base], **settings)
    wide = rows.pivot(index=[base, variable], columns=time, values=value)  # refuses repeats
    index = wide.index
    return causal_effects(
        wide.to_numpy(np.float64),
        index.get_level_values(variable),
        index.get_level_values(base),
        times_s=wide.columns.to_numpy(np.float64),
        **settings,
    )


def _together(found: list[tuple[dict[str, Any], Effects]], name: str) -> Frame:
    parts = []
    for group, effects in found:
        part = effects.tables[name].copy()
        for place, (column, key) in enumerate(group.items()):
            part.insert(place, column, key)
        parts.append(part)
    return library("pandas").concat(parts, ignore_index=True)
