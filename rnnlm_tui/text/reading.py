"""Reads files as one text, whose lines can be read as often as needed and are never all held."""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import shutil
import stat
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from rnnlm_tui.errors import CorpusError, UsageError, os_reason
from rnnlm_tui.text.paragraphs import Paragraphs, is_wrapped
from rnnlm_tui.text.words import count_words

STANDARD_INPUT = "-"
READING = "reading text"
SMALL = 16 << 20
"""Bytes of the largest text whose lines are held, so that the file may change while it is learned.
A larger one is read from its files each time."""
HEAD = 1 << 16
"""Bytes whose zero bytes show that a file is no text, before a line of it is held."""
REPORTED_EACH = 1 << 20
"""The progress is reported after so many characters."""
BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
Report = Callable[[str, int, int], None]
"""Is told the name of a pass over a text, how much of it is done, and how much there is."""


def no_report(phase: str, done: int, of: int) -> None:
    """Shows nothing."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text, iterable over its lines, without line ends, as often as one likes.

    `sources` are the absolute paths of its files, "-" for standard input and pipes. `sha256` is the
    hash of the decoded text with newlines as line ends. `words` are counted as a person does,
    `lines` are those with words. `note` says what a line is, and why, if there is anything to say.
    """

    name: str
    sources: tuple[str, ...]
    sha256: str
    words: int
    lines: int
    each: Iterable[str] = field(repr=False)
    note: str = ""

    def __iter__(self) -> Iterator[str]:
        """Raises CorpusError if a file has changed since it was first read."""
        return iter(self.each)


def read_text(
    sources: Sequence[str | Path],
    encoding: str | None = None,
    stdin: BinaryIO | None = None,
    report: Report = no_report,
) -> Text:
    """Reads files, or `-` for standard input, which is empty if not given, as one text.

    `encoding` None means UTF-8, or UTF-16 or UTF-32 if there is a byte order mark. What can be read
    only once is copied to a temporary file, which is removed when the text is gone. Raises
    CorpusError for a file that cannot be read or is not text.
    """
    each = list[_File]()
    for path in map(Path, sources):
        label = f"the corpus {path}"
        if str(path) == STANDARD_INPUT:
            each.append(_spooled(stdin or io.BytesIO(), "stdin", "standard input"))
        elif is_pipe(path):
            with _opened(path, label) as pipe:
                each.append(_spooled(pipe, "pipe", label))
        else:
            each.append(_file_at(path, path.name, str(path.absolute()), label))
    more = f" and {len(each) - 1} more" if len(each) > 1 else ""
    files, digest, words, written = _Files(tuple(each), encoding), hashlib.sha256(), 0, 0
    held = list[str]() if files.size <= SMALL else None
    for with_end in files.read(report):
        digest.update(with_end.encode())
        line = with_end.removesuffix("\n")
        words += count_words(line)
        written += bool(line) and not line.isspace()
        if held is not None:
            held.append(line)
    lines = files if held is None else tuple(held)
    absolute = tuple(file.source for file in each)
    return Text(each[0].name + more, absolute, digest.hexdigest(), words, written, lines)


def arranged(text: Text, how: str) -> Text:
    """The text with the lines that the setting `lines` asks for: one line per paragraph for
    `paragraphs`, and for `auto` if the text is wrapped; else as it is. Empty lines separate
    paragraphs and are kept."""
    if how == "each" or (how == "auto" and not is_wrapped(text)):
        why = "a line is a line of the file (no wrapped paragraphs)" if how == "auto" else ""
        return replace(text, note=why)
    paragraphs = Paragraphs(text.each)
    count = sum(map(bool, paragraphs))
    why = "asked for" if how == "paragraphs" else "the text is wrapped"
    note = f"a line is a paragraph ({why}): {text.lines:,} lines are {count:,} paragraphs"
    each = tuple(paragraphs) if isinstance(text.each, tuple) else paragraphs
    return replace(text, each=each, lines=count, note=note)


@dataclass(frozen=True)
class _File:
    """A file to read again. `source` is its absolute path, or "-" if it is a copy of what can be
    read only once, `label` names it in messages, and `stamp` is its size and the time of its last
    change."""

    name: str
    source: str
    label: str
    path: Path
    stamp: tuple[int, int]


