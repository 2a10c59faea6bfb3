"""The bottom row: the keys of the current bindings."""

from __future__ import annotations

from textual import events
from textual.binding import ActiveBinding, Binding
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

BETWEEN_KEYS = Content("  ")


class KeyBar(Widget):
    """Shows keys in one row. Esc, the list of keys and quitting are always shown, other keys as far
    as there is room. A click on a key does what the key does.

    Textual's Footer builds new widgets at each change. That raised the 95th percentile of a key
    press from 63 to 156 ms. It also scrolls keys that do not fit out of sight, such as ctrl+q.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = "KeyBar { height: 1; padding-left: 1; background: $surface; }"

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda screen: self.refresh())

    async def on_click(self, event: events.Click) -> None:
        """Does what the clicked key does now. That may differ from what is shown: several clicks
        can arrive before the bar is painted again."""
        active = self.screen.active_bindings.get(event.style.meta.get("key", ""))
        if active is not None and active.enabled:
            await self.app.run_action(active.binding.action, active.node)

    def render(self) -> Content:
        items = dict[str, Content]()  # by action
        kept = set[str]()
        shown = [item for item in self.screen.active_bindings.items() if item[1].binding.show]
        for key, active in sorted(shown, key=lambda item: _sort_key(item[1])):
            action = active.binding.action
            # An action with several keys is shown with the first one.
            items.setdefault(action, self._item(key, active) + BETWEEN_KEYS)
            if key == "escape" or (active.node is self.app and action != "command_palette"):
                kept.add(action)
        room = self.size.width + BETWEEN_KEYS.cell_length  # nothing follows the last key
        for action in items:
            if sum(items[each].cell_length for each in {*kept, action}) <= room:
                kept.add(action)
        return Content("").join(items[action] for action in items if action in kept)

    def _item(self, key: str, active: ActiveBinding) -> Content:
        display, text = self.app.get_key_display(active.binding), active.binding.description
        text = f"{text[:1].lower()}{text[1:]}"  # the descriptions of Textual begin with capitals
        item = Content.assemble((display, "bold"), (f" {text}", "$quiet"))
        return item.stylize(Style.from_meta({"key": key}))


def _sort_key(active: ActiveBinding) -> tuple[int, int]:
    """Sorts the keys of the focused widget before the keys of the screen, and these before the keys
    of the app. The keys of a class stay in its order, inherited ones last."""
    actions = [binding.action for binding in active.node.BINDINGS if isinstance(binding, Binding)]
    is_own = active.binding.action in actions
    place = actions.index(active.binding.action) if is_own else len(actions)
    return -len(active.node.ancestors), place
