"""The tabs, and how the text at the right gets shorter."""

from __future__ import annotations

import pytest

from rnnlm_tui.tui.widgets.base_screen import Header
from tests.helpers.app import current_tab, resize, rows_of, running, until
from tests.helpers.host import HostApp

TABS = " Autocomplete F2  Train F3  Models F4  Inside F10 "


async def test_parts_of_the_text_are_left_out_before_a_letter_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = [
        "▶ 9% of poems · english · 312 keys saved today",
        "▶ 9% of poems · english",
        "▶ 9% of poems",
    ]
    monkeypatch.setattr(HostApp, "header_texts", lambda app: texts)
    app = HostApp(Header)
    async with running(app, size=(140, 5)) as pilot:
        for width, begin, text in (
            (140, " rnnlm-tui   Autocomplete F2   Train F3 ", texts[0]),
            (80, TABS, texts[1]),
            (68, TABS, texts[2]),
            (60, TABS, "▶ 9% of…"),
        ):
            await resize(pilot, width, 5)
            await until(lambda: rows_of(app)[0].endswith(f" {text} "))  # noqa: B023
            assert rows_of(app)[0].startswith(begin)


@pytest.mark.parametrize("no_color", [False, True])
async def test_the_current_tab_has_brackets_only_without_colours(
    no_color: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    app = HostApp(Header)
    monkeypatch.setattr(HostApp, "current_mode", "train")
    async with running(app, size=(80, 5)):
        await until(lambda: current_tab(app) == "Train")
        shown = TABS.replace(" Train F3 ", "[Train F3]") if no_color else TABS
        assert rows_of(app)[0].startswith(shown)
