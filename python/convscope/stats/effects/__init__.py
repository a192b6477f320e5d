"""Effects of a latent variable on what is measured, in designs of values and bases."""

from ._effects import Effects, causal_effects
from ._of_table import effects_of_table
from ._paired_means import LEAST_BASES

__all__ = ["LEAST_BASES", "Effects", "causal_effects", "effects_of_table"]
