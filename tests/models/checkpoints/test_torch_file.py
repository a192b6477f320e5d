"""Files of torch.save: nothing that they hold is run unless the caller says so, and what is wrong with them is said in one line."""

from __future__ import annotations

import os
import pickle
import random
import sys
import tarfile
import types

import pytest
import torch
from tests.models.checkpoints.ports_reference import save, set_of_three

import convscope as cs
from convscope.models import CheckpointError
from convscope.models.checkpoints._torch_file import read_states


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


class Fails:
    """Divides by zero when it is unpickled."""

    def __reduce__(self):
        return divmod, (1, 0)


def test_modules_that_are_trusted(tmp_path, monkeypatch):
    state = set_of_three()["G"]

    class Generator(torch.nn.Module):
        def state_dict(self):
            return state

    module = types.ModuleType("code_of_a_port")
    monkeypatch.setitem(sys.modules, "code_of_a_port", module)
    module.Generator, Generator.__module__, Generator.__qualname__ = Generator, module.__name__, "Generator"
    torch.save({"generator": Generator()}, tmp_path / "whole.pt")
    found = cs.models.import_checkpoint(tmp_path / "whole.pt", trust_pickle=True)["generator"]
    assert torch.equal(found.fc.bias, state["z_project.bias"])
    monkeypatch.delitem(sys.modules, "code_of_a_port")
    with pytest.raises(CheckpointError, match=r"must be importable here: No module named 'code_of_a_port'"):
        cs.models.import_checkpoint(tmp_path / "whole.pt", trust_pickle=True)
    torch.save({"a": Fails()}, tmp_path / "fails.pt")
    with pytest.raises(CheckpointError, match=r"fails\.pt: damaged.*: integer division or modulo by zero"):
        cs.models.import_checkpoint(tmp_path / "fails.pt", trust_pickle=True)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_torch_s_own_advice_is_not_repeated(tmp_path):
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps({"a": [1.0]}, protocol=4))
    tarfile.open(tmp_path / "x.tar", "w").close()
    for name, wanted in (
        ("plain.pkl", "damaged, or not written by torch.save: "),
        ("x.tar", r".*--trust-pickle"),
    ):
        with pytest.raises(CheckpointError, match=rf"{name}: {wanted}") as caught:
            cs.models.import_checkpoint(tmp_path / name)
        assert "weights_only" not in str(caught.value)


MUTATIONS = int(os.environ.get("CONVSCOPE_FUZZ", "2000")) // 10


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("zipped", [True, False])
def test_mutated_files(tmp_path, zipped):
    """An error of ours or a reading, whatever torch makes of them."""
    rng, path, refused = random.Random(int(zipped)), tmp_path / "x.pt", []
    torch.save({"a.weight": torch.ones(2, 3)}, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for _ in range(MUTATIONS):
        changed = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(min(len(whole), 700))  # the pickle comes first
            changed[at : at + rng.randint(0, 2)] = rng.choice(
                [b"", b"N", b"t", b"}", b"]", b")", b"0", b"R", b"\x88", b"b"]
            )
        path.write_bytes(changed)
        try:
            assert read_states(path, trust_pickle=False)
        except CheckpointError as error:
            refused.append(str(error))
    assert len(refused) > MUTATIONS / 2
    assert all(message.startswith(f"{path}: ") for message in refused)


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
