"""`--train`: what it prints and saves, what it starts from, and how it is resumed."""

from __future__ import annotations

import itertools
import json
import signal
from pathlib import Path

import pytest
import torch

from rnnlm_tui.events import (
    Failed,
    Progress,
    Saved,
    Started,
    to_json_line,
)
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.library import Library
from rnnlm_tui.text import reading
from rnnlm_tui.training.network_learner import NetworkLearner
from tests.helpers.commands import TINY, VERSES, Command, events_of, refused, verses
from tests.helpers.events import end_of, epochs_of
from tests.helpers.training import stopped_after

COPIES = 20
PAIRS = 43 * COPIES
"""The examples of the long corpus."""
LONG_EPOCHS = [*TINY, "--batch-size", "1", "--epochs", "2"]
CAUSAL = ["--embedding-size=12", "--hidden-size=8", "--batch-size=4", "--bptt=6", "--threads=1"]


@pytest.fixture(scope="module")
def long_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text whose epochs last long enough to be interrupted in the middle."""
    path = tmp_path_factory.mktemp("corpus") / "long.txt"
    path.write_text(VERSES * COPIES)
    return path


# What it prints


def test_the_end_says_which_model_is_in_use_and_how_to_use_the_new_one(
    run: Command, corpus_file: Path
) -> None:
    corpus_file.write_text(verses(6))
    ngram = ("--train", str(corpus_file), "--preset=ngram", "--held-out=0.5")
    last = run(*ngram, "--name=mine").stderr.splitlines()[-1]
    assert last == "english stays in use; to use this one: rnnlm-tui --use mine"
    run("--use", "mine")
    compared, last = run(*ngram, "--name=more", "--seed=1").stderr.splitlines()[-2:]
    assert "words that neither has learned are too few to tell whether more is better" in compared
    assert last == "mine stays in use; to use this one: rnnlm-tui --use more"
    assert "in use" not in run(*ngram, "--name=mine", "--force").stderr
    assert "in use" not in run(*ngram, "--name=quiet", "--quiet").stderr


@pytest.mark.slow
def test_json_prints_events_alone_and_keeps_its_contract(
    run: Command, long_corpus: Path, data_dir: Path
) -> None:
    done = run("--train", str(long_corpus), *LONG_EPOCHS, "--json", "--seed", "3")
    assert done.stderr == ""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(line["v"] == 1 for line in lines)
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    events = events_of(done)
    assert [json.loads(to_json_line(event)) for event in events] == lines
    kinds = [kind for kind, _ in itertools.groupby(event.event for event in events)]
    assert kinds == ["started", *["progress", "epoch", "saved"] * 2, "finished"]
    started, saved, finished = events[0], events[-2], end_of(events)
    assert isinstance(started, Started) and isinstance(saved, Saved)
    assert (started.name, started.preset, started.seed) == ("long-lesson", "lesson", 3)
    assert (started.total_words, started.window, started.threads) == (22, 9, 1)
    assert (started.examples, started.held_out_lines, started.epochs_done) == (PAIRS, 0, 0)
    assert {"torch", "numpy", "python", "rnnlm_tui"} <= started.versions.keys()
    progress = [event for event in events if isinstance(event, Progress)]
    assert all(p.step <= p.steps == PAIRS and p.epochs == 2 for p in progress)
    assert all(b.time - a.time >= 0.1 for a, b in itertools.pairwise(progress))
    path = str(data_dir / "models" / "long-lesson.safetensors")
    assert (saved.epoch, saved.path, saved.best) == (2, path, True)
    assert (finished.reason, finished.best_epoch, finished.path) == ("completed", 2, path)
    assert finished.metrics and finished.metrics.train == epochs_of(events)[-1].train


def test_json_tells_only_the_end_if_it_is_quiet(run: Command, long_corpus: Path) -> None:
    quiet = run("--train", str(long_corpus), *LONG_EPOCHS, "--quiet", "--json")
    *warnings, finished = (event.event for event in events_of(quiet))
    assert finished == "finished" and {*warnings} <= {"warning"}


def test_json_tells_what_is_refused(run: Command) -> None:
    (failed,) = events_of(done := run("--train", "nosuch.txt", "--json", code=3))
    assert isinstance(failed, Failed) and failed.kind == "corpus"
    assert failed.message in done.stderr


# Names and corpora


def test_the_model_of_a_taken_name_stays_until_a_forced_training_has_ended_an_epoch(
    run: Command, corpus_file: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--train", str(corpus_file), *TINY, "--epochs=1", "--name=mine", "--quiet"]
    paths = library.path("mine"), library.runs.folder("mine") / "run.json"

    def state() -> list[bytes]:
        return [path.read_bytes() for path in paths]

    run(*arguments)
    before, step = state(), NetworkLearner.step
    assert "the name mine is taken" in refused(run(*arguments, code=1))

    def interrupted(learner: NetworkLearner) -> None:
        signal.raise_signal(signal.SIGINT)
        step(learner)

    with monkeypatch.context() as patch:
        patch.setattr(NetworkLearner, "step", interrupted)
        run(*arguments, "--seed=5", "--force", code=130)
    assert state() == before
    run(*arguments, "--seed=5", "--force")
    assert state() != before


def test_a_run_interrupted_while_its_text_is_read_leaves_nothing(
    run: Command, corpus_file: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(text: str) -> int:
        signal.raise_signal(signal.SIGINT)
        return len(text.split())

    monkeypatch.setattr(reading, "count_words", interrupted)
    done = run("--train", str(corpus_file), "--preset=ngram", "--name=m", "--json", code=130)
    end = end_of(events_of(done))
    assert (end.reason, end.metrics) == ("stopped", None)
    assert not library.runs.folder("m").exists() and not library.has("m")


@pytest.mark.slow
def test_a_processor_without_bfloat16_is_told_before_anything_is_trained(
    command: Command, corpus_file: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    sizes = ("--preset=lstm", "--epochs=1", "--on=none", "--hidden-size=8")
    done = command("--train", str(corpus_file), "--precision=bf16", *sizes)
    if done.returncode == 0:
        pytest.skip("PyTorch does not compute with oneDNN here, which the variable limits")
    assert "this processor has no bfloat16\n  leave out --precision, or use float32" in done.stderr
    assert done.stdout + done.stderr == f"rnnlm-tui: {done.stderr[11:]}", "no data card before"
    assert not (data_dir / "runs").exists()


@pytest.mark.parametrize("preset", ["gru", "lesson"])
def test_a_device_that_is_not_there_is_told_before_the_text_is_read(
    run: Command, monkeypatch: pytest.MonkeyPatch, preset: str
) -> None:
    for backend in (torch.cuda, torch.backends.mps):
        monkeypatch.setattr(backend, "is_available", lambda: False)
    for arguments in (("--device=cuda",), ("--device=mps", "--on=none")):
        done = run("--train", "nowhere.txt", f"--preset={preset}", *arguments, code=2)
        assert done.stderr.startswith("rnnlm-tui: there is no ") and "device here\n" in done.stderr


def test_a_corpus_can_be_several_files_or_standard_input(
    run: Command, corpus_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "more.txt").write_text("a new line\n")
    files = (str(corpus_file), str(tmp_path / "more.txt"))
    several = run("--train", *files, *TINY, "--epochs=1", "--json")
    with stopped_after(1):
        text = VERSES + "\na new line\n"
        piped = run("--train", "-", *TINY, "--epochs=2", "--json", stdin=text, code=130)
    first, second = events_of(several)[0], events_of(piped)[0]
    assert isinstance(first, Started) and isinstance(second, Started)
    assert (first.corpus.name, first.name) == ("verses.txt and 1 more", "verses-lesson")
    assert (second.corpus.name, second.name) == ("stdin", "stdin-lesson")
    assert first.corpus.sha256 == second.corpus.sha256
    said = refused(run("--train", "--resume", "--name", "stdin-lesson", code=3))
    assert "came from standard input or a pipe, and is needed again" in said


# --resume


@pytest.mark.slow
def test_a_finished_run_leaves_its_model_which_is_trained_longer(
    run: Command, tmp_path: Path, library: Library
) -> None:
    """The first update has a rate that cannot learn: the model stays."""
    text = tmp_path / "text.txt"
    text.write_text("\n".join(bundled_corpus().read_text().splitlines()[:80]))
    rate = "--learning-rate=1e-20"
    settings = [*CAUSAL, "--preset=gru", "--epochs=50", "--patience=1", rate]
    done = run("--train", str(text), "--name=a", *settings)
    assert "ended early" in done.stdout and "epoch 1 is kept" in done.stdout
    left = {path.name for path in library.runs.folder("a").iterdir()}
    assert left == {"history.jsonl", "run.json"}
    for command in (["--resume", "--name=a"], ["--update=a"]):
        said = refused(run("--train", *command, code=None))
        assert "longer: rnnlm-tui --train --update a --epochs N" in said
    before = library.path("a").read_bytes()
    learning = [*CAUSAL[2:4], "--optimizer=adamw", "--learning-rate=0.01", "--unk-rate=0.5"]
    for options, is_better in (([rate], False), (learning, True)):
        end = end_of(events_of(run("--train", "--update=a", "--epochs=2", "--json", *options)))
        assert end.update is not None and end.update.replaced == is_better
        assert (library.path("a").read_bytes() != before) == is_better


def test_a_lesson_is_trained_longer_and_learns_no_other_text(
    run: Command, corpus_file: Path, library: Library
) -> None:
    run("--train", str(corpus_file), *TINY, "--epochs=2", "--name=m", "--quiet")
    trained = library.open("m").card.metrics
    run("--train", "--update=m", "--epochs=3", "--quiet")
    longer = library.open("m").card.metrics
    assert trained is not None and longer is not None
    assert longer.train.loss and trained.train.loss and longer.train.loss < trained.train.loss
    corpus_file.write_text(VERSES * 2)
    said = refused(run("--train", "--update=m", "--epochs=3", code=2))
    assert "keeps to the text it has learned" in said
