"""Scripted models, keys, screen contents and waiting, for tests of the terminal app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from msgspec import structs
from rich.cells import cell_len
from textual import events
from textual.app import App
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Static

from rnnlm_tui.config import make_config
from rnnlm_tui.errors import ModelError
from rnnlm_tui.events import CorpusFacts, EpochFigures, Metrics
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.files import saved_ns
from rnnlm_tui.store.library import Library, OpenedModel
from rnnlm_tui.text.prose_learning import learn_prose
from rnnlm_tui.text.vocabulary import BEGIN_TOKEN, SPECIAL_TOKENS
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.preferences import Preferences, SettingsFile
from rnnlm_tui.tui.train.form import TrainForm
from rnnlm_tui.tui.widgets.dialogs import Dialog
from rnnlm_tui.tui.writing.candidates import Candidates
from tests.helpers.commands import PATIENCE_S
from tests.helpers.idle import loop_idle
from tests.helpers.scripted import ScriptedModel

AppType = TypeVar("AppType", bound=App[Any])
CHARACTERS = {"space": " ", "tab": "\t", "enter": "\r", "escape": "\x1b", "backspace": "\x7f"}
SONNET: Mapping[str, Mapping[str, float]] = {
    "": {"shall": 0.5, "when": 0.3},
    "shall": {"i": 0.9},
    "i": {"compare": 0.8, "do": 0.1},
    "compare": {"thee": 0.9, "the": 0.06, "this": 0.02},
    "thee": {"to": 0.7, "with": 0.2},
    "to": {"a": 0.15, "the": 0.1},
    "a": {"summer's": 0.6, "day": 0.3},
    "summer's": {"day": 0.9},
    "the": {"day": 0.6},
    "when": {"i": 0.9},
}
"""The likeliest words after each word. After "day" all words are equally likely."""
TRAIN_FIGURES = Metrics(loss=2.5, penalty=0.0, accuracy=0.25, perplexity=12.2)
OTHERS = ("blow", "buds", "gold", "kiss", "lily", "moon", "pearl", "queen", "rose", "vast")
"""Words that every model here knows, so that no word is likely unless the script says so."""
MARKS = (",", ".", "?")
PROSE = learn_prose(["when i do, shall i compare thee to a summer's day? to Anna, i do."] * 8)
"""How these models write: with marks, and with a capital where a line begins."""


HOSTILE = (
    "[/b] [red]x \x1b[31m\x1b]0;title\x07 \x9b2J \u202e\u05e9\u05dc\u05d5\u05dd\u202c 漢字 "
    f"👩\u200d🚀 e\u0301\u0302 a\tb\0c {'漢' * 60} {'w' * 1000}"
)
"""Markup, what could steer a terminal, text from right to left, wide and joined characters, and a
very long word."""


def scripted_model(script: Mapping[str, Mapping[str, float]] = SONNET) -> ScriptedModel:
    """A model that knows the probabilities of some words after each last word. All its words share
    the rest equally."""
    spelled = [*filter(None, script), *(word for after in script.values() for word in after)]
    words = list(dict.fromkeys((*spelled, *OTHERS, *MARKS)))

    def filled(likely: Mapping[str, float]) -> dict[str, float]:
        rest = (1 - sum(likely.values())) / len(words)
        return {word: rest + likely.get(word, 0) for word in words}

    after = {last: filled(script.get(last, {})) for last in words}
    after[BEGIN_TOKEN] = filled(script.get("", {}))
    return ScriptedModel(after, 10, SPECIAL_TOKENS, words, PROSE)


def chain(*words: str) -> dict[str, dict[str, float]]:
    """A script in which each word follows the one before it."""
    return {before: {word: 0.9} for before, word in zip(("", *words), words, strict=False)}


def card_of(model: LanguageModel) -> ModelCard:
    """The card of a scripted model."""
    return ModelCard(
        config=make_config("gru", []),
        total_words=model.vocabulary.total_words,
        window=model.window,
        corpus=CorpusFacts("sonnets.txt", "00", lines=2159, words=17_600),
        metrics=EpochFigures(3, TRAIN_FIGURES, None),
        epochs_done=3,
        created="2025-01-01T00:00:00Z",
        updated="2025-01-01T00:00:00Z",
    )


def opened_model(name: str, model: LanguageModel) -> OpenedModel:
    """A scripted model, which is in no file. Its language is English if its name is `english`."""
    card = structs.replace(card_of(model), language="en" if name == "english" else "")
    return OpenedModel(name, Path(), Path(), card, model)


class ScriptedLibrary(Library):
    """A library with scripted models instead of those in the folder; the first is the newest."""

    def __init__(self, data_dir: Path, models: Mapping[str, LanguageModel]) -> None:
        super().__init__(data_dir)
        self.models = dict(models)

    def names(self) -> list[str]:
        """The names of the scripted models."""
        return sorted(self.models)

    def newest_first(self) -> list[str]:
        """The names of the scripted models in the order given."""
        return list(self.models)

    def open(self, name: str | None) -> OpenedModel:
        """A scripted model."""
        assert name is not None
        if name not in self.models:
            raise ModelError(f"there is no model {name}", "rnnlm-tui --models lists them")
        opened, path = opened_model(name, self.models[name]), self.path(name)
        saved = saved_ns(path)
        folder, words = self.runs.folder(name), self.unwanted.words
        return replace(opened, path=path, folder=folder, unwanted=words, saved_ns=saved)

    def _problem_of(self, name: str) -> str:
        """The models are in no files."""
        return "" if name in self.models else f"the model in use, {name}, is gone"


def scripted_app(
    folder: Path,
    models: Mapping[str, LanguageModel] | None = None,
    *,
    model: str | None = None,
    preferences: Preferences | None = None,
) -> RnnlmApp:
    """The app with its folders below `folder` and with scripted models, by default `sonnets` alone.
    If none of them is in use, the first one becomes so. `model` is the name given on the command
    line."""
    preferences = preferences or Preferences()
    preferences.theme = preferences.theme or "rnnlm-dark"
    settings = SettingsFile(folder / "config")
    settings.preferences = preferences
    settings.store()
    app = RnnlmApp(folder / "data", folder / "config", folder / "app.log", model)
    scripted = {"sonnets": scripted_model()} if models is None else models
    app.library = ScriptedLibrary(folder / "data", scripted)
    if scripted and app.library.in_use(lambda problem: None) not in scripted:
        app.library.use(next(iter(scripted)))
    return app


@asynccontextmanager
async def running(
    app: App[Any], size: tuple[int, int] = (80, 24), *, notifications: bool = True
) -> AsyncIterator[Pilot[Any]]:
    """Runs the app, and lets it exit before `run_test` ends it: that would remove widgets on which
    workers still draw."""
    async with app.run_test(size=size, notifications=notifications) as pilot:
        try:
            yield pilot
        finally:
            app.exit()
            async with asyncio.timeout(PATIENCE_S):
                while app.is_running:
                    await asyncio.sleep(0)


async def until(condition: Callable[..., object]) -> None:
    """Waits until the condition holds. Fails after `PATIENCE_S`."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def sees(app: App[Any], *parts: str) -> None:
    """Waits until a row of the screen holds all of these."""
    await until(lambda: has_row(app, *parts))


