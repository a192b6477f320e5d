"""Every algorithm on trained weights: at most three times the error of torch in float32, both against torch in float64.

The networks are trained here, from fixed seeds: Q-networks tell vowels of a source-filter synthesiser, or spoken digits where
the recordings are present, apart; generators learn the vowels from latents by a spectral loss. Those of the ciwGAN dialect
have no batch normalisation and keep their activations in check by weights and biases alone; those of the other dialect are
normalised, and probed by running statistics that training has left.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.models.catalogue import network_of
from tests.probe.helpers import in_double, torch_maps, torch_series
from tests.probe.test_algorithms import PLANS, Case, check

import convscope as cs
from convscope import data
from convscope.models import SpeechNetwork

PLAIN, NORMALISED = ("tf1-ciwgan", {}), ("torch-atzhou8-2022", {"batch_norm": True})
DIM = 16
SLICE, SAMPLE_RATE_HZ = 16384, 16000
CLASSES = 4
BATCH = 8
PROBED = 32  # samples: with four logits each, enough to judge an error by

FORMANTS_HZ = np.array(
    [(280, 2250, 2900), (730, 1090, 2440), (310, 870, 2250), (530, 1840, 2480)]
)  # i, a, u, e
DIGITS = (0, 6, 8, 9)
SPEAKERS = ("george", "jackson", "lucas", "nicolas")


class Sounds(NamedTuple):
    """Waveforms (B, L) and the class of each (B,)."""

    waveforms: torch.Tensor
    classes: torch.Tensor


class Trained(NamedTuple):
    """A network before and after training, and what it was trained on (B, ...)."""

    initial: SpeechNetwork
    net: SpeechNetwork
    inputs: np.ndarray


# -- what is learnt -------------------------------------------------------------------------------------------------------


def vowels(count: int, seed: int) -> Sounds:
    """Pulse trains of gliding pitch through three resonators; levels over 12 dB, and every other sound ends in silence."""
    rng = np.random.default_rng(seed)
    classes = np.arange(count) % CLASSES
    time_s = np.arange(SLICE) / SAMPLE_RATE_HZ
    first_hz, last_hz = rng.uniform(100, 250, (2, count, 1))
    pitch_hz = first_hz + (last_hz - first_hz) * time_s / time_s[-1]  # (B, L)
    pulses = np.diff(np.floor(np.cumsum(pitch_hz / SAMPLE_RATE_HZ, axis=1)), axis=1, prepend=0)  # (B, L)
    delay = np.exp(-2j * np.pi * np.fft.rfftfreq(2 * SLICE))  # one sample, at every frequency
    spectra = np.fft.rfft(pulses, 2 * SLICE)  # (B, L + 1)
    tract = rng.uniform(0.9, 1.1, (count, 1))  # shorter or longer than the average
    for formant in range(3):
        centre_hz = tract * FORMANTS_HZ[classes, formant, None]
        bandwidth_hz = 60 + 0.04 * centre_hz
        pole = np.exp(np.pi * (2j * centre_hz - bandwidth_hz) / SAMPLE_RATE_HZ)  # (B, 1)
        spectra /= (1 - pole * delay) * (1 - pole.conj() * delay)
    sounds = np.fft.irfft(spectra)[:, :SLICE]  # (B, L)
    ends = SLICE * np.where(np.arange(count)[:, None] // CLASSES % 2, rng.uniform(0.5, 0.9, (count, 1)), 1)
    sounds *= np.clip((ends - np.arange(SLICE)) / 400, 0, 1)
    sounds *= 10 ** (rng.uniform(-12, 0, (count, 1)) / 20) / np.abs(sounds).max(1, keepdims=True)
    return Sounds(torch.from_numpy(sounds.astype(np.float32)), torch.from_numpy(classes))


def spoken_digits(folder, indices: range) -> Sounds:
    """A recording of each digit by each speaker, for every index."""
    names = [
        f"{digit}_{speaker}_{index}.wav" for index in indices for speaker in SPEAKERS for digit in DIGITS
    ]
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        pytest.skip(f"recordings of spoken digits are needed: {len(missing)} of {len(names)} not in {folder}")
    batch = data.load_sounds(
        [folder / name for name in names], slice_len=SLICE, sample_rate_hz=SAMPLE_RATE_HZ
    )
    return Sounds(
        torch.from_numpy(batch.waveforms), torch.tensor([DIGITS.index(int(name[0])) for name in names])
    )


# -- training -------------------------------------------------------------------------------------------------------------


def train(
    net: SpeechNetwork,
    loss_of: Callable[[torch.Tensor], torch.Tensor],
    *,
    count: int,
    steps: int,
    learning_rate: float,
) -> list[float]:
    """Adam in place, on the losses of a few of ``count`` examples at a time; returns them."""
    optimiser = torch.optim.Adam(net.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps)
    losses: list[float] = []
    net.train()
    with torch.random.fork_rng(devices=[]):  # phase shuffle draws from torch's global state
        torch.manual_seed(0)
        examples = torch.cat([torch.randperm(count) for _ in range(-(-steps * BATCH // count))])
        for rows in examples[: steps * BATCH].split(BATCH):
            optimiser.zero_grad()
            loss = loss_of(rows)
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
    net.eval()
    return losses


def trained_q_network(dialect, training: Sounds, held_out: Sounds, *, accuracy: float) -> Trained:
    name, options = dialect
    net = network_of(name, "q_network", dim=DIM, num_categories=CLASSES, **options)
    initial = copy.deepcopy(net)
    sounds, classes = training
    train(
        net,
        lambda rows: F.cross_entropy(net(sounds[rows]), classes[rows]),
        count=len(sounds),
        steps=70,
        learning_rate=2e-3,
    )
    with torch.no_grad():
        right = net(held_out.waveforms).argmax(1) == held_out.classes
    assert right.double().mean() >= accuracy, "at chance, one in four is right"
    return Trained(initial, net, sounds[:PROBED].numpy())


def trained_generator(dialect, sounds: Sounds) -> Trained:
    name, options = dialect
    net = network_of(name, "generator", dim=DIM, num_categories=CLASSES, **options)
    initial = copy.deepcopy(net)
    count = len(sounds.classes)
    noise = torch.from_numpy(np.random.default_rng(2).uniform(-1, 1, (count, net.spec.in_channels - CLASSES)))
    latents = torch.cat([F.one_hot(sounds.classes, CLASSES), noise], dim=1).float()  # (B, latent variables)
    targets = log_spectra(sounds.waveforms)
    losses = train(
        net,
        lambda rows: (log_spectra(net(latents[rows])[:, 0]) - targets[rows]).abs().mean(),
        count=count,
        steps=32,
        learning_rate=1e-3,
    )
    assert np.mean(losses[-5:]) < 0.7 * losses[0]
    return Trained(initial, net, latents[:PROBED].numpy())


def log_spectra(waveforms: torch.Tensor) -> torch.Tensor:
    """Log energies in short and long windows, side by side: (B, L) -> (B, values)."""
    spectra = [
        torch.stft(waveforms, length, length // 2, window=torch.hann_window(length), return_complex=True)
        for length in (256, 1024)
    ]
    return torch.cat([torch.log(values.abs().square() + 1e-3).flatten(1) for values in spectra], dim=1)


@pytest.fixture(scope="module", autouse=True)
def single_thread():
    """torch waits for its threads by spinning: on two busy cores, small steps take ten times as long as by one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(
    scope="module",
    params=["vowels", "spoken digits, normalised", "generator", "generator, normalised"],
)
def trained(request, single_thread) -> Trained:
    match request.param:
        case "vowels":
            return trained_q_network(PLAIN, vowels(192, seed=0), vowels(64, seed=1), accuracy=0.8)
        case "spoken digits, normalised":
            folder = request.getfixturevalue("shared_data") / "spoken_digits" / "recordings"
            training, held_out = (spoken_digits(folder, indices) for indices in (range(5, 21), range(4)))
            return trained_q_network(NORMALISED, training, held_out, accuracy=0.6)
        case "generator":
            return trained_generator(PLAIN, vowels(64, seed=0))
        case _:
            return trained_generator(NORMALISED, vowels(64, seed=0))


