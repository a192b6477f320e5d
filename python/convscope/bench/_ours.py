"""This package, as a user calls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..models import SpeechNetwork
from ..probe import Plan, Probe
from ._case import Case
from ._engines import Arrays


@dataclass(frozen=True, slots=True)
class Ours:
    """A `Run` that tells its plan."""

    probe: Probe

    def __call__(self, x: np.ndarray) -> Arrays:
        return dict(self.probe.run(x))

    @property
    def plan(self) -> Plan:
        """What is computed, from which its `Floor` follows."""
        return self.probe.plan


def auto(network: SpeechNetwork, case: Case) -> Ours:
    """Whatever the planner chooses."""
    return _ours(network, case, "auto")


def direct(network: SpeechNetwork, case: Case) -> Ours:
    """The direct form, on every layer."""
    return _ours(network, case, "direct")


def _ours(network: SpeechNetwork, case: Case, algorithm: Literal["auto", "direct"]) -> Ours:
    return Ours(Probe(network, case.layers, num_threads=case.threads, algorithm=algorithm))
