"""The dialog that changes how suggestions are accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from rnnlm_tui.accepting import DigitSetting
    from rnnlm_tui.tui.app import RnnlmApp

DIGIT_SETTINGS: dict[DigitSetting, str] = {
    "with alt": "alt+1 to alt+5 take a word; a plain digit is typed",
    "inside words": "1 to 5 too, while a word is half typed",
    "always": "1 to 5 too, also at the start of a word",
}
"""Each with an explanation."""


async def choose_digits(app: RnnlmApp) -> bool:
    """Asks which digits take a word of the list. Returns whether that was chosen."""
    from rnnlm_tui.tui.widgets.dialogs import Choice

    rows = [
        (setting, f"{'✓ ' if setting == app.preferences.digits else ''}{setting}", explanation)
        for setting, explanation in DIGIT_SETTINGS.items()
    ]
    text = (
        "Which digits take a word of the list?\n"
        "If you meant the digit, type a space, another digit or Backspace."
    )
    answer = await app.ask(Choice("Digits", text, rows))
    if answer is not None:
        app.preferences.digits = cast("DigitSetting", answer)
        app.store_preferences()
    return answer is not None
