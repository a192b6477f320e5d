"""`convscope demo`: the main job from end to end, on sound made on the spot and the network that comes with the package.

After Beguš & Zhou 2022: words through a Q-network (ICASSP), one latent variable moved through a generator
(IEEE/ACM TASLP, figures 9 and 10).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._console import progress, say, show_table
from ._errors import Failure, Interrupted, Misuse, reporting
from ._options import Debug, Threads
from ._output import labelled, write_dataset, write_figure
from ._verify import LIMIT, is_beyond, show_errors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..data import WordCorpus
    from ._demo_runs import Run, Trained

DRAWN_WORD = "greasy"
WORDS_SEED = 2_000_003  # added to the reader's seed


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the files go.")] = Path(
        "demo"
    ),
    tokens_per_word: Annotated[
        int, typer.Option(min=1, help="Times each of the eight words is spoken.")
    ] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Of the words and the latents.")] = 0,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Speak words, let a trained ciwGAN hear and say them, and draw its layers.

    The small ciwGAN that comes with the package (words8) learned eight words
    (ask, dark, greasy, oily, rag, wash, water, year) from a synthesiser,
    without being told which is which. Its Q-network names the words that eight
    voices say; its generator says a word for each code; and the code of one
    word is moved from 0 to 3, three times as far as in training.

    Files of an earlier demo in FOLDER are replaced. The words need the
    synthesiser: pip install "convscope\\[speech]".

    \b
    convscope demo
    convscope demo --out look --tokens-per-word 2    in a few seconds
    """
    with reporting(debug=debug):
        started_s = time.perf_counter()
        if out.exists() and not out.is_dir():
            raise Misuse(f"--out: expected a folder, got a file: {out}")
        import numpy as np

        from ._demo_runs import Trained, run_interpolation, run_words, speak_codes, speak_words

        trained = Trained.load()
        with progress("speaking words"):
            corpus, waveforms = speak_words(trained, tokens_per_word, WORDS_SEED + seed)
        with progress("words through the Q-network"):
            words = run_words(trained, waveforms, threads)
            named = trained.named(np.asarray(words.series["logits"]))
        with progress("a code moved through the generator"):
            interpolation = run_interpolation(trained, seed=seed, num_threads=threads)
            spoken = speak_codes(trained, seed=seed)
        with progress("writing and drawing"), _interruptible(out):
            out.mkdir(parents=True, exist_ok=True)
            files = [
                *_write_words(out, words, corpus, waveforms, named),
                *_write_codes(out, trained, spoken),
                *_write_interpolation(out, interpolation),
            ]
        _tell_names(corpus, named, spoken)
        runs = (words, interpolation)
        for run in runs:
            say()
            show_errors(run.verification, title=f"{run.network}: relative errors against double precision")
        say()
        _tell(runs, files, out, time.perf_counter() - started_s)
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


def _write_words(
    out: Path, run: Run, corpus: WordCorpus, waveforms: NDArray[np.float32], named: list[str]
) -> list[tuple[str, str]]:
    """Series, picture and one recording of each word; (file, what it is) of each."""
    from ..data import write_sound
    from ..plot import plot_word
    from ._demo_runs import with_words

    sources = [f"{token.word}-{i}" for i, token in enumerate(corpus.tokens)]
    write_dataset(out / "words.nc", with_words(labelled(run.series, sources, run.network), corpus, named))
    firsts = {token.word: i for i, token in reversed([*enumerate(corpus.tokens)])}
    (out / "words").mkdir(exist_ok=True)
    for word, i in firsts.items():
        token = corpus.tokens[i]
        write_sound(out / "words" / f"{word}.wav", corpus.waveforms[i, : token.length], corpus.sample_rate_hz)
    i = firsts[DRAWN_WORD]
    title = f"“{corpus.tokens[i].word}” in the Q-network of words8, which takes it for “{named[i]}”"
    figure = plot_word(run.series, i, waveform=waveforms[i], phones=corpus.tokens[i].phones, title=title)
    write_figure(out / "word.png", figure)
    return [
        ("words.nc", f"layer series of {len(sources)} words, with their phone boundaries"),
        ("words/*.wav", f"{len(firsts)} of the words, as the synthesiser says them"),
        ("word.png", f"“{corpus.tokens[i].word}” and its layers"),
    ]


def _write_codes(
    out: Path, trained: Trained, spoken: tuple[list[str], NDArray[np.float32], list[str]]
) -> list[tuple[str, str]]:
    from ..data import write_sound
    from ..plot import plot_sounds

    words, sounds, heard = spoken
    rate_hz = trained.generator.spec.sample_rate_hz
    (out / "generated").mkdir(exist_ok=True)
    for word, sound in zip(words, sounds, strict=True):
        write_sound(out / "generated" / f"{word}.wav", sound, rate_hz, clip=True)
    names = [f"{word}, heard as {other}" for word, other in zip(words, heard, strict=True)]
    title = "What the generator of words8 says for each code"
    write_figure(out / "generated.png", plot_sounds(sounds, rate_hz, names=names, title=title))
    return [
        ("generated/*.wav", f"{len(words)} words of the generator, one for each code"),
        ("generated.png", "their spectrograms"),
    ]


def _write_interpolation(out: Path, run: Run) -> list[tuple[str, str]]:
    from ..plot import plot_waterfall
    from ._demo_runs import MOVED_WORD, VALUES

    label = f"code of “{MOVED_WORD}”"
    dataset = labelled(run.series, [f"{label} = {value:g}" for value in VALUES], run.network)
    write_dataset(out / "interpolation.nc", dataset.assign_coords(code=("sample", VALUES)))
    title = f"The {label} moved through the generator of words8"
    write_figure(out / "waterfall.png", plot_waterfall(run.series, VALUES, label=label, title=title))
    return [
        ("interpolation.nc", f"layer series of {VALUES.size} values of the {label}"),
        ("waterfall.png", f"the layers over the {label}"),
    ]


def _tell_names(
    corpus: WordCorpus, named: list[str], spoken: tuple[list[str], NDArray[np.float32], list[str]]
) -> None:
    pairs = [(token.word, name) for token, name in zip(corpus.tokens, named, strict=True)]
    rows = []
    for word, heard in zip(spoken[0], spoken[2], strict=True):
        names = [name for spoken_word, name in pairs if spoken_word == word]
        others = sorted({name for name in names if name != word}, key=names.count, reverse=True)
        rows.append((word, f"{names.count(word)} of {len(names)}", ", ".join(others[:2]) or "-", heard))
    show_table(("word", "named rightly", "else taken for", "generator's word heard as"), rows)
    say()
    right = sum(word == name for word, name in pairs)
    say(
        f"{right / len(pairs):.0%} of {len(pairs)} words named rightly; convscope evaluate words8:q_network says more"
    )


def _tell(runs: tuple[Run, ...], files: list[tuple[str, str]], out: Path, seconds: float) -> None:
    for name, meaning in files:
        say(f"{str(out / name).ljust(len(str(out)) + 20)} {meaning}")
    say()
    for run in runs:
        say(
            f"{run.samples_per_second:6.0f} samples/s  {run.network} "
            f"({len(run.inputs)} samples, median of {run.runs} runs on {run.series.attributes['engine']})"
        )
    say(f"{seconds:.1f} s in all")
