"""One line for a path, completed from the folders on disk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.widgets.safe_inputs import SafeInput

MOST_ENTRIES = 200
"""Entries kept of a folder's matches: more than that nobody chooses from."""
MOST_LOOKED_AT = 100_000
"""Entries read of a folder, so that a huge one does not keep a thread busy for long."""


@dataclass(frozen=True, slots=True)
class Matches:
    """What stands in the folder of `text` and begins like it, folders first; a folder's name ends
    in '/'. `head` is the text up to the last '/', `common` what all names begin with."""

    text: str
    head: str = ""
    names: tuple[str, ...] = ()
    common: str = ""

    @property
    def completed(self) -> str:
        """The text as far as it can be completed without a choice."""
        return self.head + self.common if self.names else self.text


def matches(text: str) -> Matches:
    """The entries that complete `text`; none for a folder that is not there or cannot be read.

    Reads a folder, so it belongs into a thread. Names that hold control characters or bytes that
    are not text cannot be typed or shown and are left out.
    """
    if text == "~":
        return Matches(text, "", ("~/",), "~/")
    slash = max(text.rfind("/"), text.rfind(os.sep))
    head, start = text[: slash + 1], text[slash + 1 :]
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(expanded(head) or ".") as entries:
            for _, entry in zip(range(MOST_LOOKED_AT), entries, strict=False):
                name = entry.name
                if not name.startswith(start) or name.startswith(".") > start.startswith("."):
                    continue
                if sanitize(name) == name:
                    _into(folders, files, entry)
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return Matches(text)
    names = (*sorted(folders), *sorted(files))
    return Matches(text, head, names[:MOST_ENTRIES], _common_start(names))


def _common_start(names: Sequence[str]) -> str:
    """The characters that all names begin with."""
    if not names:
        return ""
    first, last = min(names), max(names)
    other = (index for index, char in enumerate(first) if last[index : index + 1] != char)
    return first[: next(other, len(first))]


def _into(folders: list[str], files: list[str], entry: os.DirEntry[str]) -> None:
    try:
        is_folder = entry.is_dir()
    except OSError:
        is_folder = False
    if is_folder:
        folders.append(entry.name + "/")
    else:
        files.append(entry.name)


def expanded(text: str) -> str:
    """The path with `~` written out; the text itself where there is no such home."""
    try:
        return str(Path(text).expanduser()) if text.startswith("~") else text
    except RuntimeError:
        return text


class PathLine(SafeInput):
    """The input of a PathInput: Tab, Down, Up, Enter and Esc work on the list beneath it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "tab",
            "complete",
            "Complete",
            id="path.complete",
            show=False,
            tooltip="Complete the path as far as the folder's entries agree",
        ),
        Binding(
            "down",
            "choose(1)",
            "Next entry",
            id="path.next",
            show=False,
            tooltip="Choose the next entry of the list",
        ),
        Binding(
            "up",
            "choose(-1)",
            "Entry before",
            id="path.previous",
            show=False,
            tooltip="Choose the entry before in the list",
        ),
        Binding(
            "escape",
            "unchoose",
            "No entry",
            id="path.unchoose",
            show=False,
            tooltip="Choose no entry of the list",
        ),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that has nothing to do here goes on to whoever else has it."""
        owner = self.parent
        if not isinstance(owner, PathInput):
            return True
        if action == "complete":
            return owner.can_complete
        if action == "choose":
            return owner.is_open
        if action == "unchoose":
            return owner.has_choice
        return True

    def action_complete(self) -> None:
        """Completes the path as far as that needs no choice."""
        self._owner.complete()

    def action_choose(self, step: int) -> None:
        """Moves the choice in the list."""
        self._owner.choose(step)

    async def action_submit(self) -> None:
        """Puts the chosen entry into the line; sends the line where none is chosen."""
        if self._owner.has_choice:
            self._owner.take()
        else:
            await super().action_submit()

    def action_unchoose(self) -> None:
        """Chooses no entry."""
        self._owner.unchoose()

    @property
    def _owner(self) -> PathInput:
        assert isinstance(self.parent, PathInput)
        return self.parent


