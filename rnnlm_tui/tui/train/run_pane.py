"""The run on the Train screen: redrawn twice a second, controlled by keys."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message

from rnnlm_tui.config import ALL_SETTINGS
from rnnlm_tui.store.model_file import read_card
from rnnlm_tui.tui.runs.actions import first_save, is_allowed, is_saved
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.runs.state import Phase
from rnnlm_tui.tui.runs.wording import end_of
from rnnlm_tui.tui.train.run_view import RunView
from rnnlm_tui.tui.widgets.dialogs import AskText, Confirm, number_check

if TYPE_CHECKING:
    from textual import getters

    from rnnlm_tui.tui.app import RnnlmApp
    from rnnlm_tui.tui.widgets.header import Mode

LONGER = "It is trained further on its text, and replaced if that makes it better. How many epochs?"


def train_key(key: str, action: str, text: str, tooltip: str) -> Binding:
    return Binding(key, action, text, id=f"train.{action}", tooltip=tooltip)


class RunPane(Vertical, can_focus=True):
    """Shows and controls the run `Runs.shown`, which belongs to the app.

    The pane costs nothing while it is hidden.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        train_key("p", "pause", "pause/resume", "Pause or resume the training"),
        train_key("x", "stop", "stop+keep", "Stop the training; keep its best model"),
        train_key("d", "detach", "background", "Train in the background; even after you quit"),
        train_key("w", "write", "write now", "Write now; with the best model saved so far"),
        train_key("g", "seed", "your line", "Change your line; it is continued after each epoch"),
        train_key("u", "use", "use it", "Write with the trained model"),
        train_key("i", "inside", "inside", "Look inside the model as it learns"),
        train_key("t", "longer", "longer", "Train for more epochs"),
        train_key("r", "go_on", "resume", "Resume the training; from the last save"),
        train_key("c", "compare", "compare", "Show it among the other models"),
        train_key("n", "again", "new", "Train another model"),
    ]
    DEFAULT_CSS = """
    RunPane { height: 1fr; }
    """

    class Opened(Message):
        """A run is to be shown in place of the form."""

    class Closed(Message):
        """The form is to be shown in place of the run."""

    def __init__(self) -> None:
        super().__init__()
        self._painted: FollowedRun | None = None
        self._ended: object = None
        """The run whose end is shown, its name, and whether its model was deleted."""
        self._can_resume = False
        """Whether the run that is over can be resumed."""
        self._is_starting = False

    def compose(self) -> ComposeResult:
        yield RunView()

    if TYPE_CHECKING:
        app = getters.app(RnnlmApp)

    @property
    def run(self) -> FollowedRun | None:
        """The run that this pane shows, even while the form hides it."""
        return self.app.runs.shown

    # Drawing

    def show(self) -> None:
        self.query_one("#epochs").focus()
        self.paint()

    def on_descendant_blur(self) -> None:
        """Takes the focus when a focused list is hidden at the end of a run, since the keys of the
        pane need it."""
        if self.screen.focused is None and self.app.app_focus:
            self.focus()

    def paint(self) -> None:
        """Draws the run if the pane is visible. If there is a new run, asks to show it."""
        run = self.run
        if run is not self._painted:
            self._painted, self._ended, self._can_resume = run, None, False
            if run is not None:
                self.query_one(RunView).hide_end()
                self.post_message(self.Opened())
                return
        if run is None or not self.display:
            return
        self.query_one(RunView).show(run, time.monotonic())
        ended = (run, run.name, run.is_deleted)
        if run.progress.phase.is_over and not run.is_running and ended != self._ended:
            self._ended = ended
            self._draw_end(run)
        self.refresh_bindings()

    @work(group="end", exclusive=True)
    async def _draw_end(self, run: FollowedRun) -> None:
        """Shows how the run ended. Reads its log and folder in a thread."""
        tail = await asyncio.to_thread(run.log_tail) if run.progress.phase is Phase.CRASHED else []
        saved = await asyncio.to_thread(self.app.library.run, run.name)
        self._can_resume = saved.config is not None
        if not self.query("RunEnd"):
            return  # the app is being closed
        end = end_of(run.progress, run.name, tail, run.is_deleted)
        self.query_one(RunView).show_end(end, bool(run.progress.epochs))
        if not run.progress.epochs:  # the focused table is hidden
            self.focus()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Returns False to hide a key, None to dim it."""
        return self.run is not None and is_allowed(action, self.run, self._can_resume)

    # Starting and following

    @work(group="resume", exclusive=True)
    async def resume(self, name: str) -> None:
        """Resumes the saved run `name` and shows it, or trains the model longer if its run has
        finished."""
        with self.app.showing_errors():
            library = self.app.library
            path = library.path(name)
            if library.can_resume(name) or not path.exists():  # there is none to train longer
                await self.begin(TrainArguments.resuming(name))
            else:
                card = await asyncio.to_thread(read_card, path)
                await self._extend(name, card.config.epochs)

    @work(group="train")
    async def start(self, request: TrainArguments) -> None:
        await self.begin(request)

    async def _extend(self, name: str, epochs: int | None) -> None:
        """Asks for how many further epochs to train the model, by default `epochs`."""
        check = number_check(ALL_SETTINGS["epochs"].type)
        question = AskText(f"Train {name} longer", LONGER, str(epochs or 1), check=check)
        answer = await self.app.ask(question)
        if answer is not None:
            await self.begin(TrainArguments.extending(name, int(float(answer))))

    async def begin(self, request: TrainArguments) -> None:
        """Starts a run and shows it. Ignores a second request during the start: a key was pressed
        twice."""
        if self._is_starting:
            return
        self._is_starting = True
        # The run is shown, and can be stopped, before its process has started.
        self.call_next(self.paint)
        try:
            with self.app.showing_errors():
                await self.app.runs.start(request)
        finally:
            self._is_starting = False
        self.paint()

    @work(group="follow", exclusive=True)
    async def follow(self, name: str) -> None:
        """Shows a run of another process, or the app's own if it has that name."""
        runs = self.app.runs
        if runs.training is not None and runs.training.name == name:
            self.show_own()
            return
        with self.app.showing_errors():
            await runs.watch(name)
        self.paint()

    def show_own(self) -> None:
        self.app.runs.show_own()
        self.post_message(self.Opened())

    # Actions while it runs

    def action_pause(self) -> None:
        if (run := self.run) is not None:
            run.order("resume" if run.progress.phase is Phase.PAUSED else "pause")

    @work(group="stop", exclusive=True)
    async def action_stop(self) -> None:
        """Lets the run save and end; asks first if it belongs to another process."""
        run = self.run
        if run is None:
            return
        if not run.is_own:
            text = f"It is trained by {run.trainer}. It will save its model and end."
            title = f"Stop the training of {run.name}?"
            question = Confirm(title, text, yes="Stop it", danger=False)
            if not await self.app.ask(question):
                return
        with self.app.showing_errors():
            await run.stop()

    def action_detach(self) -> None:
        """Lets the run continue when the app is closed."""
        if (run := self.run) is not None:
            news = f"{run.name} continues when you quit; the Train screen lists it"
            self._notify_order(run.detach(), news)

    def action_write(self) -> None:
        self._use("autocomplete")

    def _use(self, mode: Mode) -> None:
        """Activates the saved model and shows a screen, or says when there will be one."""
        if (run := self.run) is None:
            return
        if is_saved(run):
            self.app.use_model(run.name)
            self.app.show_mode(mode)
            return
        self.app.notify_user(f"nothing is saved yet: {first_save(run)}")

    @work(group="seed", exclusive=True)
    async def action_seed(self) -> None:
        """Asks for the line to continue after each epoch."""
        run = self.run
        if run is None:
            return
        epochs = run.progress.epochs
        line = epochs[-1].sample["seed"] if epochs else self.app.default_seed_line
        text = "It is continued after each epoch."
        question = AskText("Your line", text, line, check=_line_problem)
        answer = await self.app.ask(question)
        if answer is not None:
            news = "your line is continued after this epoch"
            self._notify_order(run.sample(answer.strip()), news)

    def _notify_order(self, was_sent: bool, news: str) -> None:
        """Shows what an order does, or that it could not be sent."""
        if was_sent:
            self.app.notify_user(news)
        else:
            self.app.notify_user("the run does not respond: it has ended or hangs", "warning")

    # Actions after its end

    def action_use(self) -> None:
        self.action_write()

    def action_inside(self) -> None:
        self._use("inside")

    def action_compare(self) -> None:
        if (run := self.run) is not None:
            self.app.show_model(run.name)

    def action_again(self) -> None:
        self.post_message(self.Closed())

    def action_go_on(self) -> None:
        if (run := self.run) is not None:
            self.resume(run.name)

    @work(group="resume", exclusive=True)
    async def action_longer(self) -> None:
        if (run := self.run) is not None:
            await self._extend(run.name, run.progress.epochs_total)


def _line_problem(text: str) -> str | None:
    """Returns what is wrong with a seed line, or None."""
    return None if text.strip() else "type at least one word"
