"""Dialogs that change how suggestions are shown and accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, cast

if TYPE_CHECKING:
    from rnnlm_tui.accepting import DigitSetting
    from rnnlm_tui.tui.writing.host import WritingHost

DIGIT_SETTINGS: dict[DigitSetting, str] = {
    "with alt": "alt+1 to alt+5 take a word; a plain digit is typed",
    "inside words": "1 to 5 too, while a word is half typed",
    "always": "1 to 5 too, also at the start of a word",
}
"""Each with an explanation."""
Switch: TypeAlias = Literal["capital_i", "continue_lines", "details"]
SAID: dict[Switch, tuple[str, str]] = {
    "capital_i": ("in English the word i becomes I", "in English the word i stays as it is"),
    "continue_lines": (
        "each line that you send is continued",
        "each line that you send stays as it is",
    ),
}
"""What is said when a setting was switched on and off, if it is not seen at once."""


def toggle(host: WritingHost, setting: Switch) -> None:
    """Switches a setting on or off, and says what holds now."""
    is_on = not getattr(host.preferences, setting)
    setattr(host.preferences, setting, is_on)
    host.store_preferences()
    if setting in SAID:
        on, off = SAID[setting]
        host.notify_user(on if is_on else off)


async def ask_threshold(host: WritingHost) -> bool:
    """Asks for the lowest probability at which the ghost is shown. Returns whether it was given."""
    from msgspec import Meta

    from rnnlm_tui.tui.widgets.dialogs import AskText, number_check

    text = "The ghost is shown if its first word is at least this likely, in per cent."
    now = f"{100 * host.preferences.ghost_from:g}"
    check = number_check(Annotated[float, Meta(ge=0, le=100)])
    answer = await host.ask(AskText("Ghost threshold", text, now, check=check))
    if answer is not None:
        host.preferences.ghost_from = float(answer) / 100
        host.store_preferences()
    return answer is not None


async def choose_digits(host: WritingHost) -> bool:
    """Asks which digits take a word of the list. Returns whether that was chosen."""
    from rnnlm_tui.tui.widgets.dialogs import Choice

    rows = [
        (setting, f"{'✓ ' if setting == host.preferences.digits else ''}{setting}", explanation)
        for setting, explanation in DIGIT_SETTINGS.items()
    ]
    text = (
        "Which digits take a word of the list?\n"
        "If you meant the digit, type a space, another digit or Backspace."
    )
    answer = await host.ask(Choice("Digits", text, rows))
    if answer is not None:
        host.preferences.digits = cast("DigitSetting", answer)
        host.store_preferences()
    return answer is not None
