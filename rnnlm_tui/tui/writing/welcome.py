"""What the page of an empty text shows: an example, painted as the app paints a line, and what the
keys would do with it."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.content import Content

from rnnlm_tui.tui.widgets.styles import MODEL_STYLE

if TYPE_CHECKING:
    from rnnlm_tui.tui.app import RnnlmApp

LINE, GHOST = "I am looking forw", "ard to the"
TYPED, WORDS = "forw", (("forward", "100%"), ("forwards", "<1%"))
"""The letters typed of the last word of LINE, and what the English suggests for it."""
MODEL = "english"
"""The name of the English: the module that has it imports numpy."""
BOX_WIDTH, GAP = 34, 3
BESIDE_FROM = 74
"""The width from which on the keys stand beside the example, in cells."""


def welcome(app: RnnlmApp, width: int) -> list[Content]:
    """Returns the rows of this width."""

    def key(action: str, default: str) -> str:
        return app.shown_keys(Binding(default, "", id=action))[0]

    word, rest = WORDS[0][0], LINE.removesuffix(TYPED)
    keys = [
        (key("line.accept_word", "tab"), "takes a word: ", word),
        (key("line.accept_all", "right"), "takes all of it: ", f"{TYPED}{GHOST}"),
        (key("line.take_2", "alt+2"), "takes word 2: ", WORDS[1][0]),
        (key("line.send", "enter"), "adds the line to your text", ""),
        (key("autocomplete.continue", "ctrl+r"), "continues the sentence", ""),
    ]
    column = max(len(shown) for shown, *_ in keys) + GAP
    does = [
        Content.assemble(
            (shown.ljust(column), "bold $take"), (text, "$quiet"), (words, MODEL_STYLE)
        )
        for shown, text, words in keys
    ]
    label = "for example" if app.active_name in (None, MODEL) else f"for example, with {MODEL}"
    room = BOX_WIDTH - len(LINE + GHOST) - 4
    shares = [
        Content.assemble(
            (f" {number} ", "bold $take"),
            (TYPED, "bold"),
            (listed.removeprefix(TYPED), "$ghost"),
            (f" {share}  ", "$quiet"),
        )
        for number, (listed, share) in enumerate(WORDS, start=1)
    ]
    example = [
        Content.styled(f"╭─ {label} ".ljust(BOX_WIDTH - 1, "─") + "╮", "$quiet"),
        Content.assemble(
            ("│ ", "$quiet"), rest, TYPED, (GHOST, MODEL_STYLE), (" " * room + " │", "$quiet")
        ),
        Content.styled("╰" + "─" * (BOX_WIDTH - 2) + "╯", "$quiet"),
        Content(" ") + Content("").join(shares),
    ]
    if width >= BESIDE_FROM:
        blank = Content(" " * BOX_WIDTH)
        beside = zip_longest(example, [Content(""), *does], fillvalue=blank)
        example = [
            left.pad_right(BOX_WIDTH + GAP - left.cell_length) + right for left, right in beside
        ]
    else:
        example += [Content(""), *does]
    screens = [
        (key("app.train", "f3"), "learns from your texts"),
        (key("app.inside", "f10"), "looks inside"),
        (key("app.keys", "f1"), "all keys"),
    ]
    if width < BESIDE_FROM:
        del screens[1]
    more = (
        Content.assemble((shown, "bold $take"), (f" {does}   ", "$quiet"))
        for shown, does in screens
    )
    return [
        Content.styled("A model suggests the next words while you write.", "bold"),
        Content.styled("It runs on this machine; nothing leaves it.", "$quiet"),
        Content(""),
        *example,
        Content(""),
        Content.styled("Try it below.   ", "bold") + Content("").join(more),
    ]
