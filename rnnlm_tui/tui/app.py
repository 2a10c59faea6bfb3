"""The terminal app: three screens, the model that suggests, and the training that goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.theme import Theme

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.tui.preferences import (
    keymap_path,
    load_preferences,
    save_preferences,
    write_keymap,
)
from rnnlm_tui.tui.widgets.error_text import error_sentence
from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.styles import IN_ANSI_COLOURS, WITHOUT_COLOURS
from rnnlm_tui.tui.widgets.terminal import TerminalApp
from rnnlm_tui.tui.writing.active_model import ModelLoader
from rnnlm_tui.tui.writing.predictor import LoadedModel
from rnnlm_tui.tui.writing.screen import AutocompleteScreen
from rnnlm_tui.tui.writing.transcript import Transcript

if TYPE_CHECKING:
    from rnnlm_tui.events import Saved
    from rnnlm_tui.store.library import Library
    from rnnlm_tui.tui.models.screen import ModelsScreen
    from rnnlm_tui.tui.runs.child import TrainingProcess
    from rnnlm_tui.tui.runs.manager import Runs
    from rnnlm_tui.tui.runs.watcher import WatchedRun
    from rnnlm_tui.tui.train.plan import Plan
    from rnnlm_tui.tui.train.screen import TrainScreen
    from rnnlm_tui.tui.widgets.host import Mode

LOOK_S = 2.0
"""How often it looks whether another process has saved the model that suggests."""
FIRST_NAME, FIRST_SETTINGS = "sonnets", ("--epochs", "3")
"""What the first start offers to train: three epochs of the lesson's model, half a minute."""


