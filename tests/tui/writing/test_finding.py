"""Finding words in the open text."""

from __future__ import annotations

from pathlib import Path

from rnnlm_tui.session.tables import Turn
from rnnlm_tui.tui.writing.finding import FindLine
from rnnlm_tui.tui.writing.page import Page
from tests.helpers.app import running, until
from tests.helpers.host import HostApp
from tests.helpers.writing_screen import AppDesk, desk, open_list, unstored_text

LINES = [Turn(f"line {number}") for number in range(30)]


def put_lines(it: AppDesk) -> None:
    """Puts 30 lines on the page, which shows the last 12 of them."""
    it.screen.open_text.turns = [*LINES]
    it.screen.page.show()
    it.screen.lines_changed()


def marked(it: AppDesk) -> str:
    """The line that is marked as the current match. The scrollbar too is reverse."""
    page = it.screen.page.region
    strips = it.app.screen._compositor.render_strips()[page.y : page.bottom]
    segments = (segment for strip in strips for segment in strip)
    reverse = (s.text for s in segments if s.style and s.style.reverse and s.text[:1].isascii())
    return "".join(reverse).strip()


async def test_the_page_goes_to_the_matches_and_marks_them(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        line = it.screen.query_one(FindLine)
        await it.press("ctrl+f")
        await it.told("no lines on the page")
        assert it.editor.has_focus and not line.region
        put_lines(it)
        await it.press("ctrl+f")
        await until(lambda: line.has_focus and line.region)
        it.check_layout()
        for keys, match, place in (
            ("LINE 1", "line 18", "10 of 11"),
            (["down"], "line 19", "11 of 11"),
            (["down"], "line 1", "1 of 11"),
            (["up"], "line 19", "11 of 11"),
            (["up", "up"], "line 17", "9 of 11"),
            (["9"], "line 19", "1 of 1"),
            (["x"], "", "not found"),
        ):
            await it.press(*keys)
            await until(lambda place=place: line.border_subtitle == place)
            await until(lambda match=match: marked(it) == match)
        await it.press("ctrl+u")
        await it.press(*"line 7")
        await until(lambda: marked(it) == "line 7")
        await it.pilot.click(it.editor)
        await until(lambda: it.editor.has_focus and not line.region)
        assert not marked(it)


async def test_the_line_that_was_found_is_edited(tmp_path: Path) -> None:
    """By Enter at once, or from the page after the finding was ended; so is one that is clicked."""
    async with desk(tmp_path) as it:
        put_lines(it)
        line = it.screen.query_one(FindLine)
        for keys in (["enter"], ["escape", "f6", "enter"]):
            await it.press("ctrl+f")
            await until(lambda: line.has_focus)
            await it.press(*"line 3")
            await until(lambda: marked(it) == "line 3")
            await it.press(*keys)
            await until(lambda: it.editor.has_focus and it.line == "line 3")
            await it.press("escape")
            await until(lambda: it.line == "")
        page = it.screen.page
        row = next(n for n, text in enumerate(it.rows) if "line 5" in text)
        await it.pilot.click(Page, offset=(3, row - page.region.y))
        await until(lambda: it.line == "line 5")


async def test_a_line_found_in_the_list_of_texts_is_shown_and_marked(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        line = it.screen.query_one(FindLine)
        for number in range(30):
            it.screen.open_text.add_lines(
                f"day {number}" + " by tram to the sea" * (number in (3, 7))
            )
        it.screen.open_text.add_lines("in der Straße")
        await it.write(*"half a line")
        await it.press("ctrl+n")
        await until(lambda: not it.page)
        for words, found, place in (
            ("Sea tram", "day 3 by tram to the sea", "1 of 2"),
            ("tram to", "day 3 by tram to the sea", "1 of 2"),
            ("strasse", "in der Stra", ""),
        ):
            await open_list(it, words)
            await it.press("enter")
            await until(lambda found=found: marked(it).startswith(found))
            assert (line.value, line.border_subtitle, it.line) == (words, place, "half a line")
            it.check_layout()
        await open_list(it, "tram")
        await it.press("enter")
        await until(lambda: line.border_subtitle == "1 of 2")
        await it.press("down")
        await until(lambda: marked(it) == "day 7 by tram to the sea")
        await it.press("enter")
        await until(lambda: it.line == "day 7 by tram to the sea")
        await it.press("escape")
        for words in ("day 0", "half", ""):  # the title, the draft, nothing
            await open_list(it, words)
            await it.press("enter")
            await until(lambda: not it.app.screen.is_modal)
            await until(lambda words=words: line.has_focus == (words == "day 0"))


async def test_a_found_line_stays_in_sight_when_the_page_gets_smaller(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        height = it.screen.page.size.height
        for number in range(height - 1):  # and the heading
            it.screen.open_text.add_lines(f"line {number}")
        await it.sees("line 0")
        await open_list(it, "line 0")
        await it.press("enter")
        await until(lambda: it.screen.page.size.height < height)
        await it.press()
        assert marked(it) == "line 0"


async def test_what_is_found() -> None:
    host = HostApp(lambda: Page(unstored_text()))
    async with running(host, size=(80, 10)):
        page = host.query_one(Page)
        for words, lines, says in (
            ("went  we", ["so we went", "WENT we", "went\nwe"], "2 of 2"),
            ('o\'clock "now"', ["a o’clock “now”", "a o'clock"], "1 of 1"),
            ("o’clock", ["a o'clock", "ten o’clock"], "1 of 2"),
            (".", ["a.b"], "1 of 1"),
            ("(", ["a"], "not found"),
            ("we sea", ["the sea and we", "we", "sea", "We saw the sea"], "1 of 2"),
            (" ", ["a b"], ""),
        ):
            page.open_text.turns = [Turn(line) for line in lines]
            page.show()
            found = page.find(words)
            assert (page.find_next(1) if says == "2 of 2" else found) == says
