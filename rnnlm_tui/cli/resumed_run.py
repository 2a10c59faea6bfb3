"""Resumes a training from its saved state, with the few settings that may change."""

from __future__ import annotations

from functools import partial

from rnnlm_tui.cli.inputs import as_unicode, corpus_of
from rnnlm_tui.cli.new_run import MakeRun, default_seed_line
from rnnlm_tui.cli.options import TrainRequest
from rnnlm_tui.cli.run_settings import MACHINE_SETTINGS
from rnnlm_tui.config import (
    RunConfig,
    flag_of,
    make_run_config,
    preset_named,
    print_warning,
    settings_of,
)
from rnnlm_tui.errors import CorpusError, ModelError, UsageError
from rnnlm_tui.lm.registry import ARCHITECTURES, prepare_corpus
from rnnlm_tui.store.library import Library, check_name
from rnnlm_tui.store.run_state import TextOrigin
from rnnlm_tui.text.corpus import STANDARD_INPUT, Corpus, arranged
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.text.streams import Workspace
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.vocabulary import Vocabulary
from rnnlm_tui.training.checkpoint import RunState, load_state
from rnnlm_tui.training.run import TrainingRun

CHANGEABLE = ("epochs", "learning_rate", "patience", "device", "threads")
"""The settings that may change when a run is resumed. All others stay as they were at its start,
whatever the environment says."""


def resumed_run(library: Library, request: TrainRequest) -> tuple[str, MakeRun]:
    """The name of the run to resume, by default the most recently saved one, and a function that
    makes the run once its name is locked. Both raise RnnlmError."""
    name = library.newest_run() if request.name is None else check_name(request.name)
    return name, partial(_saved_run, library, name, request)


def _saved_run(
    library: Library, name: str, request: TrainRequest, workspace: Workspace
) -> TrainingRun:
    """The run `name`, to be continued where it stopped. Raises RnnlmError if that is impossible."""
    folder = library.path(name)
    state = load_state(folder, name)
    changed = _changed_settings(request, state.config.preset)
    before = state.config.to_json()
    config = make_run_config(before["preset"], [{**before["model"], **before["train"]}, changed])
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
    seed_line = request.seed_line or state.corpus.get("seed_line") or default_seed_line(corpus)
    origin: TextOrigin = {**state.corpus, "encoding": encoding, "seed_line": as_unicode(seed_line)}
    if request.sources:
        origin["sources"] = list(corpus.sources)
    base = library.open_base(described) if (described := origin.get("base")) else None
    if described and base is None:
        print_warning(
            f"{described['name']} is gone or was trained again: {name} continues without it"
        )
    lines = state.ancestor_lines
    return TrainingRun(
        name, folder, config, prepared, origin, state, ancestor_lines=lines, base=base
    )


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


def _check_unfinished(name: str, config: RunConfig, state: RunState) -> None:
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


def prepared_again(corpus: Corpus, config: RunConfig, state: RunState) -> PreparedText:
    """The corpus with the vocabulary and the window that the run started with."""
    corpus = arranged(corpus, config.lines)
    if state.held_out is not None and state.held_out.shape != (len(corpus.lines),):
        raise ModelError("the saved state holds out lines of another text", "train with --force")
    words = state.corpus.get("words")
    if words is None:
        return prepare_corpus(corpus, config, held_out=state.held_out)
    vocabulary = Vocabulary(words, ARCHITECTURES[config.preset].special_tokens)
    conventions = state.corpus.get("conventions") or Conventions()
    known = vocabulary, conventions, state.corpus["window"]
    return prepare_corpus(corpus, config, known, state.held_out)
