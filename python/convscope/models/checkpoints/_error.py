"""What is wrong with a checkpoint."""

from __future__ import annotations


class CheckpointError(ValueError):
    """A file that is not what it should be; the message names the file and, where there is one, the variable."""
