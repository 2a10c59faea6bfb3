"""Finds the text that a model was trained on, and checks it by its hash."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct

from rnnlm_tui.errors import CorpusError, ModelError
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store import files
from rnnlm_tui.store.card import Ancestor, ModelCard
from rnnlm_tui.store.files import ORIGIN, read_json
from rnnlm_tui.store.trained_lines import TrainedLines, read_trained_lines, trained_on
from rnnlm_tui.text.corpus import (
    STANDARD_INPUT,
    Corpus,
    arranged,
    held_out_mask,
    read_corpus,
    split_lines,
)
from rnnlm_tui.text.overlap import CopiedSpans, no_hashes
from rnnlm_tui.text.streams import Mask
from rnnlm_tui.text.tokenizer import Tokenizer, make_tokenizer

LARGEST_INDEXED = 64 << 20
"""Bytes of the largest text that is searched for copies: 12 million words, about 10 seconds."""


def find_corpus(name: str, folder: Path, card: ModelCard) -> Corpus:
    """The text that the model `name` in `folder` was trained on, with its lines arranged as then.
    Raises CorpusError if it cannot be found or has changed."""
    hint = f"give that text, or any other: --evaluate FILE --model {name}"
    origin = known_origin(name, folder, card, hint)
    sources = origin.sources
    if not sources:
        return arranged(_bundled(), card.config.lines)
    odd = [path for path in map(Path, sources) if path.exists() and not path.is_file()]
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
        return read_json(folder / ORIGIN, Origin)
    except ModelError:
        return Origin()


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
    """The lines that the model `name` and its ancestors were trained on.

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
