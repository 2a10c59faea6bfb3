"""A text that is larger than memory: read from its files again for each pass, block by block.

A pass gives each block to a process, and puts together what the blocks give, in order.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.errors import StorageError, os_reason
from rnnlm_tui.text.sources import Sources, changed_error
from rnnlm_tui.text.wrapping import LineBreaks, joined

if TYPE_CHECKING:
    from rnnlm_tui.text.workers import Workers

Result = TypeVar("Result")
Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
IN_MEMORY = 16 << 20
"""Characters of a text that is held whole."""
BLOCK = 4 << 20
"""Characters of a block of a larger one: about a second of work."""
READING = "reading text"
BLANK_LINE = re.compile(r"\n[^\S\n]*\n")


class Digest(Protocol):
    """A hash that is being computed."""

    def update(self, data: bytes, /) -> None: ...


class Lines(Protocol):
    """The lines of a text, in memory or in its files."""

    def __iter__(self) -> Iterator[str]: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Block:
    """Lines in a row: those to train on, and those held out. `first_train` and `first_held_out` are
    how many of each come before them in the text."""

    train: Sequence[str]
    held_out: Sequence[str] = ()
    first_train: int = 0
    first_held_out: int = 0


class Workspace:
    """What the preparation of a large text uses: a folder for its arrays, processes, and somebody
    to tell how far it is. Nothing is made before it is needed."""

    def __init__(
        self,
        folder: Path,
        report: Callable[[str, int, int], None] = lambda phase, done, of: None,
        processes: int | None = None,
        *,
        in_memory: int | None = None,
        block: int | None = None,
    ) -> None:
        """`report` gets the name of a pass, and how many bytes of how many it has done.
        `processes` None means one a core. A text is large from `in_memory` characters on, by
        default `IN_MEMORY`, and its blocks have at most `block`, by default `BLOCK`."""
        self.folder, self.report, self._processes = folder, report, processes
        self.in_memory = IN_MEMORY if in_memory is None else in_memory
        self.block = BLOCK if block is None else block
        self._workers: Workers | None = None
        self._spooled = list[Path]()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the processes."""
        if self._workers is not None:
            self._workers.close()
        self._workers = None
        for path in self._spooled:
            path.unlink(missing_ok=True)

    @property
    def workers(self) -> Workers:
        """The processes."""
        if self._workers is None:
            from rnnlm_tui.text.workers import Workers  # loads multiprocessing: 6 ms

            self._workers = Workers(self._processes)
        return self._workers

    def make_folder(self) -> None:
        """Makes the folder. Raises StorageError."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot make {self.folder}: {os_reason(error)}") from error

    def spool(self, begin: bytes, rest: BinaryIO) -> Path:
        """Keeps a text that can be read once in a file, until this is left. Raises StorageError."""
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


class TextBlocks:
    """The blocks of a text: pieces of some million characters that end where a line does, or where
    a paragraph does if there are empty lines. A line that is longer is cut at a space."""

    def __init__(self, sources: Sources, size: int, digest: Digest) -> None:
        """`size` is the number of characters of a block, at most. `digest` is given the text."""
        self._sources, self._size, self._digest = sources, size, digest

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """The blocks, without the newline or space between two, and the bytes read by then. Raises
        CorpusError."""
        rest, done = "", 0
        for piece, done in self._sources.text():
            self._digest.update(piece.encode("utf-8", "surrogatepass"))
            rest += piece
            while len(rest) > self._size:
                end, begin = self._cut(rest)
                yield rest[:end], done
                rest = rest[begin:]
        yield rest, done

    def _cut(self, text: str) -> tuple[int, int]:
        """Where the first block ends, and where the next one begins."""
        earliest, size = self._size * 3 // 4, self._size
        if blank_lines := [*BLANK_LINE.finditer(text, earliest, size)]:
            begin = blank_lines[-1].end()
            return begin - 1, begin
        for separator in ("\n", " "):
            if (place := text.rfind(separator, earliest, size)) >= 0:
                return place, place + 1
        return size, size


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """What a first reading finds out of a block: its lines as they are and with a line a paragraph,
    its paragraphs and the words between white space, how its lines break, and its last line."""

    lines: int
    joined_lines: int
    paragraphs: int
    words: int
    breaks: LineBreaks
    last_line: str

    @classmethod
    def of(cls, text: str) -> BlockFacts:
        lines = text.split("\n")
        paragraphs = [*joined(lines)]
        return cls(
            lines=len(lines),
            joined_lines=len(paragraphs),
            paragraphs=sum(map(bool, paragraphs)),
            words=sum(line.count(" ") + 1 for line in paragraphs if line),
            breaks=LineBreaks.within(lines),
            last_line=lines[-1],
        )


@dataclass(frozen=True, slots=True)
class TextFacts:
    """The same of a whole text, and its hash; the numbers of lines are those of each block."""

    sha256: str
    lines: NDArray[np.int64]
    joined_lines: NDArray[np.int64]
    paragraphs: int
    words: int
    are_wrapped: bool
    ends_with_newline: bool


@dataclass(frozen=True, slots=True)
class StreamedLines:
    """The lines of files that are read again for each pass. `facts` are those of the first reading;
    if it `is_joined`, a line is a paragraph."""

    sources: Sources
    workspace: Workspace
    facts: TextFacts
    is_joined: bool = False

    def __len__(self) -> int:
        return int(self._lines_of_blocks.sum())

    def __iter__(self) -> Iterator[str]:
        for text, _ in self._blocks():
            lines = text.split("\n")
            yield from joined(lines) if self.is_joined else lines

    @property
    def _lines_of_blocks(self) -> NDArray[np.int64]:
        return self.facts.joined_lines if self.is_joined else self.facts.lines

    def map(
        self, task: Callable[[Block], Result], phase: str, held_out: Mask | None = None
    ) -> Iterator[Result]:
        """`task(block)` of all blocks, in order, computed by the processes of the workspace.

        `held_out` [L] says which lines are held out. Raises CorpusError if the text is no longer
        what it was at the first reading.
        """
        read, size = list[int](), max(1, self.sources.size)
        self.workspace.report(phase, 0, size)
        on_text = _OnText(task, self.is_joined)
        results = self.workspace.workers.map(on_text, self._cut_blocks(held_out, read))
        for number, result in enumerate(results):
            yield result
            self.workspace.report(phase, read[number], size)

    def _cut_blocks(self, held_out: Mask | None, read: list[int]) -> Iterator[_Cut]:
        """The blocks for the processes; adds to `read` the bytes read by the end of each."""
        first = held_before = 0
        for number, (text, done) in enumerate(self._blocks()):
            # A text that has grown has more blocks; its hash is looked at when it is through.
            lines = int(self._lines_of_blocks[number : number + 1].sum())
            mask = None if held_out is None else held_out[first : first + lines]
            read.append(done)
            yield _Cut(text, mask, first - held_before, held_before)
            first += lines
            held_before += 0 if mask is None else int(mask.sum())

    def _blocks(self) -> Iterator[tuple[str, int]]:
        digest = hashlib.sha256()
        yield from TextBlocks(self.sources, self.workspace.block, digest)
        if digest.hexdigest() != self.facts.sha256:
            raise changed_error(self.sources.label)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A block on its way to a process; `held_out` says which of its lines are held out."""

    text: str
    held_out: Mask | None
    first_train: int
    first_held_out: int


