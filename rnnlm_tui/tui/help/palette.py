"""The commands of the palette: the actions of every screen, and the models to write with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import cast

from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.dom import DOMNode
from textual.markup import escape
from textual.screen import Screen

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.help.bindings import active_bindings, own_bindings, screens
from rnnlm_tui.tui.widgets.host import Host, Mode


def commands(app: App[None], screen: Screen[object]) -> Iterator[SystemCommand]:
    """The actions that work on `screen` now, those of the other screens, and the models."""
    host = cast(Host, app)
    for node, binding in active_bindings(screen):
        action = partial(app.run_action, binding.action, node)
        yield SystemCommand(binding.description.capitalize(), _help(host, binding), action)
    for mode, kind in screens(type(app)):
        for binding in own_bindings(kind) if mode != app.current_mode else ():
            title = f"{mode.capitalize()}: {binding.description}"
            act = partial(_act_elsewhere, app, mode, kind, binding.action, title)
            yield SystemCommand(title, _help(host, binding), act)
    keymap_help = "Write a file in which you can change the keys"
    yield SystemCommand("Keymap", keymap_help, partial(app.run_action, "write_keymap"))
    with suppress(RnnlmError):
        for name in host.library.names():
            title = f"Model {escape(sanitize(name))}"
            yield SystemCommand(title, "Write with this model", partial(host.use_model, name))


def _help(host: Host, binding: Binding) -> str:
    """What a binding does, and its keys."""
    return f"{binding.tooltip} ({escape(', '.join(host.shown_keys(binding)))})"


def _act_elsewhere(
    app: App[None], mode: Mode, kind: type[DOMNode], action: str, title: str
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
