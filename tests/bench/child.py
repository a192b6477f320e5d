"""Checks engines in a process of its own: JAX, once imported, warns of every fork, and other tests fork.

stdin: [[case, engines], ...] as JSON; stdout: for each case what `measure` says of each engine, and for the last case whether a
second run left the arrays of the first alone.
"""

from __future__ import annotations

import json
import os
import sys

import numpy as np

from convscope.bench import ENGINES, Case
from convscope.bench._measure import measure


def is_fresh(name, case):
    run = ENGINES[name].make(case.network(), case)
    first = run(case.inputs())
    kept = {layer: values.copy() for layer, values in first.items()}
    run(-case.inputs())
    return all(np.array_equal(first[layer], kept[layer]) for layer in kept)


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    task = [(Case(**settings), names) for settings, names in json.load(sys.stdin)]
    rows = [measure(case, names, repeats=0).rows for case, names in task]
    case, names = task[-1]
    found = {
        "rows": [[[row.status, row.message, row.worst_error] for row in each] for each in rows],
        "fresh": [name for name in names if is_fresh(name, case)],
    }
    json.dump(found, answers)
    answers.close()


if __name__ == "__main__":
    main()
