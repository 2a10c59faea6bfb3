"""The form of the Train screen: the corpus, the preset, the settings, and what they would cost."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import (
    Button,
    Collapsible,
    Input,
    RadioButton,
    RadioSet,
    Select,
    Static,
    TextArea,
)

from rnnlm_tui.config import DEFAULT_PRESET, PRESETS, preset_named
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.library import is_name
from rnnlm_tui.printing import printable
from rnnlm_tui.tui.corpus_summary import CorpusSummary, summarise
from rnnlm_tui.tui.run_words import cost_line
from rnnlm_tui.tui.train_plan import (
    Plan,
    Source,
    all_settings_of,
    as_typed,
    default_of,
    free_name,
    in_form_words,
    proposed_name,
    setting_problem,
)
from rnnlm_tui.tui.training_process import own_command
from rnnlm_tui.tui.widgets.path_input import PathInput

if TYPE_CHECKING:
    from rnnlm_tui.tui.app import RnnlmApp

PAUSE_S = 0.4
"""The corpus is looked at once nothing was typed for this long."""
SOURCES: tuple[tuple[Source, str], ...] = (
    ("bundled", "sonnets"),
    ("files", "my files"),
    ("pasted", "pasted text"),
)
PASTED = "the pasted text"
COUNTING = "the text is being counted"
IN_THE_FORM = ("epochs", "held_out")
"""Settings with a line of their own above the others."""
UNITS = {
    "epochs": "passes over the text",
    "held_out": "% kept to measure on, try 10",
}


class Choice(RadioButton):
    """A radio button whose glyph, and not its colour alone, says that it is chosen."""

    ON, OFF = "●", "○"

    def render(self) -> Content:
        """The glyph and the label."""
        self.BUTTON_INNER = self.ON if self.value else self.OFF
        return super().render()


class Field(Vertical):
    """A labelled line of the form, and below it what is wrong with it."""

    DEFAULT_CSS = """
    Field {
        height: auto;
        .field-line { height: auto; }
        .field-label { width: 12; color: $text-muted; }
        &:focus-within .field-label { color: $foreground; text-style: bold; }
        .field-hint { width: 1fr; height: 1; color: $text-muted; padding-left: 2;
                      text-wrap: nowrap; text-overflow: ellipsis; }
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
        self.query_one(".field-problem", Static).update(f"! {printable(problem or '')}")
        self.set_class(problem is not None, "-wrong")


class TrainForm(Vertical):
    """Asks for all that a training needs, and asks the command line what it would cost.

    `Changed` is posted whenever something typed, an answer or a problem is another one.
    """

    @dataclasses.dataclass
    class Changed(Message):
        """The form stands otherwise than before."""

        form: TrainForm

    DEFAULT_CSS = """
    TrainForm {
        #fields { height: 1fr; padding: 1 1 0 1; scrollbar-size-vertical: 1; }
        #sources { layout: horizontal; height: 1; width: 1fr; }
        #sources Choice { width: auto; margin-right: 2; }
        #source-field, #preset-field, #field-held_out, #seed-field, .of-files, .of-pasted
            { margin-bottom: 1; }
        #pasted { height: 7; border: tall $border-blurred; padding: 0; }
        #pasted:focus { border: tall $border; }
        .of-files, .of-pasted { display: none; height: auto; }
        &.-files .of-files { display: block; }
        &.-pasted .of-pasted { display: block; }
        #take-name { display: none; margin-left: 1; }
        &.-name-taken #take-name { display: block; }
        #more { border-top: none; background: transparent; padding: 0; }
        #more Contents { padding: 0; }
        #more CollapsibleTitle { padding: 0; }
        #more .field-label { width: 20; }
        #more .field-problem { padding-left: 20; }
        #more .field-hint { height: auto; text-wrap: wrap; }
    }
    """

    def __init__(self, command: Sequence[str] | None = None, id: str | None = None) -> None:
        """`command` stands in the place of this program, headless."""
        super().__init__(id=id)
        self._command = own_command() if command is None else command
        self._asked: Plan | None = None
        self._proposed = ""
        self._free: str | None = None
        self._name_checked: str | None = None
        self._seed_given = ""
        self.summary: CorpusSummary | None = None
        """What the corpus makes of the network; None while that is being counted or wrong."""
        self.error: RnnlmError | None = None
        """Why the corpus cannot be used."""

    def compose(self) -> ComposeResult:
        """The fields, top to bottom."""
        with VerticalScroll(id="fields", can_focus=False):
            yield from self._corpus_fields()
            presets = [
                (Content(f"{preset.name}: {preset.summary}"), preset.name)
                for preset in PRESETS.values()
            ]
            yield Field(
                "Preset",
                Select(presets, value=DEFAULT_PRESET, allow_blank=False, compact=True, id="preset"),
            )
            for setting in IN_THE_FORM:
                yield self._setting_field(setting, DEFAULT_PRESET)
            take = Button("take another", id="take-name", compact=True)
            yield Field("Name", Input(id="name", compact=True), take, id="name-field")
            yield Field(
                "Your line",
                Input(id="seed", compact=True, placeholder="the first words of the text"),
                id="seed-field",
            )
            with Collapsible(title="More settings", id="more"):
                yield Vertical(id="more-settings")

    def _corpus_fields(self) -> ComposeResult:
        buttons = [
            Choice(Content(label), value=source == "bundled", id=f"source-{source}", compact=True)
            for source, label in SOURCES
        ]
        yield Field("Text", RadioSet(*buttons, id="sources", compact=True), id="source-field")
        with Vertical(classes="of-files"):
            path = PathInput(placeholder="~/poems.txt", floating=True, id="files")
            path.input.compact = True
            yield Field("File", path, id="files-field")
            yield Field("", hint="Tab completes it; several files: a.txt; b.txt")
        with Vertical(classes="of-pasted"):
            yield Field("Your text", TextArea(id="pasted", compact=True), id="pasted-field")

    def _setting_field(self, setting: str, preset: str) -> Field:
        spec = all_settings_of(preset)[setting]
        default = as_typed(setting, default_of(preset, setting))
        own = setting in IN_THE_FORM
        label = setting.replace("_", " ")
        control = Input(
            default if own else "",
            placeholder=default,
            compact=True,
            id=f"setting-{setting}",
            classes="-number",
            select_on_focus=False,
        )
        return Field(
            label.capitalize() if own else label,
            control,
            hint=UNITS.get(setting, spec.metadata["help"]),
            id=f"field-{setting}",
        )

    async def on_mount(self) -> None:
        """Shows the settings of the first preset."""
        await self._show_settings(DEFAULT_PRESET)
        self.check()

    async def _show_settings(self, preset: str) -> None:
        more = self.query_one("#more-settings", Vertical)
        await more.remove_children()
        fields = [
            self._setting_field(setting, preset)
            for setting in all_settings_of(preset)
            if setting not in IN_THE_FORM
        ]
        encoding = Input(id="encoding", compact=True, classes="-number", placeholder="utf-8")
        hint = "how your files are written, such as latin-1"
        await more.mount(*fields, Field("encoding", encoding, hint=hint))

    # What stands in the form

    @property
    def host(self) -> RnnlmApp:
        """The app."""
        return cast("RnnlmApp", self.app)

    @property
    def plan(self) -> Plan:
        """The form as it is filled in."""
        preset = self.preset
        typed = {
            setting: self._input(f"setting-{setting}").strip()
            for setting in all_settings_of(preset)
        }
        return Plan(
            source=self.source,
            files=self.query_one("#files", PathInput).value,
            text=self.query_one("#pasted", TextArea).text,
            preset=preset,
            name=self._input("name").strip(),
            seed_line=self._input("seed"),
            encoding=self._input("encoding").strip(),
            settings={setting: value for setting, value in typed.items() if value},
        )

    @property
    def source(self) -> Source:
        """Where the corpus comes from."""
        return SOURCES[max(0, self.query_one("#sources", RadioSet).pressed_index)][0]

    @property
    def preset(self) -> str:
        """The preset that is chosen."""
        return str(self.query_one("#preset", Select).value)

    def _input(self, id: str) -> str:
        found = self.query(f"#{id}").results(Input)
        return next((field.value for field in found), "")

    @property
    def counting(self) -> bool:
        """Whether an answer about the corpus is on its way."""
        return self.summary is None and self.error is None and self.settings_problem is None

    @property
    def settings_problem(self) -> str | None:
        """The first thing that is wrong with the fields themselves, the name apart."""
        for field in self.query(Field):
            if field.problem is not None and field.id != "name-field":
                return f"{field.label.lower()}: {field.problem}"
        return None

    @property
    def problem(self) -> str | None:
        """Why a training cannot start from this form, in a sentence; None where it can."""
        plan = self.plan
        if wrong := plan.corpus_problem() or self.settings_problem:
            return wrong
        if _about_corpus(plan) != self._asked:
            return COUNTING
        if self.error is not None:
            return in_form_words(self.error.message)
        if wrong := self.query_one("#name-field", Field).problem:
            return wrong
        if self.summary is None:
            return COUNTING
        return None if self._name_checked == plan.name else "the name is being checked"

    @property
    def cost(self) -> str:
        """What the training would take, or what stands in the way of knowing it."""
        if self.summary is not None:
            return cost_line(self.summary)
        if self.error is not None:
            return in_form_words(f"{self.error.message}. {self.error.hint}".strip())
        return self.plan.corpus_problem() or self.settings_problem or "counting ..."

    def fill(self, corpus: str | None = None, preset: str | None = None) -> None:
        """Fills in a corpus, which is a line of paths, and a preset."""
        if corpus is not None:
            self.query_one("#files", PathInput).value = corpus
            self.query_one("#source-files", RadioButton).value = True
        if preset is not None:
            self.query_one("#preset", Select).value = preset_named(preset).name

    def propose_seed(self, line: str) -> None:
        """Puts `line` into the seed line, unless somebody has typed another there."""
        field = self.query_one("#seed", Input)
        if field.value == self._seed_given and line != field.value:
            self._seed_given = field.value = line

    # What happens in it

    @on(Input.Changed)
    @on(PathInput.Changed)
    @on(TextArea.Changed)
    @on(RadioSet.Changed)
    def _something_changed(self) -> None:
        self.check()

    @on(Select.Changed, "#preset")
    async def _preset_changed(self) -> None:
        await self._show_settings(self.preset)
        for setting in IN_THE_FORM:
            default = as_typed(setting, default_of(self.preset, setting))
            self.query_one(f"#setting-{setting}", Input).value = default
        self.check()

    @on(Input.Submitted)
    @on(PathInput.Submitted)
    def _next_field(self) -> None:
        self.screen.focus_next()

    @on(Button.Pressed, "#take-name")
    def take_free_name(self) -> None:
        """Takes the free name that is offered for the taken one."""
        if self._free is not None:
            self.query_one("#name", Input).value = self._free
            self.query_one("#name", Input).focus()

    def check(self) -> None:
        """Checks what can be checked at once, and has the rest looked at."""
        plan = self.plan
        self.set_class(plan.source == "files", "-files")
        self.set_class(plan.source == "pasted", "-pasted")
        known = all_settings_of(plan.preset)
        for setting in known:
            for field in self.query(f"#field-{setting}").results(Field):
                wrong = setting_problem(known[setting], plan.settings.get(setting, ""))
                if setting in IN_THE_FORM and setting not in plan.settings:
                    wrong = "give a number"
                field.show_problem(wrong)
        self._ask(plan)
        self._name_checked = None
        self._check_name(plan)
        self.post_message(self.Changed(self))

    def _ask(self, plan: Plan) -> None:
        """Has the corpus looked at, unless that would give the same answer."""
        about = _about_corpus(plan)
        if about == self._asked:
            return
        self._asked, self.summary, self.error = about, None, None
        self._look(about)

    @work(group="summary", exclusive=True)
    async def _look(self, plan: Plan) -> None:
        """Asks what the corpus makes of the network; a later question cancels this one."""
        if plan.corpus_problem() or self.settings_problem:
            return
        await asyncio.sleep(PAUSE_S)
        try:
            paths = await asyncio.to_thread(plan.paths)
            self.summary = await summarise(plan.question(paths), self._command)
        except RnnlmError as error:
            self.error = error
        if plan.source == "pasted":
            self._name_the_pasted_text()
        self.post_message(self.Changed(self))

    def _name_the_pasted_text(self) -> None:
        """The command line reads it from its standard input, which means nothing to a person."""
        if self.summary is not None:
            self.summary = dataclasses.replace(self.summary, corpus=PASTED)
        if (error := self.error) is not None:
            message = error.message.replace("standard input", PASTED).replace("stdin", PASTED)
            self.error = RnnlmError(message, error.hint)

    @work(group="name", exclusive=True)
    async def _check_name(self, plan: Plan) -> None:
        """Proposes a name while nobody has typed one, and says what is wrong with one."""
        name, problem, free = plan.name, None, None
        if name == self._proposed:
            name = await asyncio.to_thread(proposed_name, plan, self._is_taken)
            if name != self._proposed:
                self._proposed = self.query_one("#name", Input).value = name
                return  # which is a change, and comes back here
        if not is_name(name):
            problem = (
                "letters, digits, '.', '_' and '-', at most 64, no '.' at an end"
                if name
                else "give it a name"
            )
        elif await asyncio.to_thread(self._is_taken, name):
            problem = f"there is a model or a run {name} already"
            free = await asyncio.to_thread(free_name, name, self._is_taken)
        self._name_checked, self._free = name, free
        self.query_one("#name-field", Field).show_problem(problem)
        self.query_one("#take-name", Button).label = Content(f"take {free}")
        self.set_class(free is not None, "-name-taken")
        self.post_message(self.Changed(self))

    def _is_taken(self, name: str) -> bool:
        """Whether a model or a run has this name. Reads folders, so it belongs into a thread."""
        library = self.host.library
        return library.has(name) or library.holder(name) is not None


def _about_corpus(plan: Plan) -> Plan:
    """The plan without what makes no difference to what the corpus makes of the network."""
    return dataclasses.replace(plan, name="", seed_line="")
