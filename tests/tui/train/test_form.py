"""The form of the Train screen: the arguments that it makes, and what it says."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest
from textual.widgets import Button, Collapsible, Input, RadioButton

from rnnlm_tui.errors import ModelError, RnnlmError, UsageError
from rnnlm_tui.event_types import failed, to_json_line
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.train.data_card import DataCard, card_lines
from rnnlm_tui.tui.train.fields import paths_in
from rnnlm_tui.tui.train.form import COUNTING, TrainForm
from rnnlm_tui.tui.train.summary import CorpusSummary, prospect
from tests.helpers.app import click
from tests.helpers.runs import SUMMARY, Script
from tests.helpers.train_screen import shown


def line(form: TrainForm, field: str) -> Input:
    return form.query_one(f"#field-{field} Input", Input)


def choose_file(form: TrainForm, path: str) -> None:
    line(form, "files").value = path
    form.query_one("#source-files", RadioButton).value = True


def wrong(form: TrainForm) -> list[str | None]:
    """The fields that are marked as wrong."""
    return [field.id for field in form.query(".-wrong")]


def summary_of(**changed: object) -> CorpusSummary:
    return msgspec.convert(SUMMARY | changed, CorpusSummary)


# Without a screen


def test_paths_are_split_unquoted_and_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert paths_in("a.txt; '/b c.txt' ;~/d") == (f"{tmp_path}/a.txt", "/b c.txt", "/home/me/d")
    assert paths_in("--help") == (f"{tmp_path}/--help",)


@pytest.mark.parametrize(
    ("base", "words", "held_out", "settings", "parts"),
    [
        ("english", 6000, 60, {"epochs": 3}, ["from the English", "about 1 minute. Then it tells"]),
        ("english", 4999, 60, {"epochs": 3}, ["! 4,999 words are few: expect the English with"]),
        (None, 17_643, 0, {"epochs": 130}, ["from nothing", "19 minutes", "it cannot tell"]),
        (None, 17_643, 0, {"epochs": 1300}, ["about 3 hours"]),
        (None, 40, 0, {"order": 5}, ["in some seconds", "\n! 40 words are few: expect little"]),
    ],
)
def test_what_will_happen_is_said_beforehand(
    base: str | None, words: int, held_out: int, settings: dict[str, int], parts: list[str]
) -> None:
    corpus = {"lines": 600, "words": words, "held_out_lines": held_out}
    said = prospect(summary_of(base=base, corpus=corpus, settings=settings))
    assert [part for part in parts if part not in said] == []
    assert ("few" in said) is (words < 5000)


def test_the_card_shows_every_figure_and_no_word_at_length() -> None:
    layer = {"name": "o", "type": "Dense", "output_shape": [None, None, 30467], "parameters": 70}
    pairs = [["[/b] " + "word " * 40 + "a", "\x1b[2J"]]
    summary = summary_of(layers=[layer], first_pairs=pairs, notes=["n"], warnings=["w"])
    card = [content.plain for content in card_lines(summary)]
    facts = "2,159 lines · 17,643 words · vocabulary 3,226 · held out nothing · 15,484 pairs"
    assert card[0].startswith(facts) and card[0].endswith("parameters · 515.8 MB of memory")
    assert card[1:3] == ["n", "! w"]
    assert [row.split() for row in card if row.endswith(" 70")] == [["o", "30,467", "70"]]
    assert card[-1].startswith("  …") and card[-1].endswith("word a ---> \ufffd[2J")
    assert max(map(len, card[3:])) <= 56


# On a screen


async def test_it_is_filled_in_by_keys_alone(script: Script) -> None:
    async with shown(script) as on:
        on.form.query_one("#sources").focus()
        await on.pilot.press("down", "space")
        await on.until(lambda: on.app.focused is line(on.form, "files"))
        await on.pilot.press(*"/p.txt", "enter", *"my own", "tab", "enter")
        await on.until(lambda: not on.form.query_one("#more", Collapsible).collapsed)
        await on.pilot.press("tab", "enter", "down", "enter", "tab", "7", "tab", *"0.2", "tab")
        await on.pilot.press(*"the cat", "tab", *'dropout=0.3, encoding="latin-1"')
        await on.ready()
        options = ("--name=my own", "--epochs=7", "--held-out=0.2", "--preset=lesson")
        rare = ("--dropout=0.3", "--encoding=latin-1")
        assert on.form.arguments() == ("/p.txt", *options, *rare)
        data_dir = f"--data-dir={on.app.library.data_dir}"
        asked = script.asked()[-1]
        assert asked == ["/p.txt", *options, *rare, "--json", data_dir]
        await on.pilot.press("f5")
        await on.until(lambda: script.arguments("my-own")[1:8] == asked[:7])
        await on.until(lambda: script.orders("my-own") == ["sample the cat"])


async def test_defaults_are_shown_and_not_given(script: Script) -> None:
    script.answer(SUMMARY | {"settings": {"epochs": 8, "held_out": 0.1}})
    async with shown(script) as on:
        await on.ready()
        fields = ("name", "epochs", "held_out", "seed_line")
        expected = ["sonnets-lesson", "8", "0.1", "From fairest creatures we"]
        assert [line(on.form, field).placeholder for field in fields] == expected
        assert on.form.arguments() == ()


async def test_my_files_takes_the_focus_and_needs_one(script: Script) -> None:
    async with shown(script) as on:
        await click(on.pilot, "#source-files")
        await on.until(lambda: on.app.focused is line(on.form, "files"))
        await on.until(lambda: on.form.problem == "name a file to learn from")
        assert wrong(on.form) == ["field-files"]
        await on.pilot.press(*"/missing")
        await on.until(lambda: str(on.form.problem).startswith("no such file. Give"))
        line(on.form, "files").value = "/there.txt"
        await on.ready()
        assert wrong(on.form) == []


@pytest.mark.parametrize("name", ["foo", "resume", "delete"])
async def test_only_settings_reach_the_command_line(script: Script, name: str) -> None:
    async with shown(script) as on:
        line(on.form, "settings").value = f'{name} = "x"'
        told = f"there is no setting {name}"
        await on.until(lambda: on.form.error is not None and on.form.error.message == told)


async def test_settings_that_are_not_toml_say_how_to_write_them(script: Script) -> None:
    async with shown(script) as on:
        line(on.form, "settings").value = "dropout"
        await on.until(lambda: on.form.error is not None)
        assert on.form.problem == (
            '"settings" cannot be read. Write them as in dropout = 0.3, encoding = "latin-1"'
        )
        assert wrong(on.form) == ["field-settings"]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (UsageError("{epochs} is 0", "it must be 1", field="epochs"), '"epochs" is 0. It must'),
        (ModelError("mine is taken", "replace it with {force}", field="name"), "mine is taken"),
    ],
)
async def test_nothing_starts_while_the_command_line_refuses_it(
    script: Script, error: RnnlmError, says: str
) -> None:
    said = to_json_line(failed(error, 1))
    script.command = (sys.executable, "-c", f"import sys; print({said!r}); sys.exit(2)")
    async with shown(script, (120, 40)) as on:
        await on.until(lambda: on.sees(f"! {says}"))
        assert wrong(on.form) == [f"field-{error.field}"]
        assert on.screen.query_one("#train", Button).disabled and on.keys()["f5"] is False
        assert on.sees("known once the text is counted")
        await on.pilot.press("f5")
        assert on.app.runs.own is None


async def test_a_training_started_too_early_begins_once_the_text_is_counted(
    script: Script,
) -> None:
    async with shown(script) as on:
        await on.ready()
        line(on.form, "name").value = "mine"
        await on.until(lambda: on.form.problem == COUNTING)
        await on.pilot.press("f5")
        await on.until(lambda: script.arguments("mine"))


async def test_what_is_changed_while_it_is_counted_is_not_started(script: Script) -> None:
    async with shown(script) as on:
        await on.ready()
        script.command = (sys.executable, "-c", "import time; time.sleep(60)")
        line(on.form, "name").value = "mine"
        await on.pilot.press("f5")
        await on.until(lambda: on.form.starts_once_counted)
        line(on.form, "name").value = "other"
        await on.until(lambda: not on.form.starts_once_counted)


async def test_the_files_of_the_last_training_are_there_after_a_restart(script: Script) -> None:
    preferences = Preferences()
    async with shown(script, preferences=preferences) as on:
        choose_file(on.form, "/poems.txt; /more.txt")
        await on.pilot.press("f5")
        await on.until(lambda: on.app.calls == [("store_preferences",)])
    async with shown(script, preferences=preferences) as on:
        await on.ready()
        assert on.form.arguments() == ("/poems.txt", "/more.txt")


async def test_only_the_latest_of_many_changes_is_asked_about(script: Script) -> None:
    async with shown(script) as on:
        choose_file(on.form, "/a")
        for letter in "bcdefgh":
            line(on.form, "files").value += letter
        await on.until(lambda: on.form.arguments() == ("/abcdefgh",) and on.form.problem)
        await on.ready()
        assert "/abcdefgh" in script.asked()[-1]
        assert len(script.asked()) < 4


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40)])
async def test_the_card_is_under_more_or_beside_the_form(
    script: Script, size: tuple[int, int]
) -> None:
    async with shown(script, size) as on:
        await on.ready()
        card = on.screen.query_one(DataCard)
        assert card.display is (size[0] == 120)
        await on.until(lambda: on.sees("It starts from nothing"))
        on.form.query_one("#more", Collapsible).collapsed = False
        await on.until(lambda: card.display)
        card.focus()
        await on.pilot.press("end")
        await on.until(lambda: on.sees("from fairest ---> creatures"))
        await click(on.pilot, "#train")
        await on.until(lambda: on.screen.is_run_shown)
