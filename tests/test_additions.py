"""Additions take what the README says: each is made in a copy of the package, and used there."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, Select

import rnnlm_tui
from rnnlm_tui import events
from rnnlm_tui.cli.main import main
from rnnlm_tui.cli.modes import split_command_line
from rnnlm_tui.cli.reporters import TextReporter
from rnnlm_tui.paths import PACKAGE, data_dir
from rnnlm_tui.store.library import Library
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.session import HistoryFile
from rnnlm_tui.tui.help.keys import actions_on
from rnnlm_tui.tui.help.palette import commands
from rnnlm_tui.tui.keymap import write_keymap
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.runs.progress import RunProgress
from rnnlm_tui.tui.train.form import TrainForm
from tests.helpers.app import press, running, scripted_app, until
from tests.helpers.commands import verses
from tests.helpers.train_screen import Host

Edit = tuple[str, str, str]
"""A file of the package, the text in it that an addition goes before, and the addition."""
PRESET: Edit = (
    "config.py",
    '"lesson": Preset(',
    '"big": Preset("512 units", CausalConfig(hidden_size=512), CausalTrainConfig(), "gru"), ',
)
SETTING: Edit = (
    "config.py",
    "    tokenizer: Annotated[",
    '    dialect: Annotated[Literal["british", "american"], "spelling of the text"] = "british"\n',
)
KEY: Edit = (
    "tui/app.py",
    'Binding("f1", ',
    "Binding('f7', \"show('models')\", id='app.mine', tooltip='Show what is mine'), ",
)
EVENT: Edit = (
    "events.py",
    "class Failed(",
    'class Greeted(Event, frozen=True, tag="greeted"):\n    name: str\n\n\n',
)
MODE: Edit = (
    "cli/modes.py",
    'Mode(\n        "--train"',
    'Mode("--count", "count:count", "[TEXT]", "--json", "count the words of TEXT"), ',
)
COUNT = """\
def count(request):
    print(len(request.operand.split()), request.json)
    return 0
"""
"""The function of the mode."""


def printed(*arguments: str) -> str:
    """What the command prints."""
    with redirect_stdout(io.StringIO()) as output:
        assert main(arguments) == 0, arguments
    return output.getvalue()


def arguments_of_form(preset: str, settings: str) -> tuple[str, ...]:
    """The arguments that the form of the Train screen makes of a preset and settings."""

    async def run() -> tuple[str, ...]:
        app = Host(Library(data_dir()), Preferences())
        async with running(app):
            form = app.train_screen.query_one(TrainForm)
            form.query_one("#field-preset Select", Select).value = preset
            form.query_one("#form-settings", Input).value = settings
            return form.arguments()

    return asyncio.run(run())


def use_preset() -> None:
    assert "big: 512 units" in printed("--train", "--help")
    assert '"big lesson ngram' in printed("--completion", "bash")
    assert "--preset=big" in arguments_of_form("big", "")
    running = rnnlm_tui.train_events("verses.txt", preset="big", name="mine", epochs=2, threads=1)
    for event in running:
        if isinstance(event, rnnlm_tui.Saved) and event.epoch == 1:
            break
    running.close()
    model = rnnlm_tui.train(name="mine", resume=True)
    assert (model.preset, len(model.history)) == ("big", 2)
    assert len(model.suggest("the ")) == 5
    stages = {stage.name: stage for stage in model.explain("the cat ").parts[0].stages}
    assert stages["reset gate"].values.shape == (3, 512)
    assert "big: 512 units" in printed("--models", "mine")
    assert "GRU" in printed("--summary", "verses.txt", "--preset", "big")


def use_setting() -> None:
    assert "--dialect british|american" in printed("--train", "--help")
    assert "british american" in printed("--completion", "bash")
    assert "--dialect=american" in arguments_of_form("ngram", 'dialect = "american"')
    Path("own.toml").write_text('preset = "ngram"\ndialect = "american"\n')
    printed("--train", "verses.txt", "--name=a", "--config=own.toml", "--quiet")
    given: dict[str, Any] = {"preset": "ngram", "dialect": "american"}
    for model in rnnlm_tui.load("a"), rnnlm_tui.train("verses.txt", name="b", **given):
        assert model.card.config.settings["dialect"] == "american"
    with pytest.raises(rnnlm_tui.RnnlmError, match="it must be british or american"):
        rnnlm_tui.train("verses.txt", **{**given, "dialect": "irish"})


def use_key() -> None:
    async def run() -> None:
        app = scripted_app(Path())
        async with running(app) as pilot:
            (action,) = (a for a in actions_on(app, app.screen) if a.binding.id == "app.mine")
            assert action.enabled and action.keys == ["F7"]
            assert "Show what is mine" in [row.title for row in commands(app, app.screen)]
            await press(pilot, "f7")
            await until(lambda: app.current_mode == "models")

    asyncio.run(run())
    assert '"app.mine" = "f7"' in write_keymap(Path("keys")).read_text()


def use_event() -> None:
    greeted = events.from_json_line('{"v": 1, "event": "greeted", "time": 1.5, "name": "you"}')
    assert repr(greeted) == "Greeted(time=1.5, name='you')"
    (recorded,) = HistoryFile(Path("run")).record([greeted])
    line = Path("run/history.jsonl").read_text()
    assert events.from_json_line(line) == recorded == greeted
    RunProgress().take(greeted)
    TextReporter(Control(), quiet=False).show(greeted)


def use_mode() -> None:
    assert "count the words of TEXT" in printed("--help")
    assert "--json" in printed("--count", "--help")
    assert printed("--count", "one two three", "--json") == "3 True\n"
    assert "--count:-*" in printed("--completion", "bash")
    with pytest.raises(rnnlm_tui.RnnlmError, match="--train does not go with --count"):
        split_command_line(["--count", "--train"])


def use_all() -> None:
    use_preset()
    use_setting()
    use_key()
    use_event()
    use_mode()


@pytest.mark.slow
def test_each_addition_is_made_in_one_place_and_works(tmp_path: Path) -> None:
    without_models = shutil.ignore_patterns("*.safetensors")
    shutil.copytree(PACKAGE, tmp_path / "rnnlm_tui", ignore=without_models)
    for name, place, addition in (PRESET, SETTING, KEY, EVENT, MODE):
        path = tmp_path / "rnnlm_tui" / name
        text = path.read_text("utf-8")
        assert place in text
        path.write_text(text.replace(place, addition + place, 1), "utf-8")
    (tmp_path / "rnnlm_tui" / "cli" / "count.py").write_text(COUNT)
    (tmp_path / "verses.txt").write_text(verses(3))
    done = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import use_all; use_all()"],
        cwd=tmp_path,  # its package comes before that of the tests
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
