"""What older versions kept in files of their own, taken over once. No textual here.

They wrote `transcript.jsonl`, and for each app that was open a `draft.txt` (the line being written)
and a `pasted.txt` (a text to train on), the further ones with a number in the name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from rnnlm_tui.tui.session.texts import put_text
from rnnlm_tui.tui.session.turns import Continuation, Copied, Turn, add_continuation, add_turn

if TYPE_CHECKING:
    import sqlite3

Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]


class Entry(msgspec.Struct):
    """A line of transcript.jsonl: the user's `line`, or the `text` of a continuation.

    `turn` is the id of the line; without one, it is the number of the line, or the line above.
    """

    line: str | None = None
    text: str | None = None
    model: str = ""
    sampled: bool = False
    turn: str | None = None
    copied: tuple[tuple[Count, Count, Count], ...] = ()


def take_over(connection: sqlite3.Connection, folder: Path) -> list[Path]:
    """Stores what the old files hold; returns the files, which may be deleted then. Raises OSError
    if one cannot be read."""
    taken = [folder / "transcript.jsonl"]
    if taken[0].exists():
        for turn in parse_transcript(taken[0].read_bytes()):
            add_turn(connection, turn)
            for continuation in turn.continuations:
                add_continuation(connection, turn, continuation)
    for table in ("draft", "pasted"):
        texts = sorted(folder.glob(f"{table}*.txt"), key=lambda path: path.stat().st_mtime_ns)
        for path in texts:
            text = path.read_text("utf-8", "replace")
            put_text(connection, table, path.name, text, pid=None)
        taken += texts
    return [*taken, *folder.glob("*.lock")]


def parse_transcript(raw: bytes) -> list[Turn]:
    """The turns of a transcript.jsonl. Lines that make no sense are left out."""
    decoder = msgspec.json.Decoder(Entry)
    turns: list[Turn] = []
    by_id: dict[str, Turn] = {}
    for line in raw.decode("utf-8", "replace").split("\n"):
        try:
            entry = decoder.decode(line)
        except (msgspec.MsgspecError, RecursionError):
            continue
        if entry.line is not None:
            turn = Turn(entry.line)
            by_id[str(len(turns)) if entry.turn is None else entry.turn] = turn
            turns.append(turn)
        elif entry.text is not None:
            above = turns[-1] if entry.turn is None and turns else by_id.get(entry.turn or "")
            if above is not None:
                copied = tuple(Copied(*span) for span in entry.copied)
                continuation = Continuation(entry.text, entry.model, entry.sampled, copied)
                above.continuations.append(continuation)
    return turns
