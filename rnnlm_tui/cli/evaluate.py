"""`--evaluate`: measures models on a text."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from rnnlm_tui import evaluate
from rnnlm_tui.cli.inputs import open_model
from rnnlm_tui.cli.options import EvaluateRequest
from rnnlm_tui.cli.output import bar_line, draw, has_bar, print_fitted, print_json, table
from rnnlm_tui.config import print_warning
from rnnlm_tui.errors import CorpusError, ModelError, StorageError, UsageError
from rnnlm_tui.evaluate import Evaluation, ScoredLine, confidence_interval, score
from rnnlm_tui.event_types import BaseSavings
from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.lm.mixture import (
    LABELS,
    MAX_FITTED,
    ComponentName,
    Fit,
    MixedModel,
    cross_fit,
    fit_mixture_weights,
)
from rnnlm_tui.results import savings_sentence
from rnnlm_tui.store import evaluations, training_text
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.library import Library, OpenedModel
from rnnlm_tui.store.model_file import change_card, open_stored
from rnnlm_tui.store.trained_lines import count_seen
from rnnlm_tui.text.corpus import Corpus, join_paragraphs, split_lines
from rnnlm_tui.text.excerpts import Excerpt, excerpts_of, some_excerpts, spread_excerpts
from rnnlm_tui.training.inputs import corpus_of

COST = (
    "keys saved by the app's own keys and default settings; each space, mark and end of line counts"
)
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
    whose held-out lines they are, if any, and `fit` how its weights were fitted to them, if they
    were. `lines_in_all` counts those that were left out too."""

    corpus: Corpus
    excerpts: Sequence[Excerpt]
    held_out_of: str | None
    lines_in_all: int
    fit: Fit | None = None

    @property
    def lines(self) -> list[str]:
        """The lines of all excerpts."""
        return [line for excerpt in self.excerpts for line in excerpt.lines]


@dataclass(frozen=True, slots=True)
class Result:
    """The metrics of a model. `trained_on` counts the lines that it was trained on, None for a
    component. `common_loss` is over the words that all models and their components know, in nats.
    `parts` are the results of the components of a mixed model alone."""

    subject: OpenedModel
    figures: Evaluation
    trained_on: int | None
    common_loss: float | None
    parts: Mapping[ComponentName, Result]

    @property
    def base_alone(self) -> BaseSavings | None:
        """What the base of a mixture saves alone; None without a base."""
        base, part = self.subject.card.base_named, self.parts.get("base")
        savings = part.figures.keystroke_savings if part is not None else None
        if not base or savings is None:
            return None
        return {"name": base["name"], "keystroke_savings": savings}


def show_evaluation(request: EvaluateRequest) -> int:
    """`--evaluate`."""
    library = Library(request.data_dir)
    subjects = _subjects(request, library)
    text = _text(request, subjects[0])
    trained_on = [_trained_on(subject, text) for subject in subjects]
    for subject, count in zip(subjects, trained_on, strict=True):
        if warning := _warning(subject, text, count):
            print_warning(sanitize(warning))
    results, common_words = _results(subjects, text, trained_on)
    if request.limit is None:
        for result in results:
            _keep(library, result, text)
    if request.as_json:
        print_json(evaluation_json(text, results, common_words))
    else:
        print_fitted(evaluation_table(text, results, common_words))
    return 0


def _results(
    subjects: Sequence[OpenedModel], text: Text, trained_on: Sequence[int]
) -> tuple[list[Result], int | None]:
    """The results of the models and of their components, and the number of words that all of them
    know and predict."""
    parts = [_parts(subject) for subject in subjects]
    columns = [(subject, True) for subject in subjects]
    columns += [(part, name in WITH_KEYS) for each in parts for name, part in each.items()]
    scores = [
        _scored_lines(subject, text, counts_keys=counts_keys) for subject, counts_keys in columns
    ]
    common = evaluate.shared_vocabulary_losses(scores) if len(scores) > 1 else None
    losses = common[1] if common else [None] * len(scores)
    figures = [*map(evaluate.summarize, scores)]
    of_parts = iter(range(len(subjects), len(columns)))
    results = [
        Result(
            subject,
            figures[number],
            trained_on[number],
            losses[number],
            {
                name: Result(part, figures[place], None, losses[place], {})
                for (name, part), place in zip(parts[number].items(), of_parts, strict=False)
            },
        )
        for number, subject in enumerate(subjects)
    ]
    return results, common[0] if common else None


