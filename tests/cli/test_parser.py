"""Parsing a command line into a request: options and operands in any order, and errors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rnnlm_tui.cli.modes import MODES, format_help, mode_named, split
from rnnlm_tui.cli.options import (
    AppRequest,
    EvaluateRequest,
    ExportRequest,
    GenerateRequest,
    RenameRequest,
    Request,
    SuggestRequest,
    TrainRequest,
)
from rnnlm_tui.cli.parser import format_mode_help, parse
from rnnlm_tui.config import ALL_SETTINGS
from rnnlm_tui.errors import UsageError, flag_of
from tests.helpers.commands import Command


def request(*arguments: str) -> object:
    return parse(*split(arguments))


def refused(*arguments: str) -> str:
    """The error message and hint for an invalid command line."""
    with pytest.raises(UsageError) as caught:
        request(*arguments)
    return "\n".join(caught.value.worded(flag_of))


ASKED = SuggestRequest(text="x ", model="m", as_json=True)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # Options and operands come in any order.
        (["--suggest", "x ", "--json", "--model", "m"], ASKED),
        (["--suggest", "--json", "x ", "--model=m"], ASKED),
        (["--model", "m", "--json", "--suggest", "x "], ASKED),
        (["--json", "x ", "--suggest", "--model", "m"], ASKED),
        (["--suggest=x ", "--json", "--model", "n", "--model", "m"], ASKED),
        (["--suggest", "--json", "--model", "m", "--", "x "], ASKED),
        (
            ["--train", "a.txt", "--preset", "gru", "b.txt", "--quiet", "--epochs=3"],
            TrainRequest(
                sources=("a.txt", "b.txt"), preset="gru", is_quiet=True, flags={"epochs": "3"}
            ),
        ),
        (
            ["--evaluate", "--model", "a", "--against", "b", "t.txt", "--against=c"],
            EvaluateRequest(sources=("t.txt",), model="a", against=("b", "c")),
        ),
        (["--rename", "a", "--data-dir", "d", "b"], RenameRequest("d", "a", "b")),
        (["--export", "--force", "a"], ExportRequest(None, "a", None, force=True)),
        (
            ["--generate", "--words=3", "--temperature", "0.5", "--top-k", "7", "--seed=1"],
            GenerateRequest(words=3, temperature=0.5, top_k=7, seed=1),
        ),
        (["m", "--debug"], AppRequest(model="m")),
        (
            ["m", "--open", "a.txt", "--encoding=latin-1"],
            AppRequest(model="m", file="a.txt", encoding="latin-1"),
        ),
        # A text may begin with a dash, and after -- everything is a text.
        *(
            (["--suggest", text], SuggestRequest(text=text))
            for text in ("-hello ", "-he said", "-", "-3", "-- he", "--no thing", "--- ", "", "—")
        ),
        *(
            (["--suggest", "--", text], SuggestRequest(text=text))
            for text in ("--json", "-hello", "-h", "--help", "--train", "--")
        ),
    ],
)
def test_a_command_line_is_a_request(line: list[str], expected: Request) -> None:
    assert request(*line) == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--epoch", "3"], "no option is called --epoch\ndid you mean --epochs?"),
        (["--sug", "x"], "no option is called --sug\ndid you mean --suggest?"),
        (["--nosuch"], "no option is called --nosuch\nsee rnnlm-tui --help"),
        (["-x"], "no option is called -x\nsee rnnlm-tui --help"),
        (["--suggest", "-hello"], "a text that begins with - goes after a -- of its own"),
        (["--train", "-epochs", "3"], "no option is called -epochs\ndid you mean --epochs?"),
        (["--suggest", "--model"], "--model: expected one argument\nsee rnnlm-tui --suggest --h"),
        (["--suggest", "--model", "--json"], "--model: expected one argument"),
        (["--suggest", "--data-dir"], "--data-dir: expected one argument"),
        (["--suggest", "--json=yes"], "--json: ignored explicit argument 'yes'"),
        (
            ["--suggest", "shall", "i"],
            "--suggest takes [TEXT], not 'shall i'\nput quotes around it: --s",
        ),
        (["--models", "a", "verses"], "--models takes [NAME], not 'a verses'"),
        (["--rename", "a"], "--rename takes OLD NEW, not 'a'\nrnnlm-tui --rename OLD NEW"),
        (["--rename", "a", "b", "c d"], "--rename takes OLD NEW, not 'a b c d'"),
        (["--export", "a", "b", "c"], "--export takes NAME [FILE], not 'a b c'"),
        (["one", "two"], "rnnlm-tui takes [MODEL], not 'one two'\nto do something else name"),
        (["--models", "--suggest", "x"], "--suggest does not go with --models"),
        # An option of another mode
        (["--models", "--epochs", "3"], "--epochs goes with --train or --summary"),
        (["--suggest", "x", "--words", "3"], "--words goes with --generate"),
        (["--train", "--model", "m"], "--model goes with --suggest or --generate or --evaluate"),
        (["--summary", "--force"], "--force goes with --train or --export"),
        (["--delete", "m", "--json"], "--json goes with --train"),
        (["m", "--epochs=3"], "--epochs goes with --train or --summary"),
        (["--model", "mine"], "rnnlm-tui NAME opens the app with a model"),
    ],
)
def test_an_invalid_command_line_is_refused_with_the_reason(
    arguments: list[str], said: str
) -> None:
    assert said in refused(*arguments)


@pytest.mark.parametrize("mode", [None, *MODES])
def test_every_mode_has_a_help_of_its_own(mode: str | None, run: Command) -> None:
    shown = run(*([] if mode is None else [f"--{mode}"]), "x", "--epochs", "-h").stdout
    assert shown == (format_help() if mode is None else format_mode_help(mode))
    assert max(map(len, shown.splitlines())) <= 80
    usage = "[MODEL]" if mode is None else f"--{mode} {mode_named(mode).operands} [options]"
    assert shown.startswith(f"usage: rnnlm-tui {usage}\n")
    assert "--data-dir FOLDER" in shown


def test_help_lists_every_mode_and_that_of_a_training_every_setting() -> None:
    shown, of_training = format_help(), format_mode_help("train")
    for flag in map("--{}".format, MODES):
        assert re.search(rf"^  {flag}\b", shown, re.MULTILINE), flag
    for flag in map(flag_of, ALL_SETTINGS):
        assert re.search(rf"^  {flag}\b", of_training, re.MULTILINE), flag
    words = " ".join(of_training.split())
    assert "default lesson for the sonnets, gru for a text of your own" in words
    assert "default lesson 0.0, ngram/rnn/gru/lstm 0.1" in words


def test_a_query_takes_settings_from_flags_before_the_environment_before_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('model = "a"\ntop = 3\nwords = 4\ntemperature = 0\nepochs = 7\n')
    config = ["--config", str(file)]
    assert request("--suggest", "x", *config) == SuggestRequest(
        text="x", model="a", top=3, config=str(file)
    )
    drawn = request("--generate", *config, "--words=9")
    assert drawn == GenerateRequest(model="a", words=9, temperature=0, config=str(file))
    monkeypatch.setenv("RNNLM_MODEL", "b")
    monkeypatch.setenv("RNNLM_TOP", "8")
    assert request("--suggest") == SuggestRequest(model="b", top=8)
    assert request("--suggest", *config, "--top=2") == SuggestRequest(
        model="b", top=2, config=str(file)
    )
    assert request("--evaluate", "--model", "c") == EvaluateRequest(model="c")
    assert request() == AppRequest()


def test_a_wrong_setting_of_a_query_names_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("top = 0")
    assert f"--top is 0 (in {file})\nit must be a whole number, 1" in refused(
        "--suggest", "--config", str(file)
    )
    file.write_text("model = 3")
    assert f"--model is 3 (in {file})" in refused("--score", "--config", str(file))
    file.write_text("tpo = 3")
    assert f"{file}: no setting is called tpo\ndid you mean top?" in refused(
        "--suggest", "--config", str(file)
    )
    monkeypatch.setenv("RNNLM_TOP", "few")
    assert "--top is 'few' (from RNNLM_TOP)\nit must be a whole number" in refused("--suggest")
    monkeypatch.setenv("RNNLM_TOPS", "3")
    request("--score")
    assert "RNNLM_TOPS is not a setting; did you mean RNNLM_TOP?" in capsys.readouterr().err
