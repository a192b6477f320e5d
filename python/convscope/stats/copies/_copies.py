"""Does a series repeat itself? Copies of a stretch within it, as reduplication has them ([pəpalu] from [palu]).

For every window length, the correlation of each window with every other that does not overlap it (a self-similarity matrix);
what is alike is judged against random series without copies (`_null`). The statistic is the largest correlation over all
lengths and places, so that the p-value is that of the search, not of one lag. It sees envelopes: two syllables of the same
loudness contour are alike to it. Give it several read-outs (K, L) of a layer to tell them apart.

Source: Beguš 2021 (TACL), Beguš & Zhou 2022 (TASLP, reduplication); Foote 1999 (self-similarity).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._checks import Floats, check_count, check_level, require
from .._libraries import Frame, library
from .._result import Result
from ._envelope import frames_of
from ._null import Null, contour_like, fisher_z, noise_like
from ._similarity import self_similarity

_LENGTHS = 6  # windows tried, from the shortest to the longest
_FRAME_RATE_HZ = 100.0  # with fewer, a copy half a frame off is no longer alike
_MOST_FRAMES = 3000  # 30 s: half a GB for the matrices of all lengths
_BANDWIDTH_HZ = 16.0  # syllables come at 2 to 8 per second
_TIE = 0.02  # of a correlation: a stretch, the best of five, gains that much from noise
Occurrence = tuple[int, int, float]  # first frame, frames, similarity


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Copies(Result):
    """``occurrences``: start_s, end_s, lag_s and similarity of the stretch (lag 0) and of each copy, in order of time.

    ``p`` is the share of random series that are as alike to themselves; ``similarity`` the matrix (n, n) of windows that begin
    at ``starts_s`` (n,), for a picture. Where nothing is repeated there are no occurrences.
    """

    occurrences: Frame
    p: float
    similarity: Floats
    starts_s: Floats
    settings: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"{Result.__repr__(self)[:-1]}; p {self.p:.2g})"

    @property
    def count(self) -> int:
        """How often the stretch is there: 1 where nothing repeats it, 2 for a reduplication."""
        return max(len(self.occurrences), 1)


def find_copies(
    series: ArrayLike,
    rate_hz: float,
    *,
    shortest_s: float = 0.12,
    longest_s: float = 0.4,
    tolerance: float = 0.15,
    readouts: bool = False,
    level: float = 0.95,
    draws: int = 99,
    seed: int = 0,
) -> Copies:
    """Find stretches of a series that come again.

    Parameters
    ----------
    series : (L,) of one sound; with ``readouts`` (K, L), several series of that sound.
    rate_hz : of its positions.
    shortest_s, longest_s : of a stretch.
    tolerance : how much longer or shorter, as a share, a copy may be. Copies as long as the stretch are preferred to others
        that are as alike.
    readouts : rows are read-outs of one sound and are searched together. Everywhere else (n, L) are n sounds, which have to
        come one by one.
    level : 1 - level is how often noise is taken for a copy.
    draws : random series to compare with.
    seed : of those.

    Returns
    -------
    Copies
        Without occurrences where nothing is repeated.

    Notes
    -----
    White, filtered and rectified noise are taken for copies about as often as 1 - level says. A loudness that wanders so
    smoothly that it has hardly ten independent values per second is not: contours of one or two humps are alike by chance,
    and no random series that is drawn here is as smooth. Series at fewer than 100 positions per second are compared
    position by position: a copy that is half of one off may be missed.

    Raises
    ------
    ValueError
        for a series that is constant, not finite, shorter than twice the shortest stretch, of more than 3,000 frames, or
        (K, L) without ``readouts``.

    Examples
    --------
    >>> import numpy as np
    >>> time_s = np.arange(1000) / 1000
    >>> def syllable(onset_s):
    ...     return np.exp(-0.5 * ((time_s - onset_s - 0.06) / 0.03) ** 2) + 0.5 * np.exp(-0.5 * ((time_s - onset_s - 0.18) / 0.02) ** 2)
    >>> tone = np.sin(2 * np.pi * 150 * time_s)
    >>> copies = find_copies((syllable(0.1) + syllable(0.5)) * tone, 1000)
    >>> copies.count, round(float(copies.occurrences.lag_s.max()), 1)
    (2, 0.4)
    """
    level, draws = check_level(level), check_count("draws", draws, 19)
    require(rate_hz > 0, "rate_hz", "a positive rate", rate_hz)
    require(0 <= tolerance < 0.5, "tolerance", "a share from 0 to below 0.5", tolerance)
    values = _varying(series, readouts)
    frames, frame_rate_hz = frames_of(values, rate_hz, _FRAME_RATE_HZ, _BANDWIDTH_HZ)
    _check_length(frames.shape[1], frame_rate_hz)
    windows = _windows(frames.shape[1], frame_rate_hz, shortest_s, longest_s)
    stretches = tuple(np.linspace(1 - tolerance, 1 + tolerance, 5))

    def most_alike(drawn: Floats) -> list[float]:
        return [float(self_similarity(drawn, window, stretches)[0].max()) for window in windows]

    rng = np.random.default_rng(seed)
    nulls = [Null.of([most_alike(contour_like(frames, rng)) for _ in range(draws)])]
    if frame_rate_hz < rate_hz:
        noises = (noise_like(values, round(shortest_s * rate_hz), rng) for _ in range(draws))
        envelopes = (frames_of(noise, rate_hz, _FRAME_RATE_HZ, _BANDWIDTH_HZ)[0] for noise in noises)
        nulls.append(Null.of([most_alike(envelope) for envelope in envelopes]))
    matrices = [self_similarity(frames, window, stretches) for window in windows]
    largest = np.array([matrix.max() for matrix, _ in matrices])
    p = max(null.p(largest) for null in nulls)
    thresholds = np.max([null.threshold(level) for null in nulls], axis=0)
    found: list[Occurrence] = []
    if p <= 1 - level:
        of_windows = list(map(_best, windows, matrices, thresholds))
        best = int(np.argmax([_coverage(each) for each in of_windows]))
        found = _as_it_is(frames, of_windows[best], thresholds[best])
    shown = matrices[int(np.argmax(fisher_z(largest) - fisher_z(thresholds)))][0]
    settings = {"rate_hz": rate_hz, "frame_rate_hz": frame_rate_hz, "tolerance": tolerance}
    settings |= {"readouts": readouts, "shortest_s": shortest_s, "longest_s": longest_s}
    settings |= {"level": level, "draws": draws, "seed": seed}
    return Copies(_table(found, frame_rate_hz), p, shown, np.arange(len(shown)) / frame_rate_hz, settings)


def _varying(series: ArrayLike, readouts: bool) -> Floats:
    """(K, L) the rows that are not constant."""
    given = np.asarray(series, np.float64)
    fits = given.size > 0 and given.ndim in ((1, 2) if readouts else (1,))
    expected = "(L,) or (K, L)" if readouts else "(L,) of one sound, or (K, L) with readouts=True"
    require(fits, "series", expected, f"shape {given.shape}")
    values = np.atleast_2d(given)
    require(bool(np.isfinite(values).all()), "series", "finite numbers", "NaN or infinite ones")
    varying: Floats = values[np.ptp(values, axis=1) > 0]
    require(len(varying) > 0, "series", "one that varies", "constant values")
    return varying


def _check_length(frames: int, rate_hz: float) -> None:
    most = f"at most {_MOST_FRAMES / rate_hz:.3g} s at {rate_hz:.3g} frames per second"
    expected = f"{most}: memory goes with the square"
    require(frames <= _MOST_FRAMES, "series", expected, f"{frames / rate_hz:.3g} s")


def _windows(count: int, rate_hz: float, shortest_s: float, longest_s: float) -> NDArray[np.int64]:
    """Lengths to try, in frames, in equal ratios."""
    fits = 0 < shortest_s < longest_s
    require(fits, "shortest_s", f"a time between 0 and longest_s ({longest_s})", shortest_s)
    shortest, longest = round(shortest_s * rate_hz), min(round(longest_s * rate_hz), count // 2)
    bounds = f"at least 4 positions and at most half of the series ({count} positions at {rate_hz:.3g} Hz)"
    require(4 <= shortest <= longest, "shortest_s", bounds, shortest)
    return np.unique(np.geomspace(shortest, longest, _LENGTHS).round().astype(np.int64))


def _table(found: list[Occurrence], rate_hz: float) -> Frame:
    first = min((start for start, *_ in found), default=0)
    rows = [
        (start / rate_hz, (start + length) / rate_hz, (start - first) / rate_hz, alike)
        for start, length, alike in sorted(found)
    ]
    return library("pandas").DataFrame(rows, columns=["start_s", "end_s", "lag_s", "similarity"])


def _best(window: int, matrix: tuple[Floats, NDArray[np.intp]], threshold: float) -> list[Occurrence]:
    """The window with the most copies above the threshold, and those, none overlapping; empty without a copy."""
    alike, lengths = matrix
    best: list[Occurrence] = []
    for start in np.flatnonzero((alike > threshold).any(1)):
        chosen: list[Occurrence] = [(int(start), int(window), 1.0)]
        above = np.flatnonzero(alike[start] > threshold)
        for first in above[np.argsort(-alike[start, above])]:
            length = int(lengths[start, first])
            if all(first + length <= begin or first >= begin + taken for begin, taken, _ in chosen):
                chosen.append((int(first), length, float(alike[start, first])))
        best = max(best, chosen, key=_coverage)
    return best


def _as_it_is(frames: Floats, found: list[Occurrence], threshold: float) -> list[Occurrence]:
    """What was found, but without stretching, if it is as alike: a longer window would displace its copy by some frames."""
    if len({length for _, length, _ in found}) < 2:
        return found
    window = min(length for _, length, _ in found)
    plain = _best(window, self_similarity(frames, window, (1.0,)), threshold)
    least, least_plain = (min((alike for *_, alike in each), default=0.0) for each in (found, plain))
    return plain if len(plain) >= len(found) and least_plain >= least - _TIE else found


def _coverage(found: list[Occurrence]) -> float:
    """Frames that copies explain, weighted by how alike they are; none for a stretch that is alone."""
    return sum(length * alike for _, length, alike in found) if len(found) > 1 else 0.0
