"""Reads files, and those in folders, as one text, whose lines can be read as often as needed."""

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
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

from rnnlm_tui.errors import CorpusError, UsageError, os_reason
from rnnlm_tui.formatting import plural
from rnnlm_tui.paths import bundled_corpus

STANDARD_INPUT = "-"
FOLDER_ENDINGS = (".txt", ".md")
"""The endings of the files that are read of a folder, in small letters or capitals."""
NAMED_FILES = 10
"""The most files of a folder that are told by name."""
REPORTED_EACH = 1 << 20
"""The progress is reported after so many bytes of a file."""
BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
HEAD = 1 << 16
"""Bytes whose zero bytes show that a file is no text, before its first bad byte does."""
WRAPPED_FRACTION = 0.8
"""Least share of line breaks within paragraphs explained by the width, for a text to count as
wrapped. Measured: 1.0 in three books wrapped at 72, 0.05 in the same books with a line per
paragraph, 0.29 in the sonnets."""
FEWEST_BREAKS = 10
SENTENCE_ENDS = (".", "!", "?", "…", ":")
NARROWEST, WIDEST = 40, 160
"""Columns at which texts are wrapped."""
FULL = 0.95
"""The width is that of the longest lines but a twentieth."""
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
"""The characters of scripts without spaces: Thai, Lao, Burmese, Khmer, Japanese and Chinese."""
FEWEST_UNSPACED = 10
WITHOUT_SPACES = "words are found by spaces, so it helps little in Chinese, Japanese or Thai"
Report = Callable[[str, int, int], None]
"""Is told the name of a pass over a text, how much of it is done, and how much there is."""


def no_report(phase: str, done: int, of: int) -> None:
    """Shows nothing."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text, iterable over its lines, without line ends, as often as one likes.

    `sources` are the absolute paths of its files and folders, "-" for standard input and pipes.
    `sha256` is the hash of the decoded text with newlines as line ends. `words` are counted as a
    person does, `lines` are those with words. `raw` is the text in UTF-8: 6 bytes a word, where a
    list of lines takes twice as much. `files` says which files of a folder were read, `note` what a
    line is, and why, if there is anything to say.
    """

    name: str
    sources: tuple[str, ...]
    sha256: str
    words: int
    lines: int
    raw: bytes = field(repr=False)
    files: str = ""
    note: str = ""

    def __iter__(self) -> Iterator[str]:
        lines = io.TextIOWrapper(io.BytesIO(self.raw), "utf-8", newline="\n")
        return (line.removesuffix("\n") for line in lines)


def read_text(
    sources: Sequence[str | Path],
    encoding: str | None = None,
    report: Report = no_report,
) -> Text:
    """Reads files, folders, or `-` for standard input, as one text, in which a file begins a new
    paragraph; the sonnets that ship if nothing is named. A file that is named twice is read once.

    `encoding` None means UTF-8, or UTF-16 or UTF-32 if there is a byte order mark. Raises
    CorpusError for a file that cannot be read or is not text, and for a folder without texts.
    """
    if "" in sources:  # it would be the current folder
        raise CorpusError("the name of a text is empty", "give a file, or several")
    raw, words, lines, line = io.BytesIO(), 0, 0, "\n"
    once = {path.absolute(): path for path in map(Path, sources or [bundled_corpus()])}
    found = [*map(_find, once.values())]
    for path in {path.absolute(): path for source in found for path in source.paths}.values():
        label = "standard input" if str(path) == STANDARD_INPUT else f"the corpus {path}"
        with _opened(path, label) as file:
            size, reported = file.seek(0, io.SEEK_END), 0
            gap = b"\n" * (not line.endswith("\n")) + b"\n" * (not line.isspace())
            for line in decoded_lines(file, label, encoding):
                raw.write(gap + line.encode(errors="replace"))  # lone surrogates of UTF-7
                gap = b""
                words += count_words(line)
                lines += not line.isspace()
                if file.tell() >= reported + REPORTED_EACH:
                    reported = file.tell()
                    report("reading text", reported, size)
    name = found[0].name + (f" and {len(found) - 1} more" if len(found) > 1 else "")
    places = tuple(source.place for source in found)
    digest = hashlib.sha256(raw.getbuffer()).hexdigest()
    files = "; ".join(source.note for source in found if source.note)
    return Text(name, places, digest, words, lines, raw.getvalue(), files)


class _Source(NamedTuple):
    """What a text is read from: its name and its place, as in `Text`, the files to open, and which
    they are, for a folder."""

    name: str
    place: str
    paths: Sequence[Path]
    note: str = ""


