"""Lists in windows of any size, and keys that come before they are laid out."""

from __future__ import annotations

import pytest
from rich.style import Style
from textual import events
from textual.widgets import OptionList

from rnnlm_tui.tui.widgets.dialogs import Choice
from rnnlm_tui.tui.widgets.lists import DropDown, DropDownList, RowList
from tests.helpers.app import post_keys, wait_until
from tests.helpers.host import HostApp

KEYS = ("pageup", "pagedown", "home", "end", "up", "down")
SIZES = [(80, 24), (40, 12), (20, 5), (9, 3), (1, 1)]
OPTIONS = tuple((f"id{n}", f"row {n}", "explained in a sentence") for n in range(20))


def form() -> HostApp:
    """A field whose list is opened by Enter, and a hidden list."""

    def hidden() -> RowList:
        rows = RowList("one", "two", id="hidden")
        rows.display = False
        return rows

    options = [(f"row {n}", n) for n in range(20)]
    return HostApp(lambda: DropDown(options, value=5, allow_blank=False), hidden)


async def test_page_up_and_down_do_nothing_in_a_list_that_was_never_laid_out() -> None:
    app = form()
    async with app.run_test():
        rows = app.query_one("#hidden", RowList)
        for row in (1, None):
            rows.highlighted = row
            rows.action_page_up()
            rows.action_page_down()
            assert rows.highlighted == row


async def test_a_click_on_a_row_that_was_removed_meanwhile_does_nothing() -> None:
    app = form()
    async with app.run_test() as pilot:
        rows = app.query_one("#hidden", RowList)
        for options, highlighted in ((["one", "two"], 1), (["one"], None)):
            rows.set_options(options)
            style = Style.from_meta({"option": 1})
            rows.post_message(events.Click(rows, 1, 1, 0, 0, 1, False, False, False, style=style))
            await pilot.pause()
            assert rows.highlighted == highlighted


@pytest.mark.parametrize("size", SIZES)
async def test_a_dialog_takes_every_key_in_a_window_of_any_size(size: tuple[int, int]) -> None:
    app = HostApp()
    async with app.run_test(size=size) as pilot:
        await app.push_screen(Choice("Which?", "A question.", OPTIONS))
        rows = app.screen.query_one(OptionList)
        for key in KEYS:
            post_keys(app, key)
            await pilot.pause()
        await pilot.resize_terminal(80, 24)
        await wait_until(pilot, lambda: rows.region and rows.has_focus)
        rows.highlighted = 19
        await pilot.press("pageup")
        assert rows.highlighted is not None and 0 < rows.highlighted < 19


@pytest.mark.parametrize("size", SIZES)
async def test_keys_may_come_before_an_opened_list_is_laid_out(size: tuple[int, int]) -> None:
    app = form()
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
