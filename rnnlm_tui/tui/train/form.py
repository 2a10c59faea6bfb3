"""The form of the Train screen: the corpus, the preset and the settings."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import msgspec
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Collapsible, Input, RadioButton, RadioSet

from rnnlm_tui.config import PRESETS
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.tui.train.fields import (
    Field,
    FilesInput,
    NameField,
    SettingField,
    SourceChoice,
    WrittenTexts,
)
from rnnlm_tui.tui.train.form_content import (
    FIRST_PRESET,
    FormContent,
    Source,
    all_settings_of,
    split_line,
)
from rnnlm_tui.tui.train.summary import CorpusSummary, summarise
from rnnlm_tui.tui.widgets.inputs import SafeInput
from rnnlm_tui.tui.widgets.lists import DropDown

if TYPE_CHECKING:
    from textual import getters

    from rnnlm_tui.tui.app import RnnlmApp

PAUSE_S = 0.4
"""The corpus is read once nothing was typed for this long."""
SOURCES: tuple[tuple[Source, str], ...] = (
    ("bundled", "sonnets"),
    ("written", "what I wrote"),
    ("files", "my files"),
)
WRITTEN = "what you wrote"
"""What the text is called that is not in files."""
ENOUGH_WRITTEN = 300
"""Words from which what was written is the first choice."""
COUNTING = "the text is being counted"
NAME_CHECKED = "the name is being checked"
SEED_HINT = "The model continues it after each epoch."
IN_THE_FORM = {
    "epochs": ("Epochs", "passes through the text"),
    "held_out": ("Held out", "% of the lines, to measure on"),
}
"""The settings outside "More settings", with their labels and hints."""


class TrainForm(VerticalScroll, can_focus=False):
    """The input for a training, and the command line's summary of it."""

    class Changed(Message):
        """A value, the summary or a problem has changed."""

    DEFAULT_CSS = """
    TrainForm {
        padding: 1 1 0 0;
        scrollbar-size-vertical: 1;
        /* A bar at the left marks the row with the focus, also without colours. */
        Field, CollapsibleTitle { border-left: blank; }
        Field:focus-within, CollapsibleTitle:focus { border-left: outer $border; }
        Field:focus-within .field-label { color: $foreground; text-style: bold; }
        #sources { layout: grid; grid-size: 2; grid-columns: 20; height: 2; width: 1fr; }
        #sources SourceChoice { width: auto; }
        #sources > SourceChoice > .toggle--button { color: $text-muted; }
        #sources > SourceChoice.-on > .toggle--button { color: $text-success; text-style: bold; }
        #sources:ansi > SourceChoice > .toggle--button { color: ansi_default; }
        #source-field, #preset-field, #field-held_out, #seed-field, .of-files, .of-written {
            margin-bottom: 1;
        }
        #preset > SelectOverlay { border: round $border !important; }
        #preset #label, #preset > SelectOverlay { text-wrap: nowrap; text-overflow: ellipsis; }
        .of-files, .of-written { display: none; height: auto; }
        &.-files .of-files, &.-written .of-written { display: block; }
        #more { border-top: none; background: transparent; padding: 0; }
        #more Contents { padding: 0; }
        #more-settings { height: auto; }
        #more CollapsibleTitle { padding: 0; }
        #more .field-label { width: 20; }
        #more .field-line { layout: grid; grid-size: 2; grid-columns: 20 1fr; grid-rows: auto; }
        #more .field-hint { column-span: 2; }
        #more .field-problem { padding-left: 20; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._asked: FormContent | None = None
        self._seed_given = ""
        self._preselected: Source = "bundled"
        self._is_source_chosen = False
        """Whether the user has chosen another source than the form."""
        self.summary: CorpusSummary | None = None
        """Facts about the corpus and the network; None while they are being computed, or if the
        corpus cannot be used."""
        self.error: RnnlmError | None = None
        """Why the corpus cannot be used."""
        self._make_controls()

    def _make_controls(self) -> None:
        """Creates the fields as attributes: they are read at each key, and queries are slow."""
        self._sources = RadioSet(
            *(SourceChoice(source, label, source == "bundled") for source, label in SOURCES),
            id="sources",
            compact=True,
        )
        self._written = WrittenTexts()
        self.read_written = self._written.read
        self._files = FilesInput(
            placeholder="~/poems.txt", compact=True, select_on_focus=False, id="files"
        )
        self._file = Field("File", self._files, id="files-field")
        self._settings = {
            name: SettingField(name, FIRST_PRESET, *texts) for name, texts in IN_THE_FORM.items()
        }
        presets = [(Content(f"{name}: {p.summary}"), name) for name, p in PRESETS.items()]
        self._preset = DropDown(
            presets, value=FIRST_PRESET, allow_blank=False, compact=True, id="preset"
        )
        self._name_field = NameField()
        self._seed = SafeInput(id="seed", compact=True, placeholder="the first words of the text")
        self._encoding = SafeInput()
        self._shown_preset = FIRST_PRESET

    def compose(self) -> ComposeResult:
        yield Field("Text", self._sources, id="source-field")
        with Vertical(classes="of-written"):
            yield self._written
        with Vertical(classes="of-files"):
            yield self._file
            yield Field("", hint="Tab completes a path; several files: a.txt; b.txt")
        yield Field("Preset", self._preset, id="preset-field")
        yield from self._settings.values()
        yield self._name_field
        yield Field("Your line", self._seed)
        yield Field("", hint=SEED_HINT, id="seed-field")
        with Collapsible(title="More settings", id="more"):
            yield Vertical(id="more-settings")

    def on_mount(self) -> None:
        """Fills in the files of the last training."""
        if files := self.app.preferences.files:
            self._files.value = files
            self._preselect("files")
        self.check()
        if self.screen.is_current:  # otherwise when it is shown
            self.read_written()

    @on(Collapsible.Expanded)
    async def _fill_more(self) -> None:
        """Adds empty fields for the other settings of the preset. Not before they are to be seen:
        they are most of the form, which opens in 0.4 s without them, in 0.7 s with them."""
        more = self.query_one("#more-settings", Vertical)
        if more.children:
            return
        names = [name for name in all_settings_of(self.preset) if name not in IN_THE_FORM]
        others = {name: SettingField(name, self.preset) for name in names}
        self._settings |= others
        self._encoding = SafeInput(
            id="encoding", compact=True, classes="-number", placeholder="utf-8"
        )
        hint = "the encoding of your files, such as latin-1"
        await more.mount(*others.values(), Field("encoding", self._encoding, hint=hint))
        self._show_defaults()

    if TYPE_CHECKING:
        app = getters.app(RnnlmApp)

    @property
    def content(self) -> FormContent:
        return FormContent(
            source=self.source,
            files=self._files.value,
            written=self._written.paragraphs,
            preset=self.preset,
            name=self._name_field.value,
            seed_line=self._seed.value,
            encoding=self._encoding.value.strip(),
            settings={name: field.value for name, field in self._settings.items() if field.value},
        )

    @property
    def source(self) -> Source:
        return SOURCES[max(0, self._sources.pressed_index)][0]

    @property
    def preset(self) -> str:
        """The chosen preset. The list has no value before it is mounted."""
        value = self._preset.value
        return FIRST_PRESET if value is DropDown.NULL else str(value)

    @property
    def settings_problem(self) -> str | None:
        """The first problem of the settings."""
        for field in self._settings.values():
            if field.problem is not None:
                return f"{field.label.lower()}: {field.problem}"
        return None

    @property
    def problem(self) -> str | None:
        """Why the training cannot start, in a sentence; None if it can."""
        content = self.content
        if wrong := content.corpus_problem() or self.settings_problem:
            return wrong
        if _about_corpus(content) != self._asked:
            return COUNTING
        if self.error is not None:
            return self.error.sentence()
        if self._name_field.problem:
            return self._name_field.problem
        if self.summary is None:
            return COUNTING
        return None if self._name_field.checked_name == content.name else NAME_CHECKED

    def _propose_seed(self, line: str) -> None:
        """Fills in the seed line, unless the user has typed one."""
        field = self._seed
        if field.value == self._seed_given and line != field.value:
            field.value = line
            self._seed_given = field.value  # without control characters

    @on(WrittenTexts.Changed)
    def _written_changed(self) -> None:
        is_free = not (self._is_source_chosen or self._files.value)
        if is_free and self._written.words >= ENOUGH_WRITTEN:
            self._preselect("written")
        self.check(again=False)

    def _preselect(self, source: Source) -> None:
        """Chooses a source, unless it was before: the user may have chosen another one."""
        if source != self._preselected:
            self._preselected = source
            self.query_one(f"#source-{source}", RadioButton).value = True

    @on(RadioSet.Changed)
    def _source_changed(self) -> None:
        self.check(again=False)
        self._is_source_chosen |= self.source != self._preselected
        if self._sources.has_focus and self.source == "files":
            self._files.focus()

    @on(Input.Changed)
    def _input_changed(self) -> None:
        self.check(again=False)

    @on(DropDown.Changed, "#preset")
    async def _preset_changed(self) -> None:
        """Shows empty fields for the settings of a preset."""
        if self.preset == self._shown_preset:  # the first value
            return
        self._shown_preset = self.preset
        self._settings = {name: self._settings[name] for name in IN_THE_FORM}
        for field in self._settings.values():
            field.use_preset(self.preset)
        self._encoding = SafeInput()
        await self.query_one("#more-settings", Vertical).remove_children()
        if not self.query_one("#more", Collapsible).collapsed:
            await self._fill_more()
        self.check(again=False)
        self._show_defaults()

    @on(Input.Submitted)
    def _next_field(self, event: Input.Submitted) -> None:
        if event.input is self._files and not split_line(self._files.value):
            self._file.show_problem(self.content.corpus_problem())
        else:
            self.screen.focus_next()

    def check(self, *, again: bool = True) -> None:
        """Checks the form. The corpus and the name are read in the background.

        With `again` an unchanged name is checked too: another program may have taken it.
        """
        content = self.content
        for source, _ in SOURCES:
            self.set_class(content.source == source, f"-{source}")
        self._file.show_problem(None)
        about = _about_corpus(content)
        if about != self._asked and self.screen.is_current:  # otherwise when it is shown
            self._asked, self.summary, self.error = about, None, None
            self._ask(about)
        self._name_field.check(content, again=again)
        self.post_message(self.Changed())

    @work(group="summary", exclusive=True)
    async def _ask(self, content: FormContent) -> None:
        """Asks for the summary of the text and its network. A later call cancels this one."""
        if content.corpus_problem() or self.settings_problem:
            return
        await asyncio.sleep(PAUSE_S)
        try:
            files = await asyncio.to_thread(content.paths)
            self.summary = await summarise(content, files, self.app.library.data_dir)
        except RnnlmError as error:
            self.error = error
        else:
            self._store_files(content)
            self._propose_seed(self.summary.opening)
        self._show_defaults()
        if content.source == "written":
            self._name_what_was_written()
        self.post_message(self.Changed())

    def _store_files(self, content: FormContent) -> None:
        """Stores the files in the preferences; none if the source is another."""
        files = content.files if content.source == "files" else ""
        if files != self.app.preferences.files:
            self.app.preferences.files = files
            self.app.store_preferences()

    def _show_defaults(self) -> None:
        """Shows the defaults that depend on the text, if it was read."""
        if self.summary is not None:
            for name, field in self._settings.items():
                field.show_default(self.summary.settings.get(name))

    def _name_what_was_written(self) -> None:
        """Replaces the name that the command line gives a text that is not in a file."""
        if self.summary is not None:
            corpus = msgspec.structs.replace(self.summary.corpus, name=WRITTEN)
            self.summary = msgspec.structs.replace(self.summary, corpus=corpus)
        if (error := self.error) is not None:
            message = error.message.replace("standard input", WRITTEN).replace("stdin", WRITTEN)
            self.error = RnnlmError(message, error.hint)

    @on(NameField.Checked)
    def _name_checked(self) -> None:
        self.post_message(self.Changed())


def _about_corpus(content: FormContent) -> FormContent:
    """Returns what the summary depends on."""
    return dataclasses.replace(content, name="", seed_line="")
