"""A new training: its name, its settings, and the model it starts from."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from rnnlm_tui.cli.base_model import built_on
from rnnlm_tui.cli.inputs import as_unicode, corpus_of
from rnnlm_tui.cli.options import TrainRequest
from rnnlm_tui.cli.run_from_model import (
    base_of_update,
    open_source,
    request_of_update,
    run_from,
    run_of_update,
)
from rnnlm_tui.cli.run_settings import resolve_settings
from rnnlm_tui.config import make_run_config
from rnnlm_tui.errors import ModelError
from rnnlm_tui.formatting import cut_words
from rnnlm_tui.lm.registry import prepare_corpus
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.files import MODEL, RESUME
from rnnlm_tui.store.library import Library, check_name, free_name
from rnnlm_tui.store.run_state import TextOrigin
from rnnlm_tui.text.corpus import STANDARD_INPUT, Corpus
from rnnlm_tui.text.streams import Workspace
from rnnlm_tui.training.run import TrainingRun

SEED_LINE_WORDS = 4
LONGEST_STEM = 40


def new_name(library: Library, request: TrainRequest, preset: str) -> str:
    """The requested name, or a free one made from the corpus and the preset."""
    if request.name is not None:
        return check_name(request.name, is_new=True)
    first = request.sources[0] if request.sources else bundled_corpus().name
    stem = "stdin" if first == STANDARD_INPUT or Path(first).is_fifo() else Path(first).stem
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:LONGEST_STEM] or "text"
    return free_name(library, f"{stem}-{preset}")


MakeRun: TypeAlias = Callable[[Workspace], TrainingRun]
"""Makes a run. The arrays of a large text are written to the workspace."""


def new_run(library: Library, request: TrainRequest) -> tuple[str, MakeRun]:
    """The name of the requested run, and a function that makes the run once its name is locked.
    Both raise RnnlmError."""
    source = open_source(library, request)
    source_preset = source.card.config.preset if source else None
    preset, settings = resolve_settings(request, source_preset)
    name = request.update or new_name(library, request, preset)

    def make(workspace: Workspace) -> TrainingRun:
        asked, folder = request, library.path(name)
        if source is not None and request.update:
            asked = request_of_update(source, request)
        elif not request.force:
            _check_free(library, name)
        corpus = corpus_of(asked.sources, asked.encoding, workspace)
        origin, base = _origin(corpus, asked), request.base
        if source is None:
            config = make_run_config(preset, settings, corpus.whitespace_words)
            run = TrainingRun(name, folder, config, prepare_corpus(corpus, config), origin)
        elif request.update:
            run = run_of_update(source, corpus, origin, settings)
            base = base or base_of_update(source, library)
        else:
            run = run_from(source, name, folder, corpus, origin, settings)
        return built_on(library, run, base)

    return name, make


def _check_free(library: Library, name: str) -> None:
    """Raises ModelError if a model or an unfinished run has this name."""
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


def _origin(corpus: Corpus, request: TrainRequest) -> TextOrigin:
    """Where the corpus can be read again. The bundled one has no sources."""
    return {
        "sources": list(corpus.sources) if request.sources else [],
        "sha256": corpus.sha256,
        "encoding": request.encoding,
        "seed_line": as_unicode(request.seed_line or default_seed_line(corpus)),
    }


def default_seed_line(corpus: Corpus) -> str:
    """The beginning of the first line with at least two words."""
    words = (line.split() for line in corpus.lines)
    first: list[str] = next((w for w in words if len(w) > 1), [])
    return cut_words(" ".join(first[:SEED_LINE_WORDS]))
