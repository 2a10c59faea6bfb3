"""Input fields that replace control characters, and one for paths.

Some terminals, such as tmux, pass on the control characters of a paste. When shown, they could
control the terminal.
"""

from __future__ import annotations

import asyncio
import os
from typing import ClassVar

from textual import events, work
from textual.binding import Binding, BindingType
from textual.suggester import SuggestionReady
from textual.widgets import Input

from rnnlm_tui.formatting import INVISIBLE, sanitize

EDITING = ("cursor", "delete", "home", "end")
"""The names of actions that move the cursor or delete begin with one of these."""


class SafeInput(Input):
    """A line of text. Control characters become U+FFFD."""

    async def on_key(self, event: events.Key) -> None:
        """Moves the cursor and deletes at once. Textual does so only when the key has bubbled up to
        the app, and letters typed quickly after it would overtake it."""
        active = self.screen.active_bindings.get(event.key)
        if active and active.node is self and active.binding.action.startswith(EDITING):
            event.prevent_default().stop()
            await self.run_action(active.binding.action)

    def validate_value(self, value: str) -> str:
        return sanitize(value)


class PathInput(SafeInput):
    """An input for a path. A completion is shown in grey. Tab or Right accepts it; Tab moves the
    focus if there is none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "complete", id="path.complete",
                tooltip="Complete the path; by the text in grey"),
    ]  # fmt: skip

    completed = ""
    """The value with its path completed; "" if no completion is known."""

    def path_in(self, value: str) -> str:
        """Returns the path to complete, with which the value ends."""
        return value

    def watch_value(self, value: str) -> None:
        self.completed = ""
        self._look_up(value)

    def on_focus(self) -> None:
        """Shows the completion again: Textual removes it whenever the input gets the focus."""
        self._look_up(self.value)

    @work(group="completion", exclusive=True)
    async def _look_up(self, value: str) -> None:
        """Looks for completions and shows the first one. A later call cancels this one."""
        path = self.path_in(value)
        if path and (found := await asyncio.to_thread(completions, path)):
            self.completed = value.removesuffix(path) + found[0]
            self.post_message(SuggestionReady(value, self.completed))
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disables Tab if there is nothing to complete."""
        if action == "complete":
            return bool(self.completed) and self.cursor_at_end and self.selection.is_empty
        return super().check_action(action, parameters)

    def action_complete(self) -> None:
        self.value = self.completed
        self.action_end()


def sanitize_lines(text: str) -> str:
    """Returns `text` with newlines for all line ends, U+FFFD for control characters other than
    tabs, and without invisible characters."""
    for invisible in INVISIBLE:  # 15 times faster than `translate`
        text = text.replace(invisible, "")
    lines = f"{text}.".splitlines()  # without the dot a newline at the end would be lost
    shown = "\n".join("\t".join(map(sanitize, line.split("\t"))) for line in lines)
    return shown[:-1]


def completions(text: str) -> tuple[str, ...]:
    """Returns the paths that start with `text`, folders first, each of which ends in "/".

    Returns none if the folder cannot be read. Leaves out names with control characters, and hidden
    entries unless their dot is typed. Reads a folder, so call it in a thread.
    """
    if text == "~":
        return ("~/",)
    slash = max(text.rfind("/"), text.rfind(os.sep))
    head, start = text[: slash + 1], text[slash + 1 :]
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(expand_home(head) or ".") as entries:
            for entry in entries:
                name = entry.name
                is_hidden = name.startswith(".") and not start.startswith(".")
                if not name.startswith(start) or is_hidden or sanitize(name) != name:
                    continue
                if entry.is_dir():
                    folders.append(f"{head}{name}/")
                elif name != start:
                    files.append(f"{head}{name}")
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return ()
    return (*sorted(folders), *sorted(files))


def expand_home(text: str) -> str:
    """Returns the path with `~` expanded, or the text itself if there is no such home."""
    return os.path.expanduser(text)  # noqa: PTH111 - a Path drops the slash at the end
