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

import pytest

from rnnlm_tui.errors import StorageError
from rnnlm_tui.session import texts
from rnnlm_tui.session.database import connect, purge
from rnnlm_tui.session.tables import (
    Continuation,
    Text,
    TextFile,
    Turn,
    add_continuation,
    add_turn,
    change_turn,
    put_draft,
    read_turns,
)
from rnnlm_tui.session.texts import (
    NEW,
    delete_text,
    earlier_lines,
    find_texts,
    is_running,
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
    put_draft(connection, open_text(connection, 1)[0], "half a thought")
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


def test_a_deleted_text_comes_back_until_the_app_ends_and_is_gone_from_the_disk_then(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    text = write(connection, "secret one", "secret two", changed=1)
    turn = read_turns(connection, text.number)[0]
    add_continuation(connection, turn, Continuation("secret three", "m", sampled=True))
    put_draft(connection, text, "secret draft")
    other = write(connection, "another", changed=2)
    delete_text(connection, text.number or 0)
    assert titles(connection) == titles(connection, "e") == ["another"]
    assert lines_of_texts(connection, None) == earlier_lines(connection, None, 0) == ["another"]
    assert last_text(connection) == other.number
    restore_text(connection, text.number or 0)
    assert titles(connection) == ["another", "secret one"]
    first, second = read_turns(connection, text.number)
    assert (first.continuations[0].text, second.line) == ("secret three", "secret two")
    assert lines_of_texts(connection, [text.number or 0]) == ["secret one", "secret two"]
    assert lines_of_texts(connection, [other.number or 0]) == ["another"]
    delete_text(connection, text.number or 0)
    purge(connection)
    for path in (tmp_path / "session").iterdir():
        assert b"secret" not in path.read_bytes()


def test_earlier_lines_are_those_of_all_texts_but_the_last_ones_of_the_open_one(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(connection, "first", "second\nthird", changed=1)
    text = write(connection, "one", "two\nthree", "four", changed=2)
    assert earlier_lines(connection, text.number, 2) == ["first", "second", "third", "one", "two"]
    assert earlier_lines(connection, None, 2)[-1] == "four"
    monkeypatch.setattr(texts, "MOST_EARLIER", 3)
    assert earlier_lines(connection, text.number, 2) == ["second", "third", "one", "two"]


def test_the_text_opened_last_is_known_and_empty_ones_are_forgotten(
    connection: sqlite3.Connection,
) -> None:
    assert last_text(connection) is None
    one, two = write(connection, "one", changed=1), write(connection, "two", changed=2)
    open_text(connection, one.number)
    assert last_text(connection) == one.number
    open_text(connection, None)
    (turn,) = read_turns(connection, one.number)
    change_turn(connection, one, turn, "")
    assert titles(connection) == ["two"]
    assert last_text(connection) == two.number
    assert read_text(connection, one.number) is None


def test_a_text_is_open_in_one_app(connection: sqlite3.Connection) -> None:
    """The app that has it is told by its process. One that was killed has it no longer."""
    one, two = write(connection, "one", changed=1), write(connection, "two", changed=2)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        row = (other.pid, time.time(), one.number)
        connection.execute("UPDATE text SET pid = ?, opened = ? WHERE number = ?", row)
        says = f"“one” is open in another app, process {other.pid}"
        with pytest.raises(StorageError, match=says):
            open_text(connection, one.number)
        with pytest.raises(StorageError, match="open in another app"):
            delete_text(connection, one.number or 0)
        assert last_text(connection) == two.number
        other.kill()
    assert open_text(connection, one.number)[0].number == one.number
    assert not is_running(os.getppid(), 1.0), "its id was another process's then"


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
