"""The run on the Train screen: drawn some times a second, and steered by keys and buttons."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.widgets import Button

from rnnlm_tui.config import all_settings
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.tui.runs.actions import end_actions, first_save, is_saved
from rnnlm_tui.tui.runs.child import TrainingRequest
from rnnlm_tui.tui.runs.manager import ShownRun
from rnnlm_tui.tui.runs.state import Phase
from rnnlm_tui.tui.train.run_lines import Lines
from rnnlm_tui.tui.train.run_view import RunView
from rnnlm_tui.tui.widgets.base_screen import AppScreen
from rnnlm_tui.tui.widgets.dialogs import AskText, Check, Confirm

if TYPE_CHECKING:
    from rnnlm_tui.store.run_state import RunStatus
    from rnnlm_tui.tui.train.host import TrainHost

MOST_EPOCHS = int(all_settings()["epochs"].metadata["bounds"].high)


class RunScreen(AppScreen):
    """What the Train screen does with a run; its other half is the form.

    The run belongs to the app. This screen reads its state, and while it is not shown it costs
    nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: ShownRun | None = None
        """The run that was drawn last, to tell when there is another one."""
        self._ended: object = None
        """The run whose end is drawn, and what became of it since: its name, whether it is gone."""
        self._stand: RunStatus | None = None
        """How far the state stands that this run has left, None where it has left none."""
        self._trainer = ""
        """Who trains the run that is watched."""
        self._starting = False

    @property
    def host(self) -> TrainHost:
        """The app."""
        return cast("TrainHost", self.app)

    @property
    def run_shown(self) -> ShownRun | None:
        """The run that this screen shows, or would show behind the form."""
        return self.host.runs.shown

    @property
    def on_run(self) -> bool:
        """Whether the run is what is shown, and not the form."""
        return self.has_class("-run")

    def show_form(self) -> None:
        """Shows the form as it was filled in; `TrainScreen` has it."""
        raise NotImplementedError

    def refresh_keys(self) -> None:
        """Has the keys drawn anew where other ones work now; `TrainScreen` has them."""
        raise NotImplementedError

    def show_run(self) -> None:
        """Shows the run."""
        self.add_class("-run")
        self.query_one("#epochs", Lines).focus()
        self.paint()

    def paint(self) -> None:
        """Draws the run as it stands now; nothing of it where the form is shown."""
        run = self.run_shown
        if run is not self._seen:
            self._seen, self._ended, self._stand = run, None, None
            if run is not None:
                self.query_one(RunView).show_end(run, [], [])
                self.show_run()
                return
        if not self.on_run or run is None:
            return
        self.query_one(RunView).show(run, self._trainer, time.monotonic())
        ended = (run, run.name, run.is_deleted)
        if ended != self._ended and run.progress.phase.is_over and not run.is_running:
            self._ended = ended
            self._draw_end(run)
        self.refresh_keys()

    @work(group="end", exclusive=True)
    async def _draw_end(self, run: ShownRun) -> None:
        """Says how the run has ended; reads its log and folder off the event loop."""
        tail = await asyncio.to_thread(run.log_tail) if run.progress.phase is Phase.LOST else []
        self._stand = (await asyncio.to_thread(self.host.library.run, run.name)).stand
        self.query_one(RunView).show_end(run, tail, end_actions(run, self._stand))
        self.refresh_keys()

    # Which run

    def show_own(self) -> None:
        """Shows the app's own run, in the place of one that is watched."""
        self.host.runs.show_own()
        self.show_run()

    @work(group="resume", exclusive=True)
    async def resume(self, name: str) -> None:
        """Goes on with the saved run `name`, and shows it. One that has come to its end is trained
        longer."""
        try:
            stand = (await asyncio.to_thread(self.host.library.run, name)).stand
        except RnnlmError as error:
            self.host.show_error(error)
            return
        if stand is not None and stand.is_over:
            await self._lengthen(name, stand)
        else:
            self.start_run(TrainingRequest.resuming(name))

    async def _lengthen(self, name: str, stand: RunStatus) -> None:
        """Asks how many epochs the saved run is to have in all, and goes on with it."""
        done, total = stand.epochs_done, max(stand.config.epochs, stand.epochs_done)
        wanted = str(min(total if done < total else 2 * total, MOST_EPOCHS))
        text = f"{_so_far(stand)}. How many is it to have in all?"
        if stand.patience_exhausted:
            text += " It does not end early before that."
        question = AskText(f"Train {name} longer", text, wanted, check=_epochs_check(done))
        answer = await self.host.ask(question)
        if answer is not None:
            self.start_run(TrainingRequest.lengthening(name, stand, int(answer)))

    @work(group="start")
    async def start_run(self, request: TrainingRequest) -> None:
        """Starts a run and shows it."""
        await self.begin(request)

    async def begin(self, request: TrainingRequest) -> None:
        """The same, for a worker. A second request before the first is through is dropped: a
        button was pressed twice."""
        if self._starting:
            return
        self._starting = True
        # It is shown, and can be stopped, before its process is there.
        self.call_next(self.paint)
        try:
            await self.host.runs.start(request)
        except RnnlmError as error:
            self.host.show_error(error)
        finally:
            self._starting = False
        self.paint()

    @work(group="follow", exclusive=True)
    async def follow(self, name: str) -> None:
        """Shows the run of another process, or the app's own where it is that. (`watch` is a
        method of every widget.)"""
        own = self.host.runs.own
        if own is not None and own.is_running and own.name == name:
            self.show_own()
            return
        try:
            holder = await asyncio.to_thread(self.host.library.holder, name)
            self._trainer = sanitize(holder or "another process")
            await self.host.runs.watch(name)
        except RnnlmError as error:
            self.host.show_error(error)
        self.paint()

    # While it runs

    async def action_pause(self) -> None:
        """Pauses the run, or lets it go on."""
        if (run := self.run_shown) is not None:
            await (run.resume() if run.progress.phase is Phase.PAUSED else run.pause())

    @work(group="stop", exclusive=True)
    async def action_stop(self) -> None:
        """Has the run save and end; asks first where another process owns it."""
        run = self.run_shown
        if run is None:
            return
        if not run.owned:
            text = f"It is trained by {self._trainer}, and will save what it has learned and end."
            question = Confirm(
                f"Stop the training of {run.name}?", text, yes="Stop it", danger=False
            )
            if not await self.host.ask(question):
                return
        try:
            await run.stop()
        except RnnlmError as error:
            self.host.show_error(error)

    async def action_detach(self) -> None:
        """Lets the run go on when the app is left."""
        if (run := self.run_shown) is not None:
            await run.detach()
            news = f"{run.name} goes on when you leave the app; Train lists it afterwards"
            self._tell_whether(run.detached, news)

    def action_write(self) -> None:
        """Lets the best that is saved so far suggest; says when there will be something."""
        run = self.run_shown
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
        run = self.run_shown
        if run is None:
            return
        samples = run.progress.samples
        line = samples[-1].seed if samples else self.host.default_seed_line
        question = AskText(
            "Your line", "It is continued after each epoch.", line, check=_no_line_problem
        )
        answer = await self.host.ask(question)
        if answer is not None:
            heard = await run.sample(answer.strip())
            self._tell_whether(heard, "your line is continued after this epoch")

    def _tell_whether(self, heard: bool, news: str) -> None:
        """Tells what comes now, or that the run could not be asked for it."""
        if heard:
            self.host.notify_user(news)
        else:
            self.host.notify_user("the run takes no orders now: it has ended, or hangs", "warning")

    # After its end

    @on(Button.Pressed, "#end-use")
    def action_use(self) -> None:
        """Writes with the model."""
        self.action_write()

    @on(Button.Pressed, "#end-compare")
    def action_compare(self) -> None:
        """Shows it among the models."""
        if (run := self.run_shown) is not None:
            self.host.show_model(run.name)

    @on(Button.Pressed, "#end-form")
    @on(Button.Pressed, "#end-again")
    def action_again(self) -> None:
        """Shows the form, as it was filled in."""
        self.show_form()

    @on(Button.Pressed, "#end-go_on")
    def action_go_on(self) -> None:
        """Goes on with the run where it was saved."""
        if (run := self.run_shown) is not None:
            self.resume(run.name)

    @on(Button.Pressed, "#end-longer")
    @work(group="resume", exclusive=True)
    async def action_longer(self) -> None:
        """Asks how many epochs it is to have in all, and goes on."""
        if (run := self.run_shown) is not None and self._stand is not None:
            await self._lengthen(run.name, self._stand)


def _no_line_problem(text: str) -> str | None:
    """Says what is wrong with a seed line."""
    return None if text.strip() else "a line of one word or more"


def _so_far(stand: RunStatus) -> str:
    """The epochs that a saved run has had, and which was the best where it waits for a better."""
    had = f"It has had {plural(stand.epochs_done, 'epoch')}"
    if not stand.patience_exhausted:
        return had
    return f"{had}, and its held-out loss was best in epoch {stand.best_epoch or 0:,}"


def _epochs_check(done: int) -> Check:
    """Says what is wrong with a number of epochs that is to be more than `done`."""

    def check(text: str) -> str | None:
        if text.strip().isdecimal() and done < int(text) <= MOST_EPOCHS:
            return None
        return f"a whole number above {done:,} and at most {MOST_EPOCHS:,}"

    return check
