"""The model as mgcv writes it."""

from __future__ import annotations

import re
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


def formula(names: Names, *, k: int, k_token: int, groups: int = 2) -> str:
    """For `mgcv::bam`; ``names.ordered`` is an ordered factor with treatment contrasts. One group alone is no term."""
    time = _in_r(names.time)
    terms = [f"s({time}, k={k})"]
    if names.group is not None and groups > 1:
        terms = [_in_r(names.group), *terms, f"s({time}, by={_in_r(names.ordered)}, k={k})"]
    terms.append(f's({time}, {_in_r(names.token)}, bs="fs", m=1, k={k_token})')
    if names.speaker is not None:
        terms.append(f's({_in_r(names.speaker)}, bs="re")')
    return f"{_in_r(names.value)} ~ {' + '.join(terms)}"


def _in_r(name: str) -> str:
    """A name that is none in R goes in backticks."""
    is_plain = re.fullmatch(r"[A-Za-z.][A-Za-z0-9._]*", name) and not re.match(r"\.\d", name)
    return name if is_plain else f"`{name}`"
