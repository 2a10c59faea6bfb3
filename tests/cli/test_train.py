"""`--train`: what it prints and saves, what it starts from, and how it is resumed."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from rnnlm_tui.event_types import (
    Failed,
    Finished,
    Progress,
    Saved,
    Started,
    from_json_line,
    to_json_line,
)
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import Totals
from rnnlm_tui.text import reading
from rnnlm_tui.training.network_learner import NetworkLearner
from tests.helpers.commands import POSIX, TINY, VERSES, Command, events_of, refused, running
from tests.helpers.events import end_of, epochs_of
from tests.helpers.training import stopped_after

COPIES = 20
PAIRS = 43 * COPIES
"""The examples of the long corpus."""
LONG_EPOCHS = [*TINY, "--batch-size", "1", "--epochs", "2"]
CAUSAL = ["--embedding-size=12", "--hidden-size=8", "--batch-size=4", "--bptt=6", "--threads=1"]


def started_of(done: subprocess.CompletedProcess[str]) -> Started:
    """The first event of a run."""
    started = events_of(done)[0]
    assert isinstance(started, Started)
    return started


@pytest.fixture(scope="module")
def long_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text whose epochs last long enough to be interrupted in the middle."""
    path = tmp_path_factory.mktemp("corpus") / "long.txt"
    path.write_text(VERSES * COPIES)
    return path


# What it prints


def test_it_prints_the_data_card_a_line_an_epoch_and_the_result(
    run: Command, corpus_file: Path, data_dir: Path
) -> None:
    done = run("--train", str(corpus_file), *TINY, "--epochs", "3")
    path = re.escape(str(data_dir / "models" / "verses-lesson.safetensors"))
    assert re.fullmatch(
        rf"verses-lesson: done, \d+\.\d s, in {path}\n"
        r"  held-out lines: none, so how many keys it saves is not known\n"
        r"  training lines: loss \d\.\d{3} nats per word, accuracy [\d.]+%\n",
        done.stdout,
    )
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith("epoch ")] == lines[-3:]
    assert re.search(r"\| The cat sat on( \w+){10}$", lines[-1])
    assert any(re.fullmatch(r"pairs +43", line) for line in lines)
    assert any(re.match(r"preset +lesson: ", line) for line in lines)
    quiet = run("--train", str(corpus_file), *TINY, "--epochs", "1", "--quiet")
    assert quiet.stderr == ""
    assert quiet.stdout.startswith("verses-lesson-2: done, ")


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
    quiet = run("--train", str(long_corpus), *LONG_EPOCHS, "--quiet", "--json")
    assert {event.event for event in events_of(quiet)} <= {"warning", "finished"}


def test_json_tells_of_a_failure_in_an_event_too(run: Command, tmp_path: Path) -> None:
    done = run("--train", str(tmp_path / "nosuch.txt"), "--json", code=3)
    failed = from_json_line(done.stdout)
    assert isinstance(failed, Failed)
    assert failed.kind == "corpus"
    assert failed.message in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("flags", [["--json"], []])
def test_a_word_of_megabytes_is_never_printed_whole(
    run: Command, tmp_path: Path, flags: list[str]
) -> None:
    text = tmp_path / "long.txt"
    text.write_text(f"{'x' * 2_000_000} said the cat\nthe {'x' * 2_000_000} sat\n" * 3)
    done = run("--train", str(text), "--preset=ngram", "--name=long", *flags)
    assert len(done.stderr) + len(done.stdout) < 20_000


# Names and corpora


def test_a_name_in_use_is_kept_unless_forced(
    run: Command, corpus_file: Path, library: Library
) -> None:
    arguments = ["--train", str(corpus_file), *TINY, "--epochs", "1", "--name", "mine"]
    run(*arguments)
    before = library.path("mine").read_bytes()
    message = refused(run(*arguments, "--quiet", code=1))
    assert "the name mine is taken" in message and "replace it with --force" in message
    assert library.path("mine").read_bytes() == before
    run(*arguments, "--seed", "5", "--force")
    assert library.path("mine").read_bytes() != before