def _scored_lines(subject: OpenedModel, text: Text, *, counts_keys: bool) -> list[ScoredLine]:
    """Scores the lines where they stand, with a progress bar on a terminal. If the weights of the
    model were fitted to them, each half is scored with those that fit the other."""
    models = cross_fit(subject.model, text.fit if text.held_out_of == subject.name else None)
    scored, next_bar, total = list[ScoredLine](), 0.0, len(text.lines)
    draws, label = has_bar(), sanitize(subject.name)
    try:
        for above, lines, half in text.excerpts:
            for line in score(models[half], lines, above, counts_keys=counts_keys):
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
        corpus = join_paragraphs(corpus_of(request.sources, request.encoding), card.config.lines)
    elif evaluations.holds_out(card):
        corpus = training_text.find_corpus(name, first.folder, card)
    else:
        raise evaluations.nothing_held_out(name)
    is_own = training_text.is_corpus_of(card, corpus)
    held_out: tuple[str, ...] = ()
    if is_own:
        with open_stored(first.path) as stored:
            mask = stored.lines().held_out_of(corpus.lines)
        held_out = split_lines(corpus.lines, mask)[1]
    if not held_out and not request.sources:
        raise evaluations.nothing_held_out(name)
    lines = [line for line in held_out or corpus.lines if first.model.tokenizer.words(line)]
    if not lines:
        raise CorpusError(f"{corpus.name} holds no words to measure on", "give another text")
    held_out_of, in_all = name if held_out else None, len(lines)
    kept = tuple(lines[: request.limit])
    is_whole = request.is_all or request.limit is not None
    if not (held_out and isinstance(first.model, MixedModel)):
        excerpts: Sequence[Excerpt] = [Excerpt((), kept)]
        excerpts = excerpts if is_whole else spread_excerpts(kept, SAMPLE_WORDS)
        return Text(corpus, excerpts, held_out_of, in_all)
    all_excerpts = [*excerpts_of(corpus.lines, mask)]
    fit = fit_mixture_weights(first.model, all_excerpts, MAX_FITTED)
    of_first = [*_first_lines(all_excerpts, first, len(kept))]
    excerpts = of_first if is_whole else some_excerpts(of_first, SAMPLE_WORDS)
    return Text(corpus, excerpts, held_out_of, in_all, fit)


def _first_lines(excerpts: Iterable[Excerpt], first: OpenedModel, most: int) -> Iterator[Excerpt]:
    """The excerpts with the first `most` of their lines that have words."""
    for excerpt in excerpts:
        lines = [line for line in excerpt.lines if first.model.tokenizer.words(line)][:most]
        most -= len(lines)
        yield excerpt._replace(lines=tuple(lines))


def _trained_on(subject: OpenedModel, text: Text) -> int:
    """The number of lines that the model or its base was trained on. Held-out lines may be among
    them, as refrains are."""
    with open_stored(subject.path) as stored:
        seen = stored.lines_seen()
    return count_seen(text.lines, subject.model.tokenizer, seen)


def _warning(subject: OpenedModel, text: Text, trained_on: int) -> str | None:
    """A sentence on why the metrics of a model look better than they are, or None."""
    if not _are_worth_a_warning(trained_on, text):
        return None
    has_base = subject.card.base_named
    or_base = f" or its base {has_base['name']}" if has_base else ""
    if text.held_out_of == subject.name:
        what = f"{trained_on:,} of the {len(text.lines):,} lines that {subject.name} held out"
        what += f" are also among those that it{or_base} was trained on"
    else:
        what = f"{subject.name}{or_base} was trained on {trained_on:,} of these"
        what += f" {len(text.lines):,} lines"
    return f"{what}: there its figures say how well it remembers, not how well it predicts"


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
    subject, figures, base = result.subject, result.figures, result.base_alone
    stored = (subject.card.evaluation, subject.card.base_alone)
    if text.held_out_of != subject.name or stored == (figures, base):
        return
    if library.is_built_in(subject.name):
        return

    def measured(card: ModelCard) -> ModelCard:
        if card != subject.card:
            raise ModelError(f"{subject.name} was trained again meanwhile")
        return replace(card, evaluation=figures, base_alone=base)

    try:
        with library.lock(subject.name, "evaluate"):
            change_card(subject.path, measured)
    except (ModelError, StorageError) as error:
        print(f"the figures were not stored: {sanitize(error.message)}", file=sys.stderr)