async def told(app: App[Any], text: str) -> None:
    """Waits until a toast has this text."""
    await until(lambda: any(text in toast for toast in toasts(app)))


async def resize(pilot: Pilot[Any], width: int, height: int) -> None:
    """Gives the window another size, and waits until it is laid out."""
    await pilot.resize_terminal(width, height)
    await until(lambda: pilot.app.screen._compositor.size == (width, height))


def post_keys(app: App[Any], *keys: str) -> None:
    """Sends keys in quick succession, as a terminal does, without waiting for anything."""
    driver = app._driver
    assert driver is not None
    for key in keys:
        if len(key) == 1:
            event = events.Key(_character_to_key(key), key)
        else:
            event = events.Key(key, CHARACTERS.get(key))
        event.set_sender(app)
        driver.send_message(event)


def post_clicks(app: App[Any], *places: tuple[int, int]) -> None:
    """Clicks at these cells in quick succession, as a terminal reports it, without waiting."""
    driver = app._driver
    assert driver is not None
    for x, y in places:
        for kind in (events.MouseDown, events.MouseUp):
            driver.send_message(kind(None, x, y, 0, 0, 1, False, False, False, x, y))


async def settled(pilot: Pilot[Any]) -> None:
    """Waits until the app has handled all messages and has painted what they changed. It does not
    wait for threads, such as the one that asks the model."""
    await loop_idle()
    await pilot.pause(0)  # paints now, and not at the next frame
    await loop_idle()


