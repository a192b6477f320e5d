"""The loop around the steps: it counts, looks, saves and stops."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data import Slices
from ._checkpoints import Best, best_checkpoint, note_best, prune, save_checkpoint
from ._config import ConfigError
from ._draws import Purpose
from ._evaluate import Evaluation, evaluate
from ._feed import Feed, StepInputs
from ._health import Health, examine
from ._interrupt import Interrupt
from ._log import Log
from ._memory import kept_memory
from ._parallel import any_process, rank, world_size
from ._state import State
from ._steps import Report, critic_step, generator_step

PREVIEWS = 8  # sounds, of the same latent vectors at every look
_EXAMINED = 64
_BATCH = 64  # of withheld sounds


class TrainingError(RuntimeError):
    """A run that cannot go on; the message says since when and what is left."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Means over the steps since the last ones."""

    step: int
    values: dict[str, float]
    steps_per_second: float
    seconds_left: float | None  # until the limit of steps or hours; None without one


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A closer look at the networks."""

    step: int
    previews: NDArray[np.float32]  # (8, C, L), of the same latent vectors every time
    sample_rate_hz: int
    health: Health
    evaluation: Evaluation | None  # where there are codes and withheld sounds with labels


class Observer(Protocol):
    """Is told what happens, between two steps."""

    def losses(self, losses: Losses) -> None:
        """Every ``log_every`` steps."""

    def look(self, look: Look) -> None:
        """Every ``evaluate_every`` steps and at the end."""

    def saved(self, step: int, folder: Path) -> None:
        """After every checkpoint."""


@dataclass(frozen=True, slots=True, eq=False)
class Withheld:
    """Sounds that training never sees, and what they are."""

    slices: Slices
    labels: tuple[str, ...]


def train(
    state: State,
    slices: Slices,
    run: Path,
    *,
    withheld: Withheld | None = None,
    observers: Sequence[Observer] = (),
) -> str:
    """Train from the state as it is to the limit of steps or hours, or until Ctrl-C or SIGTERM, and save; returns why it ended.

    Killed at any moment and begun again with the last checkpoint, it ends in the same weights, bit for bit on the same processor with
    as many threads.

    Parameters
    ----------
    state : a new one, or one that was loaded; it is changed.
    slices : the training set.
    run : the folder for log and checkpoints.
    withheld : for the comparison of codes and labels.
    observers : told what happens, besides the log; of several processes' losses, those of the first one's rows.

    Raises
    ------
    TrainingError
        if a loss is not finite.
    """
    settings = state.config.run
    if settings.batch_size % world_size():
        raise ConfigError(
            f"run.batch_size: expected a multiple of {world_size()} processes, got {settings.batch_size}"
        )
    feed = Feed(state, slices)
    watch = _Watch(state, feed, run, withheld, observers) if rank() == 0 else None
    clock = _Clock(state)
    reports: list[Report] = []
    ended = f"all {settings.steps} steps are done"
    inputs = feed.steps(state.step)
    with Interrupt() as interrupt, kept_memory(), _threads(settings.threads):
        try:
            while not settings.steps or state.step < settings.steps:
                reports.append(_step(state, next(inputs)))
                is_time = state.step % settings.log_every == 0 or state.step == settings.steps
                if is_time and watch is not None:
                    watch.losses(reports, clock)
                if is_time:
                    reports = []
                if watch is not None and state.step % settings.evaluate_every == 0:
                    watch.look()
                if watch is not None and state.step % settings.save_every == 0:
                    watch.save()
                # Processes ask each other now and then only; alone it costs nothing.
                if world_size() == 1 or is_time:
                    if any_process(interrupt.happened, settings.device):
                        ended = "it was interrupted"
                        break
                    if any_process(clock.is_over, settings.device):
                        ended = f"{settings.hours:g} hours are over"
                        break
            if watch is not None:
                watch.end(ended)
        finally:
            inputs.close()
            if watch is not None:
                watch.close()
    return ended


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """So many of the processor's inside the block, as many as before after it; 0 changes nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _step(state: State, inputs: StepInputs) -> Report:
    """All updates of one step; the critic's report is that of its last."""
    config = state.config
    device = torch.device(config.run.device)
    report: Report = {}
    with torch.autocast(device.type, torch.bfloat16, enabled=config.run.precision == "bfloat16"):
        for critic_inputs in inputs.critic:
            report = critic_step(state, critic_inputs)
        report |= generator_step(state, inputs.generator)
    state.step += 1
    return report


