"""The Autocomplete screen with a scripted model: writing, what is shown, what is stored."""

from __future__ import annotations

import asyncio
import re
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.widgets import Input

from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.paths import NEVER_SUGGEST, config_dir
from rnnlm_tui.session.database import connect
from rnnlm_tui.session.tables import Draft, Text, Turn, add_turn, store_draft
from rnnlm_tui.session.texts import add_saved_keys, last_text, open_text, replace_turns
from rnnlm_tui.store.run_files import write_sources
from rnnlm_tui.suggesting.accepting import LINES_ABOVE, Suggestion
from rnnlm_tui.suggesting.suggest import suggest
from rnnlm_tui.text.prose_learning import learn_prose
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.preferences import SettingsFile
from rnnlm_tui.tui.writing import editor, predictor, welcome
from rnnlm_tui.tui.writing.candidates import Candidates, Listing, note_on_words
from rnnlm_tui.tui.writing.predictor import Answer, Question
from tests.helpers.app import (
    ScriptedLibrary,
    answered,
    chain,
    has_row,
    picture,
    post_clicks,
    post_keys,
    rows_of,
    running,
    scripted_model,
    sees,
    toasts,
    until,
)
from tests.helpers.host import HostApp
from tests.helpers.languages import LATIN, lines_in, ship
from tests.helpers.models import put_state
from tests.helpers.runs import Script
from tests.helpers.scripted import ScriptedModel
from tests.helpers.writing_screen import desk

