"""The settings that the user changes on the Autocomplete screen."""

from __future__ import annotations

from rnnlm_tui.tui.writing.candidates import in_percent
from rnnlm_tui.tui.writing.ghost import Visibility
from rnnlm_tui.tui.writing.host import WritingHost


class Switches:
    """The ghost, its threshold and the continuation of lines. Stored in the preferences."""

    def __init__(self, host: WritingHost, visibility: Visibility) -> None:
        self._host, self._preferences, self._visibility = host, host.preferences, visibility
        visibility.ghost_on = self._preferences.ghost
        visibility.threshold = self._preferences.ghost_from

    def __str__(self) -> str:
        chosen = self._preferences
        ghost = f"≥{in_percent(chosen.ghost_from)}" if chosen.ghost else "off"
        return f"ghost {ghost} · continue lines {'on' if chosen.continue_lines else 'off'}"

    def toggle_ghost(self) -> None:
        self._visibility.toggle()
        self._preferences.ghost = self._visibility.ghost_on
        self._host.store_preferences()

    def toggle_continuing(self) -> None:
        self._preferences.continue_lines ^= True
        self._host.store_preferences()

    async def ask_threshold(self) -> None:
        """Asks for the lowest probability at which the ghost is shown."""
        from rnnlm_tui.tui.widgets.dialogs import AskText

        text = "The ghost is shown if its first word is at least this likely, from 0 to 1."
        now = f"{self._preferences.ghost_from:g}"
        dialog = AskText("Ghost threshold", text, now, check=_check_share)
        answer = await self._host.ask(dialog)
        if answer is not None:
            self._preferences.ghost_from = self._visibility.threshold = float(answer)
            self._host.store_preferences()


def _check_share(text: str) -> str | None:
    """Returns what is wrong with a text that should be a number from 0 to 1, or None."""
    try:
        return None if 0 <= float(text) <= 1 else "it must be between 0 and 1"
    except ValueError:
        return "it must be a number such as 0.15"
