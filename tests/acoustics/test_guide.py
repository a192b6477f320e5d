"""docs/acoustics.md runs as it is written, from its first block to its last."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "acoustics.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_blocks_run_in_order(tmp_path, monkeypatch):
    pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
    pytest.importorskip("espeakng_loader", reason="espeak-ng is not installed (extra speech)")
    pytest.importorskip("xarray", reason="xarray is not installed")
    monkeypatch.chdir(tmp_path)
    text = GUIDE.read_text(encoding="utf-8")
    blocks = list(BLOCK.finditer(text))
    assert len(blocks) >= 4, "else nothing is looked at"
    names: dict[str, object] = {}
    for block in blocks:
        line = text[: block.start(1)].count("\n")
        # Lines of the page in tracebacks.
        exec(compile("\n" * line + block[1], str(GUIDE), "exec"), names)
    assert (tmp_path / "measures.settings.json").exists()
    assert list((tmp_path / "sounds").glob("*.TextGrid"))
