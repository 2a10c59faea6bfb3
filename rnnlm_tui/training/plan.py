"""What to train: from a request to a job that can run.

`plan` reads no file of text: it finds the name, the preset, the model to start from and what was
written in the app, so that most mistakes are told at once. `Plan.prepare` reads the text and
decides the rest: the settings that depend on its size, whether it is built on the English, the
lines to hold out, and where the network starts.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.config import (
    LESSON_PRESET,
    MACHINE_SETTINGS,
    OWN_TEXT_PRESET,
    QUERY_SETTINGS,
    SETTINGS,
    CausalTrainConfig,
    Config,
    LineTextConfig,
    make_config,
    preset_named,
)
from rnnlm_tui.errors import CorpusError, ModelError, UsageError
from rnnlm_tui.formatting import as_unicode, cut_words, plural
from rnnlm_tui.lm.ngram import sampling_step
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.card import ENGLISH
from rnnlm_tui.store.library import (
    Library,
    OpenedModel,
    check_name,
    free_name,
    name_of_file,
    usable_name,
)
from rnnlm_tui.store.model_file import load_english
from rnnlm_tui.store.run_files import Position, RunFacts, Tensors, read_state
from rnnlm_tui.store.texts import not_learned, paragraphs_of, save_written, texts_folder
from rnnlm_tui.store.training_text import find_sources, is_text_of
from rnnlm_tui.text.reading import STANDARD_INPUT, Report, Text, arranged, is_pipe, read_text
from rnnlm_tui.training.job import Job, Start
from rnnlm_tui.training.run import ends_early
from rnnlm_tui.training.saving import now
from rnnlm_tui.training.start import (
    NOTHING,
    begin,
    config_from,
    english_to_start_from,
    has_english_base_by_default,
    open_source,
    resume,
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
    """A training that is ready to read its text, once its `name` is locked.

    `settings` override the defaults of the `preset`. It starts from the model `source`, if any, and
    learns the lines `written`, too. A run that is resumed has none of these.
    """

    library: Library
    request: TrainingRequest
    name: str
    preset: str = ""
    settings: Sequence[Mapping[str, Any]] = ()
    source: OpenedModel | None = None
    written: Sequence[str] = ()

    def prepare(self, report: Report) -> Job:
        """Reads the text, and tells its progress to the report. Raises RnnlmError."""
        return self._resumed(report) if self.request.resume else self._new(report)

    def _new(self, report: Report) -> Job:
        """The job of a new model, or of an update of the model `source`."""
        request, settings, source = self.request, self.settings, self.source
        is_update = request.update is not None
        sources, encoding = self._sources()
        text = _read(sources, encoding, report)
        if source is None:
            config = make_config(self.preset, settings, text.words)
        else:
            config = config_from(source, settings, text.words, is_update=is_update)
            if is_update:
                self._check_update(source, text)
        lines = arranged(text, config.lines)
        on_english, notes = self._has_english_base(lines, config)
        if source is None and on_english and request.base is None and request.source_model is None:
            source, why_not = english_to_start_from(self.library, config, settings, text.words)
            if source is not None:
                config = config_from(source, settings, text.words, is_update=False)
            notes += [why_not] if why_not else []
        start = begin(source, lines, config, report)
        prepared, warnings = start.prepared, [*start.prepared.warnings]
        is_counted = config.is_mixed or config.preset == "ngram"
        if is_counted and (step := sampling_step(prepared.predictions)) > 1:
            notes.append(f"n-grams are counted in one of {step} lines")
        if is_update and not len(prepared.held_out):
            warnings.append(
                "nothing is held out, so it is not known whether the update is better: it will"
                f" replace {self.name} when it finishes"
            )
        prepared = replace(prepared, notes=(*prepared.notes, *notes), warnings=(*warnings,))
        facts = RunFacts(
            config=start.config,
            created=now(),
            sources=list(text.sources) if sources else [],
            encoding=encoding,
            sha256=text.sha256,
            seed_line=as_unicode(request.seed_line or _default_seed_line(text)),
            window=prepared.window,
            ancestors=list(start.ancestors),
            blocked_words=list(start.blocked_words),
            base=ENGLISH if on_english else None,
            is_update=is_update,
            position=Position(),
        )
        return self._job(replace(start, prepared=prepared), facts)

    def _job(self, start: Start, facts: RunFacts) -> Job:
        library, path = self.library, self.library.path(self.name)
        return Job(
            name=self.name,
            path=library.path_of_update(self.name) if facts.is_update else path,
            folder=library.run_folder(self.name),
            start=start,
            facts=facts,
            english=load_english() if facts.base else None,
            replaces=path if facts.is_update else None,
        )

    def _sources(self) -> tuple[tuple[str, ...], str | None]:
        """The files to read, and their encoding: those of the request, of an update by default the
        model's, then those that are added and what was written. Raises CorpusError if the model's
        are unknown."""
        request, source, name = self.request, self.source, self.name
        sources, encoding, written = request.sources, request.encoding, self.written
        if request.update is not None and source is not None:
            if not sources:
                hint = f"give it: {APP_NAME} --train --update {name} FILE"
                found = find_sources(name, source.folder, source.card, hint)
                sources = tuple(found.sources) or (str(bundled_corpus()),)
                encoding = encoding or found.encoding
            sources += request.added
            paragraphs = not_learned(self.library, name, written) if written else []
        else:
            paragraphs = paragraphs_of(written)
        if paragraphs:
            folder = request.texts or texts_folder(self.library)
            sources += (str(save_written(folder, name, paragraphs)),)
        by_path = {Path(s).absolute() if s != STANDARD_INPUT else s: s for s in sources}
        return tuple(by_path.values()), encoding

    def _check_update(self, source: OpenedModel, text: Text) -> None:
        """Raises CorpusError if the text has not changed and nothing asks for more epochs,
        UsageError if it has and the model is a lesson's."""
        if not is_text_of(source.card, text):
            if self.preset == LESSON_PRESET:
                raise UsageError(
                    f"{self.name} is of the preset lesson, which keeps to the text it has learned",
                    "train it again on the whole text, with {force}",
                )
        elif self.written:
            raise CorpusError(
                f"nothing is new: {self.name} has learned all of these texts, and its files are"
                " unchanged",
                "write more in the app: a line counts once it is sent",
            )
        elif not (source.card.has_network and "epochs" in self.request.settings):
            more = f"to train it longer: {APP_NAME} --train --update {self.name} --epochs N"
            raise CorpusError(
                f"{self.name} has learned this text already: it has not changed since",
                more if source.card.has_network else "",
            )

    def _has_english_base(self, lines: Text, config: Config) -> tuple[bool, list[str]]:
        """Whether the model is built on the English, and sentences about that. Raises UsageError if
        it cannot be."""
        base = self.request.base
        if base is None and self.request.update is not None and self.source is not None:
            return self.source.card.base is not None, []
        if base is None:
            return has_english_base_by_default(self.library, lines, config)
        if base == NOTHING:
            return False, []
        if not config.is_mixed:
            is_off = isinstance(config.train, LineTextConfig)
            what = "{mixture} off" if is_off else f"the preset {config.preset}"
            message = f"a model of {what} is not built on another"
            raise UsageError(message, "leave {on} out", field="on")
        of_english = self.library.opened_model(ENGLISH).card.tokenizer
        if of_english != config.tokenizer:
            raise UsageError(
                f"{ENGLISH} uses the tokenizer {of_english}, this model {config.tokenizer}",
                f"give {{tokenizer}} {of_english}, or {{on}} {NOTHING}",
                field="on",
            )
        return True, []

    def _resumed(self, report: Report) -> Job:
        """The job of a run, to be continued where it stopped. Raises RnnlmError if that is
        impossible."""
        request, name = self.request, self.name
        facts, state = _saved_state(self.library, name)
        changed = _changed_settings(request, facts.config.preset)
        before = facts.config.to_json()
        config = make_config(before["preset"], [{**before["model"], **before["train"]}, changed])
        if changed:
            _check_unfinished(name, config, facts.position)
        sources, encoding = request.sources or facts.sources, request.encoding or facts.encoding
        if STANDARD_INPUT in sources and not request.sources:
            raise CorpusError(
                f"the text of {name} came from standard input or a pipe, and is needed again",
                f"give it: {APP_NAME} --train FILE --resume --name {name}, or - for standard input",
            )
        text = _read(sources, encoding, report)
        if text.sha256 != facts.sha256:
            raise CorpusError(
                f"{text.name} is not the text that the training of {name} started with",
                f"give that text, or train a new model: {APP_NAME} --train FILE --from {name}",
            )
        start = resume(facts, state, arranged(text, config.lines), config, report)
        facts.config, facts.encoding = config, encoding
        facts.seed_line = as_unicode(request.seed_line or facts.seed_line)
        if request.sources:
            facts.sources = list(text.sources)
        return self._job(start, facts)


