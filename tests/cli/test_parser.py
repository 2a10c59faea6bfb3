"""Parsing a command line into a request: options and operands in any order, and errors."""

from __future__ import annotations

import re

import pytest

from rnnlm_tui.cli.options import (
    MODES,
    AppRequest,
    EvaluateRequest,
    ExportRequest,
    GenerateRequest,
    RenameRequest,
    Request,
    SuggestRequest,
    TrainRequest,
)
from rnnlm_tui.cli.parser import format_help, make_request, parse
from rnnlm_tui.config import all_settings, flag_of
from rnnlm_tui.errors import UsageError


def request(*arguments: str) -> Request:
    return make_request(parse(arguments))


def refused(*arguments: str) -> str:
    """The error message and hint for an invalid command line."""
    with pytest.raises(UsageError) as caught:
        request(*arguments)
    return f"{caught.value.message}\n{caught.value.hint}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--suggest", "x ", "--json", "--model", "m"],
        ["--suggest", "--json", "x ", "--model=m"],
        ["--suggest", "--model", "m", "--json", "x "],
        ["--model", "m", "--json", "--suggest", "x "],
        ["--json", "x ", "--suggest", "--model", "m"],
        ["--suggest=x ", "--json", "--model", "n", "--model", "m"],
        ["--suggest", "--json", "--model", "m", "--", "x "],
    ],
)
def test_options_and_a_text_come_in_any_order(arguments: list[str]) -> None:
    assert request(*arguments) == SuggestRequest(text="x ", model="m", as_json=True)


def test_options_and_files_come_in_any_order() -> None:
    trained = request("--train", "a.txt", "--preset", "gru", "b.txt", "--quiet", "c.txt")
    assert isinstance(trained, TrainRequest)
    assert (trained.sources, trained.preset) == (("a.txt", "b.txt", "c.txt"), "gru")
    measured = request("--evaluate", "--model", "a", "--against", "b", "t.txt", "--against=c")
    assert isinstance(measured, EvaluateRequest)
    assert (measured.model, measured.against, measured.sources) == ("a", ("b", "c"), ("t.txt",))
    assert request("--rename", "a", "--data-dir", "d", "b") == RenameRequest("d", "a", "b")
    assert request("--export", "--force", "a") == ExportRequest(None, "a", None, force=True)


@pytest.mark.parametrize("text", ["-hello ", "-hello", "-", "-3", "-- he said", "--- ", "", "—"])
def test_a_text_may_begin_with_a_dash(text: str) -> None:
    assert request("--suggest", text) == SuggestRequest(text=text)


def test_after_two_dashes_everything_is_a_text() -> None:
    for text in ("--json", "-model", "--"):
        assert request("--suggest", "--", text) == SuggestRequest(text=text)
    assert request("--delete", "--", "--yes") != request("--delete", "x", "--yes")


def test_values_become_numbers() -> None:
    asked = request("--generate", "--words=3", "--temperature", "0.5", "--top-k", "7", "--seed=1")
    assert asked == GenerateRequest(words=3, temperature=0.5, top_k=7, seed=1)
    assert request("m", "--debug") == AppRequest(model="m")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--epoch", "3"], "no option is called --epoch\ndid you mean --epochs?"),
        (["--sug", "x"], "no option is called --sug\ndid you mean --suggest?"),
        (["--nosuch"], "no option is called --nosuch\nsee rnnlm-tui --help"),
        (["--train", "-epochs", "3"], "-epochs is not an option\ndid you mean --epochs?"),
        (["--suggest", "--model"], "--model needs a value: NAME"),
        (["--suggest", "--model", "--json"], "--model needs a value: NAME"),
        (["--suggest", "--json=yes"], "--json takes no value"),
        (["--suggest", "shall", "i"], "--suggest takes one text, not 2\nput quotes around it: --s"),
        (["--models", "a", "verses"], "'verses' does not go with --models"),
        (["--rename", "a"], "--rename needs OLD NEW\nrnnlm-tui --rename OLD NEW"),
        (["--rename", "a", "b", "c d"], "'c d' does not go with --rename"),
        (["--export", "a", "b", "c"], "'c' does not go with --export"),
        (["one", "two"], "the app opens with one model, not with 2: one two"),
        (["--models", "--suggest", "x"], "--suggest does not go with --models"),
    ],
)
def test_an_invalid_command_line_is_refused_with_the_reason(
    arguments: list[str], said: str
) -> None:
    assert said in refused(*arguments)


@pytest.mark.parametrize("other", [mode for mode in MODES if mode != "models"])
def test_modes_exclude_each_other(other: str) -> None:
    assert f"--{other} does not go with --models" in refused("--models", f"--{other}", "a", "b")


@pytest.mark.parametrize(
    ("arguments", "belongs_to"),
    [
        (["--models", "--epochs", "3"], "--epochs goes with --train or --summary"),
        (["--suggest", "x", "--words", "3"], "--words goes with --generate"),
        (["--suggest", "x", "--against", "m"], "--against goes with --evaluate"),
        (["--generate", "x", "--top", "3"], "--top goes with --suggest"),
        (["--train", "--model", "m"], "--model goes with --suggest or --generate or --evaluate"),
        (["--summary", "--name", "m"], "--name goes with --train or --import"),
        (["--models", "--yes"], "--yes goes with --delete"),
        (["--delete", "m", "--json"], "--json goes with --train"),
        (["m", "--epochs", "3"], "--epochs goes with --train or --summary"),
        (["--json"], "--json goes with --train"),
    ],
)
def test_an_option_of_another_mode_is_refused(arguments: list[str], belongs_to: str) -> None:
    assert belongs_to in refused(*arguments)


def test_help_lists_every_mode_and_setting() -> None:
    shown = format_help()
    for flag in (*(f"--{mode}" for mode in MODES), *map(flag_of, all_settings())):
        assert re.search(rf"^  {flag}\b", shown, re.MULTILINE), flag
    words = " ".join(shown.split())
    assert "Without a mode it opens the terminal app" in words
    assert "default lesson for the sonnets, gru for a text of your own" in words
    assert "default lesson 0.0, ngram/rnn/gru/lstm 0.1" in words
    examples = [line for line in shown.partition("examples:")[2].splitlines() if line[:3] == "  r"]
    assert re.match(r"  rnnlm-tui +opens the terminal app", examples[0])
