"""The text that a model was trained on, found again: from where its training read it, or the one
that ships with the program. It is known by its hash."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from rnnlm_tui.errors import CorpusError, ModelError
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store import files
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.files import ORIGIN, convert_json, parse_json, read_file
from rnnlm_tui.text.corpus import STANDARD_INPUT, Corpus, held_out_mask, read_corpus
from rnnlm_tui.text.overlap import CopiedSpans
from rnnlm_tui.text.tokenizer import TOKENIZERS

LARGEST_INDEXED = 64 << 20
"""The bytes of a text that are read to look for copies: 12 million words, some 10 seconds."""
FEWEST_WORDS = 4
"""A line that has fewer may stand in any text."""


def find_corpus(name: str, folder: Path, card: ModelCard) -> Corpus:
    """The text that the model `name` in `folder` was trained on.

    Raises CorpusError, saying what to give, where it is not to be found or has changed.
    """
    hint = f"give that text, or any other: --evaluate FILE --model {name}"
    origin = _origin(folder)
    sources = origin.sources
    if not sources:
        corpus = read_corpus([bundled_corpus()], None, io.BytesIO())
        if is_corpus_of(card, corpus):
            return corpus
        raise CorpusError(
            f"where {name} was trained, and on which file, is not known here:"
            f" its text was {card.corpus['name']}",
            hint,
        )
    if STANDARD_INPUT in sources:
        raise CorpusError(f"{name} was trained on a text from standard input", hint)
    try:
        corpus = read_corpus(sources, origin.encoding, io.BytesIO())
    except CorpusError as error:
        raise CorpusError(f"the text of {name} is gone: {error.message}", hint) from error
    if not is_corpus_of(card, corpus):
        raise CorpusError(
            f"{' and '.join(sources)} is no longer the text that {name} was trained on", hint
        )
    return corpus


def is_corpus_of(card: ModelCard, corpus: Corpus) -> bool:
    """Whether the model was trained on this text."""
    return card.corpus["sha256"] == corpus.sha256


def copied_spans(name: str, folder: Path, card: ModelCard) -> CopiedSpans | None:
    """An index of the text that the model was trained on, None if there is no such text here."""
    corpus = searchable_corpus(name, folder, card)
    return None if corpus is None else CopiedSpans(corpus.lines, TOKENIZERS[card.tokenizer])


def searchable_corpus(name: str, folder: Path, card: ModelCard) -> Corpus | None:
    """The text that the model was trained on, None if it cannot be found or is too long to be
    searched for copies."""
    try:
        if sum(Path(source).stat().st_size for source in _origin(folder).sources) > LARGEST_INDEXED:
            return None
        return find_corpus(name, folder, card)
    except (CorpusError, OSError):
        return None


def write_origin(folder: Path, sources: Sequence[str], encoding: str | None) -> None:
    """Keeps the files that a training was given, none for the bundled text, and their encoding.

    They concern this machine alone and are not exported. Raises StorageError.
    """
    files.write_json(folder / ORIGIN, {"sources": list(sources), "encoding": encoding})


class _Origin(Struct):
    """The files that a training was given, none for the bundled text, and their encoding."""

    sources: list[str] = []
    encoding: str | None = None


def _origin(folder: Path) -> _Origin:
    """What origin.json says; nothing if it cannot be read. The hash decides what it is worth."""
    try:
        return convert_json(parse_json(read_file(folder / ORIGIN), ORIGIN), _Origin, ORIGIN)
    except ModelError:
        return _Origin()


def held_out_lines(card: ModelCard, corpus: Corpus) -> tuple[str, ...]:
    """The lines of its corpus that the model was not trained on; none where there are none."""
    return _lines(card, corpus, held_out=True)


def training_lines(card: ModelCard, corpus: Corpus) -> tuple[str, ...]:
    """The lines of its corpus that the model was trained on."""
    return _lines(card, corpus, held_out=False)


def _lines(card: ModelCard, corpus: Corpus, *, held_out: bool) -> tuple[str, ...]:
    train = card.config.train
    mask = held_out_mask(len(corpus.lines), train.held_out, train.seed)
    chosen = zip(corpus.lines, mask, strict=True)
    return tuple(line for line, is_held_out in chosen if is_held_out == held_out)


def count_training_lines(card: ModelCard, corpus: Corpus, lines: Sequence[str]) -> int:
    """How many of `lines` the model was trained on, word by word, its corpus being `corpus`. Lines
    of less than four words do not count: they may stand in any text."""
    words = TOKENIZERS[card.tokenizer].words

    def long_enough(some: Iterable[str]) -> Iterable[tuple[str, ...]]:
        return (cut for line in some if len(cut := tuple(words(line))) >= FEWEST_WORDS)

    # The lines in question are fewer than those of a corpus, so they are what is kept in memory.
    wanted = list(long_enough(lines))
    found = frozenset(wanted).intersection(long_enough(training_lines(card, corpus)))
    return sum(line in found for line in wanted)
