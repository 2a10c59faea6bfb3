"""The Autocomplete screen with a scripted model: writing, what is shown, what is stored."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import structs
from textual import events
from textual.widgets import Input

from rnnlm_tui.session.database import connect
from rnnlm_tui.session.tables import Text, Turn, add_turn, put_draft
from rnnlm_tui.text.prose_learning import learn_prose
from rnnlm_tui.tui.preferences import Preferences, SettingsFile
from rnnlm_tui.tui.writing.candidates import Candidates
from rnnlm_tui.tui.writing.facts import Facts, facts_on
from rnnlm_tui.tui.writing.page_pane import PagePane
from rnnlm_tui.tui.writing.predictor import LoadedModel, Question, answer_to
from tests.helpers.app import (
    answered,
    card_of,
    chain,
    check_layout,
    has_row,
    in_order,
    picture,
    post_clicks,
    post_keys,
    scripted_model,
    toasts,
)
from tests.helpers.scripted import ScriptedModel
from tests.helpers.writing_screen import AppDesk, desk, questions

__all__ = ["questions"]

WORD = re.compile(r"\S+ +<?\d+%")
"""A word of the list and its share."""
HOSTILE = (
    "[/b]",
    "[red]x",
    "[@click=app.quit]x[/]",
    "漢字かな交じり",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "\U0001f1eb\U0001f1f7",
    "❤\ufe0f",
    "e\u0301a\u0308o\u0302\u0301\u0323",
    "שלום",
    "السلام",
    "\x1b[31mred\x1b]52;c;AAAA\x07",
    "a\x07b",
    "nul\x00nul",
    "new\nline",
    "tab\tbed",
    "c\x9b31m",
    "a\u2028b\x85c",
    "lone\ud800",
    "x" * 300,
)
"""Markup, wide and joined characters, right to left, and what could steer a terminal."""


def stored(tmp_path: Path) -> Preferences:
    """The preferences that the app has stored."""
    return SettingsFile(tmp_path / "config").preferences


async def begin_new(it: AppDesk) -> None:
    """Begins a new text."""
    await it.press("ctrl+n")
    await it.until(lambda: it.page == [])


# What one sees


async def test_the_ghost_and_the_words(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.write(*"shall i compare ")
        assert it.shown == "thee to"
        rows = it.rows
        line = next(i for i, row in enumerate(rows) if "│ shall i compare thee to" in row)
        assert in_order(rows[line + 2], " 1 thee", "90%", "█████", " 2 the", "6%", " 3 this", "2%")
        await it.write(*"the")
        rows_now = picture(it.app)
        assert in_order(rows_now, "1 thee", "94%", "2 the ", "6%"), "they share what is left"
        assert "this " not in rows_now
        await it.write("x")
        assert it.rows[line + 2].startswith("  no known word begins with thex")
        await it.write(" ")
        words = it.rows[line + 2 : line + 4]
        third = [word.start() for word in WORD.finditer(words[0])][2]
        assert third - 2 == words[1].index("unknown: thex")
        assert len(WORD.findall(words[1])) == 2


async def test_the_header_says_what_the_writer_has_saved_once_that_tells(tmp_path: Path) -> None:
    async with desk(tmp_path, size=(120, 24)) as it:
        before = it.app.header_text()
        post_keys(it.app, *"shall i comp" * 16, *"compare")
        await it.until(lambda: len(it.line) == 199)
        assert it.app.header_text() == before
        await it.press("s")
        assert it.app.header_text() == "sonnets · you saved 0% (of your keys)"
        await it.press("enter")
        await it.until(lambda: "you saved 0% (of your keys)" in it.rows[0])


async def test_marks_have_the_spaces_of_the_text_that_the_model_learned(tmp_path: Path) -> None:
    """A French `!` keeps the space that the accept inserted before it; a comma does not."""
    french, english = (scripted_model(chain("anna")) for _ in range(2))
    french.tokenizer = learn_prose(["Quel froid ! Tu trouves ? Nous sortons : viens, Anna."] * 8)
    english.tokenizer = learn_prose(["It is cold! Do you think so? We left—at last."] * 8)
    async with desk(tmp_path, {"roman": french, "sonnets": english}) as it:
        await it.write("tab", "!", " ", "tab", ",")
        assert it.line == "Anna ! Anna,"
        it.app.use_model("sonnets")
        await it.until(lambda: it.app.active_name == "sonnets")
        await it.write("ctrl+u", "tab", "!")
        assert it.line == "Anna!"
        await it.write("ctrl+u", "tab", "—", *"at", " ", "tab", "—", *" at")
        assert it.line == "Anna—at anna — at"


async def test_the_words_scroll_to_the_chosen_one_and_a_click_takes_one(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        answer = it.screen.answer
        assert answer is not None
        words = [c.word for c in answer.suggestions.candidates]
        await it.press(*["down"] * 8)
        rows = it.rows[it.screen.query_one(Candidates).region.y :][:2]
        assert in_order(rows[0], "6 ", words[5], "7 ", words[6], f"▸8 {words[7]}")
        assert in_order(rows[1], "9 ", words[8])
        segments = list(it.screen.query_one(Candidates).render_line(0))
        assert [s.text.strip() for s in segments if s.style and s.style.reverse] == [words[7]]
        assert it.shown == words[7]
        await it.pilot.click(Candidates, offset=(30, 0))
        await it.until(lambda: it.line == words[6] + " ")
        assert it.editor.has_focus


@pytest.mark.parametrize(
    ("size", "columns", "has_facts"),
    [
        ((60, 16), 55, False),
        ((100, 30), 95, False),
        ((120, 36), 100, False),
        ((160, 45), 100, True),
    ],
)
async def test_one_column_of_at_most_100_cells_with_the_words_under_the_line(
    size: tuple[int, int], columns: int, has_facts: bool, tmp_path: Path
) -> None:
    """Only a very wide window has facts beside it."""
    async with desk(tmp_path, size=size) as it:
        await it.send("x" * columns, 1)
        await it.until(lambda: has_row(it.app, " " + "x" * columns + " "))
        await it.send("y" * (columns + 1), 2)
        await it.until(lambda: has_row(it.app, " " + "y" * columns + " "))
        await it.write(*"xylograph ")
        words = it.screen.query_one(Candidates)
        assert words.region.y == it.editor.region.bottom
        assert words.region.x == it.editor.region.x
        facts = it.screen.query_one(Facts)
        assert bool(facts.region) is has_facts
        if has_facts:
            await it.until(lambda: has_row(it.app, "words known"))
            assert picture(it.app).count("unknown: xylograph") == 2
        check_layout(it.app)


async def test_a_window_that_was_too_small_gives_the_line_back(tmp_path: Path) -> None:
    async with desk(tmp_path, size=(59, 20)) as it:
        assert "please enlarge" in it.rows[0]
        await it.pilot.resize_terminal(80, 24)
        await it.until(lambda: "[Autocomplete]" in it.rows[0])
        await it.until(lambda: it.editor.has_focus)


def test_the_name_of_a_corpus_is_shown_as_far_as_there_is_room() -> None:
    """Wrapping one of 400,000 characters took 1.4 seconds each time."""
    model = scripted_model()
    card = card_of(model)
    card = structs.replace(card, corpus=structs.replace(card.corpus, name="x\x1b" * 200_000))
    loaded_model = LoadedModel("m", card, model)
    facts = list(facts_on(answer_to(Question(loaded_model, "so " * 9_000, 27_000)), loaded_model))
    assert sum(map(len, facts)) < 600
    assert "from x\ufffdx" in facts[4] and facts[4].endswith(": 2,159 lines, 17,600 words")


async def test_a_double_click_takes_one_word(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.write(*"shall i compare ")
        x, y = it.screen.query_one(Candidates).region.offset
        post_clicks(it.app, (x + 4, y), (x + 4, y))
        await it.until(lambda: it.line == "shall i compare thee ")
        await it.write("x")
        assert it.line == "shall i compare thee x"


@pytest.mark.parametrize("size", [(60, 16), (60, 20), (80, 24)])
async def test_a_long_text_leaves_room_for_a_line_above_it_and_the_keys(
    size: tuple[int, int], tmp_path: Path
) -> None:
    async with desk(tmp_path, size=size) as it:
        it.editor.set_text("\n".join(f"line {number}" for number in range(9)))
        await it.write(*" and")
        assert "│ line 8 and" in picture(it.app)
        assert "ctrl+p more" in it.rows[-1]
        assert it.screen.query_one(PagePane).size.height > 0


# Keys that act on more than the line


async def test_escape_hides_the_list_too_and_says_so(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.write(*"shall ")
        await it.press("escape")
        assert it.shown == ""
        assert "hidden until the next word" in picture(it.app)
        await it.write("i", " ")
        assert it.shown == "compare thee to"


async def test_the_ghost_is_switched_off_and_on_and_stays_so(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.write(*"shall ")
        await it.press("ctrl+t")
        assert it.shown == ""
        assert " 1 i " in picture(it.app), "the list stays"
    async with desk(tmp_path, preferences=stored(tmp_path)) as it:
        await it.write(*"shall ")
        assert it.shown == ""
        await it.press("ctrl+t")
        assert it.shown == "i compare thee to"
        assert it.app.preferences.ghost


async def test_the_list_shows_the_digits_that_take_a_word_with_alt(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.write(*"shall i compare ")
        row = it.rows[it.screen.query_one(Candidates).region.y]
        assert in_order(row, " 1 thee", " 2 the", " 3 this")
        assert in_order(picture(it.app), "Tab word", "alt+1-5 take")
        await it.write("alt+2")
        assert it.line == "shall i compare the "
        await it.press("escape")
        await it.until(lambda: "hidden" in picture(it.app))
        assert not re.search(r" [1-9] ", it.rows[it.screen.query_one(Candidates).region.y])


async def test_which_digits_take_a_word_is_a_setting(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.write(*"shall ")
        await it.press("alt+d", "alt+d")
        await it.until(lambda: it.tells("always: 1 to 5 take a word"))
        await it.write("1")
        assert it.line == "shall i "
        assert stored(tmp_path).digits == "always"


async def test_f6_moves_and_what_is_typed_elsewhere_goes_to_the_line(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.send("when i", 2)
        await it.write(*"zzz")
        for _ in range(2):
            await it.press("f6")
            assert it.screen.page.has_focus
            await it.press("f6")
            assert it.editor.has_focus
        await it.press("f6")
        await it.press("!", "x")
        await it.until(lambda: it.line == "zzz!x" and it.editor.has_focus)
        await it.press("f6")
        it.app.post_message(events.Paste("pasted"))
        await it.until(lambda: it.line == "zzz!xpasted" and it.editor.has_focus)


# The page


async def test_a_sent_line_is_continued_by_ten_words_and_by_others_drawn_by_chance(
    tmp_path: Path,
) -> None:
    words = [f"w{letter}" for letter in "abcdefghijklmn"]
    script = {**chain(*words), "a": dict.fromkeys(words, 0.07)}
    async with desk(tmp_path, {"loop": scripted_model(script)}) as it:
        await it.press("ctrl+r")
        await it.until(lambda: it.tells("add a line to the page first: Enter"))
        await it.write(*"wa", "enter")
        await it.press("ctrl+r")
        await it.until(lambda: it.page == ["wa", " ".join(words[1:11])])
        assert it.line == ""
        shown = ("wa", "  ▏ wb wc")
        await it.until(lambda: in_order(picture(it.app), *shown))
        await it.send("a", 4)
        for count in range(5, 9):
            await it.press("ctrl+r")
            await it.until(lambda n=count: len(it.page) == n)
        assert len(set(it.page[4:])) > 1
        continuations = it.screen.text.turns[1].continuations
        assert [c.sampled for c in continuations] == [False] + 4 * [True]


async def test_a_late_continuation_is_put_below_its_own_line_or_dropped(tmp_path: Path) -> None:
    model = scripted_model()
    async with desk(tmp_path, {"slow": model}) as it:
        model.gate.clear()
        await it.send("shall i", 1)
        await it.press("ctrl+r")
        await begin_new(it)
        await it.send("shall i", 1)
        await it.press("ctrl+r")
        await it.send("when", 2)
        await it.press("ctrl+r")
        model.gate.set()
        await it.until(lambda: len(it.page) == 4)
        assert [it.page[0], it.page[2]] == ["shall i", "when"]
        assert it.page[1].startswith("compare thee")
        assert it.page[3].startswith("i compare")
    async with desk(tmp_path) as it:
        assert len(it.page) == 4


async def test_lines_of_the_page_are_copied_and_used(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.press("f7")
        await it.until(lambda: it.tells("there is no line to copy yet"))
        await it.send("when i", 2)
        await it.send("shall i", 4)
        await it.press("f7")
        await it.until(lambda: it.app.clipboard == it.page[3])
        assert any("copied “" in toast and "F5 saves" in toast for toast in toasts(it.app))
        await it.press("f6")
        assert it.screen.page.current is it.screen.page.lines[3]
        await it.press("up", "c")
        await it.until(lambda: it.app.clipboard == "shall i")
        await it.press("up", "up", "up", "u")
        await it.until(lambda: it.line == "when i" and it.editor.has_focus)
        await it.press("f6")
        await it.press("escape")
        await it.until(lambda: it.editor.has_focus)


async def test_a_continuation_is_removed_and_a_sent_line_is_not(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.send("when i", 2)
        await it.send("shall i", 4)
        await it.press("f6")
        await it.press("d")
        await it.until(lambda: it.tells("removed what the model added"))
        assert (len(it.page), it.page[2]) == (3, "shall i")
        assert it.screen.page.current is it.screen.page.lines[2]
        await it.press("delete")
        await it.until(lambda: it.tells("e edits it, and an empty line removes it"))
        await it.press("up", "delete")
        assert it.page == ["when i", "shall i"]
        await it.press("f6")
        assert it.line == ""
    async with desk(tmp_path) as it:
        assert it.page == ["when i", "shall i"]


async def test_page_up_and_down_scroll_the_page_while_one_writes(tmp_path: Path) -> None:
    async with desk(tmp_path, preferences=Preferences()) as it:
        it.screen.text.turns = [Turn(f"line {number}") for number in range(60)]
        it.screen.page.fill()
        it.screen.lines_changed()
        await it.until(lambda: it.screen.page.scroll_offset.y == 60 - 15)
        await it.press(*"so", "pageup", "pageup")
        await it.until(lambda: has_row(it.app, "line 17") and has_row(it.app, "line 31"))
        assert not has_row(it.app, "line 32")
        await it.press("pagedown", "pagedown", "x")
        await it.until(lambda: has_row(it.app, "line 45") and has_row(it.app, "line 59"))
        assert it.line == "sox"


async def test_a_changed_line_is_not_lost_when_another_is_to_be_edited(tmp_path: Path) -> None:
    async with desk(tmp_path, preferences=Preferences()) as it:
        await it.send("one", 1)
        await it.send("two", 2)
        await it.press("up", "!", "f6")
        await it.press("up", "e")
        await it.until(lambda: it.editor.has_focus)
        assert it.line == "two!"
        await it.press("enter")
        assert it.page == ["one", "two!"]
        await it.press("f6")
        await it.press("up", "e")
        await it.until(lambda: it.line == "one")


async def test_a_changed_line_and_an_emptied_one_are_brought_back_by_undo(tmp_path: Path) -> None:
    async with desk(tmp_path, preferences=Preferences()) as it:
        await it.send("one", 1)
        await it.send("two", 2)
        await it.press("up", "up", "!", "enter")
        await it.until(lambda: it.page == ["one!", "two"])
        await it.press("ctrl+z", "enter")
        await it.until(lambda: it.page == ["one", "two"])
        await it.press("up", "up", "ctrl+u", "enter")
        await it.until(lambda: it.page == ["two"])
        await it.until(lambda: it.tells("removed the paragraph; ctrl+z brings it back"))
        await it.press("ctrl+z")
        assert (it.line, it.editor.sent.edited) == ("one", None)


async def test_the_line_that_is_edited_is_marked_and_in_sight(tmp_path: Path) -> None:
    async with desk(tmp_path, preferences=Preferences()) as it:
        it.screen.text.turns = [Turn(f"line {number}") for number in range(60)]
        it.screen.page.fill()
        it.screen.lines_changed()
        await it.until(lambda: has_row(it.app, "line 59"))
        await it.press(*["up"] * 40)
        await it.until(lambda: has_row(it.app, "│ line 20 "))
        marked = it.screen.page.current
        assert marked is not None and marked.turn is it.editor.sent.edited
        await it.press("escape")
        await it.until(lambda: it.screen.page.current is None)


async def test_a_sent_line_that_is_open_for_editing_does_not_come_back_twice(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, preferences=Preferences()) as it:
        await it.send("one", 1)
        await it.press("up")
        assert it.line == "one"
    async with desk(tmp_path, preferences=Preferences()) as it:
        assert (it.page, it.line) == (["one"], "")


# Kept over restarts


async def test_the_text_and_the_draft_survive_a_restart(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.send("when i", 2)
        before = it.page
        await it.write(*"shall i co")
    async with desk(tmp_path) as it:
        await it.until(lambda: it.page == before)
        await answered(it.pilot)
        assert (it.line, it.shown) == ("shall i co", "mpare thee to")
        assert "─ when i · 2 words ─" in picture(it.app)
        await it.press("ctrl+u", "up")
        assert it.line == "when i"


async def test_stored_text_can_steer_nothing(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "data" / "session" / "session.db")) as connection:
        text = Text()
        for line in ("when i", "[/b]\n\x1b[31mred"):
            add_turn(connection, text, Turn(line))
        draft = "two\nlines\x1b[31m \ufffd"
        put_draft(connection, text, draft)
    async with desk(tmp_path) as it:
        await it.until(lambda: len(it.page) == 2)
        assert it.page == ["when i", "[/b]\n\ufffd[31mred"]
        assert it.line == "two\nlines\ufffd[31m \ufffd"
        check_layout(it.app)
        it.editor.set_text("")
        await it.press("up")
        assert it.line == "[/b]\n\ufffd[31mred"
        await it.press("f7")
        check_layout(it.app)


# One question at a time, and keys before the answer


async def test_one_question_is_in_work_and_no_key_waits(
    tmp_path: Path, questions: list[Question]
) -> None:
    slow, fast = scripted_model(), scripted_model(chain("thee", "we", "dance"))
    async with desk(tmp_path, {"slow": slow, "fast": fast}) as it:
        questions.clear()
        slow.gate.clear()
        await it.press("t")  # what follows "thee" has not been asked before
        await it.until(lambda: len(questions) == 1)
        await it.press(*"hee ")
        assert it.line == "thee "
        assert [q.line for q in questions] == ["t"], "the others wait"
        it.app.use_model("fast")
        await it.until(lambda: it.app.active_name == "fast")
        assert it.shown == ""
        slow.gate.set()
        await answered(it.pilot)
        assert it.shown == "we dance", "answers of the model before are dropped"


async def test_a_stale_answer_is_dropped(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.write(*"shall ")
        right, loaded_model = it.screen.answer, it.app.loaded_model
        assert loaded_model is not None
        for line, cursor in (("shall i", 7), ("shall ", 2), ("shall", 5)):
            it.screen.show_answer(answer_to(Question(loaded_model, line, cursor)))
            assert it.screen.answer is right


async def test_a_burst_of_keys_keeps_its_order(tmp_path: Path) -> None:
    """Tab and Down arrive before the answers that they need, and later keys wait for them."""
    async with desk(tmp_path) as it:
        keys = (*"shall i do", "ctrl+w", *"comp", "tab", "tab", "enter", *"when", "tab", "down")
        post_keys(it.app, *keys, "down", "enter", *"x ")
        await it.until(lambda: len(it.page) == 1 and it.line.endswith("x "))
        assert it.page[0] == "shall i compare thee"
        assert it.line == "when i do x ", "the second word of the list after i"


# Models and hostile text


async def test_another_model_suggests_at_once_and_says_so(tmp_path: Path) -> None:
    models = {"sonnets": scripted_model(), "mine": scripted_model(chain("shall", "we", "dance"))}
    async with desk(tmp_path, models) as it:
        await it.write(*"shall ")
        it.app.use_model("mine")
        await it.until(lambda: it.shown == "we dance")
        assert it.tells("mine is active")
        assert " mine" in it.rows[0]
    async with desk(tmp_path, models, preferences=it.app.preferences) as it:
        assert it.app.active_name == "mine", "the one used last"


def cued_model() -> tuple[str, ScriptedModel]:
    """A model that predicts a hostile word after each of these letters, and repeats it."""
    cues = "abcdefghijklmnopqrst"[: len(HOSTILE)]
    script = {word: {word: 0.9} for word in HOSTILE}
    script |= {cue: {word: 0.9} for cue, word in zip(cues, HOSTILE, strict=True)}
    return cues, scripted_model(script)


@pytest.mark.slow
async def test_hostile_words_of_a_model(tmp_path: Path) -> None:
    """In the ghost, in the list, in the line, on the page, in its file, at every width."""
    cues, model = cued_model()
    async with desk(tmp_path, {"m": model}) as it:
        for number, cue in enumerate(cues):
            await it.write(cue, " ")
            check_layout(it.app)
            await it.press("down")
            check_layout(it.app)
            await it.press("enter", "enter", "ctrl+r")
            await it.until(lambda lines=2 * number + 2: len(it.page) == lines)
            assert it.editor.document.line_count == 1
        before = it.page
        for size in ((120, 40), (61, 17), (80, 24)):
            await it.pilot.resize_terminal(*size)
            await it.pilot.pause(0)
            check_layout(it.app)
        await it.press("f6", "up", "c", "u")
        check_layout(it.app)
        await it.press("f5")
        await it.until(lambda: it.app.screen.is_modal)
        it.app.screen.query_one(Input).value = str(tmp_path / "hostile.txt")
        await it.press("enter")
        await it.until((tmp_path / "hostile.txt").exists)
    async with desk(tmp_path, {"m": model}) as it:
        assert it.page[:20] == before[:20]
        check_layout(it.app)


@pytest.mark.slow
async def test_hostile_text_that_is_pasted(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        for word in HOSTILE:
            it.app.post_message(events.Paste(f"so {word} shall "))
            await it.until(lambda: it.line)
            await answered(it.pilot)
            check_layout(it.app)
            await it.press("home", "right", "right", "right", "right", "right")
            check_layout(it.app)
            it.editor.set_text("")


async def test_hostile_names_of_models(tmp_path: Path) -> None:
    names = ("[/b]", "[red]x", "漢字" * 30, "\x1b[31m", "שלום", "x" * 300)
    models = {name: scripted_model() for name in names}
    async with desk(tmp_path, models, size=(120, 40)) as it:
        for number, name in enumerate(names):
            it.app.use_model(name)
            await it.until(lambda name=name: it.app.active_name == name)
            await it.send("when i", 2 * number + 2)
            check_layout(it.app)
        await it.press("ctrl+p")
        await it.until(lambda: "Search" in picture(it.app))
        await it.press(*"model [")
        await it.until(lambda: "Use model [/b]" in picture(it.app))
        check_layout(it.app)


async def test_a_model_that_uses_the_lines_above_is_given_them(tmp_path: Path) -> None:
    model = scripted_model()
    model.uses_previous_lines = True
    async with desk(tmp_path, {"m": model}) as it:
        await it.send("when i", 2)
        await it.send("shall i", 4)
        assert ("when", "i", "shall", "i") in model.asked_words, "for the continuation"
        twice = ("shall", "i", "shall", "i")
        assert not any(context[2:6] == twice for context in model.asked_words)
        await it.write(*"to the ")
        assert model.asked_words[-1][:6] == ("when", "i", "shall", "i", "to", "the")
