"""Parsing a command line into a request: options and operands in any order, and errors."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.cli.modes import APP, MODES, Mode, split_command_line
from rnnlm_tui.cli.options import CommandLine
from rnnlm_tui.cli.parser import parse
from rnnlm_tui.config import ALL_SETTINGS, PRESETS, make_config
from rnnlm_tui.errors import UsageError, flag_of
from rnnlm_tui.paths import data_dir
from tests.helpers.commands import Command


def command_line(line: str) -> CommandLine:
    return parse(*split_command_line(shlex.split(line)))


def refused(line: str) -> str:
    """The error message and hint for an invalid command line."""
    with pytest.raises(UsageError) as caught:
        command_line(line)
    return "\n".join(caught.value.worded(flag_of))


ASKED = {"operands": ("x ",), "model": "m", "json": True}


@pytest.mark.parametrize(
    ("line", "values"),
    [
        # Options and operands come in any order.
        ("--suggest 'x ' --json --model m", ASKED),
        ("--model n --model=m --json --suggest 'x '", ASKED),
        ("--json 'x ' --suggest --model m", ASKED),
        ("'--suggest=x ' --json --model m", ASKED),
        ("--suggest --json --model m -- 'x '", ASKED),
        (
            "--train a.txt --preset gru b.txt --quiet --epochs=3 --from=none",
            {
                **{"operands": ("a.txt", "b.txt"), "preset": "gru", "quiet": True},
                **{"settings": {"epochs": 3}, "start_from": "none"},
            },
        ),
        (
            "--evaluate --model a --against b t.txt --against=c --data-dir d",
            {
                **{"operands": ("t.txt",), "model": "a", "against": ("b", "c")},
                "data_dir": Path("d"),
            },
        ),
        ("--rename a b", {"operands": ("a", "b")}),
        (
            "--generate --words=3 --temperature 0.5 --top-k 7 --seed=1",
            {"words": 3, "temperature": 0.5, "top_k": 7, "seed": 1},
        ),
        (
            "m --debug --open a.txt --encoding=latin-1",
            {"operands": ("m",), "open": "a.txt", "encoding": "latin-1"},
        ),
        # A text may begin with a dash, and after -- everything is a text.
        *(
            (shlex.join(["--suggest", text]), {"operands": (text,)})
            for text in ("-hello ", "-he said", "-", "-3", "-- he", "--no thing", "--- ", "", "—")
        ),
        *(
            (f"--suggest -- {text}", {"operands": (text,)})
            for text in ("--json", "-hello", "-h", "--help", "--train", "--")
        ),
    ],
)
def test_a_command_line_is_read(line: str, values: dict[str, Any]) -> None:
    assert command_line(line) == CommandLine(**{"data_dir": data_dir(), **values})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--sug x", "no option is called --sug\ndid you mean --suggest?"),
        ("-x", "no option is called -x\nsee rnnlm-tui --help"),
        ("--suggest -hello", "Put -- before a text that begins with -"),
        ("--train -epochs 3", "no option is called -epochs\ndid you mean --epochs?"),
        ("--suggest --model", "--model: expected one argument\nsee rnnlm-tui --suggest --h"),
        ("--suggest --json=yes", "--json: ignored explicit argument 'yes'"),
        ("--suggest shall i", "--suggest takes [TEXT], not 'shall i'\nput quotes around it: --s"),
        ("--rename a", "--rename takes OLD NEW, not 'a'\nrnnlm-tui --rename OLD NEW"),
        ("one two", "rnnlm-tui takes [MODEL], not 'one two'\nto do something else name"),
        ("--models --suggest x", "--suggest does not go with --models"),
        # An option of another mode
        ("--models --epochs 3", "--epochs goes with --train or --summary"),
        ("--train --model m", "--model goes with --suggest or --generate or --evaluate"),
        ("--model mine", "rnnlm-tui NAME opens the app with a model"),
    ],
)
def test_an_invalid_command_line_is_refused_with_the_reason(line: str, said: str) -> None:
    assert said in refused(line)


def test_a_name_that_is_empty_is_refused() -> None:
    lines = ("--train", "--evaluate", "--import", "--use", "--rename a", "--train --preset")
    more = ("--train --update a --add", "--models a --csv", "--suggest --model", "--open")
    for line in (*lines, *more):
        flag = line.split()[-1] if line != "--rename a" else "--rename"
        assert refused(f"{line} ''").startswith(f"{flag} has an empty name\n")
    assert command_line("--suggest ''").operands == ("",)
    assert command_line("--train --seed-line ''").seed_line == ""


def test_only_the_modes_that_suggest_look_for_the_config_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RNNLM_CONFIG_DIR", "~nosuchuser/x")
    assert command_line("--train a.txt").operands == ("a.txt",)
    assert refused("--suggest a").startswith("~nosuchuser/x is no folder")


@pytest.mark.parametrize("mode", [APP, *MODES.values()])
def test_every_mode_has_a_help_of_its_own(mode: Mode, run: Command) -> None:
    shown = run(*filter(None, [mode.flag]), "x", "--epochs", "-h").stdout
    assert max(map(len, shown.splitlines())) <= 80
    usage = f"{mode.flag} {mode.operands} [options]" if mode.flag else "[MODEL] [--open FILE]"
    assert shown.startswith(" ".join(f"usage: rnnlm-tui {usage}".split()) + "\n")
    assert "--data-dir FOLDER" in shown
    if mode is not APP:
        has_settings = mode.flag in ("--train", "--summary")
        assert ("settings of the training:" in shown) == has_settings
    for flag in {APP: MODES, MODES["--train"]: map(flag_of, ALL_SETTINGS)}.get(mode, ()):
        assert re.search(rf"^  {flag}\b", shown, re.MULTILINE), flag


def test_the_help_of_a_setting_has_its_range_and_the_defaults_of_the_presets(run: Command) -> None:
    words = " ".join(run("--train", "--help").stdout.split())
    held_out = "0 or more and at most 0.5; lesson: 0.0; ngram rnn gru lstm: 0.1"
    assert f"share of the lines held out of training, to measure on ({held_out})" in words
    shown = words.partition("settings of the training: ")[2]
    for name in ALL_SETTINGS:
        start = shown.index(f"{flag_of(name)} ", shown.index(" --summary tells"))
        facts = re.findall(r"\((.*?)\)(?= --| common options:)", shown[start:])[0].split("; ")
        told = dict[str, str]()
        for presets, _, default in (fact.partition(": ") for fact in facts):
            told |= dict.fromkeys(PRESETS if presets == "default" else presets.split(), default)
        for preset in PRESETS:
            configs = [make_config(preset, (), words) for words in (1, 1_000_000, 10_000_000)]
            values = [config.settings.get(name, ...) for config in configs]
            texts = [str(value).lower() for value in values]
            default = texts[0] if len({*texts}) == 1 else ", ".join(texts)
            assert told.get(preset) == {"ellipsis": None, "none": ""}.get(default, default), name
    assert "by gentle steps: --epochs 2, " in words and ", --unk-rate 0.0. The gru of" in words
    assert "--precision float32|bf16 " in words and "--max-vocabulary N " in words


def test_a_query_takes_settings_from_flags_before_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("mine.toml")
    file.write_text(
        '\ufeffmodel = "a"\ntop = 3\nwords = 4\ntemperature = 0\nepochs = 7\nseed = 7\n'
    )
    asked = command_line(f"--suggest x --config {file}")
    assert (asked.model, asked.top) == ("a", 3)
    asked = command_line(f"--generate --config {file} --words=9")
    assert (asked.model, asked.words, asked.temperature, asked.seed) == ("a", 9, 0, 7)
    asked = command_line(f"--suggest --config {file} --top=2 --model c")
    assert (asked.model, asked.top) == ("c", 2)
    assert command_line("") == CommandLine(data_dir=data_dir())
    file.write_text("top = 0")
    assert f"--top is 0 (in {file})" in refused(f"--suggest --config {file}")
