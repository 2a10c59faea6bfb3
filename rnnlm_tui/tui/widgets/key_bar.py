"""The bottom rows: the keys of the current bindings."""

from __future__ import annotations

from textual.binding import ActiveBinding, Binding
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

GAP = 2
ALWAYS = 2
"""How many keys of the app are always shown: those that lead to all others."""


class KeyBar(Widget):
    """One row: the keys of the app at the right, and to the left of them as many others as there is
    room for. A click on a key does what the key does.

    It is redrawn only when the focus or the keys change. Textual's own footer consists of widgets;
    rebuilding them raised the 95th percentile of a key press from 63 to 156 ms.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    KeyBar {
        height: 1;
        background: $panel;
        link-style: none;
        link-color: $foreground;
        link-background: transparent;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[tuple[str, str, str, bool]] = []
        self._app_keys = 0
        """How many of them, at the end, are keys of the app."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._update)
        self._update(self.screen)

    def _update(self, screen: Screen[object]) -> None:
        shown: dict[tuple[DOMNode, str], tuple[str, str, str, bool]] = {}
        bindings = [(key, b) for key, b in screen.active_bindings.items() if b.binding.show]
        for key, (node, binding, enabled, _) in sorted(bindings, key=lambda b: _sort_key(b[1])):
            # Textual's own descriptions begin with capitals.
            text = f"{binding.description[:1].lower()}{binding.description[1:]}"
            display = self.app.get_key_display(binding)
            shown.setdefault((node, binding.action), (key, display, text, enabled))
        if list(shown.values()) != self._shown:
            self._shown = list(shown.values())
            self._app_keys = sum(node is self.app for node, _ in shown)
            self.refresh()

    async def action_press(self, key: str) -> None:
        """Does what a key does now: several clicks may arrive before the bar shows the keys of the
        next widget with the focus."""
        active = self.screen.active_bindings.get(key)
        if active is not None and active.enabled:
            await self.app.run_action(active.binding.action, active.node)

    def render(self) -> Content:
        items = [self._item(*shown) for shown in self._shown]
        place = len(items) - self._app_keys
        always = items[place : place + ALWAYS]
        room = self.size.width - 1 - sum(GAP + item.cell_length for item in always)
        others = list[Content]()
        for item in (*items[:place], *items[place + ALWAYS :]):
            room -= GAP + item.cell_length
            if room < -GAP:  # the first one needs no gap
                break
            others.append(item)
        own, last = others[:place], others[place:]
        return Content(" ") + Content(" " * GAP).join([*own, *always, *last])

    def _item(self, key: str, display: str, text: str, enabled: bool) -> Content:
        if not enabled:
            return Content.styled(f"{display} {text}", "dim $text-disabled")
        item = Content.assemble((display, "bold $text-accent"), (f" {text}", "$foreground"))
        return item.stylize(Style.from_meta({"@click": f"press({key!r})"}))


def _sort_key(active: ActiveBinding) -> tuple[int, int]:
    """Sorts the focused widget before the screen, and that before the app; each in its order."""
    node = active.node
    actions = [b.action for b in node.BINDINGS if isinstance(b, Binding)]
    is_own = active.binding.action in actions
    level = len(node.ancestors)
    return -level, actions.index(active.binding.action) if is_own else len(actions)
