"""The README's example runs as it is written."""

from __future__ import annotations

import numpy as np
import pytest

from tests.guides import run_blocks


def test_the_example_runs(repository, tmp_path, monkeypatch):
    for name, extra in (
        ("espeakng_loader", "speech"),
        ("parselmouth", "acoustics"),
        ("statsmodels", "stats"),
    ):
        pytest.importorskip(name, reason=f"{name} is not installed (extra {extra})")
    monkeypatch.chdir(tmp_path)
    names = run_blocks(repository / "README.md", least=1)
    assert np.asarray(names["series"]["conv3"]).shape == (80, 64)
    assert (tmp_path / "sweep.zarr").is_dir()
