"""The chat: the transcript, the line being written with its ghost, the ranked words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from rnnlm_tui.errors import StorageError
from rnnlm_tui.printing import printable
from rnnlm_tui.tui.draft import DraftKeeper
from rnnlm_tui.tui.predictor import Answer, Predictor, Question, Speaker
from rnnlm_tui.tui.screens.base import AppScreen
from rnnlm_tui.tui.transcript import Continuation, Transcript, Turn
from rnnlm_tui.tui.widgets.candidates import CandidateList, Row
from rnnlm_tui.tui.widgets.fixed_text import FixedText
from rnnlm_tui.tui.widgets.line_editor import LineEditor
from rnnlm_tui.tui.widgets.side_pane import SidePane
from rnnlm_tui.tui.widgets.transcript_view import TranscriptLine, TranscriptView

CONTINUATION_WORDS = 10
CANDIDATES = 10
TEMPERATURE = 0.8
"""How freely another continuation is drawn: below 1 the likelier words come more often."""
EMPTY = """\
There is no model yet that could suggest anything.

Train a first one on Shakespeare's sonnets, which takes about a minute, or a model of your own on \
a text of yours. You can write meanwhile."""
COMING = "{} is being trained: F3 shows it. Its first words come after an epoch; write meanwhile."


class AutocompleteScreen(AppScreen):
    """Where one writes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "another", "another", id="autocomplete.another",
                tooltip="Another continuation of the last line, drawn by chance"),
        Binding("ctrl+t", "toggle_ghost", "ghost", id="autocomplete.toggle_ghost",
                tooltip="Switch the ghost off or on"),
        Binding("f7", "copy_last", "copy", id="autocomplete.copy_last",
                tooltip="Copy the last line of the transcript"),
        Binding("f6", "move_pane", "pane", id="autocomplete.move_pane",
                tooltip="Move between the line and the transcript", show=False),
        Binding("f5", "save_transcript", "Save transcript", show=False,
                id="autocomplete.save_transcript",
                tooltip="Save the transcript to a file"),
        Binding("f8", "clear_transcript", "Clear transcript", show=False,
                id="autocomplete.clear_transcript",
                tooltip="Clear the transcript, after a question; /clear and Enter does it at once"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    AutocompleteScreen {
        #upper { height: 1fr; }
        #side { display: none; }
        #lower { height: 5; }
        #lower CandidateList { width: 1fr; }
        #ahead { width: 1fr; height: 5; padding: 0 1; color: $text-muted; }
        #sees, #figures { height: 1; padding: 0 1; color: $text-muted; }
        #empty { height: auto; padding: 1 2; display: none; }
        #empty Static { max-width: 72; height: auto; }
        #empty Button { margin: 1 1 0 0; }
        #empty Horizontal { height: auto; }
        &.-no-model #empty { display: block; }
        &.-coming #empty Horizontal { display: none; }
        &.-has-lines #empty { padding: 0 2; }
        &.-has-lines #empty Button { margin: 0 1 0 0; }
        &.-has-lines.-no-model #empty Static { display: none; }
        &.-has-lines.-coming #empty Static { display: block; }
        &.-wide #side { display: block; }
        &.-wide #lower { display: none; }
    }
    """

    def __init__(self, transcript: Transcript) -> None:
        super().__init__()
        self.transcript = transcript
        self._predictor = Predictor(self._show_answer)
        self._draft = DraftKeeper(transcript.keep_draft, self._not_kept)
        self._answer: Answer | None = None
        self._line_number = 1
        self._sent_keys = 0
        self._sent_saved = 0
        self.editor = LineEditor(self._ask)

    def compose_body(self) -> Iterable[Widget]:
        """The transcript and the list, the strip, the line, the list again, the figures."""
        with Horizontal(id="upper"):
            with Vertical():
                with Vertical(id="empty"):
                    yield Static(EMPTY, markup=False)
                    with Horizontal():
                        yield Button("Train on the sonnets", id="first-model", variant="primary")
                        yield Button("Train on my text", id="own-model")
                yield TranscriptView(id="transcript")
            yield SidePane(id="side")
        yield FixedText("sees")
        yield self.editor
        with Horizontal(id="lower"):
            yield CandidateList(id="list")
            yield FixedText("ahead")
        yield FixedText("figures")

    async def on_mount(self) -> None:
        """Starts answering, and shows what was kept."""
        self.editor.ghost_on = self.host.preferences.ghost
        self.run_worker(self._predictor.run(), group="predictor")
        self.editor.focus()
        await self._restore()
        self.speaker_changed()

    def on_unmount(self) -> None:
        """Ends the threads: the one that asks models, and once the line is kept the other."""
        self._predictor.close()
        with self._not_lost():
            self._draft.close()

    async def _restore(self) -> None:
        try:
            draft = self.transcript.load()
        except StorageError as error:
            self.host.explain(error)
            return
        turns = self.transcript.turns
        self._line_number = len(turns) + 1
        self.editor.earlier_lines = [turn.line for turn in turns]
        await self.query_one(TranscriptView).fill(turns)
        if draft and not self.editor.line:
            self.editor.set_line(draft)

    # The model

    @property
    def line_in_hand(self) -> str:
        """The line being written, else the one sent last, else none."""
        turns = self.transcript.turns
        return self.editor.line.strip() or (turns[-1].line if turns else "")

    def speaker_changed(self) -> None:
        """Another model suggests from now on, or the same as it was saved anew, or none does."""
        speaker = self.host.speaker
        self.show_emptiness()
        before = self._answer.question.speaker.name if self._answer else None
        if speaker is not None and speaker.name == before:
            self.editor.ask_again()  # it was saved anew: what is chosen meanwhile stays chosen
        else:
            self._answer = None
            self.editor.forget()
        self._title_editor()
        self.query_one(SidePane).show_model(speaker)
        self._show_state()

    def show_emptiness(self) -> None:
        """Where no model suggests: how to come by one, in few rows once lines were sent."""
        self.set_class(self.host.is_without_models, "-no-model")
        coming = self.host.trained_name
        self.set_class(coming is not None, "-coming")
        self.set_class(bool(self.transcript.turns), "-has-lines")
        text = EMPTY if coming is None else COMING.format(printable(coming))
        self.query_one("#empty Static", Static).update(text)

    def _title_editor(self) -> None:
        speaker = self.host.speaker
        who = f" · {speaker.name} suggests" if speaker else ""
        self.editor.border_title = Content(printable(f"line {self._line_number}{who}"))

    # Questions and answers

    def _ask(self) -> bool:
        """The line or the cursor has changed. Whether an answer will come."""
        speaker = self.host.speaker
        if speaker is None:
            return False
        line, cursor = self.editor.line, self.editor.cursor
        self._predictor.ask(Question(speaker, line, cursor, CANDIDATES))
        return True

    def _show_answer(self, answer: Answer) -> None:
        """Shows an answer, unless it is to an older line or another model's, or the app ends."""
        if not self.app.is_running:
            return
        question, editor = answer.question, self.editor
        now = (self.host.speaker, editor.line, editor.cursor)
        if (question.speaker, question.line, question.cursor) != now:
            return
        self._answer = answer
        found = answer.suggestions
        words = tuple(candidate.word for candidate in found.candidates)
        editor.show(words, found.prefix, found.continuation)
        self._show_state()

    @on(LineEditor.StateChanged)
    def _show_state(self) -> None:
        """The list, the strip and the figures, as the editor and the last answer have them."""
        answer, editor = self._answer, self.editor
        rows: tuple[Row, ...] = ()
        if answer is not None and not editor.is_hidden:
            rows = tuple(Row(c.word, c.probability) for c in answer.suggestions.candidates)
        typed = len(answer.suggestions.prefix) if answer else 0
        for name in ("#list", "#side-list"):
            self.query_one(name, CandidateList).show(rows, typed, editor.choice, self._note())
        ahead = printable(" ".join(answer.suggestions.continuation)) if answer and rows else ""
        shown = f"Tab, Tab ...: {ahead}" if ahead else ""
        self.query_one("#ahead", FixedText).show(shown)
        self.query_one(SidePane).show_answer(answer if rows else None, ahead)
        sees = what_it_sees(answer, max(10, self.size.width - 2)) if answer else Content("")
        self.query_one("#sees", FixedText).show(sees)
        self.query_one("#figures", FixedText).show(self._figures())

    def _note(self) -> str:
        """Why the list is empty."""
        answer = self._answer
        if self.host.speaker is None:
            return "no model suggests" if self.host.is_without_models else "loading the model ..."
        if self.editor.is_hidden:
            return "hidden until the next word; ^Space suggests now"
        if answer and answer.suggestions.prefix and not answer.suggestions.candidates:
            return f"no word that it knows begins with {printable(answer.suggestions.prefix)}"
        return ""

    def _figures(self) -> str:
        """Keys saved, how long the last answer took, and how the ghost stands."""
        editor = self.editor
        written = self._sent_keys + editor.written_keys
        saved = self._sent_saved + editor.saved_keys
        share = f" ({saved / written:.0%})" if written else ""
        took = f" · {self._answer.took_s * 1000:.1f} ms" if self._answer else ""
        ghost = "on" if editor.ghost_on else "off"
        return f"{saved} of {written} keys saved{share}{took} · ghost {ghost} (^T)"

    @on(CandidateList.Picked)
    def _insert_picked(self, event: CandidateList.Picked) -> None:
        self.editor.insert_candidate(event.index)
        self.editor.focus()

    # Sending and continuing

    @on(LineEditor.Changed)
    def _keep_draft(self) -> None:
        self._draft.keep(self.editor.line)

    def _not_kept(self, error: StorageError) -> None:
        self.host.explain_once(error)

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
        self.show_emptiness()
        self._line_number += 1
        self._title_editor()
        await self.query_one(TranscriptView).add_turn(turn)
        self._continue(turn, temperature=0.0)

    def _continue(self, turn: Turn, temperature: float) -> None:
        speaker = self.host.speaker
        if speaker is not None:
            self._continued(speaker, turn, temperature)

    @work(group="continuation")
    async def _continued(self, speaker: Speaker, turn: Turn, temperature: float) -> None:
        ask = partial(continuation_of, speaker, turn.line, temperature)
        text = await self._predictor.in_thread(ask)
        if not text:
            self.host.tell(f"{speaker.name} has nothing to add to this line")
            return
        continuation = Continuation(text, speaker.name, sampled=temperature > 0)
        with self._not_lost():
            self.transcript.add_continuation(turn, continuation)
        if self.app.is_running:
            await self.query_one(TranscriptView).add_continuation(turn, continuation)

    def action_another(self) -> None:
        """Continues the last line anew, by chance."""
        if self.host.speaker is None:
            self.host.tell("there is no model to continue the line: F3 trains one", "warning")
        elif not self.transcript.turns:
            self.host.tell("send a line first: Enter")
        else:
            self._continue(self.transcript.turns[-1], TEMPERATURE)

    # Other actions

    def action_toggle_ghost(self) -> None:
        """Switches the ghost off or on, at the next start too."""
        self.editor.toggle_ghost()
        self.host.preferences.ghost = self.editor.ghost_on
        self.host.keep_preferences()

    def action_move_pane(self) -> None:
        """Goes from the line to the transcript, or back."""
        view = self.query_one(TranscriptView)
        (self.editor if view.has_focus else view).focus()

    def action_copy_last(self) -> None:
        """Copies the newest line of the transcript."""
        lines = self.query_one(TranscriptView).lines
        if lines:
            self._copy(lines[-1].plain_text)
        else:
            self.host.tell("there is no line to copy yet")

    @on(TranscriptLine.Clicked)
    @on(TranscriptView.Copied)
    def _copy_line(self, event: TranscriptLine.Clicked | TranscriptView.Copied) -> None:
        self._copy(event.text)

    def _copy(self, text: str) -> None:
        self.app.copy_to_clipboard(text)
        self.host.tell(
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
        from rnnlm_tui.tui.screens.dialogs import Confirm

        count = len(self.transcript.turns)
        if not count:
            return
        question = f"{count} lines, and what the models made of them, cannot be brought back."
        if await self.app.push_screen_wait(Confirm("Clear the transcript?", question, yes="Clear")):
            await self._clear_transcript()

    async def _clear_transcript(self) -> None:
        with self.host.explained():
            self.transcript.clear()
        self._line_number = 1
        self.editor.earlier_lines.clear()
        await self.query_one(TranscriptView).fill([])
        self._title_editor()
        self.host.tell("the transcript is cleared")

    @work(group="dialog")
    async def action_save_transcript(self) -> None:
        """Asks for a file and writes the transcript into it."""
        from rnnlm_tui.tui.screens.dialogs import AskPath

        asked = AskPath(
            "Save the transcript",
            "as a text file",
            "transcript.txt",
            check=_new_file,
            for_new_file=True,
        )
        chosen = await self.app.push_screen_wait(asked)
        if chosen is None:
            return
        path = Path(chosen).expanduser()
        with self.host.explained():
            await asyncio.to_thread(self.transcript.export, path)
            self.host.tell(f"the transcript is in {path}")

    @on(Button.Pressed, "#first-model")
    def _train_first_model(self) -> None:
        self.host.train_first_model()
        self.editor.focus()

    @on(Button.Pressed, "#own-model")
    def _train_own_model(self) -> None:
        self.host.show_mode("train")


def _new_file(path: str) -> str | None:
    """What is wrong with the path of a file to be written; None where it will do."""
    return "there is such a file already: name another" if Path(path).exists() else None


def continuation_of(speaker: Speaker, line: str, temperature: float) -> str:
    """The next ten words of the line."""
    from rnnlm_tui.suggest import continue_line

    words = continue_line(speaker.model, line, CONTINUATION_WORDS, temperature=temperature)
    return " ".join(words)


def what_it_sees(answer: Answer, width: int) -> Content:
    """What the model has taken into account, and at the right what it does not know."""
    found, window = answer.suggestions, answer.question.speaker.model.window
    unknown = Content(f"unknown: {printable(', '.join(found.unknown)) or '-'}")
    unknown = unknown.truncate(width // 2, ellipsis=True)
    head = f"the model sees {len(found.seen)} of {window} words: "
    room = width - len(head) - unknown.cell_length - len("|  | ")
    seen = Content(printable(" ".join(found.seen)))
    if seen.cell_length > room:  # the end of the line matters most
        tail = seen.plain
        while tail and Content(tail).cell_length > room - 2:
            tail = tail[max(1, len(tail) // 16) :]
        seen = Content(f"… {tail}")
    left = Content.assemble(head, "| ", seen, " |")
    gap = " " * max(1, width - left.cell_length - unknown.cell_length)
    return Content.assemble(left, gap, unknown)
