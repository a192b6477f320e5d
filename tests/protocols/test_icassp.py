"""`icassp` on words with planted differences, without what it can do without, and on spoken digits where they are."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import convscope as cs
from convscope.acoustics import Interval, Intervals
from convscope.protocols import icassp

RATE_HZ, LENGTH = 16000, 16384


@pytest.fixture(scope="module")
def net():
    spec = cs.models.preset("tf1-ciwgan", role="q_network", num_categories=3, dim=4)
    return cs.models.build(spec, seed=3)


def words(seed: int = 0, each: int = 6):
    """*sa*: hiss and tone; *sha*: a lower and louder hiss, the same tone; *a*: the tone alone, later. And where the hisses are."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(LENGTH) / RATE_HZ
    sounds, names, marks = [], [], []
    for number in range(3 * each):
        kind = number % 3
        onset_s = 0.15 + rng.uniform(0, 0.03)
        tone_s = 0.5 if kind == 2 else onset_s + 0.2
        tone = (
            np.sin(2 * np.pi * rng.uniform(110, 140) * time_s) * (time_s > tone_s) * (time_s < tone_s + 0.2)
        )
        hiss = np.zeros(LENGTH)
        if kind < 2:
            spectrum = np.fft.rfft(rng.standard_normal(LENGTH))
            frequency = np.fft.rfftfreq(LENGTH, 1 / RATE_HZ)
            low, high = ((4500, 7500), (2000, 4000))[kind]
            hiss = np.fft.irfft(spectrum * ((frequency > low) & (frequency < high)), LENGTH)
            hiss *= (0.15, 0.3)[kind] / hiss.std() * (time_s > onset_s) * (time_s < onset_s + 0.18)
            marks.append(Interval(number, "sS"[kind], onset_s, onset_s + 0.18))
        sounds.append(tone + hiss)
        names.append(("sa", "sha", "a")[kind])
    return np.array(sounds, np.float32), names, Intervals(tuple(marks))


@pytest.fixture(scope="module")
def study(net):
    sounds, names, marks = words()
    return icassp(net, sounds, names, phones=marks, reference="sa", rho=0.3)


def test_words_that_differ_are_found_to_differ(study):
    found = {each.claim: each for each in study.findings}
    assert found["Words differ in the last convolutional layer (conv5)"].appears
    smooths = study.tables["words_smooths"].set_index("term")
    assert smooths.loc["s(time):wordOa", "p"] < 1e-4  # the tone comes later
    intervals = study.tables["words_intervals"]
    assert set(intervals["other"]) == {"sa"}
    assert {"word", "codes", "words_curves", "words_differences", "fricatives_differences"} == set(
        study.pictures
    )


def test_fricatives_that_differ_do_so_where_layers_have_positions(study):
    table = study.tables["fricatives"].set_index("layer")
    assert list(table.index) == ["conv1", "conv2", "conv3", "conv4"]
    assert list(table["points"]) == [10, 10, 10, 10]
    assert (table["level"] > 0).all()
    assert (table.loc[["conv1", "conv2", "conv3"], "p_level_holm"] < 1e-4).all()
    assert [each.what for each in study.missing] == ["conv5"]  # three positions in 0.18 s
    assert study.findings[-1].appears


def test_methods_and_settings_tell_everything(study):
    methods = " ".join(study.methods)
    for text in (
        "18 sounds of 3 words",
        "phase shuffle off",
        "rho 0.300, given",
        "Hungarian",
        "normalised time",
    ):
        assert text in methods
    assert {name: study.settings[name] for name in ("k", "k_token", "rho", "code", "reference")} == {
        "k": 10,
        "k_token": 9,
        "rho": 0.3,
        "code": "one-hot",
        "reference": "sa",
    }
    told = set(inspect.signature(icassp).parameters) - {"net", "waveforms", "words", "phones", "speakers"}
    assert told <= set(study.settings)


