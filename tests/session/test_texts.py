"""The user's texts in session.db: the list, the search, and what is deleted."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from rnnlm_tui.errors import StorageError
from rnnlm_tui.session import texts
from rnnlm_tui.session.database import connect
from rnnlm_tui.session.tables import (
    Draft,
    Text,
    Turn,
    add_turn,
    remove_turn,
    store_draft,
    store_turns,
)
from rnnlm_tui.session.texts import (
    UNTITLED,
    deleted_texts,
    earlier_lines,
    find_texts,
    is_running,
    last_text,
    lines_of_texts,
    open_text,
    read_text,
    rename_text,
    replace_turns,
    set_deleted,
    title_of,
    words_since,
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(tmp_path / "session" / "session.db")) as connection:
        yield connection


def write(connection: sqlite3.Connection, *lines: str, changed: float, title: str = "") -> int:
    """The number of a text with these lines."""
    text = Text(title=title or None, changed=changed)
    for line in lines:
        add_turn(connection, text, Turn(line, sent=changed))
    assert text.number is not None
    return text.number


def titles(connection: sqlite3.Connection, query: str = "") -> list[str]:
    return [text.title for text in find_texts(connection, query)]


def test_texts_are_found_by_title_and_lines_the_newest_first(
    connection: sqlite3.Connection,
) -> None:
    anna = write(connection, "We went to the SEA, and back.", "Äpfel, cold.", changed=1, title="A")
    write(connection, "", "Sunday at the sea", changed=3)
    write(connection, "At five o’clock", changed=2, title="“two”")
    text, _ = open_text(connection, anna)
    text.draft = Draft("half a thought")
    store_draft(connection, text)
    store_draft(connection, Text(draft=Draft("only a draft")))
    assert [(each.found, each.title) for each in find_texts(connection, "sea")] == [
        ("Sunday at the sea", "Sunday at the sea"),
        ("We went to the SEA, and back.", "A"),
    ]
    for query, found in {
        "": ["Sunday at the sea", "“two”", "A", "only a draft"],
        "back sea": ["A"],  # both words in one line
        "back cold": [],
        "äpfel": ["A"],
        "o'clock": ["“two”"],
        '"two"': ["“two”"],
        "half": ["A"],  # what is being written
        "100%_'\"": [],
    }.items():
        assert sorted(titles(connection, query)) == sorted(found), query
    counts = {each.title: (each.words, each.draft_words) for each in find_texts(connection, "")}
    assert counts == {
        "Sunday at the sea": (4, 0), "“two”": (3, 0), "A": (9, 3), "only a draft": (0, 3),
    }  # fmt: skip


def test_a_text_is_called_by_its_first_words_until_it_is_renamed(
    connection: sqlite3.Connection,
) -> None:
    number = write(connection, "  \t ", "one\x1b two\nthree", changed=1)
    for name, title in {"My \ud800 day": "My ? day", "": "one\ufffd two three"}.items():
        rename_text(connection, number, name)
        assert titles(connection) == [title]
    assert title_of("") == UNTITLED
    assert title_of("a " * 100) == f"{'a ' * 20}"[:-1] + "…"
    assert len(title_of("a" * 10_000)) == 40


def test_a_deleted_text_comes_back_for_a_week_and_is_gone_from_the_disk_then(
    connection: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if another app starts and ends in that week."""
    secret = write(connection, "secret one", "secret two", changed=1)
    other = write(connection, "another", changed=2)
    set_deleted(connection, secret, deleted=True)
    assert titles(connection) == titles(connection, "e") == ["another"]
    assert lines_of_texts(connection, None) == earlier_lines(connection, None, 0) == ["another"]
    assert last_text(connection) == other
    set_deleted(connection, secret, deleted=False)
    assert titles(connection) == ["another", "secret one"]
    assert lines_of_texts(connection, [secret]) == ["secret one", "secret two"]
    set_deleted(connection, secret, deleted=True)
    set_deleted(connection, other, deleted=True)
    set_deleted(connection, other, deleted=False)
    day = 86_400
    for then, left in ((time.time() + 6.9 * day, [secret]), (time.time() + 7.1 * day, [])):
        clock = SimpleNamespace(time=lambda then=then: then)
        monkeypatch.setattr(texts, "time", clock)
        connect(tmp_path / "session" / "session.db").close()
        assert deleted_texts(connection) == left
    for deleted in (True, False):
        with pytest.raises(StorageError, match="no such text"):
            set_deleted(connection, secret, deleted=deleted)
    connection.close()
    for path in (tmp_path / "session").iterdir():
        assert b"secret" not in path.read_bytes()