def _find(path: Path) -> _Source:
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
    """The .txt and .md files in a folder and the folders in it, sorted by path, but for hidden ones
    and those in hidden folders; and a note that tells which they are and how many others there are.
    Raises CorpusError if there are none, or a folder cannot be read."""

    def fail(error: OSError) -> None:
        raise CorpusError(f"cannot read the folder {error.filename}: {os_reason(error)}") from error

    found, hidden, others = list[Path](), 0, 0
    for place, folders, files in os.walk(folder, onerror=fail):
        visible = [name for name in folders if not name.startswith(".")]
        hidden += len(folders) - len(visible)
        folders[:] = visible
        for path in map(Path(place).joinpath, files):
            if path.name.startswith("."):
                hidden += 1
            elif path.suffix.lower() in FOLDER_ENDINGS and path.is_file():
                found.append(path)
            else:
                others += 1
    left_out = [f"{hidden:,} hidden"] * (hidden > 0) + [f"{others:,} other"] * (others > 0)
    note = f"left out: {' and '.join(left_out)}" if left_out else ""
    if not found:
        raise CorpusError(
            f"the folder {folder} holds no .txt or .md files{f' ({note})' if note else ''}",
            "name a folder that holds some, or files with other endings one by one",
        )
    found.sort()
    first = ", ".join(path.relative_to(folder).as_posix() for path in found[:NAMED_FILES])
    more = f" and {len(found) - NAMED_FILES:,} more" if len(found) > NAMED_FILES else ""
    return found, "; ".join(filter(None, [f"read in this order: {first}{more}", note]))


def arranged(text: Text, how: str) -> Text:
    """The text with the lines that the setting `lines` asks for: one line per paragraph for
    `paragraphs`, and for `auto` if the text is wrapped; else as it is. Empty lines separate
    paragraphs and are kept."""
    if how == "each" or (how == "auto" and not is_wrapped(text)):
        why = "a line is a line of the file (no wrapped paragraphs)" if how == "auto" else ""
        return replace(text, note=why)
    raw = b"".join(line.encode() + b"\n" for line in paragraphs(text))
    joined = replace(text, raw=raw, lines=sum(map(bool, paragraphs(text))))
    why = "asked for" if how == "paragraphs" else "the text is wrapped"
    sizes = f"{plural(text.lines, 'line')} are {plural(joined.lines, 'paragraph')}"
    note = f"a line is a paragraph ({why}): {sizes}"
    return replace(joined, note=note)


def paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """The lines of each paragraph joined to one. Empty lines are kept, so joining twice changes
    nothing."""
    paragraph = list[str]()
    for line in lines:
        if words := line.split():
            paragraph += words
            continue
        if paragraph:
            yield " ".join(paragraph)
            paragraph = []
        yield ""
    if paragraph:
        yield " ".join(paragraph)


def is_wrapped(lines: Iterable[str]) -> bool:
    """Whether most lines within paragraphs end where the first word of the next one would not
    fit, and not with a sentence, as in a list of sentences of about the same length."""
    lengths, needed, sentences = Counter[int](), Counter[int](), 0
    for line, following in pairwise(lines):
        if following and not following.isspace() and (length := len(line.rstrip())):
            lengths[length] += 1
            sentences += line.rstrip(" \n\r\t\"'”’)").endswith(SENTENCE_ENDS)
            needed[length + 1 + len(following.split(None, 1)[0])] += 1
    count = lengths.total()
    if count < FEWEST_BREAKS or sentences > count / 2:
        return False
    width, shorter = 0, 0
    for width in sorted(lengths):
        shorter += lengths[width]
        if shorter >= FULL * count:
            break
    longer = sum(each for length, each in needed.items() if length > width - 1)
    return NARROWEST <= width <= WIDEST and longer / count >= WRAPPED_FRACTION


def count_words(text: str) -> int:
    """The number of words as a person counts them: what stands between spaces and dashes and has a
    letter or a digit. In a script without spaces each letter is one."""
    if not text.isascii():
        text = UNSPACED.sub(r" \g<0> ", text.replace("—", " "))
    if "--" in text:
        text = text.replace("--", " ")
    return sum(chunk.isalnum() or any(map(str.isalnum, chunk)) for chunk in text.split())


def lacks_spaces(text: str) -> bool:
    """Whether most letters of a text are of scripts without spaces, and some are."""
    unspaced = len(UNSPACED.findall(text))
    return unspaced >= FEWEST_UNSPACED and 2 * unspaced > sum(map(str.isalpha, text))


def _opened(path: Path, label: str) -> BinaryIO:
    """The bytes of a file, of a pipe or of standard input."""
    try:
        if str(path) == STANDARD_INPUT:
            stdin = getattr(sys.stdin, "buffer", io.BytesIO())  # a notebook has none
            return io.BytesIO(stdin.read())
        str(path.absolute()).encode()
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
    """Whether it is a folder, and not standard input."""
    try:
        return str(path) != STANDARD_INPUT and path.is_dir()
    except OSError:  # it may not be looked at
        return False


def is_pipe(path: Path) -> bool:
    """Whether it can be read only once, and reading it may block."""
    try:
        return path.is_fifo()
    except OSError:  # it may not be looked at
        return False


def decoded_lines(file: BinaryIO, label: str, encoding: str | None) -> Iterator[str]:
    """Yields the lines of a file, each with its newline.

    A byte order mark goes before the `encoding`; without both the text is UTF-8. Raises CorpusError
    if the file cannot be read or is not text; UsageError if there is no such encoding.
    """
    file.seek(0)
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
