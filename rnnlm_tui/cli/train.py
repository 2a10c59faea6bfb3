"""`--train`: the loop of the command line over the events of a training.

The trainer is imported where it is needed: it loads torch, which takes 1.2 s, and a corpus or a
name that will not do can be told of before.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from rnnlm_tui.cli import headless
from rnnlm_tui.cli.memory import free_memory
from rnnlm_tui.cli.reporters import JsonWatcher, TextWatcher
from rnnlm_tui.config import (
    LineTextConfig,
    NetworkTrainConfig,
    RunConfig,
    make_run_config,
    preset_named,
    settings_from_environment,
    settings_of,
)
from rnnlm_tui.errors import (
    EXIT_INTERRUPTED,
    CorpusError,
    DivergedError,
    ModelError,
    RnnlmError,
    StorageError,
    UsageError,
    os_reason,
)
from rnnlm_tui.events import Event, Failed, Finished, Saved, to_json_line
from rnnlm_tui.formatting import escape, format_bytes, sanitize
from rnnlm_tui.lm.registry import ARCHITECTURES, prepare_corpus
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.files import HISTORY, MODEL, RESUME
from rnnlm_tui.store.library import Library, check_name, free_name
from rnnlm_tui.store.locks import TRAINING
from rnnlm_tui.store.run_state import TextOrigin
from rnnlm_tui.store.training_text import is_corpus_of, write_origin
from rnnlm_tui.store.weights import read_weights
from rnnlm_tui.text.corpus import STANDARD_INPUT, Corpus
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.text.vocabulary import Vocabulary
from rnnlm_tui.training.checkpoint import RunState, load_state
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.history import record
from rnnlm_tui.training.run import TrainingRun

CHANGEABLE = ("epochs", "learning_rate", "patience", "device", "threads")
"""The settings that a run may be given anew when it goes on."""
WORDS = ("max_vocabulary", "min_count", "tokenizer")
"""The settings that a run which starts from a model cannot have: it has its words."""
SEED_LINE_WORDS = 4
NICENESS = 10
"""The priority of a run that somebody watches: a key press beside it, which waited up to 105 ms
(99th percentile), waits 32 ms."""


def train(options: argparse.Namespace) -> int:
    """Trains as the options say; returns the exit code. Raises RnnlmError."""
    began = time.monotonic()
    try:
        with _explained_memory_errors():
            finished, interrupted = _train(options)
    except RnnlmError as error:
        if options.json:
            failed = Failed(time.monotonic() - began, error.kind, error.message, error.hint)
            with suppress(OSError):  # the reader may have gone; the error is on stderr too
                print(escape(to_json_line(failed)), flush=True)
        raise
    return exit_code(finished, interrupted)


def _train(options: argparse.Namespace) -> tuple[Finished, bool]:
    """The last event, and whether the run was interrupted: by a signal, or since nobody reads any
    more what it says."""
    library = headless.library_of(options)
    if options.control and STANDARD_INPUT in options.train:
        raise UsageError("standard input cannot be both the corpus and the control", "name a file")
    if options.resume and (options.force or getattr(options, "from")):
        raise UsageError("--resume goes on with a run as it is", "leave --force and --from out")
    if options.control is not None:
        share_the_processor()
    planner = _resumed_job if options.resume else _new_job
    name = _name_to_resume(library, options) if options.resume else _new_name(library, options)
    with library.lock(name, TRAINING):
        job = planner(library, name, options)
        if not options.json and not options.quiet:
            print("\n".join(headless.data_card(job.prepared, job.config)), file=sys.stderr)
        check_memory(job.config, job.prepared)
        control = Control(job.origin["seed_line"])
        trainer = importlib.import_module(ARCHITECTURES[job.config.preset].trainer)
        watcher = JsonWatcher(control) if options.json else TextWatcher(control, options.quiet)
        with _folder_of(job), obeying(control, options.control is not None) as signalled:
            events = _with_origin(record(trainer.train(job, control), job.folder), job)
            finished = watch(events, watcher)
            if isinstance(watcher, JsonWatcher):
                _check_written(watcher.error)
            return finished, bool(signalled) or control.unwatched


def _check_written(error: OSError | None) -> None:
    """Raises StorageError where the events could not be written; that their reader has gone is no
    fault."""
    if error is not None and not isinstance(error, BrokenPipeError):
        raise StorageError(
            f"cannot write the events: {os_reason(error)}",
            "what was learned is saved: --train --resume goes on with it",
        )


def _with_origin(events: Iterable[Event], job: TrainingRun) -> Iterator[Event]:
    """Passes events on, and keeps with the first model that is saved where its text was read."""
    kept = False
    for event in events:
        if isinstance(event, Saved) and not kept:
            kept = True
            with suppress(StorageError):  # nothing of the model depends on it
                write_origin(job.folder, job.origin.get("sources", []), job.origin.get("encoding"))
        yield event


@contextmanager
def _explained_memory_errors() -> Iterator[None]:
    """Turns the ways in which numpy and PyTorch lack memory into an RnnlmError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise RnnlmError(
            "there is not enough memory for this network and these batches",
            "take a smaller --batch-size, --max-window or --max-vocabulary, or fewer units",
        ) from error


