"""The papers' settings, by name.

TASLP: Beguš and Zhou 2022, "Interpreting intermediate convolutional layers of generative CNNs trained on
waveforms". M1 is a generator of [s]-words, M3 a ciwGAN of reduplication. GAP: Beguš 2020, "Generative
adversarial phonology". CDEV: see `_peaks`. Brain stem: see `_latency`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ._formants import Formants
from ._intensity import Duration, Intensity
from ._latency import PeakLatency
from ._measure import Measure
from ._peaks import Peaks
from ._pitch import F0
from ._spectrum import SpectralMoments, Spectrogram


class _Presets(dict[str, tuple[Measure, ...]]):
    def __missing__(self, name: object) -> tuple[Measure, ...]:
        raise KeyError(f"PRESETS: expected one of {', '.join(self)}, got {name!r}")


PRESETS: Mapping[str, tuple[Measure, ...]] = MappingProxyType(
    _Presets(
        {
            # F0 by ProsodyPro's 10 points, intensity with Praat's usual minimum pitch, durations of layer and output
            "taslp-m1": (F0(60, 300, points=10), Intensity(100, points=10), Duration()),
            # 40 points in each voiced period; formants by FormantPro
            "taslp-m3": (F0(75, 450, points=40), Intensity(100, points=40), Formants(report=2, points=40)),
            # of 64 values per slice: with as_published alone, and then no value is to be trusted
            "taslp-conv1": (F0(5, 150, points=40),),
            "taslp-spectrogram": (Spectrogram(high_hz=2000),),
            "gap-fricatives": (SpectralMoments(750, 8000, slices=10),),
            "cdev-clicks": (Peaks(2000, 16000, 0.4, 0.04),),
            "brain-stem": (PeakLatency(),),
        }
    )
)
