"""Lists in windows of any size, and keys that come before they are laid out."""

from __future__ import annotations

import pytest
from rich.style import Style
from textual import events

from rnnlm_tui.tui.widgets.lists import DropDown, DropDownList, RowList
from tests.helpers.app import post_keys, wait_until
from tests.helpers.host import HostApp

KEYS = ("pageup", "pagedown", "home", "end", "up", "down")


async def test_a_click_on_a_row_that_was_removed_meanwhile_does_nothing() -> None:
    app = HostApp(lambda: RowList("one"))
    async with app.run_test() as pilot:
        rows = app.query_one(RowList)
        style = Style.from_meta({"option": 1})
        rows.post_message(events.Click(rows, 1, 1, 0, 0, 1, False, False, False, style=style))
        await pilot.pause()
        assert app.is_running and rows.highlighted == 0


@pytest.mark.parametrize("size", [(80, 24), (20, 5), (1, 1)])
async def test_keys_may_come_before_an_opened_list_is_laid_out(size: tuple[int, int]) -> None:
    app = HostApp(lambda: DropDown([(f"row {n}", n) for n in range(20)], value=5))
    async with app.run_test(size=size) as pilot:
        field = app.query_one(DropDown)
        field.focus()
        await pilot.pause()
        for key in KEYS:
            post_keys(app, "enter", key, key, "escape")
            await wait_until(pilot, lambda: not field.expanded and field.has_focus)
        await pilot.press("enter", *KEYS)
        await pilot.resize_terminal(80, 24)
        await wait_until(pilot, lambda: app.query_one(DropDownList).region)
