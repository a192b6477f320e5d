"""The GPU engine beside its peers, each within its class of accuracy, and beside what the chip can do.

    python benchmarks/bench_gpu.py [--batches 1 16 264 1000 1056 4224] [--role generator] [--compile] [--save FOLDER]

Every engine gets the same weights and the same input, on the device, and leaves the layers' channel means there; the error of
its series against float64 stands beside its time. Rounds are interleaved, times are medians of device events, ratios medians of
paired rounds. Peers run the whole batch, or the largest part of it that fits. `Triton` is a kernel of our own, in
`yardstick_triton.py`, to measure the engine by. With --compile also torch.compile (max-autotune), which takes minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import datetime
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import convscope as cs
from convscope.bench._functional import LayerMeans
from convscope.bench._peers_jax import means_of
from convscope.bench._phases import Phases, PhasesLast
from convscope.probe._torch_engine import TorchEngine

Series = tuple[Tensor, ...]
Run = Callable[[Tensor], Series]

ROUNDS, WARM_UP = 20, 3
TUNED_FOR = 264  # samples, which fill the chip
CHECKED = 8  # samples whose series are compared with float64
TEN_THOUSANDTH, SINGLE, THOUSANDTH = "half (1e-4)", "single (1e-6)", "bfloat16 (1e-3)"


@dataclass(frozen=True)
class Engine:
    name: str
    accuracy: str
    run: Run
    is_torch: bool = True  # in PyTorch's stream, so that its events see it
    batches: tuple[int, ...] = ()  # all, if none is named


class Conv2dMeans(LayerMeans):
    """`LayerMeans` with maps as images of height 1, channels last: the layout that PyTorch has for no 1-D map."""

    def forward(self, x: Tensor) -> Series:
        means, h = [], x.unsqueeze(1) if self.reads_sound else x
        for layer in self.layers:
            h = layer(h) if h.dim() == 2 else _as_image(layer, h)
            means.append(h.flatten(2).mean(1) if h.dim() > 2 else h)
        return tuple(means)


def _as_image(layer: nn.Module, h: Tensor) -> Tensor:
    """(B, C, L) or (B, C, 1, L) -> (B, C', 1, L'); a dense layer takes the plain map."""
    h = h.unsqueeze(2) if h.dim() == 3 else h
    spec = getattr(layer, "spec", None)
    if not isinstance(spec, cs.models.Conv):
        return layer(h.squeeze(2))
    h = h.contiguous(memory_format=torch.channels_last)
    left, right = spec.padding
    weight = layer.weight.unsqueeze(2)
    if spec.transposed:
        full = nn.functional.conv_transpose2d(h, weight, layer.bias, stride=(1, spec.stride))
        y = full[..., left : left + spec.out_length(h.shape[-1])]
    else:
        h = nn.functional.pad(h, (left, right))
        y = nn.functional.conv2d(h, weight, layer.bias, stride=(1, spec.stride))
    return cs.models.activate(y, spec.activation)


def torch_engines(net: cs.models.SpeechNetwork, compiles: bool) -> list[Engine]:
    """Eager and compiled PyTorch, in each precision."""
    depth = len(net.spec.layers)
    forms = {"hooks": LayerMeans, "channels last": Conv2dMeans, "sub-pixel": PhasesLast}
    engines = []
    for form, module in forms.items():
        for dtype, tf32, accuracy in (
            (torch.float32, False, SINGLE),
            (torch.float32, True, TEN_THOUSANDTH),
            (torch.float16, False, TEN_THOUSANDTH),
            (torch.bfloat16, False, THOUSANDTH),
        ):
            made = module(copy.deepcopy(net), depth).to("cuda", dtype).eval()
            name = f"torch {form} {'tf32' if tf32 else str(dtype).removeprefix('torch.')}"
            engines.append(Engine(name, accuracy, _in_torch(made, dtype, tf32)))
            if compiles and form != "channels last" and dtype is not torch.bfloat16:
                quick = torch.compile(made, mode="max-autotune-no-cudagraphs", dynamic=False)
                engines.append(Engine(f"{name}, compiled", accuracy, _in_torch(quick, dtype, tf32)))
    return engines


def _in_torch(module: Callable[[Tensor], Series], dtype: torch.dtype, tf32: bool) -> Run:
    def run(x: Tensor) -> Series:
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
        with torch.inference_mode():
            return tuple(mean.float() for mean in module(x.to(dtype)))

    return run


def jax_engines(net: cs.models.SpeechNetwork) -> list[Engine]:
    """The sub-pixel form, jitted; none where JAX or its GPU is absent."""
    os.environ.setdefault(
        "XLA_PYTHON_CLIENT_PREALLOCATE", "false"
    )  # or it takes three quarters of the memory
    try:
        import jax

        jax.devices("gpu")
    except (ImportError, RuntimeError) as reason:
        print(f"without JAX: {reason}", flush=True)
        return []
    forward = means_of(Phases(copy.deepcopy(net), len(net.spec.layers)))

    def engine(precision: str, accuracy: str) -> Engine:
        jitted = jax.jit(forward)

        def run(x: Tensor) -> Series:
            torch.cuda.synchronize()
            with jax.default_matmul_precision(precision):
                means = jax.block_until_ready(jitted(jax.dlpack.from_dlpack(x)))
            return tuple(torch.from_dlpack(mean) for mean in means)

        return Engine(
            f"JAX sub-pixel {precision}", accuracy, run, is_torch=False, batches=(264, 1056)
        )  # compiled anew for each

    return [engine("float32", SINGLE), engine("tensorfloat32", TEN_THOUSANDTH)]


def triton_engines(net: cs.models.SpeechNetwork) -> list[Engine]:
    """The yardstick, in each precision of the tensor cores; none where Triton is absent."""
    try:
        from yardstick_triton import TritonMeans
    except ImportError as reason:
        print(f"without Triton: {reason}", flush=True)
        return []
    x = torch.rand(TUNED_FOR, *net.spec.input_shape, device="cuda") * 2 - 1
    engines = []
    for name, dtype, accuracy in (
        ("tf32", torch.float32, TEN_THOUSANDTH),
        ("float16", torch.float16, TEN_THOUSANDTH),
        ("bfloat16", torch.bfloat16, THOUSANDTH),
    ):
        tf32 = name == "tf32"
        made = TritonMeans(copy.deepcopy(net), len(net.spec.layers), dtype, tf32).to("cuda").eval()
        run = _in_torch(made, dtype, tf32)
        with contextlib.suppress(Exception):  # `measure` meets it again, and reports it
            run(x)  # chooses the tiles
        engines.append(Engine(f"Triton {name}", accuracy, run))
    return engines


def our_engines(net: cs.models.SpeechNetwork) -> list[Engine]:
    """Both precisions."""
    engines = []
    for precision, accuracy in (("float32", SINGLE), ("float16", TEN_THOUSANDTH)):
        probe = cs.Probe(net, device="cuda", precision=precision)
        engines.append(
            Engine(f"convscope {precision}", accuracy, lambda x, probe=probe: tuple(probe.run(x).values()))
        )
    return engines


def ceilings() -> dict[str, float]:
    """TB/s of a copy, bytes read and written, and TFLOP/s of matrix products of random numbers, half of them zero as after a ReLU."""
    found = {}
    bytes_from = torch.empty(2**31, dtype=torch.uint8, device="cuda").random_()
    bytes_to = torch.empty_like(bytes_from)
    found["copy TB/s"] = 2 * len(bytes_to) / _seconds(lambda: bytes_to.copy_(bytes_from)) / 1e12
    size = 8192
    for dtype, tf32, name in (
        (torch.float16, False, "float16"),
        (torch.bfloat16, False, "bfloat16"),
        (torch.float32, True, "tf32"),
        (torch.float32, False, "float32"),
    ):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        x = torch.randn(size, size, device="cuda").relu().to(dtype)
        w = torch.randn(size, size, device="cuda").to(dtype)
        found[f"{name} TFLOP/s"] = 2 * size**3 / _seconds(lambda x=x, w=w: x @ w) / 1e12
    torch.backends.cuda.matmul.allow_tf32 = False
    return found


def _seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Median of events around one call each."""
    for _ in range(WARM_UP):
        work()
    times = []
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / 1e3)
    return statistics.median(times)


