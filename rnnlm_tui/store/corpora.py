"""Finds the texts that models were trained on, and chooses lines to measure models on. Stores texts
that were written in the app as files, so that runs can be resumed and models updated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, compress, count
from pathlib import Path

import numpy as np

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.errors import CorpusError, ModelError, StorageError, os_reason
from rnnlm_tui.store.card import Ancestor, ModelCard
from rnnlm_tui.store.files import write_bytes
from rnnlm_tui.store.library import Library, OpenedModel
from rnnlm_tui.store.model_file import open_stored
from rnnlm_tui.store.names import built_in_names, built_in_path
from rnnlm_tui.store.run_files import ModelSources, read_sources
from rnnlm_tui.store.trained_lines import IS_BUILT_IN, count_seen, language_has_learned
from rnnlm_tui.text.held_out import (
    EXCERPT_WORDS,
    LONG_EXCERPT_WORDS,
    Excerpt,
    excerpts_of,
    sample_mask,
)
from rnnlm_tui.text.line_hashes import hash_lines
from rnnlm_tui.text.reading import STANDARD_INPUT, Corpus, arrange_lines, read_corpus

SAMPLE_WORDS = 20_000
"""The number of words in the sample that is measured by default."""
WORTH_A_WARNING = 0.01
"""The smallest share of lines seen in training that is warned of. A smaller share may be refrains,
which many songs have."""
BETWEEN_TEXTS = "\n\n"
"""The separator of written texts in a file. Each is a paragraph of its own."""


def find_text(name: str, folder: Path, card: ModelCard) -> Corpus:
    """Returns the text that the model `name` was trained on, with lines as in its training.
    `folder` is that of its run. Raises CorpusError if the text is gone or has changed."""
    hint = f"give that text, or any other: {APP_NAME} --evaluate FILE --model {name}"
    text = current_text(name, folder, card, hint)
    if not is_text_of(card, text):
        raise CorpusError(f"{text.name} is no longer the text that {name} was trained on", hint)
    return arrange_lines(text, card.config.lines)


def current_text(name: str, folder: Path, card: ModelCard, hint: str) -> Corpus:
    """Reads the text of the model `name` as it is now. Raises CorpusError with this hint."""
    found = find_sources(name, folder, card, hint)
    try:
        return read_corpus(found.sources, found.encoding)
    except CorpusError as error:
        raise CorpusError(f"the text of {name} is gone: {error.message}", hint) from error


def find_sources(name: str, folder: Path, card: ModelCard, hint: str) -> ModelSources:
    """Returns the sources of the text of the model `name`, which the `folder` of its run has. The
    bundled text has no sources. Raises CorpusError with this hint if they are not known."""
    found = read_sources(folder)
    if not found.sources and not is_text_of(card, read_corpus([])):
        raise CorpusError(
            f"the file that {name} was trained on is not known here: its text was"
            f" {card.corpus.name}",
            hint,
        )
    if STANDARD_INPUT in found.sources:
        raise CorpusError(f"{name} was trained on a text from standard input or a pipe", hint)
    return found


def is_text_of(card: ModelCard, text: Corpus) -> bool:
    return card.corpus.sha256 == text.sha256


@dataclass(frozen=True, slots=True)
class MeasuredText:
    """The lines that models are measured on, as `excerpts` of the text. `held_out_of` is the model
    that held them out, or None. `lines_in_all` also counts lines that the sample leaves out."""

    corpus: Corpus
    excerpts: Sequence[Excerpt]
    held_out_of: str | None
    lines_in_all: int

    @property
    def lines(self) -> list[str]:
        return [line for excerpt in self.excerpts for line in excerpt.lines]


def text_to_measure(
    subject: OpenedModel,
    sources: Sequence[str],
    encoding: str | None = None,
    limit: int | None = None,
    *,
    samples: bool = True,
) -> MeasuredText:
    """Returns lines of the files `sources` to measure a model on. Without sources they are lines of
    the text that the model was trained on. Of that text only the held-out lines are taken, if any.
    A `limit` takes the first ones, and otherwise `samples` takes a sample. Raises RnnlmError."""
    name, card, tokenizer = subject.name, subject.card, subject.model.tokenizer
    if sources:
        text = arrange_lines(read_corpus(sources, encoding), card.config.lines)
    elif card.holds_out:
        text = find_text(name, subject.folder, card)
    else:
        raise _nothing_held_out(name)
    has_words = np.fromiter((bool(tokenizer.words(line)) for line in text), np.bool_)
    held_out = np.zeros_like(has_words)
    if is_text_of(card, text):
        with open_stored(subject.path) as stored:
            held_out = has_words & np.isin(hash_lines(text, tokenizer), stored.lines().unseen)
    is_held_out = bool(held_out.any())
    if not is_held_out and not sources:
        raise _nothing_held_out(name)
    chosen = held_out if is_held_out else has_words
    lines_in_all = int(chosen.sum())
    if not lines_in_all:
        raise CorpusError(f"{text.name} holds no words to measure on", "give another text")
    excerpt_words = EXCERPT_WORDS if is_held_out else LONG_EXCERPT_WORDS
    if limit:
        chosen &= np.cumsum(chosen) <= limit
    elif samples:
        chosen = sample_mask(text, SAMPLE_WORDS, chosen, excerpt_words)
    excerpts = excerpts_of(text, chosen, excerpt_words)
    return MeasuredText(text, excerpts, name if is_held_out else None, lines_in_all)


def _nothing_held_out(name: str) -> ModelError:
    """Returns the error for a model without held-out lines. Its hint says how to get figures."""
    return ModelError(
        f"{name} was trained on all its lines: there is no figure for lines that it never saw",
        f"give a text that it has not seen, {APP_NAME} --evaluate FILE --model {name}, or train a"
        " model with {held_out} 0.1",
    )


def count_trained_on(subject: OpenedModel, text: MeasuredText) -> int | None:
    """Returns the number of the lines that the model was trained on. Returns None if a built-in
    language has learned the text, and the model is that language or started from it. A language
    stores too few hashes to count lines."""
    card, tokenizer = subject.card, subject.model.tokenizer
    names = {subject.name, card.base, *(ancestor.name for ancestor in card.ancestors)}
    names.discard(text.held_out_of)
    for name in filter(names.__contains__, built_in_names()):
        with open_stored(built_in_path(name)) as stored:
            if not stored.card.is_language:
                continue
            learned = stored.lines().known
        sample = compress(text.corpus, sample_mask(text.corpus, SAMPLE_WORDS))
        if language_has_learned(sample, tokenizer, learned):
            return None
    with open_stored(subject.path) as stored:
        return count_seen(text.lines, tokenizer, stored.lines().known)


def warning_of(name: str, seen: int | None, text: MeasuredText) -> str:
    """Returns a warning about the figures of a model, or "" if hardly any line was seen. `seen` is
    the result of `count_trained_on`."""
    if seen is None:
        return f"{name}: {IS_BUILT_IN}"
    if seen < max(1, WORTH_A_WARNING * len(text.lines)):
        return ""
    return (
        f"{name} was trained on {seen:,} of these {len(text.lines):,} lines: there its figures say"
        " how well it remembers, not how well it predicts"
    )


def ancestors_of(name: str, card: ModelCard) -> list[Ancestor]:
    """Returns the ancestors of a training that starts from the model `name`. They are the ancestors
    of the model, and then the model. A model that was updated is listed only once."""
    others = [ancestor for ancestor in card.ancestors if ancestor.name != name]
    return [*others, Ancestor(name, card.created, card.corpus)]


def save_written(folder: Path, name: str, paragraphs: Iterable[str]) -> Path:
    """Stores the written paragraphs that the model of this name learns, and returns the path of
    their file. Only the owner can read the folder. A file with another text is not replaced, since
    the run of a renamed model may need it. Raises StorageError."""
    text = BETWEEN_TEXTS.join(paragraphs) + "\n"
    raw = text.encode("utf-8-sig", "replace")  # read as UTF-8 whatever encoding is asked for
    stems = chain([f"{name}-written"], (f"{name}-written-{number}" for number in count(2)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        paths = (folder / f"{stem}.txt" for stem in stems)
        path = next(path for path in paths if not path.exists() or path.read_bytes() == raw)
        write_bytes(path, raw)
        path.chmod(0o600)
    except OSError as error:
        raise StorageError(f"cannot store the text in {folder}: {os_reason(error)}") from error
    return path


def paragraphs_of(written: Iterable[str]) -> list[str]:
    """Returns the lines that were `written` in the app as paragraphs. Such a line may have line
    breaks; blank lines within it are removed. A blank line is left out."""
    texts = ("\n".join(filter(str.strip, text.splitlines())) for text in written)
    return [*filter(None, texts)]


def not_learned(library: Library, name: str, written: Iterable[str]) -> list[str]:
    """Returns the paragraphs of `written` that the model has not learned. Raises RnnlmError."""
    learned = Counter[str]()
    for path in library.stored_texts(name):
        try:
            text = path.read_text("utf-8-sig", "replace").removesuffix("\n")
            learned.update(text.split(BETWEEN_TEXTS))
        except OSError as error:
            raise StorageError(f"cannot read {path}: {os_reason(error)}") from error
    new = list[str]()
    for text in paragraphs_of(written):
        if learned[text]:
            learned[text] -= 1
        else:
            new.append(text)
    return new
