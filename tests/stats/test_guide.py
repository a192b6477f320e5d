"""docs/statistics.md runs as it is written, from its first block to its last."""

from __future__ import annotations

import pytest
from tests.guides import run_blocks


def test_the_blocks_run_in_order(repository, tmp_path, monkeypatch):
    pytest.importorskip("espeakng_loader", reason="espeak-ng is not installed (extra speech)")
    pytest.importorskip("statsmodels", reason="statsmodels is not installed (extra stats)")
    monkeypatch.chdir(tmp_path)
    names = run_blocks(repository / "docs" / "statistics.md", least=6)
    assert names["result"].groups[0] == "ask"
    assert names["pairs"]["layer_value"].notna().any()
