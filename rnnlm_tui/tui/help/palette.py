"""The commands of the palette: the actions of every screen, and the models to write with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import cast

from textual.app import SystemCommand
from textual.binding import Binding
from textual.dom import DOMNode
from textual.markup import escape
from textual.screen import Screen

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.help.keymap import write_keymap
from rnnlm_tui.tui.help.keys import screen_bindings
from rnnlm_tui.tui.widgets.host import Host, Mode
from rnnlm_tui.tui.widgets.terminal import TerminalApp


def commands(app: TerminalApp, screen: Screen[object], config_dir: Path) -> Iterator[SystemCommand]:
    """The actions that work on `screen` now, those of the other screens, and the models."""
    host = cast(Host, app)

    def help_of(binding: Binding) -> str:
        return f"{binding.tooltip} ({escape(', '.join(host.shown_keys(binding)))})"

    seen = set()
    for node, binding, enabled, _ in screen.active_bindings.values():
        if binding.id is not None and binding.id not in seen and enabled:
            seen.add(binding.id)
            act = partial(app.run_action, binding.action, node)
            yield SystemCommand(binding.description.capitalize(), help_of(binding), act)
    for mode, kind, binding in screen_bindings(type(app)):
        if mode != app.current_mode:
            title = f"{mode.capitalize()}: {binding.description}"
            act_there = partial(_act_elsewhere, app, mode, kind, binding.action, title)
            yield SystemCommand(title, help_of(binding), act_there)
    yield SystemCommand("Theme", "Change the colours", app.action_change_theme)
    yield SystemCommand("Screenshot", "Save a picture of the screen", app.action_screenshot)
    keymap_help = "Write a file in which you can change the keys"
    yield SystemCommand("Keymap", keymap_help, partial(_write_keymap, app, config_dir))
    with suppress(RnnlmError):
        for name in host.library.names():
            title = f"Model {escape(sanitize(name))}"
            yield SystemCommand(title, "Write with this model", partial(host.use_model, name))


def _write_keymap(app: TerminalApp, config_dir: Path) -> None:
    with app.showing_errors():
        app.notify_user(f"edit {write_keymap(config_dir, type(app))}, then restart the app")


def _act_elsewhere(
    app: TerminalApp, mode: Mode, kind: type[DOMNode], action: str, title: str
) -> None:
    """Shows another screen and does the action there; says so if it does not work now."""
    host = cast(Host, app)

    async def act() -> None:
        nodes = (app.screen, *app.screen.query("*"))
        node = next((node for node in nodes if isinstance(node, kind)), None)
        if node is None or app.current_mode != mode or not await app.run_action(action, node):
            host.notify_user(f'"{title}" does not work now', "warning")

    host.show_mode(mode)
    app.call_after_refresh(act)
