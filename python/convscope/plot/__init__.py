"""Pictures: the papers' two of layer series, those of training, and those of measures and models; the `style` they share.

Data in, figure out: nothing here runs a network, opens a window or touches matplotlib's global state. What comes
back is a `matplotlib.figure.Figure`, to save (``.svg`` and ``.pdf``, too), show in a notebook, or change.
"""

from . import _style as style
from ._gamm import plot_curves, plot_differences
from ._measures import (
    plot_correlations,
    plot_effects,
    plot_elbow,
    plot_overlays,
    plot_profiles,
    plot_trajectories,
)
from ._training import plot_confusion, plot_sounds
from ._waterfall import plot_waterfall
from ._word import plot_word

__all__ = [
    "plot_confusion",
    "plot_correlations",
    "plot_curves",
    "plot_differences",
    "plot_effects",
    "plot_elbow",
    "plot_overlays",
    "plot_profiles",
    "plot_sounds",
    "plot_trajectories",
    "plot_waterfall",
    "plot_word",
    "style",
]
