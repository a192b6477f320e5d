"""What a table is kept with: every parameter, clock and version that its numbers depend on, as JSON holds it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np

from .. import __version__
from ._measure import Measure, Output
from ._optional import library
from ._source import Source

_CLOCK = ("rate_hz", "length", "start_s", "field_start_s")


def settings_of(layers: Source, measures: tuple[Measure, ...], **others: Any) -> dict[str, Any]:
    """All of them, ``others`` as they come."""
    outputs = [output for each in measures for output in each.outputs]
    return {
        "measures": [_described(each) for each in measures],
        "single_values": [output.name for output in outputs if output.points == 0],
        "points": {output.name: int(output.points or 0) for output in outputs if _is_track(output)},
        "sounds": layers.count,
        "layers": {layer.name: {name: getattr(layer, name) for name in _CLOCK} for layer in layers.layers},
        "left_out": dict(layers.left_out),
        **others,
        "versions": versions(),
    }


def wide_columns(measures: tuple[Measure, ...]) -> Iterator[str]:
    """Names of the columns that outputs have, or would have, in a wide table."""
    for output in (output for each in measures for output in each.outputs):
        yield output.name
        if _is_track(output):
            yield from (f"{output.name}_{point + 1}" for point in range(output.points or 0))


def versions() -> dict[str, str]:
    """Of the libraries that numbers come from; without Praat where it is not installed."""
    found = {"convscope": __version__}
    found |= {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "pandas")}
    try:
        parselmouth = library("parselmouth")
    except ImportError:
        return found
    return found | {"parselmouth": parselmouth.__version__, "praat": parselmouth.PRAAT_VERSION}


def _is_track(output: Output) -> bool:
    """Whether every interval has as many values, one for each point."""
    return bool(output.points) and not output.has_bands


def _described(measure: Measure) -> dict[str, Any]:
    parameters = {each.name: getattr(measure, each.name) for each in fields(measure)}  # type: ignore[arg-type]
    plain = {name: each.item() if isinstance(each, np.generic) else each for name, each in parameters.items()}
    return {"measure": type(measure).__name__, **plain}
