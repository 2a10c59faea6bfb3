"""`--summary`: describes a corpus and the model to train on it, without training."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from rnnlm_tui.cli.data_card import data_card
from rnnlm_tui.cli.options import RunRequest
from rnnlm_tui.cli.output import bar_line, draw, has_bar, print_json
from rnnlm_tui.cli.train import training_request
from rnnlm_tui.config import Config, preset_named
from rnnlm_tui.formatting import cut_words, format_bytes, format_duration, plural, sanitize
from rnnlm_tui.lm.layer_table import layers_of, table_heads
from rnnlm_tui.lm.model import Architecture
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.results import ENOUGH_WORDS, words_read
from rnnlm_tui.store.library import Library
from rnnlm_tui.text.corpus import Corpus
from rnnlm_tui.text.examples import PrefixExamples
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.text.streams import Workspace
from rnnlm_tui.training.estimate import logits_of, run_seconds, training_bytes
from rnnlm_tui.training.plan import plan

FIRST_PAIRS = 10
FIRST_PADDED = 4
"""The same, padded, of which a person needs fewer."""
FEW_WORDS = 1000
OPENING_WORDS, FIRST_LINES = 4, 100
PLACE = ".summary-"
"""Prefix of the folder of a large text within the data folder, followed by the process id."""


def summary(request: RunRequest) -> int:
    """Prints the data card, the first pairs, and the layer table."""
    with _workspace(request.data_dir) as workspace:
        return _summary(request, workspace)


@contextmanager
def _workspace(data_dir: Path) -> Iterator[Workspace]:
    """Yields a workspace for a large text, and removes it at the end. Those of killed processes are
    removed first: the app kills this process when another text is chosen."""
    import psutil  # 30 ms that --train does not need

    for left in data_dir.glob(f"{PLACE}*"):
        number = left.name.removeprefix(PLACE)
        if number.isdecimal() and not psutil.pid_exists(int(number)):
            shutil.rmtree(left, ignore_errors=True)
    folder = data_dir / f"{PLACE}{os.getpid()}"
    try:
        with Workspace(folder, _show_progress) as workspace:
            yield workspace
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _show_progress(phase: str, done: int, of: int) -> None:
    if has_bar():
        draw(bar_line(phase, done, of))


def _summary(request: RunRequest, workspace: Workspace) -> int:
    # What was written in the app is stored for this process only.
    asked = replace(training_request(request), texts=workspace.folder)
    run = plan(Library(request.data_dir), asked).prepare(workspace)
    config, prepared = run.config, run.prepared
    if has_bar():
        draw("")
    kind, total = ARCHITECTURES[config.preset], prepared.vocabulary.total_words
    architecture = kind(config, total, prepared.window, kind.sizes_for(config, prepared))
    seconds = run_seconds(config, prepared, logits_of(run.base_model)).total(config.epochs)
    if request.as_json:
        print_json(_summary_json(prepared, config, architecture, seconds))
    else:
        print("\n".join(_summary_lines(prepared, config, architecture, seconds)))
    return 0


def _summary_json(
    prepared: PreparedText, config: Config, architecture: Architecture[Any], seconds: float
) -> dict[str, Any]:
    """The output of `--summary --json`, which is a contract."""
    examples = prepared.examples.predictions
    scale = preset_named(config.preset).scale_of(prepared.corpus.words)
    return {
        "preset": config.preset,
        "size": None if scale is None else scale.name,
        "settings": {**asdict(config.train), **asdict(config.model)},
        "total_words": prepared.vocabulary.total_words,
        "examples": examples,
        "window": prepared.window,
        "reads": words_read(config.model, prepared.window),
        "opening": opening(prepared.corpus),
        "parameters": architecture.parameters,
        "memory_bytes": training_bytes(architecture, examples),
        "estimated_s": seconds,
        "layers": [asdict(layer) for layer in layers_of(architecture)],
        "corpus": {**prepared.card, "held_out_lines": prepared.held_out_lines},
        "warnings": list(_warnings(prepared)),
        "notes": prepared.notes,
        "first_pairs": first_pairs(prepared),
        "first_padded": first_padded(prepared),
    }


def _summary_lines(
    prepared: PreparedText, config: Config, architecture: Architecture[Any], seconds: float
) -> Iterator[str]:
    """The data card, the first pairs and the layer table."""
    yield from data_card(prepared, config)
    yield from (f"warning: {sanitize(message)}" for message in _warnings(prepared))
    yield "\nthe first pairs"
    for features, label in first_pairs(prepared):
        yield f"  {sanitize(features)} ---> {sanitize(label)}"
    yield f"\nthe {architecture.name} ({config.preset})"
    name, count = table_heads(config.preset)
    yield f"  {name:14} {'type':24} {'output shape':18} {count:>12}"
    for layer in layers_of(architecture):
        shape = str(layer.output_shape)
        yield f"  {layer.name:14} {layer.type:24} {shape:18} {layer.parameters:12,}"
    memory = format_bytes(training_bytes(architecture, prepared.examples.predictions))
    yield f"  {architecture.parameters:,} {count} in all; training takes about {memory} of memory"
    duration = format_duration(seconds, roughly=True)
    yield f"  training {plural(config.epochs, 'epoch')} takes about {duration} here"


def _warnings(prepared: PreparedText) -> Iterator[str]:
    yield from prepared.warnings
    is_lesson = isinstance(prepared.examples, PrefixExamples)
    if prepared.card["words"] < FEW_WORDS and not is_lesson:
        yield f"a text of fewer than {FEW_WORDS:,} words: the model you have may suggest better"
    if 0 < prepared.held_out_words < ENOUGH_WORDS:
        held_out = plural(prepared.held_out_words, "word")
        yield f"{held_out} held out are too few to tell how many keys the model saves"


def opening(corpus: Corpus) -> str:
    """The first words of the first line that has some more."""
    lines = (line.split() for line in islice(corpus.lines, FIRST_LINES))
    words = next((words for words in lines if len(words) > OPENING_WORDS), [])
    return cut_words(" ".join(words[:OPENING_WORDS]))


def first_pairs(prepared: PreparedText) -> list[list[str]]:
    """The first examples, each as the context that the model sees and the word to predict."""
    word, window = prepared.vocabulary.word, prepared.window

    def seen(context: list[int]) -> list[int]:
        return context[max(0, len(context) - window) :]

    return [
        [cut_words(" ".join(map(word, seen(context)))), cut_words(word(label))]
        for context, label in prepared.examples.first(FIRST_PAIRS)
    ]


def first_padded(prepared: PreparedText) -> list[tuple[list[int], int]]:
    """The first examples of the lesson as it trains on them: the ids of the context, with zeros
    before them up to the window, and the id to predict. None for other presets."""
    if not isinstance(prepared.examples, PrefixExamples):
        return []
    features, labels = prepared.examples.batch(np.arange(min(FIRST_PADDED, len(prepared.examples))))
    return [*zip(features.tolist(), labels.tolist(), strict=True)]
