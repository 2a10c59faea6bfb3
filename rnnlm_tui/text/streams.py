"""Texts larger than memory: read from their files again for each pass, block by block.

A pass sends each block to a worker process and combines the results in order.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeVar

import numpy as np

from rnnlm_tui.errors import StorageError, os_reason
from rnnlm_tui.text.paragraphs import LineBreaks, unwrap
from rnnlm_tui.text.sources import Sources, changed_error
from rnnlm_tui.text.words import count_words

if TYPE_CHECKING:
    from hashlib import _Hash

    from rnnlm_tui.text.workers import Workers

Result = TypeVar("Result")
Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
IN_MEMORY = 16 << 20
"""Characters of the largest text that is kept in memory."""
BLOCK = 4 << 20
"""Characters of a block of a larger text: about a second of work."""
READING = "reading text"
BLANK_LINE = re.compile(r"\n[^\S\n]*\n")


class Lines(Protocol):
    """The lines of a text, in memory or streamed from files."""

    def __iter__(self) -> Iterator[str]: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive lines, split into training lines and held-out lines. `first_train` is the number
    of training lines before the block."""

    train: Sequence[str]
    held_out: Sequence[str] = ()
    first_train: int = 0


class Workspace:
    """Resources for preparing a large text: a folder for its arrays, worker processes, and a
    callback for the progress. Nothing is created before it is needed."""

    def __init__(
        self,
        folder: Path,
        report: Callable[[str, int, int], None] = lambda phase, done, of: None,
        processes: int | None = None,
    ) -> None:
        """`report` gets the name of a pass, the bytes done, and all bytes. `processes` None means
        one per core."""
        self.folder, self.report, self._processes = folder, report, processes
        self.in_memory, self.block = IN_MEMORY, BLOCK
        self._workers: Workers | None = None
        self._spooled = list[Path]()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        if self._workers is not None:
            self._workers.close()
        self._workers = None
        for path in self._spooled:
            path.unlink(missing_ok=True)

    @property
    def workers(self) -> Workers:
        """The worker processes, started at first use."""
        if self._workers is None:
            from rnnlm_tui.text.workers import Workers  # loads multiprocessing: 6 ms

            self._workers = Workers(self._processes)
        return self._workers

    def make_folder(self) -> None:
        """Creates the folder. Raises StorageError."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot make {self.folder}: {os_reason(error)}") from error

    def spool(self, begin: bytes, rest: BinaryIO) -> Path:
        """Copies a text that can be read only once to a temporary file. Raises StorageError."""
        self.make_folder()
        try:
            with tempfile.NamedTemporaryFile(
                dir=self.folder, prefix=".text-", suffix=".tmp", delete=False
            ) as file:
                self._spooled.append(Path(file.name))
                file.write(begin)
                shutil.copyfileobj(rest, file, BLOCK)
        except OSError as error:
            raise StorageError(
                f"cannot keep the text in {self.folder}: {os_reason(error)}",
                "free some space, or name a file",
            ) from error
        return self._spooled[-1]


def text_blocks(sources: Sources, size: int, digest: _Hash) -> Iterator[tuple[str, int]]:
    """Yields the blocks of a text, each with the number of bytes read so far.

    A block has at most `size` characters and ends at a blank line if possible, else at the end of a
    line, else at a space; the newline or space after it is left out. The text is hashed into
    `digest`. Raises CorpusError.
    """
    rest, done = "", 0
    for piece, done in sources.text():
        digest.update(piece.encode("utf-8", "surrogatepass"))
        rest += piece
        while len(rest) > size:
            end, begin = _cut(rest, size)
            yield rest[:end], done
            rest = rest[begin:]
    yield rest, done


def _cut(text: str, size: int) -> tuple[int, int]:
    """Where the first block ends, and where the next one begins."""
    earliest = size * 3 // 4
    if blank_lines := [*BLANK_LINE.finditer(text, earliest, size)]:
        begin = blank_lines[-1].end()
        return begin - 1, begin
    for separator in ("\n", " "):
        if (place := text.rfind(separator, earliest, size)) >= 0:
            return place, place + 1
    return size, size


def written_lines(lines: Lines) -> Mask:
    """Which lines [L] are not blank."""
    if isinstance(lines, StreamedLines):
        return np.concatenate(lines.written)
    return np.fromiter((bool(line) and not line.isspace() for line in lines), np.bool_)


@dataclass(slots=True)
class TextFacts:
    """What the first pass finds: for each block which of its lines are not blank, and which of its
    lines with paragraphs joined; the number of words, and the line breaks."""

    lines: list[Mask] = field(default_factory=list)
    joined_lines: list[Mask] = field(default_factory=list)
    words: int = 0
    breaks: LineBreaks = field(default_factory=LineBreaks)

    @classmethod
    def of(cls, text: str) -> TextFacts:
        lines = text.split("\n")
        paragraphs = [*unwrap(lines)]
        return cls(
            lines=[written_lines(lines)],
            joined_lines=[written_lines(paragraphs)],
            words=sum(map(count_words, paragraphs)),
            breaks=LineBreaks.within(lines),
        )

    def add(self, later: TextFacts) -> None:
        self.lines += later.lines
        self.joined_lines += later.joined_lines
        self.words += later.words
        self.breaks.add(later.breaks)


@dataclass(frozen=True, slots=True)
class StreamedLines:
    """The lines of files that are read again for each pass. `sha256` is the hash of the text. If
    `is_joined`, paragraphs are joined to one line each."""

    sources: Sources
    workspace: Workspace
    facts: TextFacts
    sha256: str
    is_joined: bool = False

    def __len__(self) -> int:
        return sum(map(len, self.written))

    def __iter__(self) -> Iterator[str]:
        for text, _ in self._blocks():
            lines = text.split("\n")
            yield from unwrap(lines) if self.is_joined else lines

    @property
    def written(self) -> list[Mask]:
        """Which lines of each block are not blank."""
        return self.facts.joined_lines if self.is_joined else self.facts.lines

    def map(
        self, task: Callable[[Block], Result], phase: str, held_out: Mask | None = None
    ) -> Iterator[Result]:
        """Yields `task(block)` for all blocks in order, computed by the worker processes.

        `held_out` [L] is the mask of held-out lines. Raises CorpusError if the text has changed
        since the first pass.
        """
        read, size = list[int](), max(1, self.sources.size)
        self.workspace.report(phase, 0, size)
        on_text = partial(_run_on_text, task, self.is_joined)
        results = self.workspace.workers.map(on_text, self._text_blocks(held_out, read))
        for number, result in enumerate(results):
            yield result
            self.workspace.report(phase, read[number], size)

    def _text_blocks(self, held_out: Mask | None, read: list[int]) -> Iterator[_TextBlock]:
        """The blocks for the workers. Appends to `read` the bytes read by the end of each."""
        first = held_before = 0
        for number, (text, done) in enumerate(self._blocks()):
            # A text that has grown has more blocks; its hash is checked at the end.
            lines = sum(map(len, self.written[number : number + 1]))
            mask = None if held_out is None else held_out[first : first + lines]
            read.append(done)
            yield _TextBlock(text, mask, first - held_before)
            first += lines
            held_before += 0 if mask is None else int(mask.sum())

    def _blocks(self) -> Iterator[tuple[str, int]]:
        digest = hashlib.sha256()
        yield from text_blocks(self.sources, self.workspace.block, digest)
        if digest.hexdigest() != self.sha256:
            raise changed_error(self.sources.label)


@dataclass(frozen=True, slots=True)
class _TextBlock:
    """A block for a worker, not split into lines yet. `held_out` is the mask of its lines."""

    text: str
    held_out: Mask | None
    first_train: int


def _run_on_text(task: Callable[[Block], Result], is_joined: bool, block: _TextBlock) -> Result:
    lines = block.text.split("\n")
    if is_joined:
        lines = [*unwrap(lines)]
    if block.held_out is None:
        return task(Block(lines, (), block.first_train))
    train, held_out = [*compress(lines, ~block.held_out)], [*compress(lines, block.held_out)]
    return task(Block(train, held_out, block.first_train))


def first_reading(sources: Sources, workspace: Workspace) -> StreamedLines:
    """The lines of a large text, after a first pass over its files. Raises CorpusError."""
    digest, size, read = hashlib.sha256(), max(1, sources.size), list[int]()

    def texts() -> Iterator[str]:
        for text, done in text_blocks(sources, workspace.block, digest):
            read.append(done)
            yield text

    facts = TextFacts()
    workspace.report(READING, 0, size)
    for of_block in workspace.workers.map(TextFacts.of, texts()):
        facts.add(of_block)
        workspace.report(READING, read[len(facts.lines) - 1], size)
    return StreamedLines(sources, workspace, facts, digest.hexdigest())
