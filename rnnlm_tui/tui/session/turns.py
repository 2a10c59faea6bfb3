"""The turns of the transcript in session.db. No textual here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class Copied:
    """The words from `start` on, `length` of them, are copied from the text that the model was
    trained on: they occur there first in the line with this number, from 1."""

    start: int
    length: int
    line_number: int


@dataclass(frozen=True, slots=True)
class Continuation:
    """How a model continued a line. `sampled`: drawn by chance, not the likeliest. `copied`: the
    spans of its words that are copied."""

    text: str
    model: str
    sampled: bool
    copied: tuple[Copied, ...] = ()


@dataclass(slots=True, eq=False)
class Turn:
    """A line of the user's and its continuations. `number` is its key in the database, None until
    it is stored; it is used in the database's thread alone."""

    line: str
    continuations: list[Continuation] = field(default_factory=list)
    number: int | None = None


def add_turn(connection: sqlite3.Connection, turn: Turn) -> None:
    """Stores the line of a turn."""
    row = (storable(turn.line),)
    turn.number = connection.execute("INSERT INTO turn (line) VALUES (?)", row).lastrowid


def add_continuation(connection: sqlite3.Connection, turn: Turn, added: Continuation) -> None:
    """Stores a continuation, unless its turn was deleted meanwhile or never stored."""
    copied = " ".join(f"{s.start}:{s.length}:{s.line_number}" for s in added.copied)
    connection.execute(
        "INSERT INTO continuation SELECT number, ?, ?, ?, ? FROM turn WHERE number = ?",
        (storable(added.text), storable(added.model), added.sampled, copied, turn.number),
    )


def read_turns(
    connection: sqlite3.Connection, before: int | None = None, limit: int = -1
) -> list[Turn]:
    """The newest turns, the oldest first: at most `limit` unless that is negative, and those below
    the number `before` unless that is None."""
    rows = connection.execute(
        "SELECT number, line FROM turn WHERE number < ? ORDER BY number DESC LIMIT ?",
        (before or 1 << 62, limit),
    )
    turns = {number: Turn(line, number=number) for number, line in rows}
    for number, text, model, sampled, copied in connection.execute(
        "SELECT * FROM continuation WHERE turn BETWEEN ? AND ? ORDER BY rowid",
        (min(turns, default=0), max(turns, default=0)),
    ):
        if number in turns:  # another app may have added or deleted some since
            spans = tuple(Copied(*map(int, span.split(":"))) for span in copied.split())
            turns[number].continuations.append(Continuation(text, model, bool(sampled), spans))
    return list(reversed(turns.values()))


def count_turns(connection: sqlite3.Connection) -> int:
    """The number of turns that are stored."""
    return int(connection.execute("SELECT count(*) FROM turn").fetchone()[0])


def delete_turns(connection: sqlite3.Connection, up_to: int | None, turns: Iterable[Turn]) -> None:
    """Deletes the turns up to a number and these, with their continuations."""
    connection.execute("DELETE FROM turn WHERE number <= ?", (up_to or 0,))
    for turn in turns:
        connection.execute("DELETE FROM turn WHERE number = ?", (turn.number,))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def storable(text: str) -> str:
    """The text with lone surrogates replaced, which SQLite cannot store."""
    return text.encode("utf-8", "replace").decode()
