"""Probing: layer series of a network, their clock, and how exact they are."""

from ._compile import unwrap
from ._cuda_device import GpuFacts, UnusableDeviceError, gpu_facts
from ._gradients import LatentGradients, latent_gradients
from ._inputs import is_waveform
from ._layers import LayerInfo, LayerTable, describe_layers
from ._machine import Machine, load_machine, measure_machine, save_machine
from ._plan import Estimate, LayerPlan, Plan, thread_count
from ._probe import Probe, fast_probe
from ._reduce import Reduction
from ._resample import resample_linear
from ._select import UnknownLayerError, select_layers
from ._series import Series
from ._verify import LayerError, Verification, verify
from ._weights import UnsupportedOperation

__all__ = [
    "Estimate",
    "GpuFacts",
    "LatentGradients",
    "LayerError",
    "LayerInfo",
    "LayerPlan",
    "LayerTable",
    "Machine",
    "Plan",
    "Probe",
    "Reduction",
    "Series",
    "UnknownLayerError",
    "UnsupportedOperation",
    "UnusableDeviceError",
    "Verification",
    "describe_layers",
    "fast_probe",
    "gpu_facts",
    "is_waveform",
    "latent_gradients",
    "load_machine",
    "measure_machine",
    "resample_linear",
    "save_machine",
    "select_layers",
    "thread_count",
    "unwrap",
    "verify",
]
