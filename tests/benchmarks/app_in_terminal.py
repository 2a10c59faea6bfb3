"""Shared by the benchmarks of the app: runs it in a pseudo-terminal and reads its list."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

from rnnlm_tui.paths import data_dir
from rnnlm_tui.session.database import connect
from rnnlm_tui.session.tables import Text, Turn, add_turn
from rnnlm_tui.store.library import Library
from tests.helpers.terminal import Terminal

WORD = re.compile(r"[▸ ][\d ] (\S+) +(<?\d+%) ")
"""A word under the line: its mark, the digit that takes it or none, the word, the percent."""
Rows = tuple[tuple[str, str], ...]
LESSON = ("--name", "beside", "--epochs", "100", "--json", "--control", "stdin")


def the_model(name: str | None, folder: Path | None) -> tuple[Library, str]:
    """The library of the data folder, and the name of the model asked for or of the newest one."""
    library = Library(data_dir(folder))
    return library, name or library.default_model()


@contextmanager
def own_folders(library: Library, name: str) -> Iterator[dict[str, str | None]]:
    """An environment with fresh folders for data, settings and logs, and a link to the model. The
    user's texts are not touched."""
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "data" / "models"
        models.mkdir(parents=True)
        path = library.path(name).resolve()
        (models / path.name).symlink_to(path)
        kinds = ("data", "config", "log")
        env = {f"RNNLM_{kind.upper()}_DIR": str(Path(folder) / kind) for kind in kinds}
        # As it is for a user: Python keeps what it has compiled.
        yield {**env, "PYTHONDONTWRITEBYTECODE": None}


def app(env: dict[str, str | None], name: str, columns: int = 80, rows: int = 24) -> Terminal:
    """The installed app with this model."""
    command = [sys.executable, "-m", "rnnlm_tui", name]
    return Terminal(command, columns=columns, rows=rows, env=env)


def write_texts(env: dict[str, str | None], *lines: Sequence[str]) -> None:
    """Stores texts with these lines, of which the last one opens at the start."""
    path = Path(env["RNNLM_DATA_DIR"] or "") / "session" / "session.db"
    with closing(connect(path)) as connection, connection:
        connection.execute("BEGIN")
        for of_text in lines:
            text = Text()
            for line in of_text:
                add_turn(connection, text, Turn(line))


def listed(terminal: Terminal) -> Rows:
    """The best words on the screen and their shares."""
    return tuple(
        found for line in terminal.screen.display if line[0] == " " for found in WORD.findall(line)
    )


def resident_mb(terminal: Terminal) -> float:
    """Memory of the app's process that is in RAM, in MB of 10^6 bytes."""
    return float(psutil.Process(terminal.pid).memory_info().rss) / 1e6


@contextmanager
def lesson_in_training() -> Iterator[Callable[[], int]]:
    """Trains the lesson as the app does, and kills the training at the end. Yields a function that
    counts the progress reports so far, several a second, once training has begun."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "rnnlm_tui", "--train", *LESSON, "--data-dir", folder]
        events = Path(folder) / "events.jsonl"

        def reports() -> int:
            return events.read_bytes().count(b'"progress"')

        with (
            events.open("wb") as file,
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=file, stderr=subprocess.DEVNULL
            ) as process,
        ):
            try:
                while not reports():
                    assert process.poll() is None, "the training has ended"
                    time.sleep(0.1)
                yield reports
            finally:
                process.kill()
