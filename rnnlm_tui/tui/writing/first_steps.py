"""The first minute: one line above the editor that says what to do next."""

from __future__ import annotations

from typing import Literal, TypeAlias, cast

from textual.content import Content
from textual.widgets import Static

from rnnlm_tui.tui.writing.host import WritingHost

Step: TypeAlias = Literal["type", "tab", "digit", "send"]
EXAMPLE = "I am looking forw"
"""After this the built-in English shows a ghost."""
STEPS: dict[Step, str] = {
    "type": f"Type a few words, such as: {EXAMPLE}",
    "tab": "Tab takes the grey word",
    "digit": "alt+1 to alt+5 take that word of the list",
    "send": "Enter adds the line to the page",
}
"""What to do, in order."""


class FirstSteps(Static):
    """Shows the first step that has not been done. Hidden until `begin` and after the last one."""

    DEFAULT_CSS = """
    FirstSteps {
        display: none; height: 1; padding: 0 2; color: $text-accent;
        &:ansi { color: ansi_default; }
        &.-shown { display: block; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._left: list[Step] = []

    @property
    def host(self) -> WritingHost:
        return cast(WritingHost, self.app)

    def begin(self) -> None:
        """Shows the first step."""
        self._left = [*STEPS]
        self._show()

    def done(self, step: Step) -> None:
        """Takes note that the user has done a step, in whichever order."""
        if step in self._left:
            self._left.remove(step)
            if self._left:
                self._show()
            else:
                self.end()

    def end(self) -> bool:
        """Removes the line for good; returns whether it was shown."""
        was_shown = self.has_class("-shown")
        if was_shown:
            self._left.clear()
            self._show()
            self.host.preferences.first_steps = False
            self.host.store_preferences()
        return was_shown

    def _show(self) -> None:
        self.set_class(bool(self._left), "-shown")
        if self._left:
            number = [*STEPS].index(self._left[0]) + 1
            rest = f"  {number} of {len(STEPS)} · Esc ends this"
            self.update(Content.assemble((STEPS[self._left[0]], "bold"), (rest, "$text-muted")))