def test_how_loud_words_are_recorded_does_not_matter(net, study):
    sounds, names, marks = words()
    quieter = icassp(net, 0.1 * sounds, names, phones=marks, reference="sa", rho=0.3)
    for name in ("words_parametric", "fricatives"):
        pd.testing.assert_frame_equal(quieter.tables[name], study.tables[name], rtol=1e-3)


def test_bands_hold_for_all_words_at_once(net, study):
    """Of three words two are compared: 97.5 % each."""
    sounds, names, _ = words()
    table = cs.fast_probe(net, sounds / np.abs(sounds).max(1, keepdims=True)).to_table("conv5", word=names)
    model = cs.stats.fit_gamm(
        table, group="word", token="sound", reference="sa", rho=0.3, k=min(10, table["time"].nunique()),
        k_token=min(9, table["time"].nunique() - 2),
    )  # fmt: skip
    at_once, alone = (
        pd.concat([model.significant_intervals(word, seed=0, level=level) for word in model.groups[1:]])
        for level in (0.975, 0.95)
    )
    pd.testing.assert_frame_equal(study.tables["words_intervals"], at_once.reset_index(drop=True))
    assert (at_once["end"] - at_once["start"]).sum() < (alone["end"] - alone["start"]).sum()


def test_levels_and_shapes_of_all_layers_are_one_family(study):
    table = study.tables["fricatives"]
    together = cs.stats.adjust([*table["p_level"], *table["p_shape"]], "holm")
    assert [*table["p_level_holm"], *table["p_shape_holm"]] == pytest.approx(together.tolist())


def test_without_phones_and_with_speakers(net):
    sounds, names, _ = words()
    speakers = [f"s{number // 3 % 3}" for number in range(len(names))]
    made = icassp(net, sounds, names, speakers=speakers, rho=0.3)
    assert [each.reason for each in made.missing] == ["No phones were given."]
    assert "s(speaker)" in list(made.tables["words_smooths"]["term"])
    assert [each.appears for each in made.findings][-1] is None


def test_phones_of_forced_aligners(net):
    """There S is [s]."""
    sounds, names, marks = words()
    renamed = Intervals(tuple(replace(each, label={"s": "S", "S": "SH"}[each.label]) for each in marks))
    made = icassp(net, sounds, names, phones=renamed, rho=0.3)
    ours = icassp(net, sounds, names, phones=marks, rho=0.3)
    np.testing.assert_array_equal(made.tables["fricatives"]["level"], ours.tables["fricatives"]["level"])


def test_frication_beyond_the_slice_is_left_out_and_counted(net):
    sounds, names, marks = words()
    longer = Intervals((*marks, Interval(0, "s", 0.95, 1.4), Interval(1, "S", 1.5, 1.6)))
    made = icassp(net, sounds, names, phones=longer, rho=0.3)
    said = [item for section in made.sections for item in section.items if isinstance(item, str)]
    assert any(
        "6 [s] and 6 [ʃ]" in text and "2 that reach beyond the slice were left out" in text for text in said
    )


def test_one_short_token_does_not_decide_for_all(net):
    sounds, names, marks = words()
    short = Intervals((*marks, Interval(2, "s", 0.3, 0.303)))
    table = icassp(net, sounds, names, phones=short, rho=0.3).tables["fricatives"].set_index("layer")
    assert table.loc["conv2", "points"] == 10
    assert table.loc["conv2", "left out"] == 1


def test_dead_layers_and_other_names_lose_nothing(tmp_path):
    net = torch.nn.Sequential(
        torch.nn.Sequential(torch.nn.Conv1d(1, 4, 25, 16, 11), torch.nn.ReLU()),
        torch.nn.Sequential(torch.nn.Conv1d(4, 4, 25, 16, 11), torch.nn.ReLU()),
        torch.nn.Flatten(),
        torch.nn.Linear(256, 3),
    )
    with torch.no_grad():
        net[1][0].weight.zero_()
        net[1][0].bias.fill_(-1.0)
    sounds, names, marks = words()
    made = icassp(net.eval(), sounds, names, phones=marks, rho=0.3)
    assert any(
        "same value in all sounds" in each.reason or "does not vary" in each.reason for each in made.missing
    )
    assert made.write(tmp_path / "study").exists()


