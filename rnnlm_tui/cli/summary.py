"""`--summary`: describes a corpus and the model to train on it, without training."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import islice
from typing import Any

import numpy as np
from msgspec import structs, to_builtins
from numpy.typing import NDArray

from rnnlm_tui.cli.data_card import data_card
from rnnlm_tui.cli.options import RunRequest
from rnnlm_tui.cli.output import bar_line, draw, has_bar, print_json
from rnnlm_tui.cli.train import training_request
from rnnlm_tui.config import NgramConfig, size_of
from rnnlm_tui.formatting import cut_words, format_bytes, plural, sanitize
from rnnlm_tui.lm.ngram import ngram_counts
from rnnlm_tui.lm.stages import Layer, layers_of, table_heads
from rnnlm_tui.results import ENOUGH_WORDS, words_read
from rnnlm_tui.store.library import Library
from rnnlm_tui.text.prepare import Prepared
from rnnlm_tui.text.reading import Text
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID
from rnnlm_tui.training.estimate import memory_bytes
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.learner import count_ngrams
from rnnlm_tui.training.plan import plan

FIRST_PAIRS = 10
FIRST_PADDED = 4
"""The same, padded, of which a person needs fewer."""
FEW_WORDS = 1000
OPENING_WORDS, FIRST_LINES = 4, 100


def summary(request: RunRequest) -> int:
    """Prints the data card, the first pairs, and the layer table."""
    # What was written in the app is a file until it is read. A killed process leaves it here.
    written = request.data_dir / ".summary"
    try:
        shutil.rmtree(written, ignore_errors=True)
        asked = replace(training_request(request), texts=written)
        job = plan(Library(request.data_dir), asked).prepare(_show_progress)
    finally:
        shutil.rmtree(written, ignore_errors=True)
    if has_bar():
        draw("")
    if request.as_json:
        print_json(_summary_json(job))
    else:
        print("\n".join(_summary_lines(job)))
    return 0


def _show_progress(phase: str, done: int, of: int) -> None:
    if has_bar():
        draw(bar_line(phase, done, of))


def _layers(job: Job) -> list[Layer]:
    """The layers of the network, or the n-grams, which are counted for this."""
    config, prepared, ngrams = job.config, job.prepared, dict[str, NDArray[Any]]()
    if isinstance(config.model, NgramConfig):
        for level in count_ngrams(job, config.model.order):
            ngrams |= level
    counts = ngram_counts(ngrams) if ngrams else ()
    return [*layers_of(config, prepared.vocabulary.total_words, prepared.window, counts)]


def _summary_json(job: Job) -> dict[str, Any]:
    """The output of `--summary --json`, which is a contract."""
    prepared, config, layers = job.prepared, job.config, _layers(job)
    return {
        "name": job.name,
        "base": job.facts.base,
        "preset": config.preset,
        "size": size_of(prepared.text.words) if config.by_size else None,
        "settings": {**structs.asdict(config.train), **structs.asdict(config.model)},
        "total_words": prepared.vocabulary.total_words,
        "examples": prepared.predictions,
        "window": prepared.window,
        "reads": words_read(config.model, prepared.window),
        "opening": opening(prepared.text),
        "parameters": sum(layer.parameters for layer in layers),
        "memory_bytes": memory_bytes(config, prepared),
        "layers": [asdict(layer) for layer in layers],
        "corpus": {**to_builtins(prepared.card), "held_out_lines": len(prepared.held_out)},
        "warnings": list(_warnings(prepared)),
        "notes": prepared.notes,
        "first_pairs": first_pairs(prepared),
        "first_padded": first_padded(prepared),
    }


def _summary_lines(job: Job) -> Iterator[str]:
    """The data card, the first pairs and the layer table."""
    prepared, config, layers = job.prepared, job.config, _layers(job)
    yield from data_card(prepared, config)
    yield from (f"warning: {sanitize(message)}" for message in _warnings(prepared))
    yield "\nthe first pairs"
    for features, label in first_pairs(prepared):
        yield f"  {sanitize(features)} ---> {sanitize(label)}"
    yield f"\nthe {'n-gram model' if config.preset == 'ngram' else 'network'} ({config.preset})"
    name, count = table_heads(config.preset)
    yield f"  {name:14} {'type':24} {'output shape':18} {count:>12}"
    for layer in layers:
        shape = str(layer.output_shape)
        yield f"  {layer.name:14} {layer.type:24} {shape:18} {layer.parameters:12,}"
    memory, total = format_bytes(memory_bytes(config, prepared)), sum(x.parameters for x in layers)
    yield f"  {total:,} {count} in all; training takes about {memory} of memory"


def _warnings(prepared: Prepared) -> Iterator[str]:
    yield from prepared.warnings
    if prepared.card.words < FEW_WORDS and not prepared.is_lesson:
        yield f"a text of fewer than {FEW_WORDS:,} words: the model you have may suggest better"
    if 0 < prepared.held_out_words < ENOUGH_WORDS:
        held_out = plural(prepared.held_out_words, "word")
        yield f"{held_out} held out are too few to tell how many keys the model saves"


def opening(corpus: Text) -> str:
    """The first words of the first line that has some more."""
    lines = (line.split() for line in islice(corpus, FIRST_LINES))
    words = next((words for words in lines if len(words) > OPENING_WORDS), [])
    return cut_words(" ".join(words[:OPENING_WORDS]))


def first_pairs(prepared: Prepared) -> list[list[str]]:
    """The first examples, each as the context that the model sees and the word to predict."""
    word, window = prepared.vocabulary.word, prepared.window

    def seen(context: list[int]) -> list[int]:
        return context[max(0, len(context) - window) :]

    return [
        [cut_words(" ".join(map(word, seen(context)))), cut_words(word(label))]
        for context, label in islice(_pairs(prepared), FIRST_PAIRS)
    ]


def _pairs(prepared: Prepared) -> Iterator[tuple[list[int], int]]:
    """The ids to predict, each with those before it in its line."""
    for line in prepared.train:
        ids = line.tolist() if prepared.is_lesson else [BEGIN_ID, *line.tolist(), END_ID]
        yield from ((ids[:end], ids[end]) for end in range(1, len(ids)))


def first_padded(prepared: Prepared) -> list[tuple[list[int], int]]:
    """The first examples of the lesson as it trains on them: the ids of the context, with zeros
    before them up to the window, and the id to predict. Empty for other presets."""
    if not prepared.is_lesson:
        return []
    first = np.arange(min(FIRST_PADDED, prepared.predictions))
    features, labels = prepared.train.windows(first, prepared.window)
    return [*zip(features.tolist(), labels.tolist(), strict=True)]
