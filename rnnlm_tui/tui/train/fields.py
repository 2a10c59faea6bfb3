"""The fields of the Train screen's form."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, RadioButton, Static

from rnnlm_tui.config import Setting
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.store.library import free_name, new_name_problem
from rnnlm_tui.tui.train.plan import (
    Plan,
    Source,
    all_settings_of,
    as_typed,
    default_of,
    proposed_stem,
    setting_problem,
)
from rnnlm_tui.tui.widgets.safe_inputs import SafeInput

if TYPE_CHECKING:
    from rnnlm_tui.tui.widgets.host import Host

UNITS = {
    "epochs": "passes through the text",
    "held_out": "% of the lines, to measure on",
}


class SourceChoice(RadioButton):
    """A radio button that shows by its glyph, not only by its colour, that it is chosen."""

    ON, OFF = "●", "○"

    def __init__(self, source: Source, label: str, chosen: bool) -> None:
        super().__init__(Content(label), chosen, id=f"source-{source}", compact=True)

    def render(self) -> Content:
        self.BUTTON_INNER = self.ON if self.value else self.OFF
        return super().render()


class Field(Vertical):
    """A labelled line of the form, with what is wrong with its value below."""

    DEFAULT_CSS = """
    Field {
        height: auto;
        .field-line { height: auto; }
        .field-label { width: 12; color: $text-muted; }
        &:focus-within .field-label { color: $foreground; text-style: bold; }
        .field-hint { width: 1fr; height: auto; color: $text-muted; padding-left: 2; }
        .field-problem { display: none; padding-left: 12; color: $text-error; }
        &.-wrong .field-problem { display: block; }
        Input { width: 1fr; }
        Input.-number { width: 12; }
        Input:ansi { text-style: underline; }
        Select { width: 1fr; }
    }
    """

    def __init__(
        self, label: str, *controls: Widget, hint: str = "", id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.label = label
        self._controls = controls
        self._hint = hint
        self.problem: str | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(classes="field-line"):
            yield Static(self.label, classes="field-label", markup=False)
            yield from self._controls
            if self._hint:
                yield Static(self._hint, classes="field-hint", markup=False)
        yield Static("", classes="field-problem", markup=False)

    def show_problem(self, problem: str | None) -> None:
        """Shows what is wrong with the value; None if nothing is."""
        if problem == self.problem:
            return
        self.problem = problem
        self.query_one(".field-problem", Static).update(f"! {sanitize(problem or '')}")
        self.set_class(problem is not None, "-wrong")


class SettingField(Field):
    """The field of a setting. The placeholder is its value if nothing is typed."""

    def __init__(self, setting: str, preset: str, label: str = "") -> None:
        self._setting = setting
        self.input = SafeInput(
            compact=True, id=f"setting-{setting}", classes="-number", select_on_focus=False
        )
        spec = all_settings_of(preset).get(setting)
        super().__init__(
            label or setting.replace("_", " "),
            self.input,
            hint=UNITS.get(setting) or (spec.metadata["help"] if spec else ""),
            id=f"field-{setting}",
        )
        self.use_preset(preset)

    def use_preset(self, preset: str) -> None:
        """Empties the field and shows the preset's default. Hidden if it has no such setting."""
        self._spec = all_settings_of(preset).get(self._setting)
        self.display = self._spec is not None
        self.input.value = ""
        self.show_default(default_of(preset, self._setting))

    def show_default(self, value: Setting) -> None:
        self.input.placeholder = as_typed(self._setting, value)

    @property
    def value(self) -> str:
        return self.input.value.strip()

    @on(Input.Changed)
    def check(self) -> None:
        self.show_problem(setting_problem(self._spec, self.value) if self._spec else None)


class NameField(Field):
    """The name of the model. One is proposed until the user types another."""

    class Checked(Message):
        """The check of the name has finished."""

    def __init__(self) -> None:
        self.input = SafeInput(id="name", compact=True)
        super().__init__("Name", self.input, id="name-field")
        self._proposed = ""
        self._asked: object = None
        self.known: str | None = None
        """The last name whose check has finished."""

    @property
    def value(self) -> str:
        return self.input.value.strip()

    def check(self, plan: Plan, *, again: bool) -> None:
        """Checks the name in the library; with `again` even if it was checked before."""
        asked = (plan.name, plan.source, plan.files, plan.preset)
        if again or asked != self._asked:
            self._asked, self.known = asked, None
            self._look_up(plan)

    @work(group="name", exclusive=True)
    async def _look_up(self, plan: Plan) -> None:
        """Checks the name, or proposes another if the user has typed none. A later check cancels
        this one."""
        library, problem = cast("Host", self.app).library, None
        try:
            if plan.name == self._proposed:
                name = await asyncio.to_thread(free_name, library, proposed_stem(plan))
                if name != plan.name:
                    self._proposed = self.input.value = name
                    return  # the change starts another check
            else:
                problem = await asyncio.to_thread(new_name_problem, library, plan.name)
        except RnnlmError as error:
            problem = error.message
        self.known = plan.name
        self.show_problem(problem)
        self.post_message(self.Checked())
