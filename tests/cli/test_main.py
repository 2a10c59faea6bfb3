"""The command: opening the app, errors and exit codes, and output streams."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from rnnlm_tui import __version__
from rnnlm_tui.cli import main
from rnnlm_tui.errors import ModelError
from tests.cli.conftest import HOSTILE, Screen
from tests.helpers.commands import POSIX, Command, command_line, refused


def test_help_and_version(run: Command, command: Command) -> None:
    assert run("--version").stdout == f"rnnlm-tui {__version__}\n"
    done = command("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run("-h", "--epochs=3").stdout


# The app


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, Path]]:
    """The arguments the app was opened with. It exits with code 7, or fails for the model
    `nosuch`."""
    calls: list[tuple[str | None, Path]] = []

    def start(model: str | None, data_dir: Path, file: str | None, encoding: str | None) -> int:
        if model == "nosuch":
            raise ModelError(f"there is no model {model}", "take \x1b another")
        calls.append((model, data_dir))
        return 7

    module = types.ModuleType("rnnlm_tui.tui.start")
    module.start = start  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rnnlm_tui.tui.start", module)
    return calls


def on_screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Makes all standard streams terminals that can move their cursor, and returns standard error.
    Not a fixture, because pytest replaces the streams after fixtures."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, Screen())
    monkeypatch.setenv("TERM", "xterm-256color")
    assert isinstance(sys.stderr, Screen)
    return sys.stderr


@pytest.mark.parametrize(
    ("arguments", "model", "folder"),
    [
        ([], None, "data"),
        (["verses", "--debug"], "verses", "data"),
        (["--data-dir", "other", "verses"], "verses", "other"),
        (["verses", "--data-dir=other"], "verses", "other"),
    ],
)
def test_no_mode_opens_the_app(
    arguments: list[str],
    model: str | None,
    folder: str,
    opened: list[tuple[str | None, Path]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_screen(monkeypatch)
    monkeypatch.setenv("RNNLM_DATA_DIR", "data")
    assert main.main(arguments) == 7
    assert opened == [(model, Path(folder))]


@pytest.mark.usefixtures("opened")
def test_an_error_of_the_app_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = on_screen(monkeypatch)
    assert main.main(["nosuch"]) == 1
    assert errors.getvalue().endswith("there is no model nosuch\n  take \ufffd another\n")
    with pytest.raises(ModelError):
        main.main(["nosuch", "--debug"])


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_the_app_needs_three_terminals(
    name: str, opened: list[tuple[str | None, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = on_screen(monkeypatch)
    monkeypatch.setattr(sys, name, io.StringIO())
    assert main.main([]) == 2
    assert opened == []
    assert name == "stderr" or f"needs a terminal, and {name} is not one" in errors.getvalue()


@pytest.mark.parametrize(
    ("term", "platform", "fits"),
    [("dumb", "linux", 0), ("", "linux", 0), ("", "win32", 1), ("linux", "linux", 1)],
)
def test_the_app_needs_a_terminal_that_can_move_its_cursor(
    term: str,
    platform: str,
    fits: bool,
    opened: list[tuple[str | None, Path]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    errors = on_screen(monkeypatch)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("TERM", term)
    assert main.main([]) == (7 if fits else 2)
    assert len(opened) == fits
    assert fits or f"move its cursor, and TERM is {term!r}" in errors.getvalue()


# Errors and streams


def controls(text: str) -> set[str]:
    """The control characters of `text` other than line ends."""
    return {c for c in text if (ord(c) < 32 or 127 <= ord(c) < 160) and c != "\n"}


def test_control_characters_in_words_never_reach_the_terminal(ask: Command, tmp_path: Path) -> None:
    corpus = tmp_path / "hostile.txt"
    corpus.write_text(HOSTILE)
    shown = [
        ask("--suggest", "the \x1bevil ", "--top", "100"),
        ask("--suggest", "the \x1b"),
        ask("--suggest", "--top", "100", stdin="the \x1b[2J\x9b31m\n"),
        ask("--suggest", "\x9b \u2028 the ", "--top", "100", "--json"),
        ask("--suggest", "--json", stdin='{"text": "\x1b the ", "id": "\x9b"}'),
        ask("--explain", "\x1bevil \x9b"),
        ask("--explain", "\x1bevil \x9b", "--json"),
        ask("--score", "\x1bevil \x9b"),
        ask("--generate", "\x1b]0;title\x07"),
        ask("--generate", "\x9b31m the", "--json"),
        ask("--summary", str(corpus), "--preset=lesson"),
        ask("--summary", str(corpus), "--preset=lesson", "--json"),
        ask("--suggest", "the", "--model", "\x1b[2J", code=2),
        ask("--delete", "\x1b[2J", "--yes", code=None),
        ask("--import", "\x1b[2J.safetensors", "--name", "x", code=None),
        ask("--\x1b[2J", code=None),
    ]
    for done in shown:
        assert controls(done.stdout + done.stderr) == set(), done.args
    answer = json.loads(shown[3].stdout)
    assert {"\x1bevil", "\x9bworse"} <= {s["word"] for s in answer["suggestions"]}
    assert "\ufffdevil" in shown[0].stdout


@POSIX
def test_an_argument_that_is_not_utf8_still_gives_json_in_utf8(ask: Command) -> None:
    argument = os.fsdecode(b"caf\xe9 the ")
    assert json.loads(ask("--suggest", argument, "--json").stdout)["seen"] == ["the"]
    assert json.loads(ask("--generate", argument, "--json").stdout)["text"].startswith("caf? the ")


def test_a_terminal_without_unicode_gets_plain_bars(verses_data: Path) -> None:
    done = subprocess.run(
        command_line("--suggest", "the ", "--top=1", "--data-dir", str(verses_data)),
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert done.stdout.isascii() and b"%  #" in done.stdout


@POSIX
@pytest.mark.parametrize("arguments", [["--help"], ["--suggest", "--json"]])
def test_a_closed_output_is_not_an_error(verses_data: Path, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        command_line(*arguments, "--data-dir", str(verses_data)),
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(writing)
        _, errors = process.communicate(b"the \n" * 1000, timeout=60)
    assert (process.returncode, errors) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
@pytest.mark.parametrize("arguments", [["--help"], ["--suggest", "the ", "--json"]])
def test_a_disk_too_full_for_the_result_is_a_sentence(
    verses_data: Path, arguments: list[str]
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command_line(*arguments, "--data-dir", str(verses_data)),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "rnnlm-tui: cannot write the result: no space left on device\n"


@POSIX
@pytest.mark.parametrize("closing", ["<&-", "2>&-", "<&- 2>&-"])
def test_closed_standard_streams_are_not_an_error(verses_data: Path, closing: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" "$@" {closing}', *command_line("--suggest", "the ", "--json")],
        env={**os.environ, "RNNLM_DATA_DIR": str(verses_data)},
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout)["seen"] == ["the"]


def test_an_error_shows_its_traceback_only_with_debug(run: Command, command: Command) -> None:
    assert "Traceback" not in refused(run("--suggest", "x", "--model", "nosuch", code=1))
    assert "Traceback" in command("--suggest", "x", "--model", "nosuch", "--debug").stderr


def test_running_out_of_memory_is_a_sentence(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def split(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(main, "split", split)
    assert refused(run("--models", code=1)) == "rnnlm-tui: there is not enough memory for this\n"
