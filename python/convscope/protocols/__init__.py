"""Whole studies on a network of your own: what the papers did, with every parameter, as tables, figures and one page of HTML.

icassp(q_network, waveforms, words).write("study")   # where a Q-network tells words apart
taslp(generator).write("study")                      # what of the output each layer of a generator has
cdev(generator, variables=["z3", "z5"]).write("study")  # what single latent variables cause
"""

from ._cdev import cdev
from ._icassp import icassp
from ._items import Finding, LeftOut, Picture, Table
from ._study import Section, Study
from ._taslp import taslp

__all__ = ["Finding", "LeftOut", "Picture", "Section", "Study", "Table", "cdev", "icassp", "taslp"]
