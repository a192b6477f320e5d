"""Effects of a latent variable on what is measured, in designs of values and bases."""

from ._effects import Effects, causal_effects
from ._of_table import effects_of_table

__all__ = ["Effects", "causal_effects", "effects_of_table"]
