"""Files as one text, read piece by piece as often as it is needed."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rnnlm_tui.errors import CorpusError, os_reason
from rnnlm_tui.text.decoding import decoded


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a text, or the bytes of one that can be read once. `label` is what messages call
    it."""

    label: str
    content: Path | bytes

    @property
    def size(self) -> int:
        """Its bytes; 0 if it is not there."""
        if isinstance(self.content, bytes):
            return len(self.content)
        try:
            return self.content.stat().st_size
        except OSError:
            return 0

    def text(self, encoding: str | None) -> Iterator[tuple[str, int]]:
        """Its text in pieces, each with the bytes read by then. Raises CorpusError, also if it was
        written to meanwhile."""
        with self._open() as file:
            before = None if isinstance(self.content, bytes) else os.fstat(file.fileno())
            for piece in decoded(file, self.label, encoding):
                yield piece, file.tell()
            if before is not None:
                after = os.fstat(file.fileno())
                if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                    raise changed_error(self.label)

    def _open(self) -> BinaryIO:
        if isinstance(self.content, bytes):
            return io.BytesIO(self.content)
        try:
            return self.content.open("rb")
        except OSError as error:
            hint = "give a file, or several" if self.content.is_dir() else ""
            raise CorpusError(f"cannot read {self.label}: {os_reason(error)}", hint) from error


def changed_error(label: str) -> CorpusError:
    """The error for a text that is not the same any more."""
    return CorpusError(
        f"{label} has changed while it was read",
        "wait until nobody writes to it, or give a copy of it",
    )


@dataclass(frozen=True, slots=True)
class Sources:
    """Files that are one text, each beginning with a new line."""

    each: Sequence[Source]
    encoding: str | None = None

    @property
    def label(self) -> str:
        """What messages call the text."""
        return " and ".join(source.label for source in self.each)

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(source.size for source in self.each)

    def text(self) -> Iterator[tuple[str, int]]:
        """The text in pieces, each with the bytes read by then. Raises CorpusError."""
        before = 0
        for number, source in enumerate(self.each, start=1):
            end, done = "", 0
            for piece, done in source.text(self.encoding):
                end = piece[-1:] or end
                yield piece, before + done
            before += done
            if number < len(self.each) and end != "\n":
                yield "\n", before
