"""The run on the Train screen: redrawn twice a second, controlled by keys."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.widgets import Static

from rnnlm_tui.config import ALL_SETTINGS
from rnnlm_tui.formatting import shorten
from rnnlm_tui.store.model_file import read_card
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.runs.progress import Phase
from rnnlm_tui.tui.train.run_lists import EpochTable, RunLog, rule_title
from rnnlm_tui.tui.train.run_view import head_of, losses_of
from rnnlm_tui.tui.widgets.chart import LossChart
from rnnlm_tui.tui.widgets.dialogs import AskText, Confirm, number_check

if TYPE_CHECKING:
    from textual import getters

    from rnnlm_tui.tui.app import RnnlmApp

LOW = 16
"""Height in rows below which the curve is hidden."""
LONGER = "It is trained further on its text, and replaced if that makes it better. How many epochs?"


def train_key(key: str, action: str, text: str, tooltip: str) -> Binding:
    return Binding(key, action, text, id=f"train.{action}", tooltip=tooltip)


class RunPane(Vertical, can_focus=True):
    """Shows and controls the run `Runs.shown`, which belongs to the app."""

    BINDINGS: ClassVar[list[BindingType]] = [
        train_key("p", "pause", "pause/resume", "Pause or resume the training"),
        train_key(
            "x", "stop", "stop+keep", "Stop the training; keep its best model, after a question"
        ),
        train_key("d", "detach", "background", "Train in the background; even after you quit"),
        train_key("w", "write", "write", "Write; with the best model saved so far"),
        train_key("g", "seed", "your line", "Change your line; it is continued after each epoch"),
        train_key("i", "inside", "inside", "Look inside the model as it learns"),
        train_key("r", "go_on", "train on", "Train on; resumed, or for more epochs"),
        train_key("c", "compare", "compare", "Show it among the other models"),
    ]
    DEFAULT_CSS = """
    RunPane {
        height: 1fr;
        #run-head { height: auto; max-height: 9; padding: 0 1; }
        #run-panes { height: 1fr; layout: vertical; }
        #run-left { height: 1fr; }
        LossChart { height: 1fr; min-height: 1; padding: 0 1; }
        #epochs { height: 6; }
        #log { height: 7; }
        &.-low #epochs { height: 1fr; }
        &.-low #log { height: 4; }
        &.-one-pass #run-left { height: auto; }
        &.-one-pass #epochs { height: 4; }
        &.-one-pass #log { height: 1fr; }
        &.-one-pass LossChart, &.-low LossChart { display: none; }
    }
    """

    if TYPE_CHECKING:
        app = getters.app(RnnlmApp)

    def compose(self) -> ComposeResult:
        yield Static(id="run-head", markup=False)
        with Container(id="run-panes"):
            with Vertical(id="run-left"):
                yield LossChart("the curve begins with the first epoch")
                yield EpochTable()
            yield RunLog()

    @property
    def run(self) -> FollowedRun | None:
        """The run that this pane shows, even while the form hides it."""
        return self.app.runs.shown

    def on_resize(self) -> None:
        self.set_class(self.size.height < LOW, "-low")

    def paint(self) -> None:
        """Draws the run if the pane is visible; redraws only what has changed."""
        run = self.run
        if run is None or not self.display:
            return
        progress, head = run.progress, self.query_one("#run-head", Static)
        text = head_of(run, max(20, self.app.size.width - 2))
        if text != head.content:
            head.update(text)
        epochs, best = progress.epochs, progress.best_epoch
        # An n-gram model is trained in one pass: the curve would be a single point.
        self.set_class(progress.epochs_total == 1, "-one-pass")
        self.query_one(LossChart).show(*losses_of(progress), best, progress.part)
        table, log = self.query_one(EpochTable), self.query_one(RunLog)
        table.show(epochs, best)
        few = ", too few held-out words to tell" if progress.has_few_held_out else ""
        has_held_out = bool(epochs) and epochs[-1].held_out is not None
        title = f"{progress.part}{few if has_held_out else ''}" if epochs else "epochs"
        table.border_title = rule_title(title)
        seed = f": {shorten(epochs[-1].sample['seed'], 200)} ..." if epochs else ""
        log.border_title = rule_title(f"your line{seed}")
        log.show(progress.lines)
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Returns False to hide a key."""
        if (run := self.run) is None:
            return False
        progress, phase = run.progress, run.progress.phase
        is_network = progress.started is not None and progress.started.preset != "ngram"
        longer = self.app.library.can_resume(run.name) or (progress.is_saved and is_network)
        takes_orders = run.is_running and run.is_own and phase is not Phase.STOPPING
        allowed = {
            "pause": takes_orders and phase in (Phase.TRAINING, Phase.PAUSED),
            "stop": run.can_stop and phase is not Phase.STOPPING,
            "detach": takes_orders and not run.detached,
            "seed": takes_orders,
            "write": run.is_running or progress.is_saved,
            "inside": progress.is_saved,
            "compare": progress.is_saved and not run.is_running,
            "go_on": not run.is_running and longer,
        }
        return allowed[action]

    # Starting and following

    async def begin(self, request: TrainArguments) -> None:
        """Starts a run and shows it."""
        with self.app.showing_errors():
            await self.app.runs.start(request)
            self.app.train_screen.show_run()

    @work(group="train")
    async def start(self, request: TrainArguments) -> None:
        await self.begin(request)

    @work(group="train")
    async def follow(self, name: str) -> None:
        """Shows a run of another process, or the app's own if it has that name."""
        with self.app.showing_errors():
            await self.app.runs.watch(name)
            self.app.train_screen.show_run()

    @work(group="train")
    async def resume(self, name: str) -> None:
        """Resumes the saved run `name`, or asks for how many further epochs to train the model if
        its run has finished."""
        with self.app.showing_errors():
            path = self.app.library.path(name)
            if self.app.library.can_resume(name) or not path.exists():
                await self.begin(TrainArguments.resuming(name))
                return
            card = await asyncio.to_thread(read_card, path)
            check = number_check(ALL_SETTINGS["epochs"].type)
            epochs = str(card.config.epochs or 1)
            question = AskText(f"Train {name} longer", LONGER, epochs, check=check)
            answer = await self.app.ask(question)
            if answer is not None:
                await self.begin(TrainArguments.extending(name, int(float(answer))))

    # Keys. Each works only on a run: see `check_action`.

    @property
    def _run(self) -> FollowedRun:
        assert self.run is not None
        return self.run

    def action_pause(self) -> None:
        is_paused = self._run.progress.phase is Phase.PAUSED
        self._run.order("resume" if is_paused else "pause")

    @work(group="stop", exclusive=True)
    async def action_stop(self) -> None:
        """Lets the run save and end. Asks first, since what is typed a moment too late for a text
        may come here."""
        run = self._run
        text = "" if run.is_own else f"It is trained by {run.trainer}. "
        if run.progress.epochs:
            text += "Its best epoch is kept, and it can be resumed."
        else:
            text += "No epoch has ended yet; it can be resumed."
        question = Confirm(f"Stop the training of {run.name}?", text, yes="Stop", danger=False)
        if await self.app.ask(question):
            with self.app.showing_errors():
                await run.stop()

    def action_detach(self) -> None:
        """Lets the run continue when the app is closed."""
        news = f"{self._run.name} continues when you quit; Models lists it"
        self._notify_order(self._run.detach(), news)

    def action_write(self) -> None:
        """Shows the Autocomplete screen, with the model of the run if it has saved one."""
        run = self._run
        if run.progress.is_saved:
            self.app.use_model(run.name)
        else:
            now = self.app.active_name or "nothing"
            self.app.notify_user(f"{run.name} has saved nothing yet; until then {now} suggests")
        self.app.show_mode("autocomplete")

    def action_inside(self) -> None:
        self.app.use_model(self._run.name)
        self.app.show_mode("inside")

    @work(group="seed", exclusive=True)
    async def action_seed(self) -> None:
        """Asks for the line to continue after each epoch."""
        run, epochs = self._run, self._run.progress.epochs
        line = epochs[-1].sample["seed"] if epochs else self.app.default_seed_line
        text = "It is continued after each epoch."
        answer = await self.app.ask(AskText("Your line", text, line, check=_line_problem))
        if answer is not None:
            news = "your line is continued after this epoch"
            self._notify_order(run.sample(answer), news)

    def _notify_order(self, was_sent: bool, news: str) -> None:
        """Shows what an order does, or that it could not be sent."""
        if was_sent:
            self.app.notify_user(news)
        else:
            self.app.notify_user("the run does not respond: it has ended or hangs", "warning")

    def action_compare(self) -> None:
        self.app.show_model(self._run.name)

    def action_go_on(self) -> None:
        self.resume(self._run.name)


def _line_problem(text: str) -> str | None:
    """Returns what is wrong with a seed line, or None."""
    return None if text.strip() else "type at least one word"
