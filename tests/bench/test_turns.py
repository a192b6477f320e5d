"""Taking turns: the order is balanced, and everybody waits before a turn."""

from __future__ import annotations

import time
from collections import Counter
from itertools import pairwise

import pytest

from convscope.bench._turns import MOST_CALLS, Turns, call_count, order


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 13])
def test_over_a_whole_square_each_follows_each_other_equally_often(count):
    rounds = [order(count, i) for i in range(count * (1 + count % 2))]
    assert all(sorted(turns) == list(range(count)) for turns in rounds)
    followed = Counter(pair for turns in rounds for pair in pairwise(turns))
    assert len(followed) == count * (count - 1)
    assert len(set(followed.values())) <= 1
    assert len(set(Counter(turns[0] for turns in rounds).values())) == 1


def test_in_a_few_rounds_no_engine_has_only_one_predecessor():
    rounds = [order(13, i) for i in range(7)]
    before = {i: set() for i in range(13)}
    for turns in rounds:
        for first, second in pairwise(turns):
            before[second].add(first)
    assert min(map(len, before.values())) >= 4


@pytest.mark.parametrize(("seconds", "calls"), [(1.0, 1), (0.2, 1), (0.05, 4), (0.0, MOST_CALLS)])
def test_a_turn_is_filled_with_calls(seconds, calls):
    assert call_count(seconds, 0.2) == calls


def test_times_are_those_of_a_call_after_a_pause():
    starts, calls = [], {"slow": 2, "fast": 1}
    turns = Turns({"slow": lambda: time.sleep(0.01), "fast": lambda: None}, pause_s=0.02)
    begun_s = time.perf_counter()
    for i in range(2):
        turns.take(i, calls, starts.append)
    assert time.perf_counter() - begun_s >= 4 * 0.02 + 4 * 0.01
    assert sorted(starts) == ["fast", "fast", "slow", "slow"]
    assert len(turns.times_s["slow"]) == 2
    assert all(t >= 0.01 for t in turns.times_s["slow"])
    assert max(turns.processor_s["slow"]) < 0.01
    assert all(t < 0.01 for t in turns.times_s["fast"])
