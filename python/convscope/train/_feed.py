"""What each step works on, made one step ahead by a thread: reading sounds costs the training nothing."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import torch
from torch import Tensor

from ..data import Slices
from ._draws import Draws, Purpose
from ._parallel import rank, world_size
from ._state import State
from ._steps import CriticInputs, GeneratorInputs

_AHEAD = 2  # steps
Inputs = TypeVar("Inputs", CriticInputs, GeneratorInputs)


@dataclass(frozen=True, slots=True)
class StepInputs:
    """Of one update of the generator and those of the critic that precede it."""

    critic: tuple[CriticInputs, ...]
    generator: GeneratorInputs


class Feed:
    """Makes the inputs of any step, all functions of the seed and its number.

    Parameters
    ----------
    state : whose networks and configuration they are for.
    slices : the training set.
    """

    def __init__(self, state: State, slices: Slices) -> None:
        config = state.config
        self._state, self._slices = state, slices
        self.draws = Draws(
            config.run.seed,
            config.run.batch_size,
            len(slices),
            state.generator.spec.in_channels,
            config.latent_code,
        )

    def step(self, step: int) -> StepInputs:
        """For the step after ``step`` of them; this process's rows."""
        updates = self._state.config.loss.critic_updates
        return StepInputs(
            tuple(self._mine(self._critic(step * updates + i)) for i in range(updates)),
            self._mine(self._generator(step)),
        )

    def steps(self, first: int) -> Generator[StepInputs, None, None]:
        """Of ``first`` and all that follow, made ahead."""
        made: queue.Queue[StepInputs | BaseException] = queue.Queue(_AHEAD)
        stopped = threading.Event()

        def make() -> None:
            step = first
            while not stopped.is_set():
                try:
                    inputs: StepInputs | BaseException = self.step(step)
                except BaseException as error:
                    inputs = error
                while not stopped.is_set():
                    try:
                        made.put(inputs, timeout=0.1)
                        break
                    except queue.Full:
                        continue
                if isinstance(inputs, BaseException):
                    return
                step += 1

        thread = threading.Thread(target=make, name="convscope feed", daemon=True)
        thread.start()
        try:
            while True:
                inputs = made.get()
                if isinstance(inputs, BaseException):
                    raise inputs
                yield inputs
        finally:
            stopped.set()
            thread.join()

    def _critic(self, update: int) -> CriticInputs:
        draws, shuffles = self.draws, self._state.critic.shuffles
        sounds = self._slices.read(draws.rows(update), draws.starts(update))  # (B, L)
        return CriticInputs(
            torch.from_numpy(sounds)[:, None],
            draws.latents(Purpose.CRITIC, update),
            draws.mix(update),
            draws.shifts(Purpose.REAL_SHIFTS, update, shuffles),
            draws.shifts(Purpose.GENERATED_SHIFTS, update, shuffles),
            draws.shifts(Purpose.MIXED_SHIFTS, update, shuffles),
        )

    def _generator(self, step: int) -> GeneratorInputs:
        draws, q = self.draws, self._state.q
        return GeneratorInputs(
            draws.latents(Purpose.GENERATOR, step),
            draws.latents(Purpose.Q_NETWORK, step),
            draws.shifts(Purpose.GENERATOR_SHIFTS, step, self._state.critic.shuffles),
            draws.shifts(Purpose.Q_SHIFTS, step, q.shuffles if q is not None else ()),
        )

    def _mine(self, inputs: Inputs) -> Inputs:
        """The rows of this process, on its device; shifts stay on the host."""
        device = torch.device(self._state.config.run.device)
        size = self._state.config.run.batch_size // world_size()
        rows = slice(rank() * size, (rank() + 1) * size)

        def moved(name: str, values: Tensor) -> Tensor:
            if name.endswith("shifts"):
                return values[:, rows]
            values = values[rows]
            if device.type == "cpu":
                return values
            return values.pin_memory().to(device, non_blocking=True)

        return replace(
            inputs, **{each.name: moved(each.name, getattr(inputs, each.name)) for each in fields(inputs)}
        )
