"""Networks from the PyTorch ports' files compute what the ports' code computed."""

from __future__ import annotations

import warnings

import pytest
import torch
from tests.models.checkpoints import ports_reference as reference
from tests.models.checkpoints.ports_reference import (
    ATZHOU8,
    JTCRAMER,
    MOSTAFAELARABY,
    MOSTAFAELARABY_NEAREST,
    Maker,
    maps_of,
    random,
    save,
    set_of_three,
)

import convscope as cs
from convscope.models import CheckpointError
from convscope.models.checkpoints import read_checkpoint

ROLES = {"G": "generator", "D": "discriminator", "Q": "q_network"}


def assert_same(network: torch.nn.Module, x: torch.Tensor, wanted: list[torch.Tensor]) -> None:
    found = maps_of(network, x)
    assert len(found) == len(wanted)
    for got, exact in zip(found, wanted, strict=True):
        torch.testing.assert_close(got, exact, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("slice_len", "norm"), [(16384, "no"), (65536, "no"), (16384, "yes")])
@pytest.mark.parametrize(
    ("preset", "slopes"),
    [
        ("torch-atzhou8-2022", (2.0, 0.0)),
        ("torch-ceti", (2.0, 0.0)),
        ("torch-atzhou8-2025a", (0.2, 0.2)),
        (None, (2.0, 0.0)),
    ],
)
@pytest.mark.filterwarnings("ignore:.*have the same weights")
def test_sets_of_three(tmp_path, preset, slopes, slice_len, norm):
    states = set_of_three(slice_len, norm)
    networks = cs.models.import_checkpoint(save(tmp_path, states), preset=preset)
    assert set(networks) == set(ROLES.values())
    assert networks["generator"].spec.num_categories == 7
    z, x = random(2, 30), random(2, slice_len)
    ups = 5 if slice_len == 16384 else 6
    assert_same(
        networks["generator"], z, reference.run_generator(states["G"], ATZHOU8, ups, z, rectified=False)
    )
    for letter, slope in zip("DQ", slopes, strict=True):
        assert_same(networks[ROLES[letter]], x, reference.run_critic(states[letter], ATZHOU8, 5, x, slope))


def test_which_files_of_a_folder(tmp_path):
    save(tmp_path, set_of_three(), "epoch2_step900")
    save(tmp_path, {"G": set_of_three()["G"]}, "epoch10_step1000")
    save(tmp_path, {"G": set_of_three()["G"]}, "epoch9_step900")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # generators of 16384 samples are one in all vintages
        assert read_checkpoint(tmp_path).path.endswith("epoch10_step1000_G.pt")  # the alphabet says epoch9
        assert set(cs.models.import_checkpoint(tmp_path)) == {"generator"}
        assert set(cs.models.import_checkpoint(tmp_path / "epoch2_step900_G.pt")) == {"generator"}
    with pytest.warns(
        UserWarning, match=r"differ in their slopes.*read as torch-atzhou8-2022; preset= says otherwise"
    ):
        assert set(cs.models.import_checkpoint(tmp_path / "epoch2_step900")) == set(ROLES.values())
    with pytest.raises(
        CheckpointError, match=r"step7: no such file, and no step7_G\.pt, _D\.pt or _Q\.pt there"
    ):
        cs.models.import_checkpoint(tmp_path / "step7")
    save(tmp_path, {"D": set_of_three()["D"]}, "best")
    with pytest.raises(
        CheckpointError,
        match=r"differ in their numbers alone, got best, epoch10_step1000, epoch2_step900, epoch9",
    ):
        cs.models.import_checkpoint(tmp_path)


def test_what_a_generator_alone_does_not_tell(tmp_path):
    path = save(tmp_path, {"G": set_of_three(65536)["G"]})
    with pytest.warns(
        UserWarning, match=r"differ in their sample rate \(32000 Hz in torch-ceti, else 16000\)"
    ):
        assert cs.models.import_checkpoint(path)["generator"].spec.sample_rate_hz == 16000
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = cs.models.import_checkpoint(path, preset="torch-ceti")
    assert found["generator"].spec.sample_rate_hz == 32000


