"""An input for a path; the rest of a matching entry on disk is shown in grey."""

from __future__ import annotations

import asyncio
import os
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.suggester import Suggester, SuggestionReady

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.widgets.safe_inputs import SafeInput

MAX_MATCHES = 200
MAX_ENTRIES = 100_000
"""Entries read of a folder, so that a huge one does not keep a thread busy for long."""


def completions(text: str) -> tuple[str, ...]:
    """The paths that continue `text`, folders first, each folder with a "/" at its end.

    Reads a folder, so call it in a thread. Empty if the folder cannot be read. Hidden entries are
    left out unless their dot is typed, and so are names with characters that cannot be shown.
    """
    if text == "~":
        return ("~/",)
    slash = max(text.rfind("/"), text.rfind(os.sep))
    head, start = text[: slash + 1], text[slash + 1 :]
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(expanded(head) or ".") as entries:
            for _, entry in zip(range(MAX_ENTRIES), entries, strict=False):
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
    return (*sorted(folders), *sorted(files))[:MAX_MATCHES]


def expanded(text: str) -> str:
    """The path with `~` written out; the text itself if there is no such home."""
    return os.path.expanduser(text)  # noqa: PTH111 - a Path loses the slash at the end


class PathSuggester(Suggester):
    """Suggests the first entry on disk that continues a path."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.text = ""
        """The path that `matches` continue."""
        self.matches: tuple[str, ...] = ()

    async def get_suggestion(self, value: str) -> str | None:
        """The first match, or None."""
        self.text, self.matches = value, ()
        found = await asyncio.to_thread(completions, value)
        if value != self.text:
            return None  # more was typed meanwhile
        self.matches = found
        return found[0] if found else None


class PathInput(SafeInput):
    """An input for a path.

    Tab or Right accepts the grey text; Down and Up show the other matches. Tab moves the focus if
    there is nothing to accept.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "Complete", id="path.complete", show=False,
                tooltip="Complete the path with the grey text"),
        Binding("down", "next_match(1)", "Next match", id="path.next", show=False,
                tooltip="Show the next matching file or folder"),
        Binding("up", "next_match(-1)", "Previous match", id="path.previous", show=False,
                tooltip="Show the previous matching file or folder"),
    ]  # fmt: skip

    def __init__(
        self,
        value: str = "",
        placeholder: str = "",
        *,
        compact: bool = False,
        select_on_focus: bool = True,
        id: str | None = None,
    ) -> None:
        self._paths, self._index = PathSuggester(), 0
        super().__init__(
            value,
            placeholder,
            suggester=self._paths,
            select_on_focus=select_on_focus,
            compact=compact,
            id=id,
        )

    @property
    def matches(self) -> tuple[str, ...]:
        """The paths on disk that continue the value; empty while they are being looked up."""
        return self._paths.matches if self.value == self._paths.text else ()

    def on_input_changed(self) -> None:
        """Starts again at the first match."""
        self._index = 0

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Lets Tab, Down and Up through to others if there is nothing to complete."""
        if action in ("complete", "next_match"):
            at_end = self.cursor_at_end and self.selection.is_empty
            return at_end and bool(self.value and self.matches)
        return super().check_action(action, parameters)

    def action_complete(self) -> None:
        self.value = self.matches[self._index]
        self.action_end()

    def action_next_match(self, step: int) -> None:
        self._index = (self._index + step) % len(self.matches)
        self.post_message(SuggestionReady(self.value, self.matches[self._index]))
