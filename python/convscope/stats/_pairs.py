"""A long table of measures to pairs: what a layer has beside what the output has, of the same sound and interval."""

from __future__ import annotations

from collections.abc import Iterable

from ._checks import check_columns, column_names, require
from ._libraries import Frame

_SAME_MOMENT = ("sound", "interval", "point", "frequency_hz")


def pair_layers(
    table: Frame,
    *,
    output: str = "out",
    keys: str | Iterable[str] | None = None,
    layer: str = "layer",
    measure: str = "measure",
    value: str = "value",
) -> Frame:
    """Put each layer's value beside the output's.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per value: columns ``sound``, ``layer``, ``measure``, ``value`` and what else tells values apart.
    output : the layer that the others are compared with.
    keys : columns that say which values belong together; by default those of ``sound``, ``interval``, ``point`` and
        ``frequency_hz`` that there are. Values at times in seconds differ from layer to layer: measure at points of normalised time, or interpolate.
    layer, measure, value : names of these columns.

    Returns
    -------
    pandas.DataFrame
        The keys, ``measure``, ``layer``, ``layer_value`` and ``output_value``; rows where either is NaN remain, rows that
        the output does not have are left out.

    Raises
    ------
    ValueError
        where the keys do not tell values apart, there is no such layer, or a measure's points are events that were found (peaks, voiced periods), which
        have no partners by their number.

    Examples
    --------
    >>> import pandas as pd
    >>> long = pd.DataFrame({"sound": [0, 1, 0, 1], "layer": ["conv4", "conv4", "out", "out"],
    ...                      "measure": "f0", "value": [119.0, 201.0, 120.0, 200.0]})
    >>> pair_layers(long)[["layer", "layer_value", "output_value"]].values.tolist()
    [['conv4', 119.0, 120.0], ['conv4', 201.0, 200.0]]
    """
    if keys is None:
        chosen = [key for key in _SAME_MOMENT if key in table.columns and table[key].notna().any()]
        require(
            bool(chosen), "table", f"one of the columns {', '.join(_SAME_MOMENT)}", str(list(table.columns))
        )
    else:
        chosen = column_names(keys)
    check_columns(table, [*chosen, layer, measure, value])
    together = [*chosen, measure]
    repeated = table.duplicated([*together, layer], keep=False)
    if repeated.any():
        first = table.loc[repeated, [*together, layer]].iloc[0].to_dict()
        raise ValueError(
            f"keys: expected columns that tell values apart, got {repeated.sum()} rows alike, such as {first}"
        )
    if keys is None and "point" in chosen:
        _check_placed(table, [key for key in chosen if key not in ("point", "frequency_hz")], layer, measure)
    is_output = table[layer] == output
    require(
        bool(is_output.any()), "output", f"a layer of {', '.join(map(str, table[layer].unique()))}", output
    )
    outputs = table.loc[is_output, [*together, value]].rename(columns={value: "output_value"})
    layers = table.loc[~is_output, [*together, layer, value]].rename(
        columns={value: "layer_value", layer: "layer"}
    )
    return layers.merge(outputs, on=together, how="inner").rename(columns={measure: "measure"})


def _check_placed(table: Frame, keys: list[str], layer: str, measure: str) -> None:
    """The k-th event that is found in a layer need not be the k-th of the output: only points that are placed can be paired."""
    counts = table.groupby([measure, layer, *keys], observed=True, dropna=False).size()
    of_measure = counts.groupby(level=0, observed=True).nunique()
    found = [str(name) for name in of_measure.index[of_measure > 1]]
    require(
        not found,
        "table",
        "measures with as many points everywhere; events that are found have to be matched by their times",
        ", ".join(found),
    )