@dataclass(frozen=True)
class _Files:
    """The lines of files that form one text, in which each begins on a new line."""

    each: tuple[_File, ...]
    encoding: str | None

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.stamp[0] for file in self.each)

    def __iter__(self) -> Iterator[str]:
        return (line.removesuffix("\n") for line in self.read(no_report))

    def read(self, report: Report) -> Iterator[str]:
        """Yields the lines with their newlines. Raises CorpusError."""
        before, characters = 0, 0
        for number, source in enumerate(self.each, start=1):
            with _opened(source.path, source.label) as file:
                for line in decoded_lines(file, source.label, self.encoding):
                    is_whole = line.endswith("\n") or number == len(self.each)
                    yield line if is_whole else f"{line}\n"
                    characters += len(line)
                    if characters >= REPORTED_EACH:
                        characters = 0
                        report(READING, before + file.tell(), max(1, self.size))
                if _stamp(os.fstat(file.fileno())) != source.stamp:
                    raise CorpusError(
                        f"{source.label} has changed while it was read",
                        "wait until it is no longer written to, or give a copy of it",
                    )
            before += source.stamp[0]


def _file_at(path: Path, name: str, source: str, label: str) -> _File:
    """Raises CorpusError if there is no file, or only a device, which may never end."""
    with _opened(path, label) as file:
        facts = os.fstat(file.fileno())
    if not stat.S_ISREG(facts.st_mode):
        why = f"cannot read {label}: it is neither a file nor a pipe"
        raise CorpusError(why, "put the text into a file first")
    return _File(name, source, label, path, _stamp(facts))


def _stamp(facts: os.stat_result) -> tuple[int, int]:
    return facts.st_size, facts.st_mtime_ns


def _opened(path: Path, label: str) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        hint = "give a file, or several" if kind_of(path) == stat.S_IFDIR else ""
        raise CorpusError(f"cannot read {label}: {os_reason(error)}", hint) from error
    except ValueError as error:  # a NUL or a lone surrogate
        raise CorpusError(f"cannot read {label}: no file can have this name") from error


def _spooled(file: BinaryIO, name: str, label: str) -> _File:
    """Copies a text that can be read only once to a temporary file."""
    try:
        with tempfile.NamedTemporaryFile(prefix="text-", suffix=".tmp", delete=False) as copy:
            path = Path(copy.name)
            shutil.copyfileobj(file, copy)
    except OSError as error:
        raise CorpusError(f"cannot read {label}: {os_reason(error)}") from error
    spooled = _file_at(path, name, STANDARD_INPUT, label)
    weakref.finalize(spooled, path.unlink, missing_ok=True)
    return spooled


def decoded_lines(file: BinaryIO, label: str, encoding: str | None) -> Iterator[str]:
    """Yields the lines of a file, each with its newline.

    A byte order mark goes before the `encoding`; without both the text is UTF-8. Raises CorpusError
    if the file cannot be read or is not text; UsageError if there is no such encoding.
    """
    head = file.read(HEAD)
    file.seek(0)
    codec = codec_of(head, encoding)
    refusal = CorpusError(f"{label} is not text: it holds a zero byte", "give a plain text file")
    try:
        text = io.TextIOWrapper(file, codec)
    except LookupError as error:
        raise UsageError(
            f"no text encoding is called {codec}",
            "name another, such as utf-8, latin-1 or cp1252",
        ) from error
    try:
        if "\0" in head.decode(codec, "ignore"):
            raise refusal
        for line in text:
            if "\0" in line:
                raise refusal
            yield line
    except OSError as error:
        raise CorpusError(f"cannot read {label}: {os_reason(error)}") from error
    except UnicodeError as error:
        where = ""
        if isinstance(error, UnicodeDecodeError):  # its object is the last of what was read
            where = f" at byte {file.tell() - len(error.object) + error.start}"
        raise CorpusError(
            f"{label} is not valid {codec.removesuffix('-sig')}{where}",
            "name its encoding, such as {encoding} latin-1",
        ) from error
    finally:
        text.detach()  # the caller closes the file


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
