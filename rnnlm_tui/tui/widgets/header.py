"""The top row: the screens as tabs, what trains, and which model suggests."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.paths import APP_NAME

if TYPE_CHECKING:
    from rnnlm_tui.tui.widgets.host import Host

TABS = (
    ("autocomplete", "f2", "Autocomplete"),
    ("train", "f3", "Train"),
    ("models", "f4", "Models"),
)


class Header(Widget):
    """One row. A click on a tab shows its screen."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "header--name",
        "header--tab",
        "header--current",
        "header--facts",
    }
    DEFAULT_CSS = """
    Header {
        height: 1;
        background: $panel;
        color: $foreground;
        link-style: none;
        link-color: $foreground;
        link-background: transparent;
        .header--name { color: $text-primary; text-style: bold; }
        .header--tab { color: $text-muted; }
        .header--current { color: $foreground; text-style: bold; }
        .header--facts { color: $text-muted; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._facts = ""

    def on_mount(self) -> None:
        """Shows the facts as they are."""
        self.show(cast("Host", self.app).header_text())

    def show(self, facts: str) -> None:
        """Shows what trains and what suggests, at the right."""
        if facts != self._facts:
            self._facts = facts
            self.refresh()

    def render(self) -> Content:
        """The row, cut at the width."""
        host = cast("Host", self.app)
        parts: list[Content] = [
            Content.assemble((f" {APP_NAME} ", self.get_visual_style("header--name")))
        ]
        for mode, default, label in TABS:
            key = host.shown_keys(Binding(default, "", id=f"app.{mode}"))[0]
            current = mode == host.current_mode
            style = self.get_visual_style("header--current" if current else "header--tab")
            click = Style.from_meta({"@click": f"app.show({mode!r})"})
            # Brackets say which tab it is where there are no colours.
            text = f"[{label}]" if current else f" {label} "
            parts.append(Content.assemble((f" {key}", style.without_color), (text, style + click)))
        left = Content("").join(parts)
        facts = sanitize(self._facts)
        space = self.size.width - left.cell_length - 1
        right = Content(facts).truncate(max(0, space - 1), ellipsis=True)
        gap = " " * max(0, space - right.cell_length)
        return Content.assemble(left, gap, (right.plain, self.get_visual_style("header--facts")))
