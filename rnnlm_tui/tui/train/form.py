"""The form of the Train screen, which makes the arguments of a training. The command line checks
them when it summarises the text."""

from __future__ import annotations

import asyncio
import tomllib

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Collapsible, Input, RadioButton, RadioSet, Select, Static

from rnnlm_tui.config import ALL_SETTINGS, PRESETS
from rnnlm_tui.errors import RnnlmError, UsageError, flag_of
from rnnlm_tui.formatting import plural
from rnnlm_tui.session.texts import Listed
from rnnlm_tui.store.names import built_in_names
from rnnlm_tui.tui.runs.child import written_arguments
from rnnlm_tui.tui.train.fields import Field, FilesInput, SourceChoice, paths_in
from rnnlm_tui.tui.train.summary import DataCard, Summary, summarise
from rnnlm_tui.tui.widgets.base_screen import SCREEN_WIDTHS, OfApp
from rnnlm_tui.tui.widgets.inputs import SafeInput
from rnnlm_tui.tui.widgets.text_choice import choose_texts, texts_with_words

PAUSE_S = 0.4
"""Seconds without a change of the form after which the text is summarised."""
SOURCES = {
    "written": "what I wrote",
    "files": "my files or a folder",
    "bundled": "Shakespeare's sonnets, as in the lesson",
}
"""The texts to learn from, with their labels."""
MORE = "more: what kind of network, how long, what is held out"
EXAMPLE = 'dropout = 0.3, encoding = "latin-1"'
"""An example of the field for settings."""


