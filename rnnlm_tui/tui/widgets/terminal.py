"""What any terminal app needs: toasts, errors, signals, crashes, the spelling of keys."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from rich.console import RenderableType
from rich.text import Text
from textual import constants, events
from textual.app import App
from textual.binding import Binding
from textual.keys import format_key
from textual.notifications import Notification, SeverityLevel
from textual.screen import ModalScreen
from textual.worker import WorkerFailed

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.widgets.styles import DARK, LIGHT, meanings
from rnnlm_tui.tui.widgets.textual_private import (
    HookedApp,
    page_only_with_room,
    read_alt_keys,
    read_pastes_whole,
)

Returned = TypeVar("Returned")
KEY_NAMES = {
    "delete": "Del",
    "end": "End",
    "enter": "Enter",
    "escape": "Esc",
    "home": "Home",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "space": "Space",
    "tab": "Tab",
}
IDLE_S = 1.0
"""Seconds without a key press after which slow work is begun, such as building another screen. Such
work slows suggestions, since Python runs one thread at a time: the first suggestion below a text of
400 words would take 0.7 s instead of 0.07."""
TOAST_S: dict[SeverityLevel, float] = {"information": 3, "warning": 5, "error": 8}
"""Seconds for which a toast is shown, by its severity."""
log = logging.getLogger(__name__)


def is_sent(key: str) -> bool:
    """Returns whether terminals send a key, so that it is worth showing. Most of them send no key
    with super, hyper or meta. ctrl+@ is not shown, since it is another name of ctrl+space."""
    return key != "ctrl+@" and {"super", "hyper", "meta"}.isdisjoint(key.split("+"))


class CrashError(Exception):
    """Tells the user in a sentence that the app has crashed. Its cause is the error."""

    def __rich__(self) -> Text:
        return Text(sanitize(str(self)))


class TerminalApp(HookedApp):
    """The base class of the app, which knows nothing of models and trainings."""

    TITLE = APP_NAME

    def __init__(self, log_path: Path) -> None:
        """`log_path` is the file with the details of a crash."""
        read_alt_keys()
        read_pastes_whole()
        page_only_with_room()
        # With NO_COLOR, Textual would convert ansi colours, and paint black on black.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        if constants.DEFAULT_THEME == "textual-dark":  # the user's TEXTUAL_THEME names no other
            self.set_reactive(App.theme, DARK.name)
            self.stylesheet.set_variables(self.get_css_variables())
        self._log_path = log_path
        self._shown_errors: set[str] = set()
        self._toasts: dict[str, Notification] = {}
        """The last toast of each topic."""
        self._last_key_s = time.monotonic()
        """The time of the last key press. The start counts as one."""
        self._is_closing = False
        self.user_keys: Mapping[str, str] = {}
        """The user's own keys, by the id of their binding."""

    def get_css_variables(self) -> dict[str, str]:
        """Returns the variables of the theme, with the colours that mean something. In the
        terminal's own colours no text is blue, which many terminals show too dark on black."""
        variables = super().get_css_variables()
        if self.native_ansi_color:
            variables["text-primary"] = "ansi_default"
        variables.update(meanings(self.current_theme, variables))
        return variables

    def notify_user(
        self, message: str, severity: SeverityLevel = "information", topic: str = ""
    ) -> None:
        """Shows a toast. It replaces the last one of the same topic, or, without a topic, the one
        with the same message. The message is not markup. Its control characters are replaced."""
        toast = Notification(sanitize(message), "", severity, TOAST_S[severity])
        self.show_toast(toast, instead_of=self._toasts.get(topic or message))
        self._toasts[topic or message] = toast

    def show_error(self, error: RnnlmError) -> None:
        """Shows what went wrong and what to do about it."""
        log.warning("%s (%s)", error.message, error.hint)
        self.notify_user(error.sentence(), "error")

    def show_error_once(self, error: RnnlmError) -> None:
        """Shows an error, unless one with the same message was shown before."""
        if error.message not in self._shown_errors:
            self._shown_errors.add(error.message)
            self.show_error(error)

    @contextmanager
    def showing_errors(self) -> Iterator[None]:
        """Shows and suppresses an RnnlmError raised in this context."""
        try:
            yield
        except RnnlmError as error:
            self.show_error(error)

    async def ask(self, dialog: ModalScreen[Returned | None]) -> Returned | None:
        """Shows a dialog and returns its answer. Returns None at once if another dialog is open.
        For workers only."""
        return None if self.screen.is_modal else await self.push_screen_wait(dialog)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key):
            self._last_key_s = event.time
            if event.key.startswith("alt+"):
                event.character = None  # otherwise alt+t would type a t
        await super().on_event(event)

    async def idle(self) -> None:
        """Waits until nobody has typed for a while."""
        while time.monotonic() < self._last_key_s + IDLE_S:
            await asyncio.sleep(IDLE_S / 4)

    # Signals

    def obey_signals(self) -> None:
        """Exits cleanly on SIGTERM and SIGHUP; suspends and resumes on SIGTSTP and SIGCONT."""
        loop = asyncio.get_running_loop()
        with suppress(AttributeError, NotImplementedError, RuntimeError):  # missing on Windows
            resume, suspend = signal.getsignal(signal.SIGCONT), signal.getsignal(signal.SIGTSTP)
            loop.add_signal_handler(signal.SIGTERM, self.exit)
            loop.add_signal_handler(signal.SIGHUP, self.exit)
            loop.add_signal_handler(signal.SIGCONT, self._resume, resume)
            if callable(suspend):
                # The loop calls Textual's handler between two of its steps. Called at any time, it
                # could interrupt a write to a queue and then wait for that queue for ever.
                loop.add_signal_handler(signal.SIGTSTP, suspend, signal.SIGTSTP, None)

    def _resume(self, resume: object) -> None:
        """Calls Textual's handler `resume` after a stop by the shell.

        A window that is being closed sends SIGCONT, too, right after SIGHUP. The handler would then
        write to a closed terminal and wait for ever, so it is not called.
        """
        if callable(resume) and not self._is_closing:
            resume(signal.SIGCONT, None)
            self.screen.refresh(layout=True)  # the terminal has lost its content

    def exit(
        self, result: None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        self._is_closing = True
        super().exit(result, return_code, message)

    def crash_report(self, error: Exception) -> CrashError | None:
        """Logs the traceback of a crash, and returns what to print after the app has closed.
        Textual would print a hundred lines with the values of all variables, such as what the user
        has written.

        An error while the app closes is only logged. Such errors come from a screen that was opened
        just before `exit`: Textual 8.2.8 no longer mounts its children, but runs its handlers and
        workers, which do not find them.
        """
        cause = error.error if isinstance(error, WorkerFailed) else error
        if self._is_closing:
            log.info("an error while the app closed", exc_info=cause)
            return None
        log.critical("the app crashed", exc_info=cause)
        self.exit(return_code=1)  # so that nothing is drawn on widgets that are being removed
        reason = str(cause).partition("\n")[0] or type(cause).__name__
        report = CrashError(f"{APP_NAME} crashed ({reason}); the details are in {self._log_path}")
        report.__cause__ = cause
        return report

    def shown_key(self, binding_id: str, default: str) -> str:
        """Returns the key to show for the binding with this id: the default, or the first of the
        user's own keys, which is one that terminals send."""
        key = self.user_keys.get(binding_id, default).split(",")[0]
        return self.get_key_display(Binding(key, ""))

    def get_key_display(self, binding: Binding) -> str:
        """Returns the key of a binding as all texts spell it: ctrl+p, Tab, Esc, F1, ↑."""
        if binding.key_display:
            return binding.key_display
        *modifiers, key = binding.key.split("+")
        if re.fullmatch(r"f\d+", key):
            return "+".join((*modifiers, key.upper()))
        if modifiers and key in KEY_NAMES:
            return binding.key
        return "+".join((*modifiers, KEY_NAMES.get(key, format_key(key))))

    def action_help_quit(self) -> None:
        quits = self.shown_key("app.quit", "ctrl+q")
        self.notify_user(f"nothing is selected to copy; {quits} quits")
