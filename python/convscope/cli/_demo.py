"""`convscope demo`: the main job from end to end, on sound made on the spot.

After Beguš & Zhou 2022: words through a Q-network (ICASSP), one latent variable moved through a generator
(IEEE/ACM TASLP, figure 9).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._console import progress, say
from ._errors import Failure, Interrupted, Misuse, reporting
from ._options import Debug, Threads
from ._output import labelled, write_dataset, write_figure
from ._verify import LIMIT, is_beyond, show_errors

if TYPE_CHECKING:
    from ..data import WordCorpus
    from ._demo_runs import Run

DRAWN_WORD = "greasy"


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the files go.")] = Path(
        "demo"
    ),
    tokens_per_word: Annotated[
        int, typer.Option(min=1, help="Times each of the eight words is spoken.")
    ] = 12,
    dim: Annotated[
        int, typer.Option(min=1, help="Size of both networks; 64 in the papers, less for a quick look.")
    ] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Of the weights, the voices and the latents.")] = 0,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Synthesise words, probe two networks, and draw the papers' two pictures.

    Eight words (ask, dark, greasy, oily, rag, wash, water, year) in many
    voices go through the Q-network of ciwGAN; a latent vector, one of whose
    100 variables moves from -15 to 5 in steps of 2, through the generator
    of WaveGAN: z11, the eleventh, which is column 10 of an array, since
    NumPy counts from 0. The weights are random: times and errors are real, what the
    layers show is not yet learned.

    Files of an earlier demo in FOLDER are replaced. The words need the
    synthesiser: pip install "convscope\\[speech]".

    \b
    convscope demo
    convscope demo --out look --dim 8 --tokens-per-word 2    in a few seconds
    """
    with reporting(debug=debug):
        started_s = time.perf_counter()
        if out.exists() and not out.is_dir():
            raise Misuse(f"--out: expected a folder, got a file: {out}")
        from ..data import synthesise_words
        from ._demo_runs import run_interpolation, run_words

        say(
            f"The weights of both networks are random (seed {seed}), not trained: no trained network ships yet."
        )
        with progress("speaking words"):
            corpus = synthesise_words(tokens_per_word=tokens_per_word, seed=seed)
        with progress("words through the Q-network"):
            words = run_words(corpus, dim=dim, seed=seed, num_threads=threads)
        with progress("an interpolation through the generator"):
            interpolation = run_interpolation(dim=dim, seed=seed, num_threads=threads)
        with progress("writing and drawing"), _interruptible(out):
            out.mkdir(parents=True, exist_ok=True)
            files = [*_write_words(out, words, corpus, seed), *_write_interpolation(out, interpolation, seed)]
        runs = (words, interpolation)
        for run in runs:
            say()
            show_errors(run.verification, title=f"{run.network}: relative errors against double precision")
        say()
        _tell(runs, files, corpus, out, time.perf_counter() - started_s)
        failed = [row.layer for run in runs for row in run.verification if is_beyond(row, LIMIT)]
        if failed:
            raise Failure(f"errors are beyond {LIMIT:g} times PyTorch's in {', '.join(failed)}")


@contextmanager
def _interruptible(out: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted(
            f"interrupted while writing: the files in {out} are not all of this demo"
        ) from error


def _write_words(out: Path, run: Run, corpus: WordCorpus, seed: int) -> list[tuple[str, str]]:
    """Series, picture and one recording of each word; (file, what it is) of each."""
    from ..data import write_sound
    from ..plot import plot_word
    from ._demo_runs import with_words

    names = [f"{token.word}-{i}" for i, token in enumerate(corpus.tokens)]
    write_dataset(out / "words.nc", with_words(labelled(run.series, names, run.network, seed=seed), corpus))
    firsts = {token.word: i for i, token in reversed([*enumerate(corpus.tokens)])}
    (out / "words").mkdir(exist_ok=True)
    for word, i in firsts.items():
        token = corpus.tokens[i]
        write_sound(out / "words" / f"{word}.wav", corpus.waveforms[i, : token.length], corpus.sample_rate_hz)
    i = firsts[DRAWN_WORD]
    token = corpus.tokens[i]
    title = f"“{token.word}” in a Q-network with random weights (seed {seed})"
    figure = plot_word(run.series, i, waveform=corpus.waveforms[i], phones=token.phones, title=title)
    write_figure(out / "word.png", figure)
    return [
        ("words.nc", f"layer series of {len(names)} words, with their phone boundaries"),
        ("words/*.wav", f"{len(firsts)} of the words"),
        ("word.png", f"“{token.word}” and its layers"),
    ]


def _write_interpolation(out: Path, run: Run, seed: int) -> list[tuple[str, str]]:
    from ..plot import plot_waterfall
    from ._demo_runs import MOVED, VALUES

    variable = f"z{MOVED + 1}"
    dataset = labelled(run.series, [f"{variable} = {value:g}" for value in VALUES], run.network, seed=seed)
    write_dataset(out / "interpolation.nc", dataset.assign_coords({variable: ("sample", VALUES)}))
    title = f"{variable} moved through a generator with random weights (seed {seed})"
    write_figure(out / "waterfall.png", plot_waterfall(run.series, VALUES, label=variable, title=title))
    return [
        ("interpolation.nc", f"layer series of {VALUES.size} values of {variable}"),
        ("waterfall.png", f"the layers over {variable}, column {MOVED} of the latents (counted from 0)"),
    ]


def _tell(
    runs: tuple[Run, ...], files: list[tuple[str, str]], corpus: WordCorpus, out: Path, seconds: float
) -> None:
    for name, meaning in files:
        say(f"{str(out / name).ljust(len(str(out)) + 20)} {meaning}")
    say()
    for run in runs:
        say(
            f"{run.samples_per_second:6.0f} samples/s  {run.network} "
            f"({len(run.inputs)} samples, median of {run.runs} runs on {run.series.attributes['engine']})"
        )
    say(f"{seconds:.1f} s in all")
