"""The English voices of espeak-ng 1.52 for synthetic words: eight accents, each plain and in 42 variants.

A fixed list, not what an installation happens to hold, because the draws of a seed depend on it.
"""

from __future__ import annotations

# The tables stay tables: a formatter would give each name its own line.
# fmt: off

# The library lists "en-gb" too but cannot select it ("en" is that voice); "en-shaw" reads Shavian.
ACCENTS = (
    "en", "en-us", "en-us-nyc", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029",
)

# Of the 104 variants, without those that echo, which smears a phone over the next, clip, whisper, creak, play
# a robot, or speak so slowly that a word leaves its slice.
VARIANTS = (
    "", "+Alex", "+Annie", "+Denis", "+Diogo", "+Henrique", "+Hugo", "+Mario", "+Michael", "+Mike", "+Nguyen",
    "+Reed", "+adam", "+anika", "+aunty", "+belinda", "+benjamin", "+boris", "+edward2", "+f1", "+grandma",
    "+grandpa", "+ian", "+kaukovalta", "+linda", "+m1", "+m3", "+m4", "+m5", "+m6", "+m7", "+m8", "+marcelo",
    "+max", "+michel", "+mike2", "+quincy", "+rob", "+robert", "+shelby", "+steph", "+travis", "+victor",
)
# fmt: on

VOICES = tuple(accent + variant for accent in ACCENTS for variant in VARIANTS)
