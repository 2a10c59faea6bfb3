"""What screens and widgets may ask of the app that shows them.

Screens never import the app. They see it through this protocol; a feature that needs more of it
extends the protocol in its own package (`train.host`, `writing.host`).
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
Mode: TypeAlias = Literal["autocomplete", "train", "models"]
"""The name of a screen."""
Severity: TypeAlias = Literal["information", "warning", "error"]


class Host(Protocol):
    """The app, as every screen sees it."""

    @property
    def current_mode(self) -> str:
        """The name of the screen that is shown."""

    @property
    def library(self) -> Library:
        """The models in the data folder."""

    @property
    def active_name(self) -> str | None:
        """The name of the model that suggests; None if none does."""

    def notify_user(self, message: str, severity: Severity = ...) -> None:
        """Shows a toast; no text in it is markup, nor can it steer the terminal."""

    def show_error(self, error: RnnlmError) -> None:
        """Shows what went wrong and what to do about it."""

    def show_error_once(self, error: RnnlmError) -> None:
        """Shows an error unless it was shown before."""

    def showing_errors(self) -> AbstractContextManager[None]:
        """Shows an error that is raised within the block, and goes on after it."""

    async def ask(self, dialog: ModalScreen[Answer | None]) -> Answer | None:
        """Shows a dialog and waits for its answer; None at once if another one is open already."""

    def header_text(self) -> str:
        """What trains and which model suggests, for the header."""

    def shown_keys(self, binding: Binding) -> list[str]:
        """The keys of a binding, after the user's keymap."""

    def show_mode(self, mode: Mode) -> None:
        """Shows a screen."""

    def use_model(self, name: str) -> None:
        """Loads a model and suggests with it."""

    def models_changed(self) -> None:
        """A model was added, removed or changed."""

    def renamed(self, old: str, new: str) -> None:
        """A model has another name."""

    def deleted(self, name: str) -> None:
        """A model was deleted."""

    def resume_run(self, name: str) -> None:
        """Resumes an unfinished run on the Train screen."""

    def watch_run(self, name: str) -> None:
        """Shows a run of another process on the Train screen."""
