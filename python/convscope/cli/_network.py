"""NET on the command line: a published network by name, or a function of the reader's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._errors import Misuse
from ._net_file import from_file
from ._net_preset import from_preset

if TYPE_CHECKING:
    from torch import nn

    from ..probe import Probe

# The shortest slice of a published network is thousands of samples long, a latent vector a hundred variables.
SHORTEST_SOUND = 1024


@dataclass(frozen=True, slots=True)
class Network:
    """A module, and what the reader called it."""

    text: str
    module: nn.Module
    input_shape: tuple[int, ...] | None = None
    sample_rate_hz: int | None = None
    is_seeded: bool = False  # a preset: its weights are drawn, not trained

    def prepare(self, layers: Iterable[str] | None = None, **options: Any) -> Probe:
        """A `Probe`; what it refuses is about what was asked for."""
        from ..probe import Probe

        chosen = list(layers) if layers else None
        about_input: dict[str, Any] = {"input_shape": self.input_shape, "sample_rate_hz": self.sample_rate_hz}
        try:
            return Probe(self.module, chosen, **about_input, **options)
        except (ValueError, TypeError) as error:  # UnknownLayerError is a ValueError too
            raise Misuse(str(error).replace("input_shape:", "--input-shape:", 1)) from error


def reads_sound(probe: Probe) -> bool:
    """Whether its input is a waveform of one channel, not latent variables."""
    *channels, length = probe.input_shape
    return channels in ([], [1]) and length >= SHORTEST_SOUND


def load_network(text: str, input_shape: str | None = None, sample_rate_hz: int | None = None) -> Network:
    """Build what NET names.

    Raises
    ------
    Misuse
        If there is no such preset, role, setting, file or function, naming the closest there is.
    Failure
        If the reader's own file or function fails.
    """
    shape = _parse_shape(input_shape)
    path, _, function = text.rpartition(":")
    if path.endswith(".py"):
        return Network(text, from_file(Path(path), function), shape, sample_rate_hz)
    if text.endswith(".py"):
        raise Misuse(f"NET: expected FILE.py:FUNCTION, got {text!r}")
    if shape is not None or sample_rate_hz is not None:
        raise Misuse(
            "--input-shape and --sample-rate are for FILE.py:FUNCTION; "
            "a preset has the settings slice_len= and sample_rate_hz="
        )
    return Network(text, from_preset(text), is_seeded=True)


def _parse_shape(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        shape = tuple(int(size) for size in text.split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise Misuse(f"--input-shape: expected whole numbers with commas, such as 1,16384, got {text!r}")
    return shape
