"""Tables with known truth, and our engine's equations beside the dense ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from convscope.stats.gamm._arrowhead import Arrowhead
from convscope.stats.gamm._basis import centred, thin_plate, token_basis
from convscope.stats.gamm._layout import Layout
from convscope.stats.gamm._token_table import TokenTable, token_table
from convscope.stats.gamm._tokens import Tokens


def simulate(
    *,
    seed: int,
    groups=("a", "b", "c"),
    tokens=4,
    length=12,
    ragged=False,
    speakers=0,
    rho=0.5,
    shift=0.0,
    bend=0.0,
    noise=0.2,
    between=0.3,
) -> pd.DataFrame:
    """Tokens whose levels and slopes differ, AR(1) noise; the last group is shifted by ``shift`` and bent by ``bend``."""
    rng = np.random.default_rng(seed)
    of_speaker = rng.normal(0, 0.5, max(speakers, 1))
    parts = []
    for number in range(tokens * len(groups)):
        group = groups[number % len(groups)]
        count = int(rng.integers(length // 2, length * 2)) if ragged else length
        time = np.linspace(0, 1, count).round(4)
        innovations = rng.normal(0, noise, count)
        innovations[1:] *= np.sqrt(1 - rho**2)
        for i in range(1, count):
            innovations[i] += rho * innovations[i - 1]
        is_last = group == groups[-1]
        curve = np.sin(4 * time) + is_last * (shift + bend * np.cos(6 * time))
        own = rng.normal(0, between) + rng.normal(0, between) * (time - 0.5)
        speaker = number % speakers if speakers else 0
        level = of_speaker[speaker] if speakers else 0.0
        parts.append(
            pd.DataFrame(
                {
                    "token": f"t{number:03d}",
                    "group": group,
                    "speaker": f"s{speaker}",
                    "time": time,
                    "value": curve + own + level + innovations,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def equations(
    table: pd.DataFrame, *, rho: float, k=7, k_token=5, speaker=None
) -> tuple[TokenTable, Arrowhead]:
    checked = token_table(
        table, value="value", time="time", group="group", token="token", speaker=speaker, reference=None
    )
    times, counts = np.unique(checked.times, return_counts=True)
    basis, penalty = centred(*thin_plate(times, k, order=2), times, counts)
    layout = Layout(len(checked.groups), len(checked.speakers) if speaker else 0, penalty)
    shared = np.hstack([np.ones((len(times), 1)), basis(times)])
    tokens = Tokens(checked, shared, token_basis(times, counts, k_token)(times), times)
    return checked, Arrowhead(layout, tokens, tokens.products(rho))


def row_functions(tokens: Tokens) -> np.ndarray:
    """(n, m + q) at each row."""
    return tokens._functions[tokens._time_of]


def dense_columns(checked: TokenTable, found: Arrowhead) -> tuple[np.ndarray, list]:
    """All columns, (n, p + N q), and (indices, matrix) of all penalties."""
    layout, tokens = found.layout, found.tokens
    functions = row_functions(tokens)
    shared, own = functions[:, : tokens.m], functions[:, tokens.m :]
    group = checked.group_of[checked.token_of]
    columns = [np.ones(len(shared)), *(1.0 * (group == g) for g in range(1, layout.groups))]
    columns += list(shared[:, 1:].T)
    for g in range(1, layout.groups):
        columns += list((shared[:, 1:] * (group == g)[:, None]).T)
    speaker = checked.speaker_of[checked.token_of]
    columns += [1.0 * (speaker == s) for s in range(layout.speakers)]
    for token in range(len(checked.tokens)):
        columns += list((own * (checked.token_of == token)[:, None]).T)
    penalties = [(np.arange(where.start, where.stop), matrix) for where, matrix in layout.penalties]
    places = layout.p + np.arange(len(checked.tokens) * tokens.q).reshape(-1, tokens.q)
    penalties.append((places[:, :-1].ravel(), np.eye(places[:, :-1].size)))
    penalties.append((places[:, -1], np.eye(len(places))))
    return np.array(columns).T, penalties
