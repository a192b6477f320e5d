"""Statistics of layer series: tidy tables in, frozen results with tables out (extra ``stats``).

pairs = pair_layers(acoustics.table)                                           # each layer's value beside the output's
correlate(pairs, "layer_value", "output_value", by=["measure", "layer"])       # with intervals and corrected p-values
discover_latents(z, annotation).standing_out                                   # which variables carry it
fit_gamm(table, group="word", token="sound")                                   # curves of words, as mgcv's (own engine)
causal_effects(measured, design.variables()["z11"], design.variables()["base"])  # what one variable does
"""

from ._codes import CodeTable, code_table
from ._correlate import Correlations, correlate
from ._linear import LinearModel, linear_model
from ._mixed import MixedModel, mixed_model
from ._multiplicity import adjust
from ._pairs import pair_layers
from ._result import Result
from .copies import Copies, find_copies
from .discovery import Discovery, discover_latents, elbow
from .effects import LEAST_BASES, Effects, causal_effects, effects_of_table
from .gamm import GammInfo, GammResult, fit_gamm, p_text

__all__ = [
    "LEAST_BASES",
    "CodeTable",
    "Copies",
    "Correlations",
    "Discovery",
    "Effects",
    "GammInfo",
    "GammResult",
    "LinearModel",
    "MixedModel",
    "Result",
    "adjust",
    "causal_effects",
    "code_table",
    "correlate",
    "discover_latents",
    "effects_of_table",
    "elbow",
    "find_copies",
    "fit_gamm",
    "linear_model",
    "mixed_model",
    "p_text",
    "pair_layers",
]
