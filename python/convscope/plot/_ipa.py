"""espeak-ng's phone mnemonics as IPA, for display.

The common ones of its English voices, at their nominal value: accents realise them differently, and [aa] (ask) or
[a] so much so that they stay as they are. Labels in data stay espeak-ng's own, see `convscope.data.Phone`.
"""

from __future__ import annotations

STRESS = {"'": "\N{MODIFIER LETTER VERTICAL LINE}", ",": "\N{MODIFIER LETTER LOW VERTICAL LINE}"}

# The table stays a table: a formatter would give each phone its own line.
# fmt: off
IPA = {
    # Vowels.
    "i:": "iː", "I": "ɪ", "I2": "ɪ", "E": "ɛ", "V": "ʌ", "U": "ʊ", "u:": "uː", "0": "ɒ", "O:": "ɔː", "A:": "ɑː",
    "A@": "ɑː", "3": "ɚ", "3:": "ɜː", "@": "ə", "@2": "ə", "a#": "ɐ",
    # Diphthongs.
    "aI": "aɪ", "eI": "eɪ", "OI": "ɔɪ", "aU": "aʊ", "oU": "oʊ", "i@": "ɪə", "i@3": "ɪə", "e@": "ɛə", "U@": "ʊə",
    # Consonants.
    "r": "ɹ", "t#": "ɾ", "S": "ʃ", "Z": "ʒ", "T": "θ", "D": "ð", "N": "ŋ", "tS": "tʃ", "dZ": "dʒ",
}
# fmt: on


def ipa(label: str) -> str:
    """`'i:` as ˈiː; what is not in the table as it is."""
    stress, phone = (label[0], label[1:]) if label[:1] in STRESS else ("", label)
    return STRESS.get(stress, "") + IPA.get(phone, phone)
