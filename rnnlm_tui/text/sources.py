"""Files as one text, read and decoded in pieces, as often as needed."""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import IncrementalNewlineDecoder
from pathlib import Path
from typing import BinaryIO

from rnnlm_tui.errors import CorpusError, os_reason

BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
PIECE = 1 << 20
"""Bytes decoded at once."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file, or the contents of one that can be read only once. `label` names it in messages."""

    label: str
    content: Path | bytes

    @property
    def size(self) -> int:
        """The size in bytes; 0 if the file does not exist."""
        if isinstance(self.content, bytes):
            return len(self.content)
        try:
            return self.content.stat().st_size
        except OSError:
            return 0

    def text(self, encoding: str | None) -> Iterator[tuple[str, int]]:
        """Yields the text in pieces, each with the number of bytes read so far. Raises CorpusError,
        also if the file changes while it is read."""
        with self._open() as file:
            before = None if isinstance(self.content, bytes) else os.fstat(file.fileno())
            for piece in _decoded(file, self.label, encoding):
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
    """The error for a text that has changed."""
    return CorpusError(
        f"{label} has changed while it was read",
        "wait until it is no longer written to, or give a copy of it",
    )


@dataclass(frozen=True, slots=True)
class Sources:
    """Files that form one text. Each begins on a new line."""

    each: Sequence[Source]
    encoding: str | None = None

    @property
    def label(self) -> str:
        """The name of the text in messages."""
        return " and ".join(source.label for source in self.each)

    @property
    def size(self) -> int:
        """The size of all files in bytes."""
        return sum(source.size for source in self.each)

    def text(self) -> Iterator[tuple[str, int]]:
        """Yields the text in pieces, each with the number of bytes read so far. Raises
        CorpusError."""
        before = 0
        for number, source in enumerate(self.each, start=1):
            end, done = "", 0
            for piece, done in source.text(self.encoding):
                end = piece[-1:] or end
                yield piece, before + done
            before += done
            if number < len(self.each) and end != "\n":
                yield "\n", before


def _decoded(file: BinaryIO, label: str, encoding: str | None) -> Iterator[str]:
    """Yields the text of a file in pieces, with newlines as line ends.

    `encoding` None means UTF-8, or UTF-16 or UTF-32 if there is a byte order mark. Raises
    CorpusError, naming the file `label`, if it cannot be read or is not text.
    """
    raw = _read(file, label)
    chosen = encoding or next((name for bom, name in BOMS if raw.startswith(bom)), "utf-8")
    if chosen.lower() in ("utf-8", "utf8", "utf-8-sig"):
        raw, chosen = raw.removeprefix(codecs.BOM_UTF8), "utf-8"
    try:
        b"".decode(chosen)  # also refuses codecs that are not for text, such as "hex"
        decoder = codecs.getincrementaldecoder(chosen)()
    except LookupError as error:
        raise CorpusError(f"no encoding is called {chosen!r}", "such as latin-1") from error
    newlines, place = IncrementalNewlineDecoder(None, translate=True), 0
    while True:
        if chosen == "utf-8" and (zero := raw.find(b"\0")) >= 0:
            raise CorpusError(
                f"{label} is not text: it holds a zero byte at byte {place + zero}",
                "give a plain text file",
            )
        begin = place - len(decoder.getstate()[0])
        try:
            text = decoder.decode(raw, final=not raw)
        except UnicodeError as error:
            where = ""
            if isinstance(error, UnicodeDecodeError):
                where = f" at byte {begin + error.start}"
            raise CorpusError(
                f"{label} is not valid {chosen}{where}",
                "name its encoding with --encoding, such as --encoding latin-1",
            ) from error
        yield newlines.decode(text, final=not raw)
        if not raw:
            return
        place += len(raw)
        raw = _read(file, label)


def _read(file: BinaryIO, label: str) -> bytes:
    try:
        return file.read(PIECE)
    except OSError as error:
        raise CorpusError(f"cannot read {label}: {os_reason(error)}") from error