class RnnlmApp(TerminalApp):
    """Owns what goes on behind the screens: the model that suggests, and the runs."""

    DEFAULT_MODE = "autocomplete"
    ENABLE_COMMAND_PALETTE = True
    CSS = IN_ANSI_COLOURS + WITHOUT_COLOURS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "keys", "keys", id="app.keys", key_display="F1",
                tooltip="All keys"),
        Binding("f2", "show('autocomplete')", "Autocomplete", id="app.autocomplete", show=False,
                tooltip="Write with suggestions"),
        Binding("f3", "show('train')", "Train", id="app.train", show=False,
                tooltip="Train a model, or watch one that trains"),
        Binding("f4", "show('models')", "Models", id="app.models", show=False,
                tooltip="The models that you have"),
        Binding("ctrl+p", "command_palette", "commands", id="app.commands", priority=True,
                tooltip="Every action by its name, models and themes too"),
        Binding("ctrl+q", "quit", "quit", id="app.quit", priority=True,
                tooltip="Leave; asks first while a model trains"),
    ]  # fmt: skip

    def __init__(
        self,
        data_dir: Path,
        config_dir: Path,
        log_path: Path,
        model: str | None = None,
    ) -> None:
        """`model` is the one to begin with; None takes the last one used, or the newest."""
        super().__init__(log_path)
        self.preferences = load_preferences(config_dir)
        self._data_dir, self._config_dir = data_dir, config_dir
        self._first_model = model
        self._told_name: str | None = None
        self._is_quitting = False
        self._library: Library | None = None
        self._runs: Runs | None = None
        self._model_loader = ModelLoader(
            lambda: self.library, self._active_model_changed, self.show_error
        )
        self.autocomplete = AutocompleteScreen(Transcript(data_dir / "session"))
        self._train: TrainScreen | None = None
        self._models: ModelsScreen | None = None
        self.add_mode("autocomplete", lambda: self.autocomplete)
        self.add_mode("train", lambda: self.train_screen)
        self.add_mode("models", lambda: self.models_screen)

    # What screens use

    @property
    def library(self) -> Library:
        """The models in the data folder. Imports numpy at its first use."""
        if self._library is None:
            from rnnlm_tui.store.library import Library

            self._library = Library(self._data_dir)
        return self._library

    @property
    def runs(self) -> Runs:
        """What trains."""
        if self._runs is None:
            from rnnlm_tui.tui.runs.manager import Runs

            self._runs = Runs(self.library)
            self._runs.on_saved, self._runs.on_end = self._run_saved, self._run_ended
        return self._runs

    @property
    def train_screen(self) -> TrainScreen:
        """The Train screen, made at its first use."""
        if self._train is None:
            from rnnlm_tui.tui.train.screen import TrainScreen

            self._train = TrainScreen()
        return self._train

    @property
    def models_screen(self) -> ModelsScreen:
        """The Models screen, made at its first use."""
        if self._models is None:
            from rnnlm_tui.tui.models.screen import ModelsScreen

            self._models = ModelsScreen()
        return self._models

    @property
    def loaded_model(self) -> LoadedModel | None:
        """The model that suggests."""
        return self._model_loader.current

    @property
    def active_name(self) -> str | None:
        """The name of the model that suggests."""
        return self._model_loader.name

    @property
    def has_no_models(self) -> bool:
        """Whether there is no model that could suggest."""
        return self._model_loader.is_empty

    @property
    def default_seed_line(self) -> str:
        """The line that a training continues after each epoch: the one in hand."""
        return self.autocomplete.line_in_hand

    def header_text(self) -> str:
        """What trains and what suggests, for the header."""
        training = self._training_fact()
        if self.loaded_model is None:
            return f"{training}no model" if self.has_no_models else f"{training}loading ..."
        return f"{training}{self.loaded_model.name} · {self.loaded_model.kind}"

    @property
    def trained_name(self) -> str | None:
        """The name of the model that the app trains now."""
        run = self._runs.own if self._runs else None
        return run.name if run is not None and run.is_running else None

    def _training_fact(self) -> str:
        run = self._runs.own if self._runs else None
        if run is None or not run.is_running:
            return ""
        if run.progress.started is None:
            return f"▶ {run.name} starts · "
        mark = "‖" if run.progress.phase == "paused" else "▶"
        return f"{mark} {run.progress.epoch_share:.0%} of {run.name} · "  # cut at the end

    def store_preferences(self) -> None:
        """Saves them."""
        try:
            save_preferences(self._config_dir, self.preferences)
        except RnnlmError as error:
            self.show_error_once(error)

    # Start and end

    async def on_mount(self) -> None:
        """Looks, keys, signals; the model is loaded once the first picture stands."""
        if self.no_color:
            self.theme = "ansi-dark"
        elif self.preferences.theme in self.available_themes:
            self.theme = self.preferences.theme
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        self._load_keymap()
        self.obey_signals()
        self.call_after_refresh(self._begin_to_suggest)
        self.set_interval(1.0, self._refresh_header)
        self.set_interval(LOOK_S, self._model_loader.renew_if_saved)

    def _begin_to_suggest(self) -> None:
        self.run_worker(self._model_loader.run(), group="model_loader")
        self._model_loader.begin(self._first_model, self.preferences.model)

    def _active_model_changed(self) -> None:
        """Another model suggests, or the same as it was saved anew, or none can."""
        name = self.active_name
        if name not in (None, self._told_name) and self._told_name is not None:
            self.notify_user(f"{name} suggests now")
        self._told_name = name or self._told_name
        if self.autocomplete.is_mounted and self.autocomplete.is_attached:  # not too early nor late
            self.autocomplete.active_model_changed()
            self._refresh_header()
        if name is not None and self.preferences.model != name:
            self.preferences.model = name
            self.store_preferences()

    def _keep_theme(self, theme: Theme) -> None:
        if not self.no_color:
            self.preferences.theme = theme.name
            self.store_preferences()

    def _load_keymap(self) -> None:
        if not keymap_path(self._config_dir).exists():
            return
        from rnnlm_tui.tui.help.keymap import checked_keymap

        with self.showing_errors():
            keymap, faults = checked_keymap(type(self), self._config_dir)
            self.autocomplete.editor.give_up(k for keys in keymap.values() for k in keys.split(","))
            self.set_keymap(keymap)
            for fault in faults:
                self.show_error(fault)

    async def action_quit(self) -> None:
        """Leaves; a training is stopped and kept, or goes on alone, as the user wants."""
        if self._is_quitting:
            return
        run = self._runs.own if self._runs else None
        if run is None or not run.is_running:
            self.exit()
        elif run.detached:
            await self.runs.close(detach=True)
            self.exit()
        else:
            self._is_quitting = True
            self._ask_and_quit(run)

    @work(group="quit")
    async def _ask_and_quit(self, run: TrainingProcess) -> None:
        from rnnlm_tui.tui.widgets.dialogs import Choice

        choice = Choice(
            "Stop the training?",
            f"{run.name} is still training.",
            (
                ("stop", "Stop and save", "you can use it, and resume the training later"),
                ("detach", "Train in the background", "it goes on after the app is closed"),
            ),
            cancel="Stay in the app",
        )
        chosen = await self.ask(choice)
        if chosen in ("stop", "detach"):
            self.notify_user(
                "saving the training ..." if chosen == "stop" else "leaving it alone ..."
            )
            await self.runs.close(detach=chosen == "detach")
            self.exit()
        self._is_quitting = False

    # Screens

    def show_mode(self, mode: Mode) -> None:
        """Shows a screen; what goes on in the others goes on."""
        if mode != self.current_mode and not self.screen.is_modal:
            self.switch_mode(mode)

    def action_show(self, mode: Mode) -> None:
        """Shows a screen."""
        self.show_mode(mode)

    def show_model(self, name: str) -> None:
        """Shows a model among the others."""
        self.models_screen.choose(name)
        self.show_mode("models")

    def action_keys(self) -> None:
        """Shows all keys."""
        from rnnlm_tui.tui.help.screen import KeysScreen

        if not isinstance(self.screen, KeysScreen):
            self.push_screen(KeysScreen())

    def action_write_keymap(self) -> None:
        """Writes a keymap file to edit."""
        from rnnlm_tui.tui.help.bindings import keymap_lines

        with self.showing_errors():
            self.notify_user(
                f"edit {write_keymap(self._config_dir, keymap_lines(type(self)))}, then start again"
            )

    def _refresh_header(self) -> None:
        text = self.header_text()
        for screen in self.screen_stack:  # one may stand behind a dialog
            for header in screen.query(Header):
                header.show(text)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action of the screen, the models to write with, and Textual's own few."""
        from rnnlm_tui.tui.help.palette import commands

        yield from commands(self, screen)
        own = {"Theme", "Screenshot"}
        yield from (c for c in super().get_system_commands(screen) if c.title in own)

    # Models

    def use_model(self, name: str) -> None:
        """Loads the model and lets it suggest from then on."""
        self._model_loader.choose(name)

    def models_changed(self) -> None:
        """A model has come, gone, or changed."""
        if self._models is not None:
            self._models.reload()

    def renamed(self, old: str, new: str) -> None:
        """The model has another name."""
        if self._runs is not None:
            self._runs.renamed(old, new)
        self.autocomplete.model_deleted(old)
        if self.active_name == old:
            self.use_model(new)
        self.models_changed()

    def deleted(self, name: str) -> None:
        """The model is gone. If it was the one that suggests, another does."""
        if self._runs is not None:
            self._runs.deleted(name)
        self.autocomplete.model_deleted(name)
        if self.active_name == name:
            self._model_loader.drop()
            self._model_loader.begin(None, "")
        self.models_changed()

    # Training

    @work(group="start")
    async def train_first_model(self) -> None:
        """What the empty first screen offers: a model is trained, or a run of it goes on."""
        from rnnlm_tui.tui.runs.child import TrainingRequest

        with self.showing_errors():
            found = await asyncio.to_thread(self.library.runs)
            begun = next((run for run in found if run.name == FIRST_NAME), None)
            if begun is not None and begun.running:
                self.watch_run(FIRST_NAME)
                return
            request = TrainingRequest(("--name", FIRST_NAME, *FIRST_SETTINGS), FIRST_NAME)
            if begun is not None and begun.resumable:
                request = TrainingRequest.resuming(FIRST_NAME)
            run = await self.runs.start(request)
            self.autocomplete.show_empty_state()
            if not run.progress.phase.is_over:
                self.notify_user(
                    "training begins: F3 shows it. The first words come after its first epoch"
                )

    @work(group="counts")
    async def bootstrap_ngram(self, plan: Plan, paths: tuple[str, ...]) -> None:
        """Counts the text that a network begins to learn, so that somebody suggests meanwhile."""
        from rnnlm_tui.tui.train.ngram_bootstrap import counts_of

        name = await counts_of(plan, paths, self.library)
        if name is None:
            return
        self.models_changed()
        if self.has_no_models or self.library.is_built_in(self.active_name):
            self.use_model(name)
        elif self.active_name != name:
            self.notify_user(f"the counts of the text are ready meanwhile: ctrl+p, Model {name}")

    def resume_run(self, name: str) -> None:
        """Goes on with an unfinished run, on the Train screen."""
        self.show_mode("train")
        self.call_after_refresh(self.train_screen.resume, name)

    def watch_run(self, name: str) -> None:
        """Shows a run that this app has not started, on the Train screen."""
        self.show_mode("train")
        self.call_after_refresh(self.train_screen.follow, name)

    def _run_saved(self, run: TrainingProcess | WatchedRun, saved: Saved) -> None:
        if saved.best:
            self._model_loader.renew(run.name)
            self.autocomplete.model_saved(run.name)
        self.models_changed()

    def _run_ended(self, run: TrainingProcess | WatchedRun) -> None:
        progress = run.progress
        self.autocomplete.show_empty_state()
        if self.current_mode == "train" and self.runs.shown is run:
            pass  # the screen says it
        elif progress.finished is not None and progress.finished.metrics:
            how = {"completed": "is trained", "early_stop": "has learned what it could"}
            self.notify_user(
                f"{run.name} {how.get(progress.finished.reason, 'has ended')}: F3 shows it"
            )
        elif progress.failed is not None:
            failed = progress.failed
            self.notify_user(error_sentence(failed.message, failed.hint), "error", run.name)
        elif progress.finished is None:
            self.notify_user(
                "the training has ended without a word: F3 tells more", "error", run.name
            )
        self.models_changed()
        self._refresh_header()
        if progress.finished is not None and progress.finished.metrics:
            self._measure(run.name)

    @work(group="measure")
    async def _measure(self, name: str) -> None:
        """Finds out how good a model is that has been trained, on the lines that it never saw."""
        from rnnlm_tui.store.card import read_card

        if name == self.active_name:
            self.autocomplete.show_accuracy()
            return
        with suppress(RnnlmError):  # it may be gone again
            card = await asyncio.to_thread(lambda: read_card(self.library.path(name)))
            await self.autocomplete.insights.evaluation(name, card, measure=True)
        self.models_changed()
