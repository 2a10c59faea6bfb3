"""The commands of the palette: the actions of this screen and of the app, and the models.

The title of an action is its tooltip up to the first semicolon: a verb and its object.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult, SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits
from textual.content import Content
from textual.markup import escape
from textual.message import Message
from textual.screen import Screen
from textual.system_commands import SystemCommandsProvider
from textual.theme import ThemeProvider
from textual.widgets import Input, OptionList, TextArea

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.help.keys import actions_on, write_keymap
from rnnlm_tui.tui.widgets.lists import RowList

if TYPE_CHECKING:
    from rnnlm_tui.tui.app import RnnlmApp

TITLE_WIDTH = 36


class FoundCommands(CommandList, RowList):  # its CSS is that of the first base
    """The commands found."""


class Palette(CommandPalette):
    """A palette that is closed once.

    In Textual 8.2.8, keys and clicks that arrive right after the one that closes a palette close it
    again, which raises ScreenStackError or closes the screen below, and run the command again.
    """

    def dismiss(self, result: None = None) -> AwaitComplete:
        return super().dismiss(result) if self.is_current else AwaitComplete()

    def compose(self) -> ComposeResult:
        """Yields what a CommandPalette yields, but with a list of our own."""
        for widget in super().compose():
            yield FoundCommands() if isinstance(widget, CommandList) else widget

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disables the keys of the list until there is one, when they raise NoMatches."""
        if action in ("cursor_down", "command_list"):
            return bool(self.query(FoundCommands))
        return super().check_action(action, parameters)

    @on(events.Click)
    @on(Input.Changed)
    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def _ignore_if_closed(self, message: Message) -> None:
        if not self.is_current:
            message.prevent_default().stop()


class Commands(SystemCommandsProvider):
    """Lists the commands in their own order, each in one row; Textual's provider sorts them by name
    and gives each two rows."""

    async def discover(self) -> Hits:
        for title, help_text, act, _ in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(_row(Content.from_markup(title), help_text), act, title)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, help_text, act, _ in self.app.get_system_commands(self.screen):
            if (score := matcher.match(title)) > 0:
                yield Hit(score, _row(matcher.highlight(title), help_text), act, title)


def _row(title: Content, help_text: str) -> Content:
    gap = " " * max(1, TITLE_WIDTH - title.cell_length)
    return Content.assemble(title, gap, (help_text, "dim"))


def commands(app: RnnlmApp, screen: Screen[object], config_dir: Path) -> Iterator[SystemCommand]:
    """Yields what can be done on `screen` and everywhere, and the models; last what is usually
    typed."""
    of_app, here, typed = (list[SystemCommand]() for _ in range(3))
    for node, binding, enabled, keys in actions_on(app, screen):
        if enabled and binding.id != "app.commands":
            place = of_app if node is app else typed if isinstance(node, Input | TextArea) else here
            act = partial(app.run_action, binding.action, node)
            place.append(SystemCommand(action_title(binding), ", ".join(keys), act))
    yield from here
    yield SystemCommand("Change theme", "dark, light or other", partial(show_themes, app))
    yield from of_app
    with suppress(RnnlmError):
        for name in app.library.names():
            title = f"Use model {escape(sanitize(name))}"
            yield SystemCommand(title, "", partial(app.use_model, name))
    yield from typed
    yield SystemCommand("Save a picture", "of the screen, as SVG", app.action_screenshot)
    write = partial(_write_keymap, app, config_dir)
    yield SystemCommand("Change keys", "write a file to edit", write)


def action_title(binding: Binding) -> str:
    return binding.tooltip.partition(";")[0]


def show_themes(app: RnnlmApp) -> None:
    app.push_screen(Palette([ThemeProvider], placeholder="Search for themes…"))


def _write_keymap(app: RnnlmApp, config_dir: Path) -> None:
    with app.showing_errors():
        app.notify_user(f"edit {write_keymap(config_dir)}, then restart the app")
