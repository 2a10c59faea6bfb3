"""The Train screen: the form with the data card, or a run."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.store.texts import save_written, texts_folder
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.train.data_card import DataCard
from rnnlm_tui.tui.train.form import COUNTING, NAME_CHECKED, TrainForm
from rnnlm_tui.tui.train.form_content import FormContent
from rnnlm_tui.tui.train.other_runs import OtherRuns
from rnnlm_tui.tui.train.run_pane import RunPane, train_key
from rnnlm_tui.tui.train.summary import cost_line
from rnnlm_tui.tui.widgets.base_screen import AppScreen, TooSmall
from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.key_bar import KeyBar

PAINT_EVERY_S = 0.5
RELOAD_RUNS_EVERY_S = 2.0
ACTIONS = ("start", "open_run", "back", "scroll")


class TrainScreen(AppScreen):
    """Shows the form and the data card to prepare a training, or a run.

    The card is below the form, or next to it on a wide screen.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        train_key("f5", "start", "train", "Start the training; with the settings in the form"),
        train_key("f6", "open_run", "trainings", "Go to the trainings; Enter opens one"),
        train_key("escape", "back", "back", "Go back to the form or to the run"),
        Binding("pagedown", "scroll(1)", "down", id="train.down", show=False,
                tooltip="Scroll down to the data card"),
        Binding("pageup", "scroll(-1)", "up", id="train.up", show=False,
                tooltip="Scroll back up to the form"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    TrainScreen {
        #prepare { height: 1fr; padding-right: 1; scrollbar-size-vertical: 1; }
        TrainForm { height: auto; }
        DataCard { height: auto; }
        #below-form, #start-line { height: auto; }
        #more-below { height: 1; padding: 0 1; color: $text-muted; text-align: right; }
        #start-line { padding: 0 1; }
        #start-line Button { margin-right: 2; }
        #cost { width: 1fr; height: auto; max-height: 4; }
        #cost.-wrong { color: $text-error; }
        RunPane { display: none; }
        &.-run #prepare, &.-run #below-form { display: none; }
        &.-run RunPane { display: block; }
        &.-wide #prepare { layout: horizontal; overflow: hidden; }
        &.-wide TrainForm { width: 1fr; height: 1fr; overflow-y: auto; }
        &.-wide DataCard { width: 1fr; height: 1fr; margin-left: 1; }
        &.-wide #run-panes { layout: horizontal; }
        &.-wide #run-left { width: 7fr; min-width: 77; height: 1fr; }
        &.-wide #run-right { width: 4fr; height: 1fr; }
        &.-wide #samples { height: 2fr; }
        &.-wide #notes { height: 1fr; }
        &.-tall #epochs { height: 45%; }
        #sources:ansi:focus > .-selected > .toggle--label { text-style: bold underline; }
        CollapsibleTitle:ansi:focus { text-style: bold underline; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._training: FollowedRun | None = None
        """The app's own run, if it was running when the form was drawn."""
        self._is_starting = self._starts_once_checked = False
        """The second: whether a training is to be started once its name is checked."""

    def compose(self) -> ComposeResult:
        yield Header()
        with VerticalScroll(id="prepare", can_focus=False):
            yield TrainForm()
            yield DataCard()
        with Vertical(id="below-form"):
            yield Static("▾ more below: PgDn", id="more-below", markup=False)
            yield OtherRuns()
            with Horizontal(id="start-line"):
                yield Button("Train", variant="primary", id="train", compact=True)
                yield Static("", id="cost", markup=False)
        yield RunPane()
        yield KeyBar()
        yield TooSmall()

    @property
    def run_pane(self) -> RunPane:
        return self.query_one(RunPane)

    @property
    def is_run_shown(self) -> bool:
        return self.has_class("-run")

    def on_mount(self) -> None:
        """Starts the timers, which do nothing while another screen is shown."""
        self.set_interval(PAINT_EVERY_S, self._paint)
        self.set_interval(RELOAD_RUNS_EVERY_S, self._reload_runs)

    def on_screen_resume(self) -> None:
        if self.is_mounted:
            self._form.check()
            self._form.read_written()
            self.query_one(OtherRuns).reload()
            self._paint()

    def _reload_runs(self) -> None:
        if self.is_current and not self.is_run_shown:
            self.query_one(OtherRuns).reload()

    @property
    def _form(self) -> TrainForm:
        return self.query_one(TrainForm)

    @on(RunPane.Closed)
    def show_form(self) -> None:
        """Shows the form as it was left, and checks whether the name is still free."""
        self.remove_class("-run")
        self._form.check()
        self._refresh_form()
        self.query_one(OtherRuns).reload()
        self._form.query_one("#sources").focus()

    @on(RunPane.Opened)
    def show_run(self) -> None:
        self.add_class("-run")
        self.run_pane.show()

    def _paint(self) -> None:
        """Draws the run, or the form if the app's own run has started or ended."""
        if not self.is_current:
            return
        self.run_pane.paint()
        self._show_more_below()
        if not self.is_run_shown and self._training is not self.app.runs.training:
            self._form.check()
            self._refresh_form()
        self.refresh_bindings()

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Returns False to hide a key, None to dim it."""
        if action not in ACTIONS or not self.is_mounted:
            return super().check_action(action, parameters)
        if self.is_run_shown:
            return action == "back"
        match action:
            case "start":
                is_possible = self._form.problem in (None, NAME_CHECKED)
                return True if is_possible and self.app.runs.training is None else None
            case "open_run":
                return not self.query_one(OtherRuns).is_empty
            case "scroll":
                return True
        return self._run_behind is not None

    # The form

    @property
    def _scrolled(self) -> VerticalScroll:
        """What is scrolled to see all of the data card: that alone if it is next to the form."""
        return self.query_one("DataCard" if self.has_class("-wide") else "#prepare", VerticalScroll)

    def action_scroll(self, direction: int) -> None:
        """Scrolls by a page, for a focused widget that does not scroll itself."""
        scrolled = self._scrolled
        (scrolled.scroll_page_down if direction > 0 else scrolled.scroll_page_up)()

    def _show_more_below(self) -> None:
        scrolled = self._scrolled
        self.query_one("#more-below").display = scrolled.scroll_y < scrolled.max_scroll_y

    @on(TrainForm.Changed)
    def _refresh_form(self) -> None:
        summary, why = self._form.summary, self._form.problem
        if why == NAME_CHECKED:
            return  # takes only a moment; the button would be drawn twice at each key
        if self._starts_once_checked:
            self.action_start()
        self._training = self.app.runs.training
        if self._training is not None and why in (None, COUNTING):
            why = f"{self._training.name} is training: wait for its end, or stop it (Esc shows it)"
        is_wrong = why not in (None, COUNTING)
        if is_wrong:
            line = Content(f"! {sanitize(why or '')}")
        else:
            line = Content(cost_line(summary) if summary is not None else "counting ...")
        cost = self.query_one("#cost", Static)
        if line != cost.content:
            cost.update(line)
        cost.set_class(is_wrong, "-wrong")
        self.query_one("#train", Button).disabled = why is not None
        self.query_one(DataCard).show(summary)
        self.refresh_bindings()

    def action_back(self) -> None:
        """Switches between the form and the run."""
        if self.is_run_shown:
            self.show_form()
        elif self._run_behind is not None:
            if self._run_behind is self.app.runs.own:
                self.app.runs.show_own()
            self.show_run()

    @property
    def _run_behind(self) -> FollowedRun | None:
        """The run that "back" shows from the form: the app's own if it is running."""
        return self.app.runs.training or self.app.runs.shown

    @on(Button.Pressed, "#train")
    def action_start(self) -> None:
        """Starts the training, if it can start: the button is drawn a moment after a change."""
        why = self._form.problem
        self._starts_once_checked = why == NAME_CHECKED
        if why is None and not self._is_starting:  # else the key was pressed twice
            self._is_starting = True
            self._start(self._form.content)

    @work(group="start")
    async def _start(self, content: FormContent) -> None:
        """Starts the training that the form asks for. A text that was typed is stored as a file
        first."""
        with self.app.showing_errors():
            files = await asyncio.to_thread(self._files_of, content)
            await self.run_pane.begin(content.request(files))
        self._is_starting = False
        self._form.check()
        self.query_one(OtherRuns).reload()

    def _files_of(self, content: FormContent) -> tuple[str, ...]:
        if content.source == "written":
            folder = texts_folder(self.app.library)
            return (str(save_written(folder, content.name, content.written)),)
        return content.paths()

    def action_open_run(self) -> None:
        """Focuses the list of trainings, at once: the next key is for it."""
        self.set_focus(self.query_one(OtherRuns))

    @on(OtherRuns.Opened)
    def _open_run(self, event: OtherRuns.Opened) -> None:
        match event.row.opens:
            case "own":
                self.run_pane.show_own()
            case "watch":
                self.run_pane.follow(event.row.name)
            case "resume":
                self.run_pane.resume(event.row.name)
