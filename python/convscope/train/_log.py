"""What happened, as lines of JSON and for TensorBoard.

``log.jsonl`` has one object a line: ``{"kind": "losses", "step": 1200, ...}``, with kinds ``start``, ``losses``, ``evaluation``,
``warning``, ``checkpoint`` and ``end``. A run that goes on from step n keeps the lines up to n: each step is in it once.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LOG = "log.jsonl"


class Log:
    """Writes both; lines are on disk when a call returns.

    Parameters
    ----------
    run : folder of the run.
    step : at which it begins; later lines of an earlier process are removed.
    """

    def __init__(self, run: Path, *, step: int) -> None:
        self._path = run / LOG
        kept = [entry for entry in read_log(run) if entry["step"] <= step] if self._path.exists() else []
        made = self._path.with_suffix(".new")
        made.write_text("".join(f"{json.dumps(entry)}\n" for entry in kept))
        made.replace(self._path)
        self._file = self._path.open("a")
        self._board = _tensorboard(run, step)

    def write(self, kind: str, step: int, facts: Mapping[str, Any]) -> None:
        """One line, and the numbers in it as TensorBoard's curves."""
        entry = {"kind": kind, "step": step, "time": round(time.time(), 3), **facts}
        self._file.write(f"{json.dumps(_finite(entry), allow_nan=False)}\n")
        self._file.flush()
        if self._board is not None:
            for name, value in facts.items():
                if isinstance(value, int | float):
                    self._board.add_scalar(f"{kind}/{name}", value, step)

    def sounds(self, step: int, sounds: Any, sample_rate_hz: int) -> None:
        """Waveforms (B, L), for TensorBoard only."""
        if self._board is not None:
            for row, sound in enumerate(sounds):
                self._board.add_audio(f"preview/{row}", sound, step, sample_rate_hz)

    def close(self) -> None:
        """Write what is left."""
        self._file.close()
        if self._board is not None:
            self._board.close()


def read_log(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's log; one that was cut off when a process was killed is left out."""
    entries = []
    for line in (run / LOG).read_text().splitlines():
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return entries


def _tensorboard(run: Path, step: int) -> SummaryWriter | None:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(run / "tensorboard"), purge_step=step + 1)


def _finite(value: Any) -> Any:
    """NaN and infinity have no JSON: their names."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
