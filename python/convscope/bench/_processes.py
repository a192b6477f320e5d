"""Measuring in processes of their own: each has its number of threads from the start, and may die alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from ._case import Case
from ._engines import ENGINES, Engine
from ._machine import environment
from ._measure import Tell
from ._results import Memory, Result, Row

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Died(Exception):
    """A process ended without an answer: who was at work, and what is known of the reason."""

    engine: str | None
    reason: str


def compare(
    case: Case, engines: Sequence[str], repeats: int, tell: Tell, excused: Mapping[str, Row] | None = None
) -> Result:
    """Measure a case; an engine that brings its process down is noted as failed, and the others start again.

    ``excused`` has the rows of those that are not to be run. All have failed if the process dies while none of them is at work.
    """
    lost = dict(excused or {})
    for name in engines:
        missing = ENGINES[name].missing
        if missing:
            lost[name] = Row(name, "not installed", f"pip install {' '.join(missing)}")
    while True:
        present = [name for name in engines if name not in lost]
        if not present:
            return Result(case, case.layers, case.flops, tuple(lost[name] for name in engines), ())
        try:
            answer = _ask(_task("compare", case, present, repeats), tell)
        except Died as death:
            guilty = [death.engine] if death.engine in present else present
            lost |= {name: Row(name, "failed", f"its process died: {death.reason}") for name in guilty}
            continue
        result = Result.from_dict(answer)
        found = {row.engine: row for row in result.rows} | lost
        return replace(result, rows=tuple(found[name] for name in engines))


def memory_of(case: Case, engine: str, tell: Tell) -> Memory | None:
    """What one engine needs; None where the system does not tell, or the engine's process dies."""
    try:
        answer = _ask(_task("memory", case, [engine], 0), tell)
    except Died:
        return None
    return None if answer is None else Memory(**answer)


def _task(do: str, case: Case, engines: Sequence[str], repeats: int) -> dict[str, Any]:
    return {"do": do, "case": case.to_dict(), "engines": list(engines), "repeats": repeats}


def _ask(task: dict[str, Any], tell: Tell) -> Any:
    paths = [str(_PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    inherited = {**os.environ, **environment(task["case"]["threads"]), "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", f"{__package__}._worker"]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=inherited
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(task))
            process.stdin.close()
            engine = None
            for line in process.stdout:
                message = json.loads(line)
                if "answer" in message:
                    process.wait()
                    return message["answer"]
                what, who = message["tell"]
                engine = who
                tell(what, who)
            raise Died(engine, _reason(process.wait(), errors))
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _reason(code: int, errors: IO[str]) -> str:
    """The signal, or the last line on stderr."""
    if code < 0:
        return f"signal {signal.Signals(-code).name}" + (
            " (out of memory?)" if code == -signal.SIGKILL else ""
        )
    errors.seek(0)
    lines = [line.strip() for line in errors if line.strip()]
    return lines[-1][:200] if lines else f"exit code {code}"


def known(names: Sequence[str] | None) -> list[Engine]:
    """The engines of these names, in the order of the tables; all for None."""
    chosen = list(ENGINES) if names is None else list(names)
    unknown = [name for name in chosen if name not in ENGINES]
    if unknown:
        raise ValueError(f"engines: expected some of {', '.join(ENGINES)}, got {', '.join(unknown)}")
    return [engine for name, engine in ENGINES.items() if name in chosen]
