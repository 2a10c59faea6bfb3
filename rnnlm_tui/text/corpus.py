"""Reads a corpus, arranges its lines, splits them into training and held-out lines, and samples
them."""

from __future__ import annotations

import hashlib
import io
import math
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, compress
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from rnnlm_tui.errors import CorpusError, os_reason
from rnnlm_tui.formatting import format_bytes
from rnnlm_tui.text.paragraphs import LineBreaks, unwrap
from rnnlm_tui.text.sources import Source, Sources, is_pipe
from rnnlm_tui.text.streams import (
    BLOCK,
    IN_MEMORY,
    Lines,
    Mask,
    StreamedLines,
    Workspace,
    first_reading,
    text_blocks,
    written_lines,
)
from rnnlm_tui.text.words import count_words

STANDARD_INPUT = "-"
MEMORY_PER_BYTE = 4
"""Bytes of memory per byte of text while it is decoded and split into lines."""
READABLE = (stat.S_ISREG, stat.S_ISFIFO, stat.S_ISDIR)
"""Kinds of files that pass the check. Folders do, since reading one gives a better message."""
SMALL_BYTES = 100_000_000
"""Texts that need no more memory than this are read without checking how much is free."""
HELD_OUT_BLOCK = 20
"""About how many consecutive lines are held out together, so that both parts are running text."""

STRETCH = 32
"""Consecutive lines in a sample, since some models use previous lines as context."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """A text as lines in memory or as `StreamedLines`.

    `sha256` is the hash of the decoded text with newlines as line ends. `sources` are the absolute
    paths of the files that it was read from, "-" for standard input and pipes. `arrangement` says
    what a line is, and why; it is None until `join_paragraphs` has decided that.
    """

    name: str
    lines: Lines
    sha256: str
    sources: tuple[str, ...]
    arrangement: str | None = None

    @property
    def line_count(self) -> int:
        """The number of lines that are not blank."""
        return int(written_lines(self.lines).sum())

    @property
    def words(self) -> int:
        """The number of words as a person counts them: the size of the text for any tokenizer."""
        if isinstance(self.lines, StreamedLines):
            return self.lines.facts.words
        return sum(map(count_words, self.lines))


def read_corpus(
    sources: Sequence[str | Path],
    encoding: str | None = None,
    stdin: BinaryIO | None = None,
    workspace: Workspace | None = None,
) -> Corpus:
    """Reads files, or `-` for standard input, which is empty if not given, as one text.

    `encoding` None means UTF-8, or UTF-16 or UTF-32 if there is a byte order mark. With a
    `workspace` a large text is not kept in memory but read again for each pass; standard input and
    pipes are copied to a file in the workspace first. Raises CorpusError for a file that cannot be
    read or is not text.
    """
    each, names, absolute = [], [], []
    for path in map(Path, sources):
        if str(path) == STANDARD_INPUT:
            name, kept = "stdin", STANDARD_INPUT
            each.append(_read_once(stdin or io.BytesIO(), "standard input", workspace))
        elif is_pipe(path):
            name, kept = "pipe", STANDARD_INPUT  # like standard input, it can be read only once
            with Source(f"the corpus {path}", path).open() as pipe:
                each.append(_read_once(pipe, str(path), workspace))
        else:
            name, kept = path.name, str(path.absolute())
            each.append(Source(f"the corpus {path}", path))
        names.append(name)
        absolute.append(kept)
    title = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    lines, sha256 = _lines_of(Sources(each, encoding), workspace)
    return Corpus(title, lines, sha256, tuple(absolute))


def text_hash(paths: Sequence[str], encoding: str | None = None) -> str:
    """The `sha256` of the corpus in these files, which is not kept in memory. Raises
    CorpusError."""
    digest = hashlib.sha256()
    sources = Sources([Source(f"the corpus {path}", Path(path)) for path in paths], encoding)
    for piece, _ in sources.text():
        digest.update(piece.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _lines_of(sources: Sources, workspace: Workspace | None) -> tuple[Lines, str]:
    in_memory = IN_MEMORY if workspace is None else workspace.in_memory
    pieces, length = list[str](), 0
    for piece, _ in sources.text():
        pieces.append(piece)
        length += len(piece)
        if length > in_memory:
            break
    else:
        text = "".join(pieces)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
        return tuple(text.split("\n")), digest.hexdigest()
    if workspace is not None:
        streamed = first_reading(sources, workspace)
        return streamed, streamed.sha256
    digest = hashlib.sha256()
    blocks = text_blocks(sources, BLOCK, digest)  # cuts long lines as a stream does
    lines = tuple(chain.from_iterable(text.split("\n") for text, _ in blocks))
    return lines, digest.hexdigest()


def _read_once(file: BinaryIO, label: str, workspace: Workspace | None) -> Source:
    """A source for a file that can be read only once, kept in memory, or in a file if large."""
    try:
        if workspace is None:
            return Source(label, file.read())
        raw = file.read(IN_MEMORY)
        return Source(label, workspace.spool(raw, file) if len(raw) == IN_MEMORY else raw)
    except OSError as error:
        raise CorpusError(f"cannot read {label}: {os_reason(error)}") from error


def join_paragraphs(corpus: Corpus, how: str) -> Corpus:
    """The corpus with the lines that the setting `lines` asks for: one line per paragraph for
    `paragraphs`, and for `auto` if the text is wrapped; else unchanged. Empty lines separate
    paragraphs and are kept. A corpus that is arranged stays as it is."""
    lines = corpus.lines
    if corpus.arrangement is not None:
        return corpus
    if how == "each" or (how == "auto" and not is_wrapped(lines)):
        why = "a line is a line of the file (no wrapped paragraphs)" if how == "auto" else ""
        return replace(corpus, arrangement=why)
    joined = replace(lines, is_joined=True) if isinstance(lines, StreamedLines) else None
    arranged = replace(corpus, lines=joined or tuple(unwrap(lines)))
    why = "asked for" if how == "paragraphs" else "the text is wrapped"
    of_file, paragraphs = corpus.line_count, arranged.line_count
    note = f"a line is a paragraph ({why}): {of_file:,} lines are {paragraphs:,} paragraphs"
    return replace(arranged, arrangement=note)


def is_wrapped(lines: Lines) -> bool:
    """Whether the text is wrapped at some column, as `LineBreaks.are_wrapped` tells."""
    if isinstance(lines, StreamedLines):
        return lines.facts.breaks.are_wrapped and not lines.is_joined
    return LineBreaks.within(lines).are_wrapped


def check_files(
    sources: Sequence[str | Path], free_memory: Callable[[], int] | None = None
) -> None:
    """Raises CorpusError for devices, which may never end, and for files too large for the bytes of
    `free_memory()`, which is called only for large ones. Pipes such as <(zcat text.gz) are fine."""
    total = 0
    for path in (Path(source) for source in sources if str(source) != STANDARD_INPUT):
        try:
            facts = path.stat()
        except (OSError, ValueError):
            continue  # reading it gives the error
        if not any(is_kind(facts.st_mode) for is_kind in READABLE):
            raise CorpusError(
                f"cannot read the corpus {path}: it is neither a file nor a pipe",
                "put the text into a file first",
            )
        total += facts.st_size
    needed = MEMORY_PER_BYTE * total
    if free_memory and needed > SMALL_BYTES and needed > (free := free_memory()):
        raise CorpusError(
            f"the corpus is {format_bytes(total)}: reading it takes {format_bytes(needed)} of"
            f" memory, {format_bytes(free)} are free",
            "give a part of it",
        )


def split_lines(lines: Iterable[str], held_out: Mask) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Splits lines [L] into training lines and those of the mask `held_out` [L]."""
    return tuple(compress(lines, ~held_out)), tuple(compress(lines, held_out))


