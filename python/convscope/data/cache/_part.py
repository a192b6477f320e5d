"""Which items are withheld from training: a question of their name, not of their neighbours."""

from __future__ import annotations

import hashlib

_DRAWS = 2**64


def is_withheld(name: str, *, fraction: float, seed: int) -> bool:
    """Return whether an item of this name belongs to the withheld part.

    A hash of seed and name is compared with the fraction. So other items never change an item's fate, and a
    larger fraction withholds all that a smaller one does.

    Parameters
    ----------
    name : str
        The item's name.
    fraction : float
        Of all items, how many are withheld on average, 0 to 1.
    seed : int
        Another seed withholds others.

    Examples
    --------
    >>> sum(is_withheld(f"{i}.wav", fraction=0.2, seed=0) for i in range(10_000)) / 10_000
    0.1981
    """
    # "surrogateescape": names of files need not be UTF-8.
    text = f"{seed}\0{name}".encode(errors="surrogateescape")
    draw = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
    return draw < round(fraction * _DRAWS)
