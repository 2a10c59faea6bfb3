"""The form of the Train screen: the arguments that it makes, and what it says."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from textual.widgets import Button, Collapsible, Input, RadioButton

from rnnlm_tui import paths
from rnnlm_tui.errors import ModelError, RnnlmError, UsageError
from rnnlm_tui.events import failed, to_json_line
from rnnlm_tui.paths import data_dir
from rnnlm_tui.session.database import connect
from rnnlm_tui.session.tables import Text, Turn, add_turn
from rnnlm_tui.session.texts import set_deleted
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.train.fields import paths_in
from rnnlm_tui.tui.train.summary import DataCard, summarise, summary_rows
from rnnlm_tui.tui.widgets.dialogs import ChooseSeveral
from tests.helpers.app import until
from tests.helpers.commands import PATIENCE_S
from tests.helpers.models import make_model
from tests.helpers.runs import SUMMARY, Script
from tests.helpers.train_screen import Shown, shown

SLEEPS = (sys.executable, "-c", "import time; time.sleep(60)")
WAITS = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"


def line(on: Shown, field: str) -> Input:
    return on.form.query_one(f"#field-{field} Input", Input)


def choose(on: Shown, source: str) -> None:
    on.form.query_one(f"#source-{source}", RadioButton).value = True


def offered(on: Shown) -> str:
    return str(on.form.query_one("#source-written", RadioButton).label)


def wrong(on: Shown) -> list[str | None]:
    """The fields that are marked as wrong."""
    return [field.id for field in on.form.query("Field.-wrong")]


def write(folder: Path, *texts: tuple[str, str]) -> None:
    """Adds texts of a title and a line."""
    with closing(connect(folder / "session" / "session.db")) as connection:
        for title, text in texts:
            add_turn(connection, Text(title=title, changed=time.time()), Turn(text))


def delete(folder: Path, number: int) -> None:
    with closing(connect(folder / "session" / "session.db")) as connection:
        set_deleted(connection, number, deleted=True)


# The command line's summary


def test_paths_are_split_unquoted_and_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert paths_in("a.txt; '/b c.txt' ;~/d") == (f"{tmp_path}/a.txt", "/b c.txt", "/home/me/d")
    assert paths_in("--help") == (f"{tmp_path}/--help",)


async def test_the_real_command_answers_about_a_text() -> None:
    write(data_dir(), ("diary", "It rained."), ("diary", "the cat sat on the mat\nthe dog sät too"))
    summary = await summarise(("--written=#2", "--preset=ngram", "--name=my verses"), data_dir())
    assert summary.name == "my-verses" and summary.settings["held_out"] == 0.1
    assert summary.prospect[0].endswith("in some seconds.")
    assert summary.warnings[0].startswith("10 words are few")
    rows = [*summary_rows(summary)]
    assert ("lines", "2") in rows and rows[-5][0] == "1 word"


@pytest.mark.slow
async def test_the_real_command_says_what_is_wrong_and_names_the_field(corpus_file: Path) -> None:
    make_model(data_dir() / "models" / "taken.safetensors")
    for argument, field, says in (
        ("/no/such/file", None, "no such file"),
        ("--written=all", None, "no text was written in the app yet"),
        ("--epochs=0", "epochs", '"epochs" is'),
        ("--name=taken", "name", "the name taken is taken; taken-2 is free"),
    ):
        with pytest.raises(RnnlmError, match=says) as raised:
            await summarise((str(corpus_file), argument), data_dir())
        assert raised.value.field == field


async def test_a_command_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for command, says, hint in (
        ((sys.executable, "-c", "raise SystemExit('Fatal: x')"), "rnnlm-tui failed", "Fatal: x"),
        (("/no/such/program",), "could not be started", "No such file"),
    ):
        monkeypatch.setattr(paths, "headless_command", lambda: command)  # noqa: B023
        with pytest.raises(RnnlmError, match=says) as raised:
            await summarise((), data_dir())
        assert hint in raised.value.hint


async def test_a_cancelled_question_kills_its_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    command = (sys.executable, "-c", WAITS, str(pid_file))
    monkeypatch.setattr(paths, "headless_command", lambda: command)
    asking = asyncio.create_task(summarise((), data_dir()))
    async with asyncio.timeout(PATIENCE_S):
        while not (pid_file.exists() and pid_file.read_text()):
            await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    async with asyncio.timeout(PATIENCE_S):
        while psutil.pid_exists(int(pid_file.read_text())):
            await asyncio.sleep(0.01)


# The form


@pytest.mark.slow
async def test_it_is_filled_in_by_keys_alone(script: Script) -> None:
    script.answer(SUMMARY | {"settings": {"epochs": 8, "held_out": 0.1}})
    async with shown(script) as on:
        await on.ready()
        defaults = [line(on, field).placeholder for field in ("name", "epochs", "held_out")]
        assert (defaults, on.form.arguments()) == (["sonnets-lesson", "8", "0.1"], ())
        on.form.query_one("#sources").focus()
        await on.press("down", "space")
        await until(lambda: on.app.focused is line(on, "files"))
        choose_next = ("tab", "enter", "down", "enter")
        more = ("space", *choose_next, *choose_next, "tab", "7", "tab", *"0.2", "tab")
        # One after another, since Textual gives a key to the field that has the focus as it comes.
        for key in (*"/p.txt", "enter", *"my own", "tab", *more):
            await on.press(key)
        await on.press(*'dropout=0.3, encoding="latin-1"')
        await on.ready()
        options = ("--name=my own", "--epochs=7", "--held-out=0.2", "--preset=lesson", "--on=none")
        arguments = ("/p.txt", *options, "--dropout=0.3", "--encoding=latin-1")
        assert on.form.arguments() == arguments
        assert script.asked()[-1][:-1] == [*arguments, "--json"]
        await on.press("f5")
        await until(lambda: script.arguments("my-own")[1:9] == [*arguments])
    async with shown(script, preferences=on.app.preferences) as on:
        await on.ready()
        assert on.form.arguments() == ("/p.txt",), "the files of the last training"


ZERO = UsageError("{epochs} is 0", "it must be 1", field="epochs")
TAKEN = ModelError("a is taken; b is free", "or {force}", field="name")


WRONG: tuple[tuple[str, str, RnnlmError | None, str], ...] = (
    ("settings", 'foo = "x"', None, "there is no setting foo. An example: "),
    ("settings", "dropout", None, '"settings" cannot be read. Write them as in dropout = 0.3,'),
    ("epochs", "0", ZERO, '"epochs" is 0. It must be 1'),
    ("name", "a", TAKEN, "a is taken; b is free"),
    ("files", "", None, "name a file or a folder to learn from"),
)


async def test_what_is_wrong_stands_at_its_field_and_below_the_form_and_there_is_no_card(
    script: Script,
) -> None:
    async with shown(script, (100, 40)) as on:
        await on.ready()
        on.form.query_one("#more", Collapsible).collapsed = False
        answering, card = script.command, on.form.query_one(DataCard)
        for field, value, refused, told in WRONG:
            if refused:
                said = to_json_line(failed(refused, 1))
                script.command = (sys.executable, "-c", f"import sys; print({said!r}); sys.exit(2)")
            if field == "files":
                choose(on, "files")
            line(on, field).value = value
            await on.sees(f"! {told}")
            await until(lambda: wrong(on))
            assert wrong(on) == [f"field-{field}"] and "once the form is right" in str(card.content)
            assert on.screen.query_one("#train", Button).disabled
            await on.press("f5")
            assert on.app.followed_runs.own is None and on.app.told[-1].startswith(told)
            script.command = answering
            line(on, field).value = "/there.txt" if field == "files" else ""
            await on.ready()
            assert "once the form" not in str(card.content) and not wrong(on)


@pytest.mark.slow
async def test_a_training_started_too_early_begins_once_its_text_is_counted(
    script: Script,
) -> None:
    async with shown(script) as on:
        await on.ready()
        answering, script.command = script.command, SLEEPS
        line(on, "name").value = "mine"
        await on.press("f5")
        await until(lambda: on.form.starts_once_counted)
        line(on, "name").value = "other"
        await until(lambda: not on.form.starts_once_counted)
        script.command = answering
        line(on, "name").value = "last"
        await until(lambda: on.form.summary is None)
        await on.press("f5")
        await until(lambda: script.arguments("last"))


async def test_only_the_latest_of_many_changes_is_asked_about(script: Script) -> None:
    async with shown(script) as on:
        choose(on, "files")
        for letter in "/abcdefgh":
            line(on, "files").value += letter
        await until(lambda: any("/abcdefgh" in asked for asked in script.asked()))
        assert len(script.asked()) < 4


@pytest.mark.parametrize(
    "size",
    [(60, 16), *(pytest.param(size, marks=pytest.mark.slow) for size in ((80, 24), (120, 40)))],
)
async def test_all_that_is_said_fits_and_the_card_is_under_more(
    script: Script, size: tuple[int, int]
) -> None:
    longest = ("It starts from english and learns your words.", "It keeps 412 words apart.")
    few = "1,120 words are few: expect english, with your names in it, and little more."
    script.answer(SUMMARY | {"prospect": longest, "warnings": [few]})
    async with shown(script, size) as on:
        await on.ready()
        await until(lambda: on.has("It starts from ") and on.has(" little more."))
        on.form.query_one("#more", Collapsible).collapsed = False
        await until(lambda: line(on, "settings").region)
        card = on.form.query_one(DataCard)
        card.focus()
        await until(lambda: card.has_focus and card.region)
        await on.press("end")
        await on.sees("from fairest ---> creatures")
        button = on.screen.query_one("#train", Button)
        await until(lambda: button.region and not button.disabled)
        assert await on.pilot.click(button)
        await until(lambda: on.screen.is_run_shown)


# What was written in the app


async def test_what_was_written_is_the_first_choice_and_titles_stay_private(
    script: Script,
) -> None:
    async with shown(script) as on:
        await on.ready()
        assert (offered(on), on.form.source) == ("what I wrote: nothing yet", "bundled")
        write(script.data, ("letter", "It rained."))
        on.screen.on_screen_resume()
        await until(lambda: offered(on) == "what I wrote: 1 text, 2 words")
        await until(lambda: on.form.source == "written")
        assert not on.form.query_one("#field-written").display
        write(script.data, ("diary", "We left."), ("diary", "Well then, my dear."))
        on.screen.on_screen_resume()
        await until(lambda: offered(on) == "what I wrote: 3 texts, 8 words")
        assert on.form.arguments() == ("--written=all",)
        on.form.query_one("#written").focus()
        await on.press("enter")
        await until(lambda: isinstance(on.app.screen, ChooseSeveral))
        await until(lambda: on.has("diary (4 words, "))
        await on.press("space")
        await on.press("enter")
        await until(lambda: offered(on) == "what I wrote: 1 text, 4 words")
        assert on.form.arguments() == ("--written=#3",)
        for number in (2, 3):
            delete(script.data, number)
        on.screen.on_screen_resume()
        await on.sees("! the texts that you chose are deleted. Choose others")
        assert (offered(on), wrong(on)) == ("what I wrote: 0 texts, 0 words", ["field-written"])
        button = on.form.query_one("#written")
        await until(lambda: not button.has_class("-active"))  # it takes no key while it lights up
        await on.press("enter")
        await until(lambda: isinstance(on.app.screen, ChooseSeveral))
        await on.press("space")
        await on.press("enter")
        await until(lambda: offered(on) == "what I wrote: 1 text, 2 words")
        assert on.form.arguments() == ("--written=#1",)
        choose(on, "bundled")
        await until(lambda: on.form.source == "bundled")
        write(script.data, ("note", "Yes."))
        on.screen.on_screen_resume()
        await until(lambda: offered(on).startswith("what I wrote: 1 text"))
        await on.ready()
        assert on.form.source == "bundled", "the choice of the user stays"
    async with shown(script, preferences=Preferences(files="/poems.txt")) as on:
        await until(lambda: offered(on).startswith("what I wrote: 2 texts"))
        await on.ready()
        assert on.form.source == "files"
