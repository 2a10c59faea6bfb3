"""Which keys the bottom row names in windows of any width; alt with a digit, and pastes."""

from __future__ import annotations

from importlib import import_module
from typing import ClassVar

import pytest
from textual import events
from textual._xterm_parser import XTermParser
from textual.binding import Binding, BindingType
from textual.widget import Widget

from rnnlm_tui.tui.widgets import textual_private
from rnnlm_tui.tui.widgets.key_bar import KeyBar
from rnnlm_tui.tui.widgets.textual_private import read_pastes_whole
from tests.helpers.app import resize, rows_of, running, until
from tests.helpers.host import HostApp


class Field(Widget, can_focus=True):
    """A widget with keys."""

    DEFAULT_CSS = "Field { height: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,e", "edit", "edit"),
        Binding("d", "remove", "remove"),
        Binding("up", "move(-1)", "line", key_display="↑↓"),
        Binding("down", "move(1)", "line", show=False),
        Binding("escape", "leave", "back"),
    ]


async def test_what_leads_back_stays() -> None:
    app = HostApp(Field, KeyBar)
    async with running(app, size=(40, 5)) as pilot:
        app.query_one(Field).focus()
        for width, row in (
            (40, "Enter edit  d remove  ↑↓ line  Esc back"),
            (38, "Enter edit  d remove  Esc back"),
            (29, "Enter edit  Esc back"),
            (20, "d remove  Esc back"),
            (9, "Esc back"),
        ):
            await resize(pilot, width, 5)
            await until(lambda: rows_of(app)[1].strip() == row)  # noqa: B023


def test_alt_and_a_digit_or_a_letter_is_that_key_and_no_character() -> None:
    textual_private.read_alt_keys()

    def read(sent: str) -> list[tuple[str, str | None]]:
        parsed = XTermParser().feed(sent)
        return [(event.key, event.character) for event in parsed if isinstance(event, events.Key)]

    for digit in "1234567890":
        assert read(f"\x1b{digit}") == [(f"alt+{digit}", None)]
    assert read("\x1bd\x1bd") == [("alt+d", None)] * 2, "pressed at once"
    assert [key for key, _ in read("\x1bb\x1bOP")] == ["ctrl+left", "f1"]
    typed = [character for _, character in read("¡™£¢∞2")]
    assert typed == [*"¡™£¢∞2"], "typed on a keyboard they stay what they are"


@pytest.mark.parametrize(
    "pasted", ["one \x1b[31mred\x1b[0m" + " x" * 30, "\x1bb", "a\x1b[20", "\x1b[I"]
)
@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_esc_in_a_paste_changes_no_other_character_of_it(pasted: str, at_once: int) -> None:
    read_pastes_whole()
    parser = import_module("textual.drivers.linux_driver").XTermParser()
    sent = f"x\x1b[200~{pasted}\x1b[201~y\x1bOP"
    chunks = (sent[at : at + at_once] for at in range(0, len(sent), at_once))
    read = [event for chunk in chunks for event in parser.feed(chunk)]
    assert [getattr(event, "key", getattr(event, "text", None)) for event in read] == [
        "x",
        pasted.replace("\x1b", "\ufffd"),
        "y",
        "f1",
    ]
