"""`convscope reproduce`: a paper's whole study on a network of your own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from ._console import note, progress, say, show_json
from ._errors import Misuse, misuse, reporting
from ._evaluate import WITHHELD_SEED
from ._labelled import SPOKEN, read_labelled, recipe_unknown
from ._net_folder import recipe_of
from ._network import load_network
from ._options import Debug, Json

if TYPE_CHECKING:
    from torch import nn

    from ..acoustics import F0
    from ..models import NetworkSpec
    from ..protocols import Study

app = typer.Typer(no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]})

Net = Annotated[
    str,
    typer.Option(
        "--net",
        "-n",
        metavar="NET",
        help="words8:generator, RUN/checkpoints/step-00001000:q_network, any NET of convscope probe.",
    ),
]
Out = Annotated[
    Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where report.html, tables and figures go.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace the folder.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")]
Range = Annotated[
    str | None,
    typer.Option(
        "--f0",
        metavar="FLOOR-CEILING",
        help="Range of F0 in Hz, such as 75-450; that of the outputs unless given.",
    ),
]
Workers = Annotated[int, typer.Option(min=1, help="Processes for Praat.")]


@app.callback()
def reproduce() -> None:
    """Run a paper's whole study on a network, and write a report.

    \b
    Where a Q-network tells words apart (Beguš & Zhou, ICASSP 2022):
      convscope reproduce icassp --net words8:q_network --data words --out study
    What of its output each layer of a generator has (TASLP 2022):
      convscope reproduce taslp --net words8:generator --out study
    What single latent variables cause (CDEV 2023):
      convscope reproduce cdev --net words8:generator --variable z8 --variable z9 --out study
    """


@app.command()
def icassp(
    net: Net,
    out: Out,
    data: Annotated[
        str,
        typer.Option(
            "--data",
            "-d",
            metavar="WHERE",
            help="Words that the network was not trained on: a folder with a sub-folder for each, TIMIT, a .csv manifest, or words for synthetic ones.",
        ),
    ] = "words",
    label: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Of a folder whose names tell the words: its group is the word, such as '^(\\d)_'.",
        ),
    ] = None,
    speaker: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Its group is the speaker in a file's name: adds a random level for each to the model.",
        ),
    ] = None,
    tokens_per_word: Annotated[
        int | None, typer.Option(min=2, help="At most so many of each word; 50 synthetic ones.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(metavar="WORD", help="What other words are compared with.")
    ] = None,
    layer: Annotated[
        str | None, typer.Option(help="Of which words are modelled; the last with a time axis.")
    ] = None,
    code: Annotated[
        str, typer.Option(metavar="KIND", help="one-hot (ciwGAN) or binary (fiwGAN).")
    ] = "one-hot",
    fricative: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=REGEX",
            help="Phone labels of one of two fricatives, given twice, such as s='s' and sh='S|sh'; those of espeak, TIMIT, IPA and ARPABET are known.",
        ),
    ] = None,
    rho: Annotated[str, typer.Option(metavar="NUMBER|reml", help="AR(1) within sounds.")] = "reml",
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Where a Q-network tells words apart, and fricatives."""
    with reporting(debug=debug):
        _check_place(out, force)
        module, spec = _network(net, "q_network")
        from ..acoustics import Intervals
        from ..protocols import icassp as run
        from ..train import read_config

        if code not in ("one-hot", "binary"):
            raise Misuse(f"--code: expected one-hot or binary, got {code!r}")
        kinds = _fricatives(fricative or [])
        with progress("reading sounds"), misuse(FileNotFoundError, ValueError):
            path = recipe_of(net)
            recipe = read_config(path, environment={}) if path else recipe_unknown(spec)
            heard = read_labelled(
                data, spec, recipe, tokens_per_word=tokens_per_word, seed=WITHHELD_SEED + seed, label=label
            )
        has_phones = any(heard.segments)
        with progress("probing, modelling"), misuse(ValueError):
            study = run(
                module,
                heard.waveforms,
                heard.labels,
                phones=Intervals.from_segments(heard.segments) if has_phones else None,
                speakers=None if speaker is None else _speakers(heard.names, speaker),
                reference=reference,
                layer=layer,
                code=cast('Literal["one-hot", "binary"]', code),
                fricatives=kinds,
                rho=_rho(rho),
                seed=seed,
            )
        study.settings |= {
            "data": data,
            "tokens per word": "all"
            if tokens_per_word is None and data != "words"
            else tokens_per_word or SPOKEN,
            "label": label or "those of the data",
            "speaker": speaker or "not told",
        }
        _finish(study, out, force, json)


