"""The interface of the app for screens and widgets.

Screens never import the app; they use this protocol. A feature that needs more of the app extends
the protocol in its own package (`train.host`, `writing.host`).
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, TypeVar

from textual.binding import Binding
from textual.screen import ModalScreen

if TYPE_CHECKING:
    from rnnlm_tui.errors import RnnlmError
    from rnnlm_tui.store.library import Library

Answer = TypeVar("Answer")
Mode: TypeAlias = Literal["autocomplete", "train", "models", "inside"]
"""The name of a screen."""
Severity: TypeAlias = Literal["information", "warning", "error"]


class Host(Protocol):
    """The members of the app that every screen may use."""

    @property
    def current_mode(self) -> str:
        """The name of the current screen."""

    @property
    def library(self) -> Library:
        """The models in the data folder."""

    @property
    def active_name(self) -> str | None:
        """The name of the active model, the one that suggests; None if there is none."""

    def notify_user(self, message: str, severity: Severity = ...) -> None:
        """Shows a toast. The message is not markup, and control characters are replaced."""

    def show_error(self, error: RnnlmError) -> None:
        """Shows what went wrong and what to do about it."""

    def show_error_once(self, error: RnnlmError) -> None:
        """Shows an error, unless one with the same message was shown before."""

    def showing_errors(self) -> AbstractContextManager[None]:
        """Returns a context that shows and suppresses an RnnlmError raised in it."""

    async def ask(self, dialog: ModalScreen[Answer | None]) -> Answer | None:
        """Shows a dialog and waits for its answer; None at once if a dialog is already open."""

    def header_text(self) -> str:
        """Returns the text of the header: the running training and the active model."""

    def shown_keys(self, binding: Binding) -> list[str]:
        """Returns the keys of a binding, according to the user's keymap."""

    def show_mode(self, mode: Mode) -> None:
        """Shows a screen."""

    def use_model(self, name: str) -> None:
        """Loads a model and makes it the active one."""

    def models_changed(self) -> None:
        """Called when a model was added, removed or changed."""

    def name_changed(self, old: str, new: str | None) -> None:
        """Called when a model was renamed, or deleted (None). If it was active, it stays so under
        its new name, or another becomes active."""

    def resume_run(self, name: str) -> None:
        """Resumes an unfinished run on the Train screen."""

    def watch_run(self, name: str) -> None:
        """Shows a run of another process on the Train screen."""
