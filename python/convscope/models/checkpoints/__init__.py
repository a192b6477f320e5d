"""Networks in files: what others wrote."""

from ._bundle import TensorBundle
from ._error import CheckpointError
from ._import import import_checkpoint, read_checkpoint
from ._imported import Imported, Mapped

__all__ = ["CheckpointError", "Imported", "Mapped", "TensorBundle", "import_checkpoint", "read_checkpoint"]
