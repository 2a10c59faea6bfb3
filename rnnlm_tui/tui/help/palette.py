"""What the palette offers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import cast

from textual.app import App, SystemCommand
from textual.markup import escape
from textual.screen import Screen

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.help.bindings import described_bindings, own_bindings, screens
from rnnlm_tui.tui.widgets.host import Host, Mode


def commands(app: App[None], screen: Screen[object]) -> Iterator[SystemCommand]:
    """The actions of `screen` and of the others, the models to write with, and the themes."""
    for node, binding in described_bindings(screen):
        action = partial(app.run_action, binding.action, node)
        yield SystemCommand(binding.description.capitalize(), binding.tooltip, action)
    yield from _commands_elsewhere(app)
    keymap_help = "Write a file to give keys of your own"
    yield SystemCommand("Keymap", keymap_help, partial(app.run_action, "write_keymap"))
    with suppress(RnnlmError):
        host = cast(Host, app)
        for name in host.library.names():
            use = partial(host.use_model, name)
            title = f"Model {escape(sanitize(name))}"
            yield SystemCommand(title, "Write with this model", use)
    for theme in app.available_themes:
        look = partial(setattr, app, "theme", theme)
        yield SystemCommand(f"Theme {escape(theme)}", "Look like this from now on", look)


def _commands_elsewhere(app: App[None]) -> Iterator[SystemCommand]:
    """The actions of the screens that are not shown: each shows its screen first."""
    for mode, kind in screens(type(app)).items():
        for binding in own_bindings(kind) if mode != app.current_mode else ():
            title = f"{mode.capitalize()}: {binding.description}"
            act = partial(_act_elsewhere, app, mode, binding.action, title)
            yield SystemCommand(title, binding.tooltip, act)


def _act_elsewhere(app: App[None], mode: Mode, action: str, title: str) -> None:
    """Shows the screen and does the action there; says so where it does not work now."""

    host = cast(Host, app)

    async def act() -> None:
        if app.current_mode != mode or not await app.run_action(action, app.screen):
            host.notify_user(f'"{title}" does not work now', "warning")

    host.show_mode(mode)
    app.call_after_refresh(act)