@pytest.mark.parametrize("norm", ["yes", "unused"])
@pytest.mark.parametrize("nearest", [True, False])
def test_the_dict_of_another_port(tmp_path, nearest, norm):
    names = MOSTAFAELARABY_NEAREST if nearest else MOSTAFAELARABY
    of_generator = reference.generator(Maker(1), names, 5, norm=norm == "yes", nearest=nearest)
    if norm == "unused":
        maker = Maker(4)
        maker.norm("bn1", 32, is_used=False)
        of_generator |= maker.state
    of_discriminator = reference.critic(Maker(2), names, 5, 512, 1, norm=norm)
    path = tmp_path / "gan_words.tar"
    torch.save(
        {"generator": of_generator, "discriminator": of_discriminator, "n_iterations": 7, "g_cost": [0.5]},
        path,
    )
    networks = cs.models.import_checkpoint(path)
    z, x = random(2, 30), random(2, 16384)
    wanted = reference.run_generator(of_generator, names, 5, z, rectified=True, nearest=nearest)
    assert_same(networks["generator"], z, wanted)
    assert_same(networks["discriminator"], x, reference.run_critic(of_discriminator, names, 5, x, 0.2))


def test_lengths_that_only_a_discriminator_tells(tmp_path):
    names = MOSTAFAELARABY_NEAREST
    for slice_len, positions, last in ((32768, 15, 2), (65536, 16, 4)):
        state = reference.critic(Maker(2), names, 6, positions * 64, 1, norm="unused")
        torch.save({"discriminator": state}, tmp_path / "d.tar")
        network = cs.models.import_checkpoint(tmp_path / "d.tar")["discriminator"]
        x = random(1, slice_len)
        assert_same(network, x, reference.run_critic(state, names, 6, x, 0.2, [4] * 5 + [last]))
        torch.save({"generator": reference.generator(Maker(1), names, 6, nearest=True)}, tmp_path / "g.tar")
        with pytest.raises(CheckpointError, match=r"32768 or of 65536 samples.*expected slice_len"):
            cs.models.import_checkpoint(tmp_path / "g.tar")
        assert (
            cs.models.import_checkpoint(tmp_path / "g.tar", slice_len=slice_len)["generator"].spec.slice_len
            == slice_len
        )


def test_names_that_data_parallel_made(tmp_path):
    state = reference.generator(Maker(1), JTCRAMER, 5, nearest=True)
    maker = Maker(5)
    maker.layer("ppfilter1", 1, 1, 512, outputs=1, fan_in=512)
    state |= maker.state
    wrapped = {
        f"{name.partition('.')[0]}.module.{name.partition('.')[2]}": values for name, values in state.items()
    }
    torch.save(wrapped, tmp_path / "Gen.pkl")
    network = cs.models.import_checkpoint(tmp_path / "Gen.pkl")["generator"]
    z = random(2, 30)
    maps = reference.run_generator(state, JTCRAMER, 5, z, rectified=True, nearest=True)
    filtered = torch.nn.functional.pad(maps[-1], (256, 255))
    maps.append(torch.nn.functional.conv1d(filtered, state["ppfilter1.weight"], state["ppfilter1.bias"]))
    assert_same(network, z, maps)
    wrapped = {f"module.{name}": values for name, values in state.items()}
    torch.save(wrapped, tmp_path / "Gen.pkl")
    assert_same(cs.models.import_checkpoint(tmp_path / "Gen.pkl")["generator"], z, maps)
    torch.save(wrapped | {"fc1.bias": torch.zeros(512)}, tmp_path / "Gen.pkl")
    with pytest.raises(
        CheckpointError, match=r"Gen\.pkl: fc1\.bias: the same parameter as module\.fc1\.bias"
    ):
        cs.models.import_checkpoint(tmp_path / "Gen.pkl")
    torch.save(wrapped | {"module.fc1.bias": torch.full((512,), torch.nan)}, tmp_path / "Gen.pkl")
    with pytest.raises(
        CheckpointError, match=r"Gen\.pkl: module\.fc1\.bias: 512 of 512 values are not finite"
    ):
        cs.models.import_checkpoint(tmp_path / "Gen.pkl")


