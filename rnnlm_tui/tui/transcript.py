"""What was written and what the models made of it, kept over restarts. No textual here."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnlm_tui.errors import StorageError, reason
from rnnlm_tui.printing import printable

LONGEST = 200
"""Turns that are shown again after a restart; the file is cut to them."""
LARGEST_FILE = 4 << 20


@dataclass(frozen=True, slots=True)
class Continuation:
    """How a model went on with a line. `sampled`: drawn, not the likeliest."""

    text: str
    model: str
    sampled: bool


@dataclass(slots=True, eq=False)
class Turn:
    """A line of the user's and its continuations."""

    line: str
    continuations: list[Continuation] = field(default_factory=list)


class Transcript:
    """The turns, in memory and as JSON lines in a file, each written as it comes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "transcript.jsonl"
        self._draft = folder / "draft.txt"
        self.turns: list[Turn] = []

    def load(self) -> str:
        """Reads what was kept; returns the line that was being written. Raises StorageError for
        files that cannot be read; lines of the transcript that make no sense are left out."""
        try:
            raw = self._path.read_bytes() if self._path.exists() else b""
            draft = self._draft.read_text("utf-8", "replace") if self._draft.exists() else ""
        except OSError as error:
            raise StorageError(f"cannot read {error.filename}: {reason(error)}") from error
        for line in raw.decode("utf-8", "replace").split("\n"):
            with suppress(ValueError, KeyError, TypeError, IndexError, RecursionError):
                self._take(json.loads(line))
        if len(raw) > LARGEST_FILE or len(self.turns) > LONGEST:
            del self.turns[:-LONGEST]
            with suppress(StorageError):  # too long a file harms nobody
                self._write(self._path, "".join(map(_as_lines, self.turns)))
        return draft

    def _take(self, entry: dict[str, Any]) -> None:
        if "line" in entry:
            self.turns.append(Turn(_text(entry["line"])))
        else:
            continuation = Continuation(
                _text(entry["text"]), _text(entry["model"]), bool(entry["sampled"])
            )
            self.turns[-1].continuations.append(continuation)

    def add_line(self, line: str) -> Turn:
        """A line that was sent. It is in `turns` even where StorageError is raised."""
        turn = Turn(line)
        self.turns.append(turn)
        self._append(_json(line=line))
        return turn

    def add_continuation(self, turn: Turn, continuation: Continuation) -> None:
        """What a model made of the turn's line. It is in the turn even where StorageError is
        raised."""
        turn.continuations.append(continuation)
        if self.turns and turn is self.turns[-1]:
            self._append(_continuation_json(continuation))
        elif turn in self.turns:  # late: in the file it belongs to the line before it
            self._write(self._path, "".join(map(_as_lines, self.turns)))

    def keep_draft(self, line: str) -> None:
        """Keeps the line that is being written, so that a crash or a closed terminal does not lose
        it: 0.1 ms. Raises StorageError."""
        self._write(self._draft, line)

    def clear(self) -> None:
        """Forgets all turns. Raises StorageError."""
        self.turns.clear()
        self._write(self._path, "")

    def as_text(self) -> str:
        """The transcript for a person: each line, and below it how the models went on."""
        return "".join(
            f"{printable(line)}\n"
            for turn in self.turns
            for line in (turn.line, *(f"    {c.text}" for c in turn.continuations))
        )

    def _append(self, line: str) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8", errors="replace", newline="\n") as file:
                file.write(line)
        except OSError as error:
            raise self._not_saved(error) from error

    def _write(self, path: Path, text: str) -> None:
        """Puts the file in place in one piece. It is not flushed to the disk, which takes tens of
        milliseconds: it survives this program's end, though not the machine's."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(text, encoding="utf-8", errors="replace", newline="\n")
            temporary.replace(path)
        except OSError as error:
            raise self._not_saved(error) from error

    def _not_saved(self, error: OSError) -> StorageError:
        """The same words for all files, so that the user is told once."""
        return StorageError(
            f"could not save what you write in {self._path.parent}: {reason(error)}",
            "you can go on, but it will be lost at the end",
        )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _json(**entry: object) -> str:
    return json.dumps(entry, ensure_ascii=False) + "\n"


def _continuation_json(continuation: Continuation) -> str:
    return _json(text=continuation.text, model=continuation.model, sampled=continuation.sampled)


def _as_lines(turn: Turn) -> str:
    continuations: Iterable[str] = map(_continuation_json, turn.continuations)
    return _json(line=turn.line) + "".join(continuations)
