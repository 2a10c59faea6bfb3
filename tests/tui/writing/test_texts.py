"""Several texts: the list of them, their files, and what a model has just read."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input

from rnnlm_tui.session.text_file import read_text_file
from rnnlm_tui.tui.widgets.dialogs import AskPath, AskText, Choice
from rnnlm_tui.tui.widgets.lists import RowList
from rnnlm_tui.tui.writing.texts_dialog import MAX_SHOWN, TextsDialog
from tests.helpers.app import answered, check_layout, has_row, post_keys, scripted_app
from tests.helpers.writing_screen import AppDesk, Desk, desk

"""No line is continued by the model."""


async def open_list(it: AppDesk, search: str = "") -> TextsDialog:
    """Opens the list and searches in it."""
    await it.press("ctrl+o")
    await it.until(lambda: isinstance(it.app.screen, TextsDialog))
    dialog = it.app.screen
    assert isinstance(dialog, TextsDialog)
    await it.until(lambda: dialog.query_one(RowList).option_count)
    if search:
        await it.press(*search)
        await it.until(lambda: dialog.query_one(Input).value == search)
    return dialog


async def closed(it: AppDesk) -> None:
    await it.until(lambda: not it.app.screen.is_modal)


async def two_texts(it: AppDesk) -> None:
    """Writes one text, and then another, which stays open."""
    await it.send("we went to the sea", 1)
    await it.press("ctrl+n")
    await it.until(lambda: it.page == [])
    await it.send("tom made soup", 1)


async def asks_path(it: AppDesk) -> None:
    await it.until(lambda: isinstance(it.app.screen, AskPath) and it.app.screen.query(Input))


async def save_as(it: AppDesk, path: Path) -> None:
    """Presses F5 and names a file."""
    await it.press("f5")
    await asks_path(it)
    assert it.app.screen.query_one(Input).value == f"{it.screen.text.title}.txt"
    it.app.screen.query_one(Input).value = str(path)
    await it.press("enter")


async def test_texts_are_searched_and_opened(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await two_texts(it)
        await it.write(*"half a li")
        await open_list(it)
        await it.until(lambda: has_row(it.app, "tom made soup", "open", "3 words"))
        await it.until(lambda: has_row(it.app, "we went to the sea", "5 words"))
        await it.press(*"SEA")
        await it.until(lambda: not has_row(it.app, "tom made soup", "open"))
        await it.until(lambda: has_row(it.app, "we went to the sea", "today"))
        check_layout(it.app)
        await it.press("enter")
        await closed(it)
        await it.until(lambda: it.page == ["we went to the sea"])
        assert it.line == ""
        await it.press("ctrl+z")
        assert it.line == "we went to the sea", "undo does not bring the other text here"
        await it.press("escape")
        await open_list(it, "soup")
        await it.until(lambda: not has_row(it.app, "we went", "open"))
        await it.press("enter")
        await it.until(lambda: it.line == "half a li")
        assert it.page == ["tom made soup"]
    async with desk(tmp_path) as it:
        assert it.page == ["tom made soup"], "the text that was open"
        assert it.line == "half a li"


async def test_a_text_deleted_before_quitting_does_not_come_back(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await two_texts(it)
        await it.write(*"half a line")
        await open_list(it)
        await it.press("ctrl+d")
        await it.until(lambda: it.tells("deleted “tom made soup”: ctrl+z"))
        await it.press("ctrl+q")
        await it.until(lambda: not it.app.is_running)
    async with desk(tmp_path) as it:
        assert (it.page, it.line) == (["we went to the sea"], "")


async def test_a_search_without_a_hit_says_so_and_enter_opens_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.send("five o’clock", 1)
        dialog = await open_list(it, "xyz[/b]")
        await it.until(lambda: has_row(it.app, "no text has “xyz[/b]”"))
        check_layout(it.app)
        await it.press("enter")
        assert it.app.screen is dialog
        await it.press("ctrl+u", *"o'clock")
        await it.until(lambda: has_row(it.app, "five o’clock", "open"))
        assert not has_row(it.app, "no text has")
        await it.press("enter")
        await closed(it)
        assert it.page == ["five o’clock"]


async def test_nothing_is_saved_before_a_line_is_on_the_page(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.press("f5")
        await it.until(lambda: it.tells("there is nothing to save yet"))
        await it.write(*"not sent")
        await it.press("ctrl+s")
        await it.until(lambda: it.tells("Enter adds what you are writing to the page, then F5"))
        assert not it.app.screen.is_modal
        await it.press("enter", "ctrl+s")
        await it.until(lambda: isinstance(it.app.screen, AskPath))
        await it.until(lambda: has_row(it.app, f"a name alone goes to {Path.cwd()}"))


async def test_a_line_of_a_long_text_is_found_and_shown(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.send("a title", 1)
        await it.send("words before it and then a needle[/b] in the hay", 2)
        await open_list(it, "needle[/b]")
        await it.until(lambda: has_row(it.app, "and then a needle[/b] in the hay"))
        await it.until(lambda: has_row(it.app, "a title", "12 words"))
        check_layout(it.app)


async def test_switching_texts_switches_what_the_model_has_just_read(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:

        def has_read(*lines: str) -> bool:
            answer = it.screen.answer
            return answer is not None and answer.question.previous_lines == lines

        await two_texts(it)
        await it.until(lambda: has_read("tom made soup"))
        await open_list(it, "sea")
        await it.until(lambda: not has_row(it.app, "tom made", "open"))
        await it.press("enter")
        await it.until(lambda: has_read("we went to the sea"))


async def test_a_text_is_renamed_and_deleted_and_comes_back(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await two_texts(it)
        await it.write(*"half a line")
        await open_list(it)
        await it.press("ctrl+r")
        await it.until(lambda: isinstance(it.app.screen, AskText))
        it.app.screen.query_one(Input).value = "Letter [/b]"
        await it.press("enter")
        await it.until(lambda: has_row(it.app, "Letter [/b]", "open"))
        await it.press("ctrl+d")
        await it.until(lambda: not has_row(it.app, "Letter [/b]", "open"))
        await it.until(lambda: it.tells("deleted “Letter [/b]”: ctrl+z here brings it back"))
        assert await it.screen.farewell() == "", "the open text is gone"
        await it.press("escape")
        await closed(it)
        await it.until(lambda: it.page == [])
        await it.until(lambda: has_row(it.app, "─ new text ─"))
        await open_list(it)
        assert not has_row(it.app, "half a line", "today"), "leaving it does not bring it back"
        await it.press("ctrl+z")
        await it.until(lambda: has_row(it.app, "Letter [/b]", "today"))
        await it.press("ctrl+z")
        await it.until(lambda: it.tells("no text was deleted"))
        await it.press("enter")
        await it.until(lambda: it.page == ["tom made soup"])
        await it.until(lambda: has_row(it.app, "─ Letter [/b] · 3 words ─"))
        assert it.line == "half a line"


async def test_a_new_text_and_a_file_are_opened_from_the_list(tmp_path: Path) -> None:
    (tmp_path / "poem.txt").write_text("roses are red\n\nviolets\n")
    (tmp_path / "binary").write_bytes(b"a\0b")
    async with desk(tmp_path) as it:
        await it.send("we went to the sea", 1)
        await open_list(it)
        await it.until(lambda: has_row(it.app, "a new text"))
        await it.press("down", "enter")  # the row below the only text
        await closed(it)
        await it.until(lambda: it.page == [])
        for name, expected in (("binary", []), ("poem.txt", ["roses are red", "", "violets"])):
            await open_list(it)
            await it.press("ctrl+o")
            await asks_path(it)
            it.app.screen.query_one(Input).value = str(tmp_path / name)
            await it.press("enter")
            await it.until(lambda: not isinstance(it.app.screen, AskPath))
            if not expected:
                await it.until(lambda: it.tells("binary is not text"))
                await it.press("escape")
            await closed(it)
            await it.until(lambda expected=expected: it.page == expected)
        await it.until(lambda: has_row(it.app, "─ roses are red · 4 words · saved to poem.txt ─"))
        assert not has_row(it.app, "November"), "nobody knows the day of these lines"


async def test_the_newest_of_many_texts_are_listed(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        for number in range(MAX_SHOWN + 5):
            await it.screen.text.open(None)
            it.screen.text.add_line(f"text {number}")
        dialog = await open_list(it)
        rows = dialog.query_one(RowList)
        await it.until(lambda: rows.option_count == MAX_SHOWN + 2)
        await it.press(*"text 3", "enter")
        await it.until(lambda: it.page == ["text 103"])


async def test_the_first_save_asks_for_a_file_and_the_next_do_not(tmp_path: Path) -> None:
    target = tmp_path / "diary.md"
    async with desk(tmp_path) as it:
        await it.send("one", 1)
        await it.write(*"not sent")
        await save_as(it, target)
        await it.until(lambda: it.tells(f"saved to {target}; what you are writing is not in"))
        assert target.read_text() == "one\n", "what is not sent is not in it"
        await it.until(lambda: has_row(it.app, "─ one · 1 word · saved to diary.md ─"))
        await it.write("ctrl+u")
        await it.send("two", 2)
        await it.until(lambda: has_row(it.app, "· not saved to diary.md yet"))
        assert "diary.md" in (await it.screen.farewell() or "")
        await it.press("f5")
        await it.until(lambda: target.read_text() == "one\ntwo\n")
        await it.until(lambda: has_row(it.app, "· saved to diary.md ─"))
        assert "diary.md" not in (await it.screen.farewell() or "diary.md")
        await save_elsewhere_fails(it)


async def save_elsewhere_fails(it: AppDesk) -> None:
    """A new text cannot be saved where there is no disk."""
    await it.press("ctrl+n")
    await it.until(lambda: it.page == [])
    await it.send("three", 1)
    await save_as(it, Path("/proc/no-such-file"))
    await it.until(lambda: it.tells("could not save /proc/no-such-file"))


@pytest.mark.parametrize(
    ("key", "in_file"), [("enter", "of others\n"), ("2", "one\ntwo\n"), ("escape", "of others\n")]
)
async def test_a_file_that_others_have_changed_is_not_overwritten_without_a_question(
    key: str, in_file: str, tmp_path: Path
) -> None:
    target = tmp_path / "diary.md"
    async with desk(tmp_path) as it:
        await it.send("one", 1)
        await save_as(it, target)
        await it.until(target.exists)
        await it.send("two", 2)
        target.write_text("of others\n")
        await it.press("f5")
        await it.until(lambda: isinstance(it.app.screen, Choice))
        await it.until(lambda: has_row(it.app, "diary.md has changed"))
        await it.press(key)
        if key == "enter":
            await asks_path(it)
            it.app.screen.query_one(Input).value = str(tmp_path / "other.md")
            await it.press("enter")
            await it.until((tmp_path / "other.md").exists)
            assert (tmp_path / "other.md").read_text() == "one\ntwo\n"
        await closed(it)
        await it.until(lambda: target.read_text() == in_file)
        assert it.page == ["one", "two"]


async def test_a_file_of_the_command_line_is_open_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "poem.txt").write_text("roses are red\n")
    async with desk(tmp_path) as it:
        await it.send("we went to the sea", 1)
    app = scripted_app(tmp_path)
    app.autocomplete._first_file = read_text_file(tmp_path / "poem.txt")
    async with app.run_test(size=(80, 24)) as pilot:
        await answered(pilot)
        it = Desk(app, pilot, app.autocomplete.editor)
        assert it.page == ["roses are red"]
        await it.send("violets", 2)
        await it.press("f5")
        await it.until(lambda: (tmp_path / "poem.txt").read_text() == "roses are red\nviolets\n")


async def test_a_sent_line_changes_in_its_place_also_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "poem.txt").write_text("\tone\n\n  two\nthree\n")
    async with desk(tmp_path) as it:
        read = read_text_file(tmp_path / "poem.txt")
        await it.screen._open(partial(it.screen.text.open_file, read))
        await it.press("up")
        assert it.line == "three"
        await it.press("up")
        assert it.line == "  two", "the blank line is no line to edit"
        await it.press("enter")
        await it.press("up", "up")
        await it.write(*"!")
        await it.press("enter")
        await it.until(lambda: it.page[2].endswith("two!"))
        await it.press("f5")
        await it.until(lambda: (tmp_path / "poem.txt").read_text() == "\tone\n\ntwo!\nthree\n")


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 36)])
async def test_the_keys_take_one_row_and_lead_to_all_others(
    size: tuple[int, int], tmp_path: Path
) -> None:
    async with desk(tmp_path, size=size) as it:
        last, above = it.rows[-1], it.rows[-2]
        assert "Tab word" in last and "Enter keep" in last
        assert "ctrl+p more" in last and "ctrl+q quit" in last
        assert "ctrl+" not in above
        check_layout(it.app)


async def test_what_is_typed_right_after_a_new_text_was_begun_belongs_to_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.send("first", 1)
        before = it.screen.text.text
        post_keys(it.app, *"old", "ctrl+n", *"new")
        await it.until(lambda: it.screen.text.text is not before and it.line == "new")
        assert it.page == []
        await open_list(it, "first")
        await it.press("enter")
        await closed(it)
        await it.until(lambda: it.page == ["first"] and it.line == "old")


async def test_a_text_opened_right_after_a_line_was_sent_does_not_get_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        before = it.screen.text.text
        post_keys(it.app, *"first", "enter", "ctrl+n")
        await it.until(lambda: it.screen.text.text is not before and not it.page)
        await it.send("second", 1)
        await open_list(it)
        await it.until(lambda: has_row(it.app, "first", "1 word"))


async def test_a_paste_too_long_for_a_line_is_opened_as_a_text_of_its_own(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.write(*"half a line")
        it.app.post_message(events.Paste("we went to the sea\r\n" * 2_000))
        await it.until(lambda: isinstance(it.app.screen, Choice))
        await it.until(lambda: has_row(it.app, "Open it as a new text"))
        check_layout(it.app)
        await it.press("1")
        await it.until(lambda: len(it.page) == 2_000)
        assert (it.page[0], it.line) == ("we went to the sea", "")
        await open_list(it, "half")
        await it.press("enter")
        await it.until(lambda: it.line == "half a line")