def hold_out(may_be: Mask, fraction: float, seed: int) -> Mask:
    """Which lines [L] to hold out: about a `fraction` of those that `may_be` [L]."""
    held_out = np.zeros(len(may_be), dtype=bool)
    held_out[may_be] = held_out_mask(int(may_be.sum()), fraction, seed)
    return held_out


def held_out_mask(count: int, fraction: float, seed: int) -> Mask:
    """A mask [count] of the lines to hold out, about `fraction` of them.

    They are blocks of lines spread evenly over the text: one at a random place, determined by
    `seed`, in each of as many equal parts as there are blocks.
    """
    mask = np.zeros(count, dtype=bool)
    wanted = round(count * fraction)
    if wanted == 0:
        return mask
    blocks = max(1, wanted // HELD_OUT_BLOCK)
    rng = np.random.default_rng(seed)
    edges = np.linspace(0, count, blocks + 1).astype(int)
    sizes = np.diff(np.linspace(0, wanted, blocks + 1).astype(int))
    for low, high, size in zip(edges[:-1], edges[1:], sizes, strict=True):
        start = low + rng.integers(0, high - low - size + 1)
        mask[start : start + size] = True
    return mask


def sample_of(lines: Lines, most_words: int) -> list[str]:
    """`some_lines` of a text; of a large one the first lines, so that it is not read to its end."""
    if not isinstance(lines, StreamedLines):
        return some_lines(cast("tuple[str, ...]", lines), most_words)
    sample = list[str]()
    for line in lines:
        sample.append(line)
        most_words -= len(line.split())
        if most_words <= 0:
            break
    return sample


def some_lines(lines: Sequence[str], most_words: int) -> list[str]:
    """A sample of lines with at most `most_words` words in all. The last line may be cut."""
    words = sum(len(line.split()) for line in lines)
    fraction = min(1.0, most_words / max(1, words))
    sample: list[str] = []
    for line in sample_lines(lines, fraction):
        first = line.split()[:most_words]
        most_words -= len(first)
        sample.append(" ".join(first))
    return sample


def sample_lines(lines: Sequence[str], fraction: float, first: int = 0) -> list[str]:
    """The lines in a fraction of all stretches of the text. `first` is the index in the text of the
    first of `lines`."""
    sample: list[str] = []
    for stretch in range(first // STRETCH, math.ceil((first + len(lines)) / STRETCH)):
        if math.ceil((stretch + 1) * fraction) != math.ceil(stretch * fraction):
            low = stretch * STRETCH - first
            sample += lines[max(0, low) : max(0, low + STRETCH)]
    return sample
