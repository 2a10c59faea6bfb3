"""A scripted explanation, and the Inside screen in a scripted app."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from textual.strip import Strip

from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.stages import Stage
from rnnlm_tui.suggesting.accepting import Suggestion
from rnnlm_tui.suggesting.explain import Explanation, LineWord, Part
from rnnlm_tui.tui.app import RnnlmApp
from tests.helpers.app import InTest, answered, current_tab, press, running, scripted_app, until


class Asked(NamedTuple):
    """A question: the line up to the chosen word, the lines above, and the model."""

    line: str
    above: tuple[str, ...]
    model: LanguageModel


class Script:
    """Explains every line in the same way. Explanations wait while `gate` is cleared."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.gate = threading.Event()
        self.gate.set()

    @property
    def lines(self) -> list[str]:
        return [asked.line for asked in self.asked]

    def explain(
        self, model: LanguageModel, line: str, above: Sequence[str], contexts: Contexts
    ) -> Explanation:
        self.asked.append(Asked(line, tuple(above), model))
        assert self.gate.wait(20), "nobody opened the gate"
        return explanation(tuple(line.split()))


def embedding(rows: int) -> Stage:
    """The units of each row are -0.5, -0.3, -0.1, 0, 0.2 and 0.5."""
    values = np.tile(np.array([-0.5, -0.3, -0.1, 0, 0.2, 0.5], np.float32), (rows, 1))
    labels = tuple(f"row{number}" for number in range(rows))
    return Stage("embedding", "Each id selects its row.", values, labels)


def explanation(words: tuple[str, ...] = ("shall", "i")) -> Explanation:
    """A mixture of a network and n-grams, which suggests two words. Every word of the line matters
    but "zzz", which is unknown."""
    top = (("compare", 0.75), ("do", 0.25))
    network = (
        Stage("words", "The line is split.", np.array(words, np.str_)),
        replace(embedding(len(words) + 1), layer="Embedding", parameters=75_300),
        Stage("gru", "The memory.", np.full((len(words), 3), -0.5, np.float32), words),
        Stage("update gate", "How much is kept.", np.full((len(words), 3), 0.5, np.float32), words),
        Stage("softmax", "They sum to 1.", np.array([0.75, 0.25], np.float32), top=top),
    )
    values, columns = np.array([[0.1, 0.2], [0.5, 0.25]]), ("compare", "do")
    table = Stage("n-grams", "After each context.", values, ("(no word)", "i"), columns)
    return Explanation(
        prefix="",
        words=tuple(
            LineWord(word, word != "zzz", word != "zzz", 0.5, 2, np.array([0.3, 0.0], np.float32))
            for word in words
        ),
        earlier=0,
        suggestions=tuple(
            Suggestion(word, share, word, False, True)
            for word, share in (("compare", 0.6), ("do", 0.2))
        ),
        probabilities=np.array([0.6, 0.2], np.float32),
        parts=(
            Part("network", 0.5, np.array([0.9, 0.1], np.float32), network),
            Part("n-grams", 0.5, np.array([0.3, 0.3], np.float32), (network[0], table)),
        ),
        neighbours={"i": (("you", 0.5),)} if words[-1:] == ("i",) else {},
        notes=() if words else ("No whole word stands before the cursor yet.",),
    )


def _marked(strip: Strip) -> str:
    """The text of a row, with brackets around what is in reverse."""
    return "".join(
        f"[{text.strip()}]" if style is not None and style.reverse else text
        for text, style, _ in strip
    )


class Inside(InTest[RnnlmApp]):
    """The screen in a test."""

    script: Script

    async def sees(self, *parts: str) -> None:
        """Waits until a row of the screen holds all of these. Text in reverse is in brackets."""

        def is_seen() -> bool:
            rows = map(_marked, self.app.screen._compositor.render_strips())
            return any(all(part in row for part in parts) for row in rows)

        await until(is_seen)

    async def explains(self, line: str) -> None:
        """Waits until this line is explained."""
        await until(lambda: self.script.lines[-1] == line)
        workers = self.app.workers
        await until(lambda: all(w.group != "explain" for w in workers))


@asynccontextmanager
async def inside(
    folder: Path,
    script: Script,
    line: str = "",
    size: tuple[int, int] = (80, 24),
    models: Mapping[str, LanguageModel] | None = None,
) -> AsyncIterator[Inside]:
    """The screen, opened after this line was typed on the Autocomplete screen."""
    app = scripted_app(folder, models)
    async with running(app, size=size) as pilot:
        await answered(pilot)
        app.autocomplete.editor.set_text(line)
        await press(pilot, "f10")
        on = Inside(app, pilot)
        on.script = script
        await until(lambda: current_tab(app) == "Inside")
        await on.sees("compare")
        yield on
