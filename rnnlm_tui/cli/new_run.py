"""A new training: its name, its settings, and what it starts from."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rnnlm_tui.cli.base_model import built_on
from rnnlm_tui.cli.inputs import OpenedModel, as_unicode, corpus_of, open_model
from rnnlm_tui.cli.options import TrainRequest
from rnnlm_tui.cli.run_settings import resolve_settings
from rnnlm_tui.config import (
    LineTextConfig,
    RunConfig,
    flag_of,
    make_run_config,
    preset_named,
    settings_of,
)
from rnnlm_tui.errors import ModelError, UsageError
from rnnlm_tui.formatting import cut_words
from rnnlm_tui.lm.registry import ARCHITECTURES, prepare_corpus
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.files import MODEL, RESUME
from rnnlm_tui.store.library import Library, check_new_name, free_name
from rnnlm_tui.store.load import read_vocabulary
from rnnlm_tui.store.run_state import TextOrigin
from rnnlm_tui.store.trained_lines import Hashes, held_out_of_new_lines, no_hashes
from rnnlm_tui.store.training_text import (
    ancestors_of,
    held_out_of,
    is_corpus_of,
    trained_lines,
)
from rnnlm_tui.store.weights import read_weights
from rnnlm_tui.text.corpus import STANDARD_INPUT, Corpus
from rnnlm_tui.text.paragraphs import arranged
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.training.run import TrainingRun

WORD_SETTINGS = ("max_vocabulary", "min_count", "tokenizer", "lines")
"""The settings that a run which starts from a model cannot have: it has the model's words."""
SEED_LINE_WORDS = 4
LONGEST_STEM = 40
UNKNOWN_LINES = (
    "which lines {name} was trained on is not known, so some of them may be held out here, and the"
    " figures look better than they are"
)


def open_source(library: Library, request: TrainRequest) -> OpenedModel | None:
    """The model of `--from`, None without it. Raises UsageError if nothing can start from it."""
    if request.source_model is None:
        return None
    source = open_model(library, request.source_model)
    preset = source.card.config.preset
    if not ARCHITECTURES[preset].can_start_from_a_model:
        raise UsageError(
            f"{source.name} is an {ARCHITECTURES[preset].name}, which cannot be trained on another"
            " text",
            "train on all the texts at once: --train FILE FILE",
        )
    if request.preset not in (None, preset):
        raise UsageError(f"{source.name} is of the preset {preset}", "leave --preset out")
    return source


def new_name(library: Library, request: TrainRequest, preset: str) -> str:
    """The name asked for, else a free one made of the corpus and the preset."""
    if request.name is not None:
        return check_new_name(request.name)
    first = request.sources[0] if request.sources else bundled_corpus().name
    stem = "stdin" if first == STANDARD_INPUT or Path(first).is_fifo() else Path(first).stem
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:LONGEST_STEM] or "text"
    return free_name(library, f"{stem}-{preset}")


def new_run(library: Library, request: TrainRequest) -> tuple[str, Callable[[], TrainingRun]]:
    """The name of the run that is asked for, and what makes the run once its name is locked. Both
    raise RnnlmError if it cannot be."""
    source = open_source(library, request)
    source_preset = source.card.config.preset if source else None
    preset, settings = resolve_settings(request, source_preset)
    name = new_name(library, request, preset)

    def make() -> TrainingRun:
        if not request.force:
            _check_free(library, name)
        corpus = corpus_of(request.sources, request.encoding)
        config = make_run_config(preset, settings, corpus.whitespace_words)
        origin = _origin(corpus, request)
        folder = library.path(name)
        if source is not None:
            run = _run_from(source, name, folder, config, corpus, origin, settings[-1])
        else:
            run = TrainingRun(name, folder, config, prepare_corpus(corpus, config), origin)
        return built_on(library, run, request.base)

    return name, make


