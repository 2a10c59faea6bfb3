"""What to train: from a request to a run that can start.

`plan` reads no file of text: it finds the name, the preset, the model to start from and what was
written in the app, so that most mistakes are told at once. `Plan.prepare` reads the text and
decides the rest: the settings that depend on its size, the base model, the lines to hold out, and
where the network starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from rnnlm_tui.config import (
    LESSON_PRESET,
    MACHINE_SETTINGS,
    OWN_TEXT_PRESET,
    QUERY_SETTINGS,
    CausalTrainConfig,
    Config,
    make_config,
    preset_named,
    settings_of,
)
from rnnlm_tui.errors import CorpusError, ModelError, Name, Sentence, UsageError
from rnnlm_tui.formatting import as_unicode, cut_words, plural
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.registry import ARCHITECTURES, prepare_corpus
from rnnlm_tui.paths import APP_NAME, bundled_corpus
from rnnlm_tui.store.files import RESUME
from rnnlm_tui.store.library import (
    Library,
    OpenedModel,
    check_name,
    free_name,
    name_of_file,
    usable_name,
)
from rnnlm_tui.store.run_state import TextOrigin
from rnnlm_tui.store.texts import not_learned, paragraphs_of, save_written, texts_folder
from rnnlm_tui.store.training_text import is_corpus_of
from rnnlm_tui.text.corpus import STANDARD_INPUT, Corpus, join_paragraphs
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.text.sources import is_pipe
from rnnlm_tui.text.streams import Workspace
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.vocabulary import Vocabulary
from rnnlm_tui.training.base_model import (
    NO_BASE,
    ChosenBase,
    base_of_resumed,
    base_of_update,
    choose_base,
    with_base,
)
from rnnlm_tui.training.checkpoint import Checkpoint, load_state, now
from rnnlm_tui.training.inputs import corpus_of
from rnnlm_tui.training.run import TrainingRun
from rnnlm_tui.training.starting_model import (
    config_from,
    config_of_update,
    joined_names,
    open_source,
    run_from,
    run_of_update,
    starts_from_english,
    texts_of_update,
)

SEED_LINE_WORDS = 4
WRITTEN_STEM = "text"
"""The beginning of the default name for what was written in the app: its titles stay private."""
CHANGEABLE = ("epochs", "learning_rate", "patience", *MACHINE_SETTINGS)
"""The settings that may change when a run is resumed. All others stay as they were at its start,
whatever the environment says."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """Settings that apply unless the request says otherwise: of a file or a variable, as `source`
    tells in an error. If `is_general`, a preset ignores those that it does not have."""

    settings: Mapping[str, Any]
    source: str
    is_general: bool = False


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What to train.

    Without `sources` the text is the sonnets, and a resumed or updated run keeps its own. `name`
    and `seed_line` are made of the text by default. `settings` override `defaults`, of which later
    ones override earlier ones; both may be text or numbers. `base` is the model to mix with,
    `source_model` the one to start from ("none": nothing), `update` the one to train further on its
    texts, those `added` included. `written` are titles of texts that were written in the app, or
    "all": further text, of which an update takes what its model has not learned. It is stored in
    the folder `texts`, by default that of the library.
    """

    sources: tuple[str, ...] = ()
    name: str | None = None
    preset: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    defaults: Sequence[Defaults] = ()
    base: str | None = None
    source_model: str | None = None
    update: str | None = None
    added: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    texts: Path | None = None
    encoding: str | None = None
    seed_line: str | None = None
    resume: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A training that is ready to read its text, once its `name` is locked. The arrays of a large
    text are written to the workspace. `prepare` raises RnnlmError."""

    name: str
    prepare: Callable[[Workspace], TrainingRun]


def plan(library: Library, request: TrainingRequest) -> Plan:
    """The plan of a training. Raises RnnlmError."""
    _check_request(request)
    if request.resume:
        name = library.newest_run() if request.name is None else request.name
        name = check_name(usable_name(name))
        return Plan(name, partial(_saved_run, library, name, request))
    if request.base not in (None, NO_BASE, *library.names()):
        raise library.unknown_model(str(request.base))
    source = open_source(library, request.source_model, request.update, request.preset)
    preset, settings = resolve_settings(request, source.card.config.preset if source else None)
    written = _lines_written(library, request)
    if source is not None and request.update is not None:
        return Plan(source.name, partial(_updated_run, library, request, written, source, settings))
    name = _new_name(library, request, preset)
    return Plan(name, partial(_new_run, library, request, written, name, source, preset, settings))


def _check_request(request: TrainingRequest) -> None:
    """Raises UsageError for options that contradict each other."""
    is_update, starts_elsewhere = request.update is not None, request.source_model is not None
    if is_update and (request.resume or request.force or starts_elsewhere or request.name):
        raise UsageError(
            Sentence("{update} trains and replaces {model} itself", model=request.update),
            Sentence("leave {resume}, {force}, {start_from} and {name} out"),
        )
    if request.added and not is_update:
        raise UsageError(Sentence("{add} is for {update}"), "name all texts together")
    is_new = request.force or starts_elsewhere or request.base is not None or request.written
    if request.resume and is_new:
        hint = Sentence("leave {force}, {start_from}, {on} and {written} out")
        raise UsageError(Sentence("{resume} continues a run with its own settings"), hint)


def resolve_settings(
    request: TrainingRequest, source_preset: str | None = None
) -> tuple[str, list[Mapping[str, Any]]]:
    """The preset of a run, and the settings that override its defaults, in the order that
    `make_config` takes.

    `source_preset` is that of the model that the run starts from, which takes precedence. Raises
    UsageError, naming the source of an invalid value.
    """
    preset = source_preset if source_preset is not None else request.preset
    for each in request.defaults if preset is None else ():
        if "preset" in each.settings:
            preset = each.settings["preset"]
            _check_source(each.source, partial(preset_named, preset))
    if preset is None:
        is_own = request.sources or request.written
        preset = OWN_TEXT_PRESET if is_own else LESSON_PRESET
    known = settings_of(preset_named(preset))
    given = _without(request.settings, {*MACHINE_SETTINGS} - known.keys())
    make_config(preset, [given])
    layers: list[Mapping[str, Any]] = []
    for each in request.defaults:
        ignored = {"preset", *MACHINE_SETTINGS, *QUERY_SETTINGS} - known.keys()
        ignored |= each.settings.keys() - known.keys() if each.is_general else set()
        layers.append(_without(each.settings, ignored))
        for name, value in layers[-1].items():
            _check_source(each.source, partial(make_config, preset, [{name: value}]))
    return preset, [*layers, given]


def _without(settings: Mapping[str, Any], ignored: set[str]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in ignored}


def _check_source(source: str, check: Callable[[], object]) -> None:
    """Adds the source of a setting to the UsageError of a check."""
    try:
        check()
    except UsageError as error:
        raise error.within("{message} ({source})", source=source) from error


def _new_name(library: Library, request: TrainingRequest, preset: str) -> str:
    """The requested name, or a free one made from the corpus and the preset."""
    if request.name is not None:
        return check_name(usable_name(request.name))
    usual = WRITTEN_STEM if request.written else bundled_corpus().name
    first = request.sources[0] if request.sources else usual
    stem = "stdin" if first == STANDARD_INPUT or is_pipe(Path(first)) else Path(first).stem
    return free_name(library, f"{name_of_file(stem)}-{preset}")


def _new_run(
    library: Library,
    request: TrainingRequest,
    written: Sequence[str],
    name: str,
    source: OpenedModel | None,
    preset: str,
    settings: Sequence[Mapping[str, Any]],
    workspace: Workspace,
) -> TrainingRun:
    """The run of a new model, which may start from another one."""
    if not request.force:
        _check_free(library, name)
    if written:
        stored = _stored(library, request, name, paragraphs_of(written))
        request = replace(request, sources=(*request.sources, stored))
    corpus = corpus_of(request.sources, request.encoding, workspace)
    if source is None:
        config = make_config(preset, settings, corpus.words)
    else:
        config = config_from(source, corpus, settings)
    base = choose_base(library, corpus, config, request.base, name)
    if source is None and request.source_model is None and request.base is None:
        source, why_not = starts_from_english(library, base, config, settings, corpus.words)
        base = replace(base, notes=(*base.notes, *filter(None, [why_not])))
        config = config if source is None else config_from(source, corpus, settings)
    path, folder, origin = library.path(name), library.run_folder(name), _origin(corpus, request)
    if source is None:
        prepared = prepare_corpus(corpus, config, held_out=base.held_out(corpus, config))
        run = TrainingRun(name, path, folder, config, prepared, origin)
    else:
        run = run_from(source, name, path, folder, corpus, origin, config, base.known)
    return with_base(run, base)


def _updated_run(
    library: Library,
    request: TrainingRequest,
    written: Sequence[str],
    source: OpenedModel,
    settings: Sequence[Mapping[str, Any]],
    workspace: Workspace,
) -> TrainingRun:
    """The run of the next version of a model."""
    added, name = request.added, source.name
    if new := not_learned(library, name, written) if written else []:
        added = (*added, _stored(library, request, name, new))
    sources, encoding = texts_of_update(source, request.sources, added, request.encoding)
    request = replace(request, sources=sources, encoding=encoding)
    corpus = corpus_of(sources, encoding, workspace)
    if written and not new and is_corpus_of(source.card, corpus):
        raise CorpusError(
            f"nothing is new: {name} has learned all of these texts, and its files are unchanged",
            "write more in the app: a line counts once it is sent",
        )
    config = config_of_update(source, settings)
    if request.base is not None:
        base = choose_base(library, corpus, config, request.base, source.name)
    else:
        base = base_of_update(source, library) if config.is_mixed else ChosenBase()
    is_longer = "epochs" in request.settings
    run = run_of_update(source, corpus, _origin(corpus, request), config, base.known, is_longer)
    return with_base(run, base)


def _lines_written(library: Library, request: TrainingRequest) -> list[str]:
    """The lines of the texts that the request names by their titles, if any."""
    if not request.written:
        return []
    from rnnlm_tui.session.reading import read_written  # loads sqlite3

    return read_written(library.data_dir, request.written)


def _stored(
    library: Library, request: TrainingRequest, name: str, paragraphs: Sequence[str]
) -> str:
    """Stores what was written for the model of this name; returns the path."""
    return str(save_written(request.texts or texts_folder(library), name, paragraphs))


def _check_free(library: Library, name: str) -> None:
    """Raises ModelError if a model or an unfinished run has this name."""
    can_resume = (library.run_folder(name) / RESUME).exists()
    if library.path(name).exists():
        more = Sentence(", or train it further with {resume}") if can_resume else ""
        raise ModelError(
            f"the name {name} is taken",
            Sentence("take another {name}, replace it with {force}{more}", more=more),
            field="name",
        )
    if can_resume:
        raise ModelError(
            f"a training of {name} was started and not finished",
            Sentence(
                "resume it with {resume}, start again with {force}, or delete it: {command}",
                command=f"{APP_NAME} --delete {name}",
            ),
            field="name",
        )


def _origin(corpus: Corpus, request: TrainingRequest) -> TextOrigin:
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


def _saved_run(
    library: Library, name: str, request: TrainingRequest, workspace: Workspace
) -> TrainingRun:
    """The run `name`, to be continued where it stopped. Raises RnnlmError if that is impossible."""
    folder = library.run_folder(name)
    state = load_state(folder, name)
    changed = _changed_settings(request, state.config.preset)
    before = state.config.to_json()
    config = make_config(before["preset"], [{**before["model"], **before["train"]}, changed])
    if changed:
        _check_unfinished(name, config, state)
    if "learning_rate" in changed:
        state.position.learning_rate = config.network_train.learning_rate
    sources = request.sources or state.corpus.get("sources") or []
    if STANDARD_INPUT in sources and not request.sources:
        raise CorpusError(
            f"the text of {name} came from standard input or a pipe, and is needed again",
            f"give it: {APP_NAME} --train FILE --resume --name {name}, or - for standard input",
        )
    encoding = request.encoding or state.corpus.get("encoding")
    corpus = corpus_of(sources, encoding, workspace)
    if corpus.sha256 != state.corpus.get("sha256"):
        raise CorpusError(
            f"{corpus.name} is not the text that the training of {name} started with",
            f"give that text, or train a new model: {APP_NAME} --train FILE --from {name}",
        )
    prepared = prepared_again(corpus, config, state)
    seed_line = request.seed_line or state.corpus.get("seed_line") or _default_seed_line(corpus)
    origin: TextOrigin = {**state.corpus, "encoding": encoding, "seed_line": as_unicode(seed_line)}
    if request.sources:
        origin["sources"] = list(corpus.sources)
    base, warning = base_of_resumed(library, name, origin)
    if warning:
        prepared = replace(prepared, warnings=(*prepared.warnings, warning))
    return TrainingRun(
        *(name, library.path(name), folder, config, prepared, origin, state),
        ancestor_lines=state.ancestor_lines,
        base=base,
        replaces=_to_replace(library, name, state),
    )


def _to_replace(library: Library, name: str, state: Checkpoint) -> LanguageModel | None:
    """The model that an update is to replace; None if it has replaced it already."""
    if "old_loss" not in state.corpus or state.position.best_epoch is not None:
        return None
    with suppress(ModelError):
        return library.open(name)[1]
    return None


def _changed_settings(request: TrainingRequest, preset: str) -> dict[str, Any]:
    """The settings changed by the request. Raises UsageError for those that cannot change."""
    own = settings_of(preset_named(preset))
    changeable = [name for name in CHANGEABLE if name in own]
    fixed = sorted(request.settings.keys() - {*changeable, *MACHINE_SETTINGS})
    if request.preset is not None:
        fixed.append("preset")
    if fixed:
        hint = Sentence("only {allowed} can", allowed=joined_names(changeable, ", "))
        raise UsageError(
            Sentence("{name} cannot be changed when a training is resumed", name=Name(fixed[0])),
            hint if changeable else "leave it out",
            field=fixed[0],
        )
    return {name: value for name, value in request.settings.items() if name in own}


def _check_unfinished(name: str, config: Config, state: Checkpoint) -> None:
    """Raises UsageError if the run ends at once with these settings."""
    if state.position.epoch > config.epochs:
        done = state.position.epoch - 1
        raise UsageError(
            f"the training of {name} has done {plural(done, 'epoch')} of {config.epochs}",
            Sentence("give it more, such as {epochs} {more}", more=2 * done),
            field="epochs",
        )
    train = config.train
    if isinstance(train, CausalTrainConfig) and state.position.patience_exhausted(train):
        raise UsageError(
            f"the training of {name} ended early: its held-out loss was best in epoch"
            f" {state.position.best_epoch}",
            Sentence("raise its patience, such as {patience} {more}", more=2 * train.patience),
            field="patience",
        )


def prepared_again(corpus: Corpus, config: Config, state: Checkpoint) -> PreparedText:
    """The corpus with the vocabulary and the window that the run started with."""
    corpus = join_paragraphs(corpus, config.lines)
    if state.held_out is not None and state.held_out.shape != (len(corpus.lines),):
        raise ModelError(
            "the saved state holds out lines of another text", Sentence("train with {force}")
        )
    words = state.corpus.get("words")
    if words is None:
        return prepare_corpus(corpus, config, held_out=state.held_out)
    vocabulary = Vocabulary(words, ARCHITECTURES[config.preset].special_tokens)
    conventions = state.corpus.get("conventions") or Conventions()
    known = vocabulary, conventions, state.corpus["window"]
    return prepare_corpus(corpus, config, known, state.held_out)
