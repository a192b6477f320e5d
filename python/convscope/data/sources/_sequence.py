"""How words of TIMIT begin: with a voiceless stop and a vowel, maybe behind [s] (Beguš 2020, Frontiers in Artificial Intelligence)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from convscope.data.sources._item import Segment

Beginning = Literal["TV", "sTV"]

# TIMIT's phone codes; a stop's closure is a phone of its own.
CLOSURES = frozenset(("pcl", "tcl", "kcl"))
STOPS = frozenset(("p", "t", "k"))
VOWELS = frozenset(
    (
        "iy",
        "ih",
        "eh",
        "ey",
        "ae",
        "aa",
        "aw",
        "ay",
        "ah",
        "ao",
        "oy",
        "ow",
        "uh",
        "uw",
        "ux",
        "er",
        "ax",
        "ix",
        "axr",
        "ax-h",
    )
)


def sequence_of(word: Segment, phones: Sequence[Segment]) -> Segment | None:
    """Return the word's beginning, from its start to the vowel's end, labelled "TV" or "sTV"; None if it begins otherwise."""
    inside = [phone for phone in phones if word.start_s <= phone.start_s < word.end_s]
    label = "TV"
    if inside and inside[0].label == "s":
        label, inside = "sTV", inside[1:]
    if inside and inside[0].label in CLOSURES:
        inside = inside[1:]
    if len(inside) < 2 or inside[0].label not in STOPS or inside[1].label not in VOWELS:
        return None
    return Segment(label, word.start_s, min(inside[1].end_s, word.end_s))


def check_sequences(sequences: tuple[str, ...] | None) -> None:
    """Raise ValueError for what is no tuple of known sequences."""
    known = get_args(Beginning)
    if sequences is not None and (
        not isinstance(sequences, tuple) or not set(sequences) <= set(known) or not sequences
    ):
        raise ValueError(
            f"Timit: expected sequences as a tuple of {' and '.join(known)}, or None, got {sequences!r}"
        )
