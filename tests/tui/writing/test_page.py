"""The page: how the lines of a text stand on the screen."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from rich.cells import cell_len
from textual.geometry import Offset
from textual.selection import Selection

from rnnlm_tui.session.tables import Continuation, Copied, Turn
from rnnlm_tui.tui.writing.page import Page
from rnnlm_tui.tui.writing.predictor import Predictor
from rnnlm_tui.tui.writing.spacing import MAX_TEXT
from rnnlm_tui.tui.writing.wrapping import wrapped
from tests.helpers.app import check_layout, picture, rows_of, texts
from tests.helpers.host import HostApp
from tests.helpers.writing_screen import unstored_text

NOON = datetime(2020, 11, 27, 12).timestamp()
DAY = 86_400.0


def host_of_page() -> HostApp:
    """An app that shows a page."""
    return HostApp(lambda: Page(unstored_text(), Predictor()))


def shown(page: Page, *turns: Turn) -> None:
    """Shows these lines."""
    page.text.turns = list(turns)
    page.fill()


def rows(host: HostApp) -> list[str]:
    return [row.rstrip() for row in rows_of(host)]


async def test_a_heading_for_each_day_and_a_blank_row_around_a_wrapped_line() -> None:
    host = host_of_page()
    async with host.run_test(size=(30, 20)) as pilot:
        page = host.query_one(Page)
        shown(
            page,
            Turn("of a file"),
            Turn(""),
            Turn("one", sent=NOON),
            Turn("two", [Continuation("and more", "m", sampled=False)], sent=NOON + 60),
            Turn("three", sent=NOON + 120),
            Turn("a paragraph that is longer than a row", sent=NOON + 180),
            Turn("four", sent=NOON + 240),
            Turn("five", sent=NOON + DAY),
        )
        await pilot.pause()
        assert rows(host)[:16] == [
            " of a file",
            "",
            "",
            " 27 November 2020",
            " one",
            " two",
            "   ▏ and more",
            " three",
            "",
            " a paragraph that is longer",
            " than a row",
            "",
            " four",
            "",
            " 28 November 2020",
            " five",
        ]
        check_layout(host)


async def test_the_page_stays_at_its_end_unless_one_scrolls_up() -> None:
    host = host_of_page()
    async with host.run_test(size=(80, 10)) as pilot:
        page = host.query_one(Page)
        shown(page, *(Turn(f"line {number}") for number in range(300)))
        await pilot.pause()
        assert "line 299" in rows(host)[-1]
        for height in (6, 12):
            await pilot.resize_terminal(70, height)
            await pilot.pause()
            assert "line 299" in rows(host)[-1]
        page.scroll_to(y=100, animate=False, force=True, immediate=True)
        await pilot.resize_terminal(80, 10)
        await pilot.pause()
        assert "line 100" in rows(host)[0]
        check_layout(host)


async def test_the_keys_go_from_line_to_line_and_scroll() -> None:
    host = host_of_page()
    async with host.run_test(size=(80, 10)) as pilot:
        page = host.query_one(Page)
        shown(page, *(Turn(f"line {number}") for number in range(30)))
        await pilot.press(*["up"] * 21)  # the first key goes to the last line
        assert page.current is page.lines[9]
        await pilot.pause()
        strip = next(s for s in host.screen._compositor.render_strips() if "line 9" in s.text)
        assert [s.text for s in strip if s.style and s.style.reverse] == ["line 9"]
        page._add(page.lines[2].turn, Continuation("more", "m", sampled=False))
        assert page.current is page.lines[10], "the same line"
        shown(page, Turn("another text"))
        await pilot.press("up")
        await pilot.pause()
        assert rows(host)[0] == " another text"


async def test_what_the_mouse_selects_is_copied_without_the_bar() -> None:
    host = host_of_page()
    async with host.run_test(size=(80, 10)) as pilot:
        page = host.query_one(Page)
        shown(page, Turn("we left", [Continuation("and came", "m", sampled=False)]))
        await pilot.pause()
        found = page.get_selection(Selection(Offset(3, 0), Offset(7, 1)))
        assert found == ("left\nand", "\n")


async def test_a_long_text_is_shown_at_once() -> None:
    """50,000 words in 10 ms; the limit leaves room for a busy machine."""
    host = host_of_page()
    turns = [Turn("it was late and we went to bed " * 8) for _ in range(800)]
    async with host.run_test(size=(80, 24)):
        page = host.query_one(Page)
        page.text.turns = turns
        began = time.process_time()
        page.fill()
        assert time.process_time() - began < 0.5
        assert len(page.lines) == 800
        began = time.process_time()
        page._add(Turn("one more"))
        assert time.process_time() - began < 0.05


async def test_a_paragraph_too_long_to_be_edited_is_cut_on_the_page() -> None:
    host = host_of_page()
    async with host.run_test(size=(80, 10)) as pilot:
        page = host.query_one(Page)
        shown(page, Turn("x" * (MAX_TEXT + 1)))
        await pilot.pause()
        assert picture(host).rstrip().endswith("x…")
        check_layout(host)


@pytest.mark.parametrize(
    ("copied", "underlined", "note"),
    [
        ((Copied(1, 5, 19),), "c d e f g", "= line 19 of its text"),
        ((Copied(0, 5, 19), Copied(5, 5, 19)), "b c d e fg h i j k", "= line 19 of its text"),
        ((Copied(0, 5, 3), Copied(5, 5, 19)), "b c d e fg h i j k", "= lines 3, 19 of its text"),
        ((Copied(9, 5, 19),), "", ""),
    ],
)
async def test_copied_words_are_underlined_and_their_line_is_noted_once(
    copied: tuple[Copied, ...], underlined: str, note: str
) -> None:
    host = host_of_page()
    async with host.run_test() as pilot:
        page = host.query_one(Page)
        continuation = Continuation("b c d e f g h i j k", "m", sampled=False, copied=copied)
        shown(page, Turn("a", [continuation]))
        await pilot.pause()
        strips = host.screen._compositor.render_strips()
        strip = next(strip for strip in strips if "b c d" in strip.text)
        assert "".join(s.text for s in strip if s.style and s.style.underline) == underlined
        assert strip.text.rstrip().endswith(f"g h i j k  {note}".rstrip())
        assert texts(page.lines)[1] == "b c d e f g h i j k", "a copy does not take the note"


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("", 5, [""]),
        ("one two three", 7, ["one two", "three"]),
        ("one two three", 8, ["one two", "three"]),
        ("abcdefghij kl", 4, ["abcd", "efgh", "ij", "kl"]),
        ("a\nb", 5, ["a", "b"]),
        ("a\tb", 5, ["a   b"]),
        ("éé öö", 2, ["éé", "öö"]),
    ],
)
def test_words_are_wrapped(text: str, width: int, expected: list[str]) -> None:
    assert wrapped(text, width) == expected


@pytest.mark.parametrize(
    "text",
    ["漢字かな交じり文" * 9, "e\u0301 漢" * 30, "\U0001f468\u200d\U0001f469 " * 20, "a" * 300],
    ids=["wide", "joined", "emoji", "plain"],
)
def test_no_row_is_wider_than_the_page_and_nothing_is_lost(text: str) -> None:
    for width in (2, 7, 30):
        found = wrapped(text, width)
        assert "".join(found).replace(" ", "") == text.replace(" ", "")
        assert max(map(cell_len, found)) <= width
