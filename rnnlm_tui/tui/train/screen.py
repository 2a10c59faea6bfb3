"""The Train screen: the form with the data card, or a run."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Collapsible, Static

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.train.data_card import DataCard
from rnnlm_tui.tui.train.form import COUNTING, TrainForm
from rnnlm_tui.tui.train.run_pane import RunPane, train_key
from rnnlm_tui.tui.train.summary import prospect
from rnnlm_tui.tui.widgets.base_screen import AppScreen, TooSmall
from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.key_bar import KeyBar

PAINT_EVERY_S = 0.5
ACTIONS = ("start", "back")


class TrainScreen(AppScreen):
    """Shows the form and the data card to prepare a training, or a run.

    The card is under "more" in the form, or next to the form on a wide screen.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        train_key("f5", "start", "train", "Start the training; with the settings in the form"),
        train_key("escape", "back", "back", "Go back to the form or to the run"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    TrainScreen {
        #prepare { height: 1fr; padding-right: 1; scrollbar-size-vertical: 1; }
        TrainForm { height: auto; }
        DataCard { display: none; margin-top: 1; }
        &.-more DataCard { display: block; }
        #below-form, #start-line { height: auto; }
        #start-line { padding: 0 1; }
        #start-line Button { margin-right: 2; }
        #prospect { width: 1fr; height: auto; min-height: 3; max-height: 5; }
        #prospect.-wrong { color: $text-error; }
        RunPane { display: none; }
        &.-run #prepare, &.-run #below-form { display: none; }
        &.-run RunPane { display: block; }
        &.-wide #prepare { layout: horizontal; overflow: hidden; }
        &.-wide TrainForm { width: 1fr; height: 1fr; overflow-y: auto; }
        &.-wide DataCard { display: block; width: 1fr; height: 1fr; margin: 0 0 0 1; }
        &.-wide #run-panes { layout: horizontal; }
        &.-wide #run-left { width: 7fr; min-width: 78; height: 1fr; }
        &.-wide #log { width: 4fr; height: 1fr; }
        &.-tall #epochs { height: 45%; }
        #sources:ansi:focus > .-selected > .toggle--label { text-style: bold underline; }
        CollapsibleTitle:ansi:focus { text-style: bold underline; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._training: FollowedRun | None = None
        """The app's own run, if it was running when the form was drawn."""

    def compose(self) -> ComposeResult:
        yield Header()
        with VerticalScroll(id="prepare", can_focus=False):
            yield TrainForm()
            yield DataCard()
        with Vertical(id="below-form"), Horizontal(id="start-line"):
            yield Button("Train", variant="primary", id="train", compact=True)
            yield Static("", id="prospect", markup=False)
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
        self.set_interval(PAINT_EVERY_S, self._paint)

    def on_screen_resume(self) -> None:
        if self.is_mounted:
            self._form.refresh_texts()
            self._paint()

    @property
    def _form(self) -> TrainForm:
        return self.query_one(TrainForm)

    def show_form(self) -> None:
        """Shows the form as it was left, and checks whether the name is still free."""
        self.remove_class("-run")
        self._form.check(again=True)
        self._form.query_one("#sources").focus()

    def show_run(self) -> None:
        self.add_class("-run")
        self.run_pane.query_one("#epochs").focus()
        self._paint()

    def _paint(self) -> None:
        """Draws the run, or the form if the app's own run has started or ended."""
        if not self.is_current:
            return
        if self.is_run_shown and self.run_pane.run is None:  # its model was deleted
            self.show_form()
        self.run_pane.paint()
        if not self.is_run_shown and self._training is not self.app.runs.training:
            self._form.check(again=True)
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
                is_possible = self._form.error is None and self.app.runs.training is None
                return True if is_possible else None
        return self._run_behind is not None

    # The form

    @on(Collapsible.Toggled)
    def _more_toggled(self, event: Collapsible.Toggled) -> None:
        self.set_class(not event.collapsible.collapsed, "-more")

    @on(TrainForm.Changed)
    def _refresh_form(self) -> None:
        summary, why = self._form.summary, self._form.problem
        if why != COUNTING:  # until then the card shows what was counted last
            self.query_one(DataCard).show(summary)
            if self._form.starts_once_counted:
                self.action_start()
        self._training = self.app.runs.training
        if self._training is not None and why in (None, COUNTING):
            why = f"{self._training.name} is training: wait for its end, or stop it (Esc shows it)"
        is_wrong = why not in (None, COUNTING)
        text = "counting ..." if summary is None else prospect(summary)
        text = f"! {sanitize(why or '')}" if is_wrong else text
        shown = self.query_one("#prospect", Static)
        if Content(text) != shown.content:  # else the screen is laid out again at each key
            shown.update(Content(text))
        shown.set_class(is_wrong, "-wrong")
        self.query_one("#train", Button).disabled = is_wrong
        self.refresh_bindings()

    def action_back(self) -> None:
        """Switches between the form and the run."""
        if self.is_run_shown:
            self.show_form()
        elif self._run_behind is not None:
            self.app.runs.show_own()
            self.show_run()

    @property
    def _run_behind(self) -> FollowedRun | None:
        """The run that "back" shows from the form: the app's own if it is running."""
        return self.app.runs.training or self.app.runs.shown

    @on(Button.Pressed, "#train")
    def action_start(self) -> None:
        """Starts the training, at once or when its text is counted."""
        form = self._form
        form.check()  # a field may have changed just now
        form.starts_once_counted = form.problem == COUNTING
        if form.summary is not None:
            name = form.summary.name
            arguments = (*form.arguments(), f"--name={name}")
            form.store_files()
            self.run_pane.start(TrainArguments(arguments, name, form.seed_line))
