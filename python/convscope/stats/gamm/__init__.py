"""Generalised additive mixed models of layer series: equal to mgcv's, for a thousand tokens in seconds.

`fit_gamm` is the way in; `_native` our engine, by the arrowhead that docs/design/0010 explains, `_mgcv` and `_mssm` second opinions.
"""

from __future__ import annotations

from ._fit import fit_gamm
from ._result import GammInfo, GammResult, p_text

__all__ = ["GammInfo", "GammResult", "fit_gamm", "p_text"]
