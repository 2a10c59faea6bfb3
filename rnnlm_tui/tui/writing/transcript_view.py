"""The lines of the transcript on the screen."""

from __future__ import annotations

import re
from typing import ClassVar, cast

from textual import events
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.session.turns import Continuation, Copied, Turn
from rnnlm_tui.tui.writing.host import WritingHost

LABEL_WIDTH = 11
MOST_LINES = 200
"""Widgets kept on the screen. With 500 one more takes 40 ms, with 100 it takes 16."""
SHOWN_OF_COPY = 30
"""Characters of a copied line that the message about it repeats."""


class TranscriptLine(Widget):
    """A line next to the name of who wrote it. A click copies it."""

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

    def __init__(
        self, turn: Turn, who: str, text: str, *, model: bool, copied: tuple[Copied, ...] = ()
    ) -> None:
        """A line of the turn. `who` is the label, `model` says that it is not the user's, `copied`
        are the spans of it that are copied from the model's training text."""
        self.turn = turn
        self.plain_text = sanitize(text)
        label = Content(sanitize(who)).truncate(LABEL_WIDTH, ellipsis=True, pad=True)
        self._label = Content.styled(f"{label.plain} ", "dim")
        self._body = Content.styled(self.plain_text, "italic" if model else "")
        self._body = _marked_copies(self._body, copied)
        super().__init__(classes="-model" if model else "")

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The rows that the text takes next to the label."""
        return len(self._rows(width))

    def render(self) -> Content:
        """The label, and the text next to it, row by row."""
        rows = self._rows(self.content_size.width)
        indent = " " * self._label.cell_length
        return Content.assemble(self._label, Content(f"\n{indent}").join(rows))

    def _rows(self, width: int) -> list[Content]:
        return self._body.wrap(max(1, width - self._label.cell_length))

    def on_unmount(self) -> None:
        """Frees what was painted. Textual caches the last 1,024 painted widgets, even removed ones,
        which would take 11 MB after a day's writing."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Copies, unless the mouse has marked a part of the text."""
        view = self.parent
        if not self.screen.get_selected_text() and isinstance(view, TranscriptView):
            view.copy(self.plain_text)


class TranscriptView(VerticalScroll, can_focus=True):
    """The newest lines, at the bottom. A click copies, and leaves the focus on the line being
    written."""

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
        Binding("escape", "screen.move_pane", "back", id="transcript.leave",
                tooltip="Back to the line being written"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    TranscriptView { height: 1fr; scrollbar-size-vertical: 1; }
    """

    class Taken(Message):
        """The line is wanted as the line being written."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._current: int | None = None

    @property
    def lines(self) -> list[TranscriptLine]:
        """The lines on the screen, from the oldest."""
        return list(self.query(TranscriptLine))

    def on_mount(self) -> None:
        """Stays at the bottom when lines are added."""
        self.anchor()

    async def fill(self, turns: list[Turn]) -> None:
        """Replaces all lines by those of these turns."""
        await self.remove_children()
        lines = [line for turn in turns for line in _lines_of(turn)]
        self.can_focus = bool(lines)  # else keys pressed there would go nowhere
        await self.mount_all(lines[-MOST_LINES:])

    async def add_turn(self, turn: Turn) -> None:
        """Adds the user's line at the bottom."""
        await self._add(_lines_of(turn), after=None)

    async def add_continuation(self, turn: Turn, continuation: Continuation) -> None:
        """Adds a model's line below those of its turn, unless that was cleared meanwhile."""
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
            self.copy(text)

    def copy(self, text: str) -> None:
        """Copies a line, and says how far that can be trusted."""
        self.app.copy_to_clipboard(text)
        shown = text if len(text) <= SHOWN_OF_COPY else f"{text[:SHOWN_OF_COPY]}…"
        cast(WritingHost, self.app).notify_user(
            f"copied: {shown}. It went to the terminal's clipboard, which the terminal must allow."
            " If a paste brings something else, F5 saves the transcript to a file"
        )

    def copy_last(self) -> None:
        """Copies the newest line."""
        if self.lines:
            self.copy(self.lines[-1].plain_text)
        else:
            cast(WritingHost, self.app).notify_user("there is no line to copy yet")

    def action_take(self) -> None:
        if (text := self._marked()) is not None:
            self.post_message(self.Taken(text))


def _lines_of(turn: Turn) -> list[TranscriptLine]:
    yours = TranscriptLine(turn, "you", turn.line, model=False)
    return [yours, *(_model_line(turn, continuation) for continuation in turn.continuations)]


def _model_line(turn: Turn, continuation: Continuation) -> TranscriptLine:
    text, copied = continuation.text, continuation.copied
    return TranscriptLine(turn, continuation.model, text, model=True, copied=copied)


def _marked_copies(body: Content, copied: tuple[Copied, ...]) -> Content:
    """The line with its copied words underlined, and after it where they come from."""
    words = list(re.finditer(r"[^ ]+", body.plain))
    spans = [s for s in copied if s.start >= 0 and 0 < s.length <= len(words) - s.start]
    for span in spans:
        last = words[span.start + span.length - 1]
        body = body.stylize("underline", words[span.start].start(), last.end())
    if not spans:
        return body
    numbers = dict.fromkeys(str(span.line_number) for span in spans)
    lines = "line" if len(numbers) == 1 else "lines"
    places = ", ".join(numbers)
    return body + Content.styled(f"  = {lines} {places} of its text", "dim not italic")
