"""`--evaluate`: measures models on a text."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs, to_builtins

from rnnlm_tui.cli.options import CommandLine
from rnnlm_tui.cli.output import draw, draw_bar, print_json, print_wrapped, table_lines
from rnnlm_tui.errors import UsageError, print_warning
from rnnlm_tui.events import BaseSavings, Evaluation
from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.lm.mixture import LABELS, ComponentName, MixedModel
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.corpora import MeasuredText, count_trained_on, text_to_measure, warning_of
from rnnlm_tui.store.library import Library, OpenedModel
from rnnlm_tui.suggesting import evaluate
from rnnlm_tui.wording.savings import savings_sentence

NOTES = (
    "top-1 and top-5 are shares of all words; a word that a model does not know is a miss",
    "keys saved are counted with the app's keys and default settings; each space, mark and end of"
    " line counts. An attentive writer reads the list after every key, a glancing one at the start"
    " of a word and after two and four letters; one at the cursor reads only the ghost",
    "nats/char, unlike the perplexity, can be compared between models with different vocabularies",
)
LESSON_NOTE = "the perplexity of the lesson's network leaves out the words that it does not know"
COLUMNS = {
    "words": ("words", ",d"),
    "unknown": ("oov_share", ".1%"),
    "top-1": ("top1", ".1%"),
    "top-5": ("top5", ".1%"),
    "perplexity": ("perplexity", ",.1f"),
    "nats/char": ("nats_per_character", ".3f"),
}
"""The columns of the table: the head, the field of the evaluation and its format."""
WRITERS = {"attentive": "attentive", "glancing": "glancing", "at_cursor": "at the cursor"}
"""The writers whose keys are counted, with the heads of their columns."""
BAR_EVERY_S = 0.1
"""Seconds between two drawings of the progress bar."""


@dataclass(frozen=True, slots=True)
class MeasuredModel:
    """A model with its metrics on a text. `components` has the metrics of each component of a mixed
    model alone.

    `trained_on` is the number of lines of the text that the model was trained on, as
    `count_trained_on` returns it. `is_unseen` is True if they are too few to count.
    """

    opened: OpenedModel
    figures: Evaluation
    components: Mapping[ComponentName, Evaluation]
    trained_on: int | None
    is_unseen: bool

    @property
    def is_lesson(self) -> bool:
        """True for the lesson's network. It gives unknown words no probability, so its nats per
        character are not comparable."""
        return self.opened.card.config.is_lesson


def show_evaluation(command: CommandLine) -> int:
    """`--evaluate`."""
    library = Library(command.data_dir)
    models = [library.open(name) for name in (command.model, *command.against)]
    names = [model.name for model in models]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{twice} cannot be compared with itself", "name other models")
    text = text_to_measure(
        models[0], command.operands, command.encoding, command.limit, samples=not command.all
    )
    results = [_measure(model, text) for model in models]
    if command.json:
        print_json(evaluation_json(text, results))
    else:
        print_wrapped(evaluation_table(text, results, command.limit))
    return 0


def _measure(opened: OpenedModel, text: MeasuredText) -> MeasuredModel:
    """Measures a model and its components. Warns if the model has learned the text."""
    trained_on = count_trained_on(opened, text)
    name = sanitize(opened.name)
    if warning := warning_of(name, trained_on, text):
        print_warning(warning)
    figures = _evaluated(name, opened.model, text)
    models = opened.model.models if isinstance(opened.model, MixedModel) else {}
    # Keys are counted only for models that people write with, not for the n-grams or the network
    # alone, since counting takes most of the time.
    components = {
        part: _evaluated(f"{LABELS[part]} alone", model, text, counts_keys=part == "base")
        for part, model in models.items()
    }
    base, alone = opened.card.base, components.get("base")
    if base and alone and (savings := alone.keystroke_savings) is not None:
        figures = structs.replace(figures, base=BaseSavings(base, savings))
    return MeasuredModel(opened, figures, components, trained_on, is_unseen=not warning)


def _evaluated(
    name: str, model: LanguageModel, text: MeasuredText, *, counts_keys: bool = True
) -> Evaluation:
    """Evaluates a model on the lines of a text in their context. Shows a progress bar, which begins
    with `name`, on a terminal."""
    scored = list[evaluate.ScoredLine]()
    total, next_bar = len(text.lines), 0.0
    for line in evaluate.score(model, text.excerpts, counts_keys=counts_keys):
        if time.monotonic() >= next_bar:
            draw_bar(name, len(scored) / total, f"{len(scored):,}/{total:,} lines")
            next_bar = time.monotonic() + BAR_EVERY_S
        scored.append(line)
    draw("")
    return evaluate.summarize(scored)


def evaluation_json(text: MeasuredText, results: Sequence[MeasuredModel]) -> dict[str, Any]:
    """Returns the output of `--evaluate --json`, which is a contract."""
    return {
        "corpus": {
            "name": text.corpus.name,
            "sha256": text.corpus.sha256,
            "lines": len(text.lines),
            "lines_in_all": text.lines_in_all,
            "held_out_of": text.held_out_of,
        },
        "models": [
            {
                "name": result.opened.name,
                "preset": result.opened.card.config.preset,
                "tokenizer": result.opened.card.config.tokenizer,
                "trained_on_lines": result.trained_on,
                **to_builtins(result.figures),
                "components": _components_json(result),
            }
            for result in results
        ],
    }


def _components_json(result: MeasuredModel) -> list[dict[str, Any]] | None:
    """Returns the names, weights and metrics of the components of a mixed model, None for another
    model. The cache has no metrics."""
    model = result.opened.model
    if not isinstance(model, MixedModel):
        return None
    return [
        {
            "name": name,
            "weight": weight,
            **to_builtins(result.components.get(name, {})),
        }
        for name, weight in model.mixture_weights.items()
    ]


def evaluation_table(
    text: MeasuredText, results: Sequence[MeasuredModel], limit: int | None = None
) -> Iterator[str]:
    """Yields the metrics as tables, with a row for each model and each component of a mixed one.
    `limit` is the number of lines that were asked for, None for all or a sample."""
    held_out = f" that {text.held_out_of} held out" if text.held_out_of else ""
    yield f"{plural(len(text.lines), 'line')} of {sanitize(text.corpus.name)}{held_out}"
    if len(text.lines) < text.lines_in_all:
        of_all = f"of {text.lines_in_all:,} lines"
        yield f"the first {of_all}" if limit else f"a sample {of_all} (--all measures all of them)"
    yield ""
    rows: list[tuple[str, ...]] = [("", *COLUMNS)]
    keys_rows: list[tuple[str, ...]] = [("keys saved by a writer who is", *WRITERS.values())]
    for result in results:
        name, figures = sanitize(result.opened.name), result.figures
        if result.is_lesson:
            figures = structs.replace(figures, nats_per_character=None)
        rows.append(_figures_row(name, figures))
        keys_rows.append(_keys_row(name, figures))
        for part, alone in result.components.items():
            rows.append(_figures_row(f"  {LABELS[part]} alone", alone))
            if part == "base":
                keys_rows.append(_keys_row(f"  {LABELS[part]} alone", alone))
    yield from (*table_lines(rows), "", *table_lines(keys_rows), "")
    for result in results:
        if parts := result.opened.card.mixture_text:
            yield f"{sanitize(result.opened.name)} is a mixture: {sanitize(parts)}"
    yield from NOTES
    if any(result.is_lesson for result in results):
        yield LESSON_NOTE
    for result in results:
        if sentence := savings_sentence(result.figures, are_unseen=result.is_unseen):
            yield sanitize(f"{result.opened.name}: {sentence}")


def _keys_row(name: str, figures: Evaluation) -> tuple[str, ...]:
    """Returns the keys that each writer saves, with half of the 95 % interval."""
    texts = list[str]()
    for writer in WRITERS:
        saved = getattr(figures.keystroke_savings, writer, None)
        low, high = getattr(figures.savings_intervals, writer, (0.0, 0.0))
        interval = f" ±{(high - low) / 2:.1%}" if high > low else ""
        texts.append("-" if saved is None else f"{saved:.1%}{interval}")
    return (name, *texts)


def _figures_row(name: str, figures: Evaluation) -> tuple[str, ...]:
    values = ((getattr(figures, field), form) for field, form in COLUMNS.values())
    return (name, *("-" if value is None else format(value, form) for value, form in values))
