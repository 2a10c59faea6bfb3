"""The run on the Train screen: drawn twice a second, and steered by keys and buttons."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Button

from rnnlm_tui.config import all_settings
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.tui.runs.actions import end_actions, first_save, is_allowed, is_saved
from rnnlm_tui.tui.runs.child import TrainingRequest
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.runs.state import Phase
from rnnlm_tui.tui.runs.wording import end_of
from rnnlm_tui.tui.train.run_view import RunView
from rnnlm_tui.tui.widgets.dialogs import AskText, Check, Confirm

if TYPE_CHECKING:
    from rnnlm_tui.store.run_state import RunStatus
    from rnnlm_tui.tui.train.host import TrainHost

MOST_EPOCHS = int(all_settings()["epochs"].metadata["bounds"].high)


def _key(key: str, action: str, text: str, tooltip: str) -> Binding:
    return Binding(key, action, text, id=f"train.{action}", tooltip=tooltip)


class RunPane(Vertical, can_focus=True):
    """Shows the run that the app shows, and does what its keys and buttons say.

    The run belongs to the app. The pane reads its state; while it is hidden it costs nothing.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("p", "pause", "pause/go on", "Pause the training, or let it go on"),
        _key("x", "stop", "stop+keep", "Stop the training and keep the best of it"),
        _key("d", "detach", "background", "Let the training go on when the app is left"),
        _key("w", "write", "write now", "Write with the best that is saved so far"),
        _key("g", "seed", "your line", "Change the line that is continued after each epoch"),
        _key("u", "use", "use it", "Write with the trained model"),
        _key("t", "longer", "longer", "Train it for more epochs"),
        _key("r", "go_on", "resume", "Resume the training where it was saved"),
        _key("c", "compare", "compare", "See it among the other models"),
        _key("n", "again", "new", "Train another model"),
    ]
    DEFAULT_CSS = """
    RunPane { height: 1fr; }
    """

    class Opened(Message):
        """There is a run to show in the place of the form."""

    class Closed(Message):
        """The form is wanted in the place of the run."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._painted: FollowedRun | None = None
        self._ended: object = None
        """The run whose end is drawn, and what became of it since: its name, whether it is gone."""
        self._status: RunStatus | None = None
        """How far the run that is over can be resumed; None if it cannot."""
        self._trainer = ""
        """Who trains the run that is watched."""
        self._is_starting = False
        self._enabled: list[bool | None] = []

    def compose(self) -> ComposeResult:
        yield RunView()

    @property
    def host(self) -> TrainHost:
        return cast("TrainHost", self.app)

    @property
    def run(self) -> FollowedRun | None:
        """The run that this pane shows, or would show behind the form."""
        return self.host.runs.shown

    # What is seen

    def show(self) -> None:
        """Takes the focus, and draws the run."""
        self.query_one("#epochs").focus()
        self.paint()

    def on_descendant_blur(self) -> None:
        """Takes the focus of a list that is hidden, as the end of a run hides some: the keys of the
        pane need it."""
        if self.screen.focused is None and self.app.app_focus:
            self.focus()

    def paint(self) -> None:
        """Draws the run as it is now, if it is seen. A new run asks to be seen."""
        run = self.run
        if run is not self._painted:
            self._painted, self._ended, self._status = run, None, None
            if run is not None:
                self.query_one(RunView).hide_end()
                self.post_message(self.Opened())
                return
        if run is None or not self.display:
            return
        self.query_one(RunView).show(run, self._trainer, time.monotonic())
        ended = (run, run.name, run.is_deleted)
        if run.progress.phase.is_over and not run.is_running and ended != self._ended:
            self._ended = ended
            self._draw_end(run)
        self._refresh_keys()

    @work(group="end", exclusive=True)
    async def _draw_end(self, run: FollowedRun) -> None:
        """Says how the run has ended; reads its log and folder off the event loop."""
        tail = await asyncio.to_thread(run.log_tail) if run.progress.phase is Phase.LOST else []
        self._status = (await asyncio.to_thread(self.host.library.run, run.name)).status
        if not self.query("#end-words"):
            return  # the app is being left
        end = end_of(run.progress, run.name, tail, run.is_deleted)
        actions = end_actions(run, self._status)
        self.query_one(RunView).show_end(end, actions, bool(run.progress.epochs))
        if not run.progress.epochs:  # the table that has the focus is hidden
            self.focus()
        self._refresh_keys()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """False hides a key, None shows it dimmed."""
        run = self.run
        if run is None:
            return False
        return is_allowed(action, run, self._status)

    def _refresh_keys(self) -> None:
        """Draws the keys again if others can be pressed now."""
        actions = [binding.action for binding in self.BINDINGS if isinstance(binding, Binding)]
        enabled = [self.check_action(action, ()) for action in actions]
        if enabled != self._enabled:
            self._enabled = enabled
            self.refresh_bindings()

    # Which run

    @work(group="resume", exclusive=True)
    async def resume(self, name: str) -> None:
        """Resumes the saved run `name`, and shows it. One that is finished is trained longer."""
        try:
            status = (await asyncio.to_thread(self.host.library.run, name)).status
        except RnnlmError as error:
            self.host.show_error(error)
            return
        if status is not None and status.is_finished:
            await self._extend(name, status)
        else:
            await self.begin(TrainingRequest.resuming(name))

    @work(group="resume", exclusive=True)
    async def update_model(self, name: str, added: tuple[str, ...] = ()) -> None:
        """Trains the model `name` on what its files and those `added` hold now, and shows the
        run."""
        await self.begin(TrainingRequest.updating(name, added))

    async def _extend(self, name: str, status: RunStatus) -> None:
        """Asks how many epochs the saved run is to have in all, and resumes it."""
        done, total = status.epochs_done, max(status.config.epochs, status.epochs_done)
        wanted = str(min(total if done < total else 2 * total, MOST_EPOCHS))
        text = f"{_so_far(status)}. How many epochs in all?"
        if status.patience_exhausted:
            text += " It does not end early before that."
        question = AskText(f"Train {name} longer", text, wanted, check=_epochs_check(done))
        answer = await self.host.ask(question)
        if answer is not None:
            await self.begin(TrainingRequest.extending(name, status, int(answer)))

    async def begin(self, request: TrainingRequest) -> None:
        """Starts a run and shows it. A second request during the start is dropped: a button was
        pressed twice."""
        if self._is_starting:
            return
        self._is_starting = True
        # It is shown, and can be stopped, before its process is there.
        self.call_next(self.paint)
        try:
            await self.host.runs.start(request)
        except RnnlmError as error:
            self.host.show_error(error)
        finally:
            self._is_starting = False
        self.paint()

    @work(group="follow", exclusive=True)
    async def follow(self, name: str) -> None:
        """Shows the run of another process, or the app's own if it has that name."""
        runs = self.host.runs
        if runs.is_training and runs.own is not None and runs.own.name == name:
            self.show_own()
            return
        try:
            holder = await asyncio.to_thread(self.host.library.holder, name)
            self._trainer = sanitize(holder or "another process")
            await runs.watch(name)
        except RnnlmError as error:
            self.host.show_error(error)
        self.paint()

    def show_own(self) -> None:
        """Shows the app's own run, in the place of one that is watched."""
        self.host.runs.show_own()
        self.post_message(self.Opened())

    # While it runs

    def action_pause(self) -> None:
        """Pauses the run, or lets it go on."""
        if (run := self.run) is not None:
            run.order("resume" if run.progress.phase is Phase.PAUSED else "pause")

    @work(group="stop", exclusive=True)
    async def action_stop(self) -> None:
        """Has the run save and end; asks first if another process owns it."""
        run = self.run
        if run is None:
            return
        if not run.is_own:
            text = f"It is trained by {self._trainer}. It saves what it has learned and ends."
            title = f"Stop the training of {run.name}?"
            question = Confirm(title, text, yes="Stop it", danger=False)
            if not await self.host.ask(question):
                return
        try:
            await run.stop()
        except RnnlmError as error:
            self.host.show_error(error)

    def action_detach(self) -> None:
        """Lets the run go on when the app is left."""
        if (run := self.run) is not None:
            news = f"{run.name} goes on when you leave the app; Train lists it afterwards"
            self._tell_whether(run.detach(), news)

    def action_write(self) -> None:
        """Suggests with the best that is saved so far; says when there will be something."""
        run = self.run
        if run is None:
            return
        if is_saved(run):
            self.host.use_model(run.name)
            self.host.show_mode("autocomplete")
            return
        self.host.notify_user(f"nothing is saved yet: {first_save(run)}")

    @work(group="seed", exclusive=True)
    async def action_seed(self) -> None:
        """Asks for another line to continue after each epoch."""
        run = self.run
        if run is None:
            return
        epochs = run.progress.epochs
        line = epochs[-1].sample["seed"] if epochs else self.host.default_seed_line
        text = "It is continued after each epoch."
        question = AskText("Your line", text, line, check=_line_problem)
        answer = await self.host.ask(question)
        if answer is not None:
            news = "your line is continued after this epoch"
            self._tell_whether(run.sample(answer.strip()), news)

    def _tell_whether(self, was_told: bool, news: str) -> None:
        """Says what comes now, or that the run could not be told."""
        if was_told:
            self.host.notify_user(news)
        else:
            self.host.notify_user("the run takes no orders: it has ended, or hangs", "warning")

    # After its end

    @on(Button.Pressed, "#end-use")
    def action_use(self) -> None:
        """Writes with the model."""
        self.action_write()

    @on(Button.Pressed, "#end-compare")
    def action_compare(self) -> None:
        """Shows it among the models."""
        if (run := self.run) is not None:
            self.host.show_model(run.name)

    @on(Button.Pressed, "#end-form")
    @on(Button.Pressed, "#end-again")
    def action_again(self) -> None:
        """Shows the form, as it was filled in."""
        self.post_message(self.Closed())

    @on(Button.Pressed, "#end-go_on")
    def action_go_on(self) -> None:
        """Resumes the run where it was saved."""
        if (run := self.run) is not None:
            self.resume(run.name)

    @on(Button.Pressed, "#end-longer")
    @work(group="resume", exclusive=True)
    async def action_longer(self) -> None:
        """Asks how many epochs it is to have in all, and resumes it."""
        if (run := self.run) is not None and self._status is not None:
            await self._extend(run.name, self._status)


def _line_problem(text: str) -> str | None:
    """Says what is wrong with a seed line."""
    return None if text.strip() else "a line of one word or more"


def _so_far(status: RunStatus) -> str:
    """The epochs that a saved run has had, and which was the best if it waits for a better one."""
    had = f"It has had {plural(status.epochs_done, 'epoch')}"
    if not status.patience_exhausted:
        return had
    return f"{had}, and its held-out loss was best in epoch {status.best_epoch or 0:,}"


def _epochs_check(done: int) -> Check:
    """Says what is wrong with a number of epochs that is to be more than `done`."""

    def check(text: str) -> str | None:
        if text.strip().isdecimal() and done < int(text) <= MOST_EPOCHS:
            return None
        return f"a whole number above {done:,} and at most {MOST_EPOCHS:,}"

    return check
