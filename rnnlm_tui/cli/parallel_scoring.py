"""Scores lines with a model, in several processes if there are many lines."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path

from rnnlm_tui.cli import output
from rnnlm_tui.cli.inputs import OpenedModel, free_memory
from rnnlm_tui.errors import ModelError
from rnnlm_tui.evaluate import Part, ScoredLine, Scorer, parts_of
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.lm.mixture import ComponentName, MixedModel
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.library import Library
from rnnlm_tui.text.workers import MOST_WORKERS, Workers
from rnnlm_tui.threads import usable_cores

BAR_EVERY_S = 0.1
PROCESS_BYTES = 150 << 20
"""Memory of a process without the parameters of its model."""
FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class ScorePart:
    """A task for worker processes, each of which opens the model once: scores a part with a model
    of the library, or with a component of a mixed one. `updated` is the date on the model's card.
    """

    data_dir: Path
    name: str
    updated: str
    component: ComponentName | None

    def __call__(self, part: Part) -> list[ScoredLine]:
        """Raises ModelError if the model has changed."""
        return list(_scorer(self).score(part))


@lru_cache(1)
def _scorer(task: ScorePart) -> Scorer:
    card, model = Library(task.data_dir).open(task.name)
    if card.updated != task.updated:
        raise ModelError(f"{task.name} was saved again while it was measured", "measure it again")
    if task.component is not None:
        assert isinstance(model, MixedModel)
        model = model.models[task.component]
    return Scorer(model)


def scored_lines(
    data_dir: Path,
    subject: OpenedModel,
    lines: Sequence[str],
    component: ComponentName | None = None,
) -> list[ScoredLine]:
    """Scores the lines, with a progress bar on a terminal. `component` is set if the model of
    `subject` is only that component of the model in its folder. Raises ModelError."""
    return with_bar(_scores(data_dir, subject, lines, component), subject.name, len(lines))


def with_bar(scores: Iterable[ScoredLine], name: str, count: int) -> list[ScoredLine]:
    """The scores of `count` lines, with a progress bar on a terminal until all are computed."""
    scored, next_bar = list[ScoredLine](), 0.0
    has_bar, label = output.has_bar(), sanitize(name)

    def draw_bar() -> None:
        nonlocal next_bar
        if has_bar and time.monotonic() >= next_bar:
            output.draw(output.bar_line(label, len(scored), count, (), "lines"))
            next_bar = time.monotonic() + BAR_EVERY_S

    draw_bar()
    try:
        for line in scores:
            scored.append(line)
            draw_bar()
    finally:
        if has_bar:
            output.draw("")
    return scored


def _scores(
    data_dir: Path,
    subject: OpenedModel,
    lines: Sequence[str],
    component: ComponentName | None,
) -> Iterator[ScoredLine]:
    parts = [*parts_of(subject.model, lines)]
    processes = _processes(subject.card, len(parts))
    if processes == 1:
        yield from chain.from_iterable(map(Scorer(subject.model).score, parts))
        return
    task = ScorePart(data_dir, subject.folder.name, subject.card.updated, component)
    with closing(Workers(processes)) as workers:
        yield from chain.from_iterable(workers.map(task, parts))


def _processes(card: ModelCard, parts: int) -> int:
    """The number of processes for so many parts: one per core, if there is memory for all."""
    most = min(parts, usable_cores(), MOST_WORKERS)
    if most == 1:
        return 1
    each = PROCESS_BYTES + FLOAT_BYTES * card.parameters
    return max(1, min(most, free_memory() // each))
