"""`--written`: training on the texts that were written in the app."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.session.database import connect
from rnnlm_tui.session.tables import Text, Turn, add_turn
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import read_sources
from tests.helpers.commands import Command, refused
from tests.helpers.models import contents

SONNETS = [line for line in bundled_corpus().read_text().splitlines() if line.strip()]
LETTER, HOME, DIARY = SONNETS[:40], SONNETS[40:80], SONNETS[80:120]
NGRAM = ("--preset=ngram", "--quiet")
TITLED = "Dear Anna, I hope that you are well and that it is warm."
"""The first words of a text that has no other title."""


@pytest.fixture
def session(data_dir: Path) -> Path:
    """The database of an app that is closed: the texts "Letters", "Letters home" and one without a
    title."""
    path = data_dir / "session" / "session.db"
    with closing(connect(path)) as connection:
        write(connection, *LETTER, title="Letters")
        write(connection, *HOME, title="Letters home")
        write(connection, TITLED, *DIARY)
    return path


@pytest.fixture
def opened(session: Path) -> Iterator[sqlite3.Connection]:
    """The same database, of an app that is open."""
    with closing(connect(session)) as connection:
        yield connection


def write(connection: sqlite3.Connection, *lines: str, title: str | None = None) -> Text:
    """Sends these lines in a new text."""
    text = Text(title=title)
    for line in lines:
        add_turn(connection, text, Turn(line))
    return text


def stored(data_dir: Path, name: str) -> list[str]:
    """The paragraphs of a stored text."""
    return (data_dir / "texts" / name).read_text("utf-8-sig").removesuffix("\n").split("\n\n")


def sources_of(library: Library, name: str) -> list[str]:
    """The names of the files that a model was trained on."""
    return [Path(source).name for source in read_sources(library.runs.folder(name)).sources]


def test_a_model_is_trained_on_the_texts_with_these_titles(
    run: Command, session: Path, data_dir: Path, library: Library
) -> None:
    before = contents(session.parent)
    for number, (titles, lines) in enumerate((
        (["letters HOME"], HOME),
        (["dear anna,  i hope"], [TITLED, *DIARY]),
        (["Letters home", "Letters", "Letters"], [*LETTER, *HOME]),
        (["Letters", "all"], [*LETTER, *HOME, TITLED, *DIARY]),
    )):  # fmt: skip
        name = "mine-ngram" if number == 0 else f"mine-ngram-{number + 1}"
        run("--train", *NGRAM, *(f"--written={title}" for title in titles))
        assert stored(data_dir, f"{name}-written.txt") == lines
        assert sources_of(library, name) == [f"{name}-written.txt"]
        assert library.open(name).card.corpus.lines == len(lines)
    assert contents(session.parent) == before


def test_a_text_of_an_open_app_is_learned_together_with_files_which_name_the_model(
    run: Command, opened: sqlite3.Connection, corpus_file: Path, data_dir: Path, library: Library
) -> None:
    write(opened, "One.\n\nTwo.", " ", "Three.", title="all")
    opened.execute("BEGIN IMMEDIATE")  # another app writes
    run("--train", str(corpus_file), "--written=All", *NGRAM, "--held-out=0")
    assert stored(data_dir, "verses-ngram-written.txt") == ["One.\nTwo.", "Three."]
    assert sources_of(library, "verses-ngram") == ["verses.txt", "verses-ngram-written.txt"]


def test_the_data_card_is_shown_without_storing_anything(
    run: Command, session: Path, data_dir: Path
) -> None:
    (data_dir / ".summary").mkdir()  # of a process that was killed
    shown = json.loads(run("--summary", "--written=Letters", "--json").stdout)
    assert (shown["preset"], shown["corpus"]["name"]) == ("gru", "what you wrote")
    assert [path.name for path in data_dir.rglob("*")] == ["session", "session.db"]
    nowhere = data_dir.with_name("nowhere")
    refused(run("--summary", "--written=all", f"--data-dir={nowhere}", code=3))
    assert not nowhere.exists()


def test_an_update_learns_the_lines_that_are_new(
    run: Command,
    opened: sqlite3.Connection,
    corpus_file: Path,
    data_dir: Path,
    library: Library,
) -> None:
    run("--train", str(corpus_file), *NGRAM, "--name=mine", "--held-out=0")
    update = ("--train", "--update=mine", "--quiet")
    run(*update, "--written=Letters")
    assert stored(data_dir, "mine-written.txt") == LETTER
    said = refused(run(*update, "--written=letters", code=3))
    assert "mine has learned this text already" in said
    # A file that has changed is learned with what is new.
    corpus_file.write_text("A clock.\n" + corpus_file.read_text())
    run(*update, "--written=all")
    assert stored(data_dir, "mine-written-2.txt") == [*HOME, TITLED, *DIARY]
    files = ["verses.txt", "mine-written.txt", "mine-written-2.txt"]
    assert sources_of(library, "mine") == files
    assert {"clock", "Anna"} <= {*library.open("mine").model.vocabulary.words}


def test_a_title_that_fits_no_text_or_several_is_explained(
    run: Command, opened: sqlite3.Connection, data_dir: Path
) -> None:
    for number in range(7):
        write(opened, f"Day {number}.", title=f"Monday {number}")
    for other, line in (("Twin", "Yes."), ("Twin", "No."), ("Empty", "")):
        write(opened, line, title=other)
    for title, code, why, shown in (
        ("letter", 2, "2 texts fit the title 'letter'", "'Letters home', 'Letters'"),
        ("Twin", 2, "2 texts fit the title 'Twin'", "rename one in the app: 'Twin'"),
        ("HOME", 2, "no text has the title 'HOME'", "closest titles are 'Letters home'\n"),
        ("xyz", 2, "no text has the title 'xyz'", "the newest titles are 'Empty', 'Twin'"),
        ("Empty", 3, "nothing was written in these texts yet", "where Enter keeps it"),
        ("monday", 2, "7 texts fit", "'Monday 6', 'Monday 5', 'Monday 4', 'Monday 3', 'Monday 2'"),
    ):
        said = refused(run("--train", f"--written={title}", *NGRAM, code=code))
        assert why in said and shown in said and said.count("'Monday") <= 5
        assert not (data_dir / "texts").exists() and not (data_dir / "models").exists()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda raw: b"no database " * 1000, "file is not a database"),
        (lambda raw: raw[:60] + (1).to_bytes(4, "big") + raw[64:], "another version of this"),
    ],
)
def test_a_database_that_cannot_be_used_is_an_error_and_stays_as_it_is(
    change: Callable[[bytes], bytes], why: str, run: Command, session: Path, data_dir: Path
) -> None:
    session.write_bytes(change(session.read_bytes()))
    before = contents(data_dir)
    for mode in ("--train", "--summary"):
        assert why in refused(run(mode, "--written=all", "--preset=ngram", code=3))
    assert contents(data_dir) == before
