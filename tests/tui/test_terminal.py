"""The installed app in a pseudo-terminal, as a user has it: real keys, a real model, real kills."""

from __future__ import annotations

import re
import shutil
import signal
import sys
from pathlib import Path

import psutil
import pytest

from rnnlm_tui.store.library import Library
from tests.helpers.commands import VERSES, command_line, trained
from tests.helpers.session import drafts

if sys.platform == "win32":
    pytest.skip("there are pseudo-terminals on POSIX alone", allow_module_level=True)

from tests.helpers.terminal import Terminal

pytestmark = pytest.mark.slow
QUIT, TAB, ENTER, RIGHT = "\x11", "\t", "\r", "\x1b[C"
F3, F4, F5, CTRL_P = "\x1bOR", "\x1bOS", "\x1b[15~", "\x10"
COLOUR = re.compile(rb"\x1b\[(?:[\d;]*;)?(?:[39][0-7]|4[0-7]|10[0-7]|[34]8;[25];[\d;]+)[;m]")
DEEP_COLOUR = re.compile(rb"[34]8;[25];")


@pytest.fixture(scope="session")
def verses_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the model `verses`."""
    corpus = tmp_path_factory.mktemp("trained") / "verses.txt"
    corpus.write_text(VERSES)
    trained(corpus, "--name=verses", "--preset=ngram")
    return corpus.parent / "data"


@pytest.fixture
def model(verses_data: Path, data_dir: Path) -> str:
    """The name of the model in this test's data folder, which is in use."""
    shutil.copytree(verses_data, data_dir)
    Library(data_dir).use("verses")
    return "verses"


def app(*arguments: str, env: dict[str, str | None] | None = None) -> Terminal:
    """The command in a terminal of 80x24."""
    return Terminal(command_line(*arguments), env=env)


def leave(terminal: Terminal) -> None:
    """Quits the app by its key, and checks that it restored the terminal."""
    terminal.send(QUIT)
    assert terminal.wait_for_exit() == 0, terminal.text
    check_restored(terminal)


def check_restored(terminal: Terminal) -> None:
    """Checks that the app has reset every mode of the terminal: the alternate screen, the hidden
    cursor, the mouse, bracketed paste, key reporting and raw input."""
    modes: dict[bytes, bytes] = {}
    for numbers, what in re.findall(rb"\x1b\[\?([\d;]+)([hl])", terminal.output):
        modes |= dict.fromkeys(numbers.split(b";"), what)
    assert {b"1049", b"25", b"1000", b"1003", b"1006", b"2004"} <= set(modes)
    on_before = {b"25", b"7"}  # the cursor, and lines that wrap
    assert {number for number, what in modes.items() if what == b"h"} == on_before
    kept = re.findall(rb"\x1b\[>\d+u", terminal.output), re.findall(rb"\x1b\[<u", terminal.output)
    assert len(kept[0]) == len(kept[1])
    assert terminal.echoes


def typed(terminal: Terminal, line: str) -> None:
    """Types a line, and waits until it is shown."""
    terminal.wait_for(" verses")  # the model, in the header
    terminal.send(line)
    terminal.wait_for(lambda: re.search(f"[│▌] {re.escape(line)}", terminal.text) is not None)


def test_a_line_is_written_with_suggestions(model: str) -> None:
    with app() as terminal:
        typed(terminal, "the ca")
        terminal.wait_for("│ the cat")  # the ghost of the one word that begins so
        terminal.wait_for("1 cat 100%")
        terminal.send(TAB)
        terminal.send(ENTER)
        terminal.wait_for(" the cat · 2 words")
        terminal.send("\x12")  # ctrl+r proposes the next line
        terminal.wait_for(lambda: re.search(r"│ \w+ \w+ \w+", terminal.text) is not None)
        terminal.send(RIGHT)
        terminal.send(ENTER)
        terminal.wait_for(lambda: re.search(r" the cat · \d\d words", terminal.text) is not None)
        leave(terminal)


@pytest.mark.parametrize("way", ["terminated", "killed", "window closed"])
def test_an_app_that_is_ended_loses_nothing_that_was_typed(
    model: str, data_dir: Path, way: str
) -> None:
    with app() as terminal:
        typed(terminal, "a bird sang ov")
        # The letters are painted while they are written.
        terminal.wait_for(lambda: drafts(data_dir) == ["a bird sang ov"])
        if way == "window closed":
            terminal.hang_up()
            terminal.wait_for_exit()
        elif way == "killed":
            terminal.kill(signal.SIGKILL)
            assert terminal.wait_for_exit() == -signal.SIGKILL
        else:
            terminal.kill(signal.SIGTERM)
            assert terminal.wait_for_exit() == 0
            check_restored(terminal)

    with app() as terminal:
        terminal.wait_for("│ a bird sang ov")


