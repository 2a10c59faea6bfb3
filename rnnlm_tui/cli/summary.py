"""`--summary`: describes a corpus and the model to train on it, without training."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rnnlm_tui.cli.base_model import choose_base
from rnnlm_tui.cli.inputs import corpus_of
from rnnlm_tui.cli.options import RunRequest
from rnnlm_tui.cli.output import bar_line, draw, has_bar, print_json
from rnnlm_tui.cli.run_from_model import config_from, english_to_start_from, start_from
from rnnlm_tui.cli.run_settings import resolve_settings
from rnnlm_tui.config import Config, flag_of, make_config, preset_named
from rnnlm_tui.formatting import cut_words, format_bytes, format_duration, plural, sanitize
from rnnlm_tui.lm.layer_table import layers_of, table_heads
from rnnlm_tui.lm.model import Architecture
from rnnlm_tui.lm.registry import ARCHITECTURES, prepare_corpus
from rnnlm_tui.store.library import Library
from rnnlm_tui.text.corpus import Corpus
from rnnlm_tui.text.prepare import PreparedLines, PreparedText
from rnnlm_tui.text.streams import Workspace
from rnnlm_tui.text.vocabulary import UNKNOWN
from rnnlm_tui.training.estimate import run_seconds, training_bytes

FIRST_PAIRS = 10
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
    corpus = corpus_of(request.sources, request.encoding, workspace)
    preset, settings = resolve_settings(request)
    words = corpus.whitespace_words
    config = make_config(preset, settings, words)
    library = Library(request.data_dir)
    base = choose_base(library, corpus, config, request.base)
    english = english_to_start_from(library, request, base, preset, settings, words)
    if english is None:
        prepared = prepare_corpus(corpus, config, held_out=base.held_out(corpus, config))
    else:
        start = start_from(english, corpus, config_from(english, corpus, settings), base.known)
        config, prepared = start.config, start.prepared
    if has_bar():
        draw("")
    prepared = dataclasses.replace(prepared, notes=(*prepared.notes, *base.notes))
    kind, total = ARCHITECTURES[config.preset], prepared.vocabulary.total_words
    architecture = kind(config, total, prepared.window, kind.sizes_for(config, prepared))
    seconds = run_seconds(config, prepared, base.logits).total(config.epochs)
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
    scale = preset_named(config.preset).scale_of(prepared.corpus.whitespace_words)
    return {
        "preset": config.preset,
        "size": None if scale is None else scale.name,
        "settings": {**asdict(config.train), **asdict(config.model)},
        "total_words": prepared.vocabulary.total_words,
        "examples": examples,
        "window": prepared.window,
        "parameters": architecture.parameters,
        "memory_bytes": training_bytes(architecture, examples),
        "estimated_s": seconds,
        "layers": [asdict(layer) for layer in layers_of(architecture)],
        "corpus": {**prepared.card, "held_out_lines": prepared.held_out_lines},
        "warnings": prepared.warnings,
        "notes": prepared.notes,
        "first_pairs": first_pairs(prepared),
    }


def _summary_lines(
    prepared: PreparedText, config: Config, architecture: Architecture[Any], seconds: float
) -> Iterator[str]:
    """The data card, the first pairs and the layer table."""
    yield from data_card(prepared, config)
    yield from (f"warning: {sanitize(message)}" for message in prepared.warnings)
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


def first_pairs(prepared: PreparedText) -> list[list[str]]:
    """The first examples, each as the context that the model sees and the word to predict."""
    word, window = prepared.vocabulary.word, prepared.window

    def seen(context: list[int]) -> list[int]:
        return context[max(0, len(context) - window) :]

    return [
        [cut_words(" ".join(map(word, seen(context)))), cut_words(word(label))]
        for context, label in prepared.examples.first(FIRST_PAIRS)
    ]


def data_card(prepared: PreparedText, config: Config) -> Iterator[str]:
    """What to know about a corpus before training on it."""
    vocabulary = prepared.vocabulary
    kept, special_tokens = len(vocabulary.words), vocabulary.special_tokens
    yield f"corpus         {sanitize(prepared.corpus.name)}"
    yield f"preset         {config.preset}: {preset_named(config.preset).summary}"
    yield f"lines          {prepared.corpus.line_count:,}"
    yield from (f"               {note}" for note in prepared.notes)
    if prepared.held_out_lines:
        pairs = prepared.held_out.predictions
        yield f"held out       {plural(prepared.held_out_lines, 'line')}, {plural(pairs, 'pair')}"
    else:
        yield "held out       none, so its quality on unseen lines cannot be measured"
    trained = " in the lines to train on" if prepared.held_out_lines else ""
    yield f"words          {prepared.words:,}; {prepared.distinct_words:,} different{trained}"
    if kept < prepared.distinct_words:
        fate = f"learned as {UNKNOWN}" if special_tokens else "left out of the lines"
        yield f"vocabulary     {kept:,} words are kept; the others are {fate}"
    if isinstance(prepared, PreparedLines) and prepared.held_out_lines:
        share = prepared.held_out_unknown / prepared.held_out.words
        yield f"unknown        {share:.1%} of the words held out"
    others = f"the padding, {', '.join(special_tokens)}" if special_tokens else "the padding"
    yield f"total words    {vocabulary.total_words:,} (with {others})"
    yield f"longest line   {plural(prepared.longest_line, 'word')}"
    capped = "" if prepared.longest_line <= prepared.window + 1 else ", capped"
    yield f"window         {plural(prepared.window, 'word')}{capped}"
    ends = ", with the ends of the lines" if special_tokens else ""
    yield f"pairs          {prepared.examples.predictions:,}{ends}"
    yield from _chosen_settings(prepared.corpus, config)


def _chosen_settings(corpus: Corpus, config: Config) -> Iterator[str]:
    """The settings whose defaults depend on the size of the corpus, with their values."""
    preset = preset_named(config.preset)
    scale = preset.scale_of(corpus.whitespace_words)
    if scale is None:
        return
    yield f"for a corpus of this size ({scale.name}), unless a flag says otherwise:"
    names = dict.fromkeys(name for each in preset.scales for name in each.settings)
    for part in (config.model, config.train):
        own = dataclasses.asdict(part).items()
        values = {name: value for name, value in own if name in names and value is not None}
        yield "  " + ", ".join(f"{flag_of(name)} {value}" for name, value in values.items())
