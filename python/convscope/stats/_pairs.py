"""A long table of measures to pairs: what a layer has beside what the output has, of the same sound and interval."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ._checks import check_columns, column_names, require, table_of
from ._libraries import Frame

_SAME_MOMENT = ("sound", "interval", "point", "frequency_hz")
_REASON = "reason"


def pair_layers(
    table: Any,
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
    table : pandas.DataFrame, or what `acoustics.measure` returns
        One row per value: columns ``sound``, ``layer``, ``measure``, ``value`` and what else tells values apart.
    output : the layer that the others are compared with.
    keys : columns that say which values belong together; by default those of ``sound``, ``interval``, ``point`` and
        ``frequency_hz`` that there are. Values at times in seconds differ from layer to layer: measure at points of normalised time, or interpolate.
    layer, measure, value : names of these columns.

    Returns
    -------
    pandas.DataFrame
        The keys, ``measure``, ``layer``, ``layer_value`` and ``output_value``; rows where either is NaN remain, rows that
        the output does not have are left out. Where the table says why values are missing, ``reason``: the layer's, else the
        output's.

    Raises
    ------
    ValueError
        where the keys do not tell values apart, there is no such layer or only that one, or a measure's points are events that
        were found (peaks, voiced periods), which have no partners by their number.

    Examples
    --------
    >>> import pandas as pd
    >>> long = pd.DataFrame({"sound": [0, 1, 0, 1], "layer": ["conv4", "conv4", "out", "out"],
    ...                      "measure": "f0", "value": [119.0, 201.0, 120.0, 200.0]})
    >>> pair_layers(long)[["layer", "layer_value", "output_value"]].values.tolist()
    [['conv4', 119.0, 120.0], ['conv4', 201.0, 200.0]]
    """
    table = table_of(table)
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
    require(not is_output.all(), "table", f"layers beside the output {output}", "only the output")
    told = [_REASON] if _REASON in table.columns and _REASON not in together else []
    outputs = table.loc[is_output, [*together, value, *told]].rename(columns={value: "output_value"})
    layers = table.loc[~is_output, [*together, layer, value, *told]].rename(
        columns={value: "layer_value", layer: "layer"}
    )
    pairs = layers.merge(outputs, on=together, how="inner", suffixes=("", "_output"))
    if told:
        own, other = (reasons(pairs[column]) for column in (_REASON, f"{_REASON}_output"))
        pairs = pairs.drop(columns=[_REASON, f"{_REASON}_output"]).assign(reason=own.where(own != "", other))
    return pairs.rename(columns={measure: "measure"})


def reasons(column: Any) -> Any:
    """A column of reasons as text, "" where there is none."""
    return column.astype(object).where(column.notna(), "").astype(str)


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
