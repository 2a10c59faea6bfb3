"""Reads the files in which older versions stored what was typed. Does not import textual.

They are `transcript.jsonl` and, for each app that was open, a `draft.txt` (the line being written)
and a `pasted.txt` (a text to train on). Those of further apps have a number in the name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from rnnlm_tui.tui.session.tables import Continuation, Copied, Turn

Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]


class OldEntry(msgspec.Struct):
    """A line of transcript.jsonl: the user's `line`, or the `text` of a continuation.

    `turn` is the id of the user's line. If it is None, the id of a line is its number, and a
    continuation belongs to the line above it.
    """

    line: str | None = None
    text: str | None = None
    model: str = ""
    sampled: bool = False
    turn: str | None = None
    copied: tuple[tuple[Count, Count, Count], ...] = ()


def paths(folder: Path) -> Iterator[Path]:
    """Yields the files of older versions in the session folder, and their locks."""
    for pattern in ("transcript.jsonl", "draft*.txt", "pasted*.txt", "*.lock"):
        yield from folder.glob(pattern)


def turns(folder: Path) -> list[Turn]:
    """Returns the turns of the transcript. Raises OSError."""
    path = folder / "transcript.jsonl"
    return parse_transcript(path.read_bytes()) if path.exists() else []


def texts(folder: Path, stem: str) -> Iterator[tuple[str, str]]:
    """Yields name and text of the files that begin with `stem`, the newest last. Raises OSError."""
    for path in sorted(folder.glob(f"{stem}*.txt"), key=lambda path: path.stat().st_mtime_ns):
        yield path.name, path.read_text("utf-8", "replace")


def parse_transcript(raw: bytes) -> list[Turn]:
    """Parses a transcript.jsonl. Invalid lines are skipped."""
    decoder = msgspec.json.Decoder(OldEntry)
    parsed: list[Turn] = []
    by_id: dict[str, Turn] = {}
    for line in raw.decode("utf-8", "replace").split("\n"):
        try:
            entry = decoder.decode(line)
        except (msgspec.MsgspecError, RecursionError):
            continue
        if entry.line is not None:
            turn = Turn(entry.line)
            by_id[str(len(parsed)) if entry.turn is None else entry.turn] = turn
            parsed.append(turn)
        elif entry.text is not None:
            above = parsed[-1] if entry.turn is None and parsed else by_id.get(entry.turn or "")
            if above is not None:
                copied = tuple(Copied(*span) for span in entry.copied)
                continuation = Continuation(entry.text, entry.model, entry.sampled, copied)
                above.continuations.append(continuation)
    return parsed
