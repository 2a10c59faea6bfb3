"""`--evaluate`: measures models on a text."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from msgspec import structs, to_builtins

from rnnlm_tui import evaluate
from rnnlm_tui._version import APP_NAME
from rnnlm_tui.cli.options import Request
from rnnlm_tui.cli.output import bar_line, draw, print_fitted, print_json, table
from rnnlm_tui.config import print_warning
from rnnlm_tui.errors import CorpusError, ModelError, UsageError
from rnnlm_tui.event_types import BaseSavings, Evaluation
from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.lm.mixture import LABELS, ComponentName, MixedModel
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.results import holds_out, savings_sentence
from rnnlm_tui.store import texts
from rnnlm_tui.store.card import ENGLISH
from rnnlm_tui.store.library import Library, OpenedModel
from rnnlm_tui.store.model_file import english_path, open_stored
from rnnlm_tui.store.trained_lines import OF_ENGLISH, count_seen, is_of_english
from rnnlm_tui.text import reading
from rnnlm_tui.text.held_out import LONG_EXCERPT, WORDS_EACH, Excerpt, excerpts_of, sampled
from rnnlm_tui.text.overlap import hash_lines
from rnnlm_tui.text.reading import read_text

NOTES = (
    "top-1 and top-5 are shares of all words; a word that a model does not know is a miss",
    "keys saved by the app's own keys and default settings; each space, mark and end of line"
    " counts",
    "nats/char, unlike the perplexity, can be compared among models with other vocabularies",
)
OF_KNOWN_WORDS = "the perplexity of the lesson's network is over the words that it knows"
COLUMNS = {
    "words": ("words", ",d"),
    "unknown": ("oov_share", ".1%"),
    "top-1": ("top1", ".1%"),
    "top-5": ("top5", ".1%"),
    "keys saved": ("keystroke_savings", ".1%"),
    "perplexity": ("perplexity", ",.1f"),
    "nats/char": ("nats_per_character", ".3f"),
}
"""The figures of the table by their heads, and how they are shown."""
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
    """The metrics of a model. `parts` are those of the components of a mixed model, each alone.
    `trained_on` counts the lines that it or its base was trained on, None if the text is part of
    what the English has learned. `is_known` says whether the figures are too good for that."""

    subject: OpenedModel
    figures: Evaluation
    parts: Mapping[ComponentName, Evaluation]
    trained_on: int | None
    is_known: bool


def show_evaluation(request: Request) -> int:
    """`--evaluate`."""
    library = Library(request.data_dir)
    subjects = [library.opened_model(name) for name in (request.model, *request.against)]
    names = [subject.name for subject in subjects]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{twice} cannot be compared with itself", "name other models")
    text = _text(request, subjects[0])
    results = [_result(subject, text) for subject in subjects]
    if request.json:
        print_json(evaluation_json(text, results))
    else:
        print_fitted(evaluation_table(text, results))
    return 0


def _text(request: Request, first: OpenedModel) -> Text:
    """The given text, or that of the model. Of its own text only the held-out lines, if any."""
    name, card, tokenizer = first.name, first.card, first.model.tokenizer
    if request.operands:
        text = read_text(request.operands, request.encoding, sys.stdin.buffer)
        text = reading.arranged(text, card.config.lines)
    elif holds_out(card):
        text = texts.find_text(name, first.folder, card)
    else:
        raise _nothing_held_out(name)
    chosen = np.fromiter((bool(tokenizer.words(line)) for line in text), np.bool_)
    is_own = False
    if texts.is_text_of(card, text):
        with open_stored(first.path) as stored:
            held_out = chosen & stored.lines().held_out_of(hash_lines(text, tokenizer))
        if is_own := bool(held_out.any()):
            chosen = held_out
    if not is_own and not request.operands:
        raise _nothing_held_out(name)
    if not (lines_in_all := int(chosen.sum())):
        raise CorpusError(f"{text.name} holds no words to measure on", "give another text")
    each = WORDS_EACH if is_own else LONG_EXCERPT
    if request.limit:
        chosen &= np.cumsum(chosen) <= request.limit
    elif not request.all:
        chosen = sampled(text, SAMPLE_WORDS, chosen, each)
    return Text(text, excerpts_of(text, chosen, each), name if is_own else None, lines_in_all)


def _nothing_held_out(name: str) -> ModelError:
    """The error for a model without held-out lines, with a hint how to get metrics."""
    return ModelError(
        f"{name} was trained on all its lines: there is no figure for lines that it never saw",
        f"give a text that it has not seen, {APP_NAME} --evaluate FILE --model {name}, or train a"
        " model with {held_out} 0.1",
    )


def _result(subject: OpenedModel, text: Text) -> Result:
    """The result of a model and of its components. Warns if it has learned the text."""
    trained_on, name = _trained_on(subject, text), sanitize(subject.name)
    is_known = trained_on is None or trained_on >= max(1, WORTH_A_WARNING * len(text.lines))
    if trained_on is None:
        print_warning(f"{name}: {OF_ENGLISH}")
    elif is_known:
        print_warning(
            f"{name} was trained on {trained_on:,} of these {len(text.lines):,} lines: there its"
            " figures say how well it remembers, not how well it predicts"
        )
    figures = _figures(name, subject.model, text)
    models = subject.model.models if isinstance(subject.model, MixedModel) else {}
    # Nobody writes with the n-grams or the network alone, and keys take most of the time.
    parts = {
        part: _figures(f"{LABELS[part]} alone", model, text, counts_keys=part == "base")
        for part, model in models.items()
    }
    if "base" in parts and (savings := parts["base"].keystroke_savings) is not None:
        figures = structs.replace(figures, base=BaseSavings(ENGLISH, savings))
    return Result(subject, figures, parts, trained_on, is_known)


def _figures(
    name: str, model: LanguageModel, text: Text, *, counts_keys: bool = True
) -> Evaluation:
    """Scores the lines where they stand, with a progress bar on a terminal."""
    scored, next_bar, total = list[evaluate.ScoredLine](), 0.0, len(text.lines)
    for above, lines in text.excerpts:
        for line in evaluate.score(model, lines, above, counts_keys=counts_keys):
            if time.monotonic() >= next_bar:
                draw(bar_line(name, len(scored), total, "lines"))
                next_bar = time.monotonic() + BAR_EVERY_S
            scored.append(line)
    draw("")
    return evaluate.summarize(scored)


def _trained_on(subject: OpenedModel, text: Text) -> int | None:
    """The number of lines that the model or its base was trained on. None if the model has learned
    from the English, and that from the text."""
    card, tokenizer = subject.card, subject.model.tokenizer
    names = {subject.name, card.base, *(ancestor.name for ancestor in card.ancestors)}
    if ENGLISH in names and text.held_out_of != ENGLISH:
        with open_stored(english_path()) as english:
            learned = english.lines().known
        sample = compress(text.corpus, sampled(text.corpus, SAMPLE_WORDS))
        if is_of_english(sample, tokenizer, learned):
            return None
    with open_stored(subject.path) as stored:
        return count_seen(text.lines, tokenizer, stored.lines().known)


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
    return [
        {
            "name": name,
            "weight": weight,
            **(to_builtins(result.parts[name]) if name in result.parts else {}),
        }
        for name, weight in model.mixture_weights.items()
    ]


def evaluation_table(text: Text, results: Sequence[Result]) -> Iterator[str]:
    """The metrics as a table, with a row for each model and each component of a mixed one."""
    whose = f" that {text.held_out_of} held out" if text.held_out_of else ""
    yield f"{plural(len(text.lines), 'line')} of {sanitize(text.corpus.name)}{whose}"
    if len(text.lines) < text.lines_in_all:
        yield f"a sample of {text.lines_in_all:,} lines (--all measures all of them)"
    yield ""
    rows: list[tuple[str, ...]] = [("", *COLUMNS)]
    for result in results:
        rows.append(_row(sanitize(result.subject.name), result.figures))
        rows += [_row(f"  {LABELS[name]} alone", found) for name, found in result.parts.items()]
    yield from table(rows)
    yield ""
    for result in results:
        if parts := result.subject.card.mixture_text:
            yield f"{sanitize(result.subject.name)} is a mixture: {sanitize(parts)}"
    yield from NOTES
    if any(result.subject.model.vocabulary.unknown_id is None for result in results):
        yield OF_KNOWN_WORDS
    for result in results:
        where = "" if result.is_known else "on lines it has not seen: "
        if sentence := savings_sentence(result.figures):
            if bounds := result.figures.savings_interval:
                sentence += "; 95 % interval {:.1%} to {:.1%}".format(*bounds)
            yield sanitize(f"{result.subject.name}: {where}{sentence}")


def _row(name: str, found: Evaluation) -> tuple[str, ...]:
    values = ((getattr(found, field), form) for field, form in COLUMNS.values())
    return (name, *("-" if value is None else format(value, form) for value, form in values))
