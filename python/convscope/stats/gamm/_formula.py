"""The model as mgcv writes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """Columns by role."""

    value: str
    time: str
    group: str | None
    token: str
    speaker: str | None

    @property
    def ordered(self) -> str:
        """The group as an ordered factor, whose smooths are differences from the first level's."""
        return f"{self.group}O"

    def parametric_terms(self, groups: tuple[str, ...]) -> list[str]:
        """As mgcv calls levels."""
        return ["(Intercept)", *(f"{self.group}{name}" for name in groups[1:])]

    def smooth_terms(self, groups: tuple[str, ...]) -> list[str]:
        """As mgcv calls curves: the reference's, the others' differences, speakers, tokens."""
        differences = [f"s({self.time}):{self.ordered}{name}" for name in groups[1:]]
        speakers = [] if self.speaker is None else [f"s({self.speaker})"]
        return [f"s({self.time})", *differences, *speakers, f"s({self.time},{self.token})"]


def formula(names: Names, *, k: int, k_token: int) -> str:
    """For `mgcv::bam`; ``names.ordered`` is an ordered factor with treatment contrasts."""
    time = names.time
    terms = [f"s({time}, k={k})"]
    if names.group is not None:
        terms = [names.group, *terms, f"s({time}, by={names.ordered}, k={k})"]
    terms.append(f's({time}, {names.token}, bs="fs", m=1, k={k_token})')
    if names.speaker is not None:
        terms.append(f's({names.speaker}, bs="re")')
    return f"{names.value} ~ {' + '.join(terms)}"
