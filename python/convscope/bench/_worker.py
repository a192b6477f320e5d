"""The process that measures: a task as JSON on stdin, one JSON message per line on stdout.

    {"tell": [what, who]}    before anything is done, so that the parent knows who it was when the process dies
    {"answer": ...}          at the end

Whatever libraries print goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def main() -> None:
    """Read a task, do it, answer."""
    task = json.load(sys.stdin)
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)

        def send(message: dict[str, Any]) -> None:
            answers.write(json.dumps(message) + "\n")
            answers.flush()

        # Before any library that counts processors is imported.
        from ._machine import limit_processors

        limit_processors(task["case"]["threads"])
        send({"answer": _answer(task, lambda what, who: send({"tell": [what, who]}))})


def _answer(task: dict[str, Any], tell: Any) -> Any:
    from ._case import Case
    from ._measure import measure, measure_memory

    case = Case(**task["case"])
    if task["do"] == "memory":
        tell("measuring memory", task["engines"][0])
        memory = measure_memory(case, task["engines"][0])
        return None if memory is None else memory.to_dict()
    return measure(case, task["engines"], task["repeats"], tell).to_dict()


if __name__ == "__main__":
    main()