def test_the_articulatory_generator_is_known_by_its_kernels(tmp_path):
    net = cs.models.build(cs.models.preset("articulationgan", role="generator", dim=4), seed=1).eval()
    names = {"fc": "z_project"} | {
        name: f"upconv{i}.conv" for i, name in enumerate(("conv1", "conv2", "conv3", "conv4", "out"))
    }
    state = {
        f"{names[name.split('.')[0]]}.{name.split('.')[1]}": values
        for name, values in net.state_dict().items()
    }
    torch.save(state, tmp_path / "epoch1_step1_G.pt")
    network = cs.models.import_checkpoint(tmp_path)["generator"]
    assert network.spec == net.spec
    z = random(2, 100)
    assert_same(network, z, maps_of(net, z))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda state: state.pop("upconv2.conv.bias"),
            r"there is no variable upconv2\.conv\.bias, which conv3\.bias",
        ),
        (lambda state: state.pop("z_project.weight"), r"there is no parameter z_project\.weight"),
        (
            lambda state: state.update({"extra.weight": torch.zeros(3)}),
            r"extra\.weight: no parameter of a torch-atzhou8-2022 generator",
        ),
        (
            lambda state: state.update({"upconv1.conv.bias": torch.zeros(3)}),
            r"upconv1\.conv\.bias: expected \[8\].*got \[3\]",
        ),
        (
            lambda state: state["upconv1.conv.weight"].fill_(torch.inf),
            r"upconv1\.conv\.weight: 3200 of 3200 values are not finite",
        ),
        (
            lambda state: state.update({"upconv1.conv.bias": "x"}),
            r"upconv1\.conv\.bias: expected an array, got str",
        ),
        (lambda state: state.clear(), r"expected the state dict of a network, got an empty one or none"),
        (
            lambda state: state.pop("upconv2.conv.weight"),
            r"there is no variable upconv2\.conv\.weight, which conv3\.weight of the generator",
        ),
        (lambda state: state.pop("upconv0.conv.weight"), r"there is no parameter upconv0\.conv\.weight"),
        (
            lambda state: [state.pop("upconv4.conv.weight"), state.pop("upconv4.conv.bias")],
            r"expected five or six layers, got 4, the last being upconv3\.conv",
        ),
        (
            lambda state: state.update({f"upconv{'9' * 5000}.conv.bias": torch.zeros(1)}),
            r"upconv9+\.conv\.bias: no parameter",
        ),
        (
            lambda state: state.update({"upconv4.conv.weight": torch.tensor(1.0)}),
            r"upconv4\.conv\.weight: expected 3 dimensions and some values, got shape \(\)",
        ),
        (
            lambda state: state.update({"z_project.weight": torch.zeros(512)}),
            r"z_project\.weight: expected 2 dimensions and some values, got shape \(512,\)",
        ),
        *(
            (
                lambda state, values=values: state.update({"upconv1.conv.bias": values}),
                rf"upconv1\.conv\.bias: expected {message}",
            )
            for values, message in (
                (torch.full((8,), 1 + 2j), "floating-point numbers, got complex64"),
                (torch.zeros(8, dtype=torch.int8), "floating-point numbers, got int8"),
                (torch.zeros(8, dtype=torch.bool), "floating-point numbers, got bool"),
                (torch.zeros(8).to_sparse(), r"plain numbers, got torch\.float32"),
                (torch.empty(8, device="meta"), r"plain numbers, got torch\.float32"),
                (
                    torch.zeros(1).expand(2**40),
                    r"plain numbers, got torch\.float32: 1099511627776 of them share 4",
                ),
                (
                    torch.zeros(1, dtype=torch.int8).expand(2**40),
                    r"plain numbers, got torch\.int8: 1099511627776 of",
                ),
            )
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path, change, message):
    state = set_of_three()["G"]
    change(state)
    with (
        warnings.catch_warnings(action="ignore"),
        pytest.raises(CheckpointError, match=rf"epoch2_step900_G\.pt: {message}"),
    ):
        cs.models.import_checkpoint(save(tmp_path, {"G": state}))


