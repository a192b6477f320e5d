"""This package, as a user calls it."""

from __future__ import annotations

from typing import Literal

from ..models import SpeechNetwork
from ..probe import Probe
from ._case import Case
from ._engines import Run


def auto(network: SpeechNetwork, case: Case) -> Run:
    """Whatever the planner chooses."""
    return _probe(network, case, "auto")


def direct(network: SpeechNetwork, case: Case) -> Run:
    """The direct form, on every layer."""
    return _probe(network, case, "direct")


def _probe(network: SpeechNetwork, case: Case, algorithm: Literal["auto", "direct"]) -> Run:
    probe = Probe(network, case.layers, num_threads=case.threads, algorithm=algorithm)
    return lambda x: dict(probe.run(x))