def test_earlier_layers_can_be_modelled(net):
    sounds, names, _ = words()
    made = icassp(net, sounds, names, layer="conv4", rho=0.3)
    assert "words_parametric" in made.tables
    assert made.findings[1].claim == "Words differ in conv4"


BAD = {
    "one word": (lambda s, n: (s, ["a"] * len(n)), {}, "words: expected at least two different ones, got a"),
    "names": (lambda s, n: (s, n[:-1]), {}, "words: expected 18, one for each sound, got 17"),
    "shape": (lambda s, n: (s[0], n), {}, r"waveforms: expected \(n, L\) with sound in it, got shape \(16384,\)"),
    "silence": (lambda s, n: (s * (np.arange(18) != 4)[:, None], n), {}, "waveforms: expected sound in each, got 1 silent"),
    "layer": (lambda s, n: (s, n), {"layer": "conv9"}, "layer: expected one of conv1, conv2, conv3, conv4, conv5, got 'conv9'"),
    "reference": (lambda s, n: (s, n), {"reference": "ask"}, "reference: expected one of a, sa, sha, got 'ask'"),
    "code": (lambda s, n: (s, n), {"code": "bits"}, "code: expected 'one-hot' or 'binary', got 'bits'"),
    "fricatives": (lambda s, n: (s, n), {"fricatives": {"s": "s"}}, "fricatives: expected two kinds, got s"),
    "speakers": (lambda s, n: (s, n), {"speakers": ["x"]}, "speakers: expected 18, one for each sound, got 1"),
    "one speaker": (lambda s, n: (s, n), {"speakers": ["x"] * 18}, "speakers: expected at least two, got 'x' only"),
    "phones": (
        lambda s, n: (s, n),
        {"phones": Intervals((Interval(40, "s", 0.1, 0.2),))},
        "phones: expected sounds below 18, got 40",
    ),
    "one of each": (lambda s, n: (s[:3], n[:3]), {}, "token: expected several tokens of at least one group"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_modelled(net, case):
    spoil, options, message = BAD[case]
    sounds, names, _ = words()
    with pytest.raises(ValueError, match=message):
        icassp(net, *spoil(sounds, names), rho=0.3, **options)


@pytest.mark.slow
def test_spoken_digits_of_four_speakers(shared_data, tmp_path):
    """Ten words, four speakers, real recordings, to the report."""
    folder = shared_data / "spoken_digits" / "recordings"
    spec = cs.models.preset("tf1-ciwgan", role="q_network", num_categories=10, dim=4)
    files = [
        file
        for digit in range(10)
        for speaker in ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
        for index in range(3)
        if (file := folder / f"{digit}_{speaker}_{index}.wav").exists()
    ]
    heard = cs.data.load_sounds(files, slice_len=LENGTH, sample_rate_hz=RATE_HZ)
    names = [file.name.split("_")[:2] for file in files]
    made = icassp(
        cs.models.build(spec, seed=0),
        heard.waveforms,
        [digit for digit, _ in names],
        speakers=[speaker for _, speaker in names],
        rho=0.5,
    )
    assert len({speaker for _, speaker in names}) == 4
    assert len(made.tables["words_parametric"]) == 10
    page = made.write(tmp_path / "digits").read_text()
    assert "120 sounds of 10 words" in page


def test_fricatives_of_several_speakers(net):
    sounds, names, marks = words()
    speakers = [f"s{number // 3 % 3}" for number in range(len(names))]
    made = icassp(net, sounds, names, phones=marks, speakers=speakers, rho=0.3)
    assert len(made.tables["fricatives"]) == 4
    assert any("speakers included" in text for text in made.methods)
