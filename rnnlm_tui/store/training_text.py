"""The text that a model was trained on: found again, and checked by its hash."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from rnnlm_tui.errors import CorpusError, ModelError, UsageError
from rnnlm_tui.paths import APP_NAME, bundled_corpus
from rnnlm_tui.store import files
from rnnlm_tui.store.card import Ancestor, ModelCard
from rnnlm_tui.store.files import ORIGIN, read_json
from rnnlm_tui.text.corpus import STANDARD_INPUT, Corpus, join_paragraphs, read_corpus, text_hash
from rnnlm_tui.text.overlap import CopiedSpans
from rnnlm_tui.text.sources import check_names, kind_of
from rnnlm_tui.text.tokenizer import Tokenizer

LARGEST_INDEXED = 64 << 20
"""Bytes of the largest text that is searched for copies: 12 million words, about 10 seconds."""


def find_corpus(name: str, folder: Path, card: ModelCard) -> Corpus:
    """The text that the model `name` was trained on, with its lines arranged as then. `folder` is
    that of its run. Raises CorpusError if it cannot be found or has changed."""
    hint = f"give that text, or any other: {APP_NAME} --evaluate FILE --model {name}"
    origin = find_origin(name, folder, card, hint)
    sources = origin.sources
    if not sources:
        return join_paragraphs(_bundled(), card.config.lines)
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
    return join_paragraphs(corpus, card.config.lines)


def has_changed(folder: Path, card: ModelCard) -> bool:
    """Whether the files that a model was trained on can be read and have changed. `folder` is that
    of its run."""
    origin = read_origin(folder)
    try:
        are_files = all(kind_of(Path(path)) == stat.S_IFREG for path in origin.sources)
        if not (origin.sources and are_files):
            return False
        return text_hash(origin.sources, origin.encoding) != card.corpus["sha256"]
    except CorpusError:
        return False


def find_origin(name: str, folder: Path, card: ModelCard, hint: str) -> Origin:
    """Where to read the text of the model `name`, by the folder of its run. Raises CorpusError with
    this hint if that is unknown."""
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
    """Stores the files that a training was given and their encoding in the folder of its run, since
    paths never enter a model's file. Raises StorageError."""
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


def ancestors_of(name: str, card: ModelCard) -> list[Ancestor]:
    """The ancestors of a training that starts from the model `name`: those of the model, then the
    model itself, which an update lists only once."""
    others = (ancestor for ancestor in card.ancestors if ancestor["name"] != name)
    return [*others, Ancestor(name=name, created=card.created, corpus=card.corpus)]