def plan(library: Library, request: TrainingRequest) -> Plan:
    """The plan of a training. Raises RnnlmError."""
    _check_request(request)
    if request.resume:
        name = library.newest_run() if request.name is None else request.name
        return Plan(library, request, check_name(usable_name(name)))
    source = open_source(library, request.source_model, request.update, request.preset)
    preset, settings = resolve_settings(request, source.card.config.preset if source else None)
    if request.update is not None and source is not None:
        name = source.name
    else:
        name = _new_name(library, request, preset)
        if not request.force:
            _check_free(library, name)
    written = _lines_written(library, request)
    return Plan(library, request, name, preset, settings, source, written)


def _check_request(request: TrainingRequest) -> None:
    """Raises UsageError for options that contradict each other."""
    is_update, starts_elsewhere = request.update is not None, request.source_model is not None
    if is_update and (request.resume or request.force or starts_elsewhere or request.name):
        raise UsageError(
            f"{{update}} trains and replaces {request.update} itself",
            "leave {resume}, {force}, {start_from} and {name} out",
        )
    if request.added and not is_update:
        raise UsageError("{add} is for {update}", "name all texts together")
    is_new = request.force or starts_elsewhere or request.base is not None or request.written
    if request.resume and is_new:
        hint = "leave {force}, {start_from}, {on} and {written} out"
        raise UsageError("{resume} continues a run with its own settings", hint)
    if request.base not in (None, NOTHING, ENGLISH):
        raise UsageError(
            f"{{on}} is {request.base!r}",
            f"it must be {ENGLISH} or {NOTHING}; to start from a model: {{start_from}}",
            field="on",
        )


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
    known = SETTINGS[preset_named(preset).preset]
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
        raise error.within(f"{{message}} ({source})") from error