WORD = re.compile(r"\S+ +<?\d+%")
"""A word of the list and its share."""
HOSTILE = (
    *("[/b]", "[red]x", "[@click=app.quit]x[/]", "漢字かな交じり", "\U0001f1eb\U0001f1f7"),
    *("\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "❤\ufe0f", "שלום", "السلام"),
    *("e\u0301a\u0308o\u0302\u0301\u0323", "\x1b[31mred\x1b]52;c;AAAA\x07", "a\x07b", "nul\x00nul"),
    *("new\nline", "tab\tbed", "c\x9b31m", "a\u2028b\x85c", "lone\ud800", "x" * 300),
)
"""Markup, wide and joined characters, right to left, and what could steer a terminal."""


# What one sees


def in_order(text: str, *parts: str) -> bool:
    """Returns whether the text contains the parts in this order."""
    return re.search(".*".join(map(re.escape, parts)), text, re.DOTALL) is not None


async def test_the_ghost_and_the_words(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.write(*"shall i compare ")
        assert it.shown == "thee to"
        rows = it.rows
        line = next(i for i, row in enumerate(rows) if "│ shall i compare thee to" in row)
        assert "thee to   the ⇧Tab " in rows[line]
        assert in_order(rows[line + 2], " 1 thee 90%", " 2 the 6%", " 3 this 2%")
        await it.write(*"the")
        row_now = it.rows[line + 2]
        assert in_order(row_now, "1 thee", "94%"), "they share what is left"
        assert "this " not in row_now
        await it.write("x")
        assert in_order(it.rows[line + 2], " 1 ≈thee", "94%", "2 ≈the ", "6%")
        assert (it.shown, "no known word" in picture(it.app)) == ("", False)
        await it.write("z")
        assert it.rows[line + 2].startswith("  no known word begins with thexz")
        await it.write(" ")
        assert len(WORD.findall(it.rows[line + 2])) == 5
        assert it.rows[line + 3].strip() == "unknown: thexz"


@pytest.mark.parametrize(("width", "place"), [(80, 15), (105, 20)])
async def test_words_keep_their_places(width: int, place: int) -> None:
    """A long word moves only the next one."""
    host = HostApp(Candidates)
    async with running(host, size=(width, 2)) as pilot:

        def places(*words: str) -> list[int]:
            found = [Suggestion(word, 0.04, word, 0, True) for word in words]
            host.query_one(Candidates).show(Listing(found, digits="12345"), "")
            row = rows_of(host)[0]
            return [row.index(f" {number} {word} 4%") for number, word in enumerate(words, 1)]

        await pilot.pause()
        five = [1 + place * number for number in range(5)]
        assert places("a", "be", "see", "free", "three") == five
        assert places("three", "a", "free", "be", "see") == five
        long = "x" * place  # 7 cells more than there is room for
        assert places("see", long, "a", "free", "be") == [*five[:2], five[2] + 7, *five[3:]]


@pytest.mark.parametrize("width", [60, 80, 120])
async def test_an_empty_text_shows_what_the_keys_do_with_an_example(
    width: int, tmp_path: Path
) -> None:
    """The example is named as one of the English, since another model is in use."""
    async with desk(tmp_path, size=(width, 24)) as it:
        assert it.has("╭─ for example, with english ──")
        assert it.has("│ I am looking forward to the  ")
        assert it.has("1 forward 100%   2 forwards <1%")
        assert it.has("Tab ", "takes a word: forward ")
        assert it.has("ctrl+r ", "continues the sentence ")
        inside = "" if width == 60 else "F10 looks inside   "
        assert it.has(f"F3 learns from your texts   {inside}F1 all keys ")
        it.check_layout()
        y = it.screen.query_one(Candidates).region.y
        assert len(WORD.findall("".join(it.rows[y : y + 2]))) == 5
        await it.send("when i", 1)
        await until(lambda: "example" not in picture(it.app))


async def test_the_first_start_is_in_the_language_of_the_locale(
    tmp_path: Path, built_in_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    german = welcome.Example("german", "Es tut mir l", "eid.", (("leid", "99%"), ("lieb", "<1%")))
    monkeypatch.setitem(welcome.examples(), "de", german)
    ship(built_in_dir, "english", "german")
    monkeypatch.setenv("LC_ALL", "de_AT.UTF-8")
    app = RnnlmApp(tmp_path / "data", tmp_path / "config", tmp_path / "app.log")
    async with running(app):
        await sees(app, "│ Es tut mir leid.  ")
        assert has_row(app, "╭─ for example ──")
        assert has_row(app, "takes all of it: leid.")
        await until(lambda: app.active_name == "german")


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("we saw zwe and qro ", "unknown: zwe, qro"),
        ("we saw zwqx", "no known word begins with zwqx"),
        ("Anna came at 23:59 with co2 for Zoë Muñoz ", ""),
        ("write to zoe@munoz.es, www.munoz.es or notes.txt ", ""),
        ("we saw Zw", ""),
        ("23:5", ""),
        ("we saw ❤️ ", ""),
        ("it’s semi-xx ", "unknown: semi-xx"),
    ],
)
def test_only_words_that_may_be_slips_are_called_unknown(line: str, note: str) -> None:
    known = learn_prose(["we saw and came at with for write to or it's Anna"] * 8)
    words = ("we", "saw", "and", "came", "at", "with", "for", "write", "to", "or", "it's", ",")
    model = ScriptedModel({}, 9, SPECIAL_TOKENS, words, known)
    assert note_on_words(suggest(model, line)) == note


async def test_an_unknown_word_is_named_once_a_text(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.write(*"shall zwe when ")
        await it.sees("unknown: zwe")
        await it.write("enter", *"when zwe qro ")
        await it.sees("unknown: qro ")
        await it.write("enter", *"zwe qro i ")
        await it.sees("1 compare")
        assert not it.has("unknown")
        await it.press("ctrl+n")
        await until(lambda: it.page == [])
        await it.write(*"zwe ")
        await it.sees("unknown: zwe")


async def test_the_words_for_an_earlier_text_do_not_stay_while_an_answer_is_late(
    tmp_path: Path,
) -> None:
    model = scripted_model()
    async with desk(tmp_path, {"m": model}) as it:
        await it.write(*"shall i ")
        model.gate.clear()
        await it.press("ctrl+n", *"when ")
        await it.sees("reading ...")
        assert it.line == "when " and "%" not in it.rows[-3]
        model.gate.set()
        await it.sees("1 i 90%")


async def test_the_header_counts_the_keys_saved_today(tmp_path: Path) -> None:
    """Of all lines of the day, also of one that was not kept when the app was closed."""
    async with desk(tmp_path, size=(120, 24)) as it:
        with closing(connect(tmp_path / "data/session/session.db")) as connection:
            add_saved_keys(connection, "2025-01-31", 1000)
        await it.write(*"shall i compare ")
        assert it.app.header_texts()[0] == "sonnets"
        await it.write("tab")
        full = "sonnets · 3 keys saved today"
        assert it.app.header_texts() == [full, "sonnets · 3 keys saved", "sonnets"]
        await it.press("enter")
        await until(lambda: "3 keys saved today" in it.rows[0])
        await it.write(*"shall i compare ", "tab")
    async with desk(tmp_path, size=(120, 24)) as it:
        assert it.app.header_texts()[0] == "sonnets · 6 keys saved today"


async def test_new_words_offer_an_update_once(
    tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F8 starts it, and the page stays. A built-in model cannot be updated, nor can one that was
    imported: its text is not here."""
    monkeypatch.setattr(ScriptedLibrary, "is_built_in", lambda library, name: name == "english")
    offer = "1,000 new words: F8 updates mine with them"
    async with desk(tmp_path, {"mine": scripted_model(), "english": scripted_model()}) as it:
        it.app.use_model("mine")
        await until(lambda: it.app.active_name == "mine")
        await it.send("so " * 500, 1)
        await until(lambda: all(worker.group != "offer" for worker in it.app.workers))
        assert not it.editor.border_subtitle
        await it.press("f8")
        await it.told("the file that mine was trained on is not known here")
        (folder := it.app.library.runs.folder("mine")).mkdir(parents=True)
        write_sources(folder, ["diary.txt"], None)
        await it.send("so " * 499, 2)
        assert not it.editor.border_subtitle
        await it.send("so", 3)
        await it.sees(offer)
        await it.send("so", 4)
        assert not it.editor.border_subtitle
        put_state(folder, 3, 9)
        await it.press("f8")
        await it.sees("Its training stopped at epoch 2 of 9.")
        await it.press("ctrl+y")
        update = ["--update", "mine", "--force", "--written=all"]
        await until(lambda: script.arguments("mine")[1:5] == update)
        assert it.app.current_mode == "autocomplete" and it.tells("mine learns what you wrote")
        it.app.use_model("english")
        await until(lambda: it.app.active_name == "english")
        await it.press("f8")
        await it.told("english is built in and cannot be updated")


async def test_a_long_text_is_read_behind_its_first_suggestions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are below its last lines."""
    may_read, read = threading.Event(), predictor.read_contexts

    def read_later(*text: Any) -> Contexts:
        assert may_read.wait(10)
        return read(*text)

    monkeypatch.setattr(predictor, "read_contexts", read_later)
    with closing(connect(tmp_path / "data/session/session.db")) as connection:
        replace_turns(connection, Text(), [Turn("shall i compare") for _ in range(300)])
    async with desk(tmp_path) as it:
        assert it.editor.answer is not None
        assert it.editor.answer.question.above == ("shall i compare",) * 67
        await until(lambda: it.has("reading ...") and it.has("1 Shall"))
        may_read.set()
        await until(lambda: "reading ..." not in picture(it.app))
        assert len(it.editor.answer.question.above) == LINES_ABOVE
        await it.write(*"shall i compare ")
        assert it.has("1 thee")


async def test_marks_have_the_spaces_of_the_text_that_the_model_learned(tmp_path: Path) -> None:
    """A French `!` keeps the space that the accept inserted before it; a comma does not. It keeps
    none below a line that has none before its marks."""
    french = scripted_model(chain("anna"))
    french.tokenizer = learn_prose(["Quel froid ! Tu trouves ? Nous sortons : viens, Anna."] * 8)
    async with desk(tmp_path, {"roman": french}) as it:
        await it.write("tab", "!", " ", "tab", ",")
        assert it.line == "Anna ! Anna,"
        await it.send("Non!", 1)
        await it.write("tab", "!")
        assert it.line == "Anna!"


async def test_the_words_scroll_to_the_chosen_one_and_clicks_take_one(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        assert it.editor.answer is not None
        words = [c.text for c in it.editor.answer.suggestions.candidates]
        y = it.screen.query_one(Candidates).region.y
        await it.press(*["down"] * 8)
        assert in_order(
            it.rows[y], "6 ", words[5], "7 ", words[6], f"▸8 {words[7]}", "9 ", words[8]
        )
        segments = list(it.screen.query_one(Candidates).render_line(0))
        assert [s.text.strip() for s in segments if s.style and s.style.reverse] == [words[7]]
        assert it.shown == words[7]
        at = (it.rows[y].index(words[6]), y)
        post_clicks(it.app, at, at)  # a double click takes one
        await until(lambda: it.line == words[6] + " ")
        await it.write("x")
        assert it.line == words[6] + " x"


@pytest.mark.parametrize(("size", "columns"), [((60, 16), 55), ((120, 36), 100), ((160, 45), 100)])
async def test_one_column_of_at_most_100_cells_with_the_words_under_the_line(
    size: tuple[int, int], columns: int, tmp_path: Path
) -> None:
    """A long line leaves room for the page."""
    async with desk(tmp_path, size=size) as it:
        await it.send("y" * (columns + 1), 1)
        await it.sees(" " + "y" * columns + " ")
        it.editor.set_text("\n".join(["day"] * 30))
        await it.write(*" xylograph ")
        words = it.screen.query_one(Candidates)
        assert words.region.offset == (it.editor.region.x, it.editor.region.bottom)
        assert it.has(" day xylograph")
        assert it.screen.page.size.height > 0 and "ctrl+q quit" in it.rows[-1]
        assert picture(it.app).count("unknown: xylograph") == 1
        it.check_layout()


# Keys that act on more than the line


async def test_what_hides_the_words_and_which_digits_take_one(tmp_path: Path) -> None:
    """Escape until the next word; ctrl+t the ghost, for good; alt+d goes on to the next setting."""
    async with desk(tmp_path) as it:
        words = it.screen.query_one(Candidates)
        await it.write(*"shall i compare ")
        assert in_order(it.rows[words.region.y], " 1 thee", " 2 the", " 3 this")
        assert in_order(picture(it.app), "Tab word", "alt+1-5 take")
        await it.write("alt+2")
        assert it.line == "shall i compare the "
        await it.press("escape")
        await until(lambda: "hidden until the next word" in picture(it.app))
        assert not re.search(r" [1-9] ", it.rows[words.region.y])
        await it.write("ctrl+u", *"shall ", "s", "ctrl+t", "alt+d", "1")
        assert (it.line, it.shown) == ("shall shall ", "")
        assert it.tells("inside words: 1 to 5 take a word")
    kept = SettingsFile(tmp_path / "config").preferences
    assert (kept.ghost, kept.digits) == (False, "inside words")
    async with desk(tmp_path, preferences=kept) as it:
        await it.write(*"shall ", "ctrl+t")
        assert it.shown == "i compare thee to"


async def test_a_line_is_continued_to_its_end_and_the_next_one_proposed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editor, "ANSWER_WAIT_S", 10.0)  # on a busy machine it comes late
    model = scripted_model(chain(*(f"w{letter}" for letter in "abcdefghijklmn"), "."))
    async with desk(tmp_path, {"m": model}) as it:
        await it.write(*"wa w")
        await it.press("ctrl+r")
        await until(lambda: it.shown == "b wc wd we wf wg wh wi wj wk wl wm wn.")
        await it.write("b", " ", "tab")
        assert (it.line, it.shown) == ("wa wb wc ", "wd we wf wg wh wi wj wk wl wm wn.")
        await it.press("left", "ctrl+r")
        await until(lambda: it.shown == "wd we wf wg wh wi wj wk wl wm wn.")
        await it.write("right")
        assert it.line == "wa wb wc wd we wf wg wh wi wj wk wl wm wn. "
        await it.press("enter", "ctrl+r")
        await until(lambda: it.shown.startswith("Wa wb"))
        assert it.page == ["wa wb wc wd we wf wg wh wi wj wk wl wm wn."]
        await it.press("escape")
        assert (it.line, it.shown) == ("", "")
        post_keys(it.app, "ctrl+r", "tab", "tab", "x")  # Tab waits for it
        await until(lambda: it.line == "Wa wb x")
        await it.press("f6", "ctrl+r")  # from the page
        await until(lambda: it.editor.requested_ghost and it.editor.has_focus)


async def test_a_line_is_continued_again_in_another_way(tmp_path: Path) -> None:
    model = scripted_model({"i": {"do": 0.5, "go": 0.5}})
    async with desk(tmp_path, {"m": model}, size=(60, 16)) as it:
        await it.write(*"shall i ")
        seen = set[str]()
        for _ in range(3):
            await it.press("ctrl+r")
            await until(lambda: it.editor.requested_ghost not in {"", *seen})
            seen.add(it.editor.requested_ghost)
            it.check_layout()
        await it.press("right")
        assert it.line == f"shall i {it.line.removeprefix('shall i ')}"


async def test_a_late_continuation_is_dropped(tmp_path: Path) -> None:
    model = scripted_model()
    async with desk(tmp_path, {"slow": model}) as it:
        await it.write(*"when ")
        model.gate.clear()
        await it.press("ctrl+r", "x")
        model.gate.set()
        await until(lambda: it.editor.answer and it.editor.answer.question.line == "when x")
        await until(lambda: "continuation" not in {each.group for each in it.app.workers})
        assert it.editor.requested_ghost == ""


async def test_a_model_that_can_continue_nothing_says_so(tmp_path: Path) -> None:
    async with desk(tmp_path, {"m": ScriptedModel({"": {"": 1.0}})}) as it:
        await it.press("ctrl+r")
        await it.told("m has nothing to add to this line")
        assert it.editor.requested_ghost == ""


# The page

SCRIPTS: dict[str, tuple[str, list[str], str]] = {
    "a line is kept, and another begun": ("wa{enter}half a li{restart}", ["wa"], "half a li"),
    "a line is changed, and back": (
        "one{enter}two{enter}{up}{up}!{enter}{ctrl+z}{ctrl+z}{enter}{restart}", ["one", "two"], ""),
    "in its place again": (
        "one{enter}two{enter}{up}{up}{ctrl+u}{enter}{ctrl+z}{restart}", ["one", "two"], ""),
    "removed from the page, and back, and removed again": (
        "one{enter}two{enter}{f6}{up}{d}{ctrl+z}{ctrl+y}{restart}", ["two"], ""),
    "both, and both back": ("one{enter}two{enter}{f6}{d}{d}{ctrl+z}{ctrl+z}", ["one", "two"], ""),
    "an edit comes back as that edit": ("one{enter}half{f6}{e}!{restart}", ["one"], "one!"),
    "and ends as it": ("one{enter}half{f6}{e}!{restart}{enter}{restart}", ["one!"], "half"),
    "one of nothing does not": ("one{enter}{up}{restart}", ["one"], ""),
    "one is not lost to another": ("one{enter}two{enter}{up}!{f6}{up}{e}", ["one", "two"], "two!"),
    "nor its line": ("one{enter}{up}!{f6}{d}{enter}", ["one!"], ""),
}  # fmt: skip
"""Keys, and the page and the line after them. A restart is one of the app."""


@pytest.mark.parametrize(("script", "page", "line"), SCRIPTS.values(), ids=SCRIPTS.keys())
async def test_what_is_written_and_undone(
    script: str, page: list[str], line: str, tmp_path: Path
) -> None:
    model = scripted_model(chain(*(f"w{letter}" for letter in "abcdefghijklmn")))
    *before, last = script.split("{restart}")
    for keys in before:
        async with desk(tmp_path, {"m": model}) as it:
            await it.follow(keys)
    async with desk(tmp_path, {"m": model}) as it:
        await it.follow(last)
        await until(lambda: (it.page, it.line) == (page, line))
        is_edit = it.line[:1] != "" and it.screen.open_text.edited is not None
        assert is_edit is ("Enter changes the line, Esc cancels" in picture(it.app))


async def test_all_that_was_done_is_undone_in_order_and_redone(tmp_path: Path) -> None:
    """Also that a word is never suggested again. The page, what is written, and those words."""
    steps = ("a |{down}|{delete}", "b", "<x\ny\nz>", "{f6}|{up}|{d}|{escape}", " c", "{tab}")
    async with desk(tmp_path) as it:

        def state() -> tuple[list[str], str, str]:
            never = config_dir() / NEVER_SUGGEST
            return it.page, it.line, never.read_text() if never.is_file() else ""

        states = [state()]
        for keys in steps:
            for part in keys.split("|"):
                if part.startswith("<"):
                    it.app.post_message(events.Paste(part.strip("<>")))
                else:
                    await it.follow(part)
                await answered(it.pilot)
            await until(lambda: state() != states[-1])
            states.append(state())
        for key, wanted in (("ctrl+z", states[::-1]), ("ctrl+y", states), ("ctrl+z", states[::-1])):
            passed = [state()]
            while passed[-1] != wanted[-1]:
                await it.press(key)
                await until(lambda: state() != passed[-1])  # noqa: B023
                passed.append(state())
            assert [each for each in passed if each in states] == wanted


async def test_a_line_of_the_page_is_copied_edited_and_removed(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.send("when i", 1)
        await it.sees("  when i · 2 words ")
        row = next(n for n, text in enumerate(it.rows) if text.rstrip() == "  when i")
        await it.pilot.click(it.screen.page, offset=(4, row - it.screen.page.region.y))
        await until(lambda: it.line == "when i" and it.has("Enter changes the line"))
        await it.press("escape")
        await until(lambda: it.screen.page.marked_line is None)
        await it.press("f6")
        await until(lambda: "Enter edit" in it.rows[-1])
        await it.press("c")
        assert it.app.clipboard == "when i"
        await it.press("d")
        await it.sees("· removed: ctrl+z brings it back ")
        it.app.post_message(events.Paste("pasted"))  # while the page has the focus
        await until(lambda: it.line == "pasted" and it.editor.has_focus)


async def test_the_page_scrolls_while_one_writes_and_shows_the_line_that_is_edited(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        it.screen.open_text.turns = [Turn(f"line {number}") for number in range(60)]
        it.screen.page.show()
        it.screen.lines_changed()
        await until(lambda: it.screen.page.scroll_offset.y == 60 - 15)
        await it.press(*"so", "pageup", "pageup")
        await until(lambda: it.has("line 17") and it.has("line 31"))
        await it.press("pagedown", "pagedown", "x")
        await until(lambda: it.has("line 45") and it.has("line 59"))
        assert it.line == "sox"
        await it.press("ctrl+u", *["up"] * 40)
        await it.sees("│ line 20 ")
        marked = it.screen.page.marked_line
        assert marked is not None and marked.turn is it.screen.open_text.edited
        await it.press("escape")
        await until(lambda: it.screen.page.marked_line is None)


# One question at a time, and keys before the answer


async def test_the_line_and_its_ghost_fit_the_text_and_the_window(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        for number in range(1, 5):
            post_keys(it.app, *"one", "ctrl+j", *"two", "enter")
            await until(lambda number=number: len(it.page) == number)
            await until(lambda: it.editor.size.height == 1)
        line = " ".join(["so"] * 15)
        await it.resize(60, 20)
        await it.write(*f"{line} shall i ")
        assert not it.has("compare thee to")
        await it.resize(100, 30)
        await it.sees(f"{line} shall i compare thee to")


async def test_a_burst_of_keys_keeps_its_order(tmp_path: Path) -> None:
    """Tab and Down arrive before the answers that they need, and later keys wait for them."""
    async with desk(tmp_path) as it:
        keys = (*"shall i do", "ctrl+w", *"comp", "tab", "tab", "enter", *"when", "tab", "down")
        post_keys(it.app, *keys, "down", "enter", *"x ")
        await until(lambda: len(it.page) == 1 and it.line.endswith("x "))
        assert it.page[0] == "shall i compare thee"
        assert it.line == "when i do x ", "the second word of the list after i"


# Models and hostile text


@pytest.mark.slow
async def test_hostile_words(tmp_path: Path) -> None:
    """In the ghost, in the list, in the line, on the page, in its file and in the database; and the
    longest and widest names of models."""
    cues = "abcdefghijklmnopqrst"[: len(HOSTILE)]
    script = {word: {word: 0.9} for word in HOSTILE}
    script |= {cue: {word: 0.9} for cue, word in zip(cues, HOSTILE, strict=True)}
    names = ("漢字" * 30, "שלום", "x" * 64)
    models = {name: scripted_model(script) for name in ("m", *names)}
    async with desk(tmp_path, models) as it:
        for number, cue in enumerate(cues):
            await it.write(cue, " ")
            it.check_layout()
            await it.press("ctrl+r")
            await until(lambda: it.editor.requested_ghost)
            await it.pilot.pause(0)
            it.check_layout()
            await it.press("down")
            it.check_layout()
            await it.press("enter", "enter")
            await until(lambda lines=number + 1: len(it.page) == lines)
            assert it.editor.document.line_count == 1
        before = it.page
        for size in ((120, 40), (61, 17), (80, 24)):
            await it.resize(*size)
            await it.pilot.pause(0)
            it.check_layout()
        for name in names:
            it.app.use_model(name)
            await until(lambda name=name: it.app.active_name == name)
            await it.write("a")
            it.check_layout()
        await it.press("ctrl+u", "f6", "up", "c", "escape")
        await it.press("f5")
        await until(lambda: it.app.screen.is_modal)
        it.app.screen.query_one(Input).value = str(tmp_path / "hostile.txt")
        await it.press("enter")
        await until((tmp_path / "hostile.txt").exists)
    with closing(connect(tmp_path / "data" / "session" / "session.db")) as connection:
        text, _ = open_text(connection, last_text(connection))
        text.draft = Draft("two\nlines\x1b[31m \ufffd")
        add_turn(connection, text, Turn("[/b]\n\x1b[31mred"))  # as no app has stored it
        store_draft(connection, text)
    async with desk(tmp_path) as it:
        await until(lambda: it.page == [*before, "[/b]\n\ufffd[31mred"])
        assert it.line == "two\nlines\ufffd[31m \ufffd"
        it.check_layout()


async def test_an_answer_for_another_place_or_when_the_app_closes_is_dropped(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        await it.write(*"shall ")
        right, opened_model = it.editor.answer, it.app.opened_model
        assert right is not None and opened_model is not None
        stale = asyncio.get_running_loop().create_future()
        stale.set_result(Answer(Question(opened_model, "shall i", 7), right.suggestions))
        it.editor.show_answer(stale)
        assert it.editor.answer is right
        editor, coming = it.editor, it.editor._asked
        assert coming is not None and coming.done()
        with it.app.batch_update():  # nothing is painted while an app closes
            await editor.remove()
            editor.show_answer(coming)


async def test_words_in_no_known_language_do_not_pass_in_silence(
    tmp_path: Path, built_in_dir: Path
) -> None:
    note = "these words are not English: Train learns yours, Models lists others"
    ship(built_in_dir, "english", "german")
    async with desk(tmp_path, {"english": scripted_model()}) as it:
        await it.send(f"{LATIN} " * 3, 1)
        await it.sees(note)
        await it.write(*"wieder ")
        assert not it.has("unknown: ")
        await it.press("ctrl+u", "up")
        await it.sees("Enter changes the line, Esc cancels")
        await it.press("escape")
        await it.sees(note)
        await it.send(" ".join(lines_in("english", 8)), 2)
        await until(lambda: not it.has(note))


async def test_a_key_uses_the_model_of_the_language_and_another_goes_back(
    tmp_path: Path, built_in_dir: Path
) -> None:
    note = "this looks like German: F4 german, or ctrl+g"
    ship(built_in_dir, "english", "german")
    german = "\n".join(lines_in("german", 8))
    models = {"english": scripted_model(), "german": scripted_model()}
    async with desk(tmp_path, models) as it:
        await it.press("ctrl+g")
        await it.told("no other model knows the last 30 words better; fewer are not judged")
        it.editor.post_message(events.Paste(f"{german}\n"))
        await it.sees(note)
        await it.press("f4")
        await until(lambda: (row := it.app.models_screen.selected) and row.name == "german")
        await it.press("f2", "escape")
        await until(lambda: not it.has(note))
        await it.press("ctrl+n")
        await until(lambda: not it.page)
        it.editor.post_message(events.Paste(german.replace("\n", " ")))  # stays in the editor
        await it.sees(note)
        await it.press("ctrl+g")
        await until(lambda: it.app.active_name == "german")
        assert it.tells("german is in use; ctrl+z goes back to english")
        assert not it.has(note)
        await it.press("ctrl+z")
        await until(lambda: it.app.active_name == "english")
        assert toasts(it.app)[-1] == "english is in use"
        await it.press("enter")
        await until(lambda: it.page)
        assert not it.has(note), "it is said once"
        await it.press("ctrl+g")
        await until(lambda: it.app.active_name == "german")
