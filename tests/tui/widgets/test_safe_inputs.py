"""Foreign text in input fields is made printable before it is painted."""

from __future__ import annotations

import pytest
from textual import events
from textual.app import App, ComposeResult

from rnnlm_tui.tui.widgets.safe_inputs import SafeInput, SafeTextArea, sanitize_lines
from tests.helpers.app import check_layout, picture, wait_until

HOSTILE = "a\x1b[31mb\x9b\a\x00\ud800\u202e[/b]"
SHOWN = "a\ufffd[31mb\ufffd\ufffd\ufffd\ufffd\ufffd[/b]"


class Host(App[None]):
    """The two fields with a hostile initial text."""

    def compose(self) -> ComposeResult:
        yield SafeInput(HOSTILE, select_on_focus=False, id="line")
        yield SafeTextArea(f"{HOSTILE}\n\tc", id="lines")


async def test_initial_values_are_made_printable() -> None:
    app = Host()
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.query_one(SafeInput).value == SHOWN
        assert app.query_one(SafeTextArea).text == f"{SHOWN}\n\tc"
        assert picture(app).count(SHOWN) == 2
        check_layout(app)


async def test_what_is_put_into_the_fields_is_made_printable() -> None:
    app = Host()
    async with app.run_test() as pilot:
        line, lines = app.query_one(SafeInput), app.query_one(SafeTextArea)
        line.value = f"{HOSTILE}2"
        lines.text = f"{HOSTILE}2"
        lines.insert(f"\r\n{HOSTILE}3", (0, 3))
        await pilot.pause()
        assert line.value == f"{SHOWN}2"
        assert lines.text == f"{SHOWN[:3]}\n{SHOWN}3{SHOWN[3:]}2"
        check_layout(app)


@pytest.mark.parametrize("kind", [SafeInput, SafeTextArea])
async def test_what_is_pasted_is_made_printable(kind: type[SafeInput | SafeTextArea]) -> None:
    app = Host()
    async with app.run_test() as pilot:
        line, lines = app.query_one(SafeInput), app.query_one(SafeTextArea)
        line.value = lines.text = ""
        app.query_one(kind).focus()
        await wait_until(pilot, lambda: isinstance(app.focused, kind))
        app.post_message(events.Paste(f"{HOSTILE}\n{HOSTILE}"))
        await wait_until(pilot, lambda: line.value or lines.text)
        expected = (SHOWN, "") if kind is SafeInput else ("", f"{SHOWN}\n{SHOWN}")
        assert (line.value, lines.text) == expected
        app._clipboard = HOSTILE
        await pilot.press("ctrl+v")
        assert SHOWN * 2 in line.value + lines.text
        check_layout(app)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("a", "a"),
        ("\n", "\n"),
        ("a\n\nb\n", "a\n\nb\n"),
        ("a\r\nb\rc\x0cd\u2028e", "a\nb\nc\nd\ne"),
        ("\ta\tb", "\ta\tb"),
        ("a\x1bb\x7f", "a\ufffdb\ufffd"),
        ("e\u0301 \u7269 \u05d0\u200d", "e\u0301 \u7269 \u05d0\u200d"),
    ],
)
def test_lines_keep_their_ends_and_tabs(text: str, shown: str) -> None:
    assert sanitize_lines(text) == shown