def _run_from(
    source: OpenedModel,
    name: str,
    folder: Path,
    config: RunConfig,
    corpus: Corpus,
    origin: TextOrigin,
    flags: Mapping[str, str],
) -> TrainingRun:
    """The run that starts from the weights and the words of a model."""
    config = _config_from(source, config, corpus, flags)
    corpus = arranged(corpus, config.lines)
    trained = trained_lines(source.name, source.folder, source.card)
    known = None if trained is None else trained.known
    prepared = _prepare_new_lines(corpus, config, source, known)
    origin |= {
        "words": list(read_vocabulary(source.folder, source.card).words),
        "window": source.card.window,
        "conventions": source.card.conventions,
        "ancestors": ancestors_of(source.name, source.card),
    }
    return TrainingRun(
        name,
        folder,
        config,
        prepared,
        origin,
        weights=read_weights(source.folder, source.card),
        ancestor_lines=no_hashes() if known is None else known,
    )


def _prepare_new_lines(
    corpus: Corpus, config: RunConfig, source: OpenedModel, known: Hashes | None
) -> PreparedText:
    """The corpus with the words of the source. If it is the source's own text, the same lines are
    held out as before; else only lines whose hashes are not `known` (None if they are lost)."""
    held_out, train = None, config.train
    if is_corpus_of(source.card, corpus):
        held_out = held_out_of(source.folder, source.card, corpus)
    elif known is not None:
        tokenizer = source.model.tokenizer
        held_out = held_out_of_new_lines(corpus.lines, tokenizer, known, train.held_out, train.seed)
    vocabulary = read_vocabulary(source.folder, source.card)
    words = vocabulary, source.card.conventions, source.card.window
    prepared = prepare_corpus(corpus, config, words, held_out)
    if held_out is None and train.held_out > 0:
        warning = UNKNOWN_LINES.format(name=source.name)
        return dataclasses.replace(prepared, warnings=(*prepared.warnings, warning))
    return prepared


def _check_free(library: Library, name: str) -> None:
    """Raises ModelError if a model, or an unfinished run, has this name."""
    folder = library.path(name)
    if (folder / MODEL).exists():
        more = ", or train it further with --resume" if (folder / RESUME).exists() else ""
        raise ModelError(
            f"the name {name} is taken", f"take another --name, replace it with --force{more}"
        )
    if (folder / RESUME).exists():
        raise ModelError(
            f"a training of {name} was started and not finished",
            f"resume it with --resume, start again with --force, or delete it: --delete {name}",
        )


def _config_from(
    source: OpenedModel, config: RunConfig, corpus: Corpus, flags: Mapping[str, str]
) -> RunConfig:
    """The settings with those of the model: its sizes, its tokenizer and, of its own text, which
    lines are held out, since it has seen the others. Raises UsageError for flags that differ."""
    of_source, train = source.card.config, config.train
    sizes = settings_of(preset_named(config.preset))["model"]
    if fixed := flags.keys() & {*sizes, *WORD_SETTINGS}:
        raise UsageError(
            f"{_flags(fixed)} cannot be changed: the network and its words are those of"
            f" {source.name}",
            "leave it out, or train a new model without --from",
        )
    taken: dict[str, Any] = {}
    if isinstance(train, LineTextConfig):
        taken["tokenizer"] = source.card.tokenizer
        taken["lines"] = source.card.config.lines
    if is_corpus_of(source.card, corpus):
        split = {name: getattr(of_source.train, name) for name in ("held_out", "seed")}
        if other := {name for name in flags.keys() & split if getattr(train, name) != split[name]}:
            raise UsageError(
                f"{source.name} was trained on this text, and has seen the lines that would be"
                " held out",
                f"leave {_flags(other)} out, or train a new model without --from",
            )
        taken |= split
    return RunConfig(config.preset, of_source.model, dataclasses.replace(train, **taken))


def _flags(settings: set[str]) -> str:
    return " and ".join(map(flag_of, sorted(settings)))


def _origin(corpus: Corpus, request: TrainRequest) -> TextOrigin:
    """Where the corpus can be read again; no sources are the bundled one."""
    return {
        "sources": list(corpus.sources) if request.sources else [],
        "sha256": corpus.sha256,
        "encoding": request.encoding,
        "seed_line": as_unicode(request.seed_line or default_seed_line(corpus)),
    }


def default_seed_line(corpus: Corpus) -> str:
    """The beginning of the corpus's first line of two words or more."""
    words = (line.split() for line in corpus.lines)
    first: list[str] = next((w for w in words if len(w) > 1), [])
    return cut_words(" ".join(first[:SEED_LINE_WORDS]))
