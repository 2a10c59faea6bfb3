"""The fields of the Train screen's form."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, RadioButton, Static

from rnnlm_tui.config import Setting, help_of
from rnnlm_tui.errors import RnnlmError, StorageError
from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.session.texts import Listed, lines_of_texts
from rnnlm_tui.store.library import free_name, new_name_problem, usable_name
from rnnlm_tui.store.texts import paragraphs_of
from rnnlm_tui.tui.train.form_content import (
    SEPARATOR,
    FormContent,
    Source,
    all_settings_of,
    as_typed,
    default_of,
    proposed_stem,
    setting_problem,
)
from rnnlm_tui.tui.widgets.inputs import PathInput, SafeInput
from rnnlm_tui.tui.widgets.text_choice import choose_texts, texts_with_words

if TYPE_CHECKING:
    from textual import getters

    from rnnlm_tui.tui.app import RnnlmApp


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
        .field-hint { width: 1fr; height: auto; color: $text-muted; padding-left: 2; }
        .field-problem { display: none; padding-left: 12; color: $text-error; }
        &.-wrong .field-problem { display: block; }
        Input { width: 1fr; }
        Input.-number { width: 12; }
        Input:ansi { text-style: underline; }
        Select { width: 1fr; }
    }
    """

    if TYPE_CHECKING:
        app = getters.app(RnnlmApp)

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

    def __init__(self, setting: str, preset: str, label: str = "", hint: str = "") -> None:
        """`label` and `hint` are by default the name of the setting and its help."""
        self._setting = setting
        self.input = SafeInput(
            compact=True, id=f"setting-{setting}", classes="-number", select_on_focus=False
        )
        super().__init__(
            label or setting.replace("_", " "),
            self.input,
            hint=hint or help_of(all_settings_of(preset)[setting]),
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


class FilesInput(PathInput):
    """An input for the paths of several files, of which the last one is completed."""

    def path_in(self, value: str) -> str:
        return value.rpartition(SEPARATOR)[2].lstrip()


class WrittenTexts(Field):
    """What was written in the app: all texts, or those that are chosen in a list."""

    DEFAULT_CSS = """
    WrittenTexts Button { width: auto; }
    """

    class Changed(Message):
        """The texts were read, or others were chosen."""

    def __init__(self) -> None:
        self._button = Button("", compact=True, id="written")
        super().__init__("Texts", self._button, hint="Enter chooses some")
        self._chosen: list[int] = []
        """The numbers of the texts to train on; all if it is empty."""
        self.paragraphs: tuple[str, ...] = ()
        self.words = 0

    @work(group="written", exclusive=True)
    async def read(self) -> None:
        """Reads what was written so far. A later call cancels this one."""
        texts, lines = list[Listed](), list[str]()
        try:
            texts = await texts_with_words(self.app.session)
            numbers = [text.number for text in texts]
            self._chosen = [number for number in self._chosen if number in numbers]
            lines = await self.app.session.read(
                partial(lines_of_texts, numbers=self._chosen or numbers)
            )
        except StorageError as error:
            self.app.show_error_once(error)
        self.paragraphs = tuple(await asyncio.to_thread(paragraphs_of, lines))
        chosen = [text for text in texts if text.number in self._chosen] or texts
        self.words = sum(text.words for text in chosen)
        which = f"{len(chosen)} of" if len(chosen) < len(texts) else "all"
        count = f"{which} {plural(len(texts), 'text')}, {plural(self.words, 'word')}"
        self._button.label = Content(count if texts else "nothing is written yet")
        self._button.disabled = not texts
        self.query_one(".field-hint").display = bool(texts)
        self.post_message(self.Changed())

    @on(Button.Pressed)
    @work(group="choose", exclusive=True)
    async def _choose(self) -> None:
        with self.app.showing_errors():
            chosen = await choose_texts(self.app, self.app.session, self._chosen)
            if chosen is not None:
                self._chosen = chosen
                self.read()


class NameField(Field):
    """The name of the model. One is proposed until the user types another."""

    class Checked(Message):
        """The check of the name has finished."""

    def __init__(self) -> None:
        self.input = SafeInput(id="name", compact=True)
        super().__init__("Name", self.input, id="name-field")
        self._proposed = ""
        self._asked: object = None
        self.checked_name: str | None = None
        """The last name whose check has finished."""

    @property
    def value(self) -> str:
        return usable_name(self.input.value)

    def check(self, content: FormContent, *, again: bool) -> None:
        """Checks the name in the library; with `again` even if it was checked before."""
        asked = (content.name, content.source, content.files, content.preset)
        if again or asked != self._asked:
            self._asked, self.checked_name = asked, None
            self._look_up(content)

    @work(group="name", exclusive=True)
    async def _look_up(self, content: FormContent) -> None:
        """Checks the name, or proposes another if the user has typed none. A later check cancels
        this one."""
        library, problem = self.app.library, None
        try:
            if content.name == self._proposed:
                name = await asyncio.to_thread(free_name, library, proposed_stem(content))
                if name != content.name:
                    self._proposed = self.input.value = name
                    return  # the change starts another check
            else:
                problem = await asyncio.to_thread(new_name_problem, library, content.name)
        except RnnlmError as error:
            problem = error.message
        self.checked_name = content.name
        self.show_problem(problem)
        self.post_message(self.Checked())
