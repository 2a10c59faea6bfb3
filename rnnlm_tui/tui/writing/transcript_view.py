"""The lines so far: the user's, and what the models made of them."""

from __future__ import annotations

import re
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.writing.transcript import Continuation, Copied, Turn

LABEL_WIDTH = 11
MOST_LINES = 200
"""Widgets kept on the screen; with 500 one more takes 40 ms, with 100 it takes 16."""


class TranscriptLine(Widget):
    """A line beside the name of who wrote it. A click copies it."""

    DEFAULT_CSS = """
    TranscriptLine {
        height: auto;
        padding: 0 1;
        color: $foreground;
        &.-model { color: $text-accent; }
        &:hover { background: $boost; }
        &.-current { text-style: reverse; }
        &:ansi { color: ansi_default; }
    }
    """

    class Clicked(Message):
        """A click on this line."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(
        self, turn: Turn, who: str, text: str, *, model: bool, copied: tuple[Copied, ...] = ()
    ) -> None:
        """A line of the turn; `who` is the label, `text` is what a copy takes, with nothing in it
        that could steer a terminal; `model`: it is not the user's; `copied` of its words stand in
        the model's text."""
        self.turn = turn
        self.plain_text = sanitize(text)
        label = Content(sanitize(who)).truncate(LABEL_WIDTH, ellipsis=True, pad=True)
        self._label = Content.styled(f"{label.plain} ", "dim")
        self._body = Content.styled(self.plain_text, "italic" if model else "")
        self._body = _marked_copies(self._body, copied)
        super().__init__(classes="-model" if model else "")

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The rows that the text takes beside the label."""
        return len(self._rows(width))

    def render(self) -> Content:
        """The label, and the text beside it, row by row."""
        rows = self._rows(self.content_size.width)
        indent = " " * self._label.cell_length
        return Content.assemble(self._label, Content(f"\n{indent}").join(rows))

    def _rows(self, width: int) -> list[Content]:
        return self._body.wrap(max(1, width - self._label.cell_length))

    def on_unmount(self) -> None:
        """Lets go of what was painted. Textual keeps the last 1,024 painted widgets in a cache, the
        removed ones too, which with their pictures would take 11 MB in a day's writing."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Copies, unless the mouse has marked a part of the text."""
        if not self.screen.get_selected_text():
            self.post_message(self.Clicked(self.plain_text))


class TranscriptView(VerticalScroll, can_focus=True):
    """The newest lines, at the bottom. A click copies and leaves the focus where one writes."""

    FOCUS_ON_CLICK = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "up", id="transcript.up",
                tooltip="The line above"),
        Binding("down", "move(1)", "down", id="transcript.down",
                tooltip="The line below"),
        Binding("c,enter", "copy", "copy", id="transcript.copy",
                tooltip="Copy the line"),
        Binding("u", "take", "use", id="transcript.take",
                tooltip="Put the line where you write"),
        Binding("escape", "leave", "back", id="transcript.leave",
                tooltip="Back to the line being written"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    TranscriptView { height: 1fr; scrollbar-size-vertical: 1; }
    """

    class Copied(Message):
        """The line is to be copied."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Taken(Message):
        """The line is to be written on."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The focus goes back to the line being written."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._current: int | None = None

    @property
    def lines(self) -> list[TranscriptLine]:
        """The lines on the screen, from the oldest."""
        return list(self.query(TranscriptLine))

    def on_mount(self) -> None:
        """Stays at the bottom while lines come."""
        self.anchor()

    async def fill(self, turns: list[Turn]) -> None:
        """Shows these turns in place of what was there."""
        await self.remove_children()
        lines = [line for turn in turns for line in _lines_of(turn)]
        self.can_focus = bool(lines)  # else keys pressed there would go nowhere
        await self.mount_all(lines[-MOST_LINES:])

    async def add_turn(self, turn: Turn) -> None:
        """The user's line at the bottom."""
        await self._add(_lines_of(turn), after=None)

    async def add_continuation(self, turn: Turn, continuation: Continuation) -> None:
        """A model's line below those of its turn, which may have been cleared since."""
        place = next((line for line in reversed(self.lines) if line.turn is turn), None)
        if place is not None:
            await self._add([_model_line(turn, continuation)], after=place)

    async def _add(self, lines: list[TranscriptLine], after: TranscriptLine | None) -> None:
        self.can_focus = True
        await self.mount_all(lines, after=after)
        if surplus := self.lines[:-MOST_LINES]:
            await self.remove_children(surplus)
        self.anchor()

    def on_focus(self) -> None:
        """Marks the newest line."""
        self._mark(len(self.lines) - 1)

    def on_blur(self) -> None:
        """Marks none."""
        self._mark(None)

    def _mark(self, number: int | None) -> None:
        for i, line in enumerate(self.lines):
            line.set_class(i == number, "-current")
        self._current = number
        if number is not None and 0 <= number < len(self.lines):
            self.lines[number].scroll_visible(animate=False)

    def action_move(self, by: int) -> None:
        if self.lines:
            self._mark(max(0, min((self._current or 0) + by, len(self.lines) - 1)))

    def _marked(self) -> str | None:
        lines = self.lines
        if self._current is None or not 0 <= self._current < len(lines):
            return None
        return lines[self._current].plain_text

    def action_copy(self) -> None:
        if (text := self._marked()) is not None:
            self.post_message(self.Copied(text))

    def action_take(self) -> None:
        if (text := self._marked()) is not None:
            self.post_message(self.Taken(text))

    def action_leave(self) -> None:
        self.post_message(self.Left())


def _lines_of(turn: Turn) -> list[TranscriptLine]:
    yours = TranscriptLine(turn, "you", turn.line, model=False)
    return [yours, *(_model_line(turn, continuation) for continuation in turn.continuations)]


def _model_line(turn: Turn, continuation: Continuation) -> TranscriptLine:
    text, copied = continuation.text, continuation.copied
    return TranscriptLine(turn, continuation.model, text, model=True, copied=copied)


def _marked_copies(body: Content, copied: tuple[Copied, ...]) -> Content:
    """The line with the words that were copied underlined, and behind it where they stand."""
    words = list(re.finditer(r"[^ ]+", body.plain))
    spans = [span for span in copied if 0 < span.length <= len(words) - span.start]
    for span in spans:
        last = words[span.start + span.length - 1]
        body = body.stylize("underline", words[span.start].start(), last.end())
    if not spans:
        return body
    places = ", ".join(str(span.line_number) for span in spans)
    lines = "line" if len(spans) == 1 else "lines"
    return body + Content.styled(f"  = {lines} {places} of its text", "dim not italic")