def errors(found: Series, exact: list[np.ndarray]) -> float:
    """The largest relative error of any layer's series."""
    worst = 0.0
    for series, wanted in zip(found, exact, strict=True):
        got = series[:CHECKED].double().cpu().numpy().reshape(wanted.shape)
        worst = max(worst, float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted)))
    return worst


def measure(
    engines: list[Engine], x: Tensor, exact: list[np.ndarray], flop: float
) -> list[dict[str, object]]:
    """A row for every engine; one that cannot run says why."""
    ready: dict[str, tuple[Engine, Run]] = {}
    rows: dict[str, dict[str, object]] = {}
    for engine in engines:
        if engine.batches and len(x) not in engine.batches:
            continue
        rows[engine.name] = {"engine": engine.name, "accuracy": engine.accuracy, "batch": len(x)}
        try:
            run, part = _of_whole_batch(engine.run, x)
            rows[engine.name] |= {"part": part, "error": errors(run(x), exact)}
            ready[engine.name] = (engine, run)
        except Exception as error:  # a peer's: a row of the table
            rows[engine.name]["failed"] = (str(error) or repr(error)).splitlines()[0][:200]
        torch.cuda.empty_cache()
    times: dict[str, list[float]] = {name: [] for name in ready}
    for number in range(WARM_UP + ROUNDS):
        fresh = torch.rand_like(x) * 2 - 1
        for name, (engine, run) in ready.items():
            seconds = (_once if engine.is_torch else _once_by_the_clock)(run, fresh)
            if number >= WARM_UP:
                times[name].append(seconds)
    for name, seconds in times.items():
        median = statistics.median(seconds)
        rows[name] |= {
            "ms": 1e3 * median,
            "samples_per_s": len(x) / median,
            "tflop_per_s": flop * len(x) / median / 1e12,
            "times_s": seconds,
        }
    return list(rows.values())


