from typing import Any

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.float32]

def available_isas() -> list[str]: ...
def selected_isa() -> str: ...
def has_bfloat16() -> bool: ...
def compiler() -> str: ...

class Activation:
    identity: Activation
    relu: Activation
    leaky_relu: Activation
    tanh: Activation
    sigmoid: Activation

class Reduction:
    none: Reduction
    mean: Reduction
    rms: Reduction
    max: Reduction
    readout: Reduction

class Form:
    automatic: Form
    panels: Form
    scatter: Form
    spectral: Form

class Layer:
    def __init__(
        self,
        *,
        in_length: int,
        in_channels: int,
        out_length: int,
        out_channels: int,
        step: int,
        phases: int,
        taps: list[tuple[int, int, int]],
        kernel: _Floats,
        bias: _Floats,
        activation: Activation,
        slope: _Floats,
        scale: float,
        reduction: Reduction,
        readout: _Floats,
        before_activation: bool,
        form: Form,
        window: int = 0,
        bfloat16: bool = False,
    ) -> None: ...

class Program:
    def __init__(self, layers: list[Layer], isa: str) -> None: ...
    def run(self, input: _Floats, series: list[_Floats | None], thread_count: int) -> None: ...
    def form(self, layer: int) -> str: ...
    def workspace_bytes(self, batch: int, thread_count: int) -> int: ...
    @property
    def weight_bytes(self) -> int: ...
    @property
    def layer_weight_bytes(self) -> list[int]: ...
    @property
    def isa(self) -> str: ...

class CudaPrecision:
    float16: CudaPrecision
    float32: CudaPrecision

class CudaPlan:
    def __init__(self, layers: list[Layer], precision: CudaPrecision, for_hopper: bool) -> None: ...
    def workspace_bytes(self, samples: int) -> int: ...
    def packed_layer(self, layer: int) -> dict[str, Any]: ...
    @property
    def constants(self) -> npt.NDArray[np.uint8]: ...
    @property
    def layer_weight_bytes(self) -> list[int]: ...
    @property
    def largest_chunk(self) -> int: ...
