"""Finds what a model has copied from its training text. Does not import textual."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.session.tables import Copied
from rnnlm_tui.tui.writing.predictor import LoadedModel, continued

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library
    from rnnlm_tui.text.overlap import CopiedSpans


class CopyFinder:
    """Finds words that a model copied from its training text, if that text still exists. Caches the
    index of the last text.

    Call it in a thread: the first call for a text takes a second per million words.
    """

    def __init__(self, library: Callable[[], Library]) -> None:
        self._library = library
        self._indexed: tuple[object, CopiedSpans | None] | None = None

    def copied(
        self, loaded_model: LoadedModel, line: str, words: Sequence[str]
    ) -> tuple[Copied, ...]:
        """Returns the copied spans of the tokens `words`, which follow `line`, as spans of the text
        that they make. A span may begin in `line`. No two overlap."""
        if (index := self._index_of(loaded_model)) is None:
            return ()
        above = loaded_model.model.tokenizer.words(line)
        spans = []
        for span in index.copied(words, above):
            first, last = (
                len(continued(loaded_model, line, words[:count]).split()) - 1
                for count in (span.start + 1, span.start + span.length)
            )
            spans.append(Copied(first, last - first + 1, span.line_number))
        return tuple(spans)

    def _index_of(self, loaded_model: LoadedModel) -> CopiedSpans | None:
        from rnnlm_tui.store.texts import copied_spans

        card = loaded_model.card
        text = (card.tokenizer, card.corpus.sha256)
        if self._indexed is None or self._indexed[0] != text:
            index = None
            with suppress(RnnlmError):
                folder = self._library().run_folder(loaded_model.name)
                tokenizer = loaded_model.model.tokenizer
                index = copied_spans(loaded_model.name, folder, card, tokenizer)
            self._indexed = text, index
        return self._indexed[1]
