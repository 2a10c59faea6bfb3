"""The statements on the user's texts. Does not import textual."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rnnlm_tui.errors import StorageError
from rnnlm_tui.formatting import as_unicode, sanitize, straight_quotes
from rnnlm_tui.session.tables import (
    Draft,
    SavedPart,
    Text,
    TextFile,
    Turn,
    add_turn,
    read_turns,
    stored_number,
    transaction,
)
from rnnlm_tui.session.text_file import remove_leftover
from rnnlm_tui.text.reading import count_words

UNTITLED = "new text"
"""The title of a text without words."""
LONGEST_TITLE = 40
"""The most characters of a title that is made of the first words."""
LONGEST_SHOWN = 160
"""The most characters of a title in the list of texts."""
MOST_EARLIER = 100_000
"""About the most words of earlier texts that the app reads when it starts."""
DELETED_FOR_DAYS = 7
"""The days for which a deleted text can be brought back."""
NO_SUCH_TEXT = (
    "there is no such text any more",
    f"a deleted text can be brought back for {DELETED_FOR_DAYS} days",
)
"""The message and the hint of an error."""
# Expressions on a row of the table `text`.
HAS_CONTENT = """(title IS NOT NULL OR path IS NOT NULL OR draft != ''
    OR EXISTS (SELECT 1 FROM turn WHERE turn.text = text.number))"""
TITLE_SOURCE = """coalesce(title,
    (SELECT line FROM turn WHERE turn.text = text.number AND trim(line, char(9, 10, 13, 32)) != ''
     ORDER BY turn.number LIMIT 1), draft)"""
WORD_COUNT = "(SELECT coalesce(sum(words), 0) FROM turn WHERE turn.text = text.number)"
LINES = """SELECT turn.text, turn.line FROM turn JOIN text ON turn.text = text.number
    WHERE NOT text.deleted ORDER BY turn.number"""
"""Selects the lines of all texts, the oldest first. With ` DESC` appended the newest come first."""


class Listed(NamedTuple):
    """A text in the list."""

    number: int
    title: str
    changed: float
    words: int
    """The number of words in the lines."""
    draft_words: int
    """The number of words in the line being written at the end."""
    path: str
    """The path of its file, or ""."""
    full_title: str
    """A title of up to LONGEST_SHOWN characters."""
    found: str = ""
    """The first line that the search found, or ""."""
    turn: int | None = None
    """The number of the turn with this line; None for the draft."""


def title_of(beginning: str, most: int = LONGEST_TITLE) -> str:
    """Returns a title of at most `most` characters for a text: the first words of its beginning."""
    title = " ".join(beginning[: 10 * most].split())
    if len(title) > most:
        end = title.rfind(" ", most // 2, most)
        title = f"{title[: end if end > 0 else most - 1]}…"
    return sanitize(title) or UNTITLED


def last_text(connection: sqlite3.Connection) -> int | None:
    """Deletes texts without content. Returns the number of the text that was opened last, of those
    that are not open in another app."""
    connection.execute(f"DELETE FROM text WHERE pid IS NULL AND NOT {HAS_CONTENT}")
    statement = "SELECT number, pid, opened FROM text WHERE NOT deleted ORDER BY opened DESC"
    for number, pid, opened in connection.execute(statement).fetchall():
        if not is_running(pid, opened):
            return int(number)
    return None


def text_of_file(connection: sqlite3.Connection, path: str) -> Text | None:
    """Returns the text that is saved in this file."""
    statement = "SELECT number FROM text WHERE path = ? AND NOT deleted ORDER BY opened DESC"
    row = connection.execute(statement, (as_unicode(path),)).fetchone()
    return read_text(connection, row[0]) if row else None


def read_text(connection: sqlite3.Connection, number: int | None) -> Text | None:
    """Returns a text without its draft, or None if there is no such text."""
    statement = """SELECT title, changed, path, encoding, line_end, digest, saved FROM text
        WHERE number = ? AND NOT deleted"""
    for title, changed, path, *of_file in connection.execute(statement, (number,)):
        return Text(number, title, changed, None if path is None else TextFile(path, *of_file))
    return None


def open_text(connection: sqlite3.Connection, number: int | None) -> tuple[Text, list[Turn]]:
    """Opens a text in this app, or a new one without a `number`, and closes the text before.
    Returns it and its lines. Raises StorageError if it is open in another app, or if there is no
    such text any more."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        check_closed(connection, number)
        if number is not None and read_text(connection, number) is None:
            raise StorageError(*NO_SUCH_TEXT)
        _note_open(connection, number)
    return _text_and_lines(connection, number)


