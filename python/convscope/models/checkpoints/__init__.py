"""Networks in files: what others wrote, and our own."""

from ._bundle import TensorBundle
from ._error import CheckpointError
from ._export import export_checkpoint
from ._import import import_checkpoint, read_checkpoint
from ._imported import Imported, Mapped
from ._native import SUFFIX, load, save, write_networks

__all__ = [
    "SUFFIX",
    "CheckpointError",
    "Imported",
    "Mapped",
    "TensorBundle",
    "export_checkpoint",
    "import_checkpoint",
    "load",
    "read_checkpoint",
    "save",
    "write_networks",
]
