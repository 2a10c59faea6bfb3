"""Several texts: the list of them, their files, and what a model has just read."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.widgets import Input

from rnnlm_tui.session.tables import TextFile
from rnnlm_tui.session.text_file import read_text_file, write_text_file
from rnnlm_tui.session.texts import Listed, title_of
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS
from rnnlm_tui.tui.widgets import terminal
from rnnlm_tui.tui.widgets.dialogs import AskPath, AskText, Choice
from rnnlm_tui.tui.writing import editor, open_text, screen
from rnnlm_tui.tui.writing.editor import LineEditor
from rnnlm_tui.tui.writing.insertion import MAX_TEXT
from rnnlm_tui.tui.writing.texts_dialog import rows_of
from tests.helpers.app import answered, post_clicks, post_keys, until
from tests.helpers.commands import PATIENCE_S
from tests.helpers.idle import loop_idle
from tests.helpers.scripted import ScriptedModel
from tests.helpers.writing_screen import AppDesk, desk, name_file, open_list


async def closed(it: AppDesk) -> None:
    await until(lambda: not it.app.screen.is_modal)


async def two_texts(it: AppDesk) -> None:
    """Writes one text, and then another, which stays open."""
    await it.send("we went to the sea", 1)
    await it.press("ctrl+n")
    await until(lambda: it.page == [])
    await it.send("tom made soup", 1)


async def open_file(it: AppDesk, path: Path) -> None:
    await open_list(it)
    await it.press("ctrl+o")
    await name_file(it, path)


async def save_as(it: AppDesk, path: Path) -> None:
    """Presses F5 and names a file."""
    await it.press("f5")
    await name_file(it, path)


async def test_texts_are_searched_and_opened(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await two_texts(it)
        await it.write(*"half a li")
        await open_list(it)
        await it.sees("tom made soup", "open", "3 words")
        await it.sees("we went to the sea", "5 words")
        await it.press(*"SEA")
        await until(lambda: not it.has("tom made soup", "open"))
        await it.sees("we went to the sea", "today")
        it.check_layout()
        await it.press("enter")
        await closed(it)
        await until(lambda: it.page == ["we went to the sea"])
        assert it.line == ""
        await it.press("ctrl+z")
        assert it.line == "", "undo does not bring the other text here"
        await answered(it.pilot)
        assert it.editor.answer and it.editor.answer.question.above == tuple(it.page)
        await open_list(it, "soup")
        await until(lambda: not it.has("we went", "open"))
        await it.press("enter")
        await until(lambda: it.line == "half a li")
        assert it.page == ["tom made soup"]
    async with desk(tmp_path) as it:
        assert it.page == ["tom made soup"], "the text that was open"
        assert it.line == "half a li"


async def test_the_search_shows_where_it_has_found_something_or_that_it_has_not(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        await it.write(*"two words")
        await it.press("ctrl+n")
        await it.send("five o’clock", 1)
        await it.send("words before it and then a needle[/b] in the hay", 2)
        dialog = await open_list(it, "xyz[/b]")
        await it.sees("no text has “xyz[/b]”")
        it.check_layout()
        await it.press("enter")
        assert it.app.screen is dialog
        await it.press("ctrl+u")
        await it.sees("two words", "today", "2 words")
        await it.press(*"needle[/b]")
        await it.sees("and then a needle[/b] in the hay")
        assert it.has("five o’clock", "open", "12 words")
        it.check_layout()
        await it.press("ctrl+u", *"~/a.txt")
        await it.sees("no text has “~/a.txt”; ctrl+o opens a file")
        await it.press("ctrl+o")
        await until(lambda: isinstance(it.app.screen, AskPath) and it.app.screen.query(Input))
        assert it.app.screen.query_one(Input).value == "~/a.txt"


def test_titles_and_lines_in_the_list_are_as_wide_as_the_window_allows() -> None:
    line = "Dear Ms. O'Neill, thank you for your letter of 12 March; the form A38 is enclosed."
    listed = Listed(1, title_of(line), 0.0, 1234, 0, "/home/minutes-2026.md", line, line, 1)
    wide, narrow = (rows_of([listed], width, "form", None)[0] for width in (124, 75))
    assert wide.plain == f"{line}  1 Jan 1970  1,234 words  minutes-2026.md"
    assert narrow.plain.split("\n") == [
        "Dear Ms. O'Neill, thank you for …  1 Jan 1970  1,234 words  minutes-2026.md",
        "  … thank you for your letter of 12 March; the form A38 is enclosed.",
    ]
    for row in (wide, narrow):
        assert [row.plain[span.start : span.end] for span in row.spans] == ["form"]


def test_the_words_found_are_marked_also_after_a_letter_that_stands_for_two() -> None:
    line = "Am Ende der Straße liegt das Meer."
    listed = Listed(1, line, 0.0, 7, 0, "", line, line, 1)
    (row,) = rows_of([listed], 80, "strasse meer", None)
    assert [row.plain[span.start : span.end] for span in row.spans] == ["Straße", "Meer"]
    listed = listed._replace(full_title="Am Ende", found=f"{'ß ' * 200}das Meer {'ist da ' * 9}")
    (row,) = rows_of([listed], 40, "meer", None)
    assert "das Meer ist" in row.plain


async def test_an_edit_that_another_text_interrupts_comes_back_as_that_edit(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        await it.send("one", 1)
        await it.send("two", 2)
        await it.press("up", "up", "!", "ctrl+n")
        await until(lambda: it.page == [])
        await it.press(*"x")
        await open_list(it, "one")
        await it.press("enter")
        await closed(it)
        await until(lambda: it.line == "one!" and it.has("Enter changes the line"))
        await it.press("enter")
        assert it.page == ["one!", "two"]


async def test_a_text_is_renamed_and_deleted_and_comes_back(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await two_texts(it)
        await it.write(*"half a line")
        await open_list(it)
        await it.press("ctrl+r")
        await until(lambda: isinstance(it.app.screen, AskText))
        it.app.screen.query_one(Input).value = "Letter [/b]"
        await it.press("enter")
        await it.sees("Letter [/b]", "open")
        await it.press("ctrl+d")
        await until(lambda: not it.has("Letter [/b]", "open"))
        await it.sees("1 text deleted: ctrl+z brings back")
        assert await it.screen.saving.farewell() == "", "the open text is gone"
        await it.press("escape")
        await closed(it)
        await until(lambda: it.page == [])
        await until(lambda: "  new text " in it.rows[1])
        await open_list(it)
        assert not it.has("half a line", "today"), "leaving it does not bring it back"
        await it.press("ctrl+z")
        await it.sees("Letter [/b]", "today")
        await until(lambda: not it.has("deleted"))
        await it.press("enter")
        await until(lambda: it.page == ["tom made soup"])
        await it.sees("  Letter [/b] · 3 words ")
        assert it.line == "half a line"
        await open_list(it)
        await it.press("ctrl+d")
        await it.sees("─ 1 text deleted: ctrl+z brings back the last ─")
        await it.press("ctrl+q")
        await until(lambda: not it.app.is_running)
    async with desk(tmp_path) as it:
        assert (it.page, it.line) == (["we went to the sea"], "")
        await open_list(it)
        await it.sees("─ 1 text deleted: ctrl+z brings back the last ─")
        await it.press("ctrl+z")
        await it.sees("Letter [/b]", "today")


async def test_a_key_of_the_list_acts_on_the_row_that_the_keys_before_it_reach(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        await two_texts(it)
        await open_list(it)
        for keys in (["down"], [*"sea"]):
            post_keys(it.app, *keys, "ctrl+d")
            await it.sees("1 text deleted")
            await it.press("ctrl+u")
            await it.sees("tom made soup")
            assert not it.has("we went to the sea")
            await it.press("ctrl+z")
            await it.sees("we went to the sea")


async def test_a_new_text_and_a_file_are_opened_from_the_list(tmp_path: Path) -> None:
    (tmp_path / "poem.txt").write_text("roses are red\n\nviolets\n")
    (tmp_path / "binary").write_bytes(b"a\0b")
    (tmp_path / "old.txt").write_bytes("süß “so”\n".encode("cp1252"))
    async with desk(tmp_path) as it:
        await it.send("we went to the sea", 1)
        await open_list(it)
        await it.sees("a new text")
        await it.press("down", "enter")  # the row below the only text
        await closed(it)
        await until(lambda: it.page == [])
        for name, expected in (("binary", []), ("poem.txt", ["roses are red", "", "violets"])):
            await open_file(it, tmp_path / name)
            if not expected:
                await it.told("binary is not text")
                await it.press("escape")
            await closed(it)
            await until(lambda expected=expected: it.page == expected)
        await it.sees("  roses are red · 4 words · saved to poem.txt ")
        assert not it.has(time.strftime("%A")), "nobody knows the day of these lines"
        await open_file(it, tmp_path / "old.txt")
        await it.sees("1 Read it as Latin-1")
        it.check_layout()
        await it.press("1")
        await until(lambda: it.page == ["süß “so”"])
        await it.send("é", 2)
        await it.press("f5")
        await until(lambda: (tmp_path / "old.txt").read_text("cp1252") == "süß “so”\né\n")
        (tmp_path / "poem.txt").write_text("roses\n")
        await open_file(it, tmp_path / "poem.txt")
        await until(lambda: it.page == ["roses"])
        says = "another program has changed poem.txt: this is what it has now"
        await it.told(says)


async def test_a_new_line_keeps_the_blank_lines_between_paragraphs(
    tmp_path: Path,
) -> None:
    """In Markdown it would else be part of the paragraph above it. Lines of a list, a quotation, a
    table or code have none between them."""
    file = tmp_path / "notes.md"
    async with desk(tmp_path) as it:
        for old, new, wanted in (
            ("One.\n\nTwo.\n", ("Three.", "Four."), "One.\n\nTwo.\n\nThree.\n\nFour.\n"),
            ("# List\n\n- one\n", ("- two", "A.", "B."), "# List\n\n- one\n- two\n\nA.\n\nB.\n"),
            ("A.\n\n> one\n", (">two", "B."), "A.\n\n> one\n>two\n\nB.\n"),
            ("A.\n\n| b |\n", ("| - |", "| c |"), "A.\n\n| b |\n| - |\n| c |\n"),
            ("A.\n\n```\n", ("x = 1", "y = 2", "```"), "A.\n\n```\nx = 1\ny = 2\n```\n"),
            ("One.\nTwo.\n", ("Three.",), "One.\nTwo.\nThree.\n"),
        ):
            file.write_text(old)
            await open_file(it, file)
            await until(lambda old=old: "\n".join(it.page) + "\n" == old)
            for line in new:
                assert it.screen.open_text.lines == it.page
                it.screen.editor.insert(line)
                await it.press("enter")
            await it.press("f5")
            await until(lambda wanted=wanted: file.read_text() == wanted)


async def test_the_first_save_asks_for_a_file_and_the_next_do_not(tmp_path: Path) -> None:
    target = tmp_path / "diary.md"
    async with desk(tmp_path) as it:
        await it.press("f5")
        await it.told("there is nothing to save yet")
        await it.send("one", 1)
        await it.write(*"half a line")
        await save_as(it, target)
        await it.told(f"saved to {target}")
        assert target.read_text() == "one\nhalf a line\n", "what is being written, too"
        await it.sees("  one · 1 word · saved to diary.md ")
        await it.write("ctrl+u")
        await it.sees("· newer than diary.md: F5 saves")
        await it.write("up", "!")
        await it.press("f5")
        await until(lambda: target.read_text() == "one!\n")
        await it.sees("· saved to diary.md ")
        await it.press("escape")
        await it.sees("· newer than diary.md: F5 saves")
        assert "diary.md" in (await it.screen.saving.farewell() or ""), "the edit was cancelled"
        await it.send("two", 2)
        await it.sees("· newer than diary.md: F5 saves")
        assert "diary.md" in (await it.screen.saving.farewell() or "")
        await it.press("f5")
        await until(lambda: target.read_text() == "one\ntwo\n")
        await it.sees("· saved to diary.md ")
        assert "diary.md" not in (await it.screen.saving.farewell() or "diary.md")
        post_keys(it.app, *"x", "f5", *"y", "f5", *"z", "f5", *"!")
        await until(lambda: target.read_text() == "one\ntwo\nxyz\n")
        await it.sees("· newer than diary.md: F5 saves")
        assert it.line == "xyz!" and not it.app.screen.is_modal


async def test_a_file_that_others_have_changed_is_not_overwritten_without_a_question(
    tmp_path: Path,
) -> None:
    mine, other = tmp_path / "diary.md", tmp_path / "other.md"
    async with desk(tmp_path) as it:
        await it.send("one", 1)
        await save_as(it, mine)
        await until(mine.exists)
        for file, key, found in ((mine, "2", "of others\n"), (other, "3", "one\n")):
            await closed(it)
            file.write_text("of others\n")
            await it.press("f5")
            await until(lambda name=file.name: it.has(f"{name} has changed"))
            await it.press(key)
            if key == "2":
                await name_file(it, other)
                await until(other.exists)
                assert other.read_text() == "one\n"
            await until(lambda file=file, found=found: file.read_text() == found)
        assert it.page == ["one"]


async def test_a_text_that_is_older_than_its_file_is_called_so_and_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "CHECK_STORED_EVERY_S", 0.2)
    path = tmp_path / "diary.md"
    path.write_text("one\n")
    async with desk(tmp_path) as it:
        await open_file(it, path)
        await it.sees("· saved to diary.md ")
        path.write_text("one\nof others\n")
        await it.sees("· older than diary.md: F5 asks ")
        await it.press(*"half a line", "f5")
        await it.sees("1 Read it")
        it.check_layout()
        await it.press("enter")
        await until(lambda: it.page == ["one", "of others"])
        await it.sees("· newer than diary.md: F5 saves ")
        assert it.line == "half a line"
        await it.press("enter")
        path.write_text("other lines\n")
        await it.sees("· differs from diary.md: F5 asks ")
        await it.press("f5")
        await it.sees("1 Another name")
        await it.press("escape")
        await closed(it)
    path.write_text("other lines\n")
    async with desk(tmp_path) as it:
        await it.sees("· differs from diary.md: F5 asks ")


async def test_a_line_of_a_file_changes_in_its_place(tmp_path: Path) -> None:
    """Blank lines are no lines to edit, and one that is looked at stays as it is. So does all of an
    edited line but what was edited."""
    path = tmp_path / "poem.txt"
    path.write_text("\tone\n\n\tso\u00adft\x0c two  \nthree\r\n", newline="")
    async with desk(tmp_path) as it:
        await open_file(it, path)
        await until(lambda: len(it.page) == 4)
        await it.press("up", "up", "enter", "up", "up")
        assert it.line == "\tsoft\n two  "
        await it.press("ctrl+left", "!", "f5")
        wanted = "\tone\n\n\tso\u00adft\x0c !two  \nthree\r\n"
        await until(lambda: path.read_bytes().decode() == wanted)
        await it.press("enter", "f5", "up", "backspace", "!", "enter", "f5")
        await until(lambda: path.read_bytes().decode() == wanted.replace("three", "thre!"))


async def test_names_of_earlier_texts_are_known_in_a_new_one_and_after_a_new_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "IDLE_S", 0.05)
    model = ScriptedModel({}, 10, SPECIAL_TOKENS, ("we", "met", "the", "sea"))
    for line in ("we met zillah", ""):
        async with desk(tmp_path, {"m": model}) as it:
            if line:
                await it.send(line, 1)
            await it.press("ctrl+n")
            await until(lambda: not it.page)
            await it.write(*"we met z")
            await it.sees("1 zillah")
            await it.press("enter")


async def test_each_time_it_is_said_that_a_text_is_open_in_another_app(tmp_path: Path) -> None:
    note = "UPDATE text SET pid = ?, opened = ? WHERE number = 1"
    async with desk(tmp_path) as it:
        await two_texts(it)
        other = (os.getppid(), time.time())
        await it.app.session.read(lambda connection: connection.execute(note, other))
        for _ in range(2):
            await open_list(it, "sea")
            await it.press("enter")
            await it.told("is open in another app")
            it.app.clear_notifications()
        assert it.page == ["tom made soup"]


async def test_keys_in_a_burst_belong_to_the_text_that_was_open_then(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        before = it.screen.open_text.text
        post_keys(it.app, *"first", "enter", *"old", "ctrl+n", *"new")
        await until(lambda: it.screen.open_text.text is not before and it.line == "new")
        assert it.page == []
        await open_list(it, "first")
        await it.sees("first", "1 word")
        await it.press("enter")
        await closed(it)
        await until(lambda: it.page == ["first"] and it.line == "old")


@pytest.mark.parametrize("is_closed", [False, True])
async def test_what_is_typed_while_a_text_is_slowly_opened_is_kept(
    is_closed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editor, "ANSWER_WAIT_S", 0.01)
    is_disk_free = threading.Event()
    async with desk(tmp_path) as it:
        await it.send("of the text before", 1)
        before = it.screen.open_text.text
        it.app.session.write(lambda connection: is_disk_free.wait(PATIENCE_S))
        post_keys(it.app, "ctrl+n")
        await until(lambda: it.screen.open_text.is_opening)
        post_keys(it.app, "ctrl+z", "a", "enter", "b")
        await until(lambda: it.line == "a\nb")
        it.app.post_message(events.Paste("\ncd"))
        await until(lambda: it.line == "a\nb\ncd")
        if is_closed:
            it.app.exit()
            await until(lambda: not it.app.is_running)
        is_disk_free.set()
        await until(lambda: it.screen.open_text.text is not before)
    async with desk(tmp_path) as it:
        assert (it.page, it.line) == ([], "a\nb\ncd")


async def test_3_000_pasted_lines_are_there_at_once_and_stay(tmp_path: Path) -> None:
    """In 0.2 s; the limit leaves room for a busy machine."""
    lines = [f"{number} and we went to the sea by the tram" for number in range(3_000)]
    async with desk(tmp_path) as it:
        began = time.thread_time()  # without threads that other tests have left
        it.app.post_message(events.Paste("\n".join(lines)))
        await until(lambda: it.line == lines[-1])
        assert time.thread_time() - began < 0.7
        assert it.page == lines[:-1]
        it.check_layout()
    async with desk(tmp_path) as it:
        assert [*it.page, it.line] == lines


async def test_a_line_clicked_while_another_text_is_opened_stays_in_its_text(
    tmp_path: Path,
) -> None:
    is_disk_free = threading.Event()
    async with desk(tmp_path) as it:
        await it.send("one", 1)
        row = next(row for row, text in enumerate(it.rows) if text.strip() == "one")
        it.app.session.write(lambda connection: is_disk_free.wait(PATIENCE_S))
        post_keys(it.app, "ctrl+n")
        await until(lambda: it.screen.open_text.is_opening)
        post_clicks(it.app, (2, row))
        await loop_idle()
        is_disk_free.set()
        await until(lambda: it.page == [])
        await it.press("!", "enter")
        await until(lambda: it.page == ["!"])
        await open_list(it, "one")
        await it.press("enter")
        await until(lambda: it.page == ["one"])


async def test_what_is_typed_right_before_a_signal_is_kept(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        with it.editor.prevent(LineEditor.Changed):  # as if the message came too late
            it.editor.insert("the last word")
    async with desk(tmp_path) as it:
        assert it.line == "the last word"


async def test_what_is_typed_right_before_a_file_is_opened_is_kept(tmp_path: Path) -> None:
    (tmp_path / "poem.txt").write_text("roses\n")
    async with desk(tmp_path) as it:
        await it.send("one", 1)
        with it.editor.prevent(LineEditor.Changed):  # as if the message came too late
            it.editor.insert("the last word")
        it.screen.open_file(read_text_file(tmp_path / "poem.txt"))
        await until(lambda: it.page == ["roses"])
        await open_list(it, "one")
        await it.press("enter")
        await until(lambda: it.line == "the last word")


async def test_what_is_typed_beyond_the_longest_paste_is_kept(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.editor.set_text("to the sea " * (MAX_TEXT // 11))
        await it.press(*"at last")
        typed = it.line
    assert len(typed) > MAX_TEXT
    async with desk(tmp_path) as it:
        assert it.line == typed


async def test_the_app_quits_once_the_text_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, is_disk_free = tmp_path / "poem.txt", threading.Event()
    path.write_text("roses\n")

    def write_slowly(*args: Any) -> TextFile:
        assert is_disk_free.wait(PATIENCE_S)
        return write_text_file(*args)

    monkeypatch.setattr(open_text, "write_text_file", write_slowly)
    async with desk(tmp_path) as it:
        await open_file(it, path)
        await it.sees("saved to poem.txt")
        await it.send("violets", 2)
        post_keys(it.app, "f5", "ctrl+q")
        await until(lambda: it.app._is_quitting or not it.app.is_running)
        is_disk_free.set()
        await until(lambda: not it.app.is_running)
    assert path.read_text() == "roses\nviolets\n"
    assert "Older than its text" not in capsys.readouterr().err
    async with desk(tmp_path) as it:
        await it.sees("saved to poem.txt")


async def test_a_paste_too_long_for_a_line_is_opened_as_a_text_of_its_own(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.write(*"half a line")
        it.app.post_message(events.Paste("we went\r\n" + "to the sea " * 2_000 + "\nat last"))
        await until(lambda: isinstance(it.app.screen, Choice))
        await it.sees("Open it as a new text")
        it.check_layout()
        await it.press("1")
        await until(lambda: len(it.page) == 3)
        assert (it.page[0], it.line) == ("we went", "")
        await open_list(it, "half")
        await it.press("enter")
        await until(lambda: it.line == "half a line")
