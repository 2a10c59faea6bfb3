"""The keys of the line being written."""

from __future__ import annotations

from textual.binding import Binding

LINE_KEYS: tuple[Binding, ...] = (
    Binding(
        "tab",
        "accept_word_or_move_on",
        "word",
        id="line.accept_word",
        tooltip="Accept one word of the ghost; without a ghost, move the focus",
    ),
    Binding(
        "ctrl+right,alt+f",
        "accept_word_or_skip_word",
        "Accept a word",
        id="line.accept_word_right",
        tooltip="Accept one word of the ghost; without a ghost, move a word to the right",
        show=False,
    ),
    Binding(
        "right",
        "accept_all_or_right",
        "all",
        id="line.accept_all",
        tooltip="Accept all of the ghost; elsewhere, move the cursor to the right",
    ),
    Binding(
        "end,ctrl+e",
        "accept_all_or_end",
        "Accept all",
        id="line.accept_all_end",
        tooltip="Accept all of the ghost; elsewhere, move the cursor to the end",
        show=False,
    ),
    Binding(
        "down",
        "choose_next",
        "choose",
        id="line.choose_next",
        tooltip="Choose in the list; Enter or a digit inserts",
    ),
    Binding(
        "up",
        "choose_previous_or_recall",
        "Earlier",
        id="line.choose_previous",
        tooltip="Up in the list; on an empty line, your earlier lines",
        show=False,
    ),
    Binding(
        "escape",
        "hide",
        "hide",
        id="line.hide",
        tooltip="Hide the suggestions until the next word",
    ),
    Binding(
        "enter",
        "send_or_insert",
        "send",
        id="line.send",
        tooltip="Send the line; the model continues it. In the list: insert the chosen word",
    ),
    Binding(
        "ctrl+@,ctrl+space",
        "suggest_now",
        "suggest",
        id="line.suggest_now",
        tooltip="Suggest now, though the ghost is off or hidden",
        show=False,
    ),
    Binding(
        "ctrl+z,super+z", "undo", "undo", id="line.undo", tooltip="Undo; one accept is one step"
    ),
    Binding(
        "ctrl+y,super+y",
        "redo",
        "Redo",
        id="line.redo",
        tooltip="Redo what was undone",
        show=False,
    ),
)
