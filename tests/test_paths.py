"""Where data, settings and logs are; looking them up creates no folder."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from rnnlm_tui import paths
from rnnlm_tui.errors import UsageError


@pytest.mark.parametrize("kind", ["data", "config", "log"])
def test_a_folder_is_the_variables_or_else_the_platforms(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, of_platform = getattr(paths, f"{kind}_dir"), f"user_{kind}_path"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv(f"RNNLM_{kind.upper()}_DIR", "~/mine")
    assert folder() == Path("~/mine").expanduser()
    monkeypatch.setenv(f"RNNLM_{kind.upper()}_DIR", "")
    assert folder() == getattr(platformdirs, of_platform)("rnnlm-tui", appauthor=False)
    monkeypatch.setenv(f"RNNLM_{kind.upper()}_DIR", "~nosuchuser/x")
    with pytest.raises(UsageError, match="~nosuchuser/x is no folder: there is no such user"):
        folder()
    assert paths.data_dir(tmp_path / "given") == tmp_path / "given"
    assert list(tmp_path.rglob("*")) == []


def test_the_home_folder_takes_the_place_of_a_current_one_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gone := tmp_path / "gone").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert paths.current_dir() == tmp_path == Path.cwd()