def _new_name(library: Library, options: argparse.Namespace) -> str:
    """The name asked for, else a free one made of the corpus and the preset."""
    if options.name is None:
        source = options.train[0] if options.train else bundled_corpus().name
        stem = "stdin" if source == STANDARD_INPUT else Path(source).stem
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:40] or "text"
        wanted = f"{stem}-{headless.run_config(options).preset}"
        return free_name(library, wanted)
    return check_name(options.name)


def _check_free(library: Library, name: str) -> None:
    """Raises ModelError where there is a model, or an unfinished run, of this name already."""
    folder = library.path(name)
    if (folder / MODEL).exists():
        raise ModelError(
            f"there is a model {name} already",
            "take another --name, replace it with --force, or train it on with --resume",
        )
    if (folder / RESUME).exists():
        raise ModelError(
            f"a run of {name} was begun and not finished",
            "go on with it (--resume) or begin anew (--force)",
        )


def _new_job(library: Library, name: str, options: argparse.Namespace) -> TrainingRun:
    if not options.force:
        _check_free(library, name)
    corpus = headless.corpus_of(options.train, options.encoding)
    origin = _origin(corpus, options)
    folder = library.path(name)
    source = getattr(options, "from")
    if source is None:
        config = headless.run_config(options, corpus=corpus)
        prepared = prepare_corpus(corpus, config)
        return TrainingRun(name, folder, config, prepared, origin)
    return _job_from(library, source, corpus, origin, name, options)


def _job_from(
    library: Library,
    source: str,
    corpus: Corpus,
    origin: TextOrigin,
    name: str,
    options: argparse.Namespace,
) -> TrainingRun:
    """A run that starts from the weights and the words of the model `source`."""
    card, model = library.open(source)
    architecture = ARCHITECTURES[card.config.preset]
    if not architecture.can_start_from_a_model:
        raise UsageError(
            f"{source} is a model of {architecture.name}, which cannot be trained on another text",
            "train on all the texts at once: --train FILE FILE",
        )
    config = headless.run_config(options, card.config.preset, corpus)
    if options.preset not in (None, card.config.preset):
        raise UsageError(f"{source} is of the preset {card.config.preset}", "leave --preset out")
    given = headless.given_settings(options)
    if fixed := given.keys() & {*settings_of(preset_named(card.config.preset))["model"], *WORDS}:
        flags = " and ".join(f"--{name.replace('_', '-')}" for name in sorted(fixed))
        raise UsageError(
            f"{flags} cannot be changed: the network and its words are those of {source}",
            "leave it out, or train anew without --from",
        )
    config = _with_words_of(card, config)
    if is_corpus_of(card, corpus):
        config = _with_split_of(source, card, config, given)
    prepared = prepare_corpus(corpus, config, (model.vocabulary, card.window))
    origin |= {"words": list(model.vocabulary.words), "window": card.window}
    weights = read_weights(library.path(source), card)
    return TrainingRun(name, library.path(name), config, prepared, origin, weights=weights)


def _with_words_of(card: ModelCard, config: RunConfig) -> RunConfig:
    """The settings with the sizes and the tokenizer of the model that the run starts from."""
    train = config.train
    if isinstance(train, LineTextConfig):
        train = dataclasses.replace(train, tokenizer=card.tokenizer)
    return dataclasses.replace(config, model=card.config.model, train=train)


def _with_split_of(
    source: str, card: ModelCard, config: RunConfig, given: Mapping[str, Any]
) -> RunConfig:
    """The settings with the lines held out that the model of the same text held out. Raises
    UsageError for another wish: most of those lines the model would have seen."""
    split = {name: getattr(card.config.train, name) for name in ("held_out", "seed")}
    if other := [n for n in split if n in given and getattr(config.train, n) != split[n]]:
        flags = " and ".join(f"--{name.replace('_', '-')}" for name in other)
        raise UsageError(
            f"{source} was trained on this text, and has seen the lines that would be held out",
            f"leave {flags} out, or train anew without --from",
        )
    return dataclasses.replace(config, train=dataclasses.replace(config.train, **split))