def _new_name(library: Library, request: TrainingRequest, preset: str) -> str:
    """The requested name, or a free one made from the corpus and the preset."""
    if request.name is not None:
        return check_name(usable_name(request.name))
    usual = WRITTEN_STEM if request.written else bundled_corpus().name
    first = request.sources[0] if request.sources else usual
    stem = "stdin" if first == STANDARD_INPUT or is_pipe(Path(first)) else Path(first).stem
    return free_name(library, f"{name_of_file(stem)}-{preset}")


def _read(sources: Sequence[str], encoding: str | None, report: Report) -> Text:
    stdin = getattr(sys.stdin, "buffer", io.BytesIO())  # there may be none, as in a notebook
    text = read_text(sources or [bundled_corpus()], encoding, stdin, report)
    return replace(text, name=as_unicode(text.name))


def _lines_written(library: Library, request: TrainingRequest) -> list[str]:
    """The lines of the texts that the request names by their titles, if any."""
    if not request.written:
        return []
    from rnnlm_tui.session.reading import read_written  # loads sqlite3

    return read_written(library.data_dir, request.written)


def _check_free(library: Library, name: str) -> None:
    """Raises ModelError if a model or an unfinished run has this name."""
    if library.path(name).exists():
        more = ", or train it further with {resume}" if library.can_resume(name) else ""
        raise ModelError(
            f"the name {name} is taken",
            f"take another {{name}}, replace it with {{force}}{more}",
            field="name",
        )
    if library.can_resume(name):
        raise ModelError(
            f"a training of {name} was started and not finished",
            "resume it with {resume}, start again with {force}, or delete it:"
            f" {APP_NAME} --delete {name}",
            field="name",
        )


def _default_seed_line(text: Text) -> str:
    """The beginning of the first line with at least two words."""
    words = (line.split() for line in text)
    first: list[str] = next((w for w in words if len(w) > 1), [])
    return cut_words(" ".join(first[:SEED_LINE_WORDS]))


def _saved_state(library: Library, name: str) -> tuple[RunFacts, Tensors]:
    """The saved state of a run. Raises ModelError if there is none to resume from."""
    if not library.can_resume(name):
        raise ModelError(
            f"no training of {name} is unfinished",
            "leave {resume} out to train a new model; to train this one longer:"
            f" {APP_NAME} --train --update {name} --epochs N",
        )
    try:
        return read_state(library.run_folder(name))
    except ModelError as error:
        raise ModelError(
            f"the state of the run of {name} is damaged: {error.message}",
            "train it again with {force}",
        ) from error


def _changed_settings(request: TrainingRequest, preset: str) -> dict[str, Any]:
    """The settings changed by the request. Raises UsageError for those that cannot change."""
    own = SETTINGS[preset]
    changeable = [name for name in CHANGEABLE if name in own]
    fixed = sorted(request.settings.keys() - {*changeable, *MACHINE_SETTINGS})
    if request.preset is not None:
        fixed.append("preset")
    if fixed:
        allowed = ", ".join(f"{{{name}}}" for name in changeable)
        raise UsageError(
            f"{{{fixed[0]}}} cannot be changed when a training is resumed",
            f"only {allowed} can" if changeable else "leave it out",
            field=fixed[0],
        )
    return {name: value for name, value in request.settings.items() if name in own}


def _check_unfinished(name: str, config: Config, position: Position) -> None:
    """Raises UsageError if the run ends at once with these settings."""
    if position.epoch > config.epochs:
        done = position.epoch - 1
        raise UsageError(
            f"the training of {name} has done {plural(done, 'epoch')} of {config.epochs}",
            f"give it more, such as {{epochs}} {2 * done}",
            field="epochs",
        )
    train = config.train
    if isinstance(train, CausalTrainConfig) and ends_early(config, position):
        raise UsageError(
            f"the training of {name} ended early: its held-out loss was best in epoch"
            f" {position.best_epoch}",
            f"raise its patience, such as {{patience}} {2 * train.patience}",
            field="patience",
        )
