"""The transcript on the screen, and what is done with it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from rnnlm_tui.formatting import plural
from rnnlm_tui.tui.session.database import SessionDatabase
from rnnlm_tui.tui.session.turns import Continuation, Turn
from rnnlm_tui.tui.writing.host import WritingHost
from rnnlm_tui.tui.writing.insights import CopyFinder
from rnnlm_tui.tui.writing.predictor import LoadedModel, Predictor
from rnnlm_tui.tui.writing.transcript import Transcript
from rnnlm_tui.tui.writing.transcript_view import TranscriptView

TEMPERATURE = 0.8
"""How freely another continuation is drawn: below 1 the likelier words come more often."""


class Conversation(Vertical):
    """Takes the lines that are sent, has the active model continue them, and saves or clears them.

    Each turn is a line of the user's and its continuations.
    """

    class Changed(Message):
        """There are other lines above the one being written."""

    def __init__(self, database: SessionDatabase, predictor: Predictor) -> None:
        super().__init__()
        self.transcript = Transcript(database)
        self.view = TranscriptView()
        self._predictor = predictor
        self._copies = CopyFinder(lambda: self.host.library)

    @property
    def host(self) -> WritingHost:
        return cast(WritingHost, self.app)

    def compose(self) -> ComposeResult:
        yield self.view

    async def restore(self) -> None:
        """Shows what was kept. Raises StorageError."""
        await self.transcript.load()
        await self.view.fill(self.transcript.turns)

    async def send(self, line: str) -> None:
        """Adds a line of the user's, and has it continued."""
        turn = self.transcript.add_line(line)
        self.post_message(self.Changed())
        await self.view.add(turn)
        self._begin_continuation(turn, temperature=0.0)

    def draw_another(self) -> None:
        """Continues the last line once more, by chance."""
        if self.host.loaded_model is None:
            message = "there is no model to continue the line: F3 trains one"
            self.host.notify_user(message, "warning")
        elif not self.transcript.turns:
            self.host.notify_user("send a line first: Enter")
        else:
            self._begin_continuation(self.transcript.turns[-1], TEMPERATURE)

    def _begin_continuation(self, turn: Turn, temperature: float) -> None:
        if (loaded_model := self.host.loaded_model) is not None:
            # The lines above are those of now: they may be cleared while the model works.
            above = self.transcript.previous_lines(turn)
            self._continue(loaded_model, turn, above, temperature)

    @work(group="continuation")
    async def _continue(
        self, loaded_model: LoadedModel, turn: Turn, above: tuple[str, ...], temperature: float
    ) -> None:
        words = await self._predictor.continuation(loaded_model, turn.line, above, temperature)
        if not words:
            self.host.notify_user(f"{loaded_model.name} has nothing to add to this line")
            return
        copied = await asyncio.to_thread(self._copies.copied, loaded_model, turn.line, words)
        continuation = Continuation(" ".join(words), loaded_model.name, temperature > 0, copied)
        self.transcript.add_continuation(turn, continuation)
        if self.app.is_running:
            await self.view.add(turn, continuation)

    def copy_last(self) -> None:
        if self.view.lines:
            self.view.copy(self.view.lines[-1])
        else:
            self.host.notify_user("there is no line to copy yet")

    @work(group="dialog")
    async def clear(self) -> None:
        """Forgets all lines, after a question."""
        from rnnlm_tui.tui.widgets.dialogs import Confirm

        count = self.transcript.next_number - 1
        if not count:
            self.host.notify_user("the transcript is empty")
            return
        text = f"It has {plural(count, 'line')}. This cannot be undone."
        if await self.host.ask(Confirm("Clear the transcript?", text, yes="Clear")):
            self.transcript.clear()
            await self.view.fill([])
            self.post_message(self.Changed())
            self.host.notify_user("the transcript is cleared")

    @work(group="dialog")
    async def save(self) -> None:
        """Asks for a file and writes the transcript into it."""
        from rnnlm_tui.tui.widgets.dialogs import AskPath

        title, text, name = "Save the transcript", "as a text file", "transcript.txt"
        chosen = await self.host.ask(
            AskPath(title, text, name, check=_check_new, for_new_file=True)
        )
        if chosen is not None:
            with self.host.showing_errors():
                await self.transcript.export(Path(chosen))
                self.host.notify_user(f"the transcript is in {chosen}")


def _check_new(path: str) -> str | None:
    return "this file exists already: name another" if Path(path).exists() else None
