"""The memory that a training may use."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from rnnlm_tui.cli import inputs

VERSION_1 = "memory/memory."


@pytest.fixture
def cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with a container's memory limits; 9,000 bytes are free outside the container."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=9000))
    monkeypatch.setattr(inputs, "CGROUPS", tmp_path)
    (tmp_path / "memory").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, 9000),
        ({"memory.max": "max\n", "memory.current": "700\n"}, 9000),
        (
            {
                "memory.max": "1000\n",
                "memory.current": "700\n",
                "memory.stat": "anon 100\ninactive_file 500\nactive_file 100\n",
            },
            800,
        ),
        (
            {
                f"{VERSION_1}limit_in_bytes": "2000\n",
                f"{VERSION_1}usage_in_bytes": "1900\n",
                f"{VERSION_1}stat": "inactive_file 1\ntotal_inactive_file 400\n",
            },
            500,
        ),
        (
            {
                "memory.max": "1000\n",
                "memory.current": "1700\n",
                "memory.stat": "inactive_file 500\n",
            },
            0,
        ),
    ],
    ids=["no container", "no limit", "version 2", "version 1", "above the limit"],
)
def test_files_that_the_system_keeps_in_memory_are_free(
    cgroups: Path, files: dict[str, str], free: int
) -> None:
    for name, content in files.items():
        (cgroups / name).write_text(content)
    assert inputs.free_memory() == free
