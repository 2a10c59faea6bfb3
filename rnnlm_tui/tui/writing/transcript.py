"""The lines that were sent and how models continued them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from rnnlm_tui.accepting import LINES_ABOVE
from rnnlm_tui.errors import StorageError
from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.paths import APP_NAME
from rnnlm_tui.tui.session import tables
from rnnlm_tui.tui.session.database import SessionDatabase
from rnnlm_tui.tui.session.tables import Continuation, Turn
from rnnlm_tui.tui.widgets.inputs import sanitize_lines

MAX_TURNS = 200
"""Turns that are read after a restart. The others stay in the database."""


class Transcript:
    """The turns: the newest in memory, all in the session database.

    Several apps may be open. Each sees the turns that existed when it started, and its own.
    """

    def __init__(self, database: SessionDatabase) -> None:
        self._database = database
        self._last_seen: int | None = None
        self.turns: list[Turn] = []
        self.older = 0
        """The number of stored turns that are not in `turns`."""

    async def load(self) -> None:
        """Reads the newest stored turns. Raises StorageError."""
        self.turns = await self._database.read(partial(tables.read_turns, limit=MAX_TURNS))
        self.older = await self._database.read(tables.count_turns) - len(self.turns)
        self._last_seen = self.turns[-1].number if self.turns else None

    @property
    def count(self) -> int:
        """The number of stored turns."""
        return self.older + len(self.turns)

    def add_line(self, line: str, model: str | None = None) -> Turn:
        """Adds a line and stores it. `model` is the name of the model that suggested."""
        turn = Turn(line, model=model)
        self.turns.append(turn)
        self._database.write(partial(tables.add_turn, turn=turn))
        return turn

    def change_line(self, turn: Turn, line: str) -> None:
        """Replaces the line of a turn and deletes its continuations; an empty line deletes the
        turn."""
        turn.line = line
        turn.continuations.clear()
        if line:
            self._database.write(partial(tables.change_turn, turn=turn, line=line))
        else:
            self.turns.remove(turn)
            self._database.write(partial(tables.delete_turns, up_to=None, turns=[turn]))

    def add_continuation(self, turn: Turn, continuation: Continuation) -> None:
        turn.continuations.append(continuation)
        self._database.write(partial(tables.add_continuation, turn=turn, added=continuation))

    def previous_lines(self, turn: Turn | None = None) -> tuple[str, ...]:
        """Returns the lines above `turn`, by default all, the nearest last."""
        end = self.turns.index(turn) if turn in self.turns else len(self.turns)
        turns = self.turns[max(0, end - LINES_ABOVE) : end]
        return tuple(line for turn in turns for line in turn.line.splitlines())[-LINES_ABOVE:]

    def clear(self) -> None:
        """Deletes all turns, except those that another app has added since the start."""
        delete = partial(tables.delete_turns, up_to=self._last_seen, turns=self.turns)
        self._database.write(delete)
        self.turns, self.older = [], 0

    async def export(self, path: Path) -> None:
        """Writes all turns as text to a new file, atomically. Raises StorageError, also if the file
        exists."""
        turns = self.turns
        if self.older:
            older = partial(tables.read_turns, before=turns[0].number if turns else None)
            turns = await self._database.read(older) + turns
        await asyncio.to_thread(_write_new, path, as_text(turns))


def as_text(turns: Iterable[Turn]) -> str:
    """Formats turns for reading: each line, and below it its continuations, indented."""
    return "".join(
        f"{line}\n"
        for turn in turns
        for line in (
            sanitize_lines(turn.line),
            *(f"    {sanitize(c.text)}" for c in turn.continuations),
        )
    )


def kept_sentence(lines: int, has_draft: bool) -> str:
    """Says what was kept, and how to continue; "" if nothing was."""
    parts = [plural(lines, "line")] * bool(lines) + ["what you were writing"] * has_draft
    return f"Kept: {' and '.join(parts)}. To continue: {APP_NAME}" if parts else ""


def _write_new(path: Path, text: str) -> None:
    from rnnlm_tui.store.files import write_bytes  # imports numpy

    if os.path.lexists(path):
        raise StorageError(f"{path} already exists", "name another file")
    write_bytes(path, text.encode("utf-8", "replace"))


def lines_of(text: str) -> str:
    """Returns text without tabs or characters that could control the terminal."""
    return sanitize_lines(text.replace("\t", " "))


class SentTexts:
    """The turns that were sent, the newest last, and the one being edited."""

    def __init__(self) -> None:
        self.turns: Sequence[Turn] = ()
        self.edited: Turn | None = None
        self.draft = ""
        """The text that was being written when the edit began."""

    def is_unchanged(self, text: str) -> bool:
        """Returns whether `text` is that of the edited turn, not changed yet."""
        return self.edited is not None and text == lines_of(self.edited.line)

    def step(self, by: int, text: str) -> str | None:
        """Starts editing the previous (-1) or next (1) turn, and returns its text; None if nothing
        was sent. Stops at the oldest turn; after the newest comes the unsent `text`."""
        turns = list(self.turns)
        here = turns.index(self.edited) if self.edited in turns else len(turns)
        there = max(0, here + by)
        if there < len(turns):
            return self.begin_edit(turns[there], text)
        return self.end_edit() if by > 0 else None

    def begin_edit(self, turn: Turn, draft: str) -> str:
        """Starts editing a turn and returns its text. `draft` is the text that it replaces."""
        if self.edited is None:
            self.draft = draft
        self.edited = turn
        return lines_of(turn.line)

    def end_edit(self) -> str:
        """Ends the edit and returns the text that was being written before it."""
        draft, self.draft, self.edited = self.draft, "", None
        return draft