@pytest.mark.filterwarnings("ignore:.*have the same weights")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda state: state.pop("downconv_0.conv.weight"),
            r"there is no parameter downconv_0\.conv\.weight",
        ),
        (
            lambda state: state.pop("downconv_2.conv.weight"),
            r"there is no variable downconv_2\.conv\.weight, which conv3\.weight of the",
        ),
        (
            lambda state: state.update({"downconv_0.conv.weight": torch.zeros(0, 1, 25)}),
            r"downconv_0\.conv\.weight: expected 3 dimensions and some values, got shape \(0, 1, 25\)",
        ),
        (lambda state: state.pop("fc_out.weight"), r"there is no parameter fc_out\.weight"),
        (
            lambda state: state.update({"fc_out.weight": torch.tensor(1.0)}),
            r"fc_out\.weight: expected 2 dimensions and some values, got shape \(\)",
        ),
    ],
)
@pytest.mark.parametrize("letter", ["D", "Q"])
def test_what_is_wrong_of_a_critic_is_named(tmp_path, letter, change, message):
    state = set_of_three()[letter]
    change(state)
    with pytest.raises(CheckpointError, match=rf"epoch2_step900_{letter}\.pt: {message}"):
        cs.models.import_checkpoint(save(tmp_path, {letter: state}))


def _of(letter, **options):
    return set_of_three(**options)[letter]


@pytest.mark.filterwarnings("ignore:.*have the same weights")
@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: {"discriminator": _of("G")}, "expected a discriminator, got the names of a generator"),
        (lambda: {"generator": _of("D")}, "expected a generator, got the names of a discriminator"),
        (lambda: {"q": _of("Q"), "Q": _of("Q")}, "expected one Q-network, got two, q and Q"),
        (
            lambda: {"generator": _of("G"), "encoder": {"w": torch.zeros(3)}},
            "encoder: expected a network called generator, discriminator, q, Q",
        ),
        (
            lambda: {"generator": _of("G"), "discriminator": _of("D", slice_len=65536)},
            "expected networks of as many samples, got a generator of 16384, discriminator of 65536",
        ),
    ],
)
def test_roles_that_contradict_the_weights(tmp_path, made, message):
    torch.save(made(), tmp_path / "x.tar")
    with pytest.raises(CheckpointError, match=rf"x\.tar: {message}"):
        cs.models.import_checkpoint(tmp_path / "x.tar")


def test_a_file_s_name_that_contradicts_the_weights(tmp_path):
    path = save(tmp_path, {"D": _of("G")})
    with pytest.raises(
        CheckpointError, match=r"_D\.pt: expected a discriminator, got the names of a generator"
    ):
        cs.models.import_checkpoint(path)


def test_two_networks_of_a_role(tmp_path):
    path = save(tmp_path, {"D": {"generator": _of("G")}, "G": _of("G")})
    with pytest.raises(CheckpointError, match=r"epoch2_step900_G\.pt: a second generator"):
        cs.models.import_checkpoint(path)


def test_a_length_of_zero_is_no_length(tmp_path):
    with pytest.raises(CheckpointError, match=r"slice_len: expected one of .*got 0"):
        cs.models.import_checkpoint(save(tmp_path, {"G": _of("G")}), slice_len=0)


def test_a_count_of_batches_is_one_number(tmp_path):
    for count in (torch.ones(2), torch.zeros(0), torch.tensor(torch.nan)):
        state = reference.critic(Maker(2), MOSTAFAELARABY, 5, 512, 1, norm="yes")
        state["conv_layers.0.batch_norm.num_batches_tracked"] = count
        torch.save({"discriminator": state}, tmp_path / "x.tar")
        with pytest.raises(
            CheckpointError, match=r"conv_layers\.0\.batch_norm\.num_batches_tracked: expected a count"
        ):
            cs.models.import_checkpoint(tmp_path / "x.tar")


def test_presets_of_other_ports_are_refused(tmp_path):
    path = save(tmp_path, set_of_three())
    with pytest.raises(
        CheckpointError, match=r"expected one of the presets torch-atzhou8-2022, .*got 'tf1-ciwgan'"
    ):
        cs.models.import_checkpoint(path, preset="tf1-ciwgan")


def test_the_report_says_what_was_assumed(tmp_path):
    with pytest.warns(UserWarning, match="have the same weights"):
        report = str(read_checkpoint(save(tmp_path, set_of_three())))
    assert "upconv0.conv.weight [32, 16, 25] -> conv1.weight" in report
    assert "assumed, since the weights do not tell the vintage" in report
