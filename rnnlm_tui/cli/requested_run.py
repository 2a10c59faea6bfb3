"""The run that a request asks for: a new one, with its name, its settings and the models that it
starts from and is mixed with, or a saved one to resume."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeAlias

from rnnlm_tui.cli.base_model import (
    base_of_resumed,
    base_of_update,
    choose_base,
    with_base,
)
from rnnlm_tui.cli.inputs import as_unicode, corpus_of
from rnnlm_tui.cli.options import TrainRequest
from rnnlm_tui.cli.run_from_model import (
    config_from,
    config_of_update,
    english_to_start_from,
    open_source,
    request_of_update,
    run_from,
    run_of_update,
)
from rnnlm_tui.cli.run_settings import MACHINE_SETTINGS, resolve_settings
from rnnlm_tui.config import (
    Config,
    flag_of,
    make_config,
    preset_named,
    settings_of,
)
from rnnlm_tui.errors import CorpusError, ModelError, UsageError
from rnnlm_tui.formatting import cut_words
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.registry import ARCHITECTURES, prepare_corpus
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.files import RESUME
from rnnlm_tui.store.library import Library, check_name, free_name
from rnnlm_tui.store.run_state import TextOrigin
from rnnlm_tui.text.corpus import STANDARD_INPUT, Corpus, join_paragraphs
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.text.sources import is_pipe
from rnnlm_tui.text.streams import Workspace
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.vocabulary import Vocabulary
from rnnlm_tui.training.checkpoint import Checkpoint, load_state, now
from rnnlm_tui.training.run import TrainingRun

SEED_LINE_WORDS = 4
LONGEST_STEM = 40
CHANGEABLE = ("epochs", "learning_rate", "patience", "device", "threads")
"""The settings that may change when a run is resumed. All others stay as they were at its start,
whatever the environment says."""
MakeRun: TypeAlias = Callable[[Workspace], TrainingRun]
"""Makes a run. The arrays of a large text are written to the workspace."""


def requested_run(library: Library, request: TrainRequest) -> tuple[str, MakeRun]:
    """The name of the requested run, and a function that makes the run once its name is locked.
    Both raise RnnlmError."""
    return _resumed_run(library, request) if request.resume else _new_run(library, request)


def _new_name(library: Library, request: TrainRequest, preset: str) -> str:
    """The requested name, or a free one made from the corpus and the preset."""
    if request.name is not None:
        return check_name(request.name)
    first = request.sources[0] if request.sources else bundled_corpus().name
    stem = "stdin" if first == STANDARD_INPUT or is_pipe(Path(first)) else Path(first).stem
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:LONGEST_STEM] or "text"
    return free_name(library, f"{stem}-{preset}")


def _new_run(library: Library, request: TrainRequest) -> tuple[str, MakeRun]:
    source = open_source(library, request)
    source_preset = source.card.config.preset if source else None
    preset, settings = resolve_settings(request, source_preset)
    name = request.update or _new_name(library, request, preset)

    def make(workspace: Workspace) -> TrainingRun:
        asked, path, folder = request, library.path(name), library.run_folder(name)
        if source is not None and request.update:
            asked = request_of_update(source, request)
        elif not request.force:
            _check_free(library, name)
        corpus = corpus_of(asked.sources, asked.encoding, workspace)
        origin, words = _origin(corpus, asked), corpus.whitespace_words
        if source is None:
            config = make_config(preset, settings, words)
            base = choose_base(library, corpus, config, request.base, name)
            english = None
            if request.source_model is None:
                english = english_to_start_from(library, request, base, preset, settings, words)
            if english is None:
                prepared = prepare_corpus(corpus, config, held_out=base.held_out(corpus, config))
                run = TrainingRun(name, path, folder, config, prepared, origin)
            else:
                config = config_from(english, corpus, settings)
                run = run_from(english, name, path, folder, corpus, origin, config, base.known)
        elif request.update:
            config = config_of_update(source, settings, words)
            if request.base is None:
                base = base_of_update(source, library)
            else:
                base = choose_base(library, corpus, config, request.base, name)
            run = run_of_update(source, corpus, origin, config, base.known)
        else:
            config = config_from(source, corpus, settings)
            base = choose_base(library, corpus, config, request.base, name)
            run = run_from(source, name, path, folder, corpus, origin, config, base.known)
        return with_base(run, base)

    return name, make


def _check_free(library: Library, name: str) -> None:
    """Raises ModelError if a model or an unfinished run has this name."""
    can_resume = (library.run_folder(name) / RESUME).exists()
    if library.path(name).exists():
        more = ", or train it further with --resume" if can_resume else ""
        raise ModelError(
            f"the name {name} is taken", f"take another --name, replace it with --force{more}"
        )
    if can_resume:
        raise ModelError(
            f"a training of {name} was started and not finished",
            f"resume it with --resume, start again with --force, or delete it: --delete {name}",
        )


def _origin(corpus: Corpus, request: TrainRequest) -> TextOrigin:
    """Where the corpus can be read again. The bundled one has no sources."""
    return {
        "created": now(),
        "sources": list(corpus.sources) if request.sources else [],
        "sha256": corpus.sha256,
        "encoding": request.encoding,
        "seed_line": as_unicode(request.seed_line or _default_seed_line(corpus)),
    }


def _default_seed_line(corpus: Corpus) -> str:
    """The beginning of the first line with at least two words."""
    words = (line.split() for line in corpus.lines)
    first: list[str] = next((w for w in words if len(w) > 1), [])
    return cut_words(" ".join(first[:SEED_LINE_WORDS]))


def _resumed_run(library: Library, request: TrainRequest) -> tuple[str, MakeRun]:
    """The same for a run to resume, by default the most recently saved one."""
    name = library.newest_run() if request.name is None else check_name(request.name)
    return name, partial(_saved_run, library, name, request)


def _saved_run(
    library: Library, name: str, request: TrainRequest, workspace: Workspace
) -> TrainingRun:
    """The run `name`, to be continued where it stopped. Raises RnnlmError if that is impossible."""
    folder = library.run_folder(name)
    state = load_state(folder, name)
    changed = _changed_settings(request, state.config.preset)
    before = state.config.to_json()
    config = make_config(before["preset"], [{**before["model"], **before["train"]}, changed])
    _check_unfinished(name, config, state)
    if "learning_rate" in changed:
        state.position.learning_rate = config.network_train.learning_rate
    sources = request.sources or state.corpus.get("sources") or []
    if STANDARD_INPUT in sources and not request.sources:
        raise CorpusError(
            f"the text of {name} came from standard input or a pipe, and is needed again",
            f"give it: --train FILE --resume --name {name}, or - for standard input",
        )
    encoding = request.encoding or state.corpus.get("encoding")
    corpus = corpus_of(sources, encoding, workspace)
    if corpus.sha256 != state.corpus.get("sha256"):
        raise CorpusError(
            f"{corpus.name} is not the text that the training of {name} started with",
            f"give that text, or train a new model from this one: --train FILE --from {name}",
        )
    prepared = prepared_again(corpus, config, state)
    seed_line = request.seed_line or state.corpus.get("seed_line") or _default_seed_line(corpus)
    origin: TextOrigin = {**state.corpus, "encoding": encoding, "seed_line": as_unicode(seed_line)}
    if request.sources:
        origin["sources"] = list(corpus.sources)
    base = base_of_resumed(library, name, origin)
    known, replaces = state.ancestor_lines, _to_replace(library, name, state)
    return TrainingRun(
        *(name, library.path(name), folder, config, prepared, origin, state),
        ancestor_lines=known,
        base=base,
        replaces=replaces,
    )


def _to_replace(library: Library, name: str, state: Checkpoint) -> LanguageModel | None:
    """The model that an update is to replace; None if it has replaced it already."""
    if "old_loss" not in state.corpus or state.position.best_epoch is not None:
        return None
    with suppress(ModelError):
        return library.open(name)[1]
    return None


def _changed_settings(request: TrainRequest, preset: str) -> dict[str, str]:
    """The settings changed by flags. Raises UsageError for those that cannot change."""
    own = settings_of(preset_named(preset))
    changeable = [name for name in CHANGEABLE if name in own]
    fixed = [flag_of(n) for n in sorted(request.flags.keys() - {*changeable, *MACHINE_SETTINGS})]
    if request.preset is not None:
        fixed.append("--preset")
    if request.config is not None:
        fixed.append("--config")
    if fixed:
        allowed = ", ".join(map(flag_of, changeable))
        raise UsageError(
            f"{fixed[0]} cannot be changed when a training is resumed",
            f"only {allowed} can" if allowed else "leave it out",
        )
    return {name: value for name, value in request.flags.items() if name in own}


def _check_unfinished(name: str, config: Config, state: Checkpoint) -> None:
    """Raises UsageError if the run is finished."""
    if state.position.epoch > config.epochs:
        done = state.position.epoch - 1
        raise UsageError(
            f"the training of {name} has reached its last epoch, {done}",
            f"give it more, such as --epochs {2 * done}",
        )
    if state.position.patience_exhausted(config.train):
        raise UsageError(
            f"the training of {name} ended early: its held-out loss was best in epoch"
            f" {state.position.best_epoch}",
            "raise its patience, such as --patience 20",
        )


def prepared_again(corpus: Corpus, config: Config, state: Checkpoint) -> PreparedText:
    """The corpus with the vocabulary and the window that the run started with."""
    corpus = join_paragraphs(corpus, config.lines)
    if state.held_out is not None and state.held_out.shape != (len(corpus.lines),):
        raise ModelError("the saved state holds out lines of another text", "train with --force")
    words = state.corpus.get("words")
    if words is None:
        return prepare_corpus(corpus, config, held_out=state.held_out)
    vocabulary = Vocabulary(words, ARCHITECTURES[config.preset].special_tokens)
    conventions = state.corpus.get("conventions") or Conventions()
    known = vocabulary, conventions, state.corpus["window"]
    return prepare_corpus(corpus, config, known, state.held_out)
