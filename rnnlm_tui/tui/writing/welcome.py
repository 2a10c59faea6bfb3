"""The page of an empty text: an example, painted as the app paints a line, and what the keys would
do with it."""

from __future__ import annotations

from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING

from msgspec import Struct, json
from textual.content import Content

from rnnlm_tui.paths import PACKAGE
from rnnlm_tui.store.languages import language_of_locale
from rnnlm_tui.tui.widgets.styles import MODEL_STYLE

if TYPE_CHECKING:
    from rnnlm_tui.tui.app import RnnlmApp

BOX_WIDTH = 34
"""The width of the box around the example, in cells."""
GAP = 3
"""The gap between two columns, in cells."""
BESIDE_FROM = 74
"""The width from which on the keys stand beside the example, in cells."""


class Example(Struct, frozen=True):
    """A `line` that ends within a word, and what the built-in `model` of its language suggests: the
    `ghost`, and the first two `words` of the list with their shares."""

    model: str
    line: str
    ghost: str
    words: tuple[tuple[str, str], tuple[str, str]]

    @property
    def typed(self) -> str:
        """The letters of the first word that the line ends in."""
        return self.line.split()[-1]


@cache
def examples() -> dict[str, Example]:
    """The examples, by the ISO 639 codes of their languages."""
    return json.decode((PACKAGE / "data/examples.json").read_bytes(), type=dict[str, Example])


def example_of(app: RnnlmApp) -> Example:
    """The example in the language of the active model, if that is known, or else of the locale. In
    a language without one, the English example."""
    opened_model = app.opened_model
    code = (opened_model.card.language if opened_model else "") or language_of_locale()
    return examples().get(code, examples()["en"])


def welcome(app: RnnlmApp, width: int) -> list[Content]:
    """Returns the rows of this width."""
    key, example = app.shown_key, example_of(app)
    model, typed, ghost = example.model, example.typed, example.ghost
    keys = [
        (key("line.accept_word", "tab"), "takes a word: ", example.words[0][0]),
        (key("line.accept_all", "right"), "takes all of it: ", f"{typed}{ghost}"),
        (key("line.take_2", "alt+2"), "takes word 2: ", example.words[1][0]),
        (key("line.send", "enter"), "adds the line to your text", ""),
        (key("autocomplete.continue", "ctrl+r"), "continues the sentence", ""),
    ]
    column = max(len(shown) for shown, *_ in keys) + GAP
    key_rows = [
        Content.assemble(
            (shown.ljust(column), "bold $take"), (text, "$quiet"), (words, MODEL_STYLE)
        )
        for shown, text, words in keys
    ]
    label = "for example" if app.active_name in (None, model) else f"for example, with {model}"
    room = BOX_WIDTH - len(example.line + ghost) - 4
    listed = "".join(
        f"[bold $take] {number} [/][bold]{typed}[/][$ghost]{each.removeprefix(typed)}[/]"
        f"[$quiet] {share}  [/]"
        for number, (each, share) in enumerate(example.words, start=1)
    )
    rows = (
        f"[$quiet]{f'╭─ {label} '.ljust(BOX_WIDTH - 1, '─')}╮",
        f"[$quiet]│ [/]{example.line}[{MODEL_STYLE}]{ghost}[/][$quiet]{' ' * room} │",
        f"[$quiet]╰{'─' * (BOX_WIDTH - 2)}╯",
        f" {listed}",
    )
    box = [*map(Content.from_markup, rows)]
    if width >= BESIDE_FROM:
        beside = zip_longest(box, [Content(""), *key_rows], fillvalue=Content(""))
        box = [left.pad_right(BOX_WIDTH + GAP - left.cell_length) + right for left, right in beside]
    else:
        box += [Content(""), *key_rows]
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
        *box,
        Content(""),
        Content.styled("Try it below.   ", "bold") + Content("").join(more),
    ]
