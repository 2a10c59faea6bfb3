"""A corpus: read, checked, and split into lines to train on and lines held out."""

from __future__ import annotations

import codecs
import hashlib
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rnnlm_tui.errors import CorpusError, os_reason
from rnnlm_tui.formatting import format_bytes

BOMS = (  # UTF-32's first, since the second begins as UTF-16's does
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
STANDARD_INPUT = "-"
MEMORY_PER_BYTE = 4
"""Bytes of memory that a byte of a text takes while it is decoded and split into lines."""
READABLE = (stat.S_ISREG, stat.S_ISFIFO, stat.S_ISDIR)
"""The kinds of files let through; folders too, because reading one gives the better message."""
SMALL_BYTES = 100_000_000
"""What takes no more than this is read without a look at the memory."""
HELD_OUT_BLOCK = 20
"""Lines are held out in blocks of about this many, so that both parts are running text."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """A text as lines. `sha256` is that of the decoded text, line ends as newlines.

    `sources` are the files it was read from (absolute; "-" for standard input and for pipes), so
    that a run can be resumed.
    """

    name: str
    lines: tuple[str, ...]
    sha256: str
    sources: tuple[str, ...]

    @property
    def line_count(self) -> int:
        """The number of lines; a newline at the end of the text begins no other."""
        return len(self.lines) - (self.lines[-1] == "")

    @property
    def whitespace_words(self) -> int:
        """The number of words between white space, whatever the tokenizer: the text's size."""
        return sum(len(line.split()) for line in self.lines)


def read_corpus(sources: Sequence[str | Path], encoding: str | None, stdin: BinaryIO) -> Corpus:
    """Reads one or several files, or `-` for standard input, as one text.

    `encoding` None means UTF-8, or UTF-16 or UTF-32 if the file begins with its mark. Raises
    CorpusError for what cannot be read and for what is not text.
    """
    texts, names, absolute = [], [], []
    for path in map(Path, sources):
        if str(path) == STANDARD_INPUT:
            label, name, kept = "standard input", "stdin", STANDARD_INPUT
            raw = _read(stdin.read, label)
        else:
            label, name, kept = str(path), path.name, str(path.absolute())
            raw = _read(path.read_bytes, f"the corpus {path}", is_folder=path.is_dir())
            if path.is_fifo():  # it can be read once, as standard input can
                name, kept = "pipe", STANDARD_INPUT
        texts.append(_decode(raw, label, encoding))
        names.append(name)
        absolute.append(kept)
    text = "\n".join([*(text.removesuffix("\n") for text in texts[:-1]), texts[-1]])
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    title = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    return Corpus(title, tuple(text.split("\n")), digest, tuple(absolute))


def check_files(sources: Sequence[str | Path], free_memory: Callable[[], int]) -> None:
    """Raises CorpusError for devices, which may never end, and for files that do not fit into the
    memory. Pipes are read, such as the <(zcat text.gz) of a shell.

    `free_memory` gives its bytes; it is asked only about texts that may matter.
    """
    total = 0
    for path in (Path(source) for source in sources if str(source) != STANDARD_INPUT):
        try:
            facts = path.stat()
        except (OSError, ValueError):
            continue  # whoever reads it says why it cannot be read
        if not any(is_kind(facts.st_mode) for is_kind in READABLE):
            raise CorpusError(
                f"cannot read the corpus {path}: it is neither a file nor a pipe",
                "put the text into a file first",
            )
        total += facts.st_size
    needed = MEMORY_PER_BYTE * total
    if needed > SMALL_BYTES and needed > (free := free_memory()):
        raise CorpusError(
            f"the corpus is {format_bytes(total)}: reading it takes {format_bytes(needed)} of"
            f" memory, {format_bytes(free)} are free",
            "give a part of it",
        )


def _read(read: Callable[[], bytes], what: str, *, is_folder: bool = False) -> bytes:
    try:
        return read()
    except OSError as error:
        hint = "give a file, or several" if is_folder else ""
        raise CorpusError(f"cannot read {what}: {os_reason(error)}", hint) from error


def _decode(raw: bytes, label: str, encoding: str | None) -> str:
    chosen = encoding or next((name for bom, name in BOMS if raw.startswith(bom)), "utf-8")
    if chosen.lower() in ("utf-8", "utf8"):
        raw = raw.removeprefix(codecs.BOM_UTF8)
    if chosen.startswith("utf-8") and (zero := raw.find(b"\0")) >= 0:
        raise CorpusError(
            f"{label} is not text: it holds a zero byte at byte {zero}", "give a plain text file"
        )
    try:
        text = raw.decode(chosen)
    except LookupError as error:
        raise CorpusError(f"no encoding is called {chosen!r}", "such as latin-1") from error
    except UnicodeError as error:
        where = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        raise CorpusError(
            f"{label} is not valid {chosen}{where}",
            "name its encoding with --encoding, such as --encoding latin-1",
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def split_lines(lines: Sequence[str], held_out: Mask) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`lines` [L] as those to train on and those of `held_out` [L]."""
    return tuple(compress(lines, ~held_out)), tuple(compress(lines, held_out))


def held_out_mask(count: int, share: float, seed: int) -> Mask:
    """Which of `count` lines are held out, about `share` of them.

    They are whole blocks spread evenly over the text: one block at a random place, by `seed`,
    in each of as many equal stretches as there are blocks.
    """
    held = np.zeros(count, dtype=bool)
    wanted = round(count * share)
    if wanted == 0:
        return held
    blocks = max(1, wanted // HELD_OUT_BLOCK)
    rng = np.random.default_rng(seed)
    edges = np.linspace(0, count, blocks + 1).astype(int)
    sizes = np.diff(np.linspace(0, wanted, blocks + 1).astype(int))
    for low, high, size in zip(edges[:-1], edges[1:], sizes, strict=True):
        start = low + rng.integers(0, high - low - size + 1)
        held[start : start + size] = True
    return held
