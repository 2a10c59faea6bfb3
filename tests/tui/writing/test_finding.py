"""Finding words in the open text."""

from __future__ import annotations

from pathlib import Path

from rnnlm_tui.session.tables import Turn
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.writing.finding import FindLine, Matches, Place
from rnnlm_tui.tui.writing.page import Page
from tests.helpers.app import check_layout
from tests.helpers.writing_screen import AppDesk, desk

LINES = [Turn(f"line {number}") for number in range(30)]


def found(words: str, *rows: tuple[int, str], from_row: int = 0) -> Matches:
    matches = Matches()
    matches.words = words
    matches.search(rows, from_row)
    return matches


def test_a_match_may_go_on_in_the_next_row_of_its_line_only() -> None:
    rows = [(-1, "we went"), (0, "so we"), (0, "went; WE  went"), (1, "we"), (2, "went")]
    matches = found("we went", *rows)
    assert str(matches) == "1 of 2"
    assert matches.current == [Place(1, 3, 5), Place(2, 0, 4)]
    assert [*matches.in_row(2)] == [(Place(2, 0, 4), True), (Place(2, 6, 14), False)]
    assert [*matches.in_row(3)] == []


def test_matches_follow_each_other_in_a_circle() -> None:
    matches = found("a", (0, "a"), (1, "a"), (2, "a"), from_row=1)
    seen = [str(matches)]
    for by in (1, 1, -1):
        matches.step(by)
        seen.append(str(matches))
    assert seen == ["2 of 3", "3 of 3", "1 of 3", "3 of 3"]
    assert str(found("a", (0, "a"), from_row=1)) == "1 of 1", "there is none below"


def test_straight_and_curly_quotes_are_equal() -> None:
    matches = found('o\'clock "now"', (0, "a o’clock “now”"), (1, "a o'clock"))
    assert str(matches) == "1 of 1"
    assert matches.current == [Place(0, 2, 15)]
    assert str(found("o’clock", (0, "a o’clock"), (1, "a o'clock"))) == "1 of 2"


def test_what_is_typed_is_no_pattern_and_may_be_nowhere() -> None:
    assert str(found(".", (0, "a.b"))) == "1 of 1"
    assert str(found("(", (0, "a"))) == "not found"
    assert str(found(" ", (0, "a b"))) == "not found"
    assert str(found("", (0, "a"))) == ""


def put_lines(it: AppDesk) -> None:
    """Puts 30 lines on the page, which shows the last 12 of them."""
    it.screen.text.turns = [*LINES]
    it.screen.page.fill()
    it.screen.lines_changed()


def marked(it: AppDesk) -> str:
    """The text that is marked as the current match. The scrollbar too is reverse."""
    strips = it.app.screen._compositor.render_strips()[: it.screen.page.region.bottom]
    segments = (segment for strip in strips for segment in strip)
    reverse = (s.text for s in segments if s.style and s.style.reverse and s.text.isascii())
    return "".join(reverse).strip()


async def test_the_page_goes_to_the_matches_and_marks_them(tmp_path: Path) -> None:
    async with desk(tmp_path, preferences=Preferences()) as it:
        put_lines(it)
        it.editor.set_text("so ")
        line = it.screen.query_one(FindLine)
        assert not line.region
        await it.press("ctrl+f")
        await it.until(lambda: line.has_focus and line.region)
        check_layout(it.app)
        for keys, match, place in (
            ("LINE 1", "line 1", "10 of 11"),
            (["down"], "line 1", "11 of 11"),
            (["down"], "line 1", "1 of 11"),
            (["up"], "line 1", "11 of 11"),
            (["up", "up"], "line 1", "9 of 11"),
            (["9"], "line 19", "1 of 1"),
            (["x"], "", "not found"),
        ):
            await it.press(*keys)
            await it.until(lambda place=place: line.border_subtitle == place)
            await it.until(lambda match=match: marked(it) == match)
        await it.press("escape")
        await it.until(lambda: it.editor.has_focus and not line.region)
        await it.press("s")
        assert it.line == "so s"


async def test_the_line_that_was_found_is_edited(tmp_path: Path) -> None:
    """By Enter at once, or from the page after the finding was ended; so is one that is clicked."""
    async with desk(tmp_path) as it:
        put_lines(it)
        line = it.screen.query_one(FindLine)
        for keys in (["enter"], ["escape", "f6", "enter"]):
            await it.press("ctrl+f")
            await it.until(lambda: line.has_focus)
            await it.press(*"line 3")
            await it.until(lambda: marked(it) == "line 3")
            await it.press(*keys)
            await it.until(lambda: it.editor.has_focus and it.line == "line 3")
            await it.press("escape")
            await it.until(lambda: it.line == "")
        page = it.screen.page
        row = next(n for n, text in enumerate(it.rows) if "line 5" in text)
        await it.pilot.click(Page, offset=(3, row - page.region.y))
        await it.until(lambda: it.line == "line 5")


async def test_finding_ends_when_the_line_is_written_again(tmp_path: Path) -> None:
    async with desk(tmp_path, preferences=Preferences()) as it:
        put_lines(it)
        line = it.screen.query_one(FindLine)
        await it.press("ctrl+f")
        await it.until(lambda: line.has_focus)
        await it.press(*"line 3")
        await it.until(lambda: marked(it) == "line 3")
        assert any("line 3" in row for row in it.rows)
        await it.pilot.click(it.editor)
        await it.until(lambda: not line.region)
        assert not marked(it)
        await it.press("ctrl+f")
        await it.until(lambda: marked(it) == "line 3")
        await it.press(*"line 7")
        await it.until(lambda: marked(it) == "line 7")


async def test_nothing_is_found_on_an_empty_page(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.press("ctrl+f")
        await it.until(lambda: it.tells("no lines on the page"))
        assert it.editor.has_focus