@app.command()
def taslp(
    net: Net,
    out: Out,
    outputs: Annotated[int, typer.Option(min=20, help="Random outputs.")] = 100,
    variable: Annotated[
        str | None,
        typer.Option(
            metavar="z11", help="Which latent variable is interpolated; the one that does most unless given."
        ),
    ] = None,
    values: Annotated[str, typer.Option(metavar="FROM:TO:STEPS", help="What it is set to.")] = "-15:5:11",
    bases: Annotated[int, typer.Option(min=8, help="Random vectors behind each value.")] = 25,
    copies: Annotated[
        int, typer.Option(min=0, help="Outputs that are searched for reduplication, a second each.")
    ] = 16,
    f0: Range = None,
    workers: Workers = 1,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """What of the output's acoustics each layer of a generator has."""
    with reporting(debug=debug):
        _check_place(out, force)
        module, _ = _network(net, "generator")
        from ..protocols import taslp as run

        with progress("generating, probing, measuring"), misuse(ValueError):
            study = run(
                module,
                outputs=outputs,
                which=variable,
                values=_values(values),
                bases=bases,
                f0=_range(f0),
                copies=copies,
                workers=workers,
                seed=seed,
            )
        _finish(study, out, force, json)


@app.command()
def cdev(
    net: Net,
    out: Out,
    variable: Annotated[
        list[str] | None,
        typer.Option(
            metavar="z3",
            help="A latent variable; may be given several times. The code unless given, all where there is none.",
        ),
    ] = None,
    values: Annotated[
        str, typer.Option(metavar="FROM:TO:STEPS", help="What each is set to, the baseline among them.")
    ] = "-3:3:7",
    baseline: Annotated[float, typer.Option(help="The value that others are compared with.")] = 0.0,
    bases: Annotated[int, typer.Option(min=8, help="Random vectors, the same behind each value.")] = 50,
    f0: Range = None,
    workers: Workers = 1,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """What single latent variables cause, and at which layer."""
    with reporting(debug=debug):
        _check_place(out, force)
        module, _ = _network(net, "generator")
        from ..protocols import cdev as run

        with progress("generating, probing, measuring: outputs") as step, misuse(ValueError):
            study = run(
                module,
                on_chunk=step,
                variables=variable or None,
                values=_values(values),
                baseline=baseline,
                bases=bases,
                f0=_range(f0),
                workers=workers,
                seed=seed,
            )
        _finish(study, out, force, json)


def _network(net: str, role: str) -> tuple[nn.Module, NetworkSpec]:
    from ..models import NetworkSpec

    module = load_network(net).module
    spec = getattr(module, "spec", None)
    if not isinstance(spec, NetworkSpec) or spec.role != role:
        raise Misuse(f"--net: expected a {role.replace('_', '-')}, got {net}")
    return module, spec


def _check_place(out: Path, force: bool) -> None:
    """Before hours of work, not after."""
    if out.exists() and not force:
        raise Misuse(f"--out: expected a new folder, {out} is there already; --force replaces it")


def _finish(study: Study, out: Path, force: bool, json: bool) -> None:
    with misuse(FileExistsError, NotADirectoryError, ValueError):
        report = study.write(out, replace=force)
    if json:
        show_json({**study.to_dict(), "report": str(report)})
        return
    for each in study.findings:
        say(f"{each.claim}: {each.verdict}. {each.evidence}")
    for missing in study.missing:
        note(f"left out: {missing.what}. {missing.reason}")
    say(f"{report}")


def _speakers(names: tuple[str, ...], pattern: str) -> list[str]:
    try:
        found = [re.search(pattern, name.rpartition("/")[2]) for name in names]
    except re.error as error:
        raise Misuse(f"--speaker: expected a regular expression, got {pattern!r}: {error}") from None
    missing = [
        name
        for name, match in zip(names, found, strict=True)
        if match is None or not match.groups() or match.group(1) is None
    ]
    if missing:
        raise Misuse(
            f"--speaker: expected a group that matches in each name, {pattern!r} finds none in {missing[0]}"
        )
    return [match.group(1) for match in found if match is not None]


def _fricatives(given: list[str]) -> dict[str, str] | None:
    if not given:
        return None
    found = dict(each.split("=", 1) for each in given if "=" in each)
    if len(found) != 2 or len(given) != 2 or not all(found) or not all(found.values()):
        raise Misuse(f"--fricative: expected two of the form NAME=REGEX, got {', '.join(map(repr, given))}")
    for pattern in found.values():
        try:
            re.compile(pattern)
        except re.error as error:
            raise Misuse(f"--fricative: expected a regular expression, got {pattern!r}: {error}") from None
    return found


def _values(text: str) -> list[float]:
    import numpy as np

    matched = re.fullmatch(r"(-?[\d.]+):(-?[\d.]+):(\d+)", text)
    try:
        first, last, count = (float(each) for each in matched.groups()) if matched else (0.0, 0.0, 0.0)
    except ValueError:
        count = 0.0
    if count < 2:
        raise Misuse(f"--values: expected FROM:TO:STEPS such as -3:3:7, got {text!r}")
    return [float(each) for each in np.linspace(first, last, int(count)).round(12)]


def _range(text: str | None) -> F0 | None:
    from ..acoustics import F0

    if text is None:
        return None
    matched = re.fullmatch(r"([\d.]+)-([\d.]+)", text)
    if matched is None:
        raise Misuse(f"--f0: expected FLOOR-CEILING such as 75-450, got {text!r}")
    with misuse(ValueError, about="--f0: "):
        return F0(float(matched[1]), float(matched[2]))


def _rho(text: str) -> float | str:
    if text in ("reml", "acf"):
        return text
    try:
        return float(text)
    except ValueError:
        raise Misuse(f"--rho: expected a number, reml or acf, got {text!r}") from None
