"""The bottom rows: the keys of the current bindings."""

from __future__ import annotations

from textual.binding import ActiveBinding, Binding
from textual.content import Content
from textual.dom import DOMNode
from textual.geometry import Size
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

GAP = 2
ROOMY = 80
"""Width in cells. A narrower bar may have one more row."""


class KeyBar(Widget):
    """As many rows as the keys need, at most two, or three if it is narrow. A click on a key does
    what the key does.

    It is redrawn only when the focus or the keys change. Textual's own footer consists of widgets;
    rebuilding them raised the 95th percentile of a key press from 63 to 156 ms.
    """

    ALLOW_SELECT = False
    MAX_ROWS = 2
    DEFAULT_CSS = """
    KeyBar {
        height: auto;
        max-height: 3;
        background: $panel;
        link-style: none;
        link-color: $foreground;
        link-background: transparent;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[tuple[str, str, str, bool]] = []

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
            self.refresh(layout=True)

    async def action_press(self, key: str) -> None:
        """Does what a key does now: several clicks may arrive before the bar shows the keys of the
        next widget with the focus."""
        active = self.screen.active_bindings.get(key)
        if active is not None and active.enabled:
            await self.app.run_action(active.binding.action, active.node)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._rows(width))

    def render(self) -> Content:
        return Content("\n").join(self._rows(self.size.width))

    def _rows(self, width: int) -> list[Content]:
        rows, row = [], Content("")
        for item in (self._item(*shown) for shown in self._shown):
            if row.cell_length and row.cell_length + GAP + item.cell_length > width - 2:
                rows.append(row)
                row = Content("")
            row = Content.assemble(row, " " * GAP if row.cell_length else " ", item)
        return [*rows, row][: self.MAX_ROWS + (width < ROOMY)]

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
