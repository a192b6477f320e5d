"""`convscope layers NET`: what can be probed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._console import show_json, show_table
from ._errors import reporting
from ._network import load_network
from ._options import Debug, InputShape, Json, Net, SampleRate

if TYPE_CHECKING:
    from ..probe import LayerInfo

HEADER = ("layer", "kind", "channels", "positions", "rate (Hz)", "field (ms)", "activation")


def layers(
    net: Net,
    input_shape: InputShape = None,
    sample_rate: SampleRate = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List the layers of a network with their sizes and sample rates.

    A layer's rate is the number of its positions per second of sound; it
    follows changes up to half of that frequency. Its field is the stretch of
    sound that one position hears or, in a network that speaks, makes.

    \b
    convscope layers tf1-ciwgan:generator
    convscope layers tf1-ciwgan:q_network:num_categories=8
    convscope layers my_model.py:make_model --input-shape 1,16384
    """
    with reporting(debug=debug):
        probe = load_network(net, input_shape, sample_rate).prepare()
        if json:
            show_json([_facts(layer) for layer in probe.layers])
        else:
            show_table(HEADER, [_row(layer) for layer in probe.layers])


def _facts(layer: LayerInfo) -> dict[str, Any]:
    field = layer.field
    return {
        "name": layer.name,
        "kind": layer.kind,
        "channels": layer.channels,
        "positions": layer.length,
        "rate_hz": layer.rate_hz if layer.has_clock else None,
        "field_samples": None
        if field is None
        else {"first": field.first, "length": field.length, "hop": field.hop},
        "activation": layer.activation,
        "sample_rate_hz": layer.sample_rate_hz,
        "slice_samples": layer.slice_len,
    }


def _row(layer: LayerInfo) -> tuple[str, ...]:
    field_ms = f"{1000 * layer.field.length / layer.sample_rate_hz:.4g}" if layer.field else "-"
    rate = f"{layer.rate_hz:g}" if layer.has_clock else "-"
    return (
        layer.name,
        layer.kind,
        str(layer.channels),
        str(layer.length or "-"),
        rate,
        field_ms,
        layer.activation,
    )
