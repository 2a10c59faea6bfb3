"""The statements on the user's texts. Does not import textual."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.session.folding import straight_quotes
from rnnlm_tui.session.tables import (
    Text,
    TextFile,
    TextRow,
    rows,
    storable,
    store_text,
)
from rnnlm_tui.text.reading import count_words

Deleted: TypeAlias = dict[str, list[tuple[Any, ...]]]
"""The rows of a deleted text, by table."""
NEW = "new text"
"""The title of a text without words."""
LONGEST_TITLE = 40
MOST_EARLIER = 100_000
"""Words of earlier texts that the app reads when it starts."""
HAS_CONTENT = """(title IS NOT NULL OR path IS NOT NULL
    OR EXISTS (SELECT 1 FROM turn WHERE turn.text = text.number)
    OR EXISTS (SELECT 1 FROM draft WHERE draft.text = text.number))"""
FIRST_WORDS = """coalesce(title,
    (SELECT line FROM turn WHERE turn.text = text.number AND trim(line, char(9, 10, 13, 32)) != ''
     ORDER BY turn.number LIMIT 1),
    (SELECT line FROM draft WHERE draft.text = text.number LIMIT 1), '')"""
ROWS_OF_A_TEXT = {
    "text": "number = ?",
    "turn": "text = ?",
    "continuation": "turn IN (SELECT number FROM turn WHERE text = ?)",
    "draft": "text = ?",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A text in the list: its title, when it was changed, how many words it has, the path of its
    file or "", and the first line in which the search found something, or ""."""

    number: int
    title: str
    changed: float
    words: int
    path: str
    found: str = ""


