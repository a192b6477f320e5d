"""Sweeps: layer series of millions of latent vectors, to a store that survives interruption.

plan = Sweep(net, latents.line(z0, z1, steps=2001), out="sweep.zarr", layers="conv*")
plan.estimate()           # bytes and seconds
plan.run()                # again: only what is missing
open_sweep("sweep.zarr")  # an xarray DataTree
"""

from ._estimate import SweepEstimate
from ._fingerprint import SweepMismatchError
from ._open import open_sweep
from ._status import SweepStatus
from ._sweep import Sweep
from ._verify import SweepVerification

__all__ = ["Sweep", "SweepEstimate", "SweepMismatchError", "SweepStatus", "SweepVerification", "open_sweep"]
