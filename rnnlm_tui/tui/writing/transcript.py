"""What was written and what the models made of it, kept over restarts. No textual here.

Several apps may share a folder. Each adds its entries at the end of the one transcript, under a
lock, and a continuation names its turn by an id, so that it may come late and other apps' lines may
stand between. An app takes turns out under the same lock, from the file as it stands then. What it
has not seen itself it never takes out, but for the oldest turns of a file that has become too long.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnlm_tui.errors import StorageError, os_reason
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.session.draft_files import DraftFiles
from rnnlm_tui.tui.session.text_files import make_private, put_in_place

LONGEST = 200
"""Turns that are shown again after a restart; the file is cut to them."""
LARGEST_FILE = 4 << 20
PATIENCE_S = 0.5
"""Another app has the lock for less than a millisecond at a time."""


@dataclass(frozen=True, slots=True)
class Copied:
    """The words from `start` on, `length` of them, stand so in the text that the model was trained
    on: first in the line with this number, from 1."""

    start: int
    length: int
    line_number: int


@dataclass(frozen=True, slots=True)
class Continuation:
    """How a model went on with a line. `sampled`: drawn, not the likeliest. `copied`: which of its
    words, counted from 0, stand in a row in the text that the model was trained on."""

    text: str
    model: str
    sampled: bool
    copied: tuple[Copied, ...] = ()


@dataclass(slots=True, eq=False)
class Turn:
    """A line of the user's and its continuations. No other turn has its `id`."""

    line: str
    continuations: list[Continuation] = field(default_factory=list)
    id: str = field(default_factory=lambda: os.urandom(8).hex())


class Transcript:
    """The turns, in memory and as JSON lines in a file, each written as it comes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "transcript.jsonl"
        self._drafts = DraftFiles(folder)
        self._seen: set[str] = set()
        self.turns: list[Turn] = []

    def load(self) -> str:
        """Reads what was kept; returns the line that was being written last. Raises StorageError
        for a file that cannot be read; lines of the transcript that make no sense are left out.

        Lines that were being written in other apps, which are gone too, become turns.
        """
        try:
            raw = self._read()
        except OSError as error:
            raise StorageError(f"cannot read {error.filename}: {os_reason(error)}") from error
        turns = _parsed(raw)
        self._seen.update(turn.id for turn in turns)
        self.turns = turns[-LONGEST:]
        if len(raw) > LARGEST_FILE or len(turns) > LONGEST:
            with suppress(StorageError):  # too long a file harms nobody
                self._rewrite(lambda turns: turns[-LONGEST:])
        return self._adopted()

    def _adopted(self) -> str:
        """The newest of the lines that were left, or none; the others are turns now."""
        left = self._drafts.left()
        for path, line in left[:-1]:
            with suppress(StorageError, OSError):  # then it is there at the next start again
                self.add_line(line)
                self._drafts.discard(path)
        if not left:
            return ""
        path, line = left[-1]
        self._drafts.adopt(path)
        return line

    def _read(self) -> bytes:
        return self._path.read_bytes() if self._path.exists() else b""

    def add_line(self, line: str) -> Turn:
        """A line that was sent. It is in `turns` even where StorageError is raised."""
        turn = Turn(line)
        self._seen.add(turn.id)
        self.turns.append(turn)
        self._append(_line_json(turn))
        return turn

    def add_continuation(self, turn: Turn, continuation: Continuation) -> None:
        """What a model made of the turn's line. It is in the turn even where StorageError is
        raised."""
        turn.continuations.append(continuation)
        if turn in self.turns:
            self._append(_continuation_json(turn, continuation))

    def keep_draft(self, line: str) -> None:
        """Keeps the line that is being written, so that a crash or a closed terminal does not lose
        it: 0.1 ms. Raises StorageError."""
        with self._saving():
            self._drafts.keep(line)

    def clear(self) -> None:
        """Forgets all turns; those that another app has added meanwhile stay in the file. Raises
        StorageError."""
        self.turns.clear()
        self._rewrite(lambda turns: [turn for turn in turns if turn.id not in self._seen])

    def as_text(self) -> str:
        """The transcript for a person: each line, and below it how the models went on."""
        return "".join(
            f"{sanitize(line)}\n"
            for turn in self.turns
            for line in (turn.line, *(f"    {c.text}" for c in turn.continuations))
        )

    def export(self, path: Path) -> None:
        """Writes `as_text` into a new file, all of it or nothing. Raises StorageError, for a file
        that is there already too."""
        if os.path.lexists(path):
            raise StorageError(f"{path} is there already", "name another file")
        try:
            put_in_place(path, self.as_text())
        except OSError as error:
            raise StorageError(f"could not write {path}: {os_reason(error)}") from error

    def _append(self, entry: str) -> None:
        with self._locked(), self._path.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read() != b"\n":  # the end of an entry that was cut off by a full disk
                    entry = "\n" + entry
            file.write(entry.encode("utf-8", "replace"))

    def _rewrite(self, change: Callable[[list[Turn]], list[Turn]]) -> None:
        with self._locked():
            put_in_place(self._path, "".join(map(_as_lines, change(_parsed(self._read())))))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeps other apps off the transcript. Raises StorageError, for what goes wrong within
        too."""
        from filelock import FileLock  # 11 ms, which the first picture need not wait for

        with self._saving():
            make_private(self._path.parent)
            lock = FileLock(self._path.with_suffix(".lock"), PATIENCE_S)
            with lock.acquire(poll_interval=0.005):
                yield

    @contextmanager
    def _saving(self) -> Iterator[None]:
        """The same words for all that goes wrong, so that the user is told once."""
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"could not save what you write in {self._path.parent}: {os_reason(error)}",
                "you can go on, but it will be lost at the end",
            ) from error


