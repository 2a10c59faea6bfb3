"""The text that a model was trained on: found again, and checked by its hash."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.errors import CorpusError
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.card import Ancestor, ModelCard
from rnnlm_tui.store.run_files import ModelSources, read_sources
from rnnlm_tui.text.overlap import SHORTEST, CopiedSpans
from rnnlm_tui.text.reading import STANDARD_INPUT, Text, arranged, read_text
from rnnlm_tui.text.tokenizer import Tokenizer

MOST_INDEXED = 12_000_000
"""Words of the largest text that is searched for copies, which takes about 10 seconds."""


def find_text(name: str, folder: Path, card: ModelCard) -> Text:
    """The text that the model `name` was trained on, with its lines arranged as then. `folder` is
    that of its run. Raises CorpusError if it cannot be found or has changed."""
    hint = f"give that text, or any other: {APP_NAME} --evaluate FILE --model {name}"
    found = find_sources(name, folder, card, hint)
    sources = found.sources or [str(bundled_corpus())]
    try:
        text = read_text(sources, found.encoding)
    except CorpusError as error:
        raise CorpusError(f"the text of {name} is gone: {error.message}", hint) from error
    if not is_text_of(card, text):
        message = f"{' and '.join(sources)} is no longer the text that {name} was trained on"
        raise CorpusError(message, hint)
    return arranged(text, card.config.lines)


def find_sources(name: str, folder: Path, card: ModelCard, hint: str) -> ModelSources:
    """Where to read the text of the model `name`, by the folder of its run; no sources for the
    bundled text. Raises CorpusError with this hint if that is unknown."""
    found = read_sources(folder)
    if not found.sources and not is_text_of(card, read_text([bundled_corpus()])):
        raise CorpusError(
            f"the file that {name} was trained on is not known here: its text was"
            f" {card.corpus.name}",
            hint,
        )
    if STANDARD_INPUT in found.sources:
        raise CorpusError(f"{name} was trained on a text from standard input", hint)
    return found


def has_changed(folder: Path, card: ModelCard) -> bool:
    """Whether the files that a model was trained on can be read and have changed. `folder` is that
    of its run."""
    found = read_sources(folder)
    if not found.sources or STANDARD_INPUT in found.sources:
        return False
    with suppress(CorpusError):
        return not is_text_of(card, read_text(found.sources, found.encoding))
    return False


def is_text_of(card: ModelCard, text: Text) -> bool:
    return card.corpus.sha256 == text.sha256


def copied_spans(
    name: str, folder: Path, card: ModelCard, tokenizer: Tokenizer
) -> CopiedSpans | None:
    """An index to find copies from the training text; None if that cannot be found or is too long.
    `tokenizer` is the model's. All that an n-gram model of order 5 writes are runs of five words of
    its text, so for it a copy must have ten."""
    shortest = max(SHORTEST, 2 * getattr(card.config.model, "order", 0))
    if card.corpus.words <= MOST_INDEXED:
        with suppress(CorpusError):
            return CopiedSpans(find_text(name, folder, card), tokenizer, shortest)
    return None


def ancestors_of(name: str, card: ModelCard) -> list[Ancestor]:
    """The ancestors of a training that starts from the model `name`: those of the model, then the
    model itself, which an update lists only once."""
    others = [ancestor for ancestor in card.ancestors if ancestor.name != name]
    return [*others, Ancestor(name, card.created, card.corpus)]
