"""What the page of an empty text shows: an example, painted as the app paints a line, and what the
keys would do with it."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

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

    key, word = app.shown_key, WORDS[0][0]
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
    listed = "".join(
        f"[bold $take] {number} [/][bold]{TYPED}[/][$ghost]{each.removeprefix(TYPED)}[/]"
        f"[$quiet] {share}  [/]"
        for number, (each, share) in enumerate(WORDS, start=1)
    )
    rows = (
        f"[$quiet]{f'╭─ {label} '.ljust(BOX_WIDTH - 1, '─')}╮",
        f"[$quiet]│ [/]{LINE}[{MODEL_STYLE}]{GHOST}[/][$quiet]{' ' * room} │",
        f"[$quiet]╰{'─' * (BOX_WIDTH - 2)}╯",
        f" {listed}",
    )
    example = [*map(Content.from_markup, rows)]
    if width >= BESIDE_FROM:
        beside = zip_longest(example, [Content(""), *does], fillvalue=Content(""))
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
