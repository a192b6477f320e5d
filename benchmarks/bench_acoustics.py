"""All measures of 1,000 tokens in five layers, in one process and in two.

    python benchmarks/bench_acoustics.py [--tokens 1000] [--workers 2] [--save FILE.json]

Tokens are vowels between two fricatives with known F0, as a generator's output of 1.024 s at 16 kHz, and
rectified and averaged down to four layers of 62.5 to 4000 Hz. Before the clock starts, the F0 found in a few
is compared with what was put there; after it, the values of both ways with each other, bit for bit. Starting
the processes counts.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
import xarray

from convscope import acoustics
from convscope._core import selected_isa
from convscope.acoustics import (
    F0,
    Duration,
    Envelope,
    Formants,
    Harmonicity,
    Intensity,
    Lag,
    Measure,
    PeakLatency,
    Peaks,
    SpectralMoments,
    Spectrogram,
    VoicedPeriods,
)

RATE_HZ, LENGTH = 16000, 16384
FACTORS = {"conv1": 256, "conv2": 64, "conv3": 16, "conv4": 4, "out": 1}
MEASURES = (
    F0(75, 450, points=10),
    VoicedPeriods(),
    Harmonicity(),
    Intensity(100, points=10),
    Formants(points=10),
    Duration(),
    SpectralMoments(),
    Spectrogram(),
    Peaks(2000, 7000),
    PeakLatency(),
    Lag(),
    Envelope(),
)


def tokens(count: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, L) float32 sounds and (n,) their F0 in Hz."""
    generator = np.random.default_rng(7)
    f0_hz = generator.uniform(90, 250, count)
    times_s = np.arange(LENGTH) / RATE_HZ
    hiss = (
        generator.standard_normal((count, LENGTH))
        * 0.05
        * ((times_s < 0.2) | ((times_s > 0.6) & (times_s < 0.8)))
    )
    voice = np.zeros((count, LENGTH))
    for harmonic in range(1, 12):
        voice += np.sin(2 * np.pi * harmonic * f0_hz[:, None] * times_s) / harmonic
    voice *= 0.3 * ((times_s >= 0.2) & (times_s <= 0.6))
    return (voice + hiss).astype(np.float32), f0_hz


def dataset(sounds: np.ndarray) -> xarray.Dataset:
    """The sounds and their layers, as a probe's series give them to xarray."""
    variables, coordinates = {}, {}
    for name, factor in FACTORS.items():
        values = sounds if factor == 1 else np.maximum(sounds, 0).reshape(len(sounds), -1, factor).mean(2)
        times_s = ((factor - 1) / 2 + factor * np.arange(LENGTH // factor)) / RATE_HZ
        variables[name] = (("sample", f"time_{name}"), values)
        coordinates[f"time_{name}"] = (f"time_{name}", times_s, {"units": "s"})
    return xarray.Dataset(variables, coordinates)


def timed(source: object, workers: int) -> tuple[float, acoustics.Measurements]:
    start = time.perf_counter()
    found = acoustics.measure(source, *MEASURES, workers=workers, progress=True)
    return time.perf_counter() - start, found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    # By name: a dataclass with slots is made twice.
    missing = {each.__name__ for each in Measure.__subclasses__()} - {
        type(each).__name__ for each in MEASURES
    }
    assert not missing, f"expected all measures, {', '.join(sorted(missing))} missing"
    sounds, f0_hz = tokens(options.tokens)
    source = dataset(sounds)
    checked = acoustics.single_values(F0(75, 450), sounds[:20], rate_hz=RATE_HZ)["f0_median"]
    worst = float(np.abs(checked / f0_hz[:20] - 1).max())
    print(f"largest error of F0 in 20 tokens: {worst:.1e}")
    assert worst < 0.01
    seconds: dict[str, float] = {}
    values = []
    for workers in (options.workers, 1):
        before_s = time.process_time()
        seconds[f"{workers} workers"], found = timed(source, workers)
        cpu_s = time.process_time() - before_s  # of one worker, the last, all of it
        values.append(found.table["value"].to_numpy().tobytes())
        print(f"{workers} workers: {seconds[f'{workers} workers']:.1f} s, {len(found.table)} values")
    assert values[0] == values[1], "any number of processes gives the same bits"
    table = found.table
    summary = {
        "tokens": options.tokens,
        "layers": {name: RATE_HZ / factor for name, factor in FACTORS.items()},
        "measures": found.settings["measures"],
        "seconds": seconds,
        "cpu_seconds_of_one_worker": cpu_s,
        "load_average": os.getloadavg(),
        "values": len(table),
        "without_value": int(table["value"].isna().sum()),
        "largest_f0_error": worst,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "machine": {
            "cores": os.cpu_count(),
            "isa": selected_isa(),
            "python": sys.version.split()[0],
        },
        "versions": found.settings["versions"],
    }
    print(f"one worker: {cpu_s:.1f} s of CPU time; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(
        f"{summary['without_value']} of {summary['values']} values are NaN with a reason; peak {summary['peak_mb']:.0f} MB"
    )
    if options.save:
        options.save.write_text(json.dumps(summary, indent=1) + "\n")


if __name__ == "__main__":
    main()