def test_a_kill_when_a_letter_is_painted_loses_that_letter_at_most(
    model: str, data_dir: Path
) -> None:
    """A key waits 0.05 s for its text to be stored, which a busy machine often exceeds."""
    line = "qx"  # no word of the model begins with this, so that no letter is a ghost's
    with app() as terminal:
        typed(terminal, line)
        terminal.wait_for(lambda: drafts(data_dir) == [line])  # the file is new
        terminal.kill(signal.SIGKILL)
        terminal.wait_for_exit()
    for letter in "zjkvwyqx" * 2:
        with app() as terminal:
            terminal.wait_for(" verses")
            terminal.wait_for(f"│ {line}")  # restored
            line += letter
            terminal.send(letter)
            terminal.wait_for(f"│ {line}")
            terminal.kill(signal.SIGKILL)
            terminal.wait_for_exit()
        (kept,) = drafts(data_dir)
        assert kept in (line, line[:-1])
        line = kept
    assert len(line) > len("qx"), "no letter was ever stored"


def test_after_a_stop_by_the_shell_the_screen_is_complete(model: str) -> None:
    with app() as terminal:
        typed(terminal, "a bird sang ov")
        terminal.kill(signal.SIGTSTP)
        process = psutil.Process(terminal.pid)
        terminal.wait_for(lambda: process.status() == psutil.STATUS_STOPPED)
        terminal.screen.reset()
        terminal.kill(signal.SIGCONT)
        terminal.wait_for("│ a bird sang ov")
        terminal.wait_for("ctrl+q quit")
        leave(terminal)
        assert "Kept: “a bird sang ov”" in terminal.text


@pytest.mark.parametrize("before", ["", F3, F4, CTRL_P])
def test_the_app_can_be_left_at_once(before: str, model: str, tmp_path: Path) -> None:
    with app() as terminal:
        terminal.wait_for("Autocomplete")
        terminal.send(before)
        leave(terminal)
        assert "crashed" not in terminal.text
    assert "CRITICAL" not in (tmp_path / "log" / "app.log").read_text()


@pytest.mark.parametrize(
    ("env", "has_colours"),
    [({"NO_COLOR": "1"}, False), ({"TERM": "linux", "COLORTERM": None}, True)],
    ids=["NO_COLOR", "16 colours"],
)
def test_no_more_colours_than_the_terminal_takes(
    env: dict[str, str | None], has_colours: bool, model: str
) -> None:
    with app(env=env) as terminal:
        typed(terminal, "the ca")
        terminal.wait_for("│ the cat")
        leave(terminal)
        assert bool(COLOUR.search(terminal.output)) is has_colours
        assert not DEEP_COLOUR.search(terminal.output)


def test_a_file_is_opened_written_in_and_saved(model: str, tmp_path: Path) -> None:
    path = tmp_path / "diary.txt"
    path.write_bytes("größer\r\n".encode("latin-1"))
    with app("--open", str(path), "--encoding", "latin-1") as terminal:
        terminal.wait_for(" größer · 1 word · saved to diary.txt")
        typed(terminal, "the cat")
        terminal.send(ENTER)
        terminal.wait_for(lambda: re.search(r"^ +the cat$", terminal.text, re.M) is not None)
        terminal.wait_for("newer than diary.txt: F5 saves")
        leave(terminal)
        said = terminal.text.replace("\n", " ")  # the path decides where it wraps
        assert "Older than its text: " in said and "F5 saves it" in said
    with app() as terminal:
        terminal.wait_for("newer than diary.txt: F5 saves")
        terminal.send(F5)
        terminal.wait_for("· saved to diary.txt")
        leave(terminal)
    assert path.read_bytes() == "größer\r\nthe cat\r\n".encode("latin-1")
    with app("--open", str(tmp_path / "none.txt")) as terminal:
        assert terminal.wait_for_exit() == 3
        assert "cannot read none.txt" in terminal.text
        assert "to begin a new file" in terminal.text
        assert b"\x1b[?1049h" not in terminal.output, "the app does not even start"


CRASH = """
import sys
from rnnlm_tui.cli.main import main
from rnnlm_tui.tui.writing.editor import LineEditor

def crash(self):
    raise RuntimeError("all is lost")

LineEditor.action_send_or_insert = crash
sys.exit(main([]))
"""


def test_a_crash_is_one_sentence_and_loses_nothing(model: str, tmp_path: Path) -> None:
    with Terminal([sys.executable, "-c", CRASH], columns=200) as terminal:
        typed(terminal, "the ca")
        terminal.send(ENTER)
        assert terminal.wait_for_exit() == 1
        check_restored(terminal)
        log = tmp_path / "log" / "app.log"
        said = f"rnnlm-tui crashed (all is lost); the details are in {log}"
        assert said.encode() in terminal.output  # it may be wrapped on the screen
        assert b"Traceback" not in terminal.output
        assert "RuntimeError: all is lost" in log.read_text()

    with app() as terminal:
        terminal.wait_for("│ the ca")
