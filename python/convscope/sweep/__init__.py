"""Sweeps: layer series of millions of latent vectors, to a store that survives interruption.

plan = Sweep(net, latents.line(z0, z1, steps=2001), out="sweep.zarr", layers="conv*")
plan.estimate()           # bytes and seconds
plan.run()                # again: only what is missing
open_sweep("sweep.zarr")  # an xarray DataTree
"""

from ._compare import compare_sweeps
from ._estimate import SweepEstimate
from ._export import export_sweep
from ._fingerprint import SweepMismatchError
from ._status import SweepStatus
from ._stored import open_sweep, sweep_status, verify_sweep
from ._sweep import Sweep
from ._verify import SweepVerification

__all__ = [
    "Sweep",
    "SweepEstimate",
    "SweepMismatchError",
    "SweepStatus",
    "SweepVerification",
    "compare_sweeps",
    "export_sweep",
    "open_sweep",
    "sweep_status",
    "verify_sweep",
]
