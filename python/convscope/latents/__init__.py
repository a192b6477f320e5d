"""Designs of latent vectors: rows by number, never held, each a function of its number alone.

random(10**9, code=OneHot(8), seed=3)                     # as in training
line(z0, z1, steps=2001), lines(...), sphere(...)         # from one vector to another
variable("z11", np.arange(-15, 6, 2), bases=random(100))  # one variable, the others fixed
grid({"z3": a, "z11": b}, bases=...)                      # several, every combination
path({"z0": down, "z1": up}, bases=...)                   # several together, step by step
rows("latents.npy")                                       # vectors that are there already
"""

from ._design import Design, digest
from ._given import rows
from ._grid import grid, variable
from ._line import line, lines, sphere
from ._path import path
from ._random import Binary, Latents, OneHot, random
from ._varied import place_of

__all__ = [
    "Binary",
    "Design",
    "Latents",
    "OneHot",
    "digest",
    "grid",
    "line",
    "lines",
    "path",
    "place_of",
    "random",
    "rows",
    "sphere",
    "variable",
]
