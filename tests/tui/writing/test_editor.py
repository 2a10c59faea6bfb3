"""The line being written, in a host of its own whose answers the tests give by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from rich.cells import cell_len
from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import Button
from textual.widgets.text_area import Selection

from rnnlm_tui.tui.writing import key_order
from rnnlm_tui.tui.writing.editor import LONGEST_LINE, LineEditor, one_line
from rnnlm_tui.tui.writing.keystrokes import Keystrokes
from tests.helpers.app import check_layout, post_keys, press, rows_of


class Host(App[None]):
    """A line editor and something else to focus. `questions` are what the line has asked."""

    BINDINGS = [Binding("ctrl+c", "copied", "Copy"), Binding("f6", "other_pane", "Pane")]  # noqa: RUF012
    will_answer = True

    def __init__(self, width_of_line: int = 76) -> None:
        super().__init__()
        self.questions: list[tuple[str, int]] = []
        self.sent: list[LineEditor.Sent] = []
        self.done: list[str] = []
        self.editor = LineEditor(self._ask)
        self.editor.styles.width = width_of_line + 4

    def compose(self) -> ComposeResult:
        yield self.editor
        yield Button("other", id="other")

    def on_mount(self) -> None:
        self.editor.focus()

    def _ask(self) -> bool:
        self.questions.append((self.editor.line, self.editor.cursor))
        return self.will_answer

    @on(LineEditor.Sent)
    def _keep(self, event: LineEditor.Sent) -> None:
        self.sent.append(event)

    @on(LineEditor.TooLong)
    def _refuse(self) -> None:
        self.done.append("too long")

    def action_copied(self) -> None:
        self.done.append("copied")

    def action_other_pane(self) -> None:
        self.done.append("pane")


class Desk:
    """A running host, and short words for what the tests do with it."""

    def __init__(self, app: Host, pilot: Pilot[None]) -> None:
        self.app, self.pilot, self.editor = app, pilot, app.editor

    @property
    def line(self) -> str:
        return self.editor.line

    @property
    def shown(self) -> str:
        return self.editor.suggestion

    def answer(self, *words: str, prefix: str = "", more: tuple[str, ...] = ()) -> None:
        """Answers to the line as it stands: the ghost is the first word and `more`."""
        self.editor.show(words, prefix, (*words[:1], *more))

    async def press(self, *keys: str) -> None:
        await press(self.pilot, *keys)

    async def burst(self, *keys: str) -> None:
        """Keys of which one waits for an answer."""
        post_keys(self.app, *keys)
        async with asyncio.timeout(10):
            while not self.editor.answer_gate.is_waited_at:
                await asyncio.sleep(0)


@asynccontextmanager
async def desk(line: str = "", **host: Any) -> AsyncIterator[Desk]:
    """A desk with this line, typed, and no answer yet."""
    app = Host(**host)
    async with app.run_test(size=(80, 24)) as pilot:
        it = Desk(app, pilot)
        await it.press(*line)
        yield it


# The ghost


async def test_the_ghost_is_what_is_left_of_the_likeliest_words() -> None:
    async with desk("shall i comp") as it:
        it.answer("compare", "company", prefix="comp", more=("thee", "to"))
        assert it.shown == "are thee to"


async def test_a_ghost_that_is_typed_through_never_blanks() -> None:
    """Whatever comes between two keys, the rest of the ghost stands there."""
    async with desk("shall i ") as it:
        it.answer("compare", more=("thee",))
        seen: list[str] = []

        def watch(ghost: str) -> None:
            seen.append(ghost)

        it.editor.watch(it.editor, "suggestion", watch, init=False)
        for letter, rest in zip("compare the", range(10, -1, -1), strict=True):
            await it.press(letter)
            assert it.shown == "compare thee"[len("compare thee") - rest - 1 :]
        assert all(seen), "the ghost was empty for a moment"


async def test_a_letter_against_the_ghost_takes_it_away_at_once() -> None:
    async with desk("shall i ") as it:
        it.answer("compare")
        await it.press("x")
        assert it.shown == ""


async def test_what_was_deleted_on_purpose_is_not_offered_again() -> None:
    async with desk("shall i comp") as it:
        it.answer("compare", prefix="comp", more=("thee",))
        await it.press("ctrl+u")
        assert (it.line, it.shown) == ("", "")


async def test_a_backspace_within_the_word_keeps_the_ghost() -> None:
    async with desk("shall i comp") as it:
        it.answer("compare", prefix="comp")
        await it.press("backspace")
        assert it.shown == "pare"
        await it.press("backspace", "backspace", "backspace")
        assert it.shown == "compare"
        await it.press("backspace")
        assert it.shown == "", "this is another word"


async def test_the_line_before_is_not_offered_after_enter() -> None:
    async with desk("shall") as it:
        it.answer("shall", prefix="shall", more=("i", "compare"))
        await it.press("enter")
        assert (it.line, it.shown) == ("", "")


@pytest.mark.parametrize("key", ["left", "home", "ctrl+left"])
async def test_no_ghost_with_the_cursor_within_the_line(key: str) -> None:
    async with desk("shall i comp") as it:
        it.answer("compare", prefix="comp")
        await it.press(key)
        assert it.shown == ""
        before = it.line
        it.answer("compare", prefix="")
        assert it.shown == ""
        for mover in ("right", "ctrl+right", "alt+f", "end"):
            await it.press("home", mover)
            assert it.line == before, "a key that moves the cursor within the line accepts nothing"


async def test_no_ghost_while_something_is_selected() -> None:
    async with desk("shall i comp") as it:
        it.answer("compare", prefix="comp")
        await it.press("shift+left")
        assert it.shown == ""


async def test_a_click_within_the_line_takes_the_ghost_away() -> None:
    async with desk("shall i comp") as it:
        it.answer("compare", prefix="comp")
        await it.pilot.click(LineEditor, offset=(5, 1))
        assert it.editor.cursor == 3
        assert it.shown == ""


async def test_the_ghost_is_cut_to_the_row_by_whole_words() -> None:
    async with desk("shall i ", width_of_line=40) as it:
        words = ("compare", "thee", "to", "a", "summer's", "day", "and", "to", "the", "night")
        it.answer(words[0], more=words[1:])
        assert it.shown == "compare thee to a summer's day…"
        assert cell_len(it.line + it.shown) <= 40
        assert it.shown in rows_of(it.app)[1]
        await it.press("end")
        assert it.line == "shall i compare thee to a summer's day and to the night "


async def test_a_long_line_scrolls_so_that_its_ghost_is_seen() -> None:
    async with desk(width_of_line=40) as it:
        it.editor.set_line("when i do count the clock that tells the time and see the br")
        it.answer("brave", prefix="br", more=("day",))
        await it.pilot.pause(0)
        assert "see the brave day " in rows_of(it.app)[1]
        it.answer("brave", prefix="br", more=tuple("abcdefghijklmnopqrstuv"))
        await it.pilot.pause(0)
        assert "see the brave a b c" in rows_of(it.app)[1]
        check_layout(it.app)


async def test_the_beginning_of_a_long_line_is_seen_with_the_cursor_there() -> None:
    async with desk(width_of_line=40) as it:
        it.editor.set_line("when i do count the clock that tells the time and see the br")
        await it.press("home")
        await it.pilot.pause(0)
        assert "│ when i do count" in rows_of(it.app)[1]


async def test_a_word_wider_than_the_row_is_cut() -> None:
    async with desk(width_of_line=40) as it:
        it.answer("a" * 10_000)
        assert it.shown == "a" * 38 + "…"
        await it.press("tab")
        assert it.line == "a" * 10_000 + " "
        it.answer("b" * 10_000)
        await it.pilot.pause(0)
        assert "bbbbbbbbbb…" in rows_of(it.app)[1]
        check_layout(it.app)


async def test_the_ghost_is_cut_anew_when_the_window_changes() -> None:
    async with desk("shall i ") as it:
        it.editor.styles.width = "100%"
        await it.pilot.pause(0)
        it.answer("compare", more=("thee", "to", "a", "summer's", "day", "when", "leaves"))
        whole = it.shown
        await it.pilot.resize_terminal(40, 20)
        await it.pilot.pause(0)
        assert it.shown == "compare thee to a summer's…"
        await it.pilot.resize_terminal(80, 24)
        await it.pilot.pause(0)
        assert it.shown == whole


# Accepting


@pytest.mark.parametrize("key", ["tab", "ctrl+right", "alt+f"])
async def test_one_word_is_accepted(key: str) -> None:
    async with desk("shall i comp") as it:
        it.answer("compare", prefix="comp", more=("thee", "to"))
        await it.press(key)
        assert it.line == "shall i compare "
        assert it.shown == "thee to", "the rest of the ghost stays"
        await it.press(key)
        assert it.line == "shall i compare thee "
        assert it.editor.has_focus


@pytest.mark.parametrize("key", ["right", "end", "ctrl+e"])
async def test_all_of_the_ghost_is_accepted_at_the_end_of_the_line(key: str) -> None:
    async with desk("shall i comp") as it:
        it.answer("compare", prefix="comp", more=("thee", "to"))
        await it.press(key)
        assert it.line == "shall i compare thee to "


async def test_the_ghost_after_a_whole_word_begins_with_a_space() -> None:
    async with desk("compare") as it:
        it.answer("compare", prefix="compare", more=("thee",))
        assert it.shown == " thee"
        await it.press("tab")
        assert it.line == "compare thee "


async def test_capitals_stay_as_they_were_typed() -> None:
    async with desk("Shall I Comp") as it:
        it.answer("compare", prefix="comp")
        await it.press("tab")
        assert it.line == "Shall I Compare "


async def test_a_space_in_a_word_is_part_of_it() -> None:
    """A no-break space does not separate words."""
    async with desk("10\u00a0000") as it:
        assert it.line == "10\u00a0000", "it can be typed"
        it.answer("10\u00a0000\u00a0francs", prefix="10\u00a0000", more=("more",))
        await it.press("tab")
        assert it.line == "10\u00a0000\u00a0francs "


async def test_tab_moves_the_focus_where_there_is_no_ghost() -> None:
    async with desk("shall") as it:
        it.answer()
        await it.press("tab")
        assert not it.editor.has_focus
        await it.press("shift+tab")
        assert it.editor.has_focus
        assert it.line == "shall"


async def test_shift_tab_moves_the_focus_though_there_is_a_ghost() -> None:
    async with desk("shall i ") as it:
        it.answer("compare")
        await it.press("shift+tab")
        assert not it.editor.has_focus


async def test_shift_and_a_cursor_key_select_and_never_accept() -> None:
    async with desk("shall i comp") as it:
        it.answer("compare", prefix="comp")
        await it.press("shift+right", "ctrl+shift+right", "shift+end")
        assert it.line == "shall i comp"
        await it.press("left", "left", "shift+right")
        assert it.editor.selected_text == "m"


async def test_the_added_space_is_not_doubled_by_a_typed_one() -> None:
    async with desk("i ") as it:
        it.answer("compare")
        await it.press("tab", " ", "t", " ", " ")
        assert it.line == "i compare t  "


@pytest.mark.parametrize("mark", ",.;:!?)")
async def test_punctuation_takes_the_place_of_the_added_space(mark: str) -> None:
    async with desk("i ") as it:
        it.answer("compare")
        await it.press("tab", mark, " ")
        assert it.line == f"i compare{mark} "


async def test_a_typed_space_stays_before_punctuation() -> None:
    async with desk("i ") as it:
        it.answer()
        await it.press(",")
        assert it.line == "i ,"


# The list


async def test_the_ghost_follows_what_is_chosen_in_the_list() -> None:
    async with desk("i comp") as it:
        it.answer("compare", "company", "compass", prefix="comp", more=("thee",))
        await it.press("down")
        assert (it.editor.choice, it.shown) == (0, "are")
        await it.press("down")
        assert (it.editor.choice, it.shown) == (1, "any")
        await it.press("down", "down", "down")
        assert (it.editor.choice, it.shown) == (2, "ass"), "it ends at the last"
        await it.press("up")
        assert it.shown == "any"
        await it.press("up", "up")
        assert it.editor.choice is None
        it.answer("compare", "company", prefix="comp", more=("thee",))
        assert it.shown == "are thee"


@pytest.mark.parametrize("key", ["enter", "tab", "right"])
async def test_the_chosen_word_is_inserted(key: str) -> None:
    async with desk("i comp") as it:
        it.answer("compare", "company", prefix="comp")
        await it.press("down", "down", key)
        assert it.line == "i company "
        assert it.editor.choice is None
        assert not it.app.sent


async def test_a_digit_inserts_while_choosing_and_is_typed_otherwise() -> None:
    async with desk("i ") as it:
        it.answer("compare", "do", "love")
        await it.press("2")
        assert it.line == "i 2"
        await it.press("backspace")
        it.answer("compare", "do", "love")
        await it.press("down", "3")
        assert it.line == "i love "
        it.answer("thee")
        await it.press("down", "9")
        assert it.line == "i love ", "there is no ninth"
        await it.press("x", "9")
        assert it.line == "i love x9", "typing ends the choice"


async def test_a_word_is_inserted_within_the_line() -> None:
    async with desk("i  thee") as it:
        await it.press("home", "right", "right")
        it.answer("compare", "do")
        await it.press("down", "enter")
        assert (it.line, it.editor.cursor) == ("i compare thee", 9)


async def test_down_chooses_nothing_where_nothing_is_offered() -> None:
    async with desk("zzz") as it:
        it.answer(prefix="zzz")
        await it.press("down", "1")
        assert it.line == "zzz1"


async def test_a_click_on_the_list_before_the_answer_inserts_nothing_wrong() -> None:
    """The words on the screen are those for the line before."""
    async with desk("i ") as it:
        it.answer("compare", "do")
        await it.press("x")
        it.editor.insert_candidate(1)
        assert it.line == "i x"


# Hiding


async def test_escape_hides_until_the_next_word() -> None:
    async with desk("shall i c") as it:
        it.answer("compare", prefix="c")
        await it.press("escape")
        assert (it.shown, it.editor.is_hidden) == ("", True)
        await it.press("o", "m")
        it.answer("compare", prefix="com")
        assert it.shown == ""
        await it.press("backspace", "backspace", "backspace", "d")
        it.answer("do", prefix="d")
        assert it.shown == "", "it is the same word still"
        await it.press("down")
        assert it.editor.choice is None, "what is hidden cannot be chosen"
        await it.press("o", " ")
        it.answer("thee")
        assert it.shown == "thee"


async def test_escape_on_an_empty_line_hides_for_one_word() -> None:
    async with desk() as it:
        it.answer("shall")
        await it.press("escape", "s", "backspace")
        it.answer("shall")
        assert it.shown == ""
        await it.press("s", " ")
        it.answer("i")
        assert it.shown == "i"


async def test_a_new_line_is_not_hidden_longer_than_its_first_word() -> None:
    async with desk("one two three") as it:
        await it.press("escape", "ctrl+u", "a", " ")
        it.answer("summer's")
        assert it.shown == "summer's"


@pytest.mark.parametrize("key", ["ctrl+@", "ctrl+space"])
async def test_a_hidden_ghost_is_shown_on_demand(key: str) -> None:
    """Terminals have two ways to send ctrl+space."""
    async with desk("shall i c") as it:
        it.answer("compare", prefix="c")
        await it.press("escape", key)
        assert it.shown == "ompare"


async def test_the_ghost_off_and_on_demand() -> None:
    async with desk("shall i c") as it:
        it.answer("compare", prefix="c")
        it.editor.toggle_ghost()
        assert it.shown == ""
        await it.press("ctrl+@")
        assert it.shown == "ompare"
        it.answer("compare", prefix="c", more=("thee",))
        await it.press("tab")
        assert it.line == "shall i compare "
        it.answer("thee")
        assert it.shown == "", "that was for one word"
        it.editor.toggle_ghost()
        assert it.shown == "thee"


# Undo and redo


async def test_an_accept_is_one_step_to_undo_and_redo() -> None:
    async with desk("shall i ") as it:
        it.answer("compare", more=("thee",))
        await it.press("tab")
        it.answer("thee")
        await it.press("tab")
        assert it.line == "shall i compare thee "
        await it.press("ctrl+z")
        assert it.line == "shall i compare "
        await it.press("ctrl+z")
        assert it.line == "shall i "
        await it.press("ctrl+y")
        assert it.line == "shall i compare "
        await it.press("ctrl+y")
        assert it.line == "shall i compare thee "


async def test_letters_typed_after_an_accept_are_another_step() -> None:
    async with desk("x") as it:
        it.answer("x", prefix="x", more=("i",))
        await it.press("tab", "a", "b")
        await it.press("ctrl+z")
        assert it.line == "x i "
        await it.press("ctrl+z")
        assert it.line == "x"


async def test_a_word_of_one_letter_is_a_step_of_its_own() -> None:
    async with desk("so ") as it:
        it.answer("i")
        await it.press("tab")
        it.answer("o")
        await it.press("tab")
        assert it.line == "so i o "
        await it.press("ctrl+z")
        assert it.line == "so i "
        await it.press("ctrl+z")
        assert it.line == "so "
        it.answer("a")
        await it.press("home", "right", "right")
        it.answer("a")
        await it.press("down", "enter")
        assert it.line == "soa "
        await it.press("x", "ctrl+z")
        assert it.line == "soa "
        await it.press("ctrl+z")
        assert it.line == "so "


async def test_the_ghost_is_back_after_an_undo() -> None:
    async with desk("shall i ") as it:
        it.answer("compare", more=("thee",))
        await it.press("tab", "ctrl+z")
        assert it.shown == "compare thee"
        await it.press("x")
        assert it.line == "shall i x", "nothing is left selected"


# Keys saved


async def test_keys_saved_are_counted_live() -> None:
    """Of the line as it would be sent: the space after an accept counts once it is used."""
    async with desk("shall i comp") as it:
        assert it.editor.keystrokes == Keystrokes(12, 0)
        it.answer("compare", prefix="comp", more=("thee",))
        await it.press("tab")  # "are" for one key
        assert it.editor.keystrokes == Keystrokes(15, 2)
        await it.press("ctrl+z")
        assert it.editor.keystrokes == Keystrokes(12, 0)
        it.answer("compare", prefix="comp", more=("thee",))
        await it.press("tab")
        it.answer("thee", "the", "this")
        await it.press("down", "down", "enter")  # "the" for three, and the space of the accept
        assert it.editor.keystrokes == Keystrokes(19, 3)
        await it.press("enter")
        assert [(s.line, s.keystrokes) for s in it.app.sent] == [
            ("shall i compare the", Keystrokes(19, 3))
        ]
        await it.press("ctrl+z")
        assert it.line == "shall i compare the "
        assert it.editor.keystrokes == Keystrokes(), "it was counted when it was sent"


@pytest.mark.parametrize(
    ("keys", "line", "saved"),
    [
        (("tab", " ", "x"), "i compare x", 6),
        (("tab", "x"), "i compare x", 7),
        (("tab", ","), "i compare,", 6),
        (("tab", "backspace", "backspace", "backspace"), "i compa", 4),
        (("tab", "ctrl+u", "a"), "a", 0),
    ],
)
async def test_keys_pressed_after_an_accept_were_not_saved(
    keys: tuple[str, ...], line: str, saved: int
) -> None:
    async with desk("i ") as it:
        it.answer("compare")
        await it.press(*keys)
        assert (it.line, it.editor.keystrokes) == (line, Keystrokes(len(line), saved))


async def test_what_is_pasted_or_recalled_counts_for_nothing() -> None:
    async with desk("so ") as it:
        it.editor.post_message(events.Paste("long lives this"))
        await it.press(" ", "x")
        assert (it.line, it.editor.keystrokes) == ("so long lives this x", Keystrokes(5, 0))
        it.editor.set_line("an earlier line")
        assert it.editor.keystrokes == Keystrokes()
        await it.press("!")
        assert it.editor.keystrokes == Keystrokes(1, 0)


# Sending and earlier lines


async def test_enter_sends_and_never_accepts() -> None:
    async with desk("shall i comp") as it:
        it.answer("compare", prefix="comp")
        await it.press("enter")
        assert [sent.line for sent in it.app.sent] == ["shall i comp"]
        assert it.line == ""


async def test_enter_on_an_empty_line_sends_nothing() -> None:
    async with desk("  ") as it:
        await it.press("enter")
        assert not it.app.sent


async def test_up_and_down_go_through_earlier_lines() -> None:
    async with desk() as it:
        it.editor.earlier.lines = ["one", "two"]
        await it.press("up")
        assert it.line == "two"
        await it.press("up", "up")
        assert it.line == "one"
        await it.press("down")
        assert it.line == "two"
        await it.press("down")
        assert it.line == ""
        await it.press("up", "x", "up")
        assert it.line == "twox", "a line that was changed is the user's own again"


async def test_up_leaves_a_line_alone_that_is_being_written() -> None:
    async with desk("new") as it:
        it.editor.earlier.lines = ["one"]
        await it.press("up")
        assert it.line == "new"


# Many keys at once


async def test_keys_keep_their_order_and_none_is_lost() -> None:
    async with desk("old") as it:
        post_keys(it.app, "enter", *"new", "backspace", "e", "ctrl+u", *"third", "home", "x")
        post_keys(it.app, "end", "ctrl+v", "y", "left", "z")
        it.app._clipboard = "!"
        await it.press()
        assert [sent.line for sent in it.app.sent] == ["old"]
        assert it.line == "xthird!zy"


async def test_tab_right_after_letters_waits_for_the_answer() -> None:
    async with desk("i ") as it:
        it.answer("compare")
        await it.burst("d", "tab")
        assert (it.line, it.editor.has_focus) == ("i d", True)
        it.answer("do", prefix="d")
        await it.press()
        assert it.line == "i do "


async def test_keys_after_such_a_tab_are_done_in_order() -> None:
    async with desk() as it:
        await it.burst(*"i d", "tab", "tab", "enter", *"when", "backspace", "m")
        it.answer("do", prefix="d", more=("love",))
        await it.press()
        assert [sent.line for sent in it.app.sent] == ["i do love"]
        assert it.line == "whem"


@pytest.mark.parametrize("key", ["enter", "2"])
async def test_down_right_after_letters_chooses_from_what_the_answer_offers(key: str) -> None:
    async with desk("i ") as it:
        it.answer("compare", "do")
        await it.burst("d", "down", "down", key)
        it.answer("do", "die", prefix="d")
        await it.press()
        assert it.line == "i die "
        assert not it.app.sent


async def test_a_tab_that_no_answer_comes_to_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_order, "LONGEST_WAIT_S", 0.01)
    async with desk() as it:
        await it.press("d", "tab", "down", "o")
        assert (it.line, it.editor.has_focus, it.editor.choice) == ("do", True, None)
        it.answer("done", prefix="do")
        assert it.shown == "ne"


@pytest.mark.parametrize("key", ["escape", "home"])
async def test_tab_does_not_wait_where_no_ghost_can_come(key: str) -> None:
    async with desk() as it:
        await it.press("d", key, "tab")
        assert not it.editor.has_focus


async def test_tab_does_not_wait_where_no_answer_will_come() -> None:
    async with desk() as it:
        it.app.will_answer = False
        await it.press("d", "tab")
        assert not it.editor.has_focus


# Pasting, and text that is not the user's


async def test_a_paste_of_10_000_characters_is_one_line_and_one_question() -> None:
    async with desk() as it:
        text = "shall i compare\r\nthee to a\tday\n" * 323
        it.app.questions.clear()
        it.editor.post_message(events.Paste(text))
        await it.press()
        assert it.editor.document.line_count == 1
        assert it.line == ("shall i compare thee to a day " * 323)[:-1]
        assert it.app.questions == [(it.line, len(it.line))]
        await it.press("x")
        assert it.line.endswith("dayx")
        check_layout(it.app)


async def test_a_line_takes_no_more_text_than_it_can_be_edited_with() -> None:
    async with desk("so ") as it:
        it.answer("b" * LONGEST_LINE)
        it.editor.post_message(events.Paste("x" * 2_000_000))
        await it.press("tab", "y")
        assert it.line == "so y"
        assert it.app.done == ["too long", "too long"]


async def test_a_letter_asks_one_question() -> None:
    """An edit moves the cursor too."""
    async with desk() as it:
        for key in ("a", "b", "backspace", "left", "delete", "ctrl+z", "ctrl+y"):
            it.app.questions.clear()
            await it.press(key)
            assert it.app.questions == [(it.line, it.editor.cursor)], key


def test_foreign_text_is_brought_into_one_harmless_line() -> None:
    assert one_line("a\r\nb\nc\td\x1b[31m\x00\u2028e\x85f") == "a b c d\ufffd[31m\ufffd e f"
    harmless = "\U0001f468\u200d\U0001f469 e\u0301 שלום"
    assert one_line(harmless) == harmless


@pytest.mark.parametrize("character", "é\u0301\u200d\u200c\u00a0漢\U0001f600")
async def test_characters_of_all_languages_can_be_typed(character: str) -> None:
    async with desk("a") as it:
        await it.press(character, "b")
        assert it.line == f"a{character}b"


@pytest.mark.parametrize(
    "word", ["\x1b[31mred", "a\x07b", "nul\x00", "new\nline", "a\tb", "[/b]", "[red]x", "漢字漢字"]
)
async def test_a_word_that_is_accepted_cannot_steer_the_terminal(word: str) -> None:
    async with desk("so ") as it:
        it.answer(word, word + "x")
        await it.press("tab")
        it.editor.insert_candidate(1)
        it.answer(word)
        await it.pilot.pause(0)
        check_layout(it.app)
        assert it.line.isprintable()
        assert it.editor.document.line_count == 1


async def test_enter_begins_no_new_line_where_it_is_bound_to_nothing() -> None:
    async with desk("one") as it:
        it.app.set_keymap({"line.send": "f9"})
        await it.press("enter", "x")
        assert (it.line, it.editor.document.line_count) == ("onex", 1)
        await it.press("f9")
        assert [sent.line for sent in it.app.sent] == ["onex"]


async def test_a_key_with_nothing_to_do_goes_on_to_the_app() -> None:
    async with desk("one") as it:
        await it.press("ctrl+c", "f6")
        assert it.app.done == ["copied", "pane"]
        it.editor.selection = Selection((0, 0), (0, 3))
        await it.press("ctrl+c")
        assert it.app.clipboard == "one"
        assert it.app.done == ["copied", "pane"]


@pytest.mark.parametrize("key", ["ctrl+k", "ctrl+x", "ctrl+shift+k", "delete", "alt+delete"])
async def test_keys_that_delete_at_the_end_and_in_an_empty_line(key: str) -> None:
    async with desk("one") as it:
        await it.press(key, "ctrl+u", key, "a")
        assert (it.line, it.editor.document.line_count) == ("a", 1)
        assert it.editor.keystrokes.written == 1
