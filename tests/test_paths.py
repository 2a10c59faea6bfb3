"""Where data, settings and logs lie, and that asking makes no folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest

from rnnlm_tui import paths

FOLDERS: list[tuple[str, Callable[[], Path], Callable[..., Path]]] = [
    ("RNNLM_DATA_DIR", paths.data_dir, platformdirs.user_data_path),
    ("RNNLM_CONFIG_DIR", paths.config_dir, platformdirs.user_config_path),
    ("RNNLM_LOG_DIR", paths.log_dir, platformdirs.user_log_path),
]


@pytest.mark.parametrize(("variable", "folder", "of_platform"), FOLDERS)
def test_a_folder_is_the_variables_or_else_the_platforms(
    variable: str,
    folder: Callable[[], Path],
    of_platform: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv(variable, str(tmp_path / "mine"))
    assert folder() == tmp_path / "mine"
    monkeypatch.setenv(variable, "~/mine")
    assert folder() == Path("~/mine").expanduser()
    for nothing in ("", None):
        if nothing is None:
            monkeypatch.delenv(variable)
        else:
            monkeypatch.setenv(variable, nothing)
        assert folder() == of_platform("rnnlm-tui", appauthor=False)
        assert "rnnlm-tui" in folder().parts
    assert list(tmp_path.rglob("*")) == []


def test_the_data_folder_that_is_given_goes_before_all(tmp_path: Path) -> None:
    assert paths.data_dir(tmp_path / "given") == tmp_path / "given"
