"""The Train screen: the form of a training, or a run."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Button, Static

from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.train.form import TrainForm
from rnnlm_tui.tui.train.run_pane import RunPane, train_key
from rnnlm_tui.tui.widgets.base_screen import AppScreen
from rnnlm_tui.tui.widgets.inputs import sanitize_lines

PAINT_EVERY_S = 0.5
"""Seconds after which a run is drawn again."""


class TrainScreen(AppScreen):
    """Shows the form of a training, or a run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        train_key("f5", "start", "start", "Start the training; with the settings in the form"),
        train_key("escape", "back", "the run", "Go back to the run"),
        Binding("tab", "app.focus_next", "next", id="train.next",
                tooltip="Go to the next field; or to the next list of a run"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    TrainScreen {
        RunPane { display: none; }
        &.-run TrainForm { display: none; }
        &.-run RunPane { display: block; }
        &.-wide TrainForm { layout: horizontal; overflow: hidden; }
        &.-wide #fields, &.-wide #preview { width: 1fr; height: 1fr; }
        &.-wide #run-top { height: 5fr; }
        &.-wide #run-bottom { height: 4fr; layout: horizontal; }
        &.-wide #epochs { width: 7fr; height: 1fr; }
        &.-wide #log { width: 5fr; height: 1fr; margin-left: 1; }
        #sources:ansi:focus > .-selected > .toggle--label { text-style: bold underline; }
        CollapsibleTitle:ansi:focus { text-style: bold underline; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.form, self.run_pane = TrainForm(), RunPane()
        self._seen: FollowedRun | None = None
        """The run that was shown here last. F8 on the Autocomplete screen starts others."""

    def compose_body(self) -> ComposeResult:
        yield self.form
        yield self.run_pane

    @property
    def is_run_shown(self) -> bool:
        return self.has_class("-run")

    def on_mount(self) -> None:
        self.set_interval(PAINT_EVERY_S, self.paint)
        if self.is_current:
            self._show_new_run()

    def on_screen_resume(self) -> None:
        if self.is_mounted:
            self.form.refresh_texts()
            self._show_new_run()
            self.paint()

    def _show_new_run(self) -> None:
        """Shows a run in place of the form if it has begun since this screen was shown last."""
        if self.app.followed_runs.running not in (None, self._seen):
            self.action_back()

    def action_form(self) -> None:
        """Shows the form as it was left, and checks again whether the name of the model is free."""
        self.remove_class("-run")
        self.form.check(again=True)
        self.form.query_one("#sources").focus()

    @work(group="train")
    async def start(self, request: TrainArguments) -> None:
        """Starts a training and shows it."""
        with self.app.showing_errors():
            run = await self.app.followed_runs.start(request)
            self.show_run()
            run.compare_with(self.app.active_name)

    @work(group="train")
    async def watch_run(self, name: str) -> None:
        """Shows a run of another process, or the app's own if it has that name."""
        with self.app.showing_errors():
            await self.app.followed_runs.watch(name)
            self.show_run()

    def show_run(self) -> None:
        self._seen = self.app.followed_runs.shown
        self.add_class("-run")
        self.run_pane.query_one("#epochs").focus()
        self.paint()

    def paint(self) -> None:
        """Draws the run, or else the line below the form, which tells of other runs, too."""
        if not self.is_current:
            return
        if self.is_run_shown and self.run_pane.run is None:  # the model of the run was deleted
            self.action_form()
        if self.is_run_shown:
            self.run_pane.paint()
            self.header.update()  # so that both tell the same share
        else:
            self.form_changed()

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hides the keys of the form while a run is shown, and the key to the run if there is
        none."""
        if action not in ("start", "back") or not self.is_mounted:
            return super().check_action(action, parameters)
        if self.is_run_shown:
            return False
        runs = self.app.followed_runs
        return action == "start" or (runs.running or runs.shown) is not None

    # The form

    @on(TrainForm.Changed)
    def form_changed(self) -> None:
        """Says what the training will do, or why it cannot start. Starts it if it was waiting for
        the summary."""
        summary, problem = self.form.summary, self.form.problem
        if self.form.starts_once_counted and summary is not None:
            self.action_start()
        text = f"! {problem}" if problem else "counting ..."
        if problem is None and summary is not None:  # each warning has a line of its own
            text = "\n! ".join((" ".join(summary.prospect), *summary.warnings))
        shown, content = self.query_one("#prospect", Static), Content(sanitize_lines(text))
        if content != shown.content:  # otherwise each key would lay out the screen again
            shown.update(content)
        shown.set_class(problem is not None, "-wrong")
        self.query_one("#train", Button).disabled = problem is not None
        self.refresh_bindings()

    def action_back(self) -> None:
        self.app.followed_runs.show_running()
        self.show_run()

    @on(Button.Pressed, "#train")
    def action_start(self) -> None:
        """Starts the training, at once or as soon as there is a summary, or says why it cannot
        start."""
        form = self.form
        form.check()  # a field may have changed just now
        form.starts_once_counted = form.summary is None and form.problem is None
        if form.problem is not None:
            self.app.notify_user(form.problem, "warning", topic="form")
        elif form.summary is not None:
            name = form.summary.name
            arguments = (*form.arguments(), f"--name={name}")
            form.store_files()
            self.start(TrainArguments(arguments, name))