def _parsed(raw: bytes) -> list[Turn]:
    """The turns of a file, and of lines that make no sense none."""
    turns: dict[str, Turn] = {}
    for line in raw.decode("utf-8", "replace").split("\n"):
        with suppress(ValueError, KeyError, TypeError, IndexError, RecursionError):
            _take(turns, json.loads(line))
    return list(turns.values())


def _take(turns: dict[str, Turn], entry: dict[str, Any]) -> None:
    """Adds an entry of the file to its turns. Raises TypeError or LookupError for nonsense."""
    if not isinstance(entry, dict):
        raise TypeError("not an entry")
    if "line" in entry:
        # A line without an id is known by its place, which stays: whoever changes it writes ids.
        id_ = _text(entry.get("turn", str(len(turns))))
        while id_ in turns:
            id_ += "+"
        turns[id_] = Turn(_text(entry["line"]), id=id_)
        return
    turn = turns[_text(entry["turn"])] if "turn" in entry else list(turns.values())[-1]
    texts = _text(entry["text"]), _text(entry["model"])
    copied = tuple(Copied(*map(_count, span)) for span in entry.get("copied", ()))
    turn.continuations.append(Continuation(*texts, bool(entry["sampled"]), copied))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 31:
        raise TypeError("not a count")
    return value


def _json(**entry: object) -> str:
    return json.dumps(entry, ensure_ascii=False) + "\n"


def _line_json(turn: Turn) -> str:
    return _json(line=turn.line, turn=turn.id)


def _continuation_json(turn: Turn, continuation: Continuation) -> str:
    spans = [[span.start, span.length, span.line_number] for span in continuation.copied]
    return _json(
        text=continuation.text,
        model=continuation.model,
        sampled=continuation.sampled,
        turn=turn.id,
        **({"copied": spans} if spans else {}),
    )


def _as_lines(turn: Turn) -> str:
    return _line_json(turn) + "".join(_continuation_json(turn, c) for c in turn.continuations)
