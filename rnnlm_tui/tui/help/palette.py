"""The commands of the palette: the actions of all screens, and the models.

The title of an action is its tooltip up to the first semicolon: a verb and its object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import cast

from textual import events, on
from textual.app import ComposeResult, SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits
from textual.content import Content
from textual.dom import DOMNode
from textual.markup import escape
from textual.message import Message
from textual.screen import Screen
from textual.system_commands import SystemCommandsProvider
from textual.theme import ThemeProvider
from textual.widgets import Input, OptionList, TextArea

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.help.keys import all_bindings, screen_bindings, write_keymap
from rnnlm_tui.tui.widgets.host import Host, Mode
from rnnlm_tui.tui.widgets.lists import RowList
from rnnlm_tui.tui.widgets.terminal import TerminalApp

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


def commands(app: TerminalApp, screen: Screen[object], config_dir: Path) -> Iterator[SystemCommand]:
    """Yields the actions by use: those of `screen`, the app and the models, then what is usually
    typed, then what can be done on the other screens. The help has the keys first."""
    host = cast(Host, app)
    known = {str(binding.id): (title, binding) for title, binding in all_bindings(type(app))}

    def command(id_: str, act: Callable[[], object]) -> SystemCommand:
        title, binding = known[id_]
        help_text = " · ".join((", ".join(host.shown_keys(binding)), title))
        return SystemCommand(action_title(binding), help_text, act)

    here, typed = dict[str, SystemCommand](), dict[str, SystemCommand]()
    for node, binding, enabled, _ in screen.active_bindings.values():
        if (id_ := binding.id) in known and id_ and id_ != "app.commands" and enabled:
            place = typed if isinstance(node, Input | TextArea) else here
            act = partial(app.run_action, binding.action, node)
            place.setdefault(id_, command(id_, act))
    everywhere = [here.pop(id_) for id_ in [*here] if id_.startswith("app.")]
    yield from here.values()
    yield SystemCommand("Change theme", "Dark, light or other", partial(show_themes, app))
    yield from everywhere
    with suppress(RnnlmError):
        for name in host.library.names():
            title = f"Use model {escape(sanitize(name))}"
            yield SystemCommand(title, "Model", partial(host.use_model, name))
    yield from typed.values()
    for mode, kind, binding in screen_bindings(type(app)):
        if mode != app.current_mode and _can_act(app, mode, kind, binding):
            act_there = partial(_act_elsewhere, app, mode, kind, binding)
            yield command(str(binding.id), act_there)
    yield SystemCommand("Save a picture", "Of the screen, as SVG", app.action_screenshot)
    write = partial(_write_keymap, app, config_dir)
    yield SystemCommand("Change keys", "Write a file to edit", write)


def action_title(binding: Binding) -> str:
    return binding.tooltip.partition(";")[0]


def show_themes(app: TerminalApp) -> None:
    app.push_screen(Palette([ThemeProvider], placeholder="Search for themes…"))


def _write_keymap(app: TerminalApp, config_dir: Path) -> None:
    with app.showing_errors():
        app.notify_user(f"edit {write_keymap(config_dir, type(app))}, then restart the app")


def _can_act(app: TerminalApp, mode: Mode, kind: type[DOMNode], binding: Binding) -> bool:
    """Returns whether an action of another screen can be done there now, as far as is known: a
    screen is created when it is first shown, and with it a training."""
    try:
        (there, *_) = app.get_screen_stack(mode)
    except KeyError:
        return issubclass(kind, Screen)
    node = next((node for node in (there, *there.query("*")) if isinstance(node, kind)), None)
    return node is not None and bool(node.check_action(binding.action, ()))


def _act_elsewhere(app: TerminalApp, mode: Mode, kind: type[DOMNode], binding: Binding) -> None:
    """Shows another screen and runs the action there; says so if it is not available."""
    host = cast(Host, app)

    async def act() -> None:
        nodes = (app.screen, *app.screen.query("*"))
        node = next((node for node in nodes if isinstance(node, kind)), None)
        if (
            node is None
            or app.current_mode != mode
            or not await app.run_action(binding.action, node)
        ):
            host.notify_user(f'"{action_title(binding)}" is not available', "warning")

    host.show_mode(mode)
    app.call_after_refresh(act)
