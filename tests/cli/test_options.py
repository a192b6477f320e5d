"""Options that several commands share reach `Probe` as it documents them."""

from __future__ import annotations

from convscope.cli._options import At, Memory, Reduce, probe_options


def test_choices_become_plain_strings_and_numbers_stay():
    found = probe_options(reduce=Reduce.rms, at=At.pre, memory=Memory.low, chunk=3, num_threads=None)
    assert found == {"reduce": "rms", "at": "pre", "memory": "low", "chunk": 3, "num_threads": None}
    assert {type(value) for value in found.values()} == {str, int, type(None)}
