"""Reads files, and the files in folders, as one corpus. Its lines can be read repeatedly."""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

from rnnlm_tui.errors import CorpusError, UsageError, os_reason
from rnnlm_tui.formatting import plural
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.text.marks import SENTENCE_ENDS

STANDARD_INPUT = "-"
FOLDER_ENDINGS = (".txt", ".md")
"""The endings of the files of a folder that are read, in small letters or capitals."""
NAMED_FILES = 10
"""The most files of a folder that a note names."""
REPORTED_BYTES = 1 << 20
"""The number of bytes of a file after which the progress is reported again."""
BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CHECKED_BYTES = 1 << 16
"""The number of bytes at the start of a file that are searched for zero bytes before the file is
decoded. The message for a binary file then says that it is not text, and names no invalid byte."""
WRAPPED_FRACTION = 0.8
"""A text counts as wrapped if at this share of its line breaks, or more, the next word would not
fit. The share is 1.0 in three books wrapped at 72 columns, 0.05 in the same books with a line per
paragraph, and 0.29 in the sonnets."""
FEWEST_BREAKS = 10
"""The fewest line breaks from which a text can count as wrapped."""
NOT_WRAPPED_AFTER = (*SENTENCE_ENDS, ":")
"""The ends of lines that may be whole sentences. A text with mostly such lines is not wrapped."""
NARROWEST = 40
"""The smallest width at which texts are wrapped, in columns."""
WIDEST = 160
"""The largest width at which texts are wrapped, in columns."""
WIDTH_QUANTILE = 0.95
"""The share of the lines that are no longer than the width at which a text is wrapped."""
UNSPACED_LETTER = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
"""A letter of a script without spaces: Thai, Lao, Burmese, Khmer, Japanese or Chinese."""
FEWEST_UNSPACED = 10
"""The fewest letters of such scripts in a text that lacks spaces."""
WITHOUT_SPACES = "words are found by spaces, so it helps little in Chinese, Japanese or Thai"
Report = Callable[[str, int, int], None]
"""Takes the name of a pass over a text, how much of it is done, and how much there is."""


