"""Real processes that are killed at random instants, 60 in all, lose no model, no run and no text.

Each process does its work again and again, and says what it begins and ends. What it has ended is
there after the kill; of what it has begun there is all or nothing. The next process goes on from
what was left. In the end nothing is left over.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rnnlm_tui.session.database import connect_to_read
from rnnlm_tui.session.texts import lines_of_texts
from rnnlm_tui.store.files import HISTORY, RUN_JSON, TEMPORARY
from rnnlm_tui.store.library import Library
from tests.helpers.commands import POSIX, printed, verses
from tests.helpers.models import contents, make_model
from tests.helpers.session import drafts

pytestmark = [POSIX, pytest.mark.slow]

KILLS = 20
BEGIN = """
import sys
from itertools import count
from pathlib import Path
from rnnlm_tui.cli.main import main
from rnnlm_tui.store.library import Library

folder, name, rounds = Path(sys.argv[1]), sys.argv[2], range(int(sys.argv[3])) or count()


def say(*words):
    print(">", *words, flush=True)


def do(mode, *arguments):
    say("begin", mode)
    assert main([f"--{mode}", *map(str, arguments)]) == 0
    say("end", mode)

"""
LIBRARY = """
library = Library(folder / "data")
say("ready")
for name in ("new", "newer"):
    if library.has(name):
        do("delete", name, "--yes")
for n in rounds:
    do("import", folder / f"{1 + n % 2}.safetensors", "--name=new")
    do("export", "new", folder / "home" / "copy", "--force")
    do("rename", "new", "newer")
    do("delete", "newer", "--yes")
"""
TRAINING = """
import rnnlm_tui.training.ranks

library = Library(folder / "data")
say("ready")
sizes = ["--embedding-size=8", "--hidden-size=8", "--threads=1", "--device=cpu"]
for _ in rounds:
    if library.runs.can_resume(name):
        do("train", "--resume", "--name", name)
    elif library.has(name):
        do("train", "--update", name, "--epochs=2")
    else:
        do("train", folder / "text.txt", "--name", name, "--epochs=3", "--on=none", *sizes)
"""
TEXTS = """
import asyncio, json
from rnnlm_tui.session.database import SessionDatabase
from rnnlm_tui.tui.writing.open_text import OpenText


async def write():
    failures = []
    database = SessionDatabase(folder / "data" / "session", failures.append)
    text = OpenText(database)
    await text.open_last()
    say("ready")
    say("opened", json.dumps([turn.line for turn in text.turns]))
    for n in rounds:
        line = text.written = f"{name} {n}"
        text.keep_draft()
        await database.read(lambda connection: None)
        say("draft", line)
        text.written = ""
        text.add_lines(line)
        text.keep_draft()
        await database.read(lambda connection: None)
        say("line", line)
        file = text.text.file
        path = file.path if file else str(folder / "home" / f"{name}-{n}.txt")
        await text.save(text.copy(), path, is_stored=True)
        say("saved", json.dumps([path, len(text.turns)]))
        assert not failures
        if n % 5 == 4:
            await text.open(None)


asyncio.run(write())
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A person's folder."""
    path = tmp_path / "home"
    path.mkdir()
    return path


def said_by(
    script: str, folder: Path, name: str, seconds: float | None = None
) -> list[tuple[str, str]]:
    """What a process has said: a word, and what follows it. It is killed so many seconds after it
    is ready, which it says first, or ends after a round or two."""
    rounds, lines = ("2", None) if seconds is None else ("0", 1)
    command = [sys.executable, "-c", BEGIN + script, str(folder), name, rounds]
    said = [line[2:-1] for line in printed(command, lines, seconds or 0) if line[0] == ">"]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in said)]


def instants(longest_s: float) -> Iterator[tuple[int, float]]:
    """The number of each kill, and the seconds after which it comes. A failure shows both."""
    generator = random.Random(longest_s)
    for kill in range(KILLS):
        yield kill, generator.uniform(0, longest_s)


