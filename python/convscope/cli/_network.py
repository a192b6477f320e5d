"""NET on the command line: a published network by name, or a function of the reader's own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._errors import Misuse
from ._inputs import Wanted
from ._net_file import from_file
from ._net_folder import from_folder, from_zoo, names_folder, names_zoo
from ._net_preset import from_preset, with_setting

if TYPE_CHECKING:
    from torch import nn

    from ..probe import Probe

ROLES = {"q_network": "Q-network"}
UNTOLD = "the network does not tell its input shape: add --input-shape 1,16384"


@dataclass(frozen=True, slots=True)
class Network:
    """A module, and what the reader called it."""

    text: str
    module: nn.Module
    input_shape: tuple[int, ...] | None = None
    sample_rate_hz: int | None = None
    seed: int | None = None  # of a preset, whose weights are drawn, not trained
    is_stored: bool = False  # and comes from a folder of networks

    @property
    def full_name(self) -> str:
        """What the reader called it, with the seed where it has one."""
        is_complete = self.seed is None or re.search(r"[:,]seed=", self.text) is not None
        return self.text if is_complete else with_setting(self.text, f"seed={self.seed}")

    @property
    def described(self) -> str:
        """For a picture: "tf1-ciwgan Q-network, random weights (seed 0)"; the reader's own by file and function."""
        spec = getattr(self.module, "spec", None)
        if self.seed is None or spec is None:
            return Path(self.text).name
        return f"{spec.name} {ROLES.get(spec.role, spec.role)}, random weights (seed {self.seed})"

    def wanted(self, probe: Probe) -> Wanted:
        """What INPUT must be for a probe of this network."""
        spec = getattr(self.module, "spec", None)
        has_code = self.seed is not None or self.is_stored
        is_generator = has_code and getattr(spec, "role", None) == "generator"
        categories = int(getattr(spec, "num_categories", 0)) if is_generator else 0
        return Wanted(probe.input_shape, reads_sound(probe), probe.layers[0].sample_rate_hz, categories)

    def prepare(self, layers: Iterable[str] | None = None, **options: Any) -> Probe:
        """A `Probe`; what it refuses is about what was asked for."""
        from ..probe import Probe, UnusableDeviceError

        chosen = list(layers) if layers else None
        about_input: dict[str, Any] = {"input_shape": self.input_shape, "sample_rate_hz": self.sample_rate_hz}
        try:
            return Probe(self.module, chosen, **about_input, **options)
        except (ValueError, TypeError, UnusableDeviceError) as error:  # UnknownLayerError is a ValueError too
            if self.input_shape is None and str(error).startswith("input_shape:"):
                raise Misuse(UNTOLD) from error
            raise Misuse(str(error).replace("input_shape:", "--input-shape:", 1)) from error


def reads_sound(probe: Probe) -> bool:
    """Whether its input is a waveform of one channel, not latent variables."""
    from ..probe import is_waveform

    return is_waveform(probe.input_shape)


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
    if names_zoo(text):
        return Network(text, from_zoo(text), is_stored=True)
    if names_folder(text):
        return Network(text, from_folder(text), is_stored=True)
    module, seed = from_preset(text)
    return Network(text, module, seed=seed)


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