def _origin(corpus: Corpus, options: argparse.Namespace) -> TextOrigin:
    """Where the corpus can be read again; the bundled one from wherever the program is then."""
    sources = list(corpus.sources) if options.train else []
    return {
        "sources": sources,
        "sha256": corpus.sha256,
        "encoding": options.encoding,
        "seed_line": headless.as_unicode(options.seed_line or default_seed_line(corpus)),
    }


def _name_to_resume(library: Library, options: argparse.Namespace) -> str:
    """The run asked for, or the one that was saved last."""
    if options.name is not None:
        return check_name(options.name)
    return library.newest_run()


def _resumed_job(library: Library, name: str, options: argparse.Namespace) -> TrainingRun:
    folder = library.path(name)
    state = load_state(folder, name)
    changed = _changed_settings(options, state.config.preset)
    before = state.config.to_json()
    config = make_run_config(before["preset"], [{**before["model"], **before["train"]}, changed])
    if state.position.epoch > config.epochs:
        done = state.position.epoch - 1
        raise UsageError(
            f"the run of {name} has done all its {done} epochs",
            f"give more, such as --epochs {2 * done}",
        )
    if state.position.patience_exhausted(config.train):
        raise UsageError(
            f"the run of {name} has ended early: its held-out loss was best in epoch"
            f" {state.position.best_epoch}",
            "let it wait longer, such as --patience 20",
        )
    if "learning_rate" in changed:
        state.position.learning_rate = config.network_train.learning_rate
    sources = options.train or state.corpus.get("sources") or []
    corpus = headless.corpus_of(sources, options.encoding or state.corpus.get("encoding"))
    if corpus.sha256 != state.corpus.get("sha256"):
        raise CorpusError(
            f"{corpus.name} is not the text that the run of {name} began with",
            f"give that text, or train a new model from this one: --train FILE --from {name}",
        )
    prepared = _prepared_again(corpus, config, state)
    if not _fits(state, config, prepared):
        raise ModelError(
            f"the state of the run of {name} is that of another network",
            "train it anew with --force",
        )
    seed_line = options.seed_line or state.corpus.get("seed_line") or default_seed_line(corpus)
    origin: TextOrigin = {**state.corpus, "seed_line": headless.as_unicode(seed_line)}
    return TrainingRun(name, folder, config, prepared, origin, state)


def _fits(state: RunState, config: RunConfig, prepared: PreparedText) -> bool:
    """Whether the saved weights are those of the network of these settings; counts have none."""
    if not isinstance(config.train, NetworkTrainConfig):
        return not state.weights
    specs = ARCHITECTURES[config.preset].arrays(config.model, prepared.vocabulary.total_words)
    shapes = {weight: tensor.shape for weight, tensor in state.weights.items()}
    return shapes == {name: spec.shape for name, spec in specs.items()}


def _changed_settings(options: argparse.Namespace, preset: str) -> dict[str, str]:
    """The settings that a run gets anew when it goes on: flags over those of the environment that
    its preset has.

    Raises UsageError for those that it cannot.
    """
    given = headless.given_settings(options)
    own = settings_of(preset_named(preset))["train"]
    changeable = [name for name in CHANGEABLE if name in own]
    fixed = sorted(given.keys() - set(changeable))
    if fixed or options.preset or options.config:
        flag = (fixed or ["preset" if options.preset else "config"])[0].replace("_", "-")
        raise UsageError(
            f"--{flag} cannot be changed when a run goes on",
            f"only {', '.join('--' + s.replace('_', '-') for s in changeable)} can",
        )
    environment = settings_from_environment()
    return {name: environment[name] for name in changeable if name in environment} | given


def _prepared_again(corpus: Corpus, config: RunConfig, state: RunState) -> PreparedText:
    """The corpus with the vocabulary and the window that the run began with."""
    words = state.corpus.get("words")
    if words is None:
        return prepare_corpus(corpus, config)
    vocabulary = Vocabulary(words, ARCHITECTURES[config.preset].special_tokens)
    return prepare_corpus(corpus, config, (vocabulary, state.corpus["window"]))


