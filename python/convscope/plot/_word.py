"""A word and its layers below, on one time axis.

After Beguš & Zhou 2022 (ICASSP), figure 2: waveform, conv1 ... conv5, logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..data import Phone
from ..probe import LayerInfo, Series
from ._style import INK, PURPLE, QUIET, RULE, SMALL_PT, TEXT_PT, TITLE_PT, Colour, finish, panel, plain, shades, write

# Inches. The left margin holds the layers' names, the ticks and nothing else.
LEFT, RIGHT, WIDTH = 1.55, 0.25, 8.0
TOP, BOTTOM, GAP = 0.98, 0.62, 0.16
WAVEFORM, LAYER, LOGITS = 1.0, 0.72, 0.62
BEFORE_LOGITS = 0.62

DOTS_UP_TO = 100  # positions in view: beyond, they touch
AFTER_LAST_PHONE_S = 0.05
CROWDED = 0.022  # of the axis: labels whose centres are closer stand on two heights


def plot_word(
    series: Series,
    sample: int = 0,
    *,
    waveform: npt.ArrayLike | None = None,
    sample_rate_hz: float | None = None,
    phones: Sequence[Phone] | None = None,
    title: str | None = None,
    end_s: float | None = None,
    save: str | PathLike[str] | None = None,
) -> Figure:
    """Draw one sample: its waveform, and each layer's series below it, on one axis in seconds.

    Parameters
    ----------
    series : Series
        From `convscope.fast_probe`. Layers stand in order of execution, each at its own positions (`LayerInfo.times_s`),
        joined by lines and never resampled. Logits, if there are any, become bars.
    sample : int
        Row of the batch.
    waveform : (N,) array, optional
        What was heard, full scale ±1.
    sample_rate_hz : float, optional
        Of the waveform; that of the network by default.
    phones : sequence of Phone, optional
        Boundaries in seconds, drawn as vertical lines with labels.
    title : str, optional
        Above the picture.
    end_s : float, optional
        Right end of the time axis: shortly after the last phone, or the end of the slice where no phones are given.
    save : path, optional
        Also write the figure there.

    Returns
    -------
    matplotlib.figure.Figure
        Axes labelled ``"waveform"``, then by layer name, top to bottom.

    Raises
    ------
    IndexError
        If there is no such sample.
    ValueError
        For a series without a time axis in seconds, or a waveform that is not (N,).

    Examples
    --------
    >>> import numpy as np, convscope as cs
    >>> net = cs.models.build(cs.models.preset("tf1-ciwgan", role="q_network", num_categories=8, dim=4))
    >>> figure = cs.plot.plot_word(cs.fast_probe(net, np.zeros((1, 16384))), layers="conv*")
    """
    timed = _timed_layers(series)
    values = {name: np.asarray(array) for name, array in series.to_numpy().items()}
    _check_sample(sample, len(values[timed[0].name]))
    sound = _Sound.of(waveform, sample_rate_hz or timed[0].sample_rate_hz)
    return None
