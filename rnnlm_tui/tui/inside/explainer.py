"""Explains lines in a thread. Does not import textual."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnlm_tui.explain import Explanation
    from rnnlm_tui.lm.contexts import Contexts
    from rnnlm_tui.lm.model import LanguageModel


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """An explanation, the last word of the line that has an embedding, and its `neighbours`, each
    with the cosine."""

    found: Explanation
    word: str
    neighbours: tuple[tuple[str, float], ...]


class Explainer:
    """Explains in a single thread of its own, since only one at a time may use the contexts."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "explainer")
        self._contexts: Contexts | None = None

    async def explain(self, model: LanguageModel, line: str, above: Sequence[str]) -> Explained:
        """Explains a line. Does not begin if it is cancelled before the thread is free."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._explain, model, line, above)

    def _explain(self, model: LanguageModel, line: str, above: Sequence[str]) -> Explained:
        from rnnlm_tui.lm.contexts import Contexts

        if self._contexts is None or self._contexts.model is not model:
            self._contexts = Contexts(model)
        return explained(self._contexts, line, above)

    def close(self) -> None:
        """Ends the thread without waiting for it."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def explained(contexts: Contexts, line: str, above: Sequence[str]) -> Explained:
    from rnnlm_tui.explain import explain, neighbours

    model = contexts.model
    found = explain(model, line, above, contexts)
    known = [word.word for word in found.words if word.known]
    words = [word for word in known if not model.tokenizer.is_mark(word)]
    last = words[-1] if words else ""
    return Explained(found, last, neighbours(model, last))
