"""Training by several processes started by torchrun with the same command line.

Rank 0 has the others read the same text, then trains like a single process and tells them what to
compute. They print nothing.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlm_tui._version import __version__
from rnnlm_tui.cli.options import TrainRequest
from rnnlm_tui.cli.run_control import steered
from rnnlm_tui.config import NetworkTrainConfig
from rnnlm_tui.errors import CorpusError, RnnlmError, UsageError, flag_of
from rnnlm_tui.store.files import RESUME
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_state import Position
from rnnlm_tui.text.corpus import STANDARD_INPUT
from rnnlm_tui.text.encoded_files import remove_encoded
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.text.sources import is_pipe
from rnnlm_tui.text.streams import Workspace
from rnnlm_tui.training.checkpoint import Checkpoint, arrays_of, state_of
from rnnlm_tui.training.control import Control, PreparationReport, StoppedError
from rnnlm_tui.training.inputs import corpus_of
from rnnlm_tui.training.plan import CHANGEABLE, prepared_again
from rnnlm_tui.training.run import TrainingRun

if TYPE_CHECKING:
    from rnnlm_tui.training.ranks import Ranks

NAME = "name"
REPORTING_S = 5.0
"""Enough to report an error. torchrun ends all processes at once when one has failed, so the others
wait for the one that reports it."""
TURNS = 2
"""The others read the text in two turns: first one process per machine, which saves the ids of a
large text, then the rest, which reuse them."""


def started_by_torchrun() -> bool:
    """Whether this is one of several processes."""
    return "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"


@contextmanager
def connected(request: TrainRequest) -> Iterator[Ranks | None]:
    """Connects this process with the others; yields None if there are no others.

    An error of several processes is printed by one. Raises RnnlmError.
    """
    if not started_by_torchrun():
        yield None
        return
    from rnnlm_tui.training.ranks import Ranks

    ranks = Ranks()
    try:
        with closing(ranks):
            _check_versions(ranks)
            _check_sources(request)
            yield ranks
    except RnnlmError as error:
        if ranks.claims_the_report():
            raise
        time.sleep(REPORTING_S)
        raise SystemExit(error.exit_code) from error


def _check_versions(ranks: Ranks) -> None:
    """Raises RankError unless all processes run the same program."""
    import torch

    from rnnlm_tui.training.ranks import RankError

    of_first, *others = ranks.gather({"rnnlm-tui": __version__, "PyTorch": torch.__version__})
    for rank, versions in enumerate(others, start=1):
        for name, version in of_first.items():
            if (other := versions.get(name)) != version:
                raise RankError(
                    f"process {rank} has {name} {other}, and process 0 {version}",
                    "install the same versions on all machines",
                )


def _check_sources(request: TrainRequest) -> None:
    """Raises UsageError for sources that can be read only once."""
    if any(
        source == STANDARD_INPUT or is_pipe(Path(source))
        for source in (*request.sources, *request.added)
    ):
        raise UsageError(
            "several processes cannot read the same standard input or pipe",
            "name a file that all of them can read",
        )
    if request.written:
        raise UsageError(
            "several processes cannot read the texts written in the app",
            "save them to files there, and name those",
        )


def after_restart(ranks: Ranks, library: Library, request: TrainRequest) -> TrainRequest:
    """The request, changed to resume the run if torchrun has restarted all processes because one
    had died. Raises RankError."""
    from rnnlm_tui.training.ranks import restarts

    name = (ranks.kept_name() or request.update or request.name) if restarts() else None
    if name is None or not (library.run_folder(name) / RESUME).exists():
        return request
    flags = {setting: value for setting, value in request.flags.items() if setting in CHANGEABLE}
    nothing: dict[str, Any] = dict.fromkeys(("preset", "config", "update", "source_model", "base"))
    return replace(request, name=name, resume=True, force=False, added=(), flags=flags, **nothing)


def prepare_others(ranks: Ranks, run: TrainingRun) -> None:
    """Has all other processes read the text of the run. Raises RnnlmError if one cannot or reads a
    different text, StoppedError if one was stopped."""
    from rnnlm_tui.training.ranks import PREPARE, RankError

    if not isinstance(run.config.train, NetworkTrainConfig):
        raise UsageError(
            f"the preset {run.config.preset} is counted by one process", "start it without torchrun"
        )
    held_out = run.prepared.held_out_mask.astype(np.uint8)
    state = Checkpoint(run.config, run.origin, Position(), {"lines.held_out": held_out})
    name = np.frombuffer(run.name.encode(), np.uint8)
    ranks.send(PREPARE, {**arrays_of(state), NAME: name})
    ours = _fingerprint(run.prepared)
    answers = [(rank, answer) for _ in range(TURNS) for rank, answer in enumerate(ranks.gather({}))]
    for rank, answer in answers:
        if "stopped" in answer:
            raise StoppedError
        if "error" in answer:
            error = RankError(f"process {rank}: {answer['error']}", answer["hint"])
            error.exit_code = answer["exit_code"]
            raise error
        if answer.get("text", ours) != ours:
            raise RankError(
                f"process {rank} tokenized the text differently from process 0",
                "install the same versions on all machines",
            )
    ranks.keep_name(run.name)


def _fingerprint(prepared: PreparedText) -> str:
    """A hash of what must be the same in all processes."""
    of_text = prepared.corpus.sha256, prepared.vocabulary.words, prepared.examples.predictions
    return hashlib.sha256(repr(of_text).encode("utf-8", "backslashreplace")).hexdigest()


def follow(ranks: Ranks, request: TrainRequest) -> int:
    """Obeys rank 0; returns the exit code. Raises RnnlmError."""
    from rnnlm_tui.training.ranks import PREPARE

    message, arrays = ranks.receive()
    if message != PREPARE:
        return 0  # rank 0 has an error, and prints it
    library, name = Library(request.data_dir), arrays.pop(NAME).tobytes().decode()
    folder = library.run_folder(name)
    state, control = state_of(arrays), Control()
    with steered(control, from_stdin=False):
        prepared = _read_in_turn(ranks, request, state, folder, control)
        if prepared is None:
            ranks.receive()  # the end: rank 0 would wait for a process that exits before it
        else:
            from rnnlm_tui.training import trainer

            trainer.follow(ranks, state.config, prepared, control)
    if not library.path(name).exists() and not (folder / RESUME).exists():  # not rank 0's folder
        remove_encoded(folder)
        with suppress(OSError):
            folder.rmdir()
    return 0


def _read_in_turn(
    ranks: Ranks, request: TrainRequest, state: Checkpoint, folder: Path, control: Control
) -> PreparedText | None:
    """Reads the text of the run when it is this process's turn. Returns None if that fails, and
    tells the other processes."""
    prepared: PreparedText | None = None
    for turn in range(TURNS):
        answer: dict[str, Any] = {}
        if turn == min(ranks.local_rank, TURNS - 1):
            try:
                prepared = _read(request, state, folder, control)
                answer = {"text": _fingerprint(prepared)}
            except StoppedError:
                answer = {"stopped": True}
            except RnnlmError as error:
                message, hint = error.worded(flag_of)
                answer = {"error": message, "hint": hint, "exit_code": error.exit_code}
        ranks.gather(answer)
    return prepared


def _read(request: TrainRequest, state: Checkpoint, folder: Path, control: Control) -> PreparedText:
    """Prepares the text of the run as rank 0 has. Raises RnnlmError."""
    named = [*dict.fromkeys((*request.sources, *request.added))] if request.sources else []
    sources = named or state.corpus.get("sources") or []
    encoding = request.encoding or state.corpus.get("encoding")
    with Workspace(folder, PreparationReport(control, lambda event: None)) as workspace:
        corpus = corpus_of(sources, encoding, workspace)
        if corpus.sha256 != state.corpus.get("sha256"):
            raise CorpusError(
                f"{corpus.name} differs on this machine", "copy the same file to all machines"
            )
        return prepared_again(corpus, state.config, state)
