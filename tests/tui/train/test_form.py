"""The form of the Train screen: how it reads what is typed, and the problems that it shows."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual._compositor import Compositor
from textual.widgets import Collapsible, Input, RadioButton

from rnnlm_tui.config import SETTINGS
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.train import form_content
from rnnlm_tui.tui.train.data_card import card_lines
from rnnlm_tui.tui.train.fields import Field, NameField
from rnnlm_tui.tui.train.form import COUNTING, TrainForm
from rnnlm_tui.tui.train.form_content import FormContent, paths_in, setting_problem
from rnnlm_tui.tui.train.summary import CorpusSummary, card_facts, cost_line
from rnnlm_tui.tui.widgets.inputs import PathInput
from rnnlm_tui.tui.widgets.lists import DropDown
from tests.helpers.app import click
from tests.helpers.models import make_model
from tests.helpers.runs import SUMMARY, Script
from tests.helpers.train_screen import shown


def problem_of(form: TrainForm, field: str) -> str | None:
    return form.query_one(f"#{field}", Field).problem


def line(form: TrainForm, field: str) -> Input:
    return form.query_one(f"#{field}", Input)


def choose_file(form: TrainForm, path: str) -> None:
    form.query_one(PathInput).value = path
    form.query_one("#source-files", RadioButton).value = True


# What the form says, without a screen


def test_a_plan_becomes_the_command_lines_arguments() -> None:
    content = FormContent(
        preset="lesson",
        name="-x",
        seed_line=" -- the cat ",
        settings={"epochs": "5", "held_out": "7", "learning_rate": "0.01"},
    )
    request = content.request(("/a.txt",))
    assert request.arguments == (
        *("/a.txt", "--preset=lesson", "--name=-x", "--epochs=5", "--held-out=0.07"),
        "--learning-rate=0.01",
    )
    assert (request.name, request.seed_line) == ("-x", "-- the cat")
    assert FormContent("files", "a", encoding="latin-1").setting_flags() == ["--encoding=latin-1"]
    assert FormContent("written", encoding="latin-1").setting_flags() == []


def test_paths_are_split_unquoted_and_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert paths_in("a.txt; '/b c.txt' ;~/d") == (f"{tmp_path}/a.txt", "/b c.txt", "/home/me/d")
    assert paths_in("--help") == (f"{tmp_path}/--help",)
    (tmp_path / "a;b.txt").write_text("x")
    assert paths_in("a;b.txt") == (f"{tmp_path}/a;b.txt",)
    assert paths_in("a\0;b") != ()


@pytest.mark.parametrize(
    ("setting", "typed", "says"),
    [
        ("epochs", "0", "whole number, 1 or more"),
        ("epochs", "1.5", "whole number"),
        ("epochs", "nan", "whole number"),
        ("held_out", "51", "0 or more and at most 50"),
        ("held_out", "ten", "a number"),
        ("learning_rate", "-1", "above 0"),
        ("device", "gpu", "auto or cpu"),
        ("epochs", "130", None),
        ("held_out", "10", None),
        ("held_out", "10 %", None),
        ("threads", "", None),
    ],
)
def test_a_typed_setting_is_checked(setting: str, typed: str, says: str | None) -> None:
    spec = form_content.all_settings_of("lesson")[setting]
    problem = setting_problem(spec, typed)
    assert says in problem if says and problem else problem is says


def test_names_are_proposed_from_the_corpus() -> None:
    name = form_content.proposed_stem
    assert name(FormContent()) == "sonnets-gru"
    assert name(FormContent("written")) == "mine-gru"
    assert name(FormContent("files", "/x/My poems (old).txt; b.txt")) == "My-poems-old-gru"
    assert name(FormContent("files", "/x/" + "ä" * 90)) == "ä" * 40 + "-gru"


def test_the_card_shows_every_figure_and_no_word_at_length() -> None:
    corpus = {"name": "[/b]", "sha256": "00", "lines": 9, "words": 40, "held_out_lines": 2}
    layer = {"name": "o", "type": "Dense", "output_shape": [None, None, 30467], "parameters": 70}
    changed: dict[str, object] = {
        "corpus": corpus,
        "size": "middle",
        "first_pairs": [["a", "\x1b[2J"]],
    }
    changed |= {"layers": [layer], "total_words": 3211, "parameters": 70}
    summary = msgspec.convert(SUMMARY | changed, CorpusSummary)
    assert dict(card_facts(summary))["held out"] == "2 lines"
    assert "defaults" not in dict(card_facts(msgspec.structs.replace(summary, size=None)))
    assert cost_line(summary) == "70 parameters · 515.8 MB of memory"
    for width in (20, 50, 60, 120):
        card = "\n".join(content.plain for content in card_lines(summary, width))
        assert "3,210" in card
        assert "defaults   middle corpus" in card
        assert "[/b]" in card
        assert "a ---> \ufffd[2J" in card
        layers = [line.split() for line in card.splitlines() if line.endswith(" 70")]
        assert layers == [["o", "30,467", "70"], ["in", "all", "70"]]
        if width == 50:
            assert max(map(len, card.splitlines())) <= width, "no figure is cut"


# The form on a screen


async def test_it_is_filled_in_by_keys_alone(script: Script) -> None:
    async with shown(script) as on:
        on.form.query_one("#sources").focus()
        await on.pilot.press("right", "right", "space")
        await on.until(lambda: isinstance(on.app.focused, Input))
        await on.pilot.press(*"/p.txt", "enter", "tab", "7")
        await on.pilot.press("tab", *"20")
        await on.ready()
        assert on.form.content.settings == {"epochs": "7", "held_out": "20"}
        assert on.form.content.files == "/p.txt"
        assert on.form.content.name == "p-gru"


@pytest.mark.parametrize("by", ["key", "click"])
async def test_my_files_takes_the_focus_to_their_paths(script: Script, by: str) -> None:
    async with shown(script) as on:
        wanted = on.form.query_one("#files")
        if by == "key":
            on.form.query_one("#sources").focus()
            await on.pilot.press("right", "right", "enter")
        else:
            await click(on.pilot, "#source-files")
        await on.until(lambda: on.app.focused is wanted)
        assert on.form.source == "files"


async def test_an_empty_file_field_is_passed_by_tab_and_not_by_enter(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "only.txt").write_text("x")
    monkeypatch.chdir(tmp_path / "home")
    async with shown(script) as on:
        await click(on.pilot, "#source-files")
        files = on.form.query_one("#files", PathInput)
        await on.pilot.press("enter")
        assert on.app.focused is files
        assert problem_of(on.form, "files-field") == "name the file to train on"
        await on.pilot.press("o")
        await on.until(lambda: problem_of(on.form, "files-field") is None)
        await on.pilot.press("backspace", "tab")
        assert files.value == ""
        assert on.app.focused is on.form.query_one("#preset")


async def test_settings_that_follow_from_the_corpus_are_shown_and_not_sent(script: Script) -> None:
    script.answer(SUMMARY | {"settings": {"epochs": 8, "held_out": 0.1}})
    async with shown(script) as on:
        await on.ready()
        assert line(on.form, "setting-epochs").placeholder == "8"
        assert line(on.form, "setting-held_out").placeholder == "10"
        assert on.form.content.settings == {}


async def test_every_setting_of_the_preset_can_be_given(script: Script) -> None:
    async with shown(script) as on:
        assert not on.form.query("#setting-dropout")
        on.form.query_one("#more", Collapsible).collapsed = False
        await on.until(lambda: on.form.query("#setting-dropout"))
        for setting in SETTINGS[on.form.preset]:
            assert on.form.query(f"#setting-{setting}"), setting
        await on.ready()
        line(on.form, "setting-dropout").value = "1"
        await on.until(lambda: problem_of(on.form, "field-dropout"))
        assert on.form.problem == "dropout: it must be a number, 0 or more and below 1"
        line(on.form, "setting-dropout").value = "0.5"
        await on.ready()
        assert on.form.content.settings["dropout"] == "0.5"
        on.form.query_one("#preset", DropDown).value = "ngram"
        await on.until(lambda: on.form.query("#setting-order"))
        assert not on.form.query("#setting-dropout")
        assert not on.form.content.settings


async def test_an_unusable_corpus_says_so_in_the_forms_words(script: Script) -> None:
    async with shown(script) as on:
        choose_file(on.form, "/missing.txt")
        await on.until(lambda: on.form.error is not None)
        assert on.form.problem == 'no such file. Give "encoding" or another file'
        on.form.query_one("#files", PathInput).value = ""
        await on.until(lambda: on.form.problem == "name the file to train on")
        on.form.query_one("#files", PathInput).value = "/there.txt"
        await on.ready()


async def test_the_files_of_the_last_training_are_there_after_a_restart(script: Script) -> None:
    preferences = Preferences()
    async with shown(script, preferences=preferences) as on:
        choose_file(on.form, "/poems.txt; /missing.txt")
        await on.until(lambda: on.form.error is not None)
        choose_file(on.form, "/poems.txt")
        await on.ready()
        assert on.app.calls == [("store_preferences",)], "files that can be read are stored"
    async with shown(script, preferences=preferences) as on:
        await on.ready()
        assert (on.form.content.source, on.form.content.files) == ("files", "/poems.txt")
        assert not on.app.calls
        on.form.query_one("#source-bundled", RadioButton).value = True
        await on.until(lambda: on.form.source == "bundled")
        await on.ready()
        assert on.app.calls == [("store_preferences",)]
    async with shown(script, preferences=preferences) as on:
        await on.ready()
        assert (on.form.content.source, on.form.content.files) == ("bundled", "")


async def test_only_the_latest_of_many_changes_is_asked_about(script: Script) -> None:
    async with shown(script) as on:
        choose_file(on.form, "/a")
        for letter in "bcdefgh":
            on.form.query_one("#files", PathInput).value += letter
        await on.until(lambda: on.form.content.files == "/abcdefgh")
        assert on.form.problem == COUNTING
        await on.ready()
        assert "/abcdefgh" in script.asked()[-1]
        assert f"--data-dir={on.app.library.folder.parent}" in script.asked()[-1]
        assert len(script.asked()) < 4


def says(form: TrainForm, why: str) -> bool:
    return why in (problem_of(form, "name-field") or "")


async def test_a_name_that_cannot_be_one_is_explained(script: Script, data_dir: Path) -> None:
    make_model(data_dir / "models" / "mine.safetensors")
    said = {"a/b": "letters, digits", "": "at most 64"}
    said["mine"] = "the name mine is taken; mine-2 is free"
    async with shown(script) as on:
        choose_file(on.form, "/poems.txt")
        await on.until(lambda: line(on.form, "name").value == "poems-gru")
        await on.ready()
        for name, why in said.items():
            line(on.form, "name").value = name
            await on.until(partial(says, on.form, why))
            assert on.form.problem == problem_of(on.form, "name-field")
        line(on.form, "name").value = "mine-2"
        await on.ready()
        assert len(script.asked()) < 3, "a name is no reason to ask again"
        choose_file(on.form, "/verses.txt")
        await on.ready()
        assert line(on.form, "name").value == "mine-2", "it was typed"


async def test_the_seed_line_is_how_the_text_begins_until_another_is_typed(
    script: Script,
) -> None:
    async with shown(script) as on:
        await on.until(lambda: on.form.content.seed_line == "From fairest creatures we")
        script.answer(SUMMARY | {"opening": "In the morning we"})
        choose_file(on.form, "/diary.txt")
        await on.until(lambda: on.form.content.seed_line == "In the morning we")
        line(on.form, "seed").value = "my own"
        choose_file(on.form, "/letters.txt")
        await on.until(lambda: on.form.problem == COUNTING)
        await on.ready()
        assert on.form.content.seed_line == "my own"


async def test_a_library_that_cannot_be_read_is_reported(script: Script, data_dir: Path) -> None:
    data_dir.mkdir(exist_ok=True)
    (data_dir / "models").write_text("no folder")
    async with shown(script) as on:
        await on.until(lambda: problem_of(on.form, "name-field"))
        assert "cannot read" in (on.form.query_one(NameField).problem or "")


async def test_a_key_that_changes_no_answer_causes_no_new_layout(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shown(script) as on:
        await on.ready()
        line(on.form, "seed").focus()
        await on.pilot.press("e")
        laid_out: list[object] = []
        reflow = Compositor.reflow

        def reflowed(compositor: Compositor, *arguments: Any) -> Any:
            laid_out.append(arguments)
            return reflow(compositor, *arguments)

        monkeypatch.setattr(Compositor, "reflow", reflowed)
        await on.pilot.press(*"the dog")
        assert on.form.content.seed_line == "ethe dog"
        line(on.form, "name").focus()
        await on.pilot.press("m")
        await on.ready()
        await on.pilot.pause()
        laid_out.clear()
        await on.pilot.press(*"ine")
        await on.ready()
        assert laid_out == []