class _Watch:
    """Looks at a run, and tells the log and the observers."""

    def __init__(
        self, state: State, feed: Feed, run: Path, withheld: Withheld | None, observers: Sequence[Observer]
    ) -> None:
        self._state, self._run, self._withheld, self._observers = state, run, withheld, observers
        self._latents = feed.draws.latents(Purpose.PREVIEW, 0, count=_EXAMINED).to(state.config.run.device)
        self._log = Log(run, step=state.step)
        self._log.write(
            "start",
            state.step,
            {"torch": torch.__version__, "threads": state.config.run.threads or torch.get_num_threads()},
        )
        self._looked = self._saved = -1
        self._accuracy: float | None = None  # at the last look

    def losses(self, reports: Sequence[Report], clock: _Clock) -> None:
        state = self._state
        values = {name: _mean(report[name] for report in reports) for name in reports[-1]}
        losses = Losses(state.step, values, clock.rate(), clock.seconds_left())
        self._log.write("losses", state.step, values | {"steps_per_second": losses.steps_per_second})
        for observer in self._observers:
            observer.losses(losses)
        broken = [name for name, value in values.items() if not math.isfinite(value)]
        if broken:
            since = state.step - len(reports) + 1
            message = f"{broken[0]} is not finite somewhere in steps {since} to {state.step}"
            self._log.write("end", state.step, {"why": message})
            raise TrainingError(f"{message}; {self._run} has the checkpoints from before")

    def look(self) -> None:
        state = self._state
        health, sounds = examine(state.generator, self._latents)
        evaluation = self._evaluation()
        previews = sounds[:PREVIEWS].float().cpu().numpy()
        look = Look(state.step, previews, state.generator.spec.sample_rate_hz, health, evaluation)
        self._looked = state.step
        facts = asdict(health)
        if evaluation is not None:
            self._accuracy = evaluation.accuracy
            facts |= {
                "accuracy": evaluation.accuracy,
                "purity": evaluation.purity,
                "chance": evaluation.chance,
                "words": list(evaluation.words),
                "codes": list(evaluation.codes),
                "counts": evaluation.counts.tolist(),
            }
        self._log.write("evaluation", state.step, facts)
        for warning in health.warnings:
            self._log.write("warning", state.step, {"what": warning})
        self._log.sounds(state.step, previews[:, 0], look.sample_rate_hz)
        for observer in self._observers:
            observer.look(look)

    def save(self) -> None:
        state = self._state
        if state.config.code.kind != "none" and self._withheld is not None and self._looked != state.step:
            self.look()  # so that the best checkpoint is known to be the best
        folder = save_checkpoint(state, self._run)
        best = best_checkpoint(self._run)
        if self._accuracy is not None and (best is None or self._accuracy > best.accuracy):
            note_best(self._run, Best(state.step, self._accuracy))
        prune(self._run, state.config.run.keep)
        self._saved = state.step
        self._log.write("checkpoint", state.step, {"folder": folder.name})
        for observer in self._observers:
            observer.saved(state.step, folder)

    def end(self, why: str) -> None:
        step = self._state.step
        if self._looked != step:
            self.look()
        if self._saved != step:
            self.save()
        self._log.write("end", step, {"why": why})

    def close(self) -> None:
        self._log.close()

    @torch.no_grad()
    def _evaluation(self) -> Evaluation | None:
        q, withheld = self._state.q, self._withheld
        if q is None or withheld is None:
            return None
        q.eval()
        slices, device = withheld.slices, self._state.config.run.device
        logits = [
            q(torch.from_numpy(slices.read(rows, np.zeros((len(rows), 2)))).to(device)).float().cpu()
            for rows in np.array_split(np.arange(len(slices)), math.ceil(len(slices) / _BATCH))
        ]
        q.train()
        return evaluate(torch.cat(logits).numpy(), withheld.labels, kind=self._state.config.code.kind)


class _Clock:
    """Speed since the last look, and the time that is left."""

    def __init__(self, state: State) -> None:
        self._state, self._settings = state, state.config.run
        self._start_s = self._last_s = time.monotonic()
        self._last_step = self._first_step = state.step

    @property
    def is_over(self) -> bool:
        """Whether the hours are."""
        return bool(self._settings.hours) and self._elapsed_s() >= 3600 * self._settings.hours

    def rate(self) -> float:
        """Steps a second since it was asked last."""
        now_s, step = time.monotonic(), self._state.step
        rate = (step - self._last_step) / max(now_s - self._last_s, 1e-9)
        self._last_s, self._last_step = now_s, step
        return rate

    def seconds_left(self) -> float | None:
        """At the speed since the beginning; None without a limit."""
        left = []
        made = self._state.step - self._first_step
        if self._settings.steps and made:
            left.append((self._settings.steps - self._state.step) * self._elapsed_s() / made)
        if self._settings.hours:
            left.append(3600 * self._settings.hours - self._elapsed_s())
        return max(0.0, min(left)) if left else None

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._start_s


def _mean(values: Iterable[Tensor]) -> float:
    return float(torch.stack([value.float() for value in values]).mean())
