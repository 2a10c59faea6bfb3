"""The transcript on the screen, and what can be done with its lines."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

from textual import events, work
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from rnnlm_tui.formatting import plural, sanitize, shorten
from rnnlm_tui.tui.session.database import SessionDatabase
from rnnlm_tui.tui.session.tables import Continuation, Copied, Turn
from rnnlm_tui.tui.widgets.inputs import sanitize_lines
from rnnlm_tui.tui.writing.host import WritingHost
from rnnlm_tui.tui.writing.insights import CopyFinder
from rnnlm_tui.tui.writing.predictor import LoadedModel, Predictor, continued
from rnnlm_tui.tui.writing.transcript import Transcript

LABEL_WIDTH = 11
TRANSCRIPT_KEYS: tuple[Binding, ...] = (
    Binding("ctrl+r", "transcript('continue_last')", "continue", show=False,
            id="autocomplete.another",
            tooltip="Continue the last line; the model does, again if it has"),
    Binding("f7", "transcript('copy_last')", "copy", show=False, id="autocomplete.copy_last",
            tooltip="Copy the last line; of the transcript"),
    Binding("f5", "transcript('save')", "Save transcript", show=False,
            id="autocomplete.save_transcript",
            tooltip="Save the transcript to a file"),
    Binding("f8", "transcript('clear')", "Clear transcript", show=False,
            id="autocomplete.clear_transcript",
            tooltip="Clear the transcript; asks first"),
)  # fmt: skip
"""Bindings of the screen, which work wherever the focus is."""
MAX_LINES = 200
"""Widgets kept on the screen. Adding one takes 16 ms if there are 100, 40 ms if there are 500."""


class TranscriptLine(Widget):
    """A sent line or a continuation of it, next to the name of its writer. A click copies it.

    The user's lines have a bar in front; a model's are indented and in italics.
    """

    DEFAULT_CSS = """
    TranscriptLine {
        height: auto;
        padding-right: 1; /* the padding of the list is right of its scrollbar */
        color: $foreground;
        &.-model { color: $text-muted; }
        &:hover { background: $boost; }
        &.-current { text-style: reverse; }
        &:ansi { color: ansi_default; }
        .label { color: $primary; text-style: bold; }
        &.-model .label { color: $text-muted; text-style: none; }
        &:ansi .label { color: ansi_default; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"label"}

    def __init__(self, turn: Turn, continuation: Continuation | None = None) -> None:
        self.turn = turn
        who, text = (continuation.model, continuation.text) if continuation else ("you", turn.line)
        self.plain_text = sanitize_lines(text)
        self._label = Content(sanitize(who)).truncate(LABEL_WIDTH, ellipsis=True, pad=True)
        self._mark = " " if continuation else "▌"
        body = Content.styled(self.plain_text, "italic" if continuation else "")
        self._body = _with_copies(body, continuation.copied) if continuation else body
        super().__init__(classes="-model" if continuation else "-you")

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._rows(width))

    def render(self) -> Content:
        label = self.get_visual_style("label")
        rows = self._rows(self.content_size.width)
        indent = " " * self._label.cell_length
        return Content("\n").join(
            Content.assemble(
                (self._mark, label),
                " ",
                (indent, "") if number else self._label.stylize(label),
                " ",
                row,
            )
            for number, row in enumerate(rows)
        )

    def _rows(self, width: int) -> list[Content]:
        return self._body.wrap(max(1, width - self._label.cell_length - 3))

    def on_unmount(self) -> None:
        """Frees the painted content. Textual caches the last 1,024 painted widgets, even removed
        ones, which would take 11 MB after a day of writing."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Copies the line, unless the mouse has selected text."""
        view = self.parent
        if not self.screen.get_selected_text() and isinstance(view, TranscriptView):
            view.copy(self)