def no_report(phase: str, done: int, of: int) -> None:
    """Reports nothing."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """A text. It can be iterated repeatedly, and yields its lines without line ends."""

    name: str
    sources: tuple[str, ...]
    """The absolute paths of its files and folders; "-" for standard input and pipes."""
    sha256: str
    """The hash of the decoded text with newlines as line ends."""
    words: int
    """The number of words as a person counts them."""
    lines: int
    """The number of lines that have words."""
    raw: bytes = field(repr=False)
    """The text in UTF-8. It takes 6 bytes a word; a list of lines would take twice as much."""
    folder_note: str = ""
    """A note on the files of a folder that were read; "" without a folder."""
    lines_note: str = ""
    """A note on what a line is and why; "" if there is nothing to say."""

    def __iter__(self) -> Iterator[str]:
        lines = io.TextIOWrapper(io.BytesIO(self.raw), "utf-8", newline="\n")
        return (line.removesuffix("\n") for line in lines)


def read_corpus(
    sources: Sequence[str | Path],
    encoding: str | None = None,
    report: Report = no_report,
) -> Corpus:
    """Reads files, folders, or `-` for standard input, as one corpus. Without sources it reads the
    sonnets that ship. Each file begins a new paragraph. A file that is named twice is read once. An
    `encoding` of None means UTF-8, or UTF-16 or UTF-32 if there is a byte order mark. Raises
    CorpusError for a file that cannot be read or is not text, and for a folder without texts."""
    if "" in sources:  # it would be the current folder
        raise CorpusError("the name of a text is empty", "give a file, or several")
    raw = io.BytesIO()
    words = lines = 0
    line = "\n"  # the last line that was read, of all files
    named_once = {path.absolute(): path for path in map(Path, sources or [bundled_corpus()])}
    found = [*map(_find, named_once.values())]
    paths = chain.from_iterable(source.paths for source in found)
    for path in {path.absolute(): path for path in paths}.values():  # each file once
        label = "standard input" if str(path) == STANDARD_INPUT else f"the corpus {path}"
        with _open_source(path, label) as file:
            size, reported = file.seek(0, io.SEEK_END), 0
            gap = b"" if line.endswith("\n") else b"\n"  # ends the last line of the previous file
            if not line.isspace():
                gap += b"\n"  # an empty line begins a paragraph
            for line in decoded_lines(file, label, encoding):
                raw.write(gap + line.encode(errors="replace"))  # UTF-7 may hold lone surrogates
                gap = b""
                words += count_words(line)
                lines += not line.isspace()
                if file.tell() >= reported + REPORTED_BYTES:
                    reported = file.tell()
                    report("reading text", reported, size)
    name = found[0].name + (f" and {len(found) - 1} more" if len(found) > 1 else "")
    places = tuple(source.place for source in found)
    digest = hashlib.sha256(raw.getbuffer()).hexdigest()
    folder_note = "; ".join(source.note for source in found if source.note)
    return Corpus(name, places, digest, words, lines, raw.getvalue(), folder_note)


class _Source(NamedTuple):
    """A file, a folder, a pipe or standard input."""

    name: str
    place: str
    """Its absolute path; "-" for standard input and pipes."""
    paths: Sequence[Path]
    """The files to open."""
    note: str = ""
    """A note on these files, for a folder."""


def _find(path: Path) -> _Source:
    """Returns the source at a path. Raises CorpusError as `files_in` does."""
    if str(path) == STANDARD_INPUT:
        return _Source("stdin", STANDARD_INPUT, [path])
    if is_folder(path):
        paths, note = files_in(path)
        name = f"{path.resolve().name}/ ({plural(len(paths), 'file')})"
        return _Source(name, str(path.absolute()), paths, note)
    if is_pipe(path):
        return _Source("pipe", STANDARD_INPUT, [path])
    return _Source(path.name, str(path.absolute()), [path])


def files_in(folder: Path) -> tuple[list[Path], str]:
    """Returns the .txt and .md files in a folder and its subfolders, sorted by path, and a note.
    Hidden ones and linked folders are left out. The note names the first files and counts what is
    left out. Raises CorpusError if there are no files to read, or if a folder cannot be read."""

    def fail(error: OSError) -> None:
        raise CorpusError(f"cannot read the folder {error.filename}: {os_reason(error)}") from error

    found = list[Path]()
    hidden = linked = others = 0
    for place, folders, files in os.walk(folder, onerror=fail):
        visible = [name for name in folders if not name.startswith(".")]
        hidden += len(folders) - len(visible)
        linked += sum(Path(place, name).is_symlink() for name in visible)
        folders[:] = visible
        for path in map(Path(place).joinpath, files):
            if path.name.startswith("."):
                hidden += 1
            elif path.suffix.lower() in FOLDER_ENDINGS and path.is_file():
                found.append(path)
            else:
                others += 1
    counts = (hidden, "hidden"), (linked, "linked"), (others, "other")
    left_out = " and ".join(f"{count:,} {kind}" for count, kind in counts if count)
    note = f"left out: {left_out}" if left_out else ""
    if not found:
        raise CorpusError(
            f"the folder {folder} holds no .txt or .md files{f' ({note})' if note else ''}",
            "name a folder that holds some, or files with other endings one by one",
        )
    found.sort()
    first = ", ".join(path.relative_to(folder).as_posix() for path in found[:NAMED_FILES])
    more = f" and {len(found) - NAMED_FILES:,} more" if len(found) > NAMED_FILES else ""
    return found, "; ".join(filter(None, [f"read in this order: {first}{more}", note]))


def arrange_lines(corpus: Corpus, how: str) -> Corpus:
    """Returns the corpus with its lines arranged. `how` is the value of the setting `lines`. With
    `paragraphs` each paragraph becomes one line, and also with `auto` if the text is wrapped.
    Otherwise the lines stay. Empty lines separate paragraphs and are kept."""
    if how == "each" or (how == "auto" and not is_wrapped(corpus)):
        why = "a line is a line of the file (no wrapped paragraphs)" if how == "auto" else ""
        return replace(corpus, lines_note=why)
    raw = b"".join(line.encode() + b"\n" for line in join_paragraphs(corpus))
    joined = replace(corpus, raw=raw)
    paragraphs = sum(map(bool, joined))
    why = "asked for" if how == "paragraphs" else "the text is wrapped"
    sizes = f"{plural(corpus.lines, 'line')} are {plural(paragraphs, 'paragraph')}"
    note = f"a line is a paragraph ({why}): {sizes}"
    return replace(joined, lines=paragraphs, lines_note=note)


def join_paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """Yields each paragraph as one line. Empty lines are kept, so joining twice changes nothing."""
    paragraph = list[str]()
    for line in lines:
        words = line.split()
        if words:
            paragraph += words
            continue
        if paragraph:
            yield " ".join(paragraph)
            paragraph = []
        yield ""
    if paragraph:
        yield " ".join(paragraph)


def is_wrapped(lines: Iterable[str]) -> bool:
    """Returns True if most lines within paragraphs end where the first word of the next line would
    not fit. If most lines end with a sentence, the text is not wrapped. It may be a list of
    sentences of about the same length."""
    lengths = Counter[int]()
    needed = Counter[int]()
    """The lengths of the lines if each had the first word of the next line, too."""
    sentences = 0
    for line, following in pairwise(lines):
        length = len(line.rstrip())
        if length and following and not following.isspace():
            lengths[length] += 1
            needed[length + 1 + len(following.split(None, 1)[0])] += 1
            sentences += line.rstrip(" \n\r\t\"'”’)").endswith(NOT_WRAPPED_AFTER)
    count = lengths.total()
    if count < FEWEST_BREAKS or sentences > count / 2:
        return False
    width = shorter = 0
    for width in sorted(lengths):
        shorter += lengths[width]
        if shorter >= WIDTH_QUANTILE * count:
            break
    too_long = sum(number for length, number in needed.items() if length >= width)
    return NARROWEST <= width <= WIDEST and too_long / count >= WRAPPED_FRACTION


def count_words(text: str) -> int:
    """Returns the number of words as a person counts them. A word stands between spaces or dashes
    and has a letter or a digit. In a script without spaces each letter is a word."""
    if not text.isascii():
        text = UNSPACED_LETTER.sub(r" \g<0> ", text.replace("—", " "))
    if "--" in text:
        text = text.replace("--", " ")
    return sum(chunk.isalnum() or any(map(str.isalnum, chunk)) for chunk in text.split())


def lacks_spaces(text: str) -> bool:
    """Returns True if most letters, and at least FEWEST_UNSPACED, are of scripts without spaces."""
    unspaced = len(UNSPACED_LETTER.findall(text))
    return unspaced >= FEWEST_UNSPACED and 2 * unspaced > sum(map(str.isalpha, text))


def _open_source(path: Path, label: str) -> BinaryIO:
    """Opens a file, or reads a pipe or standard input. Raises CorpusError."""
    try:
        if str(path) == STANDARD_INPUT:
            stdin = getattr(sys.stdin, "buffer", io.BytesIO())  # a notebook has none
            return io.BytesIO(stdin.read())
        str(path.absolute()).encode()  # raises ValueError for a name that is not UTF-8
        file = path.open("rb")
        if not is_pipe(path):
            return file
        with file:
            return io.BytesIO(file.read())
    except OSError as error:
        raise CorpusError(f"cannot read {label}: {os_reason(error)}") from error
    except ValueError as error:  # a NUL, or a lone surrogate for a byte that is not UTF-8
        why = f"cannot read {label}: its name is not UTF-8"
        raise CorpusError(why, "rename the file, or its folder") from error


def is_folder(path: Path) -> bool:
    """Returns True for a folder. Standard input is not a folder, even if one is named `-`."""
    try:
        return str(path) != STANDARD_INPUT and path.is_dir()
    except OSError:  # no permission to look
        return False


def is_pipe(path: Path) -> bool:
    """Returns True for a pipe, which can be read only once and may block."""
    try:
        return path.is_fifo()
    except OSError:  # no permission to look
        return False


def decoded_lines(file: BinaryIO, label: str, encoding: str | None) -> Iterator[str]:
    """Yields the lines of a file, each with its newline. `codec_of` tells the encoding. Raises
    CorpusError if the file cannot be read or is no text, and UsageError for an unknown encoding."""
    file.seek(0)
    head = file.read(CHECKED_BYTES)
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
        if isinstance(error, UnicodeDecodeError):  # its object is the last part that was read
            where = f" at byte {file.tell() - len(error.object) + error.start}"
        raise CorpusError(
            f"{label} is not valid {codec.removesuffix('-sig')}{where}",
            "name its encoding, such as {encoding} latin-1",
        ) from error
    finally:
        text.detach()  # the caller closes the file


def codec_of(raw: bytes, encoding: str | None = None) -> str:
    """Returns the encoding of a text that begins with the bytes `raw`. A byte order mark tells it.
    Without one it is `encoding`, or UTF-8 if `encoding` is None."""
    return next((name for bom, name in BOMS if raw.startswith(bom)), encoding or "utf-8")
