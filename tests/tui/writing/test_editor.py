"""The line editor in a small app. The tests give the model's answers by hand."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, ClassVar, NamedTuple

import pytest
from textual import events, on
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import Button
from textual.widgets.text_area import Selection

from rnnlm_tui.formatting import same_start
from rnnlm_tui.session.tables import Turn
from rnnlm_tui.suggesting.accepting import DigitSetting, Suggestion
from rnnlm_tui.suggesting.suggest import Suggestions
from rnnlm_tui.text.tokenizer import Insertion
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.writing import editor
from rnnlm_tui.tui.writing.editor import LineEditor
from rnnlm_tui.tui.writing.insertion import MAX_TEXT, TextTooLong
from rnnlm_tui.tui.writing.recall import LinesKept
from tests.helpers.app import post_keys, rows_of, running, until
from tests.helpers.host import HostApp
from tests.helpers.idle import loop_idle
from tests.helpers.writing_screen import Desk, SilentPredictor, unstored_text

pytestmark = pytest.mark.asyncio(loop_scope="module")
STEP = re.compile(r"\[(.*?)\]|\{(.*?)\}|<(.*?)>|(.)")
WORD = re.compile("[^ ]+")
ANSWER = re.compile(r"(.*?)(\+\d)?:([^|]*)\|?(.*)")


class Sent(NamedTuple):
    """What Enter has kept."""

    lines: list[str]
    edited: Turn | None


class EditorApp(HostApp):
    """A line editor and another widget to focus."""

    BINDINGS = [Binding("ctrl+c", "copied", "Copy"), Binding("f6", "other_pane", "Pane")]  # noqa: RUF012

    running: ClassVar[EditorApp]
    pilot: Pilot[None]

    def __init__(self) -> None:
        super().__init__(lambda: self.editor, partial(Button, "other"))
        self._make_editor()

    def _make_editor(self, width_of_line: int = 76, digits: DigitSetting = "inside words") -> None:
        self.predictor = SilentPredictor()
        self.editor = LineEditor(unstored_text(), self.predictor, Preferences(digits=digits))
        self.editor.styles.width = width_of_line + 4
        self.sent: list[Sent] = []
        self.done: list[str] = []
        self.told.clear()
        self.calls.clear()

    async def renew(self, **settings: Any) -> None:
        """Puts a new editor in place of the one before."""
        with self.batch_update():  # it may not be painted before it has its styles
            await self.editor.remove()
            self._make_editor(**settings)
            self.set_keymap({})
            await self.mount(self.editor, before=0)
        self.editor.focus()

    @on(LinesKept)
    def _keep(self, event: LinesKept) -> None:
        self.sent.append(Sent([*event.lines], event.edited))

    @on(TextTooLong)
    def _refuse(self) -> None:
        self.done.append("too long")

    def action_copied(self) -> None:
        self.done.append("copied")

    def action_other_pane(self) -> None:
        self.done.append("pane")


def answer_of(
    before: str,
    words: tuple[str, ...],
    prefix: str = "",
    more: tuple[str, ...] = (),
    probability: float = 0.9,
    after: int = 0,
) -> Suggestions:
    """An answer of a model whose words have this probability. `after` characters of the word follow
    the cursor. Letters of the prefix that a word has in another way are replaced. A word with ≈
    before it corrects the prefix."""
    corrections = {word[1:] for word in words if word.startswith("≈")}
    words = tuple(word.removeprefix("≈") for word in words)
    marks = [not word[0].isalnum() for word in (*words, *more)]
    same = [same_start(prefix, word) for word in words]
    candidates = tuple(
        Suggestion(
            word,
            probability,
            word[kept:],
            len(prefix) - kept or int(is_mark),
            True,
            after,
            word in corrections,
        )
        for word, kept, is_mark in zip(words, same, marks, strict=False)
    )
    first = [c for c in candidates[:1] if not after and not c.corrects]
    ghost = [Insertion(c.text, c.replaces_before) for c in first]
    for word, is_mark in zip(more, marks[len(words) :], strict=True):
        ghost.append(Insertion(word if is_mark else f" {word}", int(is_mark)))
    return Suggestions(
        before, prefix, candidates, candidates, (*words[:1], *more), tuple(ghost), (), ()
    )


class EditorDesk(Desk[EditorApp]):
    """A line editor whose answers the tests give."""

    def answer(
        self, *words: str, prefix: str = "", more: tuple[str, ...] = (), after: int = 0
    ) -> None:
        """Answers for the current line. The ghost is the first word and `more`. A mark replaces the
        space before it."""
        self.editor.show(answer_of(self.editor.before, words, prefix, more, after=after))

    def toggle_ghost(self) -> None:
        self.editor.suggested.toggle_ghost()
        self.editor.redraw_suggested()

    async def drawn(self) -> list[str]:
        """The rows of the editor as they are painted."""
        await self.pilot.pause(0)
        return [row.split("│")[1].strip() for row in rows_of(self.app) if row.startswith("│")]

    async def burst(self, *keys: str) -> None:
        """Sends keys, one of which waits for an answer."""
        post_keys(self.app, *keys)
        await loop_idle()

    async def play(self, script: str) -> None:
        """Types the letters of a script. `{...}` is a key of that name; `[prefix:words|more]`
        answers for the current line, with a ghost of the first word and `more`; `prefix+4` says
        that four letters of the word follow the cursor; `<words>` are those that were asked for.
        `{edit}` edits the first sent text, `{remove}` removes it."""
        for answer, key, requested, letter in STEP.findall(script):
            if answer:
                prefix, after, words, more = ANSWER.fullmatch(answer).groups()  # type: ignore[union-attr]
                rest, following = tuple(more.split()), int(after or 0)
                self.answer(*WORD.findall(words), prefix=prefix, more=rest, after=following)
            elif requested:
                pieces = re.findall(" ?[^ ]+", requested)
                self.editor.show_requested([Insertion(piece) for piece in pieces])
            elif key == "edit":
                self.editor.recall.edit(self.editor.open_text.turns[0])
            elif key == "remove":
                self.editor.recall.remove(self.editor.open_text.turns[0])
            else:
                await self.press(key or letter)


@pytest.fixture(scope="module", autouse=True)
async def editor_app(plain_terminal: None) -> AsyncIterator[None]:
    """One app for all tests of this file: its start takes longer than a test."""
    app = EditorApp()
    async with running(app) as app.pilot:
        EditorApp.running = app
        yield


@asynccontextmanager
async def desk(line: str = "", **settings: Any) -> AsyncIterator[EditorDesk]:
    """A desk with a new editor and this line, typed, and no answer yet."""
    app = EditorApp.running
    await app.renew(**settings)
    it = EditorDesk(app, app.pilot, app.editor)
    await it.press(*line)
    yield it


# Scripts, with the line and the ghost after each

SCRIPTS: dict[str, tuple[str, str, str]] = {
    # The ghost
    "the likeliest words": ("i comp[comp:compare company|thee to]", "i comp", "are thee to"),
    "a letter against it": ("i [:compare]x", "i x", ""),
    "a line deleted on purpose": ("i comp[comp:compare|thee]{ctrl+u}", "", ""),
    "backspaces to its begin": ("i c[c:compare]{backspace}", "i ", "compare"),
    "a backspace into another word": ("i c[c:compare]{backspace}{backspace}", "i", ""),
    "a line that was sent": ("shall[shall:shall|i compare]{enter}", "", ""),
    "the cursor one to the left": ("i comp[comp:compare]{left}", "i comp", ""),
    "something selected": ("i comp[comp:compare]{shift+left}", "i comp", ""),
    "a whole word typed": ("compare[compare:compare|thee]", "compare", " thee"),
    # Accepting
    "all by end": ("i comp[comp:compare|thee to]{end}", "i compare thee to ", ""),
    "all by right": ("i comp[comp:compare|thee to]{right}", "i compare thee to ", ""),
    "capitals stay": ("Shall I Comp[comp:compare]{tab}", "Shall I Compare ", ""),
    "right in the line": ("i comp[comp:compare]{home}{right}", "i comp", ""),
    "shift+right": ("i comp[comp:compare]{shift+right}{shift+end}", "i comp", "are"),
    "a typed space before a mark": ("i [:],", "i ,", ""),
    "a mark of the ghost": ("the k[k:kitchen|, and]{tab}{tab}", "the kitchen, ", "and"),
    "a mark at once": ("the kitchen [:,|and]{tab}", "the kitchen, ", "and"),
    "a space typed in a word of the ghost": ("i comp[comp:compare] ", "i comp ", ""),
    # A ghost that was asked for
    "answers leave it": ("i [:do]<compare thee to>[:do]", "i ", "compare thee to"),
    "a word of it": ("i [:do]<compare thee to>{tab}[:a]", "i compare ", "thee to"),
    "all of it, then an answer": ("i <compare thee>{right}[:to]", "i compare thee ", "to"),
    "taken by end where nothing is listed": ("zz[zz:]< top>{end}", "zz top ", ""),
    "undone as a whole": ("i [:do]<compare thee>{right}{ctrl+z}", "i ", "compare thee"),
    "typed through": ("i [:do]<compare thee to>com[com:come]", "i com", "pare thee to"),
    "another letter": ("i [:do]<compare thee to>cu[cu:cut]", "i cu", "t"),
    "half a word": ("i c[c:do]<ompare thee>[c:do]{backspace}[:do]", "i ", "compare thee"),
    "none by escape": ("i [:do]<compare thee>{escape}[:do]", "i ", ""),
    "what was there by ctrl+@": ("i [:do]<compare thee>{escape}[:do]{ctrl+@}", "i ", "do"),
    "after hiding": ("i [:do]{escape}<compare>{tab}", "i compare ", ""),
    "one chosen in the list": ("i [:do go]<compare>{down}{down}", "i ", "go"),
    "on an empty line": ("[:when]<shall i>{tab}[:no]", "shall ", "i"),
    "Enter sends without it": ("i [:do]<compare>{enter}[:no]", "", "no"),
    "a line that was sent goes on": ("i am{enter}{up}<compare>{tab}", "i amcompare ", ""),
    "escape leaves its edit": ("i am{enter}{up}< here>{escape}{escape}", "", ""),
    # Letters that are written in another way
    "a ghost after them": ("i chat[chat:ChatGPT|was]", "i chat", "GPT was"),
    "taken by tab": ("i chat[chat:ChatGPT|was]{tab}", "i ChatGPT ", "was"),
    "all of it by right": ("i cafe[cafe:café|au lait]{right}", "i café au lait ", ""),
    "typed through and taken": ("i chat[chat:ChatGPT|was]G{tab}", "i ChatGPT ", "was"),
    "typed to the next word": ("i cafe[cafe:café|au lait] {tab}", "i cafe au ", "lait"),
    "one letter for two": ("ein gross[gross:groß|und]", "ein gross", " und"),
    "two letters for one": ("ein gross[gross:groß|und]{tab}", "ein groß ", "und"),
    "both typed through": ("die gross[gross:große|Stadt]e{tab}", "die große ", "Stadt"),
    # Slips of the fingers
    "a slip has no ghost": ("go teh[teh:≈the]", "go teh", ""),
    "tab leaves it": ("go teh[teh:≈the tehran]{tab}", "go teh", ""),
    "and right": ("go teh[teh:≈the]{right}", "go teh", ""),
    "shift+tab, too": ("go teh[teh:tehran ≈the]{shift+tab}", "go teh", "ran"),
    "its key corrects it": ("go teh[teh:tehran ≈the]{alt+2}", "go the ", ""),
    "a digit, too": ("go teh[teh:≈the]1", "go the ", ""),
    "a chosen slip has no ghost": ("go becuas[becuas:≈because]{down}", "go becuas", ""),
    "tab leaves it then": ("go teh[teh:≈the]{down}{tab}", "go teh", ""),
    "Enter corrects it": ("go teh[teh:≈the]{down}{enter}", "go the ", ""),
    "a slip that was too long": ("go untill[untill:≈until]{alt+1}", "go until ", ""),
    # The space after an accept
    "and undone": ("he [:said]{tab}'so{ctrl+z}", "he said's", ""),
    "a mark after a move": ("i [:compare]{tab}{left}{right},", "i compare ,", ""),
    "a no-break space": ("de 10[10:100]{tab}\u00a0km", "de 100\u00a0km", ""),
    # Tab without a ghost
    "tab in the line": ("i c{left}[:do]{tab}", "i do c", ""),
    "tab after a whole word": ("compare[compare:compare]{tab}", "compare ", ""),
    # Several lines
    "a new line": ("one{ctrl+j}t[t:two|three]", "one\nt", "wo three"),
    "a new line after an accept": ("i [:do]{tab}{ctrl+j}|", "i do\n|", ""),
    "no ghost above the end": ("one{ctrl+j}two{up}{end}[:and]", "one\ntwo", ""),
    "up and down in the text": ("one{ctrl+j}two{up}x{down}y", "onex\ntwoy", ""),
    "down in the last line chooses": ("a{ctrl+j}b [:c d]{down}{down}{enter}", "a\nb d ", ""),
    "a word on the second line": ("one{ctrl+j}[:two]{tab}{ctrl+z}", "one\n", "two"),
    "lines joined": ("one{ctrl+j}two{home}{backspace}", "onetwo", ""),
    # The list
    "the second": ("i c[c:compare company|thee]{down}{down}", "i c", "ompany"),
    "none again": ("i c[c:co|x]{down}{up}[c:compare|thee]", "i c", "ompare thee"),
    "inserted by enter": ("i c[c:compare company]{down}{down}{enter}", "i company ", ""),
    "inserted by a digit": ("i [:compare do love]{down}3", "i love ", ""),
    "in the line": ("i  t{home}{right}{right}[:compare do]{down}{enter}", "i compare t", ""),
    "nothing to choose": ("zzz[zzz:]{down}1", "zzz1", ""),
    # Digits in a half-typed word
    "a number": ("go [:to a the]3", "go 3", ""),
    "the first word by a digit": ("i c[c:compare company|thee]1", "i compare ", "thee"),
    "a digit over a selection": ("i co[co:cold cook]{shift+left}[c:cat cow]2", "i c2", ""),
    "a digit before a word": ("at c {left}[c:cat cow]2", "at cow ", ""),
    "a mark after a digit": ("i c[c:compare company]2,", "i company,", ""),
    "a digit given back": ("i c[c:compare company]2{backspace}", "i c2", ""),
    "it is undone then": ("i c[c:compare company]2{ctrl+z}{ctrl+z}", "i c", "ompare"),
    "another key before backspace": ("i c[c:co cu]2{left}{right}{backspace}", "i cu", ""),
    "a second digit": ("i c[c:co cu]2[:no now]1", "i c21", ""),
    "a space after a digit": ("i c[c:co cu]2[:no now] ", "i c2 ", ""),
    # Digits with alt
    "a word with alt": ("i c[c:compare company|thee]{alt+2}", "i company ", ""),
    "at the start of the text": ("[:shall when]{alt+2}", "when ", ""),
    "alt after a digit": ("go c[c:compare company]2[:day]{alt+1}", "go company day ", ""),
    "alt stays at a space": ("i c[c:compare company]{alt+2} 3", "i company 3", ""),
    "alt stays at a backspace": ("i c[c:co cu]{alt+2}{backspace}", "i cu", ""),
    **{f"alt in place of what is selected: {line}": (
           f"a Compared x{keys}{{alt+1}}|", line, "")
       for keys, line in (
           (f"{'{left}' * 2}{'{shift+left}' * 8}[:day]", "a day| x"),
           (f"{'{left}' * 2}{'{shift+left}' * 5}[Com+5:come]", "a come| x"),
           (f"{'{left}' * 4}{'{shift+left}' * 3}[Com+5:comes]", "a comes| x"),
           ("{shift+left}[:day]", "a Compared day |"))},
    # The second word
    "the second word": ("i [:do compare|it]{shift+tab}", "i compare ", ""),
    "the second while hidden": ("i c[c:compare company]{escape}{shift+tab}", "i c", ""),
    # Hiding
    "hidden": ("i c[c:compare]{escape}om[com:compare]", "i com", ""),
    "the list left": ("i c[c:compare company]{down}{down}{escape}[c:compare]", "i c", "ompare"),
    "shown at the next word": ("i c[c:compare]{escape} [:thee]", "i c ", "thee"),
    "hidden on an empty line": ("[:shall]{escape}s{backspace}[:shall]", "", ""),
    "hidden for one word": ("[:shall]{escape}s [:i]", "s ", "i"),
    "hidden for a line deleted": ("one two{escape}{ctrl+u}a [:summer's]", "a ", "summer's"),
    "shown by ctrl+@": ("i c[c:compare]{escape}{ctrl+@}", "i c", "ompare"),
    # The cursor within a word, whose rest is replaced
    **{f"within a word: {keys}": (
           f"so wonderland day{'{left}' * 8}[wonder+4:wonderful wonders]{keys}|", line, "")
       for keys, line in (
           ("{tab}", "so wonderful| day"), ("{down}{down}{tab}", "so wonders| day"),
           ("{down}2", "so wonders| day"), ("2", "so wonder2|land day"),
           ("{right}", "so wonderl|and day"), ("{tab}{ctrl+z}", "so wonder|land day"))},
    "before a word": (f"so day{'{left}' * 3}com[com+3:compare]{{tab}}|", "so compare |day", ""),
    **{f"a word that is there already: {key}": (
           f"we called{'{left}' * 3}[called:called]{{down}}{key}{{enter}}", "", "")
       for key in ("{enter}", "{tab}", "1")},
    # Undo and redo
    "one accept undone": ("i [:compare|thee]{tab}[:thee]{tab}{ctrl+z}", "i compare ", "thee"),
    "a mark after one undone": ("i comp[comp:compare]{tab}.{ctrl+z}{ctrl+z}a", "i compa", "re"),
    "a word undone": ("so we went{ctrl+z}", "so we ", ""),
    "nothing left selected": ("i [:compare]{tab}{ctrl+z}x", "i x", ""),
    # Other keys
    "delete to the right": ("shall{home}{delete}", "hall", ""),
    "delete after a choice": ("i [:do]{down}{escape}{left}{delete}", "i", ""),
    "a line of spaces is not sent": ("  {enter}", "  ", ""),
    **{f"{key} at the end and in an empty line": (f"one{{{key}}}{{ctrl+u}}{{{key}}}a", "a", "")
       for key in ("ctrl+k", "ctrl+x", "ctrl+shift+k", "delete", "alt+delete")},
}  # fmt: skip


@pytest.mark.parametrize(("script", "line", "ghost"), SCRIPTS.values(), ids=SCRIPTS.keys())
async def test_keys(script: str, line: str, ghost: str) -> None:
    async with desk() as it:
        await it.play(script)
        assert (it.line, it.shown) == (line, ghost)
        assert it.editor.has_focus


# The ghost


async def test_a_ghost_that_is_typed_through_never_blanks() -> None:
    """The rest of the ghost stays between two keys."""
    async with desk("shall i ") as it:
        it.answer("compare", more=("thee",))
        seen: list[str] = []

        def watch(ghost: str) -> None:
            seen.append(ghost)

        it.editor.watch(it.editor, "suggestion", watch, init=False)
        await it.press(*"compare the")
        assert list(dict.fromkeys(seen)) == ["compare thee"[typed:] for typed in range(1, 12)]


async def test_the_second_word_stands_behind_the_ghost_as_long_as_it_fits() -> None:
    """Typed letters that fit it leave it; a word that corrects letters never stands there."""
    async with desk("by the f") as it:
        it.answer("fire", "fireplace", prefix="f", more=("and",))
        assert await it.drawn() == ["by the fire and   fireplace ⇧Tab"]
        await it.press("i")
        assert await it.drawn() == ["by the fire and   fireplace ⇧Tab"]
        await it.press("x")
        assert await it.drawn() == ["by the fix"]
        it.answer("fixed", "≈fire", prefix="fix")
        assert await it.drawn() == ["by the fixed"]
        it.answer("fixed", "fixture", prefix="fix")
        await it.press("down")
        assert await it.drawn() == ["by the fixed"]  # it is chosen in the list
        await it.press("up", "shift+tab")
        assert it.line == "by the fixture "


@pytest.mark.parametrize(
    ("left", "end"),
    [
        (34, "fire and gone   fireplace ⇧Tab"),
        (27, "fire and …   fireplace ⇧Tab"),
        (22, "fire…   fireplace ⇧Tab"),
        (21, "fire and gone"),
        (9, "fire and…"),
    ],
)
async def test_the_ghost_gives_way_to_the_second_word_up_to_its_first_one(
    left: int, end: str
) -> None:
    async with desk() as it:
        width = it.editor.wrap_width
        it.editor.set_text("x" * (width - left - 1) + " ")
        await it.press("f")
        it.answer("fire", "fireplace", prefix="f", more=("and", "gone"))
        (row,) = await it.drawn()
        assert row.endswith(" " + end)


async def test_a_ghost_that_replaces_the_space_is_drawn_over_it() -> None:
    """What is drawn is what Tab makes of the line."""
    async with desk("one day ") as it:
        it.answer(",", "night", more=("and",))
        assert await it.drawn() == ["one day, and   night ⇧Tab"]
        await it.press("down", "down")
        assert await it.drawn() == ["one day night"]
        await it.press("up", "up")
        it.answer(",", ".", more=("and",))
        assert await it.drawn() == ["one day, and   . ⇧Tab"]
        it.answer("night", ",")
        assert await it.drawn() == ["one day night   , ⇧Tab"]
        it.answer(".")
        assert await it.drawn() == ["one day."]
        it.toggle_ghost()
        assert await it.drawn() == ["one day"]
        it.toggle_ghost()
        await it.press("tab")
        assert (it.line, await it.drawn()) == ("one day. ", ["one day."])


async def test_the_ghost_is_trimmed_to_the_row_and_taken_whole() -> None:
    async with desk("shall i ", width_of_line=24) as it:
        it.answer("compare", more=("thee", "to", "a", "summer's", "day"))
        assert await it.drawn() == ["shall i compare thee t…"], "the field does not grow"
        await it.press("right")
        assert it.line == "shall i compare thee to a summer's day "


async def test_a_ghost_that_was_asked_for_goes_on_below_as_far_as_there_is_room() -> None:
    async with desk("shall i ", width_of_line=24) as it:
        rest = "compare thee to a summer's day, which is more lovely"
        await it.play(f"[:do]<{rest}>")
        rows = ["shall i compare thee to", "a summer's day, which", "is more lovely"]
        assert await it.drawn() == rows
        for y, row in enumerate(rows[1:], start=1):
            (ghost,) = (s for s in it.editor.render_line(y) if s.text.strip())
            assert (ghost.text, ghost.style and ghost.style.italic) == (row, True)
        await it.press(*"compare ")
        assert await it.drawn() == rows, "typing through it moves nothing"
        it.check_layout()
        await it.press("escape")
        assert await it.drawn() == ["shall i compare"]
        await it.play(f"<{rest * 9}>")
        rows = await it.drawn()
        assert len(rows) == 10, "half of 24 rows, without the border"
        assert rows[-1][-1] == "…"
        await it.press("right")
        assert it.line == f"shall i compare {rest * 9} "


async def test_the_ghost_off_and_on_demand() -> None:
    async with desk() as it:
        await it.play("shall i c[c:compare]")
        it.toggle_ghost()
        assert it.shown == ""
        await it.play("{ctrl+@}")
        assert it.shown == "ompare"
        it.editor.show(answer_of("shall i c", ("compare",), "c", ("thee",), 0.01))
        assert it.shown == "ompare thee", "even if it is unlikely"
        await it.play("{tab}[:thee]")
        assert (it.line, it.shown) == ("shall i compare ", ""), "that was for one word"
        it.toggle_ghost()
        assert it.shown == "thee"
        it.editor.show(answer_of("shall i compare ", ("thee",), "", (), 0.01))
        assert it.shown == ""


# Focus and the mouse


async def test_tab_leaves_an_empty_line_alone() -> None:
    async with desk() as it:
        for script in ("x[:]{tab}", "{ctrl+u}[:shall]{tab}"):
            await it.play(script)
            assert it.editor.has_focus
        await it.play("{ctrl+u}[:]{tab}")
        assert not it.editor.has_focus
        it.editor.focus()
        await it.play("x[:]{shift+tab}")
        assert it.editor.has_focus
        await it.play("{ctrl+u}[:]{shift+tab}")
        assert not it.editor.has_focus


async def test_a_click_moves_the_cursor_and_one_on_the_list_waits_for_its_answer() -> None:
    async with desk("shall i comp") as it:
        it.answer("compare", "company", prefix="comp")
        await it.press("x")
        it.editor.insert_candidate(1)  # a word for the line before
        assert it.line == "shall i compx"
        await it.pilot.click(LineEditor, offset=(5, 1))
        assert (it.editor.cursor, it.shown) == (3, "")
        await it.press("shift+right")
        assert it.editor.selected_text == "l"


# Digits


async def test_the_first_digit_within_a_word_is_told_what_it_takes_with_alt() -> None:
    async with desk("go ", digits="with alt") as it:
        await it.play("[:to a the]2")
        assert it.app.told == [], "a number takes nothing"
        await it.play(" c[c:compare company]2 c[c:compare company]1")
        assert (it.line, it.app.told) == ("go 2 c2 c1", ["alt+2 takes company"])
        assert it.app.calls == [("store_preferences",)]


async def test_which_digits_take_a_word_is_said_and_that_the_next_key_may_give_it_back() -> None:
    async with desk("i ") as it:
        it.answer("do", "compare")
        for script, digits, shown, drawn in (
            ("", "", "", []),
            ("c[c:compare company]", "12", "12", []),
            ("{down}", "123456789", "123456789", []),
            ("{escape}", "12", "12", []),
            ("2", "", "", ["company"]),
            ("{left}[:]", "", "", []),
        ):
            await it.play(script)
            await it.pilot.pause(0)
            assert (it.editor.digits, it.editor.listing.digits) == (digits, shown), script
            strips = (strip for y in range(3) for strip in it.editor.render_line(y))
            found = [s.text for s in strips if s.style and s.style.underline and s.style.italic]
            assert found == drawn, script


# Keys saved


@pytest.mark.parametrize(
    ("script", "line", "saved"),
    [
        ("i [:compare do]{tab} x", "i compare x", 6),
        ("i [:compare do]{tab}{backspace}{backspace}{backspace}", "i compa", 4),
        ("i [:compare do]{tab}{ctrl+u}a", "a", 0),
        ("i [:compare do love]{down}{down}{enter}x", "i do x", 0),
        ("i c[c:compare]1{backspace}", "i c1", -1),
        ("i c[c:compare]1{ctrl+z}x", "i c1x", -1),
        ("i c[c:compare]{alt+1}x", "i compare x", 6),
        ("i c, now{left}{left}{left}{left}{left}[c:co cu]2{backspace}", "i c2, now", -1),
        ("we like it[it:it]{tab}.", "we like it.", -1),  # as if its space had been typed
        ("i chat[chat:ChatGPT]{tab}x", "i ChatGPT x", 3),
        ("i <compare thee to>{right}x", "i compare thee to x", 15),
    ],
)
async def test_keys_saved_are_counted_live(script: str, line: str, saved: int) -> None:
    """For the line as it would be sent: the space after an accept counts once it is used."""
    async with desk() as it:
        await it.play(script)
        assert (it.line, it.editor.typing.saved) == (line, saved)


async def test_what_is_pasted_or_recalled_counts_for_nothing() -> None:
    async with desk("so ") as it:
        it.editor.post_message(events.Paste("long lives this"))
        await it.press(" ", "x")
        assert (it.line, it.editor.typing.saved) == ("so long lives this x", 0)
        await it.press("enter")
        assert it.app.sent == [Sent(["so long lives this x"], None)]
        await it.press("ctrl+z", "!")
        assert (it.line, it.editor.typing.saved) == ("so long lives this x!", 0)


async def test_keys_saved_by_earlier_lines_stay_counted() -> None:
    async with desk() as it:
        await it.play("i [:compare do]{tab}x{enter}")
        assert (it.line, it.editor.typing.saved) == ("", 7)
        await it.play("i [:compare do]{tab}x")
        assert it.editor.typing.saved == 14


# Text that was sent

ONE_TWO = "one{enter}two{enter}"


@pytest.mark.parametrize(
    ("script", "line", "edited", "turns"),
    [
        # Up and down take back what was sent.
        (f"{ONE_TWO}{{up}}", "two", "two", ["one", "two"]),
        (f"{ONE_TWO}{{up}}{{up}}{{up}}", "one", "one", ["one", "two"]),
        (f"{ONE_TWO}{{up}}{{up}}{{down}}", "two", "two", ["one", "two"]),
        (f"{ONE_TWO}{{up}}{{down}}", "", None, ["one", "two"]),
        (f"{ONE_TWO}{{up}}x{{up}}", "twox", "two", ["one", "two"]),
        (f"{ONE_TWO}{{up}}x{{escape}}", "", None, ["one", "two"]),
        (f"{ONE_TWO}y{{up}}", "y", None, ["one", "two"]),
        ("\n  - one {enter}", "", None, ["  - one"]),
        # An edit gives back what it interrupts.
        ("one{enter}y{edit}!{enter}", "y", None, ["one!"]),
        # Undo does not go back over a send, but edits what was sent.
        ("one{enter}{ctrl+y}", "", None, ["one"]),
        ("one{enter}{ctrl+z}{ctrl+z}", "", "one", ["one"]),
        ("one{enter}{ctrl+z}!{enter}{ctrl+z}{escape}", "", None, ["one!"]),
        # Undo loses nothing that is being written.
        ("one{enter}two{ctrl+z}", "", None, ["one"]),
        ("one{enter}two{ctrl+z}{ctrl+z}", "one", "one", ["one"]),
        ("one{enter}two{ctrl+z}{ctrl+z}{ctrl+y}{ctrl+y}", "two", None, ["one"]),
        ("one{enter}two{ctrl+z}{ctrl+z}{ctrl+z}" + "{ctrl+y}" * 4, "two", None, ["one"]),
        # Redo does not go over what was written since.
        ("one{enter}{ctrl+z}!{ctrl+y}", "one!", "one", ["one"]),
        ("one{enter}{ctrl+z}!{backspace}{ctrl+y}", "one", "one", ["one"]),
        ("one{enter}two{ctrl+z}{remove}{ctrl+z}{ctrl+y}", "", None, []),
        ("one{enter}{up} more{enter}{ctrl+z}{ctrl+z}{ctrl+z}", "one", "one more", ["one more"]),
        ("one{enter}two{edit}{ctrl+z}", "one", "one", ["one"]),
        ("one{enter}two{edit}!{escape}", "two", None, ["one"]),
        ("one{enter}two{edit}!{escape}{ctrl+z}{enter}", "two", None, ["one!"]),
        ("one{enter}two{edit}!{enter}{ctrl+z}{escape}", "two", None, ["one!"]),
    ],
)
async def test_text_that_was_sent(
    script: str, line: str, edited: str | None, turns: list[str]
) -> None:
    async with desk() as it:
        await it.play(script)
        sent = it.editor.open_text
        assert (it.line, sent.edited and sent.edited.line) == (line, edited)
        assert [turn.line for turn in sent.turns] == turns


@pytest.mark.parametrize(
    ("script", "done", "undone"),
    [
        ("sh", "> sh", "> "),
        ("i [:compare|thee]{tab}", "> i compare ", "> i "),
        ("i [:compare|thee]{right}", "> i compare thee ", "> i "),
        ("i [:compare do]{alt+2}", "> i do ", "> i "),
        ("i [:compare do]{shift+tab}", "> i do ", "> i "),
        ("i c[c:compare]1", "> i compare ", "> i c1"),
        ("so vast{ctrl+w}", "> so ", "> so vast"),
        ("so vast{ctrl+u}", "> ", "> so vast"),
        ("so{ctrl+j}", "> so\n", "> so"),
        ("so{enter}", "so > ", "so > so, edited"),
        ("so{enter}{up}!{enter}", "so! > ", "so! > so!, edited"),
        ("a{enter}b{enter}{up}{up}{ctrl+u}{enter}", "b > ", "a/b > "),
        ("a{enter}so{edit}b{escape}", "a > so", "a > ab, edited"),
    ],
)
async def test_what_is_undone_is_redone(script: str, done: str, undone: str) -> None:
    """The lines above, and what is written."""
    async with desk() as it:

        def state() -> str:
            sent = it.editor.open_text
            edited = "" if sent.edited is None else ", edited"
            return f"{'/'.join(turn.line for turn in sent.turns)} > {it.line}{edited}".lstrip()

        await it.play(script)
        assert state() == done
        for key, wanted in (("ctrl+z", undone), ("ctrl+y", done)) * 2:
            await it.press(key)
            assert state() == wanted


async def test_a_text_that_fills_its_box_can_be_undone_line_by_line() -> None:
    async with desk() as it:
        it.editor.styles.max_height = 4
        await it.play("1{ctrl+j}2{ctrl+j}3{ctrl+j}4{ctrl+j}5{ctrl+j}6")
        await it.press(*["ctrl+z"] * 12)
        await until(lambda: it.line == "" and it.editor.document.line_count == 1)


async def test_every_word_of_a_long_text_can_be_undone() -> None:
    async with desk() as it:
        post_keys(it.app, *"so " * 300)
        await until(lambda: it.line == "so " * 300)
        post_keys(it.app, *["ctrl+z"] * 300)
        await until(lambda: it.line == "")


# Many keys at once


async def test_keys_keep_their_order_and_none_is_lost() -> None:
    async with desk("old") as it:
        it.answer("older", prefix="old")  # Enter never accepts
        post_keys(it.app, "enter", *"new", "backspace", "e", "ctrl+u", *"third", "home", "x")
        post_keys(it.app, "end", "ctrl+v", "y", "left", "z")
        it.app.copy_to_clipboard("!")
        await it.press()
        assert [sent.lines for sent in it.app.sent] == [["old"]]
        assert it.line == "xthird!zy"


@pytest.mark.parametrize(
    ("keys", "lines"),
    [
        (["d", "tab", "tab", "enter", *"when", "backspace", "m"], ["i do love", "whem"]),
        (["d", "down", "down", "enter"], ["i die "]),
        (["d", "2", "o"], ["i die o"]),
    ],
)
@pytest.mark.parametrize("before", [("compare", "dusk"), ()])
async def test_keys_right_after_letters_wait_for_what_the_answer_suggests(
    before: tuple[str, ...], keys: list[str], lines: list[str]
) -> None:
    async with desk("i ") as it:
        it.answer(*before)
        await it.burst(*keys)
        it.answer("do", "die", prefix="d", more=("love",))
        await it.press()
        assert [*(turn.line for turn in it.editor.open_text.turns), it.line] == lines


async def test_keys_to_which_no_answer_comes_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editor, "ANSWER_WAIT_S", 0.01)
    async with desk("i ") as it:
        it.answer("compare", "dusk")
        await it.press("d", "tab", "down", "2", "o")
        await until(lambda: it.line == "i d2o")
        assert (it.editor.has_focus, it.editor.suggested.choice) == (True, 0)
        it.answer("d2od", prefix="d2o")
        assert it.shown == "d"


# Pasting, and text that is not the user's


@pytest.mark.parametrize(
    ("draft", "paste", "page", "line"),
    [
        ("so |", "vast", [], "so vast|"),
        ("so |then", "one", [], "so one|then"),
        ("", "one\r\ntwo", ["one"], "two|"),
        ("so ", "one\ntwo\n", ["so one", "two"], "|"),
        ("so |then", "one\n\n two ", ["so one", ""], " two |then"),
        ("so\nfar: ", "one\ntwo\n", ["so\nfar: one", "two"], "|"),
        ("", "\n \none\n\ntwo\n \n\n", ["one", "", "two"], "|"),
        ("so", "\none", ["so"], "one|"),
        ("", "\none", [], "one|"),
        ("so", "\n\n", ["so"], "|"),
    ],
)
async def test_each_pasted_line_is_a_line_of_the_text_and_one_undo_takes_all_back(
    draft: str, paste: str, page: list[str], line: str
) -> None:
    before, _, after = draft.partition("|")
    async with desk() as it:

        def state() -> tuple[list[str], str]:
            start = it.editor.get_text_range((0, 0), it.editor.cursor_location)
            turns = [turn.line for turn in it.editor.open_text.turns]
            return turns, f"{start}|{it.line.removeprefix(start)}"

        keys = ["ctrl+j" if key == "\n" else key for key in before + after]
        await it.press(*keys, *["left"] * len(after))
        it.editor.post_message(events.Paste(paste))
        await it.press()
        assert state() == (page, line)
        for key, wanted in (("ctrl+z", ([], f"{before}|{after}")), ("ctrl+y", (page, line))) * 2:
            await it.press(key)
            assert state() == wanted
        assert it.editor.typing.saved <= 0, "what was pasted or came back was not typed"


async def test_lines_pasted_into_an_edit_stay_in_it() -> None:
    async with desk() as it:
        await it.play("one{enter}two{enter}{up}{up}!")
        it.editor.post_message(events.Paste("a\nb\n"))
        await it.press()
        assert it.line == "one!a\nb\n"
        await it.press("enter")
        assert [turn.line for turn in it.editor.open_text.turns] == ["one!a\nb", "two"]


async def test_a_paste_of_10_000_characters_asks_once() -> None:
    async with desk() as it:
        for text, line in (
            ("shall i\tcompare " * 600, "shall i\tcompare " * 600),
            ("shall i\tcompare\r\n" * 600 + "thee", "thee"),
        ):
            it.editor.set_text("")
            await it.press()
            it.app.predictor.questions.clear()
            it.editor.post_message(events.Paste(text))
            await it.press()
            assert it.line == line
            assert it.app.predictor.questions == [(line, len(line))]
            it.check_layout()
        assert it.app.sent == [Sent(["shall i\tcompare"] * 600, None)]


async def test_a_line_takes_no_more_text_than_it_can_be_edited_with() -> None:
    async with desk("so ") as it:
        it.answer("b" * MAX_TEXT)
        it.editor.post_message(events.Paste("x" * 2_000_000))
        await it.press("tab", "y")
        assert it.line == "so y"
        assert it.app.done == ["too long", "too long"]


async def test_the_words_for_a_selection_are_those_at_its_start() -> None:
    async with desk("a bc") as it:
        for keys in (["left", "shift+right"], ["end", "shift+left"]):
            await it.press(*keys)
            assert it.app.predictor.questions[-1] == ("a bc", 3)


async def test_a_key_asks_one_question() -> None:
    """An edit moves the cursor too."""
    async with desk() as it:
        for key in ("a", "b", "backspace", "left", "delete", "ctrl+z", "ctrl+y"):
            it.app.predictor.questions.clear()
            await it.press(key)
            assert it.app.predictor.questions == [(it.line, it.editor.cursor)], key
        await it.play("{ctrl+u}c[c:compare company]")
        it.app.predictor.questions.clear()
        await it.press("2")
        assert it.app.predictor.questions == [("company ", 8)], "a digit that takes a word"


async def test_keys_of_the_app_reach_it_and_an_unbound_enter_begins_no_new_line() -> None:
    async with desk("one") as it:
        await it.press("ctrl+c", "f6")
        assert it.app.done == ["copied", "pane"]
        it.editor.selection = Selection((0, 0), (0, 3))
        await it.press("ctrl+c")
        assert (it.app.clipboard, it.app.done) == ("one", ["copied", "pane"])
        it.app.set_keymap({"line.send": "f9"})
        await it.press("end", "enter", "x")
        assert (it.line, it.editor.document.line_count) == ("onex", 1)
        await it.press("f9")
        assert [sent.lines for sent in it.app.sent] == [["onex"]]
