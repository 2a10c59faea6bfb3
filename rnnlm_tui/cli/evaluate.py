"""`--evaluate`: measures models on a text."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs, to_builtins

from rnnlm_tui.cli.options import Request
from rnnlm_tui.cli.output import aligned, draw, draw_bar, print_fitted, print_json
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
    " of a word and after two and four letters; one at the cursor looks only there",
    "nats/char, unlike the perplexity, can be compared between models with different vocabularies",
)
KNOWN_WORDS_NOTE = "the perplexity of the lesson's network is that of the words it knows"
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
    """The metrics of a model. `parts` has those of each component of a mixed model alone.

    `trained_on` is the number of lines that the model was trained on, as `count_trained_on` returns
    it. `is_known` is True if that makes the metrics too good.
    """

    subject: OpenedModel
    figures: Evaluation
    parts: Mapping[ComponentName, Evaluation]
    trained_on: int | None
    is_known: bool


def show_evaluation(request: Request) -> int:
    """`--evaluate`."""
    library = Library(request.data_dir)
    subjects = [library.open(name) for name in (request.model, *request.against)]
    names = [subject.name for subject in subjects]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{twice} cannot be compared with itself", "name other models")
    text = text_to_measure(
        subjects[0], request.operands, request.encoding, request.limit, samples=not request.all
    )
    results = [_measure(subject, text) for subject in subjects]
    if request.json:
        print_json(evaluation_json(text, results))
    else:
        print_fitted(evaluation_table(text, results, request.limit))
    return 0


def _measure(subject: OpenedModel, text: MeasuredText) -> MeasuredModel:
    """Measures a model and its components. Warns if it has learned the text."""
    seen = count_trained_on(subject, text)
    name = sanitize(subject.name)
    if warning := warning_of(name, seen, text):
        print_warning(warning)
    figures = _score(name, subject.model, text)
    models = subject.model.models if isinstance(subject.model, MixedModel) else {}
    # Counting keys takes most of the time, and nobody writes with the n-grams or the network alone.
    parts = {
        part: _score(f"{LABELS[part]} alone", model, text, counts_keys=part == "base")
        for part, model in models.items()
    }
    base, alone = subject.card.base, parts.get("base")
    if base and alone and (savings := alone.keystroke_savings) is not None:
        figures = structs.replace(figures, base=BaseSavings(base, savings))
    return MeasuredModel(subject, figures, parts, seen, bool(warning))


def _score(
    name: str, model: LanguageModel, text: MeasuredText, *, counts_keys: bool = True
) -> Evaluation:
    """Scores the lines of a text in their context, with a progress bar on a terminal."""
    scored = list[evaluate.ScoredLine]()
    total, next_bar = len(text.lines), 0.0
    for above, lines in text.excerpts:
        for line in evaluate.score(model, lines, above, counts_keys=counts_keys):
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
                "name": result.subject.name,
                "preset": result.subject.card.config.preset,
                "tokenizer": result.subject.card.config.tokenizer,
                "trained_on_lines": result.trained_on,
                **to_builtins(result.figures),
                "components": _components(result),
            }
            for result in results
        ],
    }


def _components(result: MeasuredModel) -> list[dict[str, Any]] | None:
    """Returns the names, weights and metrics of the components of a mixed model, None for another
    model. The cache has no metrics."""
    if not isinstance(model := result.subject.model, MixedModel):
        return None
    return [
        {
            "name": name,
            "weight": weight,
            **(to_builtins(result.parts[name]) if name in result.parts else {}),
        }
        for name, weight in model.mixture_weights.items()
    ]


def evaluation_table(
    text: MeasuredText, results: Sequence[MeasuredModel], limit: int | None = None
) -> Iterator[str]:
    """Yields the metrics as tables, with a row for each model and each component of a mixed one.
    `limit` is the number of lines that were asked for, None for all or a sample."""
    whose = f" that {text.held_out_of} held out" if text.held_out_of else ""
    yield f"{plural(len(text.lines), 'line')} of {sanitize(text.corpus.name)}{whose}"
    if len(text.lines) < text.lines_in_all:
        chosen, note = ("the first", "") if limit else ("a sample", " (--all measures all of them)")
        yield f"{chosen} of {text.lines_in_all:,} lines{note}"
    yield ""
    rows: list[tuple[str, ...]] = [("", *COLUMNS)]
    keys_rows: list[tuple[str, ...]] = [("keys saved by a writer who is", *WRITERS.values())]
    for result in results:
        name, figures = sanitize(result.subject.name), result.figures
        if result.subject.model.vocabulary.unknown_id is None:  # it does not predict every word
            figures = structs.replace(figures, nats_per_character=None)
        rows.append(_figures_row(name, figures))
        keys_rows.append(_keys_row(name, figures))
        for part, found in result.parts.items():
            rows.append(_figures_row(f"  {LABELS[part]} alone", found))
            if part == "base":
                keys_rows.append(_keys_row(f"  {LABELS[part]} alone", found))
    yield from (*aligned(rows), "", *aligned(keys_rows), "")
    for result in results:
        if parts := result.subject.card.mixture_text:
            yield f"{sanitize(result.subject.name)} is a mixture: {sanitize(parts)}"
    yield from NOTES
    if any(result.subject.model.vocabulary.unknown_id is None for result in results):
        yield KNOWN_WORDS_NOTE
    for result in results:
        if sentence := savings_sentence(result.figures, are_unseen=not result.is_known):
            yield sanitize(f"{result.subject.name}: {sentence}")


def _keys_row(name: str, found: Evaluation) -> tuple[str, ...]:
    """Returns the keys that each writer saves, with half of the 95 % interval."""
    texts = list[str]()
    for writer in WRITERS:
        saved = getattr(found.keystroke_savings, writer, None)
        low, high = getattr(found.savings_intervals, writer, (0.0, 0.0))
        interval = f" ±{(high - low) / 2:.1%}" if high > low else ""
        texts.append("-" if saved is None else f"{saved:.1%}{interval}")
    return (name, *texts)


def _figures_row(name: str, found: Evaluation) -> tuple[str, ...]:
    values = ((getattr(found, field), form) for field, form in COLUMNS.values())
    return (name, *("-" if value is None else format(value, form) for value, form in values))
