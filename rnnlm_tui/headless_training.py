"""`--train`: the loop of the command line over the events of a training."""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from rnnlm_tui import headless, model_files
from rnnlm_tui.config import RunConfig, make_run_config, preset_named
from rnnlm_tui.errors import (
    EXIT_INTERRUPTED,
    CorpusError,
    DivergedError,
    ModelError,
    RnnlmError,
    StorageError,
    UsageError,
    reason,
)
from rnnlm_tui.events import (
    EpochEnded,
    Event,
    Failed,
    Finished,
    Progress,
    Started,
    Warned,
    to_json_line,
)
from rnnlm_tui.library import Library, check_name
from rnnlm_tui.lm.families import FAMILIES
from rnnlm_tui.model_files import MODEL, RESUME
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.text.corpus import STANDARD_INPUT, Corpus
from rnnlm_tui.text.examples import PreparedCorpus, prepare
from rnnlm_tui.text.tokenizer import TOKENIZERS
from rnnlm_tui.text.vocabulary import Vocabulary
from rnnlm_tui.training.checkpoint import RunState, load_state, record
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.trainer import Job, Trainer

CHANGEABLE = ("epochs", "learning_rate", "device", "threads")
"""The settings that a run may be given anew when it goes on."""
SEED_LINE_WORDS = 4
BAR_WIDTH = 20


def train(options: argparse.Namespace) -> int:
    """Trains as the options say; returns the exit code. Raises RnnlmError."""
    began = time.monotonic()
    try:
        return _train(options)
    except RnnlmError as error:
        if options.json:
            seconds = time.monotonic() - began
            print(to_json_line(Failed(seconds, error.kind, error.message, error.hint)), flush=True)
        raise


def _train(options: argparse.Namespace) -> int:
    library = headless.library_of(options)
    if options.control and STANDARD_INPUT in options.train:
        raise UsageError("standard input cannot be both the corpus and the control", "name a file")
    if options.resume and (options.force or getattr(options, "from")):
        raise UsageError("--resume goes on with a run as it is", "leave --force and --from out")
    planner = _resumed_job if options.resume else _new_job
    name = _name_to_resume(library, options) if options.resume else _new_name(library, options)
    with library.lock(name):
        job = planner(library, name, options)
        if not options.json and not options.quiet:
            print("\n".join(headless.data_card(job.prepared)), file=sys.stderr)
        check_memory(job.config, job.prepared)
        _make_folder(job.folder)
        control = Control(options.seed_line or default_seed_line(job.prepared))
        watcher = JsonWatcher(control) if options.json else TextWatcher(options.quiet)
        with obeying(control, options.control is not None) as signalled:
            finished = watch(record(Trainer(job, control).run(), job.folder), watcher)
            return exit_code(finished, bool(signalled))


def _new_name(library: Library, options: argparse.Namespace) -> str:
    """The name asked for, which must be free or be replaced by force; else a free one."""
    if options.name is None:
        source = options.train[0] if options.train else bundled_corpus().name
        stem = "stdin" if source == STANDARD_INPUT else Path(source).stem
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:40] or "text"
        wanted = f"{stem}-{headless.run_config(options).preset}"
        candidates = chain([wanted], (f"{wanted}-{i}" for i in count(2)))
        return next(name for name in candidates if not library.has(name))
    name = check_name(options.name)
    if library.has(name) and not options.force:
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
    return name


def _new_job(library: Library, name: str, options: argparse.Namespace) -> Job:
    corpus = headless.corpus_of(options.train, options.encoding)
    origin = _origin(corpus, options.encoding)
    folder = library.path(name)
    source = getattr(options, "from")
    if source is None:
        config = headless.run_config(options)
        return Job(name, folder, config, headless.prepared_corpus(corpus, config), origin)
    card, model = library.open(source)
    config = headless.run_config(options)
    if options.preset not in (None, card.config.preset):
        raise UsageError(f"{source} is of the preset {card.config.preset}", "leave --preset out")
    config = dataclasses.replace(config, preset=card.config.preset, model=card.config.model)
    prepared = _prepared_for(corpus, config, model.vocabulary, card.window)
    origin |= {"words": model.vocabulary.words, "window": card.window}
    weights = model_files.read_tensors(
        library.path(source) / card.weights, model_files.expected_shapes(card)
    )
    return Job(name, folder, config, prepared, origin, weights=weights)


def _prepared_for(
    corpus: Corpus, config: RunConfig, vocabulary: Vocabulary, window: int
) -> PreparedCorpus:
    """The corpus for a network that has its words already."""
    return prepare(
        corpus,
        TOKENIZERS[preset_named(config.preset).tokenizer],
        max_window=window,
        held_out=config.train.held_out,
        seed=config.train.seed,
        vocabulary=vocabulary,
        window=window,
    )