def check_library(library: Library) -> None:
    """Each model can be opened, and no lock is held."""
    for entry in library.entries():
        assert (entry.damaged, entry.trained_by) == (None, None)
        if entry.has_model:
            library.open(entry.name)
        with library.lock(entry.name, trains=False):
            pass


def test_imports_exports_renamings_and_deletions(
    tmp_path: Path, home: Path, library: Library
) -> None:
    kept, steps = dict[str, bytes](), {"import": "new", "rename": "newer", "delete": ""}
    for seed in (1, 2):
        file = tmp_path / f"{seed}.safetensors"
        make_model(file, seed=seed)
        library.import_(file, f"kept{seed}")
        kept[f"kept{seed}"] = file.read_bytes()
    copy, is_copied, name = home / "copy", False, ""
    for kill, seconds in instants(0.3):
        said, possible = said_by(LIBRARY, tmp_path, "", seconds), {name}
        for word, mode in said:
            if mode in steps:
                possible = {steps[mode]} if word == "end" else possible | {steps[mode]}
        name = "".join({*library.names()} - {*kept})
        assert name in possible, (kill, said)
        check_library(library)
        for each in library.names():
            raw = library.path(each).read_bytes()
            assert raw == kept.get(each, raw) and raw in kept.values()
        is_copied |= ("end", "export") in said
        assert not is_copied or copy.read_bytes() in kept.values()
    said_by(LIBRARY, tmp_path, "")
    assert {path.name for path in home.iterdir()} == {"copy"}
    files = {path.name for path in library.folder.iterdir()} - {".locks"}
    assert files == {f"{name}.safetensors" for name in kept}


def test_trainings_and_updates(tmp_path: Path, home: Path, library: Library) -> None:
    (tmp_path / "text.txt").write_text(verses(20))
    names = [f"run{kill // 5}" for kill in range(KILLS)]
    for kill, seconds in instants(2.0):
        before = library.names()
        said = said_by(TRAINING, tmp_path, names[kill], seconds)
        assert {*before} <= {*library.names()}, (kill, said)
        assert ("end", "train") not in said or names[kill] in library.names()
        check_library(library)
    for name in {*names}:
        said_by(TRAINING, tmp_path, name)
        assert contents(library.runs.folder(name)).keys() == {HISTORY, RUN_JSON}
        for line in (library.runs.folder(name) / HISTORY).read_text().splitlines():
            json.loads(line)
    files = {path.name for path in library.folder.iterdir()} - {".locks"}
    assert files == {f"{name}.safetensors" for name in names}


def test_texts_and_their_files(tmp_path: Path, home: Path, data_dir: Path) -> None:
    written, in_files = list[str](), dict[str, int]()
    for kill, seconds in instants(0.5):
        draft = ""
        for word, rest in said_by(TEXTS, tmp_path, str(kill), seconds):
            if word == "draft":
                draft = rest
            elif word == "line":
                written.append(rest)
            elif word == "saved":
                path, count = json.loads(rest)
                in_files[path] = count
            elif word == "opened":
                assert written[-1:] == json.loads(rest)[-1:] or not json.loads(rest)
        if not (data_dir / "session" / "session.db").exists():
            continue
        with closing(connect_to_read(data_dir / "session" / "session.db")) as connection:
            stored = lines_of_texts(connection, None)
        assert [line for line in stored if line in {*written}] == written, kill
        assert draft in ("", *stored, *drafts(data_dir))
        written = stored
        for path, count in in_files.items():
            text = Path(path).read_text()
            assert text.endswith("\n") and len(text.splitlines()) >= count
            assert {*text.splitlines()} <= {*stored}
    said_by(TEXTS, tmp_path, "last")
    assert sys.platform != "linux" or not [*home.glob(f".*{TEMPORARY}")]
