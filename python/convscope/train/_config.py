"""What a run is: one frozen record for each table of a configuration file.

The defaults are TensorFlow's WaveGAN, from which every published model differs in a few fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .. import latents
from ..models import NetworkSpec, Role, SpecError, preset

CodeKind: TypeAlias = Literal["none", "one_hot", "binary"]
LossKind: TypeAlias = Literal["wgan-gp", "wgan", "lsgan", "dcgan"]
OptimiserKind: TypeAlias = Literal["tf-adam", "tf-rmsprop", "adam", "rmsprop"]
QUpdate: TypeAlias = Literal["together", "after", "in_adam", "twice"]


class ConfigError(ValueError):
    """A configuration that cannot be; the message names the field, what was expected and what came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Of all three networks; the fields of `convscope.models.preset`. 0 and empty stand for the dialect's own."""

    dialect: str = "tf1-ciwgan"
    slice_len: int = 0  # samples; 16384 unless strides say otherwise
    strides: tuple[int, ...] = ()
    dim: int = 64
    max_channels: int = 0
    latent_dim: int = 100  # the code included
    kernel_len: int = 25
    batch_norm: bool = False
    phase_shuffle: int | None = None  # radius of discriminator and Q-network, in positions
    upsample: Literal["", "zeros", "nearest"] = ""
    post_filter_len: int = 0  # taps
    sample_rate_hz: int = 16000


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """In front of the latent vector."""

    kind: CodeKind = "none"
    size: int = 0  # entries: classes or bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Which sounds, and which part of each."""

    words: tuple[str, ...] = ()  # labels that are used; all if empty
    withheld: float = 0.2  # part of the sounds that training never sees
    tokens_per_word: int = 500  # of the synthetic words
    voices: tuple[str, ...] = ()  # of the synthetic words; all of theirs if empty
    rates_wpm: tuple[int, ...] = ()  # of the synthetic words, slowest and fastest; theirs if empty
    silence_s: float = 0.025  # on each side of a word cut from a longer recording
    sequences: tuple[str, ...] = ()  # of TIMIT, instead of words: "TV", "sTV"
    skip_most_frequent: int = 0  # words of LibriSpeech
    keep_most_frequent: int = 0  # of those that follow; 0: all
    start: Literal["first", "random"] = "first"
    jitter: float = 0.0  # a first slice starts up to this part of its length later
    pad: Literal["right", "left", "random"] = "right"
    normalise: Literal["peak", "slice", "none"] = "peak"
    label: str = "folder"  # of a folder of sounds: "folder", or a regular expression with one group


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What is minimised."""

    kind: LossKind = "wgan-gp"
    critic_updates: int = 5  # for each update of the generator
    penalty: float = 10.0  # weight of wgan-gp's gradient penalty
    clip: float = 0.01  # wgan's bound on every weight of the critic
    q_weight: float = 1.0
    q_update: QUpdate = "together"  # see `generator_step`


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimiser:
    """An update rule; Adam reads the betas, RMSProp the decay."""

    kind: OptimiserKind = "tf-adam"
    rate: float = 1e-4
    beta1: float = 0.5
    beta2: float = 0.9
    decay: float = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How long, how often, and on what."""

    seed: int = 0
    batch_size: int = 64
    steps: int = 0  # updates of the generator after which it ends; 0: never
    hours: float = 0.0  # the same, by the clock
    save_every: int = 1000  # steps
    keep: int = 3  # checkpoints, besides the best
    evaluate_every: int = 500  # steps
    log_every: int = 10  # steps, of which means are logged
    precision: Literal["float32", "bfloat16"] = "float32"
    device: str = "cpu"
    threads: int = 0  # of the processor; 0: torch's choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole run."""

    name: str = "wavegan"
    network: Network = field(default_factory=Network)
    code: Code = field(default_factory=Code)
    data: Data = field(default_factory=Data)
    loss: Loss = field(default_factory=Loss)
    critic: Optimiser | None = None  # by the loss if not given
    generator: Optimiser | None = None
    q: Optimiser = Optimiser(kind="tf-rmsprop")
    run: Run = field(default_factory=Run)

    def __post_init__(self) -> None:
        for where in ("critic", "generator"):
            if getattr(self, where) is None:
                object.__setattr__(self, where, _OPTIMISERS[self.loss.kind])
        _check(self)

    def spec(self, role: Role) -> NetworkSpec:
        """The description of one of the networks."""
        network = self.network
        is_generator = role == "generator"
        try:
            return preset(
                network.dialect,
                role=role,
                num_categories=0 if role == "discriminator" else self.code.size,
                slice_len=network.slice_len or None,
                strides=network.strides or None,
                dim=network.dim,
                max_channels=network.max_channels or None,
                latent_dim=network.latent_dim,
                kernel_len=network.kernel_len,
                batch_norm=network.batch_norm,
                phase_shuffle=None if is_generator else network.phase_shuffle,
                upsample=network.upsample or None if is_generator else None,
                post_filter_len=network.post_filter_len or None if is_generator else None,
                sample_rate_hz=network.sample_rate_hz,
            )
        except SpecError as error:
            raise ConfigError(f"network: {error}") from error

    @property
    def roles(self) -> tuple[Role, ...]:
        """Of the networks that are trained."""
        return ("generator", "discriminator", *(("q_network",) if self.code.kind != "none" else ()))

    @property
    def latent_code(self) -> latents.OneHot | latents.Binary | None:
        """What stands in front of the latent vectors."""
        match self.code.kind:
            case "one_hot":
                return latents.OneHot(self.code.size)
            case "binary":
                return latents.Binary(self.code.size)
            case "none":
                return None


# Of the original's training script, for each of its losses.
_OPTIMISERS: dict[LossKind, Optimiser] = {
    "wgan-gp": Optimiser(),
    "wgan": Optimiser(kind="tf-rmsprop", rate=5e-5),
    "lsgan": Optimiser(kind="tf-rmsprop"),
    "dcgan": Optimiser(rate=2e-4, beta1=0.5, beta2=0.999),
}


def _check(config: Config) -> None:
    code, data, loss, run = config.code, config.data, config.loss, config.run
    _require(
        (code.kind == "none") == (code.size == 0), "code.size", f"what fits kind={code.kind!r}", code.size
    )
    _require(code.size >= 0, "code.size", "at least 0", code.size)
    _require(0 <= data.withheld < 1, "data.withheld", "a part from 0 to below 1", data.withheld)
    _require(len(data.rates_wpm) in (0, 2), "data.rates_wpm", "the slowest and the fastest", data.rates_wpm)
    _require(0 <= data.jitter < 1, "data.jitter", "a part from 0 to below 1", data.jitter)
    _require(loss.critic_updates >= 1, "loss.critic_updates", "at least 1", loss.critic_updates)
    for field_name in ("batch_size", "save_every", "keep", "evaluate_every", "log_every"):
        _require(getattr(run, field_name) >= 1, f"run.{field_name}", "at least 1", getattr(run, field_name))
    for field_name in ("seed", "steps", "hours", "threads"):
        _require(getattr(run, field_name) >= 0, f"run.{field_name}", "at least 0", getattr(run, field_name))
    for role in config.roles:
        config.spec(role)


def _require(holds: bool, name: str, expected: str, got: object) -> None:
    if not holds:
        raise ConfigError(f"{name}: expected {expected}, got {got!r}")