def _origin(corpus: Corpus, encoding: str | None) -> dict[str, Any]:
    return {"sources": list(corpus.sources), "sha256": corpus.sha256, "encoding": encoding}


def _name_to_resume(library: Library, options: argparse.Namespace) -> str:
    """The run asked for, or the one that was saved last."""
    if options.name is not None:
        return check_name(options.name)
    states = list(library.folder.glob(f"*/{RESUME}"))
    if not states:
        raise ModelError("there is no run to go on with", "train one: rnnlm-tui --train")
    return max(states, key=lambda path: path.stat().st_mtime).parent.name


def _resumed_job(library: Library, name: str, options: argparse.Namespace) -> Job:
    folder = library.path(name)
    state = load_state(folder, name)
    config = _config_to_resume(state, options)
    if state.position.epoch > config.train.epochs:
        done = state.position.epoch - 1
        raise UsageError(
            f"the run of {name} has done all its {done} epochs",
            f"give more, such as --epochs {2 * done}",
        )
    if options.learning_rate is not None:
        state.position.learning_rate = config.train.learning_rate
    sources = options.train or state.corpus.get("sources") or []
    corpus = headless.corpus_of(sources, options.encoding or state.corpus.get("encoding"))
    if corpus.sha256 != state.corpus.get("sha256"):
        raise CorpusError(
            f"{corpus.name} is not the text that the run of {name} began with",
            f"give that text, or train a new model from this one: --train FILE --from {name}",
        )
    return Job(name, folder, config, _prepared_again(corpus, config, state), state.corpus, state)


def _config_to_resume(state: RunState, options: argparse.Namespace) -> RunConfig:
    given = headless.given_settings(options)
    fixed = sorted(given.keys() - set(CHANGEABLE))
    if fixed or options.preset or options.config:
        flag = (fixed or ["preset" if options.preset else "config"])[0].replace("_", "-")
        raise UsageError(
            f"--{flag} cannot be changed when a run goes on",
            f"only {', '.join('--' + s.replace('_', '-') for s in CHANGEABLE)} can",
        )
    before = state.config.to_json()
    return make_run_config(before["preset"], [{**before["model"], **before["train"]}, given])


def _prepared_again(corpus: Corpus, config: RunConfig, state: RunState) -> PreparedCorpus:
    """The corpus with the vocabulary and the window that the run began with."""
    words = state.corpus.get("words")
    if words is None:
        return headless.prepared_corpus(corpus, config)
    return _prepared_for(corpus, config, Vocabulary(words), state.corpus["window"])


def default_seed_line(prepared: PreparedCorpus) -> str:
    """The beginning of the corpus's first line of two words or more."""
    words = (line.split() for line in prepared.corpus.lines)
    first: list[str] = next((w for w in words if len(w) > 1), [])
    return " ".join(first[:SEED_LINE_WORDS])


