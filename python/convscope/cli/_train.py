"""`convscope train CONFIG --data DIR --out RUN`: from a folder of sounds to networks."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._console import note, progress, say
from ._errors import Misuse, misuse, reporting
from ._options import Debug

if TYPE_CHECKING:
    from ..train import Config, State

CONFIG = "config.toml"
CACHE = "sounds"
# What may differ when a run goes on: nothing that changes its course.
_FREE = {"steps", "hours", "save_every", "keep", "evaluate_every", "log_every", "device", "threads"}


def train(
    config: Annotated[
        str | None,
        typer.Argument(
            metavar="CONFIG",
            help="The name of a configuration (convscope train --list shows them) or a .toml file.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            "-d",
            metavar="WHERE",
            help="A folder of sounds, a TIMIT or LibriSpeech tree, a .csv manifest, a cache made before, or words for synthetic ones.",
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="RUN", help="Folder for checkpoints, logs, previews and the cache."
        ),
    ] = Path("run"),
    steps: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many updates of the generator in all.")
    ] = None,
    hours: Annotated[float | None, typer.Option(min=0.0, help="Stop after so many hours from now.")] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set", "-s", metavar="FIELD=VALUE", help="Change a field: run.batch_size=32. Repeat for more."
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with RUN from its last checkpoint; CONFIG and --data may be left out."
        ),
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the resolved configuration, and stop.")] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="Print the names of the configurations, and stop.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Train a WaveGAN, ciwGAN or fiwGAN.

    Ctrl-C ends a run after the step at hand and saves it; --resume goes on
    as if nothing had been, also after a crash. RUN/checkpoints/step-N:generator
    is then a network for convscope probe. Fields of the configuration are
    changed by --set, or in the environment: CONVSCOPE_TRAIN_RUN_SEED=3.

    \b
    convscope train debug --data words --out run         two minutes on two cores
    convscope train ciwgan-8words --data TIMIT --out run
    convscope train --resume --out run --steps 200000
    """
    with reporting(debug=debug):
        from ..train import ConfigError, config_names, config_text, processes, read_config

        if list_:
            for name in config_names():
                say(name)
            return
        changes = [
            *(change or ()),
            *(() if steps is None else (f"run.steps={steps}",)),
            *(() if hours is None else (f"run.hours={hours}",)),
        ]
        if resume and not (out / CONFIG).exists():
            raise Misuse(f"--resume: there is no run in {out}")
        source = config or (str(out / CONFIG) if resume else None)
        if source is None:
            raise Misuse(
                "CONFIG: expected the name of a configuration or a .toml file; --list shows the names"
            )
        with misuse(ConfigError):
            chosen = read_config(source, changes)
        if show:
            say(config_text(chosen).rstrip())
            return
        _require_extra()
        with processes(chosen.run.device):
            _run(chosen, data, out, resume=resume)


def _run(config: Config, data: str | None, out: Path, *, resume: bool) -> None:
    from ..train import (
        rank,
        sound_cache,
        train,
        training_slices,
        wait_for_others,
        withheld_sounds,
        write_config,
    )
    from ._train_display import Display, Previews

    state = _resumed(config, out) if resume else _new(config, out)
    if data is None and not (out / CACHE).exists():
        raise Misuse("--data: expected where the sounds are; words for synthetic ones")
    leads = rank() == 0
    with misuse(ValueError, FileNotFoundError, NotADirectoryError), progress("reading sounds") as step:
        if not leads:
            wait_for_others()
        cache = sound_cache(config, data or out / CACHE, out / CACHE, progress=lambda done: step(done, None))
        if leads:
            wait_for_others()
        slices = training_slices(config, cache)
        withheld = withheld_sounds(config, cache)
    if leads:
        out.mkdir(exist_ok=True, parents=True)
        write_config(config, out / CONFIG)
        _tell_of_sounds(len(slices), len(withheld.labels) if withheld else 0, cache.left_out)
    with Display(config, state.step) as display:
        ended = train(
            state,
            slices,
            out,
            withheld=withheld,
            observers=[display, Previews(out / "previews")] if leads else [],
        )
    if leads:
        say(f"{out}: {ended}; step {state.step}")


def _new(config: Config, out: Path) -> State:
    from ..train import checkpoints, new_state

    if checkpoints(out):
        raise Misuse(f"--out: {out} holds a run at step {max(checkpoints(out))}; --resume goes on with it")
    return new_state(config)


def _resumed(config: Config, out: Path) -> State:
    from ..train import ConfigError, checkpoints, load_checkpoint, new_state, read_config

    with misuse(ConfigError):
        before = read_config(str(out / CONFIG), environment={})
    differing = _differences(before, config)
    if differing:
        raise Misuse(f"--resume: the run in {out} was begun otherwise: {'; '.join(differing)}")
    found = checkpoints(out)
    if not found:
        note(f"{out} has no checkpoint yet: it begins anew")
        return new_state(config)
    return load_checkpoint(found[max(found)], config)


def _differences(before: Config, now: Config) -> list[str]:
    from dataclasses import asdict

    differing = []
    for table, fields in asdict(before).items():
        new = asdict(now)[table]
        if not isinstance(fields, dict):
            continue
        for name, value in fields.items():
            if value != new[name] and not (table == "run" and name in _FREE):
                differing.append(f"{table}.{name} was {value!r} and is {new[name]!r}")
    return differing


def _tell_of_sounds(trained: int, withheld: int, left_out: tuple[object, ...]) -> None:
    note(f"{trained} sounds to train on, {withheld} withheld")
    if left_out:
        shown = "".join(f"\n  {each.name}: {each.reason}" for each in left_out[:5])  # type: ignore[attr-defined]
        more = f"\n  and {len(left_out) - 5} more: cache.json lists them" if len(left_out) > 5 else ""
        note(f"{len(left_out)} left out:{shown}{more}")


def _require_extra() -> None:
    missing = [name for name in ("scipy", "tensorboard") if importlib.util.find_spec(name) is None]
    if missing:
        raise Misuse(f'training needs {" and ".join(missing)}: pip install "convscope[train]"')
