"""docs/acoustics.md runs as it is written, from its first block to its last."""

from __future__ import annotations

import pytest
from tests.guides import run_blocks


def test_the_blocks_run_in_order(repository, tmp_path, monkeypatch):
    pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
    pytest.importorskip("espeakng_loader", reason="espeak-ng is not installed (extra speech)")
    pytest.importorskip("xarray", reason="xarray is not installed")
    monkeypatch.chdir(tmp_path)
    run_blocks(repository / "docs" / "acoustics.md", least=4)
    assert (tmp_path / "measures.settings.json").exists()
    assert list((tmp_path / "sounds").glob("*.TextGrid"))