def check_memory(config: RunConfig, prepared: PreparedCorpus) -> None:
    """Raises CorpusError where the network of this corpus cannot fit into the free memory."""
    family, total = FAMILIES[config.preset], prepared.vocabulary.total_words

    def needed(total_words: int) -> int:
        return family.training_bytes(family.parameters(config.model, total_words))

    free = psutil.virtual_memory().available
    if needed(total) <= free:
        return
    low, high = 2, total
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if needed(middle) <= free else (low, middle)
    raise CorpusError(
        f"{prepared.corpus.name} has {total - 1:,} different words: the preset {config.preset}"
        f" needs {headless.in_bytes(needed(total))} of memory to train on them,"
        f" {headless.in_bytes(free)} are free",
        f"keep the most frequent words, at most --max-vocabulary {low - 1},"
        " or take a preset whose size grows less with the vocabulary",
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make {folder}: {reason(error)}") from error


@contextmanager
def obeying(control: Control, from_stdin: bool) -> Iterator[list[int]]:
    """Lets signals, and lines of standard input if asked to, steer `control`.

    Yields the list of the signals that have come. A second one ends the process at once, which
    every file survives, being whole or not there.
    """
    signalled: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
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
    if from_stdin:
        threading.Thread(target=_obey_stdin, args=(control,), daemon=True).start()
    try:
        yield signalled
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _obey_stdin(control: Control) -> None:
    """Reads control lines until the input ends: then whoever started the run is gone."""
    for raw in sys.stdin.buffer:
        line = raw.decode("utf-8", errors="replace")
        if not control.obey(line):
            print(f"not a control line: {headless.printable(line.strip())}", file=sys.stderr)
    if not control.detached:
        control.stop()


def watch(events: Iterable[Event], watcher: JsonWatcher | TextWatcher) -> Finished:
    """Shows every event; returns the last."""
    last: Event | None = None
    for last in events:
        watcher.show(last)
    assert isinstance(last, Finished)
    return last


def exit_code(finished: Finished, signalled: bool) -> int:
    """0 for a run that ended or was told to stop, 130 for one stopped by a signal.

    Raises DivergedError for a run whose loss would not stay finite.
    """
    if finished.reason == "diverged":
        kept = f"epoch {finished.best_epoch} is kept" if finished.best_epoch else "nothing is kept"
        raise DivergedError(
            f"the loss was not a finite number, again and again: {kept}",
            "train with a smaller --learning-rate",
        )
    return EXIT_INTERRUPTED if signalled and finished.reason == "stopped" else 0


class JsonWatcher:
    """Events as JSON lines on stdout. Where nobody reads them any more, the run stops and saves."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._broken = False

    def show(self, event: Event) -> None:
        """Prints the event."""
        if self._broken:
            return
        try:
            print(to_json_line(event), flush=True)
        except BrokenPipeError:
            self._broken = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not self._control.detached:
                self._control.stop()


class TextWatcher:
    """Progress on stderr, a bar on a terminal and else a line an epoch; the result on stdout."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._bar = not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._name = ""
        self._epochs = 0

    def show(self, event: Event) -> None:
        """Prints what a person wants to know of the event."""
        match event:
            case Started():
                self._name, self._epochs = event.name, event.config["train"]["epochs"]
                self._say("\n".join(started_lines(event)))
            case Progress() if self._bar:
                width = shutil.get_terminal_size().columns - 1
                print(
                    f"\r{progress_line(event)[:width]}\x1b[K", end="", file=sys.stderr, flush=True
                )
            case EpochEnded():
                self._say(epoch_line(event, self._epochs))
            case Warned():
                self._say(event.message, always=True)
            case Finished():
                self._say("", end="")
                print(finished_line(event, self._name), flush=True)

    def _say(self, text: str, *, always: bool = False, end: str = "\n") -> None:
        if always or not self._quiet:
            clear = "\r\x1b[K" if self._bar else ""
            print(clear + text, file=sys.stderr, flush=True, end=end)


def started_lines(event: Started) -> Iterator[str]:
    """What the run will cost."""
    yield (
        f"{event.parameters:,} parameters, about {headless.in_bytes(event.memory_bytes)} of memory,"
        f" on {event.device} with {event.threads} thread{'s' * (event.threads != 1)}"
    )
    epochs = event.config["train"]["epochs"]
    after = f" after the {event.epochs_done} done" if event.epochs_done else ""
    yield f"about {in_time(event.estimated_s)} to the end of epoch {epochs}{after}"


def progress_line(event: Progress) -> str:
    """The progress bar."""
    done = round(BAR_WIDTH * event.step / event.steps)
    return (
        f"epoch {event.epoch}/{event.epochs} [{'#' * done}{'.' * (BAR_WIDTH - done)}]"
        f" {event.step}/{event.steps}  loss {event.loss:.3f}  accuracy {event.accuracy:.1%}"
        f"  {event.examples_per_s:,.0f} examples/s  ETA {in_time(event.eta_s)}"
    )


def epoch_line(event: EpochEnded, epochs: int) -> str:
    """An epoch's figures."""
    train, held_out = event.train, event.held_out
    line = (
        f"epoch {event.epoch}/{epochs}  loss {train['loss']:.3f} + {train['penalty']:.3f}"
        f"  accuracy {train['accuracy']:.1%}"
    )
    if held_out is not None:
        line += (
            f"  held-out loss {held_out['loss']:.3f}  top-1 {held_out['top1']:.1%}"
            f"  top-5 {held_out['top5']:.1%}{'  best' if event.best else ''}"
        )
    return f"{line}  {in_time(event.elapsed_s)}  | {headless.printable(event.sample['text'])}"


def finished_line(event: Finished, name: str) -> str:
    """The result of the run."""
    if not event.metrics:
        return f"{name}: {event.reason} before anything was learned"
    train = event.metrics["train"]
    return (
        f"{name}: {event.reason}, epoch {event.metrics['epoch']} is kept,"
        f" loss {train['loss']:.3f}, accuracy {train['accuracy']:.1%},"
        f" {in_time(event.elapsed_s)}, in {event.path}"
    )


def in_time(seconds: float) -> str:
    """A duration for a person."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"