class TranscriptView(VerticalScroll, can_focus=True):
    """Shows the newest lines, and lets the active model continue them. A click does not take the
    focus from the line being written."""

    FOCUS_ON_CLICK = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "up", id="transcript.up", tooltip="Go to the line above"),
        Binding("down", "move(1)", "down", id="transcript.down", tooltip="Go to the line below"),
        Binding("c,enter", "copy", "copy", id="transcript.copy", tooltip="Copy the line"),
        Binding("e", "edit", "edit", id="transcript.edit", tooltip="Edit the sent line"),
        Binding("u", "take", "use", id="transcript.take",
                tooltip="Insert the line; into the text that you are writing"),
        Binding("escape", "screen.move_pane", "back", id="transcript.leave",
                tooltip="Go back to the line being written"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    TranscriptView { height: 1fr; scrollbar-size-vertical: 1; padding: 0 1; }
    """

    class LinesChanged(Message):
        """The lines above the one being written have changed."""

    @dataclass
    class Typed(Message):
        """A line was chosen, or a letter typed here, to be inserted into the text being written."""

        text: str

    @dataclass
    class EditWanted(Message):
        """The user wants to edit a turn."""

        turn: Turn

    def __init__(self, database: SessionDatabase, predictor: Predictor) -> None:
        super().__init__()
        self.transcript = Transcript(database)
        self._predictor = predictor
        self._copies = CopyFinder(lambda: self.host.library)
        self._current: TranscriptLine | None = None

    @property
    def host(self) -> WritingHost:
        return cast(WritingHost, self.app)

    @property
    def lines(self) -> list[TranscriptLine]:
        return list(self.query(TranscriptLine))

    def on_mount(self) -> None:
        self.anchor()  # stays at the bottom when lines are added

    async def fill(self, turns: list[Turn]) -> None:
        """Shows the lines of these turns only."""
        await self.remove_children()
        lines = [
            TranscriptLine(turn, continuation)
            for turn in turns
            for continuation in (None, *turn.continuations)
        ]
        self.can_focus = bool(lines)  # keys have no use in an empty transcript
        await self.mount_all(lines[-MAX_LINES:])

    async def add(self, turn: Turn, continuation: Continuation | None = None) -> None:
        """Adds the line of a turn at the bottom, or a continuation below the lines of its turn,
        unless they were cleared in the meantime."""
        after = next((line for line in reversed(self.lines) if line.turn is turn), None)
        if continuation is not None and after is None:
            return
        self.can_focus = True
        await self.mount(TranscriptLine(turn, continuation), after=after)
        await self.remove_children(self.lines[:-MAX_LINES])
        self.anchor()

    def on_focus(self) -> None:
        self._mark(self.lines[-1] if self.lines else None)

    def on_blur(self) -> None:
        self._mark(None)

    def _mark(self, current: TranscriptLine | None) -> None:
        for line in self.lines:
            line.set_class(line is current, "-current")
        self._current = current
        if current is not None:
            current.scroll_visible(animate=False)

    def action_move(self, by: int) -> None:
        lines = self.lines
        if self._current in lines:
            self._mark(lines[max(0, min(lines.index(self._current) + by, len(lines) - 1))])

    def action_copy(self) -> None:
        if self._current is not None:
            self.copy(self._current)

    def action_take(self) -> None:
        if self._current is not None:
            self.post_message(self.Typed(self._current.plain_text))

    def action_edit(self) -> None:
        if self._current is not None:
            self.post_message(self.EditWanted(self._current.turn))

    def on_key(self, event: events.Key) -> None:
        """Passes on letters that are not bound here: they belong to the text being written."""
        character = event.character
        is_bound = event.key in self.screen.active_bindings
        if character and character.isprintable() and not is_bound:
            event.stop()
            self.post_message(self.Typed(character))

    def copy(self, line: TranscriptLine) -> None:
        """Copies a line. Not all terminals support that, so the toast names another way."""
        self.app.copy_to_clipboard(line.plain_text)
        start = shorten(" ".join(line.plain_text.split()), 30)
        self.host.notify_user(f"copied “{start}”. If pasting does not work, F5 saves the lines")

    def copy_last(self) -> None:
        if self.lines:
            self.copy(self.lines[-1])
        else:
            self.host.notify_user("there is no line to copy yet")

    async def restore(self) -> None:
        """Shows the stored turns. Raises StorageError."""
        await self.transcript.load()
        await self.fill(self.transcript.turns)

    async def send(self, line: str) -> None:
        """Adds a line of the user, and continues it if that is switched on."""
        turn = self.transcript.add_line(line, self.host.active_name)
        self.post_message(self.LinesChanged())
        await self.add(turn)
        if self.host.preferences.continue_lines:
            self._begin_continuation(turn)

    async def change(self, turn: Turn, line: str) -> None:
        """Replaces the line of a turn; an empty line deletes the turn."""
        if turn not in self.transcript.turns:  # cleared in the meantime
            if line:
                await self.send(line)
            return
        if line == turn.line:
            return
        self.transcript.change_line(turn, line)
        self.post_message(self.LinesChanged())
        old = [shown for shown in self.lines if shown.turn is turn]
        if line and old:
            await self.mount(TranscriptLine(turn), before=old[0])
        await self.remove_children(old)
        self.can_focus = bool(self.lines)

    def continue_last(self) -> None:
        """Lets the model continue the last line, even if it has a continuation."""
        if self.host.loaded_model is None:
            self.host.notify_user("no model can continue the line: F3 trains one", "warning")
        elif not self.transcript.turns:
            self.host.notify_user("send a line first: Enter")
        else:
            self._begin_continuation(self.transcript.turns[-1])

    def _begin_continuation(self, turn: Turn) -> None:
        if (loaded_model := self.host.loaded_model) is not None:
            # The lines above are read here: they may be cleared while the model works.
            *above, last = (*self.transcript.previous_lines(turn), *turn.line.splitlines())
            self._continue(loaded_model, turn, tuple(above), last)

    @work(group="continuation")
    async def _continue(
        self, loaded_model: LoadedModel, turn: Turn, above: tuple[str, ...], line: str
    ) -> None:
        again = bool(turn.continuations)
        words, sampled = await self._predictor.continuation(loaded_model, line, above, again=again)
        if not words:
            self.host.notify_user(f"{loaded_model.name} has nothing to add to this line")
            return
        copied = await asyncio.to_thread(self._copies.copied, loaded_model, line, words)
        text = continued(loaded_model, line, words)
        continuation = Continuation(text, loaded_model.name, sampled, copied)
        self.transcript.add_continuation(turn, continuation)
        if self.app.is_running:
            await self.add(turn, continuation)

    @work(group="dialog")
    async def clear(self) -> None:
        """Asks whether to delete all lines."""
        from rnnlm_tui.tui.widgets.dialogs import Confirm

        count = self.transcript.count
        if not count:
            self.host.notify_user("the transcript is empty")
            return
        text = f"It has {plural(count, 'line')}. This cannot be undone."
        if await self.host.ask(Confirm("Clear the transcript?", text, yes="Clear")):
            self.transcript.clear()
            await self.fill([])
            self.post_message(self.LinesChanged())
            self.host.notify_user("the transcript was cleared")

    @work(group="dialog")
    async def save(self) -> None:
        """Asks for a file and writes the transcript to it."""
        from rnnlm_tui.tui.widgets.dialogs import AskPath

        title, text, name = "Save the transcript", "as a text file", "transcript.txt"
        dialog = AskPath(title, text, name, check=_check_new, for_new_file=True)
        chosen = await self.host.ask(dialog)
        if chosen is not None:
            with self.host.showing_errors():
                await self.transcript.export(Path(chosen))
                self.host.notify_user(f"the transcript was saved to {chosen}")


def _check_new(path: str) -> str | None:
    return "this file already exists: name another" if Path(path).exists() else None


def _with_copies(body: Content, copied: tuple[Copied, ...]) -> Content:
    """Underlines the copied words of a line, and adds the numbers of the lines they come from."""
    words = list(re.finditer(r"[^ ]+", body.plain))
    spans = [s for s in copied if s.start >= 0 and 0 < s.length <= len(words) - s.start]
    for span in spans:
        last = words[span.start + span.length - 1]
        body = body.stylize("underline", words[span.start].start(), last.end())
    if not spans:
        return body
    numbers = dict.fromkeys(str(span.line_number) for span in spans)
    lines = "line" if len(numbers) == 1 else "lines"
    return body + Content.styled(f"  = {lines} {', '.join(numbers)} of its text", "dim not italic")