@dataclass(frozen=True, slots=True)
class _OnText(Generic[Result]):
    """A task for blocks of lines, as one for blocks of text."""

    task: Callable[[Block], Result]
    is_joined: bool

    def __call__(self, cut: _Cut) -> Result:
        lines = cut.text.split("\n")
        if self.is_joined:
            lines = [*joined(lines)]
        if cut.held_out is None:
            return self.task(Block(lines, (), cut.first_train, 0))
        train, held_out = [*compress(lines, ~cut.held_out)], [*compress(lines, cut.held_out)]
        return self.task(Block(train, held_out, cut.first_train, cut.first_held_out))


def first_reading(sources: Sources, workspace: Workspace) -> StreamedLines:
    """The lines of a large text, after a reading of all its files. Raises CorpusError."""
    digest, size, read = hashlib.sha256(), max(1, sources.size), list[int]()

    def texts() -> Iterator[str]:
        for text, done in TextBlocks(sources, workspace.block, digest):
            read.append(done)
            yield text

    workspace.report(READING, 0, size)
    lines, joined_lines, breaks = list[int](), list[int](), LineBreaks()
    paragraphs, words, last_line = 0, 0, ""
    for facts in workspace.workers.map(BlockFacts.of, texts()):
        lines.append(facts.lines)
        joined_lines.append(facts.joined_lines)
        breaks.add(facts.breaks)
        paragraphs += facts.paragraphs
        words += facts.words
        last_line = facts.last_line
        workspace.report(READING, read[len(lines) - 1], size)
    found = TextFacts(
        sha256=digest.hexdigest(),
        lines=np.array(lines, np.int64),
        joined_lines=np.array(joined_lines, np.int64),
        paragraphs=paragraphs,
        words=words,
        are_wrapped=breaks.are_wrapped,
        ends_with_newline=last_line == "",
    )
    return StreamedLines(sources, workspace, found)
