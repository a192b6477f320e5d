"""Pages whose Python blocks are run as they are written."""

from __future__ import annotations

import re
from pathlib import Path

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run_blocks(page: Path, *, least: int) -> dict[str, object]:
    """What is named after all blocks of a page, run in order in one namespace; there are ``least`` of them or more."""
    text = page.read_text(encoding="utf-8")
    blocks = list(BLOCK.finditer(text))
    assert len(blocks) >= least, "else nothing is looked at"
    names: dict[str, object] = {}
    for block in blocks:
        line = text[: block.start(1)].count("\n")  # so that tracebacks have the lines of the page
        exec(compile("\n" * line + block[1], str(page), "exec"), names)
    return names