def test_a_run_interrupted_in_its_first_epoch_leaves_the_model_that_it_was_to_replace(
    run: Command, corpus_file: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [*TINY, "--epochs", "1", "--name", "mine"]
    run("--train", str(corpus_file), *arguments)
    paths = data_dir / "models" / "mine.safetensors", data_dir / "runs" / "mine" / "run.json"
    before = [path.read_bytes() for path in paths]
    step = NetworkLearner.step

    def interrupted(learner: NetworkLearner, fraction: float, totals: Totals) -> None:
        signal.raise_signal(signal.SIGINT)
        step(learner, fraction, totals)

    monkeypatch.setattr(NetworkLearner, "step", interrupted)
    other = corpus_file.with_name("other.txt")
    other.write_text(corpus_file.read_text() * 2)
    run("--train", str(other), *arguments, "--force", "--quiet", code=130)
    assert [path.read_bytes() for path in paths] == before


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
    assert not library.run_folder("m").exists() and not library.has("m")


def test_a_processor_without_bfloat16_is_told_before_anything_is_trained(
    corpus_file: Path, data_dir: Path
) -> None:
    command = [sys.executable, "-m", "rnnlm_tui", "--train", str(corpus_file), "--preset", "lstm"]
    options = ["--precision", "bf16", "--epochs", "1", "--on", "none", "--hidden-size", "8"]
    env = {**os.environ, "RNNLM_DATA_DIR": str(data_dir), "ONEDNN_MAX_CPU_ISA": "AVX2"}
    run = partial(subprocess.run, check=False, capture_output=True, text=True, timeout=60)
    done = run([*command, *options], env=env)
    if done.returncode == 0:
        pytest.skip("PyTorch does not compute with oneDNN here, which the variable limits")
    assert done.returncode == 2
    assert "this processor has no bfloat16\n  leave out --precision, or use float32" in done.stderr
    assert "Traceback" not in done.stderr
    assert [*(data_dir / "runs").iterdir()] == []


def test_a_corpus_can_be_several_files_or_standard_input(
    run: Command, corpus_file: Path, tmp_path: Path
) -> None:
    more = tmp_path / "more.txt"
    more.write_text("a new line\n")
    several = run("--train", str(corpus_file), *TINY, str(more), "--epochs=1", "--json")
    piped = run("--train", "-", *TINY, "--epochs=1", "--json", stdin=VERSES + "a new line\n")
    first, second = started_of(several), started_of(piped)
    assert (first.corpus.name, first.name) == ("verses.txt and 1 more", "verses-lesson")
    assert (second.corpus.name, second.name) == ("stdin", "stdin-lesson")
    assert first.corpus.sha256 == second.corpus.sha256
    name = "--name=stdin-lesson"
    with stopped_after(1):
        run("--train", "-", *TINY, "--epochs=2", "--force", "--quiet", name, stdin=VERSES)
    said = refused(run("--train", "--resume", "--name", "stdin-lesson", code=3))
    assert "came from standard input or a pipe, and is needed again" in said
    assert "--train FILE --resume" in said


# Presets


def test_the_tokenizer_and_the_rarest_words_can_be_chosen(run: Command, tmp_path: Path) -> None:
    corpus = tmp_path / "tokens.txt"
    corpus.write_text("The cat <unk> N .\nthe cat sat .\n" * 20)
    flags = ("--tokenizer=whitespace", "--min-count=20", "--max-vocabulary=3", "--held-out=0")
    done = run("--train", str(corpus), "--preset=ngram", *flags, "--name=m")
    assert "vocabulary     3 words are kept; the others are learned as <unk>" in done.stderr
    answer = json.loads(run("--suggest", "The ", "--json").stdout)
    assert {s["word"] for s in answer["suggestions"]} <= {"cat", ".", "The"}


# --resume


@POSIX
def test_an_interrupted_run_is_saved_and_resumed(run: Command, long_corpus: Path) -> None:
    with running("--train", str(long_corpus), *LONG_EPOCHS, "--json", "--name", "parts") as process:
        process.event(Progress)
        process.process.send_signal(signal.SIGINT)
        finished = process.event(Finished)
        assert process.end() == 130
    assert (finished.reason, finished.metrics) == ("stopped", None)
    resumed = epochs_of(events_of(run("--train", "--resume", "--json")))
    assert [epoch.epoch for epoch in resumed] == [1, 2]


def test_a_finished_run_leaves_its_model_which_is_trained_longer(
    run: Command, tmp_path: Path, library: Library
) -> None:
    """The first update has a rate that cannot learn: the model stays."""
    text = tmp_path / "text.txt"
    text.write_text("\n".join(bundled_corpus().read_text().splitlines()[:80]))
    rate = "--learning-rate=1e-20"
    settings = [*CAUSAL, "--preset=gru", "--epochs=50", "--patience=1", rate]
    done = run("--train", str(text), "--name=a", *settings)
    assert "ended early: the held-out loss stopped falling; epoch 1 is kept" in done.stdout
    assert {path.name for path in library.run_folder("a").iterdir()} == {
        "history.jsonl",
        "run.json",
    }
    for command in (["--resume", "--name=a"], ["--update=a"]):
        said = refused(run("--train", *command, code=None))
        assert "longer: rnnlm-tui --train --update a --epochs N" in said
    before = library.path("a").read_bytes()
    longer = ["--train", "--update=a", "--epochs=2", "--json"]
    ended = end_of(events_of(run(*longer, rate)))
    assert ended.update is not None and not ended.update.replaced
    assert library.path("a").read_bytes() == before
    ended = end_of(events_of(run(*longer, "--learning-rate=0.01")))
    assert ended.update is not None and ended.update.replaced
    card = library.open("a")[0]
    assert card.metrics is not None and [each.name for each in card.ancestors] == ["a"]


def test_a_lesson_is_trained_longer_and_learns_no_other_text(
    run: Command, corpus_file: Path, library: Library
) -> None:
    run("--train", str(corpus_file), *TINY, "--epochs=2", "--name=m", "--quiet")
    trained = library.open("m")[0].metrics
    run("--train", "--update=m", "--epochs=3", "--quiet")
    longer = library.open("m")[0].metrics
    assert trained is not None and longer is not None
    assert longer.train.loss and trained.train.loss and longer.train.loss < trained.train.loss
    corpus_file.write_text(VERSES * 2)
    said = refused(run("--train", "--update=m", "--epochs=3", code=2))
    assert "keeps to the text it has learned" in said
