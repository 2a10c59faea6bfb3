"""The fields of the Train screen's form."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, RadioButton, RadioSet, Static

from rnnlm_tui.config import Setting
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.store.library import Library, free_name, new_name_fault
from rnnlm_tui.tui.train.plan import (
    Plan,
    Source,
    all_settings_of,
    as_typed,
    default_of,
    has_scaled_default,
    proposed_stem,
    setting_problem,
)
from rnnlm_tui.tui.widgets.safe_inputs import SafeInput

if TYPE_CHECKING:
    from rnnlm_tui.tui.widgets.host import Host

UNITS = {
    "epochs": "passes over the text",
    "held_out": "% of the lines, to measure on",
}


class SourceChoice(RadioButton):
    """A radio button whose glyph, and not its colour alone, says that it is chosen."""

    ON, OFF = "●", "○"

    def __init__(self, source: Source, label: str, chosen: bool) -> None:
        super().__init__(Content(label), chosen, id=f"source-{source}", compact=True)
        self.source = source

    def render(self) -> Content:
        """The glyph and the label."""
        self.BUTTON_INNER = self.ON if self.value else self.OFF
        return super().render()


class SourceSet(RadioSet):
    """The sources to choose from. The arrows go from one to the next and space takes it; Enter and
    a click take it and go on to what it asks for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "choose",
            "choose",
            show=False,
            id="sources.choose",
            tooltip="Take this source of the text, and go on to what it asks for",
        )
    ]

    @dataclasses.dataclass
    class Chosen(Message):
        """This one was taken by Enter or a click, be it the one that was taken before."""

        source: Source

    def action_choose(self) -> None:
        """Takes the one under the cursor, and goes on."""
        choice = self.children[self._selected or 0]
        if isinstance(choice, SourceChoice):
            choice.value = True
            self.post_message(self.Chosen(choice.source))

    def on_click(self, event: events.Click) -> None:
        """Goes on."""
        if isinstance(event.widget, SourceChoice):
            self.post_message(self.Chosen(event.widget.source))


class Field(Vertical):
    """A labelled line of the form, and below it what is wrong with it."""

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
        """The label, the controls, the hint; the problem below them."""
        with Horizontal(classes="field-line"):
            yield Static(self.label, classes="field-label", markup=False)
            yield from self._controls
            if self._hint:
                yield Static(self._hint, classes="field-hint", markup=False)
        yield Static("", classes="field-problem", markup=False)

    def show_problem(self, problem: str | None) -> None:
        """Says what is wrong, or nothing."""
        if problem == self.problem:
            return
        self.problem = problem
        self.query_one(".field-problem", Static).update(f"! {sanitize(problem or '')}")
        self.set_class(problem is not None, "-wrong")


class SettingField(Field):
    """A setting of a preset, whose own value counts where nothing is typed; or, where it is
    `needed` and does not follow from the corpus's size, stands in the field and must be replaced by
    another."""

    def __init__(self, setting: str, preset: str, needed: bool) -> None:
        self._setting, self._may_be_needed = setting, needed
        self.input = SafeInput(
            compact=True, id=f"setting-{setting}", classes="-number", select_on_focus=False
        )
        label = setting.replace("_", " ")
        spec = all_settings_of(preset).get(setting)
        super().__init__(
            label.capitalize() if needed else label,
            self.input,
            hint=UNITS.get(setting) or (spec.metadata["help"] if spec else ""),
            id=f"field-{setting}",
        )
        self._take(preset)

    def _take(self, preset: str) -> None:
        self._spec = all_settings_of(preset).get(self._setting)
        self.display = self._spec is not None
        own = as_typed(self._setting, default_of(preset, self._setting)) if self.display else ""
        self._needed = self._may_be_needed and not has_scaled_default(preset, self._setting)
        self.input.value = own if self._needed else ""
        # Where something must be typed, it looks typed, and would be taken for what counts.
        self.input.placeholder = "" if self._needed else own

    def show_default(self, value: Setting) -> None:
        """Shows, where nothing is typed, what counts for the corpus in hand."""
        if not self._needed:
            self.input.placeholder = as_typed(self._setting, value)

    @property
    def value(self) -> str:
        """What is typed."""
        return self.input.value.strip()

    def suit(self, preset: str) -> None:
        """Begins again with the default of this preset; is not there where it has no such
        setting."""
        self._take(preset)
        self.check()

    @on(Input.Changed)
    def check(self) -> None:
        """Says what is wrong with what is typed."""
        if self._spec is None:
            self.show_problem(None)
        elif self._needed and not self.value:
            self.show_problem("give a number")
        else:
            self.show_problem(setting_problem(self._spec, self.value))


class NameField(Field):
    """The name of the model: one is proposed while nobody has typed another, and for one that is
    taken a free one is offered."""

    DEFAULT_CSS = """
    NameField {
        #take-name { display: none; margin-left: 1; }
        &.-taken #take-name { display: block; }
    }
    """

    @dataclasses.dataclass
    class Checked(Message):
        """What is known of the name `asked`: another one to propose in its place, what is wrong
        with it, and a free one where it is taken."""

        asked: str
        proposed: str | None = None
        problem: str | None = None
        free: str | None = None

    def __init__(self) -> None:
        self.input = SafeInput(id="name", compact=True)
        self._take = Button("take another", id="take-name", compact=True)
        super().__init__("Name", self.input, self._take, id="name-field")
        self._proposed = ""
        self._free: str | None = None
        self._asked: object = None
        self.known: str | None = None
        """The name of which is known what is wrong with it."""

    @property
    def value(self) -> str:
        """The name."""
        return self.input.value.strip()

    def check(self, plan: Plan, *, again: bool = False) -> None:
        """Has the name looked up, `again` even where it was already."""
        asked = (plan.name, plan.source, plan.files, plan.preset)
        if again or asked != self._asked:
            self._asked, self.known = asked, None
            self._look_up(plan)

    @work(group="name", exclusive=True)
    async def _look_up(self, plan: Plan) -> None:
        library = cast("Host", self.app).library
        is_proposed = plan.name == self._proposed
        try:
            found = await asyncio.to_thread(checked, plan, is_proposed, library)
        except RnnlmError as error:
            found = self.Checked(plan.name, problem=error.message)
        self.post_message(found)

    @on(Checked)
    def _take_in(self, event: Checked) -> None:
        if event.asked != self.value:
            return  # typed since
        if event.proposed is not None and event.proposed != event.asked:
            self._proposed = self.input.value = event.proposed
            return  # which is a change, and is looked up
        self.known = event.asked
        self.show_problem(event.problem)
        if event.free != self._free:
            self._free = event.free
            self._take.label = Content(f"take {event.free}")
            self.set_class(event.free is not None, "-taken")

    @on(Button.Pressed, "#take-name")
    def _take_free_name(self) -> None:
        if self._free is not None:
            self.input.value = self._free
            self.input.focus()


def checked(plan: Plan, is_proposed: bool, library: Library) -> NameField.Checked:
    """Looks a plan's name up, or finds one to propose in the place of one that was proposed. Reads
    folders, so it belongs into a thread. Raises StorageError."""
    name = plan.name
    if is_proposed:
        return NameField.Checked(name, free_name(library, proposed_stem(plan)))
    if (fault := new_name_fault(name)) is not None:
        return NameField.Checked(name, problem=fault)
    free = free_name(library, name)
    if free == name:
        return NameField.Checked(name)
    return NameField.Checked(name, problem=f"there is a model or a run {name} already", free=free)
