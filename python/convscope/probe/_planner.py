"""How each layer is computed: a pure function of its shape, the machine's figures and what the user asked for.

The spectral form multiplies less and reads more weights, so one sample alone is best served by short windows or the direct
form, a thousand by long ones. A plan does not know how many samples or threads will come: it must be the same for all, or
the bits would not be. So it weighs both, unless ``typical_batch`` says more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .. import _core
from ._lower import Lowered
from ._machine import Machine

Algorithm = Literal["auto", "direct", "spectral"]
Memory = Literal["normal", "low"]

WINDOWS = (10, 14, 18, 22, 30, 38, 46, 54, 70)
PANEL = 32  # columns that are computed together; fewer channels cost as much
LONGEST_WINDOW_OUTPUTS = 96  # of the engine
TRANSFORM_COST = 2.5  # of one of its steps, beside one of the matrix products

# Samples per call, and how much each kind of call counts: twelve single samples for every batch of 64, and two for previews.
CALLS = ((64, 1.0), (1, 12.0))
PREVIEW_CALLS = ((64, 1.0), (1, 2.0))


@dataclass(frozen=True, slots=True)
class Form:
    """How one layer is computed.

    ``algorithm`` is "direct" or "spectral"; ``window`` the inputs that a spectral step takes at a time, 0 for the direct
    form. ``products`` and ``transforms`` are multiply-adds per sample, of the matrix products and of the transforms around
    them; ``weight_bytes`` those of the packed weights. ``bfloat16`` is whether the products are.
    """

    algorithm: str
    window: int
    products: int
    transforms: int
    weight_bytes: int
    bfloat16: bool = False

    def seconds(self, batch: int, machine: Machine, num_threads: int) -> float:
        """Of a call, if nothing else runs: arithmetic or, where that takes longer, one reading of the weights meanwhile."""
        products = self.products / 2 if self.bfloat16 else self.products
        work = batch * (products + TRANSFORM_COST * self.transforms)
        return max(
            work / (machine.products_per_second * num_threads), self.weight_bytes / machine.bytes_per_second
        )


def choose_form(
    layer: Lowered,
    machine: Machine,
    *,
    algorithm: Algorithm = "auto",
    memory: Memory = "normal",
    typical_batch: int | None = None,
    bfloat16: bool = False,
) -> Form:
    """The cheapest form of one layer. Products in bfloat16 exist in the spectral form, for an even number of channels."""
    direct = direct_form(layer)
    if algorithm == "direct" or memory == "low":
        return direct
    spectral = spectral_forms(layer, bfloat16=bfloat16 and layer.in_channels % 2 == 0)
    candidates = spectral if algorithm == "spectral" and spectral else [direct, *spectral]
    calls: tuple[tuple[int, float], ...] = PREVIEW_CALLS if bfloat16 else CALLS
    if typical_batch is not None:
        calls = ((typical_batch, 1.0),)

    def cost(form: Form) -> float:
        return sum(share * form.seconds(batch, machine, machine.threads) for batch, share in calls)

    return min(candidates, key=cost)


def direct_form(layer: Lowered) -> Form:
    """One product per tap."""
    matrix = layer.in_channels * layer.out_channels
    return Form("direct", 0, layer.multiply_adds, 0, 4 * len(layer.taps) * matrix)


def spectral_forms(layer: Lowered, *, bfloat16: bool = False) -> list[Form]:
    """Every window that fits, where a spectral step can pay at all: taps to share, and full panels."""
    if not layer.taps or layer.step * layer.in_channels < PANEL or layer.out_channels < PANEL // 2:
        return []
    steps = [offset // layer.step for _, offset, _ in layer.taps]
    taps = max(steps) - min(steps) + 1
    rows = -(-layer.out_length // layer.phases)
    return [
        _spectral_form(layer, window, window - taps + 1, rows, bfloat16)
        for window in WINDOWS
        if taps > 2 and 1 < window - taps + 1 <= min(max(rows, 2), LONGEST_WINDOW_OUTPUTS)
    ]


def _spectral_form(layer: Lowered, window: int, outputs: int, rows: int, bfloat16: bool) -> Form:
    forms = 3 * window // 2 - 2
    if bfloat16:  # two sums of two products for a conjugate pair; the first product's factors are split
        products, multiplied, stored = window, 2 * window - 2, window + 2
    else:  # three products, and one of their three weights is made on the way
        products, multiplied, stored = forms, forms, window
    depth = layer.step * layer.in_channels
    columns = layer.phases * (-(-layer.out_channels // PANEL) * PANEL)
    windows = -(-rows // outputs)
    quarter = (window - 2) // 4
    sums = 1 + quarter // 2 * 2  # of every fourth input; they are combined in some two additions per product
    return Form(
        "spectral",
        window,
        windows * multiplied * depth * columns,
        windows * (depth * (4 * sums * quarter + 2 * forms) + columns * (sums * outputs + 2 * products)),
        (2 if bfloat16 else 4) * stored * depth * columns,
        bfloat16,
    )


def engine_form(form: Form) -> _core.Form:
    """As `_core.Layer` takes it; the engine itself knows which direct form suits few channels."""
    return _core.Form.spectral if form.algorithm == "spectral" else _core.Form.automatic
