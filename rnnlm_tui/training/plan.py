"""The plan of a training: from a request to a job that can run.

`plan` reads no files of text, so that most mistakes are told at once. It finds the name, the
preset, the parent, and what was written in the app. `Plan.prepare` reads the text and decides the
rest: the settings that depend on its size (`SIZES` in config.py), the base, the lines to hold out,
and where the network starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.config import (
    LESSON_PRESET,
    OWN_TEXT_PRESET,
    Config,
    NetworkTrainConfig,
    make_config,
    preset_named,
)
from rnnlm_tui.errors import CorpusError, ModelError, UsageError
from rnnlm_tui.formatting import as_unicode, cut_words
from rnnlm_tui.lm.kneser_ney import sampling_step
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.corpora import (
    ancestors_of,
    find_sources,
    is_text_of,
    not_learned,
    paragraphs_of,
    save_written,
)
from rnnlm_tui.store.library import Library, OpenedModel
from rnnlm_tui.store.model_file import read_base
from rnnlm_tui.store.names import built_in_names, check_name, model_name_of, tidy_name
from rnnlm_tui.store.run_files import RunFacts, Tensors, read_state
from rnnlm_tui.text.prepare import Prepared
from rnnlm_tui.text.reading import (
    STANDARD_INPUT,
    Corpus,
    Report,
    arrange_lines,
    is_folder,
    is_pipe,
    read_corpus,
)
from rnnlm_tui.training.job import Base, Job
from rnnlm_tui.training.request import TrainingRequest
from rnnlm_tui.training.saving import utc_now
from rnnlm_tui.training.start import (
    AUTO,
    NONE,
    base_of_update,
    choose_base,
    config_from,
    open_parent,
    prepare_resumed,
    prepare_start,
)

SEED_LINE_WORDS = 4
"""The number of words of the default line to continue. They are the first of the text."""
WRITTEN_STEM = "mine"
"""The start of the default name of a model of what was written in the app. Titles stay private."""
CHANGEABLE = ("epochs", "learning_rate", "patience", "threads", "device")
"""The settings that may change when a run is resumed. All others stay as they were at its start."""
EXCLUDED = {
    "update": ("resume", "name", "on", "start_from"),
    "resume": ("force", "on", "preset", "start_from", "written"),
}
"""The options that do not go with `--update` and with `--resume`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A training that is ready to read its text, once its `name` is locked.

    `parent` is the model of `--from` or `--update`, if any. `written` are lines of the app that are
    learned, too. A run that is resumed has no `preset`, no parent and no such lines.
    """

    library: Library
    request: TrainingRequest
    name: str
    preset: str = ""
    parent: OpenedModel | None = None
    written: Sequence[str] = ()

    @property
    def is_update(self) -> bool:
        """True for an update of the `parent`."""
        return self.request.update is not None

    def config(self, words: int) -> Config:
        """Returns the settings for a text with this number of words. Raises UsageError."""
        settings = self.request.settings
        if self.parent is None:
            return make_config(self.preset, [settings], words)
        return config_from(self.parent, settings, words, is_update=self.is_update)

    def prepare(self, report: Report) -> Job:
        """Reads the text and returns the job. Calls `report` with the progress. Raises
        RnnlmError."""
        return self._resumed(report) if self.request.resume else self._new(report)

    def _new(self, report: Report) -> Job:
        """Returns the job of a new model or of an update."""
        request, parent = self.request, self.parent
        sources, encoding = self._sources()
        text = self._read(sources, encoding, report)
        if request.written_folder and request.written and not request.sources:
            text = replace(text, name="what you wrote")  # the user does not know the file's name
        config = self.config(text.words)
        lines = arrange_lines(text, config.lines)
        if parent is not None and self.is_update:
            self._check_update(parent, text)
            choice = base_of_update(self.library, parent, lines)
        else:
            choice = choose_base(self.library, lines, config, request)
        if choice.parent is not None:
            parent = choice.parent  # the base, whose network the new one starts from
            config = config_from(parent, request.settings, text.words, is_update=False)
        start = prepare_start(parent, lines, config, report)
        config, prepared = start.config, start.prepared
        notes = [*prepared.notes, *choice.notes]
        counts_ngrams = config.is_mixed or not config.has_network
        if counts_ngrams and (step := sampling_step(prepared.predictions)) > 1:
            notes.append(f"n-grams are counted in one of {step} lines")
        facts = RunFacts(
            config=config,
            created=utc_now(),
            sources=list(text.sources) if sources else [],
            encoding=encoding,
            sha256=text.sha256,
            seed_line=as_unicode(request.seed_line or _default_seed_line(text)),
            window=prepared.window,
            ancestors=ancestors_of(parent.name, parent.card) if parent else [],
            blocked_words=_still_blocked(parent, prepared) if parent else [],
            base=choice.base.name if choice.base else None,
            known_to_base=choice.known,
            is_update=self.is_update,
        )
        return Job(
            name=self.name,
            library=self.library,
            facts=facts,
            prepared=replace(prepared, notes=tuple(notes)),
            base=choice.base,
            trained_lines=start.trained_lines,
            network=start.network,
            new_words=start.new_words,
        )

    def _sources(self) -> tuple[tuple[str, ...], str | None]:
        """Returns the files to read, and their encoding.

        They are the files of the request, then those of `--add`, then a file of what was written.
        An update without files reads those that its model learned. Raises CorpusError if these are
        not known.
        """
        request, parent, name = self.request, self.parent, self.name
        sources, encoding = request.sources, request.encoding
        if self.is_update and parent is not None:
            if not sources:
                hint = f"give it: {APP_NAME} --train --update {name} FILE"
                found = find_sources(name, parent.folder, parent.card, hint)
                sources = tuple(found.sources) or (str(bundled_corpus()),)
                encoding = encoding or found.encoding
            sources += request.add
            paragraphs = not_learned(self.library, name, self.written)
        else:
            paragraphs = paragraphs_of(self.written)
        if paragraphs:
            folder = request.written_folder or self.library.texts_folder
            sources += (str(save_written(folder, name, paragraphs)),)
        return sources, encoding

    def _read(self, sources: Sequence[str], encoding: str | None, report: Report) -> Corpus:
        """Reads the text. Raises CorpusError. If the files of an earlier training cannot be read,
        its hint says how to name them."""
        try:
            return read_corpus(sources, encoding, report)
        except CorpusError as error:
            if error.hint or self.request.sources or self.request.add:
                raise
            name = self.name
            how = f"FILE --resume --name {name}" if self.request.resume else f"--update {name} FILE"
            hint = f"if it was moved: {APP_NAME} --train {how}"
            raise CorpusError(error.message, hint) from error

    def _check_update(self, parent: OpenedModel, text: Corpus) -> None:
        """Raises UsageError if the model is the lesson's and its text has changed. Raises
        CorpusError if the text has not changed, unless a network is to learn it for more epochs."""
        has_network = parent.card.has_network
        if not is_text_of(parent.card, text):
            if parent.card.config.is_lesson:
                raise UsageError(
                    f"{self.name} is of the preset {self.preset}, which keeps to the text it has"
                    " learned",
                    "train it again on the whole text, with {force}",
                )
            return
        if has_network and "epochs" in self.request.settings:
            return
        hint = ""
        if self.written:
            hint = "write more in the app: a line counts once it is kept"
        elif has_network:
            hint = f"to train it longer: {APP_NAME} --train --update {self.name} --epochs N"
        message = f"{self.name} has learned this text already: nothing in it is new"
        raise CorpusError(message, hint)

    def _resumed(self, report: Report) -> Job:
        """Returns the job of a run that goes on where it stopped. Raises RnnlmError."""
        request, name = self.request, self.name
        facts, state = _saved_state(self.library, name)
        config = make_config(facts.config.preset, (facts.config.settings, request.settings))
        _check_machine(config)
        sources = request.sources or tuple(facts.sources)
        encoding = request.encoding or facts.encoding
        if STANDARD_INPUT in sources and not request.sources:
            raise CorpusError(
                f"the text of {name} came from standard input or a pipe, and is needed again",
                f"give it: {APP_NAME} --train FILE --resume --name {name}, or - for standard input",
            )
        text = self._read(sources, encoding, report)
        if text.sha256 != facts.sha256:
            # A model without a finished epoch cannot be updated, nor can a lesson.
            has_model = facts.is_update or facts.position.best_epoch is not None
            can_update = has_model and not config.is_lesson
            update = f"--update {name}{' FILE' if request.sources else ''}"
            anew = update if can_update else f"FILE --name {name}"
            raise CorpusError(
                f"{text.name} is not the text that the training of {name} started with",
                f"give that text, or learn this one: {APP_NAME} --train {anew} --force",
            )
        lines = arrange_lines(text, config.lines)
        prepared, trained_lines = prepare_resumed(config, facts.window, state, lines, report)
        facts = structs.replace(
            facts,
            config=config,
            sources=list(text.sources) if sources else [],
            encoding=encoding,
            seed_line=as_unicode(request.seed_line or facts.seed_line),
        )
        return Job(
            name=name,
            library=self.library,
            facts=facts,
            prepared=prepared,
            base=_base_of(facts, name),
            trained_lines=trained_lines,
            state=state,
        )


def plan(library: Library, request: TrainingRequest) -> Plan:
    """Returns the plan of a training. Raises RnnlmError."""
    _check_request(request)
    if request.resume:
        name = library.runs.newest() if request.name is None else request.name
        return Plan(library, request, check_name(tidy_name(name)))
    parent = open_parent(library, request)
    if parent is None:
        usual = OWN_TEXT_PRESET if request.sources or request.written else LESSON_PRESET
        preset = request.preset or usual
        preset_named(preset)  # raises UsageError for an unknown one
    else:
        preset = parent.card.config.preset
    name = request.update or _new_name(library, request, preset)
    if request.update and not request.force and (lost := library.runs.get(name).progress_lost):
        raise ModelError(
            f"the training of {name} stopped at {lost}; after an update it could not be resumed",
            f"resume it: {APP_NAME} --train --resume --name {name}; or give {{force}}",
        )
    written: Sequence[str] = ()
    if request.written:
        from rnnlm_tui.session.written import read_written  # loads sqlite3

        written = read_written(library.data_dir, request.written)
    planned = Plan(library, request, name, preset, parent, written)
    # The settings are made once without the text, to tell mistakes in them before it is read.
    _check_machine(planned.config(0))
    return planned


def _check_machine(config: Config) -> None:
    """Raises UsageError if this machine lacks the device or the precision that is asked for."""
    if isinstance(settings := config.train, NetworkTrainConfig):
        precision = getattr(settings, "precision", "float32")
        if settings.device not in ("auto", "cpu") or precision != "float32":
            from rnnlm_tui.training.network_learner import check_device  # loads torch

            check_device(settings.device, precision)


def _check_request(request: TrainingRequest) -> None:
    """Raises UsageError for options that contradict each other."""
    for option, others in EXCLUDED.items():
        if not getattr(request, option):
            continue
        excluded = [other for other in others if getattr(request, other)]
        if option == "resume":
            excluded += sorted(request.settings.keys() - {*CHANGEABLE})
        if excluded:
            message = f"{{{excluded[0]}}} does not go with {{{option}}}"
            raise UsageError(message, f"leave {{{excluded[0]}}} out", field=excluded[0])
    if request.add and not request.update:
        raise UsageError("{add} is for {update}", "name all texts together")
    bases = (AUTO, NONE, *built_in_names())
    if request.on is not None and request.on not in bases:
        message = f"no built-in model is called {request.on}"
        raise UsageError(message, f"{{on}} takes {', '.join(bases)}", field="on")


def _new_name(library: Library, request: TrainingRequest, preset: str) -> str:
    """Returns the requested name, or a free one made of the first source and the preset. Raises
    ModelError if a model or an unfinished run has the requested one."""
    if request.name is None:
        usual = WRITTEN_STEM if request.written else bundled_corpus().name
        first = Path(request.sources[0] if request.sources else usual)
        if str(first) == STANDARD_INPUT or is_pipe(first):
            stem = "stdin"
        else:
            stem = first.resolve().name if is_folder(first) else first.stem
        return library.free_name(f"{model_name_of(stem)}-{preset}")
    name = check_name(tidy_name(request.name))
    is_built_in = library.is_built_in(name)
    if is_built_in or (library.has(name) and not request.force):
        more = ", or go on with its training with {resume}" if library.runs.can_resume(name) else ""
        message = f"the name {name} is taken; {library.free_name(name)} is free"
        hint = "it is built in" if is_built_in else f"replace it with {{force}}{more}"
        raise ModelError(message, hint, field="name")
    return name


def _default_seed_line(text: Corpus) -> str:
    """Returns the first words of the first line with at least two words."""
    words = (line.split() for line in text)
    first: list[str] = next((w for w in words if len(w) > 1), [])
    return cut_words(" ".join(first[:SEED_LINE_WORDS]))


def _still_blocked(parent: OpenedModel, prepared: Prepared) -> list[str]:
    """Returns the words that the parent never suggests and that do not occur in the text."""
    vocabulary = prepared.vocabulary
    counts = prepared.train.word_counts(vocabulary.total_words)
    blocked = parent.card.blocked_words
    return [w for w in blocked if w in vocabulary and counts[vocabulary.id_by_word[w]] == 0]


def _base_of(facts: RunFacts, name: str) -> Base | None:
    """Returns the base of a run that is resumed. Raises ModelError."""
    try:
        return Base(facts.base, read_base(facts.base)) if facts.base else None
    except ModelError as error:
        message = f"the training of {name} cannot go on: {error.message}"
        raise ModelError(message, error.hint) from error


def _saved_state(library: Library, name: str) -> tuple[RunFacts, Tensors]:
    """Returns the saved state of a run. Raises ModelError if there is none to resume from."""
    if not library.runs.can_resume(name):
        hint = "leave {resume} out to train a new model"
        if library.has(name):
            hint += f"; to train this one longer: {APP_NAME} --train --update {name} --epochs N"
        raise ModelError(f"no training of {name} is unfinished", hint)
    try:
        return read_state(library.runs.folder(name))
    except ModelError as error:
        raise ModelError(
            f"the state of the run of {name} is damaged: {error.message}",
            "train it again with {force}",
        ) from error
