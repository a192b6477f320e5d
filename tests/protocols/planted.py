"""A generator built by hand, in which it is known what each latent variable does.

Its dense layer holds switches and levels, its five transposed convolutions (kernel 4, stride 4) unpack them into a waveform: a vowel from 0.128 to
0.576 s whose F0 is 109.375 Hz + 15.625 Hz times `PITCH`, rounded to a whole number from -3 to 3; a fricative from 0.64 to 0.896 s
whose amplitude is 1 + 0.4 times `FRICTION`; silence elsewhere. All other variables, the code among them, do nothing. Every channel is half of the
waveform (above or below zero), so a layer's mean is its rectified envelope, of the layer's rate.
"""

from __future__ import annotations

import numpy as np
import torch

import convscope as cs
from convscope.models import Activation, Conv, Dense, NetworkSpec, SpeechNetwork

RATE_HZ, LENGTH, POSITIONS = 16000, 16384, 16
BLOCK = LENGTH // POSITIONS  # samples of a position, and of a period that all F0s divide
SIZE, CODES, PITCH, FRICTION = 8, 2, 3, 5
STEP_HZ = RATE_HZ / BLOCK  # 15.625 Hz
LOWEST, COUNT = 7, 7  # F0s in steps: 109.375 Hz and up
VOWEL, FRICATIVE = range(2, 9), range(10, 14)  # positions
SLOPE = 0.4  # of the fricative's amplitude, per unit
RAMP = 0.02  # of PITCH, from one F0 to the next
FORMANTS_HZ, WIDTHS_HZ = (700.0, 1220.0, 2600.0), (80.0, 90.0, 120.0)


def fundamental_frequency_hz(pitch: float) -> float:
    """What PITCH plants, at whole numbers."""
    return STEP_HZ * (LOWEST + COUNT // 2 + round(float(np.clip(pitch, -3, 3))))


def amplitude_of_friction(friction: float) -> float:
    """What FRICTION plants, relative to zero."""
    return max(1 + SLOPE * friction, 0.0)


def _vowel(step: int) -> np.ndarray:
    """(BLOCK,) harmonics of one F0 with a spectrum of three formants, peak 0.4."""
    harmonics = np.arange(1, int(0.45 * RATE_HZ / (step * STEP_HZ)))
    frequency = harmonics * step * STEP_HZ
    strength = 1 / harmonics
    for centre, width in zip(FORMANTS_HZ, WIDTHS_HZ, strict=True):
        strength = strength * centre**2 / np.hypot(centre**2 - frequency**2, width * frequency)
    phase = np.outer(frequency, np.arange(BLOCK) / RATE_HZ) * 2 * np.pi
    wave = strength @ np.cos(phase)
    return 0.4 * wave / np.abs(wave).max()


def _fricative(seed: int) -> np.ndarray:
    """(BLOCK,) noise from 4 to 7 kHz, standard deviation 0.08."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(BLOCK))
    frequency = np.fft.rfftfreq(BLOCK, 1 / RATE_HZ)
    wave = np.fft.irfft(spectrum * ((frequency > 4000) & (frequency < 7000)), BLOCK)
    return 0.08 * wave / wave.std()


def generator() -> SpeechNetwork:
    """The network."""
    vowels = [_vowel(LOWEST + number) for number in range(COUNT)]
    fricatives = [_fricative(position) for position in FRICATIVE]
    # Units of the dense layer, each with what one unit of it adds to a position's waveform.
    bias, weight, adds = [], [], []

    def unit(positions, constant: float, variable: int | None, slope: float, wave: np.ndarray) -> None:
        row, start = np.zeros((POSITIONS, SIZE)), np.full(POSITIONS, -1.0)
        for position in positions:
            start[position] = constant
            if variable is not None:
                row[position, variable] = slope
        bias.append(start)
        weight.append(row)
        adds.append(wave)

    unit(VOWEL, 1.0, None, 0.0, vowels[0])
    for number in range(COUNT - 1):
        middle = number - COUNT // 2 + 0.5
        change = (vowels[number + 1] - vowels[number]) / RAMP
        unit(VOWEL, -(middle - RAMP / 2), PITCH, 1.0, change)
        unit(VOWEL, -(middle + RAMP / 2), PITCH, 1.0, -change)
    for position, wave in zip(FRICATIVE, fricatives, strict=True):
        unit([position], 1.0, FRICTION, SLOPE, wave)
    units = len(adds)
    relu = Activation("relu")
    channels = [units, 512, 128, 32, 8, 1]
    spec = NetworkSpec(
        name="planted",
        role="generator",
        layers=(
            Dense(name="fc", in_channels=SIZE, out_positions=POSITIONS, out_channels=units, activation=relu),
            *(
                Conv(
                    name=f"conv{i + 1}" if i < 4 else "out",
                    in_channels=channels[i],
                    out_channels=channels[i + 1],
                    kernel=4,
                    stride=4,
                    transposed=True,
                    activation=relu if i < 4 else Activation("identity"),
                )
                for i in range(5)
            ),
        ),
        in_length=1,
        in_channels=SIZE,
        slice_len=LENGTH,
        sample_rate_hz=RATE_HZ,
        num_categories=CODES,
    )
    weights = {
        "fc.weight": np.stack(weight, 1).reshape(-1, SIZE),  # (positions * units, SIZE)
        "fc.bias": np.stack(bias, 1).reshape(-1),
        "conv1.weight": np.zeros((units, 512, 4)),  # (in, out, phase)
        "out.weight": np.zeros((8, 1, 4)),
    }
    for number, wave in enumerate(adds):
        phases = wave.reshape(4, 256).T
        weights["conv1.weight"][number] = np.concatenate([phases, -phases])
    for name, inner in (("conv2", 64), ("conv3", 16), ("conv4", 4)):
        kernel = weights[f"{name}.weight"] = np.zeros((8 * inner, 2 * inner, 4))
        for sign, phase, channel in np.ndindex(2, 4, inner):
            kernel[(sign * 4 + phase) * inner + channel, sign * inner + channel, phase] = 1
    for phase in range(4):
        weights["out.weight"][[phase, 4 + phase], 0, phase] = 1, -1
    net = cs.models.build(spec, seed=0)
    zeros = {name: torch.zeros_like(value) for name, value in net.state_dict().items()}
    made = {name: torch.tensor(value, dtype=torch.float32) for name, value in weights.items()}
    net.load_state_dict(zeros | made)
    return net.eval()
