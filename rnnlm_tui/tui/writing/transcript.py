"""The lines that were sent and how models continued them. No textual here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from rnnlm_tui.errors import StorageError
from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.paths import APP_NAME
from rnnlm_tui.tui.session import tables
from rnnlm_tui.tui.session.database import SessionDatabase
from rnnlm_tui.tui.session.turns import Continuation, Turn
from rnnlm_tui.tui.widgets.safe_inputs import sanitize_lines

LONGEST = 200
"""Turns that are shown again after a restart; all others are kept too."""
PREVIOUS_LINES = 200
"""Lines above that a model which uses them is given: more of them change little."""


class Transcript:
    """The newest turns in memory, and all of them in the session's database.

    Several apps may be open: each sees the turns that were there at its start, and its own.
    """

    def __init__(self, database: SessionDatabase) -> None:
        self._database = database
        self._last_seen: int | None = None
        self.turns: list[Turn] = []
        self.older = 0
        """The number of turns that are kept but not in `turns`."""

    async def load(self) -> None:
        """Reads what was kept. Raises StorageError."""
        self.turns = await self._database.read(partial(tables.read_turns, limit=LONGEST))
        self.older = await self._database.read(tables.count_turns) - len(self.turns)
        self._last_seen = self.turns[-1].number if self.turns else None

    @property
    def next_number(self) -> int:
        """The number of the line that is being written, from 1."""
        return self.older + len(self.turns) + 1

    def add_line(self, line: str, model: str | None = None) -> Turn:
        """Adds a line that was sent while the model of this name suggested, and stores it."""
        turn = Turn(line, model=model)
        self.turns.append(turn)
        self._database.write(partial(tables.add_turn, turn=turn))
        return turn

    def change_line(self, turn: Turn, line: str) -> None:
        """Gives a turn another line. What continued the old one goes; without a line, so does the
        turn."""
        turn.line = line
        turn.continuations.clear()
        if line:
            self._database.write(partial(tables.change_turn, turn=turn, line=line))
        else:
            self.turns.remove(turn)
            self._database.write(partial(tables.delete_turns, up_to=None, turns=[turn]))

    def add_continuation(self, turn: Turn, continuation: Continuation) -> None:
        """Adds to the turn how a model has continued it, and stores that."""
        turn.continuations.append(continuation)
        self._database.write(partial(tables.add_continuation, turn=turn, added=continuation))

    def previous_lines(self, turn: Turn | None = None) -> tuple[str, ...]:
        """The lines above the one being written, or above `turn`, the nearest last."""
        end = self.turns.index(turn) if turn in self.turns else len(self.turns)
        turns = self.turns[max(0, end - PREVIOUS_LINES) : end]
        return tuple(line for turn in turns for line in turn.line.splitlines())[-PREVIOUS_LINES:]

    def clear(self) -> None:
        """Forgets all turns. Those that another app has added meanwhile are kept."""
        delete = partial(tables.delete_turns, up_to=self._last_seen, turns=self.turns)
        self._database.write(delete)
        self.turns, self.older = [], 0

    async def export(self, path: Path) -> None:
        """Writes all turns as text into a new file, whole or not at all. Raises StorageError, also
        if the file exists."""
        turns = self.turns
        if self.older:
            older = partial(tables.read_turns, before=turns[0].number if turns else None)
            turns = await self._database.read(older) + turns
        await asyncio.to_thread(_write_new, path, as_text(turns))


def as_text(turns: Iterable[Turn]) -> str:
    """The turns for a person: each line, and below it how models have continued it."""
    return "".join(
        f"{line}\n"
        for turn in turns
        for line in (
            sanitize_lines(turn.line),
            *(f"    {sanitize(c.text)}" for c in turn.continuations),
        )
    )


def kept_words(lines: int, has_draft: bool) -> str:
    """What was kept, and how to go on with it; nothing if that is nothing."""
    parts = [plural(lines, "line")] * bool(lines) + ["what you were writing"] * has_draft
    return f"Kept: {' and '.join(parts)}. To go on: {APP_NAME}" if parts else ""


def _write_new(path: Path, text: str) -> None:
    from rnnlm_tui.store.files import write_bytes  # numpy

    if os.path.lexists(path):
        raise StorageError(f"{path} exists already", "name another file")
    write_bytes(path, text.encode("utf-8", "replace"))


def lines_of(text: str) -> str:
    """Text from elsewhere, without anything that could steer the terminal or break its rows."""
    return sanitize_lines(text.replace("\t", " "))


class SentTexts:
    """What was sent, the newest last, and which of it is being edited."""

    def __init__(self) -> None:
        self.turns: Sequence[Turn] = ()
        self.edited: Turn | None = None
        self.draft = ""
        """What was being written when the edit began."""

    def is_unchanged(self, text: str) -> bool:
        """Whether `text` is what was sent, not edited yet."""
        return self.edited is not None and text == lines_of(self.edited.line)

    def step(self, by: int, text: str) -> str | None:
        """The text before (-1) or after (1) the edited one, which is edited from now on; None if
        nothing was sent. `text`, which is not sent yet, comes after the newest, and nothing before
        the oldest but itself."""
        turns = list(self.turns)
        here = turns.index(self.edited) if self.edited in turns else len(turns)
        there = max(0, here + by)
        if there < len(turns):
            return self.take(turns[there], text)
        return self.leave() if by > 0 else None

    def take(self, turn: Turn, draft: str) -> str:
        """Begins to edit a turn; `draft` is the text that is there now. Returns the new one."""
        if self.edited is None:
            self.draft = draft
        self.edited = turn
        return lines_of(turn.line)

    def leave(self) -> str:
        """Ends the edit; returns the text that was being written before it."""
        draft, self.draft, self.edited = self.draft, "", None
        return draft