def open_last_text(connection: sqlite3.Connection) -> tuple[Text, list[Turn]]:
    """Opens the text that `last_text` finds, or a new one. No other app can open it meanwhile.
    Returns it and its lines."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        number = last_text(connection)
        _note_open(connection, number)
    return _text_and_lines(connection, number)


def _note_open(connection: sqlite3.Connection, number: int | None) -> None:
    """Notes that this app has this text open and has closed the one before."""
    own = os.getpid()
    connection.execute("UPDATE text SET pid = NULL WHERE pid = ?", (own,))
    row = (time.time(), own, number)
    connection.execute("UPDATE text SET opened = ?, pid = ? WHERE number = ?", row)


def _text_and_lines(connection: sqlite3.Connection, number: int | None) -> tuple[Text, list[Turn]]:
    """Returns a text with its draft, or a new text, and its lines."""
    text = read_text(connection, number) or Text()
    if text.file is not None:
        remove_leftover(text.file.path)
    turns = read_turns(connection, text.number)
    statement = "SELECT draft, edited, edit FROM text WHERE number = ?"
    for draft, edited, edit in connection.execute(statement, (text.number,)):
        turn = next((turn for turn in turns if turn.number == edited), None)
        text.draft = Draft(draft, turn, edit)
        if turn is None:  # no line is being edited, or it is gone because its file was read again
            text.draft = Draft("\n".join(filter(None, (draft, edit))))
    return text, turns


def check_closed(connection: sqlite3.Connection, number: int | None) -> None:
    """Raises StorageError if a text is open in another app."""
    statement = f"SELECT pid, opened, {TITLE_SOURCE} FROM text WHERE number = ?"
    for pid, opened, words in connection.execute(statement, (number,)).fetchall():
        if is_running(pid, opened):
            raise StorageError(
                f"“{title_of(words)}” is open in another app, process {pid}",
                "close it there, or begin a new text",
            )


def is_running(pid: int | None, since: float) -> bool:
    """Returns True if another process with this id has run from the time `since` (seconds since the
    epoch) until now."""
    if pid is None or pid == os.getpid():
        return False
    import psutil  # 20 ms, needed only after a crash or with two apps

    try:
        process = psutil.Process(pid)
        return process.create_time() <= since and process.status() != psutil.STATUS_ZOMBIE
    except psutil.AccessDenied:
        return True
    except psutil.Error:
        return False


def find_texts(connection: sqlite3.Connection, query: str) -> list[Listed]:
    """Returns the texts that have all words of `query` in their title or in one of their lines, the
    newest first. Takes 50 ms for 50,000 lines."""
    words = straight_quotes(query).casefold().split()
    statement = f"""SELECT number, {TITLE_SOURCE}, changed, {WORD_COUNT}, draft, coalesce(path, '')
        FROM text WHERE {HAS_CONTENT} AND NOT deleted ORDER BY changed DESC, number DESC"""
    texts = [
        Listed(number, title_of(title), changed, count, count_words(draft), path,
               title_of(title, LONGEST_SHOWN))
        for number, title, changed, count, draft, path in connection.execute(statement)
    ]  # fmt: skip
    if not words:
        return texts
    found = dict[int, tuple[str, int | None]]()
    lines = """SELECT text, line, number FROM (SELECT text, line, number FROM turn
        UNION ALL SELECT number, draft, NULL FROM text) ORDER BY number IS NULL, number"""
    for number, line, turn in connection.execute(lines):
        if number not in found and _has_words(line, words):
            found[number] = line, turn
    matching = list[Listed]()
    for text in texts:
        line, turn = found.get(text.number, ("", None))
        if line or _has_words(text.full_title, words):
            matching.append(text._replace(found=line, turn=turn))
    return matching


def _has_words(line: str, words: Iterable[str]) -> bool:
    folded = straight_quotes(line).casefold()
    return all(word in folded for word in words)


def lines_of_texts(connection: sqlite3.Connection, numbers: Iterable[int] | None) -> list[str]:
    """Returns the lines of these texts, or of all texts if `numbers` is None, the oldest first."""
    wanted = None if numbers is None else set(numbers)
    lines = connection.execute(LINES)
    return [line for text, line in lines if wanted is None or text in wanted]


def earlier_lines(connection: sqlite3.Connection, number: int | None, skipped: int) -> list[str]:
    """Returns the lines of all texts, the oldest first. The last `skipped` lines of the text with
    this number are left out. After MOST_EARLIER words, still older lines are left out, too."""
    newest_first, words = list[str](), 0
    for text, turn in connection.execute(f"{LINES} DESC"):
        for line in reversed(turn.splitlines()):
            if text == number and skipped > 0:
                skipped -= 1
            else:
                newest_first.append(line)
                words += count_words(line)
        if words >= MOST_EARLIER:
            break
    return newest_first[::-1]


def words_since(connection: sqlite3.Connection, since: float) -> int:
    """Returns the number of words written since this time, without lines read from files."""
    statement = """SELECT coalesce(sum(words), 0) FROM turn JOIN text ON turn.text = text.number
        WHERE sent > ? AND NOT deleted"""
    return int(connection.execute(statement, (since,)).fetchone()[0])


def saved_keys(connection: sqlite3.Connection, day: str) -> int:
    """Returns the number of keys saved on a day."""
    row = connection.execute("SELECT saved FROM day WHERE day = ?", (day,)).fetchone()
    return int(row[0]) if row else 0


def add_saved_keys(connection: sqlite3.Connection, day: str, keys: int) -> None:
    """Adds to the number of keys saved on a day."""
    statement = """INSERT INTO day VALUES (?, ?)
        ON CONFLICT (day) DO UPDATE SET saved = saved + excluded.saved"""
    connection.execute(statement, (day, keys))


def rename_text(connection: sqlite3.Connection, number: int, title: str) -> None:
    """Gives a text this title. If it is "", the first words are the title again."""
    row = (as_unicode(title) or None, number)
    connection.execute("UPDATE text SET title = ? WHERE number = ?", row)


def set_deleted(connection: sqlite3.Connection, number: int, *, deleted: bool) -> None:
    """Deletes a text, or brings it back, which is possible for DELETED_FOR_DAYS. Raises
    StorageError if the text is open in another app, or if there is no such text any more."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        check_closed(connection, number)
        row = (round(1000 * time.time()) if deleted else 0, number)
        changed = connection.execute("UPDATE text SET deleted = ? WHERE number = ?", row)
    if not changed.rowcount:
        raise StorageError(*NO_SUCH_TEXT)


