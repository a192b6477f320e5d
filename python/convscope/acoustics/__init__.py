"""Layer series and sounds measured like speech: arrays, a probe's series or the store of a sweep in, a tidy table out.

found = measure(series, F0(75, 450), Intensity(), Formants(), workers=2)
found.table            # sound, layer, rate_hz, interval, label, start_s, end_s, point, time_s, frequency_hz, measure, value, unit, reason
found.wide()           # a column for each measure
measure(tree, *PRESETS["taslp-m1"], intervals=voiced_intervals(tree, layer="out"))

What a layer's rate or length cannot carry is NaN, with the reason beside it (`_capacity`). Praat does F0,
formants and harmonicity by way of Parselmouth (extra `acoustics`, GPL-3); the rest is NumPy and SciPy. No
torch.
"""

from ._classes import CLASSES, ClassFrames, ClassSettings, classify, find_segments
from ._compare_classes import PHONE_CLASSES, ClassComparison, class_of_phone, compare_classes
from ._f0_range import f0_range
from ._formants import Formants
from ._intensity import Duration, Intensity
from ._intervals import Interval, Intervals
from ._lag import Envelope, Lag
from ._latency import PeakLatency
from ._listen import write_layer_sounds
from ._measure import Measure, Output, Reading
from ._normalised import normalised_time
from ._peaks import Peaks
from ._pitch import F0, Harmonicity, VoicedPeriods
from ._presets import PRESETS
from ._result import Measurements
from ._run import measure, single_values
from ._spans import Span
from ._spectrum import SpectralMoments, Spectrogram, spectrogram
from ._voiced import voiced_intervals
from ._wave import Wave

__all__ = [
    "CLASSES",
    "F0",
    "PHONE_CLASSES",
    "PRESETS",
    "ClassComparison",
    "ClassFrames",
    "ClassSettings",
    "Duration",
    "Envelope",
    "Formants",
    "Harmonicity",
    "Intensity",
    "Interval",
    "Intervals",
    "Lag",
    "Measure",
    "Measurements",
    "Output",
    "PeakLatency",
    "Peaks",
    "Reading",
    "Span",
    "SpectralMoments",
    "Spectrogram",
    "VoicedPeriods",
    "Wave",
    "class_of_phone",
    "classify",
    "compare_classes",
    "f0_range",
    "find_segments",
    "measure",
    "normalised_time",
    "single_values",
    "spectrogram",
    "voiced_intervals",
    "write_layer_sounds",
]
