"""The lists of a run, which follow what is added at their end."""

from __future__ import annotations

from functools import partial

from textual.content import Content

from rnnlm_tui.tui.train.run_lists import RunList
from tests.helpers.app import wait_until
from tests.helpers.host import HostApp


async def test_a_list_stays_at_its_end_unless_it_is_scrolled_up() -> None:
    app = HostApp(partial(RunList, "log"))
    async with app.run_test(size=(40, 10)) as pilot:
        log = app.query_one(RunList)

        async def show(count: int) -> None:
            rows = Content("\n").join(Content(f"row {number}") for number in range(count))
            log.show("log", count, lambda width: ("", rows))
            await wait_until(pilot, lambda: log.rows.size.height == max(1, count))
            await pilot.pause()

        for count in (3, 40, 80):
            await show(count)
            await wait_until(pilot, lambda: log.is_vertical_scroll_end)
        log.scroll_home(animate=False)
        await wait_until(pilot, lambda: log.scroll_y == 0)
        await show(90)
        assert log.scroll_y == 0
        for count in (0, 90):  # those of another run
            await show(count)
            await wait_until(pilot, lambda: log.is_vertical_scroll_end)