def purge(connection: sqlite3.Connection) -> None:
    """Removes the texts that can no longer be brought back. The log may contain them until the
    last app ends, when SQLite deletes the log."""
    statement = "DELETE FROM text WHERE deleted AND deleted <= ?"
    connection.execute(statement, (1000 * (time.time() - 86_400 * DELETED_FOR_DAYS),))


def deleted_texts(connection: sqlite3.Connection) -> list[int]:
    """Returns the numbers of the texts that can be brought back, the first deleted one first."""
    statement = "SELECT number FROM text WHERE deleted ORDER BY deleted, number"
    return [number for (number,) in connection.execute(statement)]


# The files of texts


def store_file(connection: sqlite3.Connection, text: Text) -> None:
    if (file := text.file) is None:
        return
    row = (*map(as_unicode, file[:4]), file.saved, stored_number(connection, text))
    columns = "path = ?, encoding = ?, line_end = ?, digest = ?, saved = ?"
    connection.execute(f"UPDATE text SET {columns} WHERE number = ?", row)


def replace_turns(connection: sqlite3.Connection, text: Text, turns: Sequence[Turn]) -> None:
    """Replaces all lines of a text, and stores its file, if it has one: all of it or nothing."""
    with transaction(connection, text, turns):
        store_file(connection, text)
        connection.execute("DELETE FROM turn WHERE text = ?", (text.number,))
        last = 0
        for turn in turns:
            # The numbers are in the order of the lines. A line keeps its number if it can: an undo
            # puts a removed line back by its own.
            if (turn.number or 0) <= last:
                turn.number = None
            add_turn(connection, text, turn)
            last = turn.number or 0


def unsaved_files(connection: sqlite3.Connection) -> list[str]:
    """Returns the paths of the files that lack changes of their texts."""
    statement = "SELECT path FROM text WHERE saved != ? AND NOT deleted ORDER BY changed"
    found = connection.execute(statement, (SavedPart.ALL,))
    return [path for (path,) in found]
