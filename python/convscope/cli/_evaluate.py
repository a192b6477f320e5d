"""`convscope evaluate NET`: which words the codes of a Q-network stand for, and how often it is right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._console import progress, say, show_json, show_table
from ._errors import Misuse, misuse, reporting
from ._labelled import read_labelled, recipe_unknown
from ._net_folder import recipe_of
from ._network import load_network
from ._options import Debug, Json, Threads

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..train import Data

WITHHELD_SEED = 1_000_003  # of synthetic words: training configurations begin at 0
_CODES_SHOWN = 16


def evaluate(
    net: Annotated[
        str,
        typer.Argument(
            metavar="NET",
            help="A Q-network: words8:q_network, RUN/checkpoints/step-00001000:q_network, or any NET of convscope probe.",
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            "--data",
            "-d",
            metavar="WHERE",
            help="Labelled sounds that it never heard: a folder with a sub-folder for each word, TIMIT, a .csv manifest, or words for "
            "synthetic ones, spoken anew by the voices and at the rates of its configuration.",
        ),
    ] = "words",
    tokens_per_word: Annotated[int, typer.Option(min=1, help="Of the synthetic words.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Of the synthetic words.")] = WITHHELD_SEED,
    code: Annotated[
        str, typer.Option(metavar="KIND", help="one_hot (ciwGAN) or binary (fiwGAN).")
    ] = "one_hot",
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also draw the table of words and codes.")
    ] = None,
    threads: Threads = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Name withheld sounds by the codes of a Q-network.

    Nothing ties codes to words: each word gets one code such that most
    sounds are named rightly. What the same search finds in codes that are
    shuffled is printed beside it.

    \b
    convscope evaluate words8:q_network
    convscope evaluate run/checkpoints/step-00019000:q_network --data recordings/
    """
    with reporting(debug=debug):
        from ..models import NetworkSpec
        from ..train import evaluate as evaluate_codes
        from ..train import read_config

        if code not in ("one_hot", "binary"):
            raise Misuse(f"--code: expected one_hot or binary, got {code!r}")
        network = load_network(net)
        spec = getattr(network.module, "spec", None)
        if not isinstance(spec, NetworkSpec) or spec.role != "q_network":
            raise Misuse(f"NET: expected a Q-network, got {net}")
        with progress("reading sounds"), misuse(FileNotFoundError, ValueError):
            path = recipe_of(net)
            recipe = read_config(path, environment={}) if path else recipe_unknown(spec)
            heard = read_labelled(data, spec, recipe, tokens_per_word=tokens_per_word, seed=seed)
            waveforms, labels = heard.waveforms, heard.labels
        with progress("naming sounds"):
            last = spec.layers[-1].name
            logits = network.prepare([last], num_threads=threads).run(waveforms)[last]
        found = evaluate_codes(logits, labels, kind="one_hot" if code == "one_hot" else "binary")
        if picture is not None:
            from ..plot import plot_confusion

            plot_confusion(
                found.counts,
                found.words,
                found.codes,
                assigned=found.assigned,
                title=f"{found.accuracy:.0%} of {len(labels)} sounds named rightly",
                save=picture,
            )
        if json:
            show_json(
                {
                    "network": net,
                    "sounds": len(labels),
                    "accuracy": found.accuracy,
                    "chance": found.chance,
                    "purity": found.purity,
                    "assigned": found.assigned,
                    "words": list(found.words),
                    "codes": list(found.codes),
                    "counts": found.counts.tolist(),
                }
            )
            return
        if len(found.codes) <= _CODES_SHOWN:
            show_table(
                ("word", "code", "right", *(f"c{name}" for name in found.codes)),
                [
                    (
                        word,
                        found.assigned.get(word, "-"),
                        _share(found.counts, row, found.assigned.get(word), found.codes),
                        *map(str, counts),
                    )
                    for row, (word, counts) in enumerate(zip(found.words, found.counts.tolist(), strict=True))
                ],
            )
            say()
        if data == "words":
            say(_described(recipe.data) + (", none of them heard in training" if path else ""))
        say(
            f"{found.accuracy:.1%} of {len(labels)} sounds named rightly, one code for each word "
            f"(by chance {found.chance:.1%}); purity {found.purity:.1%}"
        )


def _described(spoken: Data) -> str:
    """Who says the synthetic words, and how fast: what makes them easier or harder."""
    voices = f"by {', '.join(spoken.voices)}" if spoken.voices else "by all voices"
    rates = "at {} to {} words per minute".format(*spoken.rates_wpm) if spoken.rates_wpm else "at all rates"
    return f"synthetic words {voices} {rates}"


def _share(counts: NDArray[np.int64], row: int, code: str | None, codes: tuple[str, ...]) -> str:
    if code is None:
        return "-"
    return f"{counts[row, codes.index(code)] / counts[row].sum():.0%}"
