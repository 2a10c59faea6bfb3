"""The user's texts in session.db: the list, the search, and what is deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rnnlm_tui.session import texts
from rnnlm_tui.session.database import connect
from rnnlm_tui.session.tables import (
    Continuation,
    Text,
    TextFile,
    Turn,
    add_continuation,
    add_turn,
    change_turn,
    put_kept,
    read_turns,
)
from rnnlm_tui.session.texts import (
    NEW,
    delete_text,
    earlier_lines,
    find_texts,
    last_text,
    lines_of_texts,
    open_text,
    read_text,
    rename_text,
    restore_text,
    set_file,
    title_of,
    unsaved_files,
)

VERSION_1 = (
    "CREATE TABLE turn (number INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL, model TEXT)",
    "CREATE TABLE continuation (turn INTEGER NOT NULL REFERENCES turn ON DELETE CASCADE,"
    " text TEXT NOT NULL, model TEXT NOT NULL, sampled INTEGER NOT NULL, copied TEXT NOT NULL)",
    "CREATE TABLE draft (app TEXT PRIMARY KEY NOT NULL, pid INTEGER, changed REAL NOT NULL,"
    " text TEXT NOT NULL)",
    "CREATE TABLE pasted (app TEXT PRIMARY KEY NOT NULL, pid INTEGER, changed REAL NOT NULL,"
    " text TEXT NOT NULL)",
    "CREATE INDEX continuation_of_turn ON continuation (turn)",
    "INSERT INTO turn VALUES (3, 'We left early.', 'm'), (5, 'It rained.', NULL)",
    "INSERT INTO continuation VALUES (3, 'and so on', 'm', 0, '[]')",
    "INSERT INTO draft VALUES ('a', NULL, 1, 'half a line')",
    "INSERT INTO pasted VALUES ('a', NULL, 1, 'pasted')",
    "PRAGMA user_version = 1",
)
"""A database of the version that had one transcript."""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(tmp_path / "session" / "session.db")) as connection:
        yield connection


def write(connection: sqlite3.Connection, *lines: str, changed: float, title: str = "") -> Text:
    """A text with these lines."""
    text = Text(title=title or None)
    for line in lines:
        text.changed_by(len(line.split()))
        text.changed = changed
        add_turn(connection, text, Turn(line, sent=changed))
    return text


def titles(connection: sqlite3.Connection, query: str = "") -> list[str]:
    return [text.title for text in find_texts(connection, query)]


def test_straight_and_curly_quotes_are_equal(connection: sqlite3.Connection) -> None:
    write(connection, "At five o’clock.", changed=1, title="one")
    write(connection, "At six o'clock.", changed=2, title="“two”")
    assert titles(connection, "o'clock") == titles(connection, "o’clock") == ["“two”", "one"]
    assert titles(connection, '"two"') == ["“two”"]


def test_texts_are_found_by_title_and_lines_the_newest_first(
    connection: sqlite3.Connection,
) -> None:
    write(connection, "We went to the SEA, and back.", "It was cold.", changed=1, title="Anna")
    write(connection, "", "Sunday at the sea", changed=3)
    write(connection, "Äpfel und Öl", changed=2)
    assert titles(connection) == ["Sunday at the sea", "Äpfel und Öl", "Anna"]
    found = find_texts(connection, "sea")
    assert [(text.title, text.found) for text in found] == [
        ("Sunday at the sea", "Sunday at the sea"),
        ("Anna", "We went to the SEA, and back."),
    ]
    assert titles(connection, "back sea") == ["Anna"], "both words in one line"
    assert titles(connection, "back cold") == []
    assert titles(connection, "ann") == ["Anna"]
    assert titles(connection, "öl") == ["Äpfel und Öl"]
    assert titles(connection, "100%_'\"") == []
    put_kept(connection, "draft", "app", "half a thought", text=open_text(connection, 1).number)
    assert titles(connection, "half") == ["Anna"], "what is being written is found too"
    assert [text.words for text in find_texts(connection, "")] == [4, 3, 10]


def test_a_text_is_called_by_its_first_words_until_it_is_renamed(
    connection: sqlite3.Connection,
) -> None:
    text = write(connection, "  \t ", "one\x1b two\nthree", changed=1)
    assert titles(connection) == ["one\ufffd two three"]
    rename_text(connection, text.number or 0, "My \ud800 day")
    assert titles(connection) == ["My ? day"]
    rename_text(connection, text.number or 0, "")
    assert titles(connection) == ["one\ufffd two three"]
    assert title_of("") == NEW
    assert title_of("a " * 100) == f"{'a ' * 20}"[:-1] + "…"
    assert len(title_of("a" * 10_000)) == 40


def test_the_count_of_words_follows_every_change(connection: sqlite3.Connection) -> None:
    text = write(connection, "one two", "three", changed=1)
    first, second = read_turns(connection, text.number)
    change_turn(connection, text, first, "one two three four")
    change_turn(connection, text, second, "")
    assert [(t.words, t.title) for t in find_texts(connection, "")] == [(4, "one two three four")]
    assert [turn.line for turn in read_turns(connection, text.number)] == ["one two three four"]


def test_a_deleted_text_is_gone_from_the_disk_and_comes_back(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    text = write(connection, "secret one", "secret two", changed=1)
    turn = read_turns(connection, text.number)[0]
    add_continuation(connection, turn, Continuation("secret three", "m", sampled=True))
    put_kept(connection, "draft", "app", "secret draft", None, text.number)
    other = write(connection, "another", changed=2)
    deleted = delete_text(connection, text.number or 0)
    for path in (tmp_path / "session").iterdir():
        assert b"secret" not in path.read_bytes()
    assert titles(connection) == ["another"]
    assert lines_of_texts(connection, None) == ["another"]
    restore_text(connection, deleted)
    assert titles(connection) == ["another", "secret one"]
    first, second = read_turns(connection, text.number)
    assert (first.continuations[0].text, second.line) == ("secret three", "secret two")
    assert lines_of_texts(connection, [text.number or 0]) == ["secret one", "secret two"]
    assert lines_of_texts(connection, [other.number or 0]) == ["another"]


def test_earlier_lines_are_those_of_all_texts_but_the_last_ones_of_the_open_one(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(connection, "first", "second\nthird", changed=1)
    text = write(connection, "one", "two\nthree", "four", changed=2)
    assert earlier_lines(connection, text.number, 2) == ["first", "second", "third", "one", "two"]
    assert earlier_lines(connection, None, 2)[-1] == "four"
    monkeypatch.setattr(texts, "MOST_EARLIER", 3)
    assert earlier_lines(connection, text.number, 2) == ["second", "third", "one", "two"]


def test_a_line_sent_after_another_app_has_deleted_the_text_is_kept(
    connection: sqlite3.Connection,
) -> None:
    text = write(connection, "before", changed=1, title="t")
    delete_text(connection, text.number or 0)
    add_turn(connection, text, Turn("after"))
    assert titles(connection) == ["t"]
    assert lines_of_texts(connection, None) == ["after"]


def test_the_text_opened_last_is_known_and_empty_ones_are_forgotten(
    connection: sqlite3.Connection,
) -> None:
    assert last_text(connection) is None
    one, two = write(connection, "one", changed=1), write(connection, "two", changed=2)
    open_text(connection, one.number)
    assert last_text(connection) == one.number
    (turn,) = read_turns(connection, one.number)
    change_turn(connection, one, turn, "")
    assert titles(connection) == ["two"]
    assert last_text(connection) == two.number
    assert read_text(connection, one.number) is None


def test_it_is_known_which_files_are_not_saved(connection: sqlite3.Connection) -> None:
    text = write(connection, "one", changed=1)
    set_file(connection, text, TextFile("/a/b.md", "utf-8", "\n", "00", saved=2.0))
    assert unsaved_files(connection) == []
    text.file = TextFile("/a/b.md", "utf-8", "\n", "00", saved=1e12)  # the clock was set back
    assert text.is_saved
    text.changed_by(1)
    assert not text.is_saved
    add_turn(connection, text, Turn("two"))
    assert unsaved_files(connection) == ["/a/b.md"]


def test_the_transcript_of_the_version_before_becomes_the_first_text(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "session.db")) as old, old:
        for statement in VERSION_1:
            old.execute(statement)
    for _ in range(2):
        with closing(connect(tmp_path / "session.db")) as connection:
            (found,) = find_texts(connection, "")
            assert (found.title, found.words) == ("We left early.", 5)
            assert last_text(connection) == found.number
            one, two = read_turns(connection, found.number)
            assert (one.number, one.line, one.sent) == (3, "We left early.", None)
            assert [c.text for c in one.continuations] == ["and so on"]
            assert two.line == "It rained."
            kept = "SELECT draft.line, draft.text, pasted.line, pasted.text FROM draft, pasted"
            expected = [("half a line", found.number, "pasted", None)]
            assert connection.execute(kept).fetchall() == expected
