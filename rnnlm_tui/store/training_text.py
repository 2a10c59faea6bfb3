"""What a model was trained on.

Its text is found again and checked by its hash. Hashes of the lines that the model and its
ancestors were trained on tell which lines of any text it has seen.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rnnlm_tui.errors import CorpusError, ModelError, UsageError
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store import files
from rnnlm_tui.store.card import Ancestor, ModelCard
from rnnlm_tui.store.files import ORIGIN, read_json
from rnnlm_tui.store.load import check_checksum
from rnnlm_tui.store.weights import LARGEST_HEADER, read_arrays, write_tensors
from rnnlm_tui.text.corpus import (
    STANDARD_INPUT,
    Corpus,
    arranged,
    held_out_mask,
    read_corpus,
    split_lines,
)
from rnnlm_tui.text.overlap import NO_WORDS, CopiedSpans, Hashes, hash_lines, no_hashes
from rnnlm_tui.text.sources import check_names, kind_of
from rnnlm_tui.text.streams import Block, Lines, Mask, StreamedLines
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.tokenizers import make_tokenizer

MOST_LINES = 1 << 24
"""The most hashes stored, at 8 bytes each; further ones are dropped."""
LARGEST_LINES_FILE = 3 * 8 * MOST_LINES + LARGEST_HEADER
LINES_DTYPES = {
    "known": np.dtype(np.uint64),
    "held_out": np.dtype(np.int32),
    "unseen": np.dtype(np.uint64),
}
FEWEST_WORDS = 4
"""Shorter lines may occur in any text."""
LARGEST_INDEXED = 64 << 20
"""Bytes of the largest text that is searched for copies: 12 million words, about 10 seconds."""
UNKNOWN_LINES = (
    "it is not known which lines {name} was trained on: some may be among the held-out lines, so"
    " the figures may be too good"
)


@dataclass(frozen=True, slots=True)
class TrainedLines:
    """The lines that a model has seen and those that it held out.

    `known` are the sorted hashes of the lines that the model or an ancestor was trained on.
    `held_out` are the ascending indices of the held-out lines of its corpus, and `unseen` the
    sorted hashes of those that are not `known`; older models have no `unseen`.
    """

    known: Hashes
    held_out: NDArray[np.int32]
    unseen: Hashes = field(default_factory=no_hashes)

    def count(self, lines: Iterable[str], tokenizer: Tokenizer) -> int:
        """The number of `lines` whose words were trained on, excluding short lines."""
        long = (line for line in lines if tokenizer.line_key(line).count(" ") >= FEWEST_WORDS - 1)
        return int(np.isin(hash_lines(long, tokenizer), self.known).sum())

    def hold_out_again(
        self, lines: Lines, tokenizer: Tokenizer, share: float, seed: int, base: Hashes
    ) -> Mask:
        """Which lines [L] of another text, or of a text that has grown, to hold out: those held out
        before, and about `share` of the new ones. None of them is `known`, or among the hashes of
        the lines that the base model was trained on."""
        hashes = hashes_of(lines, tokenizer)
        may_be = (hashes != NO_WORDS) & ~np.isin(hashes, np.union1d(self.known, base))
        held_out = np.isin(hashes, self.unseen)
        if not len(self.unseen):
            held_out[self.held_out[self.held_out < len(lines)]] = True
        held_out &= may_be
        is_new = may_be & ~held_out
        held_out[is_new] = held_out_mask(int(is_new.sum()), share, seed)
        return held_out


def trained_on(
    lines: Lines, held_out: Mask, tokenizer: Tokenizer, ancestors: Hashes
) -> TrainedLines:
    """The lines of a training on `lines` [L] except `held_out` [L]; `ancestors` are the hashes of
    the lines that its ancestors were trained on."""
    hashes = hash_lines(lines, tokenizer)
    return trained_on_hashes(hashes[~held_out], hashes[held_out], held_out, ancestors)


def trained_on_hashes(
    train: Hashes, unseen: Hashes, held_out: Mask, ancestors: Hashes
) -> TrainedLines:
    """The same from hashes of the training lines and of the held-out lines."""
    known: Hashes = np.union1d(train[train != NO_WORDS], ancestors)[:MOST_LINES]
    unseen = np.setdiff1d(unseen[unseen != NO_WORDS], known)[:MOST_LINES]
    return TrainedLines(known, np.flatnonzero(held_out).astype(np.int32), unseen)


def hold_out_unseen(
    lines: Lines, tokenizer: Tokenizer, share: float, seed: int, base: Hashes
) -> Mask:
    """Which lines [L] of a new model's text to hold out: about `share` of those that are not among
    the hashes of the lines that its base model was trained on."""
    may_be = np.ones(len(lines), dtype=bool)
    if len(base):
        hashes = hashes_of(lines, tokenizer)
        may_be = (hashes == NO_WORDS) | ~np.isin(hashes, base)
    held_out = np.zeros(len(lines), dtype=bool)
    held_out[may_be] = held_out_mask(int(may_be.sum()), share, seed)
    return held_out


def hashes_of(lines: Lines, tokenizer: Tokenizer) -> Hashes:
    """A hash of the words of each line [L] of a text."""
    if isinstance(lines, StreamedLines):
        task = partial(_hash_block, tokenizer)
        return np.concatenate([*lines.map(task, "comparing lines")])
    return hash_lines(lines, tokenizer)


def _hash_block(tokenizer: Tokenizer, block: Block) -> Hashes:
    return hash_lines(block.train, tokenizer)


def write_trained_lines(path: Path, lines: TrainedLines) -> None:
    """Writes or replaces the file of the lines. Raises StorageError."""
    write_tensors(path, {name: getattr(lines, name) for name in LINES_DTYPES})


def read_trained_lines(folder: Path, card: ModelCard) -> TrainedLines | None:
    """The lines of the model in `folder`; None for an older format. Raises ModelError if the file
    is damaged."""
    if card.lines is None:
        return None
    check_checksum(folder, card, card.lines)
    arrays = read_arrays(folder / card.lines)
    arrays.setdefault("unseen", no_hashes())
    if {name: array.dtype for name, array in arrays.items()} != LINES_DTYPES:
        raise ModelError(f"{card.lines} holds other tensors than the lines of a model")
    for array in arrays.values():
        if array.ndim != 1 or (array[1:] <= array[:-1]).any() or (array[:1] < 0).any():
            raise ModelError(f"{card.lines} is damaged: its numbers do not rise")
    return TrainedLines(**arrays)


# The text


def find_corpus(name: str, folder: Path, card: ModelCard) -> Corpus:
    """The text that the model `name` in `folder` was trained on, with its lines arranged as then.
    Raises CorpusError if it cannot be found or has changed."""
    hint = f"give that text, or any other: --evaluate FILE --model {name}"
    origin = known_origin(name, folder, card, hint)
    sources = origin.sources
    if not sources:
        return arranged(_bundled(), card.config.lines)
    odd = [path for path in sources if kind_of(Path(path)) not in (None, stat.S_IFREG)]
    if odd:
        raise CorpusError(f"the text of {name} is gone: {odd[0]} is not a file", hint)
    try:
        corpus = read_corpus(sources, origin.encoding)
    except CorpusError as error:
        raise CorpusError(f"the text of {name} is gone: {error.message}", hint) from error
    if not is_corpus_of(card, corpus):
        raise CorpusError(
            f"{' and '.join(sources)} is no longer the text that {name} was trained on", hint
        )
    return arranged(corpus, card.config.lines)


def known_origin(name: str, folder: Path, card: ModelCard, hint: str) -> Origin:
    """Where to read the text of the model `name` in `folder`. Raises CorpusError, with this hint,
    if that is unknown."""
    origin = read_origin(folder)
    if not origin.sources and not is_corpus_of(card, _bundled()):
        raise CorpusError(
            f"the file that {name} was trained on is not known here: its text was"
            f" {card.corpus['name']}",
            hint,
        )
    if STANDARD_INPUT in origin.sources:
        raise CorpusError(f"{name} was trained on a text from standard input", hint)
    return origin


def _bundled() -> Corpus:
    return read_corpus([bundled_corpus()])


def is_corpus_of(card: ModelCard, corpus: Corpus) -> bool:
    """Whether the model was trained on this text."""
    return card.corpus["sha256"] == corpus.sha256


def copied_spans(
    name: str, folder: Path, card: ModelCard, tokenizer: Tokenizer
) -> CopiedSpans | None:
    """An index to find copies from the training text; None if that cannot be found or is too long.
    `tokenizer` is the model's."""
    try:
        sources = read_origin(folder).sources
        if sum(Path(source).stat().st_size for source in sources) > LARGEST_INDEXED:
            return None
        corpus = find_corpus(name, folder, card)
    except (CorpusError, OSError):
        return None
    return CopiedSpans(corpus.lines, tokenizer)