def _of_whole_batch(run: Run, x: Tensor) -> tuple[Run, int]:
    """The run in parts of the largest power of two that fits, and that part."""
    part = len(x)
    while True:
        try:
            run(x[:part])
            break
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()
            part //= 2
            if part == 0:
                raise
    if part == len(x):
        return run, part

    def in_parts(x: Tensor) -> Series:
        pieces = [run(x[first : first + part]) for first in range(0, len(x), part)]
        return tuple(torch.cat(layer) for layer in zip(*pieces, strict=True))

    return in_parts, part


def _once(run: Run, x: Tensor) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    run(x)
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1e3


def _once_by_the_clock(run: Run, x: Tensor) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    run(x)
    torch.cuda.synchronize()
    return time.perf_counter() - start


def ratios(rows: list[dict[str, object]]) -> None:
    """How many times its fastest peer of the class takes the time of ours, round by round."""
    for row in rows:
        if "times_s" not in row or not str(row["engine"]).startswith("convscope"):
            continue
        peers = [
            other
            for other in rows
            if other["accuracy"] == row["accuracy"] and "times_s" in other and other is not row
        ]
        if peers:
            fastest = min(peers, key=lambda other: other["ms"])
            pairs = zip(fastest["times_s"], row["times_s"], strict=True)
            row["fastest_peer"] = fastest["engine"]
            row["times_as_fast"] = statistics.median(theirs / ours for theirs, ours in pairs)


def table(rows: list[dict[str, object]], peak: float) -> str:
    lines = [
        "| batch | engine | class | ms | samples/s | TFLOP/s | of peak | error | beside its fastest peer |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        head = f"| {row['batch']} | {row['engine']} | {row['accuracy']} |"
        if "failed" in row:
            lines.append(f"{head} failed: {row['failed']} |||||| |")
            continue
        beside = f"{row['times_as_fast']:.2f} x {row['fastest_peer']}" if "times_as_fast" in row else ""
        lines.append(
            f"{head} {row['ms']:.3f} | {row['samples_per_s']:.0f} | {row['tflop_per_s']:.0f} | "
            f"{row['tflop_per_s'] / peak:.0%} | {row['error']:.1e} | {beside} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16, 264, 1000, 1056, 4224])
    parser.add_argument("--role", default="generator", choices=["generator", "q_network"])
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--save", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    if (facts := cs.probe.gpu_facts()).reason is not None:
        raise SystemExit(f"bench_gpu: needs a GPU: {facts.reason}")

    torch.backends.cudnn.benchmark = True
    spec = cs.models.preset("tf1-ciwgan", role=options.role, num_categories=8)
    net = cs.models.build(spec, seed=1).eval()
    checked = np.random.default_rng(0).uniform(-1, 1, (CHECKED, *spec.input_shape)).astype(np.float32)
    reference = TorchEngine(net, spec.input_shape, torch.float64).record(checked)
    exact = [
        (activity.after.mean(1) if activity.after.dim() == 3 else activity.after).numpy()
        for activity in reference.values()
    ]
    flop = 2 * cs.Probe(net, device="cuda").estimate(1).multiply_adds
    found = ceilings()
    print(", ".join(f"{name} {value:.1f}" for name, value in found.items()), flush=True)
    engines = our_engines(net) + torch_engines(net, options.compile) + triton_engines(net) + jax_engines(net)
    rows: list[dict[str, object]] = []
    for batch in options.batches:
        x = torch.rand(batch, *spec.input_shape, device="cuda") * 2 - 1
        x[:CHECKED] = torch.from_numpy(checked)[:batch].to("cuda")
        of_batch = measure(engines, x, [layer[:batch] for layer in exact], flop)
        ratios(of_batch)
        print(table(of_batch, found["float16 TFLOP/s"]), flush=True)
        rows += of_batch
        if options.save:
            name = options.role.replace("_", "-") + ("-compiled" if options.compile else "")
            save(options.save, name, facts, found, rows)


def save(
    folder: Path,
    name: str,
    facts: cs.probe.GpuFacts,
    ceilings: dict[str, float],
    rows: list[dict[str, object]],
) -> None:
    """What has been measured so far."""
    device = facts.devices[0].removeprefix("NVIDIA ").lower().replace(" ", "-")
    stem = folder / f"{datetime.date.today().isoformat()}-{device}-{name}"
    result = {
        "device": facts.devices[0],
        "driver": facts.driver,
        "torch": torch.__version__,
        "ceilings": ceilings,
        "rows": rows,
    }
    stem.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    stem.with_suffix(".md").write_text(f"{table(rows, ceilings['float16 TFLOP/s'])}\n")


if __name__ == "__main__":
    main()
