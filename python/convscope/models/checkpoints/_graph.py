"""What only the graph beside a TensorFlow checkpoint (``model.ckpt-1000.meta``) says: the strides of its layers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ._error import CheckpointError
from ._protobuf import Message, parse
from ._reader import Reader

_CONVOLUTIONS = (b"Conv2D", b"Conv2DBackpropInput")
_LAYER = re.compile(r"(?:^|/)([GDQ])/Q?(?:up|down)conv_(\d{1,4})/[^/]+/[^/]+$")
_MOST_BYTES = 1 << 28


def strides(meta: Path) -> dict[tuple[str, int], int]:
    """By network (G, D or Q) and layer, from 0; nothing where there is no such file."""
    if not meta.is_file():
        return {}
    if meta.stat().st_size > _MOST_BYTES:
        raise CheckpointError(f"{meta}: expected at most {_MOST_BYTES} bytes, got {meta.stat().st_size}")
    found = {}
    for graph in parse(meta.read_bytes(), str(meta)).inside.get(2, []):
        for data in parse(graph, f"{meta}: graph").inside.get(1, []):
            node = parse(data, f"{meta}: node")
            name = node.inside.get(1, [b""])[0].decode("utf-8", "backslashreplace")
            layer = _LAYER.search(name)
            if layer and node.inside.get(2, [b""])[0] in _CONVOLUTIONS:
                found[layer[1], int(layer[2])] = max(_strides(node, f"{meta}: {name}"), default=1)
    return found


def _strides(node: Message, what: str) -> Iterator[int]:
    for data in node.inside.get(5, []):
        attribute = parse(data, what)
        if attribute.inside.get(1) != [b"strides"]:
            continue
        for value in attribute.inside.get(2, []):
            for numbers in parse(value, what).inside.get(1, []):
                for packed in parse(numbers, what).inside.get(3, []):
                    reader = Reader(packed, what)
                    while not reader.is_at_end():
                        yield reader.varint()