def default_seed_line(corpus: Corpus) -> str:
    """The beginning of the corpus's first line of two words or more."""
    words = (line.split() for line in corpus.lines)
    first: list[str] = next((w for w in words if len(w) > 1), [])
    return " ".join(first[:SEED_LINE_WORDS])


def check_memory(config: RunConfig, prepared: PreparedText) -> None:
    """Raises CorpusError where the model of this corpus cannot fit into the free memory."""
    architecture, total = ARCHITECTURES[config.preset], prepared.vocabulary.total_words

    def needed(total_words: int) -> int:
        examples = prepared.examples.predictions
        return architecture.training_bytes(config, total_words, prepared.window, examples)

    free = free_memory()
    if needed(total) <= free:
        return
    low, high = 2, total
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if needed(middle) <= free else (low, middle)
    fewer_words = f"keep the most frequent words, at most --max-vocabulary {low - 1},"
    raise CorpusError(
        f"{prepared.corpus.name} has {total - 1:,} different words: the preset {config.preset}"
        f" needs {format_bytes(needed(total))} of memory to train on them,"
        f" {format_bytes(free)} are free",
        f"{fewer_words if low > 2 else f'take {architecture.smaller},'}"
        " or take a preset whose size grows less with the vocabulary",
    )


def share_the_processor() -> None:
    """Leaves a core to whoever controls this run, gives way to it, and lets waiting threads sleep.

    By default they spin, and with another busy process beside them training becomes up to 100 times
    slower. OpenMP reads both variables when torch is loaded; --threads still decides.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) - 1)))
    if sys.platform != "win32":
        os.nice(max(0, NICENESS - os.nice(0)))


@contextmanager
def _folder_of(job: TrainingRun) -> Iterator[None]:
    """Makes the model's folder. Where the run has left neither a model nor a state to go on with,
    it is removed, and its history with it: a folder there would keep the name taken."""
    try:
        job.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make {job.folder}: {os_reason(error)}") from error
    try:
        yield
    finally:
        if not any((job.folder / name).exists() for name in (MODEL, RESUME)):
            with suppress(OSError):  # it holds something else, which is not this run's
                (job.folder / HISTORY).unlink(missing_ok=True)
                job.folder.rmdir()


@contextmanager
def obeying(control: Control, from_stdin: bool) -> Iterator[list[int]]:
    """Lets signals, and lines of standard input if asked to, steer `control`.

    Yields the list of the signals that have come. A second one ends the process at once, which
    every file survives, being whole or not there.
    """
    signalled: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if control.detached and number == getattr(signal, "SIGHUP", None):
            return
        if signalled:
            os._exit(EXIT_INTERRUPTED)
        signalled.append(number)
        control.stop()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP"):
        numbers.append(signal.SIGHUP)
    # A signal that is ignored, as nohup(1) has it, stays ignored.
    before = {n: signal.getsignal(n) for n in numbers if signal.getsignal(n) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, stop)
    control.has_controller = from_stdin
    if from_stdin:
        threading.Thread(target=_obey_stdin, args=(control,), daemon=True).start()
    try:
        yield signalled
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _obey_stdin(control: Control) -> None:
    """Reads control lines until the input ends: then whoever started the run is gone."""
    # Unbuffered: Python aborts at its exit where a thread still waits for a buffered stdin.
    with suppress(OSError), open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as lines:
        for raw in lines:
            line = raw.decode("utf-8", errors="replace").strip()
            if not control.obey(line):
                message = f"not a control line: {sanitize(line)}"
                with suppress(OSError):
                    print(message, file=sys.stderr, flush=True)
    if control.detached:
        control.resume()  # nobody else can any more
    else:
        control.stop()


def watch(events: Iterable[Event], watcher: JsonWatcher | TextWatcher) -> Finished:
    """Shows every event; returns the last."""
    last: Event | None = None
    for last in events:
        watcher.show(last)
    assert isinstance(last, Finished)
    return last


def exit_code(finished: Finished, interrupted: bool) -> int:
    """0 for a run that ended or was told to stop, 130 for one that was interrupted.

    Raises DivergedError for a run whose loss would not stay finite.
    """
    if finished.reason == "diverged":
        epoch = finished.metrics.get("epoch")
        kept = f"epoch {epoch} is kept" if epoch else "nothing is kept"
        raise DivergedError(
            f"the loss was not a finite number, again and again: {kept}",
            "train with a smaller --learning-rate",
        )
    return EXIT_INTERRUPTED if interrupted and finished.reason == "stopped" else 0
