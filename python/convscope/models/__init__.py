"""Networks on raw speech: their description, the published dialects, and the torch modules."""

from ._build import build
from ._dialects import SLICE_LENGTHS
from ._geometry import Field, fields
from ._network import BatchStatisticsNorm, ConvLayer, DenseLayer, SpeechNetwork, activate
from ._presets import preset, preset_names
from ._spec import Activation, Conv, Dense, Layer, NetworkSpec, Norm, PhaseShuffle, Role, SpecError
from .checkpoints import CheckpointError, export_checkpoint, import_checkpoint, load, save

__all__ = [
    "SLICE_LENGTHS",
    "Activation",
    "BatchStatisticsNorm",
    "CheckpointError",
    "Conv",
    "ConvLayer",
    "Dense",
    "DenseLayer",
    "Field",
    "Layer",
    "NetworkSpec",
    "Norm",
    "PhaseShuffle",
    "Role",
    "SpecError",
    "SpeechNetwork",
    "activate",
    "build",
    "export_checkpoint",
    "fields",
    "import_checkpoint",
    "load",
    "preset",
    "preset_names",
    "save",
]
