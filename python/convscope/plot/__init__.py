"""The papers' two pictures of layer series, those of training, and the `style` that all pictures share: matplotlib figures.

Data in, figure out: nothing here runs a network, opens a window or touches matplotlib's global state. What comes
back is a `matplotlib.figure.Figure`, to save, show in a notebook, or change.
"""

from . import _style as style
from ._training import plot_confusion, plot_sounds
from ._waterfall import plot_waterfall
from ._word import plot_word

__all__ = ["plot_confusion", "plot_sounds", "plot_waterfall", "plot_word", "style"]
