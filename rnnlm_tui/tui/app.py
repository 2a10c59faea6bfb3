"""The terminal app: four screens, the active model, and the trainings."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.theme import Theme
from textual.widget import AwaitMount

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.session.database import SessionDatabase
from rnnlm_tui.tui.preferences import SettingsFile
from rnnlm_tui.tui.widgets.styles import CSS
from rnnlm_tui.tui.widgets.terminal import TerminalApp
from rnnlm_tui.tui.widgets.textual_private import build_mode, unbind
from rnnlm_tui.tui.writing.active_model import ModelLoader
from rnnlm_tui.tui.writing.screen import AutocompleteScreen

if TYPE_CHECKING:
    from rnnlm_tui.events import Saved
    from rnnlm_tui.session.text_file import ReadFile
    from rnnlm_tui.store.library import Library, OpenedModel
    from rnnlm_tui.tui.inside.screen import InsideScreen
    from rnnlm_tui.tui.models.screen import ModelsScreen
    from rnnlm_tui.tui.runs.child import TrainArguments
    from rnnlm_tui.tui.runs.followed_runs import FollowedRuns
    from rnnlm_tui.tui.runs.follower import FollowedRun
    from rnnlm_tui.tui.train.screen import TrainScreen
    from rnnlm_tui.tui.widgets.base_screen import ScreenName

NOTIFY_AFTER_S = 1.0
"""Seconds from the start to the notice of unfinished trainings. Usually the first
suggestion is shown by then."""
CHECK_EVERY_S = 2.0
"""Seconds between two looks at the disk. Another process may have saved the active model, or may be
training one."""


class ScreenWanted(Message):
    """A screen was asked for while a dialog was open."""

    def __init__(self, mode: ScreenName) -> None:
        super().__init__()
        self.mode = mode


class RnnlmApp(TerminalApp):
    """Owns what the screens share: the library, the active model, the trainings."""

    DEFAULT_MODE = "autocomplete"
    CSS = CSS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "keys", "keys", id="app.keys", tooltip="Show all keys"),
        # F2 has priority, so that the letters typed right after it go into the line. F10 has none:
        # the letters typed right before it are to be in the line that it explains.
        Binding("f2", "show('autocomplete')", "Autocomplete", id="app.autocomplete", show=False,
                priority=True, tooltip="Write with suggestions"),
        Binding("f3", "show('train')", "Train", id="app.train", show=False,
                tooltip="Train a model; watch a training"),
        Binding("f4", "show('models')", "Models", id="app.models", show=False,
                tooltip="Show your models"),
        Binding("f10,ctrl+l", "show('inside')", "Inside", id="app.inside", show=False,
                tooltip="Look inside the model; what it does with the line being written"),
        Binding("ctrl+p", "command_palette", "more", id="app.commands", priority=True,
                tooltip="Find an action; a model or a theme by name"),
        Binding("alt+z", "suspend_process", "Suspend", id="app.suspend", show=False,
                tooltip="Go back to the shell; its command fg resumes the app"),
        Binding("ctrl+q", "quit", "quit", id="app.quit", priority=True,
                tooltip="Quit; asks first while a model is being trained"),
    ]  # fmt: skip

    def __init__(
        self,
        data_dir: Path,
        config_dir: Path,
        log_path: Path,
        model: str | None = None,
        file: ReadFile | None = None,
    ) -> None:
        """`model` is the name of the model to load first, or None for the one in use. `file` is the
        text to open, or None for the text opened last."""
        super().__init__(log_path)
        self._settings = SettingsFile(config_dir)
        self.preferences = self._settings.preferences
        self._data_dir, self.config_dir = data_dir, config_dir
        self._first_model = model
        self._last_name: str | None = None
        """The name of the active model, or of the last one while none is loaded."""
        self._use_notices = dict[str, str]()
        """The notices to show when models become active, by the names of the models."""
        self._is_quitting = False
        self._followed_runs: FollowedRuns | None = None
        """The trainings; None until they are used."""
        self._model_loader = ModelLoader(
            lambda: self.library,
            self._active_model_changed,
            self.show_error,
            partial(self.run_worker, group="model_loader", exclusive=True),
        )
        self.session = SessionDatabase(data_dir / "session", self.show_error_once)
        self.autocomplete = AutocompleteScreen(self.session, self.preferences, file)
        self.add_mode("train", lambda: self.train_screen)
        self.add_mode("models", lambda: self.models_screen)
        self.add_mode("inside", lambda: self.inside_screen)

    # The parts that screens use. Each is created at its first use: importing numpy takes 0.1 s.

    @cached_property
    def library(self) -> Library:
        from rnnlm_tui.store.library import Library

        return Library(self._data_dir)

    @property
    def followed_runs(self) -> FollowedRuns:
        if self._followed_runs is None:
            from rnnlm_tui.tui.runs.followed_runs import FollowedRuns

            self._followed_runs = FollowedRuns(self.library)
            self._followed_runs.on_saved = self.run_saved
            self._followed_runs.on_end = self.run_ended
        return self._followed_runs

    @cached_property
    def train_screen(self) -> TrainScreen:
        from rnnlm_tui.tui.train.screen import TrainScreen

        return TrainScreen()

    @cached_property
    def models_screen(self) -> ModelsScreen:
        from rnnlm_tui.tui.models.screen import ModelsScreen

        return ModelsScreen()

    @cached_property
    def inside_screen(self) -> InsideScreen:
        from rnnlm_tui.tui.inside.screen import InsideScreen

        return InsideScreen()

    @property
    def _own_run(self) -> FollowedRun | None:
        """The app's own training, if it is running."""
        return self._followed_runs.own_running if self._followed_runs else None

    @property
    def opened_model(self) -> OpenedModel | None:
        """The active model, which suggests; None while no model is loaded."""
        return self._model_loader.current

    @property
    def active_name(self) -> str | None:
        return self._model_loader.name

    @property
    def has_no_models(self) -> bool:
        """True once it is known that no model can be loaded."""
        return self._model_loader.is_empty

    @property
    def default_seed_line(self) -> str:
        """The line for a training to continue after each epoch, until the user names another."""
        return self.autocomplete.latest_line

    @property
    def line_being_written(self) -> tuple[str, tuple[str, ...]]:
        """The line on the Autocomplete screen up to the cursor, and the lines above it. If nothing
        is being written, the last line of the page, and no lines above."""
        line, cursor, above = self.autocomplete.editor.place
        if line.strip():
            return line[:cursor], above
        latest = self.autocomplete.latest_line
        return f"{latest} " if latest else "", ()

    def header_texts(self) -> list[str]:
        """Returns texts for the header, from the longest to the shortest. The longest tells of the
        running training, the active model, and the keys that the writer has saved today."""
        parts = ["no model" if self.has_no_models else "loading ..."]
        if self.opened_model is not None:
            parts = [*filter(None, (self.active_name, self.autocomplete.keys_saved.sentence()))]
        if (run := self._followed_runs.running if self._followed_runs else None) is not None:
            from rnnlm_tui.tui.runs.wording import progress_text

            parts.insert(0, progress_text(run, self.active_name))
        longest, *shorter = (" · ".join(parts[:count]) for count in range(len(parts), 0, -1))
        return [longest, longest.removesuffix(" today"), *shorter]

    def store_preferences(self) -> None:
        try:
            if problem := self._settings.store():
                self.notify_user(problem, "warning")
        except RnnlmError as error:
            self.show_error_once(error)

    # Start and end

    def get_default_screen(self) -> AutocompleteScreen:
        """Returns the first screen, which belongs to no mode at the start.

        From Python 3.12 on tasks start at once. Textual would then mount the screen of a mode
        before it is on the stack, and widgets that ask the app for its screen would find none.
        """
        return self.autocomplete

    async def on_mount(self) -> None:
        """Applies theme, keymap and signal handlers. The model is loaded after the first paint."""
        # Waits until the screen is mounted: keys pressed before that are lost.
        await AwaitMount(self.autocomplete, [self.autocomplete])
        self.add_mode(self.DEFAULT_MODE, self.get_default_screen)  # so that F2 comes back to it
        if self._has_few_colours:
            self.theme = "ansi-dark"
        elif self.preferences.theme in self.available_themes:
            self.theme = self.preferences.theme
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        if os.path.lexists(self.config_dir / "keymap.toml"):
            from rnnlm_tui.tui.keymap import use_keymap

            use_keymap(self, self.config_dir)
            keys = ",".join(self.user_keys.values()).split(",")
            # Otherwise these keys would still do what Textual binds them to in a TextArea.
            unbind(self.autocomplete.editor, keys)
        self.obey_signals()
        self.call_after_refresh(self._model_loader.begin, self._first_model)
        self.set_timer(NOTIFY_AFTER_S, self._notify_unfinished)
        self.set_interval(CHECK_EVERY_S, self._model_loader.reload_if_saved)
        self.set_interval(CHECK_EVERY_S, self._follow_others)
        if self._settings.problem:
            self.notify_user(self._settings.problem, "warning")

    async def on_unmount(self) -> None:
        # A signal may close the app before the screen is told of the last change of its text.
        self.autocomplete.open_text.keep_draft()
        await self.session.close()

    @work(group="unfinished")
    async def _notify_unfinished(self) -> None:
        from rnnlm_tui.tui.runs.wording import unfinished_notice

        with suppress(RnnlmError):  # the error is shown when the library is needed
            runs = await asyncio.to_thread(self.library.runs.all)
            if notice := unfinished_notice(runs, self.shown_key):
                self.notify_user(notice)

    @work(group="trainings", exclusive=True)
    async def _follow_others(self) -> None:
        """Follows a training of another process, if there is one, so that the header and the Train
        screen show it. An earlier app may have left it in the background."""
        if self._followed_runs is None or self._followed_runs.running is None:
            with suppress(RnnlmError):  # the training has just ended
                if names := await asyncio.to_thread(self.library.runs.in_training):
                    await self.followed_runs.follow(names[0])

    @work(group="build_ahead")
    async def _build_other_screens(self) -> None:
        await self.idle()
        await asyncio.to_thread(import_module, "rnnlm_tui.tui.train.screen")
        for mode in ("train", "models"):  # so that each is painted at once when first shown
            await self.idle()
            await build_mode(self, mode)

    def _active_model_changed(self) -> None:
        """Called when another model is active, or a new version of the same one, or none."""
        name, before = self.active_name, self._last_name
        self._last_name = name or before
        if name is not None and before is None:  # the first model
            with self.showing_errors():
                self.library.unwanted.words()  # raises if the file cannot be read
            self._build_other_screens()
        elif name is not None and name != before:
            self.notify_user(self._use_notices.pop(name, f"{name} is in use"), topic="model")
        if (run := self._own_run) is not None:
            with self.showing_errors():
                run.compare_with(name)
        # The screen may not be mounted yet, or not be there any more.
        if self.autocomplete.is_mounted and self.autocomplete.is_attached:
            self.autocomplete.active_model_changed()
            self.models_changed()
        if self.current_mode == "inside":
            self.inside_screen.ask()

    @property
    def _has_few_colours(self) -> bool:
        """True if the terminal has at most 16 colours, in which most themes are grey on grey."""
        return self.no_color or self.console.color_system == "standard"

    def _keep_theme(self, theme: Theme) -> None:
        if not self._has_few_colours:
            self.preferences.theme = theme.name
            self.store_preferences()

    async def action_quit(self) -> None:
        """Quits, after questions if the text is not stored or a training is running."""
        if self._is_quitting:
            return
        await self.autocomplete.editor.handle_keys()  # Enter right before this key keeps a line
        saving = self.autocomplete.saving
        is_saving = saving.is_busy and not self.screen.is_modal
        farewell = None if is_saving else await saving.farewell()
        if farewell is not None and self._own_run is None:
            self.exit(message=farewell)
        else:
            self._is_quitting = True
            self._ask_and_quit(farewell, is_saving)

    @work(group="quit")
    async def _ask_and_quit(self, farewell: str | None, is_saving: bool) -> None:
        """Quits unless the user decides to stay, once the text is saved if it `is_saving`.
        `farewell` is what to print once the app is closed, or None if the open text is not stored
        or is being saved."""
        if is_saving:
            await self.autocomplete.saving.finish()
            farewell = await self.autocomplete.saving.farewell()
        if farewell is None:
            while self.screen.is_modal:  # `ask` asks nothing while a dialog is open
                if self.screen.is_mounted:  # a dialog that is still being built cannot close
                    await self.screen.dismiss(None)
                await asyncio.sleep(0.01)
            farewell = await self.autocomplete.saving.quit_unstored()
        if farewell is not None and (run := self._own_run) is not None:
            from rnnlm_tui.tui.runs.actions import leave_run

            about_run = await leave_run(self, run)
            farewell = None if about_run is None else f"{about_run}\n{farewell}".strip()
        if farewell is not None:  # otherwise the user stays
            self.exit(message=farewell)
        self._is_quitting = False

    # Screens

    def show_mode(self, mode: ScreenName) -> None:
        """Shows a screen, unless a dialog is open."""
        if mode != self.current_mode and not self.screen.is_modal:
            self.switch_mode(mode)

    def action_show(self, mode: ScreenName) -> None:
        """Shows a screen. While a dialog is open, a message puts this off until the keys pressed
        before are obeyed: one of them may close the dialog."""
        if self.screen.is_modal:
            (self.focused or self.screen).post_message(ScreenWanted(mode))
        else:
            self.show_mode(mode)

    @on(ScreenWanted)
    def _show_wanted(self, event: ScreenWanted) -> None:
        self.show_mode(event.mode)

    def show_model(self, name: str) -> None:
        """Shows the Models screen with this model selected."""
        self.models_screen.choose(name)
        self.show_mode("models")

    def action_keys(self) -> None:
        from rnnlm_tui.tui.help.keys import KeysScreen, actions_on

        self.push_screen(KeysScreen(actions_on(self, self.screen)))

    def action_command_palette(self) -> None:
        from rnnlm_tui.tui.help.palette import Commands, Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette([Commands]))

    # Models

    def use_model(self, name: str, notice: str = "") -> None:
        """Loads a model and makes it the one in use, also at the next start. Shows `notice` once it
        is active, by default that it is in use."""
        self._use_notices[name] = notice or f"{name} is in use"
        self._model_loader.choose(name)

    def never_suggest(self, word: str, before: str | None = None) -> str:
        """Stores a word that no model is to suggest any more. Returns it as it is stored. If it
        cannot be stored, shows why and returns "".

        `before` is the line up to the cursor if the word is from the list. At the start of a
        sentence the list writes "will" as "Will", and "will" is stored. Without `before` the word
        is stored as it is.
        """
        from rnnlm_tui.suggesting.suggest import word_of_list

        if self.opened_model is not None:
            with self.showing_errors():
                if before is not None:
                    word = word_of_list(self.opened_model.model, before, word)
                self.library.unwanted.add(word)
                undo = self.shown_key("line.undo", "ctrl+z")
                notice = f'"{word}" is never suggested now; {undo} takes this back'
                self.notify_user(notice, topic="unwanted")
                return word
        return ""

    def suggest_again(self, word: str) -> None:
        """Removes a word that `never_suggest` has stored."""
        with self.showing_errors():
            self.library.unwanted.remove(word)
            self.notify_user(f'"{word}" is suggested again', topic="unwanted")

    def models_changed(self) -> None:
        """Called when a model was added, removed or changed."""
        if self.current_mode == "models":  # it reloads whenever it is shown
            self.models_screen.reload()

    def name_changed(self, old: str, new: str | None) -> None:
        """Called when a model was renamed, or deleted (`new` is None). A renamed model stays
        active. If the active model was deleted, another one becomes active."""
        if self._followed_runs is not None:
            self._followed_runs.name_changed(old, new)
        self._model_loader.name_changed(old, new)
        self.models_changed()

    # Training

    @work(group="resume")
    async def resume_run(self, name: str) -> None:
        """Resumes the run `name`. If it has finished, trains it for more epochs, whose number it
        asks for."""
        from rnnlm_tui.tui.runs.actions import request_to_go_on

        with self.showing_errors():
            if (request := await request_to_go_on(self, name)) is not None:
                self.start_training(request)

    def start_training(self, request: TrainArguments) -> None:
        """Starts a training on the Train screen."""
        self.show_mode("train")
        self.call_after_refresh(lambda: self.train_screen.start(request))

    def watch_run(self, name: str) -> None:
        """Shows a run of another process on the Train screen."""
        self.show_mode("train")
        self.call_after_refresh(lambda: self.train_screen.watch_run(name))

    def run_saved(self, run: FollowedRun, saved: Saved) -> None:
        """Called when a run has saved its model, which is reloaded if it is the active one."""
        if saved.best:
            self._model_loader.reload(run.name)
        is_new = run.is_own and saved.epoch == 0 and run.name != self.active_name
        if is_new and not self._is_on_screen(run):
            keys = f"{self.shown_key('app.train', 'f3')}, {self.shown_key('train.write', 'w')}"
            self.notify_user(f"the n-grams of {run.name} are saved. {keys}: write with them")
        self.models_changed()

    def run_ended(self, run: FollowedRun) -> None:
        """Called when a run is over. If it is the app's own, and its model has proved better than
        the active one, uses that model from now on. While the app is being closed the active model
        stays, since nobody would read the notice."""
        from rnnlm_tui.tui.runs.wording import end_notice, use_sentence
        from rnnlm_tui.wording.savings import is_better

        old = self.active_name
        comparison = run.progress.comparison_with(old)
        proved_better = comparison is not None and is_better(comparison)
        is_used = proved_better and run.is_own and not self._is_quitting
        if about_use := use_sentence(run, old, self.shown_key, is_used=is_used):
            run.progress.note(about_use)
        notice, severity = end_notice(run, old, about_use, self.shown_key)
        if is_used and old is not None:
            self.models_screen.choose(old)  # so that F4 and then u go back to it
            self.use_model(run.name, notice)
        elif not self._is_on_screen(run):
            self.notify_user(notice, severity)
        self.models_changed()

    def _is_on_screen(self, run: FollowedRun) -> bool:
        is_run_shown = self.current_mode == "train" and self.train_screen.is_run_shown
        return is_run_shown and self.followed_runs.shown is run
