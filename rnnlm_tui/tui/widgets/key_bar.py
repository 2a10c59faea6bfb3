"""The bottom row: the keys of the current bindings."""

from __future__ import annotations

from textual import events
from textual.binding import ActiveBinding, Binding
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

BETWEEN_KEYS = Content("  ")


class KeyBar(Widget):
    """Shows keys in one row. Those that lead back, to the list of keys and out of the app are
    always shown, others as far as there is room. A click on a key does what the key does.

    Textual's Footer is built anew of widgets at each change, which raised the 95th percentile of a
    key press from 63 to 156 ms. It also scrolls keys that do not fit out of sight, such as ctrl+q.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = "KeyBar { height: 1; padding-left: 1; background: $surface; }"

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda screen: self.refresh())

    async def on_click(self, event: events.Click) -> None:
        """Does what the clicked key does now. Several clicks may arrive before the bar shows the
        keys of the next widget with the focus."""
        active = self.screen.active_bindings.get(event.style.meta.get("key", ""))
        if active is not None and active.enabled:
            await self.app.run_action(active.binding.action, active.node)

    def render(self) -> Content:
        row, kept, dimmed = dict[str, Content](), set[str](), set[str]()
        shown = [item for item in self.screen.active_bindings.items() if item[1].binding.show]
        for key, active in sorted(shown, key=lambda item: _sort_key(item[1])):
            action = active.binding.action
            # An action with several keys is named with the first.
            row.setdefault(action, self._item(key, active) + BETWEEN_KEYS)
            if key == "escape" or (active.node is self.app and action != "command_palette"):
                kept.add(action)
            elif not active.enabled:
                dimmed.add(action)
        for action in sorted(row, key=lambda each: each in dimmed):  # dimmed ones last
            if sum(row[each].cell_length for each in {*kept, action}) <= self.size.width + 2:
                kept.add(action)
        return Content("").join(row[action] for action in row if action in kept)

    def _item(self, key: str, active: ActiveBinding) -> Content:
        display, text = self.app.get_key_display(active.binding), active.binding.description
        text = f"{text[:1].lower()}{text[1:]}"  # Textual's own begin with capitals
        if not active.enabled:
            return Content.styled(f"{display} {text}", "dim $quiet")
        item = Content.assemble((display, "bold"), (f" {text}", "$quiet"))
        return item.stylize(Style.from_meta({"key": key}))


def _sort_key(active: ActiveBinding) -> tuple[int, int]:
    """Sorts the keys of the focused widget before those of the screen, and these before those of
    the app. Each class keeps its order, with inherited keys last."""
    actions = [binding.action for binding in active.node.BINDINGS if isinstance(binding, Binding)]
    own = active.binding.action in actions
    place = actions.index(active.binding.action) if own else len(actions)
    return -len(active.node.ancestors), place