class TrainForm(OfApp, VerticalScroll, can_focus=False):
    """The fields of a training and its button. Beside them or below them is a preview: the command
    line's summary of the text and of a model of it."""

    DEFAULT_CSS = """
    TrainForm {
        height: 1fr;
        scrollbar-size-vertical: 1;
        #fields, #preview { height: auto; padding: 1 1 0 0; scrollbar-size-vertical: 1; }
        #sources { width: 1fr; height: auto; }
        #sources > SourceChoice > .toggle--button { color: $quiet; }
        #sources > SourceChoice.-on > .toggle--button { color: $good; text-style: bold; }
        #sources:ansi > SourceChoice > .toggle--button { color: ansi_default; }
        #field-files, #field-written { display: none; }
        &.-files #field-files, &.-several #field-written { display: block; }
        #field-name { margin: 1 0; }
        #form-epochs, #form-held_out { width: 12; }
        Select > SelectOverlay { border: round $border !important; }
        Select #label, Select > SelectOverlay { text-wrap: nowrap; text-overflow: ellipsis; }
        #more { border-top: none; background: transparent; padding: 0; }
        #below-form { height: auto; margin: 1 0 0 1; }
        #train { min-width: 9; margin-right: 3; }
        #prospect { width: 1fr; height: auto; min-height: 2; }
        #prospect.-wrong { color: $warn; }
        #more Contents { padding: 0; }
        CollapsibleTitle { padding: 0; border-left: blank; }
        CollapsibleTitle:focus { border-left: outer $border; }
    }
    """

    class Changed(Message):
        """The summary or the error of the form has changed."""

    def __init__(self) -> None:
        super().__init__()
        self.summary: Summary | None = None
        """The summary of the text; None while it is being made, or if there is an error."""
        self.error: RnnlmError | None = None
        """What is wrong with the values of the form."""
        self.starts_once_counted = False
        """True if the training is to start as soon as there is a summary."""
        self._checked: object = None
        """The values of the form at the last check."""
        self._card = DataCard()
        self._texts: list[Listed] = []
        """The texts written in the app."""
        self._chosen: list[int] = []
        """The numbers of the texts to learn from; empty for all of them. If all that the user has
        chosen are deleted, their numbers stay."""
        self._to_learn: list[Listed] = []
        """The texts to learn from."""
        # The fields are attributes because they are read at each key, and queries are slow.
        choices = [SourceChoice(source, label) for source, label in SOURCES.items()]
        self._sources = RadioSet(*choices, id="sources", compact=True)
        self._files = FilesInput(
            placeholder="~/poems.txt or ~/notes/; Tab completes; several: a.txt; b.txt",
            compact=True,
            select_on_focus=False,
            id="files",
        )
        presets = [(Content(f"{name}: {p.summary}"), name) for name, p in PRESETS.items()]
        bases = [*((name, name) for name in built_in_names()), ("none: your text alone", "none")]
        self._selects = {
            "preset": Select(presets, prompt="the one that suits the text", compact=True),
            "on": Select(bases, prompt="the model of the text's language", compact=True),
        }
        self._inputs = {
            name: SafeInput(id=f"form-{name}", compact=True, select_on_focus=False)
            for name in ("name", "epochs", "held_out", "settings")
        }
        self._inputs["settings"].placeholder = f"such as {EXAMPLE}"

    def compose(self) -> ComposeResult:
        inputs = self._inputs
        with VerticalScroll(id="fields", can_focus=False):
            yield Field("sources", "Learn from", self._sources)
            button = Button("choose some of the texts", compact=True, id="written")
            yield Field("written", "", button)
            yield Field("files", "Files", self._files)
            yield Field("name", "Name", inputs["name"])
            with Collapsible(title=MORE, id="more"):
                yield Field("preset", "Network", self._selects["preset"])
                yield Field("on", "Built on", self._selects["on"])
                yield Field("epochs", "Epochs", inputs["epochs"], "passes through the text")
                hint = "share of lines to measure on"
                yield Field("held_out", "Held out", inputs["held_out"], hint)
                yield Field("settings", "Settings", inputs["settings"])
            with Horizontal(id="below-form"):
                yield Button("Train", variant="primary", id="train", compact=True)
                yield Static("", id="prospect", markup=False)
        with VerticalScroll(id="preview", can_focus=False):
            yield self._card

    def on_mount(self) -> None:
        """Fills in the files of the last training. A wide window shows all fields at once."""
        self.query_one("#more", Collapsible).collapsed = self.app.size.width < SCREEN_WIDTHS[-1][0]
        if files := self.app.preferences.files:
            self._files.value = files
            self._choose_source("files")
        if self.screen.is_current:  # otherwise they are read when the screen is shown
            self.refresh_texts()

    # The training that the form describes

    @property
    def source(self) -> str:
        """The text to learn from, a key of SOURCES."""
        return [*SOURCES][max(0, self._sources.pressed_index)]

    def arguments(self) -> tuple[str, ...]:
        """Returns the arguments after `--summary` or `--train`. Raises UsageError if there is no
        file to learn from, if the chosen texts are deleted, or if the settings cannot be read."""
        texts: tuple[str, ...] = ()
        match self.source:
            case "written":
                if self._chosen and not self._to_learn:
                    what = "the texts that you chose are deleted"
                    raise UsageError(what, "choose others, or none for all", field="written")
                texts = written_arguments(self._chosen)
            case "files":
                texts = paths_in(self._files.value)
                if not texts:
                    raise UsageError("name a file or a folder to learn from", field="files")
        values = {name: self._inputs[name].value.strip() for name in ("name", "epochs", "held_out")}
        for name, select in self._selects.items():
            values[name] = "" if select.value is Select.NULL else str(select.value)
        options = (f"{flag_of(name)}={value}" for name, value in values.items() if value)
        return (*texts, *options, *_flags_of(self._inputs["settings"].value))

    @property
    def problem(self) -> str | None:
        """Why the training cannot start, in a sentence. None if nothing is known against it, also
        while the text is being counted."""
        if (error := self.error) is not None:
            # A hint may name the setting "force", which the form does not have.
            return error.message if '"force"' in error.hint else error.sentence()
        if (run := self.app.followed_runs.running) is not None:
            key = self.app.shown_key("train.back", "escape")
            return f"{run.name} is training: wait for its end, or stop it ({key} shows it)"
        return None

    def store_files(self) -> None:
        """Stores in the preferences which files were chosen, or that none were."""
        files = self._files.value if self.source == "files" else ""
        if files != self.app.preferences.files:
            self.app.preferences.files = files
            self.app.store_preferences()

    # Changes

    @work(group="texts", exclusive=True)
    async def refresh_texts(self) -> None:
        """Reads which texts there are, and checks the form. A later call cancels this one."""
        had_none = not self._texts
        try:
            self._texts = await texts_with_words(self.app.session)
        except RnnlmError as error:
            self.app.show_error_once(error)
        if self._texts and had_none and self.source == "bundled":  # the user has begun to write
            self._choose_source("written")
        chosen = [text for text in self._texts if text.number in self._chosen]
        if chosen or not self._texts:
            self._chosen = [text.number for text in chosen]
        self._to_learn = chosen if self._chosen else self._texts
        words = sum(text.words for text in self._to_learn)
        count = f"{plural(len(self._to_learn), 'text')}, {plural(words, 'word')}"
        label = f"{SOURCES['written']}: {count if self._texts else 'nothing yet'}"
        self.query_one("#source-written", RadioButton).label = Content(label)
        self.check(again=self.error is not None)

    def _choose_source(self, source: str) -> None:
        self.query_one(f"#source-{source}", RadioButton).value = True

    @on(Button.Pressed, "#written")
    @work(group="choose", exclusive=True)
    async def _choose(self) -> None:
        with self.app.showing_errors():
            chosen = await choose_texts(self.app, self._chosen)
            if chosen is not None:
                self._chosen = chosen
                self.refresh_texts()

    @on(RadioSet.Changed)
    def _source_changed(self) -> None:
        self.check()
        if self._sources.has_focus and self.source == "files":
            self._files.focus()

    def key_space(self) -> None:
        """Opens or closes "more" if its title has the focus, as Enter does."""
        if self.query_one("CollapsibleTitle").has_focus:
            more = self.query_one("#more", Collapsible)
            more.collapsed = not more.collapsed

    @on(Input.Submitted)
    def _next_field(self) -> None:
        self.screen.focus_next()

    @on(Input.Changed)
    @on(Select.Changed)
    def _value_changed(self) -> None:
        self.check()

    def check(self, *, again: bool = False) -> None:
        """Lets the command line check the form if it has changed, or in any case with `again`:
        another program may have taken the name of the model."""
        self.set_class(self.source == "files", "-files")
        is_choice = len(self._texts) > 1 or bool(self._chosen)
        self.set_class(self.source == "written" and is_choice, "-several")
        typed = [field.value for field in (self._files, *self._inputs.values())]
        selected = [select.value for select in self._selects.values()]
        values = (self.source, typed, selected, self._texts, self._chosen)
        if (again or values != self._checked) and self.screen.is_current:
            self._checked = values
            self.summary = None
            self.error = None
            self.starts_once_counted = False
            self._ask()
            self.post_message(self.Changed())

    @work(group="summary", exclusive=True)
    async def _ask(self) -> None:
        """Asks the command line for the summary. A later call cancels this one."""
        await asyncio.sleep(PAUSE_S)
        try:
            summary = await summarise(self.arguments(), self.app.library.data_dir)
        except RnnlmError as error:
            self.error = error
        else:
            self.summary = summary
            self._inputs["name"].placeholder = summary.name
            for name in ("epochs", "held_out"):
                self._inputs[name].placeholder = str(summary.settings.get(name, ""))
        wrong = self.error.field if self.error is not None else None
        for field in self.query(Field):
            field.set_class(field.id == f"field-{wrong}", "-wrong")
        self._card.show(self.summary)
        self.post_message(self.Changed())


def _flags_of(settings: str) -> tuple[str, ...]:
    """Returns the flags for settings, which are written as in a `--config` file, but with commas
    between them. Raises UsageError if they cannot be read, or if there is no such setting."""
    try:
        values = tomllib.loads(f"settings = {{{settings}}}")["settings"]
    except tomllib.TOMLDecodeError as error:
        message, hint = "{settings} cannot be read", f"write them as in {EXAMPLE}"
        raise UsageError(message, hint, field="settings") from error
    for name in values.keys() - {*ALL_SETTINGS, "encoding"}:
        raise UsageError(f"there is no setting {name}", f"an example: {EXAMPLE}", field="settings")
    return tuple(f"{flag_of(name)}={value}" for name, value in values.items())
