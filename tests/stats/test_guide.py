"""docs/statistics.md runs as it is written, from its first block to its last."""

from __future__ import annotations

import re

import pytest

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_blocks_run_in_order(repository, tmp_path, monkeypatch):
    pytest.importorskip("espeakng_loader", reason="espeak-ng is not installed (extra speech)")
    pytest.importorskip("statsmodels", reason="statsmodels is not installed (extra stats)")
    monkeypatch.chdir(tmp_path)
    guide = repository / "docs" / "statistics.md"
    text = guide.read_text(encoding="utf-8")
    blocks = list(BLOCK.finditer(text))
    assert len(blocks) >= 6, "else nothing is looked at"
    names: dict[str, object] = {}
    for block in blocks:
        line = text[: block.start(1)].count("\n")
        # Lines of the page in tracebacks.
        exec(compile("\n" * line + block[1], str(guide), "exec"), names)
    assert names["result"].groups[0] == "ask"
    assert names["pairs"]["layer_value"].notna().any()
