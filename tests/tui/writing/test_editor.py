"""The line editor in a small app. The tests give the model's answers by hand."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple, get_args

import pytest
from textual import events, on
from textual.binding import Binding
from textual.widgets import Button
from textual.widgets.text_area import Selection

from rnnlm_tui.accepting import DigitSetting, Suggestion, ways_to_accept
from rnnlm_tui.formatting import same_start
from rnnlm_tui.session.tables import Turn
from rnnlm_tui.suggest import Suggestions
from rnnlm_tui.text.tokenizer import Insertion
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.writing import key_order
from rnnlm_tui.tui.writing.editor import LineEditor
from rnnlm_tui.tui.writing.open_text import lines_of
from rnnlm_tui.tui.writing.spacing import MAX_TEXT, Keystrokes, TextTooLong
from tests.helpers.app import check_layout, post_keys, rows_of
from tests.helpers.host import HostApp
from tests.helpers.writing_screen import Desk, unstored_text

STEP = re.compile(r"\[(.*?)\]|\{(.*?)\}|(.)")
WORD = re.compile("[^ ]+")
ANSWER = re.compile(r"(.*):([^|]*)\|?(.*)")


class Sent(NamedTuple):
    """What Enter has kept."""

    text: str
    keystrokes: Keystrokes
    edited: Turn | None


class EditorApp(HostApp):
    """A line editor and another widget to focus. `questions` has the editor's questions."""

    BINDINGS = [Binding("ctrl+c", "copied", "Copy"), Binding("f6", "other_pane", "Pane")]  # noqa: RUF012
    will_answer = True

    def __init__(self, width_of_line: int = 76, digits: DigitSetting = "inside words") -> None:
        super().__init__(lambda: self.editor, partial(Button, "other"))
        self.editor = LineEditor(unstored_text(), self._ask, self._keep, Preferences(digits=digits))
        self.editor.styles.width = width_of_line + 4
        self.questions: list[tuple[str, int]] = []
        self.sent: list[Sent] = []
        self.done: list[str] = []

    def on_mount(self) -> None:
        self.editor.focus()

    def _ask(self) -> bool:
        self.questions.append((self.editor.line, self.editor.cursor))
        return self.will_answer

    def _keep(self, *sent: Any) -> None:
        self.sent.append(Sent(*sent))

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
    the cursor. Letters of the prefix that a word has in another way are replaced."""
    marks = [not word[0].isalnum() for word in (*words, *more)]
    same = [same_start(prefix, word) for word in words]
    candidates = tuple(
        Suggestion(word, probability, word[kept:], len(prefix) - kept or int(is_mark), True, after)
        for word, kept, is_mark in zip(words, same, marks, strict=False)
    )
    ghost = [Insertion(c.text, c.replaces_before) for c in candidates[:1] if not after]
    for word, is_mark in zip(more, marks[len(words) :], strict=True):
        ghost.append(Insertion(word if is_mark else f" {word}", int(is_mark)))
    return Suggestions(
        prefix, candidates, len(words), "", before, (*words[:1], *more), tuple(ghost), (), ()
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
        self.editor.visibility_changed()

    async def burst(self, *keys: str) -> None:
        """Sends keys, one of which waits for an answer."""
        post_keys(self.app, *keys)
        async with asyncio.timeout(10):
            while not self.editor.answer_gate._waiters:
                await asyncio.sleep(0)

    async def play(self, script: str) -> None:
        """Types the letters of a script. `{...}` is a key of that name; `[prefix:words|more]`
        answers for the current line, with a ghost of the first word and `more`."""
        for answer, key, letter in STEP.findall(script):
            if answer:
                prefix, words, more = ANSWER.fullmatch(answer).groups()  # type: ignore[union-attr]
                self.answer(*WORD.findall(words), prefix=prefix, more=tuple(more.split()))
            else:
                await self.press(key or letter)


@asynccontextmanager
async def desk(line: str = "", **host: Any) -> AsyncIterator[EditorDesk]:
    """A desk with this line, typed, and no answer yet."""
    app = EditorApp(**host)
    async with app.run_test(size=(80, 24)) as pilot:
        it = EditorDesk(app, pilot, app.editor)
        await it.press(*line)
        yield it


# Scripts, with the line and the ghost after each

SCRIPTS: dict[str, tuple[str, str, str]] = {
    # The ghost
    "the likeliest words": ("i comp[comp:compare company|thee to]", "i comp", "are thee to"),
    "a letter against it": ("i [:compare]x", "i x", ""),
    "a line deleted on purpose": ("i comp[comp:compare|thee]{ctrl+u}", "", ""),
    "a backspace in the word": ("i comp[comp:compare]{backspace}", "i com", "pare"),
    "backspaces to its begin": ("i c[c:compare]{backspace}", "i ", "compare"),
    "a backspace into another word": ("i c[c:compare]{backspace}{backspace}", "i", ""),
    "a line that was sent": ("shall[shall:shall|i compare]{enter}", "", ""),
    "the cursor one to the left": ("i comp[comp:compare]{left}", "i comp", ""),
    "the cursor at the begin": ("i comp[comp:compare]{home}[:compare]", "i comp", ""),
    "the cursor a word to the left": ("i comp[comp:compare]{ctrl+left}", "i comp", ""),
    "something selected": ("i comp[comp:compare]{shift+left}", "i comp", ""),
    "a whole word typed": ("compare[compare:compare|thee]", "compare", " thee"),
    # Accepting
    "a word by tab": ("i comp[comp:compare|thee to]{tab}", "i compare ", "thee to"),
    "a word by ctrl+right": ("i comp[comp:compare|thee]{ctrl+right}", "i compare ", "thee"),
    "a word by alt+f": ("i comp[comp:compare|thee]{alt+f}", "i compare ", "thee"),
    "two words": ("i comp[comp:compare|thee to]{tab}{tab}", "i compare thee ", "to"),
    "all by right": ("i comp[comp:compare|thee to]{right}", "i compare thee to ", ""),
    "all by end": ("i comp[comp:compare|thee to]{end}", "i compare thee to ", ""),
    "all by ctrl+e": ("i comp[comp:compare|thee to]{ctrl+e}", "i compare thee to ", ""),
    "after a whole word": ("compare[compare:compare|thee]{tab}", "compare thee ", ""),
    "capitals stay": ("Shall I Comp[comp:compare]{tab}", "Shall I Compare ", ""),
    "a no-break space": ("1\u00a00[1\u00a00:1\u00a00\u00a0f|x]{tab}", "1\u00a00\u00a0f ", "x"),
    "right in the line": ("i comp[comp:compare]{home}{right}", "i comp", ""),
    "ctrl+right in the line": ("i comp[comp:compare]{home}{ctrl+right}", "i comp", ""),
    "end in the line": ("i comp[comp:compare]{home}{end}", "i comp", "are"),
    "shift+right": ("i comp[comp:compare]{shift+right}{shift+end}", "i comp", "are"),
    "a space after it": ("i [:compare]{tab} t  ", "i compare t  ", ""),
    "a typed space before a mark": ("i [:],", "i ,", ""),
    "a mark in the ghost": ("the k[k:kitchen|, and]{tab}", "the kitchen ", " and"),
    "a mark of the ghost": ("the k[k:kitchen|, and]{tab}{tab}", "the kitchen, ", "and"),
    "a mark and the rest": ("the k[k:kitchen|, and]{tab}{right}", "the kitchen, and ", ""),
    "a mark at once": ("the kitchen [:,|and]{tab}", "the kitchen, ", "and"),
    "a mark from the list": ("the kitchen [:and ,]{down}{down}{enter}", "the kitchen, ", ""),
    "a mark of the ghost typed": ("the k[k:kitchen|, and]{tab},", "the kitchen,", " and"),
    "a space typed in a word of the ghost": ("i comp[comp:compare] ", "i comp ", ""),
    # Letters that are written in another way
    "a ghost after them": ("i chat[chat:ChatGPT|was]", "i chat", "GPT was"),
    "taken by tab": ("i chat[chat:ChatGPT|was]{tab}", "i ChatGPT ", "was"),
    "all of it by right": ("i cafe[cafe:café|au lait]{right}", "i café au lait ", ""),
    "nothing but them": ("i cafe[cafe:café|au lait]{tab}", "i café ", "au lait"),
    "no ghost": ("i cafe[cafe:café]{tab}", "i café ", ""),
    "by alt and a digit": ("i zs[zs:Zoe Zsófia]{alt+2}", "i Zsófia ", ""),
    "by enter in the list": ("i zs[zs:zsh Zsófia]{down}{down}{enter}", "i Zsófia ", ""),
    "typed through": ("i chat[chat:ChatGPT|was]G", "i chatG", "PT was"),
    "typed through and taken": ("i chat[chat:ChatGPT|was]G{tab}", "i ChatGPT ", "was"),
    "typed to the next word": ("i cafe[cafe:café|au lait] {tab}", "i cafe au ", "lait"),
    "some deleted": ("i chat[chat:ChatGPT|was]{backspace}", "i cha", "tGPT was"),
    "some deleted and taken": ("i chat[chat:ChatGPT]{backspace}{tab}", "i ChatGPT ", ""),
    "undone in one step": ("i chat[chat:ChatGPT|was]{tab}{ctrl+z}", "i chat", "GPT was"),
    "taken again": ("i chat[chat:ChatGPT]{tab}{ctrl+z}{ctrl+y}", "i ChatGPT ", ""),
    "given back by a space": ("i zso[zso:Zsófia]1 ", "i zso1 ", ""),
    "with the mark of the ghost": ("i chat[chat:ChatGPT|, and]{tab}{tab}", "i ChatGPT, ", "and"),
    # The space after an accept
    **{f"a {mark} after it": (f"i [:compare]{{tab}}{mark} ", f"i compare{mark} ", "")
       for mark in ",.;:!?)]}\u201d\u2026"},
    "an opening mark after it": ("i [:compare]{tab}(", "i compare (", ""),
    "an apostrophe after it": ("the [:beauty]{tab}'s h", "the beauty's h", ""),
    "a single quote after it": ("he [:said]{tab}'so", "he said 'so", ""),
    "two letters after it": ("so [:we]{tab}\u2019ll go", "so we\u2019ll go", ""),
    "a hyphen after it": ("a [:well]{tab}-k", "a well-k", ""),
    "a dash after it": ("we [:went]{tab}- and", "we went - and", ""),
    "a long dash after it": ("we [:went]{tab}\u2014 and", "we went \u2014 and", ""),
    "a quote that closes": ('"i [:am]{tab}" he', '"i am" he', ""),
    "a quote that opens": ('he [:said]{tab}"i', 'he said "i', ""),
    "a mark after a move": ("i [:compare]{tab}{left}{right},", "i compare ,", ""),
    # Tab without a ghost
    "tab in the line": ("i c{left}[:do]{tab}", "i do c", ""),
    "tab after an unknown word": ("zzz[zzz:]{tab}{tab}x", "zzz x", ""),
    "tab after a whole word": ("compare[compare:compare]{tab}", "compare ", ""),
    "tab while hidden": ("i c[c:compare]{escape}{tab}", "i c ", ""),
    # Several lines
    "a new line": ("one{ctrl+j}t[t:two|three]", "one\nt", "wo three"),
    "a new line by shift+enter": ("one{shift+enter}two", "one\ntwo", ""),
    "no ghost above the end": ("one{ctrl+j}two{up}{end}[:and]", "one\ntwo", ""),
    "up and down in the text": ("one{ctrl+j}two{up}x{down}y", "onex\ntwoy", ""),
    "down in the last line chooses": ("a{ctrl+j}b [:c d]{down}{down}{enter}", "a\nb d ", ""),
    "a word on the second line": ("one{ctrl+j}[:two]{tab}{ctrl+z}", "one\n", "two"),
    "lines joined": ("one{ctrl+j}two{home}{backspace}", "onetwo", ""),
    # The list
    "the first": ("i comp[comp:compare company|thee]{down}", "i comp", "are"),
    "the second": ("i c[c:compare company|thee]{down}{down}", "i c", "ompany"),
    "the last": ("i c[c:compare company]{down}{down}{down}", "i c", "ompany"),
    "the first again": ("i c[c:compare company]{down}{down}{up}", "i c", "ompare"),
    "none again": ("i c[c:co|x]{down}{up}[c:compare|thee]", "i c", "ompare thee"),
    "inserted by enter": ("i c[c:compare company]{down}{down}{enter}", "i company ", ""),
    "inserted by tab": ("i c[c:compare company]{down}{down}{tab}", "i company ", ""),
    "inserted by right": ("i c[c:compare company]{down}{down}{right}", "i company ", ""),
    "inserted by a digit": ("i [:compare do love]{down}3", "i love ", ""),
    "a digit that has no word": ("i [:compare]{down}9", "i ", "compare"),
    "a digit without a choice": ("i [:compare do love]2", "i 2", ""),
    "a digit after a letter": ("i [:compare]{down}x2", "i x2", ""),
    "in the line": ("i  t{home}{right}{right}[:compare do]{down}{enter}", "i compare t", ""),
    "nothing to choose": ("zzz[zzz:]{down}1", "zzz1", ""),
    # Digits in a half-typed word
    "the word of a digit": ("i c[c:compare company|thee]2", "i company ", ""),
    "the first word by a digit": ("i c[c:compare company|thee]1", "i compare ", "thee"),
    "a digit with fewer words": ("i c[c:compare company]3", "i c3", ""),
    "no digit of these": ("i c[c:ca ce ch ci co cu]6", "i c6", ""),
    "a digit after a capital": ("Q[Q:Queen Quay]2", "Q2", ""),
    "a digit after a digit": ("x7[x7:x71 x72]2", "x72", ""),
    "a digit while hidden": ("i c[c:compare company]{escape}2", "i c2", ""),
    "a digit over a selection": ("i co[co:cold cook]{shift+left}[c:cat cow]2", "i c2", ""),
    "a digit before a word": ("at c {left}[c:cat cow]2", "at cow ", ""),
    "a mark after a digit": ("i c[c:compare company]2,", "i company,", ""),
    "a digit given back": ("i c[c:compare company]2{backspace}", "i c2", ""),
    "a digit given back by ctrl+z": ("i c[c:compare company]2{ctrl+z}", "i c2", ""),
    "it is deleted then": ("i c[c:compare company]2{backspace}{backspace}", "i c", "ompare"),
    "it is undone then": ("i c[c:compare company]2{ctrl+z}{ctrl+z}", "i c", "ompare"),
    "and redone": ("i c[c:compare company]2{ctrl+z}{ctrl+z}{ctrl+y}", "i c2", ""),
    "a letter after such a digit": ("m[m:me my]2{backspace}x", "m2x", ""),
    "another key before backspace": ("i c[c:co cu]2{left}{right}{backspace}", "i cu", ""),
    "hiding before backspace": ("i c[c:co cu]2{escape}{backspace}", "i cu", ""),
    "a second digit": ("i c[c:co cu]2[:no now]1", "i c21", ""),
    "a third digit": ("i c[c:co cu]2[:no now]1[c21:]2 ", "i c212 ", ""),
    "a space after a digit": ("i c[c:co cu]2[:no now] ", "i c2 ", ""),
    "tab after a digit": ("i c[c:co cu]2[:no now]{tab} ", "i cu no ", ""),
    "a letter after a digit": ("i c[c:co cu]2[:no now]n", "i cu n", "o"),
    # Digits with alt
    "a word with alt": ("i c[c:compare company|thee]{alt+2}", "i company ", ""),
    "the first word with alt": ("i c[c:compare company|thee]{alt+1}", "i compare ", "thee"),
    "at the start of a word": ("i [:compare do love]{alt+3}", "i love ", ""),
    "at the start of the text": ("[:shall when]{alt+2}", "when ", ""),
    "a mark with alt": ("i [:compare]{tab}[:and ,]{alt+2}", "i compare, ", ""),
    "after a capital": ("Q[Q:Queen Quay]{alt+2}", "Quay ", ""),
    "no such word with alt": ("i c[c:compare]{alt+2}", "i c", "ompare"),
    "alt while hidden": ("i c[c:compare company]{escape}{alt+2}", "i c", ""),
    "alt after a choice": ("i [:compare do love]{down}{alt+3}", "i love ", ""),
    "alt before a word": ("at  c{left}{left}[:a the]{alt+2}", "at the c", ""),
    "alt undone": ("i c[c:compare company]{alt+2}{ctrl+z}", "i c", "ompare"),
    "alt stays at a space": ("i c[c:compare company]{alt+2} 3", "i company 3", ""),
    "alt stays at a digit": ("i c[c:compare company]{alt+2}3", "i company 3", ""),
    "alt stays at a backspace": ("i c[c:co cu]{alt+2}{backspace}", "i cu", ""),
    "other digits with alt": ("i c[c:co cu]{alt+6}{alt+0}", "i c", "o"),
    # The second word
    "the second word": ("i [:do compare|it]{shift+tab}", "i compare ", ""),
    "the second in a word": ("i c[c:compare company|thee]{shift+tab}", "i company ", ""),
    "the second at the start": ("[:shall when]{shift+tab}", "when ", ""),
    "the second of one": ("i c[c:compare]{shift+tab}", "i c", "ompare"),
    "the second while hidden": ("i c[c:compare company]{escape}{shift+tab}", "i c", ""),
    "the second undone": ("i c[c:compare company]{shift+tab}{ctrl+z}", "i c", "ompare"),
    # Hiding
    "hidden": ("i c[c:compare]{escape}om[com:compare]", "i com", ""),
    "hidden in the same word": ("i c[c:compare]{escape}{backspace}d[d:do]", "i d", ""),
    "the list left": ("i c[c:compare company]{down}{down}{escape}[c:compare]", "i c", "ompare"),
    "the list left, then hidden": ("i c[c:co]{down}{escape}[c:co]{escape}{tab}", "i c ", ""),
    "hidden and not to be chosen": ("i c[c:compare]{escape}{down}1", "i c1", ""),
    "shown at the next word": ("i c[c:compare]{escape} [:thee]", "i c ", "thee"),
    "hidden on an empty line": ("[:shall]{escape}s{backspace}[:shall]", "", ""),
    "hidden for one word": ("[:shall]{escape}s [:i]", "s ", "i"),
    "hidden for a line deleted": ("one two{escape}{ctrl+u}a [:summer's]", "a ", "summer's"),
    "shown by ctrl+@": ("i c[c:compare]{escape}{ctrl+@}", "i c", "ompare"),
    "shown by ctrl+space": ("i c[c:compare]{escape}{ctrl+space}", "i c", "ompare"),
    # Undo and redo
    "one accept undone": ("i [:compare|thee]{tab}[:thee]{tab}{ctrl+z}", "i compare ", "thee"),
    "a mark after one undone": ("i comp[comp:compare]{tab}.{ctrl+z}{ctrl+z}a", "i compa", "re"),
    "the space of Tab undone": ("we chatgq[chatgq:]{tab}{ctrl+z}", "we chatgq", ""),
    "both undone": ("i [:compare]{tab}[:thee]{tab}{ctrl+z}{ctrl+z}", "i ", ""),
    "redone": ("i [:so]{tab}[:o]{tab}{ctrl+z}{ctrl+z}{ctrl+y}", "i so ", "o"),
    "letters after it undone": ("x[x:x|i]{tab}ab{ctrl+z}", "x i ", ""),
    "words of one letter": ("so [:i]{tab}[:o]{tab}{ctrl+z}", "so i ", "o"),
    "a word from the list": ("so [:a]{down}{enter}x{ctrl+z}", "so a ", ""),
    "a word undone": ("so we went{ctrl+z}", "so we ", ""),
    "two words undone": ("so we went home{ctrl+z}{ctrl+z}", "so we ", ""),
    "a word undone and redone": ("so we went{ctrl+z}{ctrl+z}{ctrl+y}", "so we ", ""),
    "the ghost after an undo": ("i [:compare|thee]{tab}{ctrl+z}", "i ", "compare thee"),
    "nothing left selected": ("i [:compare]{tab}{ctrl+z}x", "i x", ""),
    # Other keys
    "a line of spaces is not sent": ("  {enter}", "  ", ""),
    "letters of all languages": ("é\u0301\u200d\u200c\u00a0漢\U0001f600",) * 2 + ("",),
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


@pytest.mark.parametrize(
    ("line", "prefix", "probability", "is_shown"),
    [("i c", "c", 0.14, False), ("i c", "c", 0.15, True), ("i co", "co", 0.09, True),
     ("i co", "co", 0.08, False), ("i ", "", 0.2, True)],
)  # fmt: skip
async def test_an_unlikely_ghost_is_shown_only_on_demand(
    line: str, prefix: str, probability: float, is_shown: bool
) -> None:
    """After two letters a lower probability is enough. Tab accepts the first word anyway."""
    async with desk(line) as it:
        it.editor.show(answer_of(line, ("compare",), prefix, (), probability))
        assert bool(it.shown) is is_shown
        await it.press("ctrl+@")
        assert it.shown == "compare"[len(prefix) :]
        await it.press("tab")
        assert it.line == "i compare "


# The English word I


async def test_a_ghost_that_is_typed_through_never_blanks() -> None:
    """The rest of the ghost stays between two keys."""
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


async def test_a_ghost_that_replaces_the_space_is_drawn_over_it() -> None:
    """What is drawn is what Tab makes of the line."""
    async with desk("one day ") as it:

        async def drawn() -> str:
            await it.pilot.pause(0)
            return rows_of(it.app)[1].strip("│ ")

        it.answer(",", "night", more=("and",))
        assert await drawn() == "one day, and"
        await it.press("down", "down")
        assert await drawn() == "one day night"
        await it.press("up", "up")
        it.answer(";")
        assert await drawn() == "one day;"
        it.answer(".")
        assert await drawn() == "one day."
        it.toggle_ghost()
        assert await drawn() == "one day"
        it.toggle_ghost()
        await it.press("tab")
        assert it.line == "one day. "
        assert await drawn() == "one day."


@pytest.mark.parametrize(
    ("width", "rows", "line"),
    [
        (60, ["shall i compare thee to a summer's day"], "shall i compare thee to a summer's day "),
        (24, ["shall i compare thee t…"], "shall i compare thee to a summer's day "),
        (10, ["shall i …"], "shall i compare thee to a summer's day "),
    ],
)
async def test_the_ghost_is_trimmed_to_the_row(width: int, rows: list[str], line: str) -> None:
    """And taken whole."""
    async with desk("shall i ", width_of_line=width) as it:
        it.answer("compare", more=("thee", "to", "a", "summer's", "day"))
        await it.pilot.pause(0)
        drawn = rows_of(it.app)[1 : 1 + len(rows)]
        assert [row.split("│")[1].strip() for row in drawn] == rows
        assert "╰" in rows_of(it.app)[1 + len(rows)], "the field does not grow"
        await it.press("right")
        assert it.line == line


async def test_a_field_of_half_the_screen_scrolls() -> None:
    async with desk(width_of_line=40) as it:
        it.editor.set_text("\n".join(f"line {number} " for number in range(12)))
        it.answer("and")
        await it.pilot.pause(0)
        rows = rows_of(it.app)
        assert "╰" in rows[11]
        assert "line 11 and" in rows[10]
        check_layout(it.app)
        await it.press(*["up"] * 11)
        assert "line 0" in rows_of(it.app)[1]


async def test_a_word_wider_than_the_row_is_folded() -> None:
    async with desk(width_of_line=40) as it:
        it.answer("a" * 10_000)
        assert it.shown.endswith("a…")
        await it.press("tab")
        assert it.line == "a" * 10_000 + " "
        await it.pilot.pause(0)
        check_layout(it.app)


# Focus and choice


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


async def test_a_click_moves_the_cursor_and_shift_selects() -> None:
    async with desk("shall i comp") as it:
        it.answer("compare", prefix="comp")
        await it.pilot.click(LineEditor, offset=(5, 1))
        assert (it.editor.cursor, it.shown) == (3, "")
        await it.press("shift+right")
        assert it.editor.selected_text == "l"


async def test_a_click_on_the_list_before_the_answer_inserts_nothing_wrong() -> None:
    """The words on the screen are those for the line before."""
    async with desk("i ") as it:
        it.answer("compare", "do")
        await it.press("x")
        it.editor.insert_candidate(1)
        assert it.line == "i x"


async def test_the_ghost_off_and_on_demand() -> None:
    async with desk() as it:
        await it.play("shall i c[c:compare]")
        it.toggle_ghost()
        assert it.shown == ""
        await it.play("{ctrl+@}")
        assert it.shown == "ompare"
        await it.play("[c:compare|thee]{tab}[:thee]")
        assert (it.line, it.shown) == ("shall i compare ", ""), "that was for one word"
        it.toggle_ghost()
        assert it.shown == "thee"


# Digits


async def test_a_digit_right_after_letters_takes_from_what_the_answer_suggests() -> None:
    async with desk("i ") as it:
        it.answer("dawn", "dusk")
        await it.burst("d", "2", "o")
        it.answer("do", "die", prefix="d")
        await it.press()
        assert it.line == "i die o"


async def test_a_digit_that_no_answer_comes_to_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_order, "LONGEST_WAIT_S", 0.01)
    async with desk() as it:
        await it.press("d", "2", "o")
        await it.until(lambda: it.line == "d2o")


@pytest.mark.parametrize(("keys", "line"), [("1945", "in 1945"), ("x{escape}2", "in x2")])
async def test_no_digit_waits_where_it_takes_nothing(keys: str, line: str) -> None:
    async with desk("in ") as it:
        await it.play(keys)
        assert it.line == line
        assert not it.editor.answer_gate._waiters


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("[:to a the]3", "go the "),
        ("[:to a the]3[:day]9", "go 39"),
        ("[:to a the]3[:day]9{ctrl+z}", "go "),
        ("[:to a the]3{backspace}", "go 3"),
        ("[:to a the]3{backspace}[3:]9", "go 39"),
        ("[:to a the]3[:day]d", "go the d"),
        ("[:to]2", "go 2"),
        ("t[t:to the]2[:day]1", "go t21"),
        ("[:to a the]3[:day] ", "go 3 "),
        ("[:to a the]3[:day]{alt+1}", "go the day "),
        ("[:, to]1", "go, "),
        ("[:, to]1[:and]5", "go 15"),
        ("(1", "go (1"),
        ("x{left}[:to a]2", "go 2x"),
    ],
)
async def test_digits_that_always_take_a_word(script: str, line: str) -> None:
    """A digit or a space shows that the digit was meant."""
    async with desk("go ", digits="always") as it:
        await it.play(script)
        assert it.line == line


async def test_plain_digits_take_a_word_by_default_once_one_is_chosen() -> None:
    async with desk("i ", digits="with alt") as it:
        await it.play("c[c:compare company]2")
        assert it.line == "i c2"
        await it.play("{backspace}[c:compare company]{down}2")
        assert it.line == "i company "


async def test_a_mark_takes_over_the_presses_of_the_space_that_it_replaces() -> None:
    async with desk() as it:
        await it.play("we like it[it:it]{tab}.")
        assert it.line == "we like it."
        assert it.editor.typing.keystrokes == Keystrokes(11, -1)


async def test_a_word_that_the_next_key_may_give_back_is_drawn_so() -> None:
    async with desk("go c") as it:

        async def drawn() -> list[str]:
            await it.pilot.pause(0)
            strips = (strip for y in range(3) for strip in it.editor.render_line(y))
            return [s.text for s in strips if s.style and s.style.underline and s.style.italic]

        it.answer("compare", "company", prefix="c")
        await it.press("2")
        assert it.line == "go company "
        assert await drawn() == ["company"]
        await it.press("x")
        assert await drawn() == []
        await it.press("backspace", "c")
        it.answer("compare", "company", prefix="c")
        await it.press("2", " ")
        assert (it.line, await drawn()) == ("go company c2 ", [])
        await it.press("c")
        it.answer("compare", "company", prefix="c")
        await it.press("1")
        assert await drawn() == ["compare"]
        await it.pilot.click(LineEditor, offset=(5, 1))
        assert (it.line, await drawn()) == ("go company c2 compare ", [])
        await it.press("end", "c")
        it.answer("compare", "company", prefix="c")
        await it.press("alt+2")
        assert await drawn() == []


async def test_the_editor_says_which_digits_take_a_word() -> None:
    async with desk("i ") as it:
        assert it.editor.digits == "", "there is no answer yet"
        it.answer("do", "compare")
        assert it.editor.digits == ""
        await it.press("c")
        it.answer("compare", "company", prefix="c")
        assert it.editor.digits == "12"
        await it.press("down")
        assert it.editor.digits == "123456789"
        await it.press("escape")
        assert it.editor.digits == "12", "the list is left, not hidden"
        await it.press("escape")
        assert it.editor.digits == ""


async def test_the_editor_says_which_digits_take_a_word_with_alt() -> None:
    async with desk("i ", digits="with alt") as it:
        it.answer("do", "compare")
        assert (it.editor.digits, it.editor.shown_digits) == ("", "12")
        await it.press("c")
        it.answer("compare", "company", "cat", prefix="c")
        assert (it.editor.digits, it.editor.shown_digits) == ("", "123")
        await it.press("down")
        assert it.editor.shown_digits == it.editor.digits == "123456789"
        await it.press("escape", "escape")
        assert it.editor.shown_digits == ""


async def test_a_digit_that_is_given_back_leaves_the_text_after_it_alone() -> None:
    async with desk("go c, now") as it:
        await it.press(*["left"] * 5)
        it.answer("compare", "company", prefix="c")
        await it.press("2", "backspace")
        assert it.line == "go c2, now"
        assert it.editor.typing.keystrokes == Keystrokes(10, -1)


# The cursor within a word

INSIDE: dict[str, tuple[str, str, int]] = {
    "tab": ("{tab}", "so wonderful day", 12),
    "shift+tab": ("{shift+tab}", "so wonders day", 10),
    "the first of the list": ("{down}{enter}", "so wonderful day", 12),
    "the second of the list": ("{down}{down}{enter}", "so wonders day", 10),
    "the chosen one by tab": ("{down}{down}{tab}", "so wonders day", 10),
    "by a digit": ("{down}2", "so wonders day", 10),
    "a digit alone": ("2", "so wonder2land day", 10),
    "right moves": ("{right}", "so wonderland day", 10),
    "undone": ("{tab}{ctrl+z}", "so wonderland day", 9),
    "undone and redone": ("{tab}{ctrl+z}{ctrl+y}", "so wonderful day", 12),
}


@pytest.mark.parametrize(("script", "line", "cursor"), INSIDE.values(), ids=INSIDE.keys())
async def test_within_a_word_the_rest_of_it_is_replaced(
    script: str, line: str, cursor: int
) -> None:
    async with desk("so wonderland day") as it:
        await it.press(*["left"] * 8)
        it.answer("wonderful", "wonders", prefix="wonder", after=4)
        assert it.shown == ""
        await it.play(script)
        assert (it.line, it.editor.cursor) == (line, cursor)


# Keys saved


@pytest.mark.parametrize("digits", get_args(DigitSetting))
@pytest.mark.parametrize("prefix", ["", "c"])
@pytest.mark.parametrize("probability", [0.9, 0.1])
async def test_keys_take_and_cost_what_the_table_says(
    digits: DigitSetting, prefix: str, probability: float
) -> None:
    line = f"i {prefix}"
    words = ("compare", "company", "can", "cat", "cold")
    suggestions = answer_of(line, words, prefix, ("thee", "to"), probability)
    ghost = suggestions.ghost if probability > 0.15 else ()
    table = list(ways_to_accept(suggestions, line, ghost, digits, is_empty=False))
    assert {accept.keys for accept in table} >= {("tab",), ("shift+tab",), ("alt+5",)}
    for accept in table:
        async with desk(line, digits=digits) as it:
            it.editor.show(suggestions)
            await it.press(*accept.keys)
            written = line + "".join(piece.text for piece in accept.pieces)
            assert it.line == f"{written} ", accept
            saved = len(written) - len(line) - len(accept.keys)
            assert it.editor.typing.keystrokes == Keystrokes(len(written), saved), accept


async def test_keys_saved_are_counted_live() -> None:
    """For the line as it would be sent: the space after an accept counts once it is used."""
    async with desk("shall i comp") as it:
        assert it.editor.typing.keystrokes == Keystrokes(12, 0)
        it.answer("compare", prefix="comp", more=("thee",))
        await it.press("tab")  # "are" for one key
        assert it.editor.typing.keystrokes == Keystrokes(15, 2)
        it.answer("thee", "the", "this")
        await it.press("down", "down", "enter")  # "the" for three, and the space of the accept
        assert it.editor.typing.keystrokes == Keystrokes(19, 3)
        await it.press("enter")
        assert [(s.text, s.keystrokes) for s in it.app.sent] == [
            ("shall i compare the", Keystrokes(19, 3))
        ]
        it.editor.sent.turns = [Turn("shall i compare the")]
        await it.press("ctrl+z")
        assert it.line == "shall i compare the"
        assert it.editor.typing.keystrokes == Keystrokes(), "it was counted when it was sent"


@pytest.mark.parametrize(
    ("keys", "line", "saved"),
    [
        (("tab", " ", "x"), "i compare x", 6),
        (("tab", "x"), "i compare x", 7),
        (("tab", ","), "i compare,", 6),
        (("tab", "backspace", "backspace", "backspace"), "i compa", 4),
        (("tab", "ctrl+u", "a"), "a", 0),
        (("c", "1", "x"), "i compare x", 6),
        (("c", "1", "backspace"), "i c1", -1),
        (("c", "1", "ctrl+z", "x"), "i c1x", -1),
        (("c", "1", " ", "x"), "i c1 x", 0),
        (("c", "alt+1", "x"), "i compare x", 6),
        (("shift+tab", "x"), "i do x", 2),
    ],
)
async def test_keys_pressed_after_an_accept_were_not_saved(
    keys: tuple[str, ...], line: str, saved: int
) -> None:
    async with desk("i ") as it:
        it.answer("compare", "do")
        for key in keys:
            await it.press(key)
            if key == "c":
                it.answer("compare", prefix="c")
        assert (it.line, it.editor.typing.keystrokes) == (line, Keystrokes(len(line), saved))


async def test_letters_written_in_another_way_keep_their_presses() -> None:
    async with desk("i chat") as it:
        it.answer("ChatGPT", prefix="chat")
        await it.press("tab", "x")
        assert (it.line, it.editor.typing.keystrokes) == ("i ChatGPT x", Keystrokes(11, 3))
        await it.press("ctrl+u", *"i cafe")
        it.answer("café", prefix="cafe")
        await it.press("tab", "x")
        assert (it.line, it.editor.typing.keystrokes) == ("i café x", Keystrokes(8, 0))


async def test_what_is_pasted_or_recalled_counts_for_nothing() -> None:
    async with desk("so ") as it:
        it.editor.post_message(events.Paste("long lives this"))
        await it.press(" ", "x")
        assert (it.line, it.editor.typing.keystrokes) == ("so long lives this x", Keystrokes(5, 0))
        it.editor.set_text("an earlier line")
        assert it.editor.typing.keystrokes == Keystrokes()
        await it.press("!")
        assert it.editor.typing.keystrokes == Keystrokes(1, 0)


async def test_up_and_down_take_back_what_was_sent() -> None:
    one, two = Turn("one"), Turn("two")
    async with desk() as it:
        it.editor.sent.turns = [one, two]
        for key, line, edited in (
            ("up", "two", two), ("up", "one", one), ("up", "one", one), ("down", "two", two),
            ("down", "", None), ("up", "two", two), ("x", "twox", two), ("up", "twox", two),
            ("escape", "", None), ("y", "y", None), ("up", "y", None),
        ):  # fmt: skip
            await it.press(key)
            assert (it.line, it.editor.sent.edited) == (line, edited), key
        it.editor.edit_turn(one)
        await it.press("!", "enter")
        assert [(s.text, s.edited) for s in it.app.sent] == [("one!", one)]
        assert (it.line, it.editor.sent.edited) == ("y", None), "what was half written is back"
        it.editor.edit_turn(two)
        await it.press("ctrl+u", "enter")
        assert [(s.text, s.edited) for s in it.app.sent][1:] == [("", two)]


async def test_undo_does_not_go_back_over_a_send_but_edits_what_was_sent() -> None:
    one = Turn("one")
    async with desk("one") as it:
        await it.press("enter", "ctrl+y")
        it.editor.sent.turns = [one]
        assert it.line == ""
        await it.press("ctrl+z")
        assert (it.line, it.editor.sent.edited) == ("one", one)
        await it.press("ctrl+z")
        assert (it.line, it.editor.sent.edited) == ("one", one), "nothing was changed yet"
        await it.press("!", "enter", "ctrl+z", "escape")
        assert [(s.text, s.edited) for s in it.app.sent] == [("one", None), ("one!", one)]


async def test_undo_loses_nothing_that_is_being_written() -> None:
    one = Turn("one")
    async with desk("two") as it:
        it.editor.sent.turns = [one]
        await it.press("ctrl+z", "ctrl+z", "ctrl+y")
        assert (it.line, it.editor.sent.edited) == ("two", None)
        it.editor.edit_turn(one)
        await it.press("ctrl+z")
        assert (it.line, it.editor.sent.edited) == ("one", one), "the other text is not put there"
        await it.press("!", "escape")
        assert (it.line, it.editor.sent.edited) == ("two", None)
        await it.press("ctrl+z")
        assert (it.line, it.editor.sent.edited) == ("one!", one), "the cancelled edit goes on"
        await it.press("enter")
        assert [(s.text, s.edited) for s in it.app.sent] == [("one!", one)]
        assert it.line == "two"
        await it.press("ctrl+z")
        assert (it.line, it.editor.sent.edited) == ("one", one), "it can be changed back"
        await it.press("escape")
        assert (it.line, it.editor.sent.edited) == ("two", None)


@pytest.mark.parametrize("key", ["enter", "tab", "1"])
async def test_choosing_a_word_that_is_there_already_ends_the_choosing(key: str) -> None:
    async with desk("so we called him") as it:
        await it.press(*["left"] * 4)
        it.answer("called", prefix="called")
        await it.press("down")
        await it.until(lambda: it.editor.suggested.choice == 0)
        await it.press(key)
        assert (it.line, it.editor.suggested.choice) == ("so we called him", None)
        await it.press("enter")
        assert [sent.text for sent in it.app.sent] == ["so we called him"]


async def test_every_word_of_a_long_text_can_be_undone() -> None:
    async with desk() as it:
        post_keys(it.app, *"so " * 300)
        await it.until(lambda: it.line == "so " * 300)
        post_keys(it.app, *["ctrl+z"] * 300)
        await it.until(lambda: it.line == "")


# Many keys at once


async def test_keys_keep_their_order_and_none_is_lost() -> None:
    async with desk("old") as it:
        it.answer("older", prefix="old")  # Enter never accepts
        post_keys(it.app, "enter", *"new", "backspace", "e", "ctrl+u", *"third", "home", "x")
        post_keys(it.app, "end", "ctrl+v", "y", "left", "z")
        it.app._clipboard = "!"
        await it.press()
        assert [sent.text for sent in it.app.sent] == ["old"]
        assert it.line == "xthird!zy"


async def test_keys_after_such_a_tab_are_done_in_order() -> None:
    async with desk() as it:
        await it.burst(*"i d", "tab", "tab", "enter", *"when", "backspace", "m")
        it.answer("do", prefix="d", more=("love",))
        await it.press()
        assert [sent.text for sent in it.app.sent] == ["i do love"]
        assert it.line == "whem"


async def test_down_right_after_letters_chooses_from_what_the_answer_suggests() -> None:
    async with desk("i ") as it:
        it.answer("compare", "do")
        await it.burst("d", "down", "down", "enter")
        it.answer("do", "die", prefix="d")
        await it.press()
        assert (it.line, it.app.sent) == ("i die ", [])


async def test_a_tab_that_no_answer_comes_to_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_order, "LONGEST_WAIT_S", 0.01)
    async with desk() as it:
        await it.press("d", "tab", "down", "o")
        assert (it.line, it.editor.has_focus, it.editor.suggested.choice) == ("do", True, None)
        it.answer("done", prefix="do")
        assert it.shown == "ne"


# Pasting, and text that is not the user's


async def test_a_paste_of_10_000_characters_keeps_its_lines_and_asks_once() -> None:
    async with desk() as it:
        text = "shall i compare\r\nthee to a\tday\n" * 323
        it.app.questions.clear()
        it.editor.post_message(events.Paste(text))
        await it.press()
        assert it.line == "shall i compare\nthee to a day\n" * 323
        assert it.app.questions == [("", 0)]
        await it.press("x")
        assert it.line.endswith("day\nx")
        check_layout(it.app)


async def test_a_line_takes_no_more_text_than_it_can_be_edited_with() -> None:
    async with desk("so ") as it:
        it.answer("b" * MAX_TEXT)
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


def test_foreign_text_can_steer_nothing() -> None:
    assert lines_of("a\r\nb\nc\td\x1b[31m\x00\u2028e\x85f") == "a\nb\nc d\ufffd[31m\ufffd\ne\nf"
    harmless = "\U0001f468\u200d\U0001f469 e\u0301 שלום"
    assert lines_of(harmless) == harmless


async def test_enter_begins_no_new_line_where_it_is_bound_to_nothing() -> None:
    async with desk("one") as it:
        it.app.set_keymap({"line.send": "f9"})
        await it.press("enter", "x")
        assert (it.line, it.editor.document.line_count) == ("onex", 1)
        await it.press("f9")
        assert [sent.text for sent in it.app.sent] == ["onex"]


async def test_a_key_that_the_editor_does_not_need_reaches_the_app() -> None:
    async with desk("one") as it:
        await it.press("ctrl+c", "f6")
        assert it.app.done == ["copied", "pane"]
        it.editor.selection = Selection((0, 0), (0, 3))
        await it.press("ctrl+c")
        assert it.app.clipboard == "one"
        assert it.app.done == ["copied", "pane"]
