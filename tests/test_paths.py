"""Where data, settings and logs are; looking them up creates no folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest

from rnnlm_tui import paths


@pytest.mark.parametrize(
    ("variable", "folder", "of_platform"),
    [
        ("RNNLM_DATA_DIR", paths.data_dir, platformdirs.user_data_path),
        ("RNNLM_CONFIG_DIR", paths.config_dir, platformdirs.user_config_path),
        ("RNNLM_LOG_DIR", paths.log_dir, platformdirs.user_log_path),
    ],
)
def test_a_folder_is_the_variables_or_else_the_platforms(
    variable: str,
    folder: Callable[[], Path],
    of_platform: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv(variable, "~/mine")
    assert folder() == Path("~/mine").expanduser()
    monkeypatch.setenv(variable, "")
    assert folder() == of_platform("rnnlm-tui", appauthor=False)
    assert paths.data_dir(tmp_path / "given") == tmp_path / "given"
    assert list(tmp_path.rglob("*")) == []
