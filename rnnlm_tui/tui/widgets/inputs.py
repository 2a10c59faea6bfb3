"""Input fields without control characters, which could control the terminal, and one for paths.

Some terminals, such as tmux, pass on the control characters of a paste.
"""

from __future__ import annotations

import asyncio
import os
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.reactive import Reactive
from textual.suggester import SuggestionReady
from textual.widgets import Input

from rnnlm_tui.formatting import sanitize


class SafeInput(Input):
    """A line of text. Control characters become U+FFFD.

    Its CSS must fix its size: a change of its text repaints only the input. Textual's Input lays
    out the whole screen again at each key, which takes 5 ms on a form.
    """

    virtual_size = Reactive(Size(0, 0))

    def validate_value(self, value: str) -> str:
        return sanitize(value)


class PathInput(SafeInput):
    """An input for a path.

    Tab or Right accepts the grey text, Down and Up show other matches. Without a match, Tab moves
    the focus.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "Complete", id="path.complete", show=False,
                tooltip="Complete the path; with the grey text"),
        Binding("down", "next_match(1)", "Next match", id="path.next", show=False,
                tooltip="Show the next match; a file or folder"),
        Binding("up", "next_match(-1)", "Previous match", id="path.previous", show=False,
                tooltip="Show the previous match; a file or folder"),
    ]  # fmt: skip

    matches: tuple[str, ...] = ()
    """The values that complete the path; empty while they are being looked up."""
    _index = 0
    """The index of the match that is shown."""

    def path_in(self, value: str) -> str:
        """Returns the path that is completed, which is the end of the value."""
        return value

    def watch_value(self, value: str) -> None:
        self.matches, self._index = (), 0
        self._look_up(value)

    @work(group="matches", exclusive=True)
    async def _look_up(self, value: str) -> None:
        """Shows the first match. A later call cancels this one."""
        if path := self.path_in(value):
            paths = await asyncio.to_thread(completions, path)
            self.matches = tuple(value.removesuffix(path) + found for found in paths)
        if self.matches:
            self.action_next_match(0)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disables Tab, Down and Up if there is nothing to complete."""
        if action in ("complete", "next_match"):
            at_end = self.cursor_at_end and self.selection.is_empty
            return at_end and bool(self.matches)
        return super().check_action(action, parameters)

    def action_complete(self) -> None:
        self.value = self.matches[self._index]
        self.action_end()

    def action_next_match(self, step: int) -> None:
        self._index = (self._index + step) % len(self.matches)
        self.post_message(SuggestionReady(self.value, self.matches[self._index]))


def sanitize_lines(text: str) -> str:
    """Returns `text` with newlines for all line ends, and U+FFFD for control characters other than
    tabs."""
    # The dot makes sure that the last line has no end.
    lines = f"{text}.".splitlines()
    shown = "\n".join("\t".join(map(sanitize, line.split("\t"))) for line in lines)
    return shown[:-1]


def completions(text: str) -> tuple[str, ...]:
    """Returns the paths that start with `text`, folders first, each with a "/" at its end.

    Empty if the folder cannot be read. Hidden entries are left out unless the dot is typed; names
    with control characters always are. Reads a folder, so call it in a thread.
    """
    if text == "~":
        return ("~/",)
    slash = max(text.rfind("/"), text.rfind(os.sep))
    head, start = text[: slash + 1], text[slash + 1 :]
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(expanded(head) or ".") as entries:
            for entry in entries:
                name = entry.name
                if not name.startswith(start) or name.startswith(".") > start.startswith("."):
                    continue
                if sanitize(name) != name:
                    continue
                if entry.is_dir():
                    folders.append(f"{head}{name}/")
                elif name != start:
                    files.append(f"{head}{name}")
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return ()
    return (*sorted(folders), *sorted(files))


def expanded(text: str) -> str:
    """Returns the path with `~` expanded, or the text itself if there is no such home."""
    return os.path.expanduser(text)  # noqa: PTH111 - a Path drops the slash at the end