def evaluation_json(
    text: Text, results: Sequence[Result], common_words: int | None
) -> dict[str, Any]:
    """The output of `--evaluate --json`, which is a contract."""
    return {
        "corpus": {
            "name": text.corpus.name,
            "sha256": text.corpus.sha256,
            "lines": len(text.lines),
            "lines_in_all": text.lines_in_all,
            "held_out_of": text.held_out_of,
        },
        "common_words": common_words,
        "models": [
            {
                "name": result.subject.name,
                "preset": result.subject.card.config.preset,
                "tokenizer": result.subject.card.tokenizer,
                "trained_on_lines": result.trained_on,
                **asdict(result.figures),
                "base_alone": result.base_alone,
                "top1_interval": _interval(result.figures.top1, result.figures.words),
                "top5_interval": _interval(result.figures.top5, result.figures.words),
                "common_loss": result.common_loss,
                "common_perplexity": _exponential(result.common_loss),
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
    parts = {
        name: {
            **asdict(part.figures),
            "common_loss": part.common_loss,
            "common_perplexity": _exponential(part.common_loss),
        }
        for name, part in result.parts.items()
    }
    empty: dict[str, Any] = {}
    return [
        {"name": name, "weight": weight, **parts.get(name, empty)}
        for name, weight in model.mixture_weights.items()
    ]


def _interval(share: float | None, words: int) -> tuple[float, float] | None:
    return None if share is None else confidence_interval(share, words)


def _exponential(loss: float | None) -> float | None:
    return None if loss is None else math.exp(loss)


def evaluation_table(
    text: Text, results: Sequence[Result], common_words: int | None
) -> Iterator[str]:
    """The metrics as a table, with a column per model and per component of a mixed one."""
    whose = f" that {text.held_out_of} held out" if text.held_out_of else ""
    yield f"{plural(len(text.lines), 'line')} of {sanitize(text.corpus.name)}{whose}"
    if len(text.lines) < text.lines_in_all:
        yield f"a sample of {text.lines_in_all:,} lines (--all measures all of them)"
    yield ""
    columns = [column for result in results for column in (result, *result.parts.values())]
    yield from table(list(_rows(columns, common_words)), names_in_columns=True)
    yield ""
    yield from filter(None, map(_weights, results))
    yield "hits are over all words; a word that a model does not know is a miss"
    yield COST
    for result in results:
        if (savings := result.figures.keystroke_savings) is not None:
            where, words = _where(result, text), result.figures.words
            sentence = savings_sentence(savings, words, result.base_alone, where=where)
            yield sanitize(f"{result.subject.name}: {sentence}")


def _where(result: Result, text: Text) -> str:
    """The lines that a model was measured on, which it or its base may have been trained on."""
    count, who = result.trained_on, "it or its base" if result.base_alone else "it"
    if count is None:
        return f"lines that {who} may have seen"
    if _are_worth_a_warning(count, text):
        return f"lines of which {who} has seen {count:,} of {len(text.lines):,}"
    return "lines it has not seen"


def _interval_shown(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:.1%}-{interval[1]:.1%}"


def _between(share: float | None, words: int) -> str:
    """The 95 % confidence interval of a share of so many words."""
    return _interval_shown(confidence_interval(share or 0.0, words))


def _weights(result: Result) -> str | None:
    """The components of a mixed model as a sentence; None if it is not mixed."""
    parts, name = result.subject.card.mixture_text, sanitize(result.subject.name)
    return f"{name} is a mixture: {sanitize(parts)}" if parts else None


def _head(result: Result) -> str:
    """The name of a column: that of the model, or of its part."""
    return sanitize(result.subject.name) + (" (mixture)" if result.parts else "")


def _rows(results: Sequence[Result], common_words: int | None) -> Iterator[tuple[str, ...]]:
    figures = [result.figures for result in results]

    def row(label: str, values: Sequence[float | None], form: str) -> tuple[str, ...]:
        return (label, *("-" if value is None else format(value, form) for value in values))

    yield ("", *map(_head, results))
    yield row("words", [f.words for f in figures], ",d")
    yield row("words it does not know", [f.oov_share for f in figures], ".1%")
    yield row("first suggestion right", [f.top1 for f in figures], ".1%")
    yield ("  95 % interval", *(_between(f.top1, f.words) for f in figures))
    yield row("among five", [f.top5 for f in figures], ".1%")
    yield ("  95 % interval", *(_between(f.top5, f.words) for f in figures))
    yield row("keys saved", [f.keystroke_savings for f in figures], ".1%")
    if any(f.savings_interval for f in figures):
        yield ("  95 % interval", *(_interval_shown(f.savings_interval) for f in figures))
    yield row("loss, nats per word", [f.loss for f in figures], ".3f")
    yield row("  predictions counted", [f.predicted for f in figures], ",d")
    yield row("perplexity per word", [f.perplexity for f in figures], ",.1f")
    yield row("  without unknown words", [f.perplexity_in_vocabulary for f in figures], ",.1f")
    if common_words is not None:
        losses = [result.common_loss for result in results]
        label = f"perplexity, {common_words:,} shared words"
        yield row(label, [_exponential(loss) for loss in losses], ",.1f")
