"""The commands of the palette: the actions of this screen and of the app, and the models.

The title of an action is its tooltip up to the first semicolon: a verb and its object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import platformdirs
from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.markup import escape
from textual.screen import Screen
from textual.widgets import Input, TextArea

from rnnlm_tui.errors import RnnlmError, StorageError, os_reason
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.help.keys import actions_on
from rnnlm_tui.tui.keymap import write_keymap
from rnnlm_tui.tui.widgets.styles import DARK, LIGHT

if TYPE_CHECKING:
    from rnnlm_tui.tui.app import RnnlmApp

TITLE_WIDTH = 36
KEY_ONLY = {
    "up", "down", "left", "right", "end", "pageup", "pagedown", "tab", "shift+tab", "enter",
    "escape", "space", "delete", "f6", "alt+1", "alt+2", "alt+3", "alt+4", "alt+5",
}  # fmt: skip
"""The keys of actions that are left out, since they make no sense in a list: they move the cursor,
or take what is in sight."""


class Command(NamedTuple):
    """A row of the palette. Choosing it calls `act`. `keys` are the keys that do the same, or a
    note. A search multiplies its score by `weight`."""

    title: str
    keys: str
    act: Callable[[], Any]
    weight: float = 1.0


class Palette(CommandPalette):
    """A narrow palette. It closes only once: a second Esc or Enter right after the first would
    close the screen below."""

    DEFAULT_CSS = """
    Palette {
        & > Vertical { margin-top: 2; width: 68; max-width: 100%; height: auto; }
        SearchIcon { display: none; }
        #--input { background: $surface; padding: 0 1 1 1; }
        #--input, #--input.--list-visible { border: round $ghost; border-bottom: none; }
        CommandInput, CommandInput:focus { border: none; height: 1; padding: 0; }
        CommandList { background: $surface; scrollbar-size-vertical: 1; }
        CommandList, CommandList:focus { border: round $ghost; border-top: none; }
        CommandList > .option-list--option { text-style: none; padding: 0 1; }
    }
    """

    def dismiss(self, result: None = None) -> AwaitComplete:
        return super().dismiss(result) if self.is_current else AwaitComplete()


class Commands(Provider):
    """Lists the commands in the order of `commands`."""

    def rows(self) -> Iterator[Command]:
        return commands(cast("RnnlmApp", self.app), self.screen)

    async def discover(self) -> Hits:
        for title, keys, act, _ in self.rows():
            yield DiscoveryHit(_command_row(Content(title), keys), act, title)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, keys, act, weight in self.rows():
            if (score := weight * matcher.match(title)) > 0:
                yield Hit(score, _command_row(matcher.highlight(escape(title)), keys), act, title)


class Themes(Commands):
    """Lists the themes: the app's own, then the others by name. Themes in the terminal's own
    colours come last, since ansi-light is dark in a dark terminal."""

    def rows(self) -> Iterator[Command]:
        themes = self.app.available_themes.values()
        for theme in sorted(themes, key=lambda t: (t not in (DARK, LIGHT), t.ansi, t.name)):
            note, weight = ("the terminal's own colours", 0.5) if theme.ansi else ("", 1.0)
            yield Command(theme.name, note, partial(setattr, self.app, "theme", theme.name), weight)


def _command_row(title: Content, help_text: str) -> Content:
    gap = " " * max(1, TITLE_WIDTH - title.cell_length)
    return Content.assemble(title, gap, (help_text, "dim"))


def commands(app: RnnlmApp, screen: Screen[Any]) -> Iterator[Command]:
    """Yields the actions of `screen` and of the app, and the models. The actions of a text field
    come last, since they are usually done by key."""
    of_screen = list[Command]()
    of_app = list[Command]()
    of_field = list[Command]()
    for node, binding, enabled, keys in actions_on(app, screen):
        if not enabled or binding.id == "app.commands" or binding.key in KEY_ONLY:
            continue
        if node is app:
            group = of_app
        elif isinstance(node, Input | TextArea):
            group = of_field
        else:
            group = of_screen
        act = partial(app.run_action, binding.action, node)
        group.append(Command(action_title(binding), ", ".join(keys), act))
    yield from of_screen
    yield Command("Change theme", "dark, light or other", partial(show_themes, app))
    yield from of_app
    with suppress(RnnlmError):
        for name in app.library.names():
            yield Command(f"Use model {sanitize(name)}", "", partial(app.use_model, name))
    yield from of_field
    yield Command("Save a picture", "of the screen, as SVG", partial(_save_picture, app))
    yield Command("Change keys", "write a file to edit", partial(_write_keymap, app))


def action_title(binding: Binding) -> str:
    return binding.tooltip.partition(";")[0]


def show_themes(app: RnnlmApp) -> None:
    app.push_screen(Palette([Themes], placeholder="Search for themes…"))


def _save_picture(app: RnnlmApp) -> None:
    folder = platformdirs.user_downloads_path()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        app.notify_user(f"saved {app.save_screenshot(path=str(folder))}")
    except OSError as error:
        app.show_error(StorageError(f"could not save a picture in {folder}: {os_reason(error)}"))


def _write_keymap(app: RnnlmApp) -> None:
    with app.showing_errors():
        app.notify_user(f"edit {write_keymap(app.config_dir)}, then restart the app")
