"""Networks from the PyTorch ports' files compute what the ports' code computed."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import torch
from tests.models.checkpoints import ports_reference as reference
from tests.models.checkpoints import tensorflow_reference
from tests.models.checkpoints.ports_reference import (
    ATZHOU8,
    JTCRAMER,
    MOSTAFAELARABY,
    MOSTAFAELARABY_NEAREST,
    Maker,
)

import convscope as cs
from convscope.models import CheckpointError
from convscope.models.checkpoints import read_checkpoint

ROLES = {"G": "generator", "D": "discriminator", "Q": "q_network"}


def maps_of(network: torch.nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    maps, h = [], x.unsqueeze(1) if network.spec.role != "generator" else x
    with torch.inference_mode():
        for layer in network.children():
            h = layer(h)
            maps.append(h)
    return maps


def assert_same(network: torch.nn.Module, x: torch.Tensor, wanted: list[torch.Tensor]) -> None:
    found = maps_of(network, x)
    assert len(found) == len(wanted)
    for got, exact in zip(found, wanted, strict=True):
        torch.testing.assert_close(got, exact, atol=1e-5, rtol=1e-4)


def random(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def set_of_three(slice_len: int = 16384, norm: str = "no") -> dict[str, reference.State]:
    """As the atzhou8 port writes them."""
    ups, flat = (5, 16 * 32) if slice_len == 16384 else (6, 64 * 32)
    return {
        "G": reference.generator(Maker(1), ATZHOU8, ups, norm=norm == "yes"),
        "D": reference.critic(Maker(2), ATZHOU8, 5, flat, 1, norm=norm),
        "Q": reference.critic(Maker(3), ATZHOU8, 5, flat, 7, norm=norm),
    }


def save(folder, states, name="epoch2_step900"):
    for letter, state in states.items():
        torch.save(state, folder / f"{name}_{letter}.pt")
        torch.save({"state": {}}, folder / f"{name}_{letter}opt.pt")
    return folder / name


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
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # generators of all vintages are one
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
    torch.save({f"module.{name}": values for name, values in state.items()}, tmp_path / "Gen.pkl")
    assert_same(cs.models.import_checkpoint(tmp_path / "Gen.pkl")["generator"], z, maps)


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


def test_what_runs_code_is_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "whole.pt")
    with pytest.raises(
        CheckpointError,
        match=r"whole\.pt: holds more than arrays \(torch\.nn\.modules\.linear\.Linear\).*--trust-pickle",
    ):
        cs.models.import_checkpoint(tmp_path / "whole.pt")
    with pytest.raises(
        CheckpointError, match=r"whole\.pt: expected the names of a known port, got weight, bias"
    ):
        cs.models.import_checkpoint(tmp_path / "whole.pt", trust_pickle=True)


def test_a_file_cut_off_anywhere(tmp_path):
    path = save(tmp_path, {"G": set_of_three()["G"]}).with_name("epoch2_step900_G.pt")
    whole = path.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"epoch2_step900_G\.pt: damaged"):
            cs.models.import_checkpoint(path)
    path.write_text("not a checkpoint")
    with pytest.raises(CheckpointError, match=r"epoch2_step900_G\.pt: "):
        cs.models.import_checkpoint(path)


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
    ],
)
def test_what_is_wrong_is_named(tmp_path, change, message):
    state = set_of_three()["G"]
    change(state)
    with pytest.raises(CheckpointError, match=rf"epoch2_step900_G\.pt: {message}"):
        cs.models.import_checkpoint(save(tmp_path, {"G": state}))


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


def test_the_dump_of_the_web_page(tmp_path):
    of = tensorflow_reference.variables(16384, filtered=512)
    of = {name: values for name, values in of.items() if name.startswith("G/") and "Adam" not in name}
    manifest = {
        name: {"filename": name.replace("/", "_"), "shape": list(values.shape)} for name, values in of.items()
    }
    manifest["cherries"] = {"filename": "cherries", "shape": [65, 100]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    for name, values in of.items():
        values.astype("<f4").tofile(tmp_path / name.replace("/", "_"))
    network = cs.models.import_checkpoint(tmp_path)["generator"]
    z = random(2, 30)
    found = maps_of(network, z)[-1].numpy().transpose(0, 2, 1)
    np.testing.assert_allclose(found, tensorflow_reference.generator(of, z.numpy(), 16384)[-1], atol=1e-5)
    with (tmp_path / "G_upconv_0_conv2d_transpose_bias").open("ab") as file:
        file.write(b"1")
    with pytest.raises(
        CheckpointError, match=r"G/upconv_0/conv2d_transpose/bias: expected 64 bytes of shape \(16,\), got 65"
    ):
        cs.models.import_checkpoint(tmp_path)
    (tmp_path / "manifest.json").write_text('{"G/x": {"filename": "../../etc/passwd", "shape": [1]}}')
    with pytest.raises(CheckpointError, match=r"manifest\.json: expected names with"):
        cs.models.import_checkpoint(tmp_path)
