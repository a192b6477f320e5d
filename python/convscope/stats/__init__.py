"""Statistics of measures and layer series."""

from .gamm import GammInfo, GammResult, fit_gamm

__all__ = ["GammInfo", "GammResult", "fit_gamm"]
