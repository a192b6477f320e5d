"""What a run shows while it goes: a live table on a terminal, lines elsewhere, and files to listen to and look at."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ._console import note

if TYPE_CHECKING:
    from ..train import Config, Look, Losses

_LINE_EVERY_S = 10.0  # without a terminal
_NAMES = {
    "critic_loss": "critic loss",
    "wasserstein": "Wasserstein estimate",
    "penalty": "gradient penalty",
    "generator_loss": "generator loss",
    "q_loss": "Q loss",
    "q_accuracy": "Q on generated",
}


class Display:
    """Losses, speed, time left, and how Q does on withheld sounds."""

    def __init__(self, config: Config, step: int) -> None:
        self._config, self._first = config, step
        self._live: Any = None
        self._last_line_s = -float("inf")
        self._losses: Losses | None = None
        self._look: Look | None = None
        self._saved: int | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def losses(self, losses: Losses) -> None:
        """A new row, or every ten seconds a line."""
        self._losses = losses
        if self._live is not None:
            self._refresh()
        elif time.monotonic() - self._last_line_s >= _LINE_EVERY_S:
            self._last_line_s = time.monotonic()
            note(", ".join(f"{name} {value}" for name, value in self._rows()))

    def look(self, look: Look) -> None:
        """What the evaluation says, and warnings of a collapse."""
        self._look = look
        for warning in look.health.warnings:
            note(f"step {look.step}: {warning}")
        if self._live is not None:
            self._refresh()
        elif look.evaluation is not None:
            note(f"step {look.step}: {_accuracy(look)}")

    def saved(self, step: int, folder: Path) -> None:
        """Where the last checkpoint is."""
        self._saved = step

    def _rows(self) -> list[tuple[str, str]]:
        losses, steps = self._losses, self._config.run.steps
        if losses is None:
            return []
        rows = [("step", f"{losses.step}{f' of {steps}' if steps else ''}")]
        rows += [(_NAMES.get(name, name), f"{value:.4g}") for name, value in losses.values.items()]
        rows.append(("steps/s", f"{losses.steps_per_second:.3g}"))
        if losses.seconds_left is not None:
            rows.append(("left", _duration(losses.seconds_left)))
        return rows

    def _refresh(self) -> None:
        from rich.table import Table

        table = Table(box=None, show_header=False, title=self._config.name, title_justify="left")
        table.add_column()
        table.add_column(justify="right")
        for row in self._rows():
            table.add_row(*row)
        if self._look is not None and self._look.evaluation is not None:
            table.add_row("Q on withheld", _accuracy(self._look))
        if self._saved is not None:
            table.add_row("last checkpoint", f"step {self._saved}")
        self._live.update(table, refresh=True)


class Previews:
    """Sounds of the same latent vectors as WAV, their spectrograms and the confusion of codes and words as PNG."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def losses(self, losses: Losses) -> None:
        """Nothing to draw."""

    def look(self, look: Look) -> None:
        """Three files, named by the step."""
        import numpy as np

        from ..data import write_sound
        from ..plot import plot_confusion, plot_sounds

        self._folder.mkdir(parents=True, exist_ok=True)
        stem = self._folder / f"step-{look.step:08d}"
        sounds = look.previews[:, 0]
        rate_hz = look.sample_rate_hz
        row = np.concatenate([np.pad(sound, (0, rate_hz // 4)) for sound in sounds])
        write_sound(stem.with_suffix(".wav"), row, rate_hz, clip=True)
        plot_sounds(
            sounds,
            rate_hz,
            title=f"step {look.step}: sounds of eight latent vectors",
            save=stem.with_suffix(".png"),
        )
        found = look.evaluation
        if found is not None and len(found.codes) <= 64:
            plot_confusion(
                found.counts,
                found.words,
                found.codes,
                assigned=found.assigned,
                title=f"step {look.step}: {found.accuracy:.0%} right",
                save=stem.with_name(f"{stem.name}-codes.png"),
            )

    def saved(self, step: int, folder: Path) -> None:
        """Nothing to draw."""


def _accuracy(look: Look) -> str:
    found = look.evaluation
    assert found is not None
    return f"{found.accuracy:.1%} of withheld sounds named rightly (by chance {found.chance:.1%})"


def _duration(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    return f"{hours:.1f} h" if hours >= 1 else f"{minutes:.0f} min" if minutes >= 1 else f"{seconds:.0f} s"
