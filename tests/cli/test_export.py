"""`convscope export`: networks back to their system's files, nothing of others touched."""

from __future__ import annotations

import pytest
import torch
from tests.models.catalogue import network_of
from tests.models.checkpoints import bundles
from tests.models.checkpoints import tensorflow_reference as reference

import convscope as cs


@pytest.fixture
def net(convscope, folder):
    bundles.write(folder / "model.ckpt-7", reference.variables(16384))
    assert convscope("import", "model.ckpt-7").exit_code == 0
    return folder / "net"


def test_there_and_back(convscope, net, folder):
    result = convscope("export", "net", "-o", "old/model.ckpt-0")
    assert result.exit_code == 0
    assert {word.strip(",") for word in result.stdout.split()[1:]} == {
        str(path.relative_to(folder)) for path in (folder / "old").iterdir()
    }
    assert convscope("import", "old/model.ckpt-0", "-o", "again").exit_code == 0
    first, again = (cs.models.load(folder / name)["generator"].state_dict() for name in ("net", "again"))
    assert all(torch.equal(values, again[name]) for name, values in first.items())
    missing = convscope("export", "nowhere", "-o", "x")
    assert missing.exit_code == 1
    assert "nowhere: expected a folder" in missing.stderr


@pytest.mark.parametrize("name", ["model.ckpt-0.index", "checkpoint", "args.txt"])
def test_what_is_there_is_replaced_only_if_asked_for(convscope, net, folder, name):
    (folder / "old").mkdir()
    (folder / "old" / name).write_text("mine")
    refused = convscope("export", "net", "-o", "old/model.ckpt-0")
    assert refused.exit_code == 2
    assert f"--out: old/{name}: is there already; --force replaces it" in refused.stderr
    assert [path.name for path in (folder / "old").iterdir()] == [name]
    assert convscope("export", "net", "-o", "old/model.ckpt-0", "--force").exit_code == 0
    assert set(cs.models.import_checkpoint(folder / "old")) == {"generator", "discriminator", "q_network"}


def test_names_that_only_begin_alike_are_not_in_the_way(convscope, net, folder):
    (folder / "old").mkdir()
    (folder / "old" / "a[1]1116.index").write_text("mine")
    for name in ("a[1]", "a"):
        result = convscope("export", "net", "-o", f"old/{name}", "--force")
        assert result.exit_code == 0
        assert "1116" not in result.stdout
        assert convscope("export", "net", "-o", f"old/{name}").exit_code == 2
    assert (folder / "old" / "a[1]1116.index").read_text() == "mine"


def test_a_folder_is_no_name(convscope, net):
    for out in (".", "net"):
        refused = convscope("export", "net", "-o", out)
        assert refused.exit_code == 2
        assert f"such as model.ckpt-0, got the folder {out}" in refused.stderr


def test_fewer_networks_leave_none_of_the_earlier(convscope, folder):
    of = {role: network_of("torch-ceti", role, dim=2) for role in ("generator", "discriminator")}
    cs.models.save(of, folder / "two")
    cs.models.save({"generator": of["generator"]}, folder / "one")
    assert convscope("export", "two", "-o", "old/x").exit_code == 0
    refused = convscope("export", "one", "-o", "old/x")
    assert "old/x_G.pt: is there already" in refused.stderr
    (folder / "old" / "x_G.pt").unlink()
    assert "old/x_D.pt: is there already" in convscope("export", "one", "-o", "old/x").stderr
    assert convscope("export", "one", "-o", "old/x", "--force").stdout == "wrote old/x_G.pt\n"
    assert [path.name for path in (folder / "old").iterdir()] == ["x_G.pt"]
