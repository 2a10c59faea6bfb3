"""Writing, without the suggestions: lines that are sent, continued, copied and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from textual import on, work
from textual.content import Content

from rnnlm_tui.errors import StorageError
from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.tui.session.draft import DraftKeeper
from rnnlm_tui.tui.widgets.base_screen import AppScreen
from rnnlm_tui.tui.writing.editor import LineEditor
from rnnlm_tui.tui.writing.host import WritingHost
from rnnlm_tui.tui.writing.insights import Insights
from rnnlm_tui.tui.writing.predictor import Answer, LoadedModel, Predictor
from rnnlm_tui.tui.writing.transcript import Continuation, Transcript, Turn
from rnnlm_tui.tui.writing.transcript_view import TranscriptLine, TranscriptView

CONTINUATION_WORDS = 10
PREVIOUS_LINES = 20
"""Lines above that a model which carries lines is given: more of them change little."""
TEMPERATURE = 0.8
"""How freely another continuation is drawn: below 1 the likelier words come more often."""


class WritingScreen(AppScreen):
    """The transcript and the line below it, which are kept over restarts and crashes.

    Each turn is a line of the user's and what models have made of it.
    """

    def __init__(self, transcript: Transcript) -> None:
        super().__init__()
        self.transcript = transcript
        self.editor = LineEditor(self.ask)
        self._predictor = Predictor(self.show_answer)
        self.insights = Insights(lambda: self.host.library)
        self._draft = DraftKeeper(transcript.keep_draft, self._not_kept)
        self._line_number = 1
        self._sent_keys = 0
        self._sent_saved = 0

    @property
    def host(self) -> WritingHost:
        """The app."""
        return cast(WritingHost, self.app)

    def ask(self) -> bool:
        """The line or the cursor has changed. Whether an answer will come."""
        raise NotImplementedError

    def show_answer(self, answer: Answer) -> None:
        """Shows an answer."""
        raise NotImplementedError

    def active_model_changed(self) -> None:
        """Another model suggests from now on, or the same as it was saved anew, or none does."""
        raise NotImplementedError

    def show_empty_state(self) -> None:
        """Where no model suggests: how to come by one."""
        raise NotImplementedError

    async def on_mount(self) -> None:
        """Starts answering, and shows what was kept."""
        self.editor.ghost_on = self.host.preferences.ghost
        self.run_worker(self._predictor.run(), group="predictor")
        self.editor.focus()
        await self._restore()
        self.active_model_changed()

    def on_unmount(self) -> None:
        """Ends the threads: the one that asks models, and once the line is kept the other."""
        self._predictor.close()
        with self._not_lost():
            self._draft.close()

    async def _restore(self) -> None:
        try:
            draft = self.transcript.load()
        except StorageError as error:
            self.host.show_error(error)
            return
        turns = self.transcript.turns
        self._line_number = len(turns) + 1
        self.editor.earlier_lines = [turn.line for turn in turns]
        await self.query_one(TranscriptView).fill(turns)
        if draft and not self.editor.line:
            self.editor.set_line(draft)

    @property
    def line_in_hand(self) -> str:
        """The line being written, else the one sent last, else none."""
        turns = self.transcript.turns
        return self.editor.line.strip() or (turns[-1].line if turns else "")

    def _previous_lines(self, turn: Turn | None = None) -> tuple[str, ...]:
        """The lines above the one being written, or above `turn`, for a model that carries them."""
        turns = self.transcript.turns
        end = len(turns) if turn is None else turns.index(turn)
        return tuple(turn.line for turn in turns[max(0, end - PREVIOUS_LINES) : end])

    def _title_editor(self) -> None:
        loaded_model = self.host.loaded_model
        who = f" · {loaded_model.name} suggests" if loaded_model else ""
        self.editor.border_title = Content(sanitize(f"line {self._line_number}{who}"))

    # Sending and continuing

    @on(LineEditor.Changed)
    def _keep_draft(self) -> None:
        self._draft.keep(self.editor.line)

    def _not_kept(self, error: StorageError) -> None:
        self.host.show_error_once(error)

    @contextmanager
    def _not_lost(self) -> Iterator[None]:
        """What cannot be saved stays on the screen; the user is told once."""
        try:
            yield
        except StorageError as error:
            self._not_kept(error)

    @on(LineEditor.Sent)
    async def _send(self, event: LineEditor.Sent) -> None:
        if event.line == "/clear":
            await self._clear_transcript()
            return
        self._sent_keys += event.written
        self._sent_saved += event.saved
        with self._not_lost():
            self.transcript.add_line(event.line)
        turn = self.transcript.turns[-1]
        self.editor.earlier_lines.append(event.line)
        self.editor.ask_again()  # there is another line above now
        self.show_empty_state()
        self._line_number += 1
        self._title_editor()
        await self.query_one(TranscriptView).add_turn(turn)
        self._continue(turn, temperature=0.0)

    def _continue(self, turn: Turn, temperature: float) -> None:
        loaded_model = self.host.loaded_model
        if loaded_model is not None:
            self._continued(loaded_model, turn, temperature)

    @work(group="continuation")
    async def _continued(self, loaded_model: LoadedModel, turn: Turn, temperature: float) -> None:
        words = await self._predictor.continuation(
            loaded_model,
            turn.line,
            self._previous_lines(turn),
            words=CONTINUATION_WORDS,
            temperature=temperature,
        )
        if not words:
            self.host.notify_user(f"{loaded_model.name} has nothing to add to this line")
            return
        copied = await asyncio.to_thread(self.insights.copied, loaded_model, words)
        continuation = Continuation(" ".join(words), loaded_model.name, temperature > 0, copied)
        with self._not_lost():
            self.transcript.add_continuation(turn, continuation)
        if self.app.is_running:
            await self.query_one(TranscriptView).add_continuation(turn, continuation)

    def action_another(self) -> None:
        """Continues the last line anew, by chance."""
        if self.host.loaded_model is None:
            self.host.notify_user(
                "there is no model to continue the line: F3 trains one", "warning"
            )
        elif not self.transcript.turns:
            self.host.notify_user("send a line first: Enter")
        else:
            self._continue(self.transcript.turns[-1], TEMPERATURE)

    def action_move_pane(self) -> None:
        """Goes from the line to the transcript, or back."""
        view = self.query_one(TranscriptView)
        (self.editor if view.has_focus or not view.can_focus else view).focus()

    def action_copy_last(self) -> None:
        """Copies the newest line of the transcript."""
        lines = self.query_one(TranscriptView).lines
        if lines:
            self._copy(lines[-1].plain_text)
        else:
            self.host.notify_user("there is no line to copy yet")

    @on(TranscriptLine.Clicked)
    @on(TranscriptView.Copied)
    def _copy_line(self, event: TranscriptLine.Clicked | TranscriptView.Copied) -> None:
        self._copy(event.text)

    def _copy(self, text: str) -> None:
        self.app.copy_to_clipboard(text)
        self.host.notify_user(
            "sent to the terminal's clipboard, which the terminal must allow. If a paste brings"
            " something else: F5 saves the transcript to a file"
        )

    @on(TranscriptView.Taken)
    def _take_line(self, event: TranscriptView.Taken) -> None:
        self.editor.set_line(event.text)
        self.editor.focus()

    @on(TranscriptView.Left)
    def _back_to_line(self) -> None:
        self.editor.focus()

    @work(group="dialog")
    async def action_clear_transcript(self) -> None:
        """Forgets all lines, after a question."""
        from rnnlm_tui.tui.widgets.dialogs import Confirm

        count = len(self.transcript.turns)
        if not count:
            return
        question = (
            f"{plural(count, 'line')}, and what the models made of them, cannot be brought back."
        )
        if await self.host.ask(Confirm("Clear the transcript?", question, yes="Clear")):
            await self._clear_transcript()

    async def _clear_transcript(self) -> None:
        with self.host.showing_errors():
            self.transcript.clear()
        self._line_number = 1
        self.editor.earlier_lines.clear()
        self.editor.ask_again()
        self.editor.focus()
        await self.query_one(TranscriptView).fill([])
        self.show_empty_state()
        self._title_editor()
        self.host.notify_user("the transcript is cleared")

    @work(group="dialog")
    async def action_save_transcript(self) -> None:
        """Asks for a file and writes the transcript into it."""
        from rnnlm_tui.tui.widgets.dialogs import AskPath

        asked = AskPath(
            "Save the transcript",
            "as a text file",
            "transcript.txt",
            check=_new_file,
            for_new_file=True,
        )
        chosen = await self.host.ask(asked)
        if chosen is None:
            return
        path = Path(chosen).expanduser()
        with self.host.showing_errors():
            await asyncio.to_thread(self.transcript.export, path)
            self.host.notify_user(f"the transcript is in {path}")


def _new_file(path: str) -> str | None:
    """What is wrong with the path of a file to be written; None where it will do."""
    return "there is such a file already: name another" if Path(path).exists() else None
