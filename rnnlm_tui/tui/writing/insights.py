"""What is found out about a model that suggests, behind its back: how good it is on lines that it
never saw, and which of its words stand in its text. No textual here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.tui.runs.child import own_command
from rnnlm_tui.tui.runs.processes import ended, start_unheard
from rnnlm_tui.tui.writing.predictor import LoadedModel
from rnnlm_tui.tui.writing.transcript import Copied

if TYPE_CHECKING:
    from rnnlm_tui.evaluate import Evaluation
    from rnnlm_tui.store.card import ModelCard
    from rnnlm_tui.store.library import Library
    from rnnlm_tui.text.overlap import CopiedSpans

NICENESS = 10
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
"""Whoever writes meanwhile needs the other core."""


class Insights:
    """Remembers what it has found out of the model asked about last."""

    def __init__(
        self, library: Callable[[], Library], command: Sequence[str] | None = None
    ) -> None:
        """`command` stands in the place of this program, headless."""
        self._library = library
        self._command = own_command() if command is None else command
        self._indexed: tuple[object, CopiedSpans | None] | None = None

    async def evaluation(self, name: str, card: ModelCard, *, measure: bool) -> Evaluation | None:
        """The model's figures on the lines that its training held out, where there are any; if
        they were never taken, and `measure`, a process of its own takes them first. One that is
        cancelled is killed."""
        found = await asyncio.to_thread(self._read, name, card)
        if found is None and measure and await asyncio.to_thread(self._can_be_measured, name, card):
            await self._measure(name)
            found = await asyncio.to_thread(self._read, name, card)
        return found

    def _read(self, name: str, card: ModelCard) -> Evaluation | None:
        from rnnlm_tui.store.evaluations import read_evaluation

        with suppress(RnnlmError):  # a name that no folder has
            return read_evaluation(self._library().path(name), card)
        return None

    def _can_be_measured(self, name: str, card: ModelCard) -> bool:
        """Not while it trains: each epoch would be measured, and take the processor from it."""
        from rnnlm_tui.store.evaluations import holds_out

        with suppress(RnnlmError):
            return holds_out(card) and self._library().holder(name) is None
        return False

    async def _measure(self, name: str) -> None:
        data = ("--data-dir", str(self._library().folder.parent))
        with suppress(OSError):
            command = [*self._command, "--evaluate", "--model", name, "--json", *data]
            process = start_unheard(command, {**os.environ, **ONE_THREAD})
            if hasattr(os, "setpriority"):
                os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
            await ended(process, process.wait)

    def copied(self, loaded_model: LoadedModel, words: Sequence[str]) -> tuple[Copied, ...]:
        """The spans of five words or more that stand in the text that the model was trained on, if
        that text is still there. Called in a thread; the first call for a text takes a second for
        each million of its words."""
        from rnnlm_tui.store.training_text import copied_spans

        text = (loaded_model.card.tokenizer, loaded_model.card.corpus.get("sha256"))
        if self._indexed is None or self._indexed[0] != text:
            index = None
            with suppress(RnnlmError):
                index = copied_spans(
                    loaded_model.name, self._library().path(loaded_model.name), loaded_model.card
                )
            self._indexed = text, index
        index = self._indexed[1]
        spans = index.find(words) if index is not None else ()
        return tuple(Copied(span.start, span.length, span.line_number) for span in spans)