async def dialog_read(pilot: Pilot[Any]) -> None:
    """Waits until an open dialog takes answers. It does not take keys typed ahead."""
    dialog = pilot.app.screen
    if isinstance(dialog, Dialog):
        await until(lambda: dialog.is_mounted and not dialog.is_typed_ahead)


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Sends keys once an open dialog is read, and waits until they are handled. It does not wait
    for the answer of a model. `post_keys` types ahead."""
    await dialog_read(pilot)
    post_keys(pilot.app, *keys)
    await settled(pilot)


def app_of(pilot: Pilot[Any]) -> RnnlmApp:
    """The app under test."""
    return cast(RnnlmApp, pilot.app)


async def answered(pilot: Pilot[Any]) -> None:
    """Waits until the active model has answered for the current line, and the list shows that."""
    app = app_of(pilot)
    screen = app.autocomplete
    await until(lambda: app.opened_model is not None)

    def is_answered() -> bool:
        editor, answer = screen.editor, screen.editor.answer
        if answer is None or answer.question.opened_model is not app.opened_model:
            return False
        is_latest = (answer.question.line, answer.question.cursor) == (editor.line, editor.cursor)
        return is_latest and screen.query_one(Candidates).listing == editor.listing

    await until(is_answered)


async def show_form(pilot: Pilot[Any]) -> TrainForm:
    """Shows the form of the Train screen, and waits until a training can be started."""
    await press(pilot, "f3")
    screen = app_of(pilot).train_screen
    await until(lambda: screen.query("#train"))
    form = screen.query_one(TrainForm)
    await until(lambda: form.summary is not None)
    await pilot.pause()
    return form


async def write(pilot: Pilot[Any], *keys: str) -> None:
    """Presses keys, given as letters and key names, and waits for the model's answer."""
    await press(pilot, *keys)
    await answered(pilot)


def in_reverse(app: App[Any], *, first_row: bool = False) -> list[str]:
    """The pieces of text that are painted in reverse."""
    strips = app.screen._compositor.render_strips()
    parts = (part for strip in (strips[:1] if first_row else strips) for part in strip)
    return [part.text for part in parts if part.style and part.style.reverse]


def current_tab(app: App[Any]) -> str:
    """The label of the tab that is painted in reverse."""
    return "".join(in_reverse(app, first_row=True)).strip(" []").partition(" ")[0]


def rows_of(app: App[Any]) -> list[str]:
    """The text of each row of the screen."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


def picture(app: App[Any]) -> str:
    """The text on the screen."""
    return "\n".join(rows_of(app))


def has_row(app: App[Any], *parts: str) -> bool:
    """Returns whether a row of the screen holds all of these."""
    return any(all(part in row for part in parts) for row in rows_of(app))


def toasts(app: App[Any]) -> list[str]:
    """The messages of the toasts on the screen."""
    return [notification.message for notification in app._notifications]


def check_layout(app: App[Any]) -> None:
    """Checks that every row fills the width exactly and that no control character is painted."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()
    assert len(strips) == height
    for strip in strips:
        cells = sum(cell_len(segment.text) for segment in strip)
        assert cells == width, f"{cells} cells instead of {width}: {strip.text!r}"
        assert sanitize(strip.text) == strip.text, repr(strip.text)


class InTest(Generic[AppType]):
    """An app in a test: keys, what is painted, and waiting for it."""

    def __init__(self, app: AppType, pilot: Pilot[Any]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def rows(self) -> list[str]:
        return rows_of(self.app)

    def has(self, *parts: str) -> bool:
        return has_row(self.app, *parts)

    def check_layout(self) -> None:
        check_layout(self.app)

    async def press(self, *keys: str) -> None:
        await press(self.pilot, *keys)

    async def sees(self, *parts: str) -> None:
        await sees(self.app, *parts)

    async def told(self, text: str) -> None:
        await told(self.app, text)

    async def resize(self, width: int, height: int) -> None:
        await resize(self.pilot, width, height)


def problem_in(app: App[Any]) -> str:
    """The problem that the dialog shows."""
    return str(app.screen.query_one(".dialog-problem", Static).content)
