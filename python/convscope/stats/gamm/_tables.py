"""The two tables of a summary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy.stats

from ._basis import Floats
from ._formula import Names
from ._significance import Significance

if TYPE_CHECKING:
    import pandas as pd


def parametric_table(
    names: Names, groups: tuple[str, ...], coefficients: Floats, covariance: Floats, residual_df: float
) -> pd.DataFrame:
    """Levels: the first coefficients, in treatment coding."""
    import pandas as pd

    estimate = coefficients[: len(groups)]
    se = np.sqrt(np.diag(covariance)[: len(groups)])
    t = estimate / se
    return pd.DataFrame(
        {
            "term": names.parametric_terms(groups),
            "estimate": estimate,
            "se": se,
            "t": t,
            "p": 2 * scipy.stats.t.sf(np.abs(t), residual_df),
            "df": residual_df,
        }
    )


def smooth_table(terms: Sequence[str], edf: Floats, tests: Sequence[Significance]) -> pd.DataFrame:
    """Curves, speakers, tokens."""
    import pandas as pd

    return pd.DataFrame(
        {
            "term": list(terms),
            "edf": edf,
            "ref_df": [test.ref_df for test in tests],
            "F": [test.f for test in tests],
            "p": [test.p for test in tests],
        }
    )
