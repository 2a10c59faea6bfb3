"""Background facts about the active model. No textual here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.tui.session.turns import Copied
from rnnlm_tui.tui.writing.predictor import LoadedModel

if TYPE_CHECKING:
    from rnnlm_tui.evaluate import Evaluation
    from rnnlm_tui.store.library import Library
    from rnnlm_tui.text.overlap import CopiedSpans, Span


class Insights:
    """How good a model is on lines that it never saw, and which of its words are copied from its
    training text. Remembers the text of the model asked about last."""

    def __init__(self, library: Callable[[], Library]) -> None:
        self._library = library
        self._indexed: tuple[object, CopiedSpans | None] | None = None

    async def evaluation(self, loaded_model: LoadedModel) -> Evaluation | None:
        """The evaluation that was written after the model's training; None if there is none."""

        def read() -> Evaluation | None:
            from rnnlm_tui.store.evaluations import read_evaluation

            with suppress(RnnlmError):  # a name that no folder has
                folder = self._library().path(loaded_model.name)
                return read_evaluation(folder, loaded_model.card)
            return None

        return await asyncio.to_thread(read)

    def copied(
        self, loaded_model: LoadedModel, line: str, words: Sequence[str]
    ) -> tuple[Copied, ...]:
        """The spans of `words` that are copied from the text that the model was trained on, if that
        text is still there; a span may begin in `line`, which comes before them. No two overlap.

        Call it in a thread: the first call for a text takes a second a million words.
        """
        if (index := self._index_of(loaded_model)) is None:
            return ()
        above = list(loaded_model.model.tokenizer.words(line))
        shortest = _shortest_span(loaded_model)
        spans = [
            span
            for span in index.find([*above, *words])
            if span.length >= shortest and span.start + span.length > len(above)
        ]
        return tuple(_without(len(above), span) for span in _disjoint(spans))

    def _index_of(self, loaded_model: LoadedModel) -> CopiedSpans | None:
        from rnnlm_tui.store.training_text import copied_spans

        card = loaded_model.card
        text = (card.tokenizer, card.corpus.get("sha256"))
        if self._indexed is None or self._indexed[0] != text:
            index = None
            with suppress(RnnlmError):
                folder = self._library().path(loaded_model.name)
                index = copied_spans(loaded_model.name, folder, card)
            self._indexed = text, index
        return self._indexed[1]


def _shortest_span(loaded_model: LoadedModel) -> int:
    """The fewest words that are worth a note. An n-gram model of order 5 never writes anything but
    runs of five words of its text, so it has copied only where it goes on for longer."""
    from rnnlm_tui.text.overlap import SHORTEST

    order = getattr(loaded_model.card.config.model, "order", 0)
    return max(SHORTEST, 2 * order)


def _disjoint(spans: Iterable[Span]) -> list[Span]:
    """The longest spans that do not overlap, in their order."""
    chosen: list[Span] = []
    for span in sorted(spans, key=lambda span: -span.length):
        end = span.start + span.length
        if all(end <= other.start or other.start + other.length <= span.start for other in chosen):
            chosen.append(span)
    return sorted(chosen, key=lambda span: span.start)


def _without(words: int, span: Span) -> Copied:
    """The part of the span that comes after so many words."""
    start = max(span.start - words, 0)
    return Copied(start, span.start + span.length - words - start, span.line_number)