def title_of(words: str) -> str:
    """Returns the title of a text that begins with these words, of which it has the first."""
    title = " ".join(words[: 10 * LONGEST_TITLE].split())
    if len(title) > LONGEST_TITLE:
        end = title.rfind(" ", LONGEST_TITLE // 2, LONGEST_TITLE)
        title = f"{title[: end if end > 0 else LONGEST_TITLE - 1]}…"
    return sanitize(title) or NEW


def last_text(connection: sqlite3.Connection) -> int | None:
    """Returns the number of the text that was opened last. Deletes texts without any content."""
    connection.execute(f"DELETE FROM text WHERE NOT {HAS_CONTENT}")
    row = connection.execute("SELECT number FROM text ORDER BY opened DESC LIMIT 1").fetchone()
    return row[0] if row else None


def text_of_file(connection: sqlite3.Connection, path: str) -> int | None:
    """Returns the number of the text that is saved in this file."""
    statement = "SELECT number FROM text WHERE path = ? ORDER BY opened DESC LIMIT 1"
    row = connection.execute(statement, (storable(path),)).fetchone()
    return row[0] if row else None


def read_text(connection: sqlite3.Connection, number: int | None) -> Text | None:
    """Returns a text, or None if there is no such text."""
    for row in rows(connection, TextRow, "SELECT * FROM text WHERE number = ?", (number,)):
        return Text(row.number, row.title, row.changed, row.words, row.file)
    return None


def open_text(connection: sqlite3.Connection, number: int | None) -> Text:
    """Returns a text, or a new one, and notes when it was opened."""
    text = read_text(connection, number) or Text()
    row = (time.time(), text.number)
    connection.execute("UPDATE text SET opened = ? WHERE number = ?", row)
    return text


def find_texts(connection: sqlite3.Connection, query: str) -> list[Listed]:
    """Returns the texts that have all words of `query` in their title or in one of their lines, the
    newest first. Takes 50 ms for 50,000 lines."""
    words = straight_quotes(query).casefold().split()
    statement = f"""SELECT number, {FIRST_WORDS}, changed, words, coalesce(path, '') FROM text
        WHERE {HAS_CONTENT} ORDER BY changed DESC, number DESC"""
    texts = [
        Listed(number, title_of(title), *others)
        for number, title, *others in connection.execute(statement)
    ]
    if not words:
        return texts
    found = dict[int, str]()
    lines = """SELECT text, line FROM (SELECT text, line, number FROM turn
        UNION ALL SELECT text, line, 1 << 62 FROM draft) ORDER BY number"""
    for number, line in connection.execute(lines):
        if number not in found and _has(line, words):
            found[number] = line
    return [
        replace(text, found=found.get(text.number, ""))
        for text in texts
        if text.number in found or _has(text.title, words)
    ]


def _has(line: str, words: Iterable[str]) -> bool:
    folded = straight_quotes(line).casefold()
    return all(word in folded for word in words)


def lines_of_texts(connection: sqlite3.Connection, numbers: Iterable[int] | None) -> list[str]:
    """Returns the lines of these texts, or of all if that is None, the oldest first."""
    wanted = None if numbers is None else set(numbers)
    lines = connection.execute("SELECT text, line FROM turn ORDER BY number")
    return [line for text, line in lines if wanted is None or text in wanted]


def earlier_lines(connection: sqlite3.Connection, number: int | None, skipped: int) -> list[str]:
    """Returns the lines of all texts, the oldest first, but not the last `skipped` ones of the text
    with this number. If they have more than MOST_EARLIER words, the newest of them."""
    newest_first, words = list[str](), 0
    for text, turn in connection.execute("SELECT text, line FROM turn ORDER BY number DESC"):
        for line in reversed(turn.splitlines()):
            if text == number and skipped > 0:
                skipped -= 1
            else:
                newest_first.append(line)
                words += count_words(line)
        if words >= MOST_EARLIER:
            break
    return newest_first[::-1]


def rename_text(connection: sqlite3.Connection, number: int, title: str) -> None:
    """Renames a text; "" lets its first words be its title again."""
    row = (storable(title) or None, number)
    connection.execute("UPDATE text SET title = ? WHERE number = ?", row)


def delete_text(connection: sqlite3.Connection, number: int) -> Deleted:
    """Deletes a text and returns its rows."""
    deleted = {
        table: connection.execute(f"SELECT * FROM {table} WHERE {which}", (number,)).fetchall()
        for table, which in ROWS_OF_A_TEXT.items()
    }
    connection.execute("DELETE FROM text WHERE number = ?", (number,))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return deleted


def restore_text(connection: sqlite3.Connection, deleted: Deleted) -> None:
    """Brings a deleted text back."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for table, found in deleted.items():
            for row in found:
                values = ", ".join("?" * len(row))
                connection.execute(f"INSERT OR REPLACE INTO {table} VALUES ({values})", row)


# The files of texts


def set_file(
    connection: sqlite3.Connection,
    text: Text,
    file: TextFile,
    lines: Iterable[tuple[str, float | None]] | None = None,
) -> None:
    """Notes in which file a text is. `lines`, each with the time when it was sent, replace those of
    the text."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        number = store_text(connection, text)
        row = (*map(storable, file[:4]), file.saved, number)
        columns = "path = ?, encoding = ?, line_end = ?, digest = ?, saved = ?"
        connection.execute(f"UPDATE text SET {columns} WHERE number = ?", row)
        if lines is None:
            return
        connection.execute("DELETE FROM turn WHERE text = ?", (number,))
        words = 0
        for line, sent in lines:
            words += count_words(line)
            values = (number, storable(line), sent)
            connection.execute("INSERT INTO turn (text, line, sent) VALUES (?, ?, ?)", values)
        counts = (words, file.saved, number)
        connection.execute("UPDATE text SET words = ?, changed = ? WHERE number = ?", counts)


def unsaved_files(connection: sqlite3.Connection) -> list[str]:
    """Returns the paths of the files that do not have all lines of their texts."""
    found = connection.execute("SELECT path FROM text WHERE changed > saved ORDER BY changed")
    return [path for (path,) in found]
