"""From a sound back to latent variables: the ones whose sound is nearest.

A search by gradient (Adam) from several random beginnings at once, each pulled towards the magnitudes of the sound's spectrogram and its waveform:
the waveform alone has a local minimum for every period of the voice. There is no promise that the generator can make the sound, nor that
the best latent vector is found: the reached error is part of the answer.

Letters: B sounds, R restarts, L samples, Z latent variables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from .. import latents as designs
from ..models import SpeechNetwork

_WINDOWS = (64, 256, 1024)  # samples, of the three spectrograms
_FLOOR = 1e-3  # of a magnitude, below which it counts as silence
_OWN_SEEDS = 1 << 64  # so that no beginning is a latent vector that somebody made a sound of


@dataclass(frozen=True, slots=True, eq=False)
class Inversion:
    """Latent vectors found for sounds.

    Attributes
    ----------
    latents : (B, Z) float32
        The best of each sound's restarts.
    sounds : (B, L) float32
        What the generator makes of them.
    waveform_error : (B,)
        Root mean square of the difference over that of the sound.
    spectral_error : (B,)
        The same for magnitudes of short-time spectra (256 samples): what a listener is nearer to.
    random_error : (B,)
        The spectral error of the best beginning, to compare: no search, only luck.
    """

    latents: NDArray[np.float32]
    sounds: NDArray[np.float32]
    waveform_error: NDArray[np.float64]
    spectral_error: NDArray[np.float64]
    random_error: NDArray[np.float64]


def invert(
    generator: SpeechNetwork,
    sounds: ArrayLike,
    *,
    code: designs.OneHot | designs.Binary | ArrayLike | None = None,
    restarts: int = 16,
    steps: int = 400,
    rate: float = 0.05,
    bound: float = 1.0,
    seed: int = 0,
) -> Inversion:
    """Search the latent vectors whose sounds are nearest to the given ones.

    Parameters
    ----------
    generator : of one channel; it is not changed.
    sounds : (B, L) or (L,), full scale ±1, as many samples as the generator makes.
    code : how the code begins: drawn (`OneHot`, `Binary`) and then moved like any variable, or values, (N,) or (B, N), that stay.
    restarts : beginnings of each sound.
    steps : of the search.
    rate : of its first step; it sinks to zero along a cosine.
    bound : latent variables stay within ± it; the codes, drawn, within 0 and 1.
    seed : of the beginnings.

    Returns
    -------
    Inversion

    Raises
    ------
    ValueError
        naming the argument.
    """
    target = _checked(generator, sounds)
    count, size = len(target), generator.spec.in_channels
    fixed, start = _beginnings(size, code, count, restarts, seed)  # entries that stay, (B R, Z)
    device = next(generator.parameters()).device
    goal = torch.from_numpy(target).to(device).repeat_interleave(restarts, dim=0)  # (B R, L)
    low = torch.full((size,), -bound, device=device)
    if isinstance(code, designs.OneHot | designs.Binary):
        low[: code.size] = 0.0
    z = start.to(device)
    z[:, fixed:] = z[:, fixed:].clamp(low[fixed:], torch.tensor(bound, device=device))
    z.requires_grad_()
    optimiser = torch.optim.Adam([z], lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(steps, 1))
    modes = {module: module.training for module in generator.modules()}
    generator.eval()
    try:
        best, best_error = z.detach().clone(), torch.full((len(z),), torch.inf, device=device)
        random_error = torch.empty(0)
        for step in range(steps + 1):
            made = generator(z)[:, 0]
            error = _distance(made, goal)  # (B R,)
            better = error.detach() < best_error
            best[better], best_error[better] = z.detach()[better], error.detach()[better]
            if step == 0:
                random_error = _spectral_error(made.detach(), goal).view(count, restarts).amin(dim=1)
            if step == steps:
                break
            (z.grad,) = torch.autograd.grad(error.sum(), z)
            z.grad[:, :fixed] = 0.0
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                z[:, fixed:] = z[:, fixed:].clamp(low[fixed:], torch.tensor(bound, device=device))
        with torch.no_grad():
            chosen = best_error.view(count, restarts).argmin(dim=1) + restarts * torch.arange(
                count, device=device
            )
            found = best[chosen]
            made = generator(found)[:, 0]
            goal = goal[::restarts]
            waveform_error = (made - goal).norm(dim=1) / goal.norm(dim=1)
            spectral_error = _spectral_error(made, goal)
    finally:
        for module, training in modes.items():
            module.training = training
    return Inversion(
        found.cpu().numpy(),
        made.cpu().numpy(),
        waveform_error.double().cpu().numpy(),
        spectral_error.double().cpu().numpy(),
        random_error.double().cpu().numpy(),
    )


def _checked(generator: SpeechNetwork, sounds: ArrayLike) -> NDArray[np.float32]:
    target = np.atleast_2d(np.asarray(sounds, np.float32))
    length = generator.spec.slice_len
    if generator.spec.role != "generator":
        raise ValueError(f"generator: expected one, got a {generator.spec.role}")
    if target.ndim != 2 or target.shape[1] != length:
        raise ValueError(f"sounds: expected (B, {length}), got {np.shape(sounds)}")
    if not np.isfinite(target).all() or not target.any(axis=1).all():
        raise ValueError("sounds: expected finite values and no silent sound")
    return target


def _beginnings(
    size: int, code: designs.OneHot | designs.Binary | ArrayLike | None, count: int, restarts: int, seed: int
) -> tuple[int, Tensor]:
    if restarts < 1:
        raise ValueError(f"restarts: expected at least 1, got {restarts}")
    seed += _OWN_SEEDS
    if code is None or isinstance(code, designs.OneHot | designs.Binary):
        return 0, torch.from_numpy(designs.random(count * restarts, size=size, code=code, seed=seed)[:])
    values = np.asarray(code, np.float32)
    if values.ndim == 2:
        values = np.repeat(values, restarts, axis=0)
    return values.shape[-1], torch.from_numpy(
        designs.random(count * restarts, size=size, code=values, seed=seed)[:]
    )


def _distance(made: Tensor, goal: Tensor) -> Tensor:
    """(B,): waveform, and logarithms of magnitudes at three resolutions."""
    total = (made - goal).square().mean(dim=1) / goal.square().mean(dim=1)
    for window in _WINDOWS:
        if window <= made.shape[1]:
            one, other = _magnitudes(made, window), _magnitudes(goal, window)
            total = total + ((one + _FLOOR).log() - (other + _FLOOR).log()).abs().mean(dim=(1, 2))
            total = total + (one - other).flatten(1).norm(dim=1) / other.flatten(1).norm(dim=1)
    return total


def _spectral_error(made: Tensor, goal: Tensor) -> Tensor:
    one, other = (_magnitudes(sounds, _WINDOWS[1]).flatten(1) for sounds in (made, goal))
    error: Tensor = (one - other).norm(dim=1) / other.norm(dim=1)
    return error


def _magnitudes(sounds: Tensor, window: int) -> Tensor:
    """(B, frequencies, frames), of a scale at which full scale is near 1."""
    shape = torch.hann_window(window, device=sounds.device)
    spectra = torch.stft(
        sounds, window, window // 4, window=shape, center=True, pad_mode="constant", return_complex=True
    )
    # The root of a sum has no gradient at silence: a floor under it does.
    power = torch.view_as_real(spectra).square().sum(dim=-1)
    return (power + 1e-10).sqrt() * (2 / window)