def test_earlier_lines_are_those_of_all_texts_but_the_last_ones_of_the_open_one(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(connection, "first", "second\nthird", changed=1)
    number = write(connection, "one", "two\nthree", "four", changed=2)
    assert earlier_lines(connection, number, 2) == ["first", "second", "third", "one", "two"]
    assert earlier_lines(connection, None, 2)[-1] == "four"
    monkeypatch.setattr(texts, "MOST_EARLIER", 3)
    assert earlier_lines(connection, number, 2) == ["second", "third", "one", "two"]


def test_the_text_opened_last_is_known_and_empty_ones_are_forgotten(
    connection: sqlite3.Connection,
) -> None:
    assert last_text(connection) is None
    one, two = write(connection, "one", changed=1), write(connection, "two", changed=2)
    text, (turn,) = open_text(connection, one)
    assert last_text(connection) == one
    open_text(connection, None)
    remove_turn(connection, text, turn)
    assert titles(connection) == ["two"]
    assert last_text(connection) == two
    assert read_text(connection, one) is None


def test_a_text_is_open_in_one_app(connection: sqlite3.Connection) -> None:
    """The app that has it is told by its process. One that was killed has it no longer."""
    one, two = write(connection, "one", changed=1), write(connection, "two", changed=2)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        row = (other.pid, time.time(), one)
        connection.execute("UPDATE text SET pid = ?, opened = ? WHERE number = ?", row)
        says = f"“one” is open in another app, process {other.pid}"
        with pytest.raises(StorageError, match=says):
            open_text(connection, one)
        with pytest.raises(StorageError, match="open in another app"):
            set_deleted(connection, one, deleted=True)
        assert last_text(connection) == two
        other.kill()
    assert open_text(connection, one)[0].number == one
    assert not is_running(os.getppid(), 1.0), "its id was another process's then"


def test_a_text_that_another_app_has_deleted_is_not_opened(connection: sqlite3.Connection) -> None:
    number = write(connection, "one", changed=1)
    set_deleted(connection, number, deleted=True)
    with pytest.raises(StorageError, match="no such text"):
        open_text(connection, number)


def test_words_written_since_a_time_are_counted(connection: sqlite3.Connection) -> None:
    write(connection, "one two", changed=1.0)
    gone = write(connection, "seven", "eight", changed=3.0)
    add_turn(connection, Text(changed=3.0), Turn("a line of a file"))
    write(connection, "three four", "five", changed=3.0)
    assert words_since(connection, 1.0) == 5
    set_deleted(connection, gone, deleted=True)
    assert words_since(connection, 1.0) == 3


def test_lines_that_a_full_disk_refused_are_stored_later(connection: sqlite3.Connection) -> None:
    """The numbers that they would have had may be those of another app's text by then."""
    text, turns = Text(), [Turn("the sea " * 1000)]
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        store_turns(connection, add_turn, text, turns)
    connection.execute("PRAGMA max_page_count = 1000")
    other = write(connection, "of another app", changed=1)
    replace_turns(connection, text, turns)
    assert lines_of_texts(connection, [other]) == ["of another app"]
    assert [turn.line for turn in open_text(connection, text.number)[1]] == [turns[0].line]
