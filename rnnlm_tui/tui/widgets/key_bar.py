"""The bottom row: the keys of the current bindings."""

from __future__ import annotations

from textual.binding import ActiveBinding, Binding
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

GAP = Content("  ")


class KeyBar(Widget):
    """One row: at the right the keys that lead to all others and out of the app, and to the left of
    them as many others as there is room for. A click on a key does what the key does.

    Textual's Footer is built anew of widgets at each change, which raised the 95th percentile of a
    key press from 63 to 156 ms, and scrolls what does not fit out of sight, such as ctrl+q.
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

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda screen: self.refresh())

    async def action_press(self, key: str) -> None:
        """Does what a key does now: several clicks may arrive before the bar shows the keys of the
        next widget with the focus."""
        active = self.screen.active_bindings.get(key)
        if active is not None and active.enabled:
            await self.app.run_action(active.binding.action, active.node)

    def render(self) -> Content:
        always, others = dict[str, Content](), dict[str, Content]()
        shown = [item for item in self.screen.active_bindings.items() if item[1].binding.show]
        for key, active in sorted(shown, key=lambda item: _place(item[1])):
            leads_on = active.node is self.app and active.binding.priority
            place = always if leads_on else others
            # An action with several keys is named with the first.
            place.setdefault(active.binding.action, self._item(key, active))
        kept = list[Content]()
        room = self.size.width + 1 - sum(item.cell_length + 2 for item in always.values())
        for item in others.values():
            if item.cell_length + 2 <= room:
                kept.append(item)
                room -= item.cell_length + 2
        return Content(" ") + GAP.join((*kept, *always.values()))

    def _item(self, key: str, active: ActiveBinding) -> Content:
        display, text = self.app.get_key_display(active.binding), active.binding.description
        text = f"{text[:1].lower()}{text[1:]}"  # Textual's own begin with capitals
        if not active.enabled:
            return Content.styled(f"{display} {text}", "dim $text-disabled")
        item = Content.assemble((display, "bold $text-accent"), (f" {text}", "$foreground"))
        return item.stylize(Style.from_meta({"@click": f"press({key!r})"}))


def _place(active: ActiveBinding) -> tuple[int, int]:
    """Sorts the focused widget before the screen, and that before the app; each in the order of its
    class, before what it inherits."""
    actions = [binding.action for binding in active.node.BINDINGS if isinstance(binding, Binding)]
    own = active.binding.action in actions
    place = actions.index(active.binding.action) if own else len(actions)
    return -len(active.node.ancestors), place