def write_origin(folder: Path, sources: Sequence[str], encoding: str | None) -> None:
    """Stores the files that a training was given and their encoding, for this machine only: they
    are not exported. Raises StorageError."""
    files.write_json(folder / ORIGIN, {"sources": list(sources), "encoding": encoding})


class Origin(Struct):
    """The contents of origin.json. The bundled text has no sources."""

    sources: list[str] = []
    encoding: str | None = None


def read_origin(folder: Path) -> Origin:
    """Reads origin.json. An unreadable one counts as empty, since the text's hash is checked."""
    try:
        origin = read_json(folder / ORIGIN, Origin)
        check_names(origin.sources, origin.encoding)
    except (ModelError, UsageError):
        return Origin()
    return origin


def held_out_lines(folder: Path, card: ModelCard, corpus: Corpus) -> tuple[str, ...]:
    """The lines of `corpus`, arranged as for the training, that the model in `folder` held out.
    Raises ModelError if the file of the trained lines is damaged."""
    return split_lines(corpus.lines, held_out_of(folder, card, corpus))[1]


def held_out_of(folder: Path, card: ModelCard, corpus: Corpus) -> Mask:
    """Mask of the lines of its corpus [L] that the model held out, which follows from the settings
    for older formats. Raises ModelError if the file of the trained lines is damaged."""
    trained, train = read_trained_lines(folder, card), card.config.train
    if trained is None:
        return held_out_mask(len(corpus.lines), train.held_out, train.seed)
    held_out = np.zeros(len(corpus.lines), dtype=bool)
    held_out[trained.held_out[trained.held_out < len(held_out)]] = True
    return held_out


def trained_lines(
    name: str, folder: Path, card: ModelCard, corpus: Corpus | None = None
) -> TrainedLines | None:
    """The lines that the model `name` and its ancestors, but not its base, were trained on.

    Older formats do not store them; they are then read from the model's text, which may be
    `corpus`. None if that cannot be found. Raises ModelError if the file is damaged.
    """
    if (kept := read_trained_lines(folder, card)) is not None:
        return kept
    try:
        if corpus is None or not is_corpus_of(card, corpus):
            corpus = find_corpus(name, folder, card)
        corpus = arranged(corpus, card.config.lines)
    except CorpusError:
        return None
    held_out = held_out_of(folder, card, corpus)
    tokenizer = make_tokenizer(card.tokenizer, card.conventions)
    return trained_on(corpus.lines, held_out, tokenizer, no_hashes())


def ancestors_of(name: str, card: ModelCard) -> list[Ancestor]:
    """The ancestors of a training that starts from the model `name`: those of the model, then the
    model itself, which an update lists only once."""
    others = (ancestor for ancestor in card.ancestors if ancestor["name"] != name)
    return [*others, Ancestor(name=name, created=card.created, corpus=card.corpus)]
