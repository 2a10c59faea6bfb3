"""The same looks for every test, whatever the environment says, and an end in good order."""

from __future__ import annotations

from typing import Any

import pytest
from textual import constants
from textual.app import App

from rnnlm_tui.tui.widgets import dialogs


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal with all colours and no wishes of its own. What Textual has read from the
    environment at its import, which is before any test, is set right too."""
    for name in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_COLOR_SYSTEM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setattr(constants, "TEXTUAL_ANIMATIONS", "none")
    monkeypatch.setattr(constants, "COLOR_SYSTEM", "truecolor")


@pytest.fixture(autouse=True)
def no_type_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dialogs answer from the first moment on, so that no test has to wait."""
    monkeypatch.setattr(dialogs, "TYPE_AHEAD_S", 0)


@pytest.fixture(autouse=True)
def workers_end_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app that is left ends its workers before its widgets; a test that is over would take the
    widgets away from workers that still draw on them."""
    close = App._shutdown

    async def close_in_order(app: App[Any]) -> None:
        app.workers.cancel_all()
        await close(app)

    monkeypatch.setattr(App, "_shutdown", close_in_order)
