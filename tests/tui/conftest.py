"""Gives every test the same terminal, whatever the environment says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual import constants

from rnnlm_tui import paths
from rnnlm_tui.tui.inside import screen as inside_screen
from rnnlm_tui.tui.runs import follower
from rnnlm_tui.tui.train import form, screen
from rnnlm_tui.tui.widgets import dialogs
from tests.helpers.inside import Script as InsideScript
from tests.helpers.runs import Script


@pytest.fixture(scope="module", autouse=True)
def plain_terminal() -> Iterator[None]:
    """A terminal with all colours. Also resets what Textual read from the environment when it was
    imported, which is before any test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_COLOR_SYSTEM"):
            patch.delenv(name, raising=False)
        patch.setenv("COLORTERM", "truecolor")
        patch.setattr(constants, "TEXTUAL_ANIMATIONS", "none")
        patch.setattr(constants, "COLOR_SYSTEM", "truecolor")
        yield


@pytest.fixture(autouse=True)
def dialogs_read_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dialogs take answers sooner than those of the app, so that tests wait less. Keys that are
    typed ahead answer none."""
    monkeypatch.setattr(dialogs, "TYPE_AHEAD_S", 0.05)


@pytest.fixture
def inside_script(monkeypatch: pytest.MonkeyPatch) -> InsideScript:
    """Replaces the engine of the Inside screen."""
    script = InsideScript()
    monkeypatch.setattr(inside_screen, "explain", script.explain)
    return script


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    """Replaces the child processes of an app whose data folder is `data`."""
    script = Script(tmp_path / "stage", tmp_path / "data")
    monkeypatch.setattr(paths, "headless_command", lambda: script.command)
    monkeypatch.setattr(follower, "READ_EVERY_S", 0.02)
    monkeypatch.setattr(screen, "PAINT_EVERY_S", 0.05)
    monkeypatch.setattr(form, "PAUSE_S", 0.02)
    yield script
    script.end()
