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
from tests.helpers.commands import POSIX, Command, refused


def test_help_and_version(run: Command, command: Command) -> None:
    assert run("--version").stdout == f"rnnlm-tui {__version__}\n"
    done = command("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run("-h", "--epochs=3").stdout


# The app


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, Path]]:
    """The models and folders the app was opened with. It exits with code 7, or fails for the model
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
    monkeypatch.setenv("RNNLM_DATA_DIR", "data")
    return calls


def start(
    patch: pytest.MonkeyPatch, *arguments: str, term: str = "xterm-256color", without: str = ""
) -> tuple[int, str]:
    """Runs the command on terminals of this kind, where one standard stream may be none. Returns
    its exit code and what it says on standard error."""
    for name in ("stdin", "stdout", "stderr"):  # pytest replaces the streams after fixtures
        patch.setattr(sys, name, io.StringIO() if name == without else Screen())
    patch.setenv("TERM", term)
    assert isinstance(sys.stderr, io.StringIO)
    return main.main(arguments), sys.stderr.getvalue()


def test_no_mode_opens_the_app(
    opened: list[tuple[str | None, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert start(monkeypatch)[0] == start(monkeypatch, "verses", "--data-dir=other")[0] == 7
    assert opened == [(None, Path("data")), ("verses", Path("other"))]
    code, said = start(monkeypatch, "nosuch")
    assert code == 1 and said.endswith(": there is no model nosuch\n  take \ufffd another\n")
    with pytest.raises(ModelError):  # whose traceback is shown
        start(monkeypatch, "nosuch", "--debug")


def test_the_app_needs_three_terminals_that_can_move_their_cursor(
    opened: list[tuple[str | None, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for term, without, platform, said in (
        ("xterm", "stdin", "linux", "needs a terminal, and stdin is not one"),
        ("xterm", "stdout", "linux", "needs a terminal, and stdout is not one"),
        ("xterm", "stderr", "linux", "needs a terminal, and stderr is not one"),
        ("dumb", "", "linux", "move its cursor, and TERM is 'dumb'"),
        ("", "", "linux", "move its cursor, and TERM is ''"),
        ("", "", "win32", ""),
    ):
        monkeypatch.setattr(sys, "platform", platform)
        code, told = start(monkeypatch, term=term, without=without)
        assert (code, len(opened)) == ((2, 0) if said else (7, 1)), said
        assert said in told


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


FULL = "rnnlm-tui: cannot write the result: no space left on device\n"
GONE = "rnnlm-tui: the current folder was deleted\n  change to another one\n"


@POSIX
@pytest.mark.parametrize(
    ("shell", "printed", "said"),
    [
        # A reader that exits, such as head(1), is not an error.
        ("{ run --help; echo $? >&2; } | :", "", "0\n"),
        ("{ run --suggest --json; echo $? >&2; } | :", "", "0\n"),
        ("run --suggest 'the ' <&- 2>&-", "next words, by verses", ""),
        ("run --suggest 'the ' 2>&-", "next words, by verses", ""),
        ('cd "$(mktemp -d)" && rmdir "$PWD" && run --export verses || echo $?', "1", GONE),
        # A terminal without Unicode gets plain bars.
        ("PYTHONIOENCODING=ascii run --suggest 'the ' --top=1", "%  @", ""),
        ("PYTHONIOENCODING=ascii run --explain 'the '", "% @@@", ""),
        *(
            [
                ("run --help > /dev/full || echo $?", "1", FULL),
                ("run --suggest 'the ' --json > /dev/full || echo $?", "1", FULL),
            ]
            if Path("/dev/full").exists()
            else []
        ),
    ],
)
def test_streams_may_be_closed_or_full_or_poor(
    verses_data: Path, shell: str, printed: str, said: str
) -> None:
    env = {"PYTHON": sys.executable, "RNNLM_DATA_DIR": str(verses_data)}
    done = subprocess.run(
        ["sh", "-c", f'run() {{ "$PYTHON" -m rnnlm_tui "$@"; }}\n{shell}'],
        input="the \n" * 1000,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert printed in done.stdout and done.stderr == said


def test_running_out_of_memory_is_a_sentence(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def split(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(main, "split_command_line", split)
    assert refused(run("--models", code=1)) == "rnnlm-tui: there is not enough memory for this\n"
