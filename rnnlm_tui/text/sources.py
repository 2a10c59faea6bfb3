"""Files as one text, read and decoded in pieces, as often as needed."""

from __future__ import annotations

import codecs
import io
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import IncrementalNewlineDecoder
from pathlib import Path
from typing import BinaryIO

from rnnlm_tui.errors import CorpusError, Sentence, UsageError, os_reason

BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
PIECE = 1 << 20
"""Bytes decoded at once."""
LONGEST_SHOWN = 40
"""Characters of an invalid name in a message."""


def codec_name(encoding: str) -> str:
    """Python's name of a text encoding, such as iso8859-1 for latin-1. Raises UsageError if there
    is no such encoding."""
    try:
        "".encode(encoding)  # refuses codecs that are not for text, such as hex
        return codecs.lookup(encoding).name
    except (LookupError, ValueError) as error:  # ValueError: no name has a NUL or a lone surrogate
        raise UsageError(
            f"no text encoding is called {encoding[:LONGEST_SHOWN]!r}",
            "name another, such as utf-8, latin-1 or cp1252",
        ) from error


def codec_of(raw: bytes, encoding: str | None = None) -> str:
    """The encoding of a text that begins with these bytes: that of its byte order mark, or the
    given one, or UTF-8."""
    return next((name for bom, name in BOMS if raw.startswith(bom)), encoding or "utf-8")


def kind_of(path: Path) -> int | None:
    """The kind of a file, such as `stat.S_IFREG`; None if there is none or it cannot be seen."""
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except (OSError, ValueError):
        return None


def is_pipe(path: Path) -> bool:
    return kind_of(path) == stat.S_IFIFO


def check_names(paths: Iterable[str], encoding: str | None) -> None:
    """Raises UsageError if no file can have one of these paths, or if there is no such encoding.

    A path has no NUL, and no lone surrogates but those for bytes that are not UTF-8.
    """
    if encoding is not None:
        codec_name(encoding)
    for path in paths:
        if not _is_path(path):
            raise UsageError(f"no file can have the name {path[:LONGEST_SHOWN]!r}")


def _is_path(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


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
        with self.open() as file:
            before = None if isinstance(self.content, bytes) else os.fstat(file.fileno())
            for piece in _decode(file, self.label, encoding):
                yield piece, file.tell()
            if before is not None:
                after = os.fstat(file.fileno())
                if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                    raise changed_error(self.label)

    def open(self) -> BinaryIO:
        """Opens the file. Raises CorpusError."""
        if isinstance(self.content, bytes):
            return io.BytesIO(self.content)
        try:
            return self.content.open("rb")
        except OSError as error:
            is_folder = kind_of(self.content) == stat.S_IFDIR
            hint = "give a file, or several" if is_folder else ""
            raise CorpusError(f"cannot read {self.label}: {os_reason(error)}", hint) from error
        except ValueError as error:  # a NUL or a lone surrogate
            raise CorpusError(f"cannot read {self.label}: no file can have this name") from error


def changed_error(label: str) -> CorpusError:
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
        return " and ".join(source.label for source in self.each)

    @property
    def size(self) -> int:
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


def _decode(file: BinaryIO, label: str, encoding: str | None) -> Iterator[str]:
    """Yields the text of a file in pieces, with newlines as line ends.

    A byte order mark goes before the `encoding`; without both the text is UTF-8. Raises
    CorpusError, naming the file `label`, if it cannot be read or is not text; UsageError if there
    is no such encoding.
    """
    raw = _read(file, label)
    codec = codec_of(raw, encoding)
    if codec_name(codec) in ("utf-8", "utf-8-sig"):
        raw, codec = raw.removeprefix(codecs.BOM_UTF8), "utf-8"
    decoder = codecs.getincrementaldecoder(codec)()
    newlines, place = IncrementalNewlineDecoder(None, translate=True), 0
    while True:
        if codec == "utf-8" and (zero := raw.find(b"\0")) >= 0:
            raise CorpusError(
                f"{label} is not text: it holds a zero byte at byte {place + zero}",
                "give a plain text file",
            )
        begin = place - len(decoder.getstate()[0])
        try:
            text = decoder.decode(raw, final=not raw)
            if codec != "utf-8":
                text.encode()  # the escapes of UTF-7 and others can spell lone surrogates
        except UnicodeError as error:
            where = ""
            if isinstance(error, UnicodeDecodeError):
                where = f" at byte {begin + error.start}"
            raise CorpusError(
                f"{label} is not valid {codec}{where}",
                Sentence("name its encoding, such as {encoding} latin-1"),
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
