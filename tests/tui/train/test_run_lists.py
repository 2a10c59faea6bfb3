"""The lists of a run, which follow what is added at their end."""

from __future__ import annotations

from functools import partial

from textual.content import Content
from textual.screen import Screen

from rnnlm_tui.tui.train.run_lists import RunList
from tests.helpers.app import wait_until
from tests.helpers.host import HostApp


async def test_a_list_stays_at_its_end_unless_it_is_scrolled_up() -> None:
    app = HostApp(partial(RunList, "log"))
    async with app.run_test(size=(40, 10)) as pilot:
        log = app.query_one(RunList)

        def draw(count: int) -> None:
            rows = Content("\n").join(Content(f"row {number}") for number in range(count))
            log.show("log", count, lambda width: ("", rows))

        async def show(count: int) -> None:
            draw(count)
            await wait_until(pilot, lambda: log.rows.size.height == max(1, count))
            await pilot.pause()

        for count in (3, 40, 80):
            await show(count)
            await wait_until(pilot, lambda: log.is_vertical_scroll_end)
        await app.push_screen(Screen())
        draw(120)
        app.pop_screen()
        await wait_until(pilot, lambda: log.rows.size.height == 120 and log.is_vertical_scroll_end)
        log.scroll_home(animate=False)
        await wait_until(pilot, lambda: log.scroll_y == 0)
        await show(130)
        assert log.scroll_y == 0
        for count in (0, 90):  # those of another run
            await show(count)
            await wait_until(pilot, lambda: log.is_vertical_scroll_end)
