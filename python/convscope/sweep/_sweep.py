"""`Sweep`: a network, a design of latent vectors, and the store that their layer series go to."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from ..latents import Design, digest, rows
from ..models import NetworkSpec, SpeechNetwork
from ..probe import unwrap
from ._estimate import SweepEstimate, check_memory, estimate
from ._executors import Executor, executor_of
from ._fingerprint import Fingerprint, as_stored, as_text, of_network, of_versions, short
from ._keep_text import parse_keep
from ._layout import Layout, lay_out
from ._passes import Pass, plan_passes
from ._place import place_of
from ._progress import Progress, shown
from ._receipts import Receipts
from ._status import SweepStatus, status_of
from ._store import COMPRESSIONS, Store, begin, require_same, stored_plan
from ._verify import CHECKS, Check, SweepVerification, verify_store, withdraw_damaged
from ._worker import Worker, finish


class Sweep:
    """Layer series of a network for every row of a design, written to a store that can be interrupted at any moment.

    Parameters
    ----------
    net : torch.nn.Module
        As for `convscope.Probe`.
    design : convscope.latents.Design, or array (rows, latent variables)
        What goes in: `convscope.latents.line`, ``variable``, ``grid``, ``random``, ``rows`` ...; never held.
    out : str or path
        The store, Zarr version 3: a folder (``"sweep.zarr"``), or a URL that fsspec opens (``"s3://bucket/sweep.zarr"``). The file
        system must rename atomically, which some network shares do not.
    layers : names or patterns, as for `convscope.Probe`
    reduce : str, list of str, or mapping from a name to anything that ``Probe`` takes as ``reduce``
        Each is a pass of its own through the network.
    keep : str or list of str
        ``"series"``; ``"window:START:END"`` (seconds) and ``"decimate:FACTOR"`` keep less of each; ``"peak"``, ``"energy"``,
        ``"centroid"`` one number per series; ``"moments"`` mean and variance over bases for each value, ``"top:COUNT:SCALAR"`` the
        samples with the largest scalar.
    shard : int
        Samples that are computed and written together: the unit of resuming.
    latents, audio : bool
        Store the latent vectors; store a generator's waveform as 16-bit samples.
    dtype : "float32" or "float16"
        Of the stored series.
    compression : "blosc" (LZ4 of shuffled bits), "zstd" or "none"
    at, device, precision, algorithm, memory, num_threads, input_shape, sample_rate_hz : as for `convscope.Probe`
    force_new : bool
        Begin anew where the store of another sweep is, which is deleted when `run` begins; this sweep's own is gone on with.

    attributes : mapping
        Remarks of your own, kept with those of the store.

    Raises
    ------
    ValueError, TypeError
        naming what was expected and what came, before anything is computed.

    Notes
    -----
    The bits of a store depend on its parameters alone: not on executors, workers or interruptions. They do depend on the kernels
    of the processor (``convscope info``), which the store notes; a machine with others refuses to go on with it.

    Examples
    --------
    >>> import tempfile, convscope as cs
    >>> net = cs.models.build(cs.models.preset("tf1-ciwgan", role="generator", dim=4))
    >>> design = cs.latents.variable("z11", [-15, 0, 5], bases=cs.latents.random(2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     status = cs.Sweep(net, design, out=f"{folder}/sweep.zarr", layers="conv*").run()
    ...     cs.open_sweep(f"{folder}/sweep.zarr")["conv4"]["mean"].shape
    (6, 4096)
    """

    def __init__(
        self,
        net: nn.Module,
        design: Design | ArrayLike,
        *,
        out: str | os.PathLike[str],
        layers: Any = None,
        reduce: str | Iterable[str] | Mapping[str, Any] = "mean",
        keep: str | Iterable[str] = "series",
        shard: int = 1024,
        latents: bool = True,
        audio: bool = False,
        dtype: str = "float32",
        compression: str = "blosc",
        at: str = "post",
        device: str | torch.device | None = None,
        precision: str = "float32",
        algorithm: str = "auto",
        memory: str = "normal",
        num_threads: int | None = None,
        input_shape: tuple[int, ...] | None = None,
        sample_rate_hz: int | None = None,
        force_new: bool = False,
        attributes: Mapping[str, str | int | float] | None = None,
    ) -> None:
        if isinstance(shard, bool) or not isinstance(shard, int | np.integer) or shard < 1:
            raise ValueError(f"shard: expected a number of samples of at least 1, got {shard!r}")
        _one_of("dtype", dtype, ("float32", "float16"))
        _one_of("compression", compression, COMPRESSIONS)
        self.design = design if isinstance(design, Design) else rows(design)
        if not len(self.design):
            raise ValueError("design: expected at least one row, got none")
        self.net, self.out = unwrap(net), os.fspath(out)
        self.place = place_of(self.out)
        self.kept, self.gathered = parse_keep(keep)
        self.shard = min(int(shard), 1 << (len(self.design) - 1).bit_length())
        self._reduce = _named(reduce)
        self._layers = (
            list(layers) if isinstance(layers, Iterable) and not isinstance(layers, str) else layers
        )
        self._force_new = force_new
        self._remarks = dict(attributes or {})
        self.torch_threads = torch.get_num_threads()  # of networks that run in PyTorch, for workers, too
        self._with_latents, self._with_audio, self.dtype, self.compression = (
            latents,
            audio,
            dtype,
            compression,
        )
        self.device = device
        self._options: dict[str, Any] = {
            "at": at,
            "precision": precision,
            "algorithm": algorithm,
            "memory": memory,
            "num_threads": num_threads,
            "input_shape": input_shape,
            "sample_rate_hz": sample_rate_hz,
        }
        self._check_fits()
        self.layout, self.fingerprint  # refused or read now, not when the network may have changed  # noqa: B018

    def __len__(self) -> int:
        return len(self.design)

    def __repr__(self) -> str:
        return f"Sweep({self.design!r} -> {self.out}, {self.shard_count} shards of {self.shard})"

    def __getstate__(self) -> dict[str, Any]:
        """Without what is made again where it is needed: packed weights are large."""
        made = {name for name, value in vars(type(self)).items() if isinstance(value, cached_property)}
        return {name: value for name, value in vars(self).items() if name not in made}

    @property
    def shard_count(self) -> int:
        """Shards in all."""
        return -(-len(self.design) // self.shard)

    @cached_property
    def passes(self) -> tuple[Pass, ...]:
        """Through the network, their weights packed."""
        options = self._options | {"device": self.device}
        return plan_passes(self.net, self._layers, self._reduce, audio=self._with_audio, options=options)

    @cached_property
    def layout(self) -> Layout:
        """The arrays of the store."""
        return lay_out(
            self.design,
            self.passes[0].layers,
            {(layer, each.reduction): shape for each in self.passes for layer, shape in each.shapes.items()},
            kept=self.kept,
            gathered=self.gathered,
            dtype=self.dtype,
            code_size=self.code_size,
            with_latents=self._with_latents,
            audio=next((each.sound_layer for each in self.passes if each.sound), None),
        )

    @property
    def code_size(self) -> int:
        """Entries of the code that a generator's latent vectors begin with."""
        spec = self._spec
        return spec.num_categories if spec is not None and spec.role == "generator" else 0

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """All that the bits of the store depend on."""
        first = self.passes[0].probe
        found = {
            "network": of_network(self.net),
            "design": self.design.describe() | {"count": len(self.design), "size": self.design.size},
            "layers": list(self.passes[0].kept),
            "reduce": {name: _described(reduce) for name, reduce in self._reduce.items()},
            "keep": [each.text for each in self.kept] + [each.text for each in self.gathered],
            "latents": self._with_latents,
            "audio": self._with_audio,
            "shard": self.shard,
            "dtype": self.dtype,
            "compression": self.compression,
            "at": self._options["at"],
            "precision": self._options["precision"],
            "engine": re.sub(r"^(cuda):\d+", r"\1", first.engine),
            "algorithms": first.plan.algorithms,
            "input shape": list(first.input_shape),
            "sample rate": first.layers[0].sample_rate_hz,
            "versions": of_versions(first.engine, self.kept, torch_threads=self.torch_threads),
        }
        return as_stored(found)

    def estimate(self) -> SweepEstimate:
        """Bytes and seconds, before anything runs; the same work for any number of rows."""
        return estimate(self.passes, self.gathered, self.design, self.layout, self.place, shard=self.shard)

    def run(
        self,
        executor: Executor = "threads",
        *,
        progress: bool | Progress = False,
        check: Check = "sizes",
        workers: int | None = None,
        address: str | None = None,
        rank: int | None = None,
        world: int | None = None,
    ) -> SweepStatus:
        """Work off the missing shards.

        Parameters
        ----------
        executor : "serial", "threads", "ranks" or "dask"
            One after the other; written while the next is computed; every ``world``-th shard from ``rank`` (by default from
            torchrun's variables or SLURM's); on a Dask cluster. They may be mixed, and continue each other.
        progress : bool or callable (shards done, shards in all)
        check : "sizes", "bytes" or "none"
            What is looked at of the shards that are there already: whether their files have the length they were written with, or
            every byte. What does not fit is computed again.
        workers, address : int, str
            For "dask": processes of a local cluster, or where the scheduler of another is.

        Returns
        -------
        SweepStatus

        Raises
        ------
        SweepMismatchError
            (a ValueError) when the store is another sweep's, naming the fields that differ.
        FileExistsError, PermissionError, MemoryError
            for a place that is something else or may not be written, a shard that does not fit in memory.
        """
        _one_of("check", check, CHECKS)
        execute = executor_of(executor, workers=workers, address=address, rank=rank, world=world)
        check_memory(self.estimate(), self.shard)
        stored = stored_plan(self.place)
        if self._force_new and stored not in (None, self.fingerprint):
            self.place.clear()
        store = self.begin()
        receipts = self.receipts
        withdraw_damaged(self.place, receipts, check)
        with shown(progress, len(receipts.done()), self.shard_count) as on_shard:
            execute(self, on_shard)
        finish(self, store, receipts)
        status = self.status()
        if status.is_complete:
            self.place.remove_leftovers(array.path for array in self.layout.of_samples)
        return status

    def begin(self) -> Store:
        """The store, made if it is not there: what `run` does first."""
        return begin(
            self.place,
            self.fingerprint,
            self.layout,
            self.receipts,
            attributes=self._attributes(),
            shard=self.shard,
            compression=self.compression,
        )

    def with_threads(self, num_threads: int | None) -> Sweep:
        """The same sweep, computing with so many threads where it does not say."""
        other = copy.copy(self)
        if self._options["num_threads"] is None:
            other._options = self._options | {"num_threads": num_threads}
        return other

    def on_device(self, device: str) -> Sweep:
        """The same sweep on another device of its kind."""
        other = copy.copy(self)
        other.device = device
        return other

    @property
    def receipts(self) -> Receipts:
        """Which shards are there."""
        return Receipts(self.place, short(self.fingerprint))

    def status(self) -> SweepStatus:
        """Shards done, missing and failed; rate and time left."""
        return status_of(self.place, self.receipts, samples=len(self), shard=self.shard)

    def verify(self, recompute: int = 4) -> SweepVerification:
        """Compare all files with their receipts, and some shards with what the network makes again.

        Parameters
        ----------
        recompute : int
            Shards to be computed again, spread over the store.

        Returns
        -------
        SweepVerification
            The receipts of damaged shards are withdrawn, so that `run` computes those again.
        """
        require_same(self.place, self.fingerprint)
        return verify_store(
            self.place, self.receipts, worker=lambda: Worker(self, self.begin()), recompute=recompute
        )

    def _attributes(self) -> dict[str, Any]:
        """For people and other programs, flat, as NetCDF can have them."""
        fingerprint, spec = self.fingerprint, self._spec
        named = {} if spec is None else {"network": f"{spec.name} {spec.role}"}
        return (
            self._remarks
            | named
            | {
                "weights_sha256": fingerprint["network"]["weights"],
                "specification": as_text({"network": fingerprint["network"]["specification"]}),
                "design": as_text(fingerprint["design"]),
                "precision": fingerprint["precision"],
                "engine": fingerprint["engine"],
                "at": fingerprint["at"],
                "layers": " ".join(self.passes[0].kept),
                "reductions": " ".join(self._reduce),
                "sample_rate_hz": self.passes[0].probe.layers[0].sample_rate_hz,
                "versions": as_text(fingerprint["versions"]),
                "shard": self.shard,
            }
        )

    @property
    def _spec(self) -> NetworkSpec | None:
        return self.net.spec if isinstance(self.net, SpeechNetwork) else None

    def _check_fits(self) -> None:
        size = int(np.prod(self.passes[0].probe.input_shape))
        if self.design.size != size:
            raise ValueError(
                f"design: the network reads {size} values per sample, got a design of {self.design.size}"
                + ("; give random(..., size=) or lines between vectors of that size" if size < 10_000 else "")
            )


def _named(reduce: str | Iterable[str] | Mapping[str, Any]) -> dict[str, Any]:
    """Reductions by name."""
    if isinstance(reduce, str):
        return {reduce: reduce}
    if isinstance(reduce, Mapping):
        found = dict(reduce)
    else:
        names = list(reduce)
        if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise ValueError(
                f"reduce: expected different names such as mean, or a mapping from names to read-outs, got {reduce!r}"
            )
        found = {name: name for name in names}
    if not found or not all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", str(name)) for name in found):
        raise ValueError(
            f"reduce: expected names of letters, digits and _, got {', '.join(map(str, found)) or 'none'}"
        )
    return found


def _described(reduce: Any) -> Any:
    """A reduction for the fingerprint."""
    if isinstance(reduce, str):
        return reduce
    if isinstance(reduce, Mapping):
        return {str(layer): digest(np.asarray(matrix, np.float32)) for layer, matrix in reduce.items()}
    return digest(np.asarray(reduce, np.float32))


def _one_of(field: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{field}: expected {', '.join(known)}, got {value!r}")
