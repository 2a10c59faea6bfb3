"""The memory that a training may use."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from rnnlm_tui.training import inputs

VERSION_1 = tuple(f"memory/memory.{name}" for name in ("limit_in_bytes", "usage_in_bytes", "stat"))
VERSION_2 = ("memory.max", "memory.current", "memory.stat")
"""The files with the limit, the usage and the statistics."""


@pytest.fixture
def cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with a container's memory limits; 9,000 bytes are free outside the container."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=9000))
    monkeypatch.setattr(inputs, "CGROUPS", tmp_path)
    (tmp_path / "memory").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("names", "contents", "free"),
    [
        ((), (), 9000),
        (VERSION_2, ("max\n", "700\n", ""), 9000),
        (VERSION_2, ("1000\n", "700\n", "anon 100\ninactive_file 500\nactive_file 100\n"), 800),
        (VERSION_1, ("2000\n", "1900\n", "inactive_file 1\ntotal_inactive_file 400\n"), 500),
        (VERSION_2, ("1000\n", "1700\n", "inactive_file 500\n"), 0),
    ],
    ids=["no container", "no limit", "version 2", "version 1", "above the limit"],
)
def test_files_that_the_system_keeps_in_memory_are_free(
    cgroups: Path, names: tuple[str, ...], contents: tuple[str, ...], free: int
) -> None:
    for name, content in zip(names, contents, strict=True):
        (cgroups / name).write_text(content)
    assert inputs.free_memory() == free
