"""`--evaluate`: measures models on a text."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import numpy as np
from msgspec import structs, to_builtins

from rnnlm_tui import evaluate
from rnnlm_tui._version import APP_NAME
from rnnlm_tui.cli.inputs import open_model
from rnnlm_tui.cli.options import EvaluateRequest
from rnnlm_tui.cli.output import bar_line, draw, has_bar, print_fitted, print_json, table
from rnnlm_tui.config import print_warning
from rnnlm_tui.errors import CorpusError, ModelError, StorageError, UsageError
from rnnlm_tui.evaluate import ScoredLine, score
from rnnlm_tui.event_types import BaseSavings, Evaluation
from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.lm.mixture import LABELS, ComponentName, MixedModel
from rnnlm_tui.results import holds_out, savings_sentence
from rnnlm_tui.store import texts
from rnnlm_tui.store.card import ENGLISH, ModelCard
from rnnlm_tui.store.library import Library, OpenedModel
from rnnlm_tui.store.model_file import change_card, english_path, open_stored
from rnnlm_tui.store.trained_lines import OF_ENGLISH, count_seen, is_of_english
from rnnlm_tui.text import reading
from rnnlm_tui.text.held_out import LONG_EXCERPT, WORDS_EACH, Excerpt, Mask, excerpts_of, sampled
from rnnlm_tui.text.overlap import hash_lines
from rnnlm_tui.text.reading import read_text

COST = (
    "keys saved by the app's own keys and default settings; each space, mark and end of line counts"
)
OF_KNOWN_WORDS = "the loss and the perplexity of the lesson's network are over the words it knows"
WITH_KEYS = ("base",)
"""The components of a mixture whose keys are counted: nobody writes with the others alone, and keys
take most of the time."""
BAR_EVERY_S = 0.1
SAMPLE_WORDS = 20_000
"""Words of the sample that is measured by default."""
WORTH_A_WARNING = 0.01
"""Warns if at least this share of the lines was seen in training; refrains explain a smaller
one."""


@dataclass(frozen=True, slots=True)
class Text:
    """The lines that models are measured on, as `excerpts` of the text. `held_out_of` is the model
    whose held-out lines they are, if any. `lines_in_all` counts those that were left out too."""

    corpus: reading.Text
    excerpts: Sequence[Excerpt]
    held_out_of: str | None
    lines_in_all: int

    @property
    def lines(self) -> list[str]:
        """The lines of all excerpts."""
        return [line for excerpt in self.excerpts for line in excerpt.lines]


@dataclass(frozen=True, slots=True)
class Result:
    """The metrics of a model. `trained_on` counts the lines that it was trained on, None for a
    component and if the text is part of what the English has learned. `parts` are the results of
    the components of a mixed model alone."""

    subject: OpenedModel
    figures: Evaluation
    trained_on: int | None
    parts: Mapping[ComponentName, Result]


def show_evaluation(request: EvaluateRequest) -> int:
    """`--evaluate`."""
    library = Library(request.data_dir)
    subjects = _subjects(request, library)
    text = _text(request, subjects[0])
    trained_on = [_trained_on(subject, text) for subject in subjects]
    for subject, count in zip(subjects, trained_on, strict=True):
        if warning := _warning(subject, text, count):
            print_warning(sanitize(warning))
    results = [
        _result(subject, text, count) for subject, count in zip(subjects, trained_on, strict=True)
    ]
    if request.limit is None:
        for result in results:
            _keep(library, result, text)
    if request.as_json:
        print_json(evaluation_json(text, results))
    else:
        print_fitted(evaluation_table(text, results))
    return 0


def _result(subject: OpenedModel, text: Text, trained_on: int | None) -> Result:
    """The result of a model, with those of its components."""
    parts = {
        name: Result(part, _figures(part, text, counts_keys=name in WITH_KEYS), None, {})
        for name, part in _parts(subject).items()
    }
    figures, base = _figures(subject, text), parts.get("base")
    if base is not None and (savings := base.figures.keystroke_savings) is not None:
        figures = structs.replace(figures, base=BaseSavings(ENGLISH, savings))
    return Result(subject, figures, trained_on, parts)


def _figures(subject: OpenedModel, text: Text, *, counts_keys: bool = True) -> Evaluation:
    return evaluate.summarize(_scored_lines(subject, text, counts_keys=counts_keys))


def _scored_lines(subject: OpenedModel, text: Text, *, counts_keys: bool) -> list[ScoredLine]:
    """Scores the lines where they stand, with a progress bar on a terminal."""
    scored, next_bar, total = list[ScoredLine](), 0.0, len(text.lines)
    draws, label = has_bar(), sanitize(subject.name)
    try:
        for above, lines in text.excerpts:
            for line in score(subject.model, lines, above, counts_keys=counts_keys):
                if draws and time.monotonic() >= next_bar:
                    draw(bar_line(label, len(scored), total, (), "lines"))
                    next_bar = time.monotonic() + BAR_EVERY_S
                scored.append(line)
    finally:
        if draws:
            draw("")
    return scored


def _subjects(request: EvaluateRequest, library: Library) -> list[OpenedModel]:
    opened = [open_model(library, name) for name in (request.model, *request.against)]
    names = [each.name for each in opened]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{twice} cannot be compared with itself", "name other models")
    return opened


def _text(request: EvaluateRequest, first: OpenedModel) -> Text:
    """The given text, or that of the model. Of its own text only the held-out lines, if any."""
    name, card = first.name, first.card
    if request.sources:
        text = read_text(request.sources, request.encoding, sys.stdin.buffer)
        text = reading.arranged(text, card.config.lines)
    elif holds_out(card):
        text = texts.find_text(name, first.folder, card)
    else:
        raise _nothing_held_out(name)
    held_out = np.zeros(0, np.bool_)
    if texts.is_text_of(card, text):
        with open_stored(first.path) as stored:
            held_out = stored.lines().held_out_of(hash_lines(text, first.model.tokenizer))
    if not (is_own := held_out.any()) and not request.sources:
        raise _nothing_held_out(name)
    measured = compress(text, held_out) if is_own else text
    lines = [line for line in measured if first.model.tokenizer.words(line)]
    if not lines:
        raise CorpusError(f"{text.name} holds no words to measure on", "give another text")
    if is_own and isinstance(first.model, MixedModel):
        excerpts = _excerpts(request, text, held_out, WORDS_EACH)
    else:
        excerpts = _excerpts(request, lines, np.ones(len(lines), np.bool_), LONG_EXCERPT)
    kept = [*_first_lines(excerpts, first, request.limit or len(lines))]
    return Text(text, kept, name if is_own else None, len(lines))


def _excerpts(
    request: EvaluateRequest, lines: Iterable[str], chosen: Mask, each: int
) -> list[Excerpt]:
    if not (request.is_all or request.limit):
        chosen = sampled(lines, SAMPLE_WORDS, chosen, each)
    return excerpts_of(lines, chosen, each)


def _nothing_held_out(name: str) -> ModelError:
    """The error for a model without held-out lines, with a hint how to get metrics."""
    return ModelError(
        f"{name} was trained on all its lines: there is no figure for lines that it never saw",
        f"give a text that it has not seen, {APP_NAME} --evaluate FILE --model {name}, or train a"
        " model with {held_out} 0.1",
    )


def _first_lines(excerpts: Iterable[Excerpt], first: OpenedModel, most: int) -> Iterator[Excerpt]:
    """The excerpts with the first `most` of their lines that have words."""
    for excerpt in excerpts:
        lines = [line for line in excerpt.lines if first.model.tokenizer.words(line)][:most]
        most -= len(lines)
        yield excerpt._replace(lines=tuple(lines))


def _trained_on(subject: OpenedModel, text: Text) -> int | None:
    """The number of lines that the model or its base was trained on. None if the model has learned
    from the English, and that from the text."""
    card, tokenizer = subject.card, subject.model.tokenizer
    names = {subject.name, card.base, *(ancestor.name for ancestor in card.ancestors)}
    if ENGLISH in names and text.held_out_of != ENGLISH and (path := english_path()).exists():
        with open_stored(path) as english:
            learned = english.lines().known
        sample = compress(text.corpus, sampled(text.corpus, SAMPLE_WORDS))
        if is_of_english(sample, tokenizer, learned):
            return None
    with open_stored(subject.path) as stored:
        return count_seen(text.lines, tokenizer, stored.lines().known)


def _warning(subject: OpenedModel, text: Text, trained_on: int | None) -> str | None:
    """A sentence on why the metrics of a model look better than they are, or None."""
    if trained_on is None:
        return f"{subject.name}: {OF_ENGLISH}"
    if not _are_worth_a_warning(trained_on, text):
        return None
    return (
        f"{subject.name} was trained on {trained_on:,} of these {len(text.lines):,} lines: there"
        " its figures say how well it remembers, not how well it predicts"
    )


def _are_worth_a_warning(trained_on: int, text: Text) -> bool:
    return trained_on >= max(1, WORTH_A_WARNING * len(text.lines))


def _parts(subject: OpenedModel) -> dict[ComponentName, OpenedModel]:
    """The components of a mixed model, each alone."""
    models = subject.model.models if isinstance(subject.model, MixedModel) else {}
    return {
        name: replace(subject, name=f"{LABELS[name]} alone", model=model)
        for name, model in models.items()
    }


def _keep(library: Library, result: Result, text: Text) -> None:
    """Stores the metrics with the model if they are those of its held-out lines."""
    subject, figures = result.subject, result.figures
    if text.held_out_of != subject.name or subject.card.evaluation == figures:
        return
    if library.is_built_in(subject.name):
        return

    def measured(card: ModelCard) -> ModelCard:
        if card != subject.card:
            raise ModelError(f"{subject.name} was trained again meanwhile")
        return structs.replace(card, evaluation=figures)

    try:
        with library.lock(subject.name, trains=False):
            change_card(subject.path, measured)
    except (ModelError, StorageError) as error:
        print(f"the figures were not stored: {sanitize(error.message)}", file=sys.stderr)


def evaluation_json(text: Text, results: Sequence[Result]) -> dict[str, Any]:
    """The output of `--evaluate --json`, which is a contract."""
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
                "tokenizer": result.subject.card.tokenizer,
                "trained_on_lines": result.trained_on,
                **to_builtins(result.figures),
                "components": _components(result),
            }
            for result in results
        ],
    }


def _components(result: Result) -> list[dict[str, Any]] | None:
    """The names, weights and metrics of the components of a mixed model. The cache has no
    metrics."""
    if not isinstance(model := result.subject.model, MixedModel):
        return None
    parts = {name: to_builtins(part.figures) for name, part in result.parts.items()}
    empty: dict[str, Any] = {}
    return [
        {"name": name, "weight": weight, **parts.get(name, empty)}
        for name, weight in model.mixture_weights.items()
    ]


def evaluation_table(text: Text, results: Sequence[Result]) -> Iterator[str]:
    """The metrics as a table, with a column per model and per component of a mixed one."""
    whose = f" that {text.held_out_of} held out" if text.held_out_of else ""
    yield f"{plural(len(text.lines), 'line')} of {sanitize(text.corpus.name)}{whose}"
    if len(text.lines) < text.lines_in_all:
        yield f"a sample of {text.lines_in_all:,} lines (--all measures all of them)"
    yield ""
    columns = [column for result in results for column in (result, *result.parts.values())]
    yield from table(list(_rows(columns)), names_in_columns=True)
    yield ""
    yield from filter(None, map(_weights, results))
    yield "hits are over all words; a word that a model does not know is a miss"
    if any(column.subject.model.vocabulary.unknown_id is None for column in columns):
        yield OF_KNOWN_WORDS
    yield COST
    for result in results:
        if sentence := savings_sentence(result.figures, where=_where(result, text)):
            yield sanitize(f"{result.subject.name}: {sentence}")


def _where(result: Result, text: Text) -> str:
    """The lines that a model was measured on, which it or its base may have been trained on."""
    count, who = result.trained_on, "it or its base" if result.figures.base else "it"
    if count is None:
        return f"lines that {who} may have seen"
    if _are_worth_a_warning(count, text):
        return f"lines of which {who} has seen {count:,} of {len(text.lines):,}"
    return "lines it has not seen"


def _interval_shown(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:.1%}-{interval[1]:.1%}"


def _weights(result: Result) -> str | None:
    """The components of a mixed model as a sentence; None if it is not mixed."""
    parts, name = result.subject.card.mixture_text, sanitize(result.subject.name)
    return f"{name} is a mixture: {sanitize(parts)}" if parts else None


def _head(result: Result) -> str:
    """The name of a column: that of the model, or of its part."""
    return sanitize(result.subject.name) + (" (mixture)" if result.parts else "")


def _rows(results: Sequence[Result]) -> Iterator[tuple[str, ...]]:
    figures = [result.figures for result in results]

    def row(label: str, values: Sequence[float | None], form: str) -> tuple[str, ...]:
        return (label, *("-" if value is None else format(value, form) for value in values))

    yield ("", *map(_head, results))
    yield row("words", [f.words for f in figures], ",d")
    yield row("words it does not know", [f.oov_share for f in figures], ".1%")
    yield row("first suggestion right", [f.top1 for f in figures], ".1%")
    yield row("among five", [f.top5 for f in figures], ".1%")
    yield row("keys saved", [f.keystroke_savings for f in figures], ".1%")
    if any(f.savings_interval for f in figures):
        yield ("  95 % interval", *(_interval_shown(f.savings_interval) for f in figures))
    yield row("loss, nats per word", [f.loss for f in figures], ".3f")
    yield row("  predictions counted", [f.predicted for f in figures], ",d")
    yield row("perplexity per word", [f.perplexity for f in figures], ",.1f")
