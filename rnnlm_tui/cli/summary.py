"""`--summary`: describes a corpus and the model to train on it, without training."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from msgspec import structs, to_builtins
from numpy.typing import NDArray

from rnnlm_tui.cli.data_card import first_pairs, pair_rows, prospect, text_rows, warnings
from rnnlm_tui.cli.options import CommandLine
from rnnlm_tui.cli.output import draw, draw_bar, fact_lines, print_json
from rnnlm_tui.cli.train import training_request
from rnnlm_tui.config import PRESETS, NgramConfig, size_of
from rnnlm_tui.formatting import format_bytes
from rnnlm_tui.lm.layers import Layer, layers_of, table_heads
from rnnlm_tui.lm.ngram import ngram_counts
from rnnlm_tui.store.library import Library
from rnnlm_tui.training.estimate import memory_bytes
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.learner import count_ngrams
from rnnlm_tui.training.plan import plan


def summary(command: CommandLine) -> int:
    """Prints what to expect, the data card, the first pairs, and the table of the layers.

    Stores nothing but the texts of --written, as files in the folder `.summary` until they are
    read. A killed process leaves the folder, so it is removed at the start, too.
    """
    folder = command.data_dir / ".summary"
    try:
        shutil.rmtree(folder, ignore_errors=True)
        request = structs.replace(training_request(command), written_folder=folder)
        job = plan(Library(command.data_dir), request).prepare(
            lambda phase, done, of: draw_bar(phase, done / max(1, of))
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    draw("")
    if command.json:
        print_json(_summary_json(job, _layers(job)))
    else:
        print("\n".join(_summary_lines(job, _layers(job))))
    return 0


def _layers(job: Job) -> list[Layer]:
    """Returns the layers of the network. For an n-gram model, counts its n-grams first."""
    config, prepared = job.config, job.prepared
    ngrams = dict[str, NDArray[Any]]()
    if isinstance(config.model, NgramConfig):
        for level in count_ngrams(job, config.model.order):
            ngrams |= level
    counts = ngram_counts(ngrams) if ngrams else ()
    return [*layers_of(config, prepared.vocabulary.total_words, prepared.window, counts)]


def _summary_json(job: Job, layers: list[Layer]) -> dict[str, Any]:
    """Returns the output of `--summary --json`, which is a contract."""
    prepared, config = job.prepared, job.config
    parameters = sum(layer.parameters for layer in layers)
    return {
        "name": job.name,
        "base": job.base.name if job.base else None,
        "preset": config.preset,
        "size": size_of(prepared.corpus.words) if PRESETS[config.preset].by_size else None,
        "settings": config.settings,
        "total_words": prepared.vocabulary.total_words,
        "examples": prepared.predictions,
        "window": prepared.window,
        "parameters": parameters,
        "memory_bytes": memory_bytes(config, prepared),
        "layers": [asdict(layer) for layer in layers],
        "corpus": {**to_builtins(prepared.corpus_facts), "held_out_lines": len(prepared.held_out)},
        "prospect": prospect(job, parameters),
        "warnings": warnings(job),
        "notes": prepared.notes,
        "rows": [*text_rows(prepared, config), *pair_rows(prepared)],
        "first_pairs": first_pairs(prepared),
    }


def _summary_lines(job: Job, layers: list[Layer]) -> Iterator[str]:
    """Yields what to expect, the data card, the first pairs and the table of the layers."""
    prepared, config = job.prepared, job.config
    parameters = sum(layer.parameters for layer in layers)
    yield from (*prospect(job, parameters), *warnings(job), "")
    yield from fact_lines((*text_rows(prepared, config), *pair_rows(prepared)))
    yield f"\nthe {'network' if config.has_network else 'n-gram model'} ({config.preset})"
    layer_head, count_head = table_heads(config)
    yield f"  {layer_head:14} {'type':30} {'output shape':19} {count_head:>12}"
    for layer in layers:
        shape = str(layer.output_shape)
        yield f"  {layer.name:14} {layer.type:30} {shape:19} {layer.parameters:12,}"
    memory = format_bytes(memory_bytes(config, prepared))
    yield f"  {parameters:,} {count_head} in all; training takes about {memory} of memory"