# -- what is measured -----------------------------------------------------------------------------------------------------


def test_training_has_left_its_marks(trained):
    """Weights have moved, biases are not zero, rectified maps are sparse, channels differ in size."""
    spread = 1.0
    with torch.no_grad():
        maps = torch_maps(trained.net, trained.inputs)
        for name, layer in trained.net.named_children():
            before = trained.initial.get_submodule(name)
            assert (layer.weight - before.weight).norm() > 0.02 * before.weight.norm(), name
            assert (layer.bias != 0).double().mean() > 0.9, name
            if layer.spec.activation.kind == "relu":
                assert 0.2 < (maps[name] == 0).double().mean() < 0.98, name
            sizes = maps[name].transpose(0, 1).flatten(1).square().mean(1).sqrt()  # (C,)
            spread = max(spread, float(sizes.max() / sizes.median()))
    assert spread > 1.15


@pytest.mark.parametrize("level", ["as in training", "another"])
def test_every_algorithm(trained, level):
    """Sounds, also with one stretch 60 dB down; latents, also with the code at five times its value in training."""
    net, x = trained.net, trained.inputs.copy()
    if level == "another":
        if net.spec.reads_latents:
            x[:, :CLASSES] *= 5
        else:
            x[:, 5000:9000] *= np.float32(1e-3)
    case = Case(net, x, "post", torch_series(in_double(net), x), torch_series(net, x))
    for plan, options in PLANS.items():
        probe = cs.Probe(net, **options)
        check(case, probe)
        used = {row.algorithm for row in probe.plan}
        assert used == ({"direct"} if plan == "direct" else {"direct", "spectral"})
