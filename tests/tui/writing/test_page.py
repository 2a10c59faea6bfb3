"""The page: how the lines of a text stand on the screen."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from rnnlm_tui.session.tables import Turn
from rnnlm_tui.tui.writing.insertion import MAX_TEXT
from rnnlm_tui.tui.writing.page import Page
from rnnlm_tui.tui.writing.page_rows import wrapped
from tests.helpers.app import check_layout, in_reverse, picture, press, resize, rows_of, running
from tests.helpers.host import HostApp
from tests.helpers.writing_screen import unstored_text

NOON = datetime(2020, 11, 27, 12).timestamp()
DAY = 86_400.0


def host_of_page() -> HostApp:
    """An app that shows a page."""
    return HostApp(lambda: Page(unstored_text()))


def shown(page: Page, *turns: Turn) -> None:
    """Shows these lines."""
    page.open_text.turns = list(turns)
    page.show()


@asynccontextmanager
async def page_of_lines(number: int) -> AsyncIterator[tuple[HostApp, Page, Pilot[None]]]:
    """A page of so many lines, of which 8 are in sight."""
    host = host_of_page()
    async with running(host, size=(80, 8)) as pilot:
        page = host.query_one(Page)
        shown(page, *(Turn(f"line {index}") for index in range(number)))
        await pilot.pause()
        yield host, page, pilot


def rows(host: HostApp) -> list[str]:
    """The rows of the page."""
    return [row.strip("█▁▂▃▄▅▆▇ ") for row in rows_of(host)]


async def test_headings_and_blank_rows() -> None:
    """A heading for each day; a blank row before and after a line that is wrapped. The last line is
    at the bottom."""
    host = host_of_page()
    async with running(host, size=(32, 24)) as pilot:
        shown(
            host.query_one(Page),
            Turn("of a file"),
            Turn(""),
            Turn("one", sent=NOON),
            Turn("two", sent=NOON + 60),
            Turn("a paragraph that is longer than a row", sent=NOON + 180),
            Turn("four", sent=NOON + 240),
            Turn("five", sent=NOON + DAY),
        )
        await pilot.pause()
        assert rows(host) == [
            *[""] * 10,
            "of a file",
            "",
            "",
            "── Friday 27 November 2020, 1",
            "one",
            "two",
            "",
            "a paragraph that is longer",
            "than a row",
            "",
            "four",
            "",
            "── Saturday 28 November 2020,",
            "five",
        ]
        check_layout(host)


async def test_the_page_stays_at_its_end_unless_one_scrolls_up() -> None:
    async with page_of_lines(300) as (host, page, pilot):
        assert rows(host)[-1] == "line 299"
        for height in (4, 10):
            await resize(pilot, 70, height)
            await pilot.pause()
            assert rows(host)[-1] == "line 299"
        page.scroll_to(y=100, animate=False, force=True, immediate=True)
        await resize(pilot, 80, 8)
        await pilot.pause()
        assert rows(host)[0] == "line 100"


async def test_the_keys_go_from_line_to_line_and_scroll() -> None:
    async with page_of_lines(30) as (host, page, pilot):
        await press(pilot, *["up"] * 21)  # the first key goes to the last line
        assert page.marked_line is page.lines[9]
        await pilot.pause()
        assert "line 9" in in_reverse(host)
        page.open_text.turns.insert(3, Turn("more"))
        page.show(page.open_text.turns[9])
        assert page.marked_line is page.lines[10], "the same line"
        shown(page, Turn("another text"))
        await press(pilot, "up")
        assert page.marked_line is page.lines[0]


async def test_the_mark_moves_with_the_page_and_never_out_of_sight() -> None:
    async with page_of_lines(30) as (host, page, pilot):
        await press(pilot, "up")  # to the last line
        for by, line in ((-1, 22), (-1, 15), (1, 22), (1, 29), (1, 29), *[(-1, 0)] * 5):
            page.scroll_page(by)
            if (by, line) != (-1, 0):
                assert page.marked_line is page.lines[line]
        assert page.marked_line is page.lines[0]
        for y, line in ((12, 12), (16, 16), (3, 10)):  # as by the wheel of the mouse
            page.scroll_to(y=y, animate=False, force=True, immediate=True)
            assert page.marked_line is page.lines[line]
            await pilot.pause()
            assert f"line {line}" in in_reverse(host)


async def test_the_page_stays_where_it_is_if_a_line_is_removed() -> None:
    async with page_of_lines(30) as (host, page, pilot):
        for y, row in ((12, "line 12"), (22, "line 22")):  # in the middle, and at the end
            page.scroll_to(y=y, animate=False, force=True, immediate=True)
            page.show(page.open_text.turns.pop(15))
            await pilot.pause()
            assert rows(host)[0] == row


async def test_a_long_text_is_shown_at_once() -> None:
    """50,000 words in 10 ms; the limit leaves room for a busy machine."""
    host = host_of_page()
    async with running(host, size=(80, 24)):
        page = host.query_one(Page)
        page.open_text.turns = [Turn("it was late and we went to bed " * 8) for _ in range(800)]
        for limit_s in (0.5, 0.05):
            began = time.thread_time()
            page.show()
            assert time.thread_time() - began < limit_s
            page.open_text.turns.append(Turn("x" * (MAX_TEXT + 1)))
        assert picture(host).count("x…") == 1, "too long to be edited"


def test_words_are_wrapped() -> None:
    for text, width, expected in (
        ("", 5, [""]),
        ("one two three", 7, ["one two", "three"]),
        ("one two three", 8, ["one two", "three"]),
        ("abcdefghij kl", 4, ["abcd", "efgh", "ij", "kl"]),
        ("a\nb", 5, ["a", "b"]),
        ("a\tb", 5, ["a   b"]),
        ("éé öö", 2, ["éé", "öö"]),
    ):
        assert wrapped(text, width) == expected


@pytest.mark.parametrize(
    "text", ["漢字かな交じり文" * 9, "e\u0301 漢" * 30, "\U0001f468\u200d\U0001f469 " * 20]
)
def test_no_row_is_wider_than_the_page_and_nothing_is_lost(text: str) -> None:
    for width in (2, 7, 30):
        found = wrapped(text, width)
        assert "".join(found).replace(" ", "") == text.replace(" ", "")
        assert max(map(cell_len, found)) <= width