class PathInput(Vertical):
    """A line for a path with the matching entries beneath it while it has the focus.

    Tab completes as far as all matches agree, and moves the focus where there is nothing to
    complete or nothing typed; Down and Up choose an entry, Enter or a click takes it. `floating`:
    the list lies over what stands beneath instead of moving it down.
    """

    DEFAULT_CSS = """
    PathInput {
        height: auto;
        Input { width: 1fr; }
        OptionList {
            display: none;
            height: auto;
            max-height: 5;
            border: none;
            padding: 0 1;
            background: $surface;
            scrollbar-size-vertical: 1;
            & > .option-list--option-highlighted {
                color: $block-cursor-foreground;
                background: $block-cursor-background;
                text-style: $block-cursor-text-style;
            }
        }
        &.-open OptionList { display: block; }
        &.-floating.-open OptionList {
            overlay: screen;
            constrain: none inside;
            max-height: 8;
            /* At the outer edge of its cells: a round one has a band of background outside. */
            border: tall $border;
        }
    }
    """

    @dataclass
    class Changed(Message):
        """The text is another one now. `value` is as typed; `expanded()` writes out its `~`."""

        path_input: PathInput
        value: str

        @property
        def control(self) -> PathInput:
            """The sender, for `@on(..., "#id")`."""
            return self.path_input

    @dataclass
    class Submitted(Message):
        """Enter, with no entry of the list chosen."""

        path_input: PathInput
        value: str

        @property
        def control(self) -> PathInput:
            """The sender, for `@on(..., "#id")`."""
            return self.path_input

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        floating: bool = False,
        select_on_focus: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.set_class(floating, "-floating")
        self._line = PathLine(value, placeholder=placeholder, select_on_focus=select_on_focus)
        self._list = OptionList(markup=False)
        self._list.can_focus = False  # the line keeps the focus, its keys move the choice
        self._matches = Matches(value)
        self._shown: tuple[str, ...] = ()
        self._wanted: str | None = None

    def compose(self) -> ComposeResult:
        """The line and its list."""
        yield self._line
        yield self._list

    @property
    def value(self) -> str:
        """The text as typed."""
        return self._line.value

    @value.setter
    def value(self, text: str) -> None:
        self._line.value = text
        self._line.cursor_position = len(text)

    @property
    def input(self) -> Input:
        """The line itself, for its looks and its focus."""
        return self._line

    def focus(self, scroll_visible: bool = True) -> PathInput:
        """Gives the line the focus."""
        self._line.focus(scroll_visible)
        return self

    @property
    def is_open(self) -> bool:
        """Whether entries are shown."""
        return self.has_class("-open")

    @property
    def has_choice(self) -> bool:
        """Whether an entry of the list is chosen."""
        return self.is_open and self._list.highlighted is not None

    @property
    def can_complete(self) -> bool:
        """Whether Tab has something to add to the text. To an empty one it adds nothing: whoever
        goes through a form with Tab has not asked for a file."""
        found = self._matches
        return (
            bool(self.value)
            and self._line.has_focus
            and self._line.cursor_at_end
            and found.text == self.value
            and found.completed != self.value
        )

    @property
    def entries(self) -> Sequence[str]:
        """The entries that are shown."""
        return self._shown if self.is_open else ()

    def complete(self) -> None:
        """Completes the text as far as all matches agree."""
        self.value = self._matches.completed

    def choose(self, step: int) -> None:
        """Moves the choice by `step`; above the first entry nothing is chosen."""
        now = self._list.highlighted
        index = (-1 if now is None else now) + step
        self._list.highlighted = min(index, self._list.option_count - 1) if index >= 0 else None

    def take(self) -> None:
        """Puts the chosen entry into the line."""
        if (index := self._list.highlighted) is not None:
            self.value = self._matches.head + self._shown[index]

    def unchoose(self) -> None:
        """Chooses no entry."""
        self._list.highlighted = None

    @on(Input.Changed)
    def _look_again(self, event: Input.Changed) -> None:
        event.stop()
        self.unchoose()
        self._look()
        self.post_message(self.Changed(self, event.value))

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted(self, event.value))

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.value = self._matches.head + self._shown[event.option_index]
        self._line.focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Shows the entries."""
        self._look()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Hides the entries."""
        self.remove_class("-open")

    def _look(self) -> None:
        """Asks for the entries; one folder is read at a time, and the latest text wins."""
        busy = self._wanted is not None
        self._wanted = self.value
        if not busy:
            self._read()

    @work(group="path-entries")
    async def _read(self) -> None:
        found = Matches("")
        try:
            while self._wanted is not None:
                wanted = self._wanted
                found = await asyncio.to_thread(matches, wanted)
                if wanted == self._wanted:
                    break
        finally:
            self._wanted = None
        self._show(found)

    def _show(self, found: Matches) -> None:
        if found.text != self.value:
            return
        self._matches = found
        # An entry that is typed in full is no news.
        names = tuple(name for name in found.names if found.head + name != found.text)
        if names != self._shown:
            self._shown = names
            self._list.set_options([Content(name) for name in names])
        self._list.highlighted = None
        self.set_class(bool(names) and self._line.has_focus, "-open")
