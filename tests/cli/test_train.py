"""`--train` through the real command: what it prints, how it is steered, and what it leaves."""

from __future__ import annotations

import itertools
import json
import os
import queue
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from safetensors.numpy import load_file

from rnnlm_tui.cli.train import _folder_of
from rnnlm_tui.errors import StorageError
from rnnlm_tui.events import (
    EpochEnded,
    Event,
    Failed,
    Finished,
    Paused,
    Progress,
    Resumed,
    Saved,
    Started,
    from_json_line,
    to_json_line,
)
from rnnlm_tui.training.checkpoint import load_state
from tests.helpers.commands import (
    FOR_EVER,
    PATIENCE_S,
    POSIX,
    TINY,
    VERSES,
    Command,
    command_line,
    on_terminal,
    running,
)

COPIES = 20
PAIRS = 43 * COPIES
"""The examples of the long corpus."""
LONG_EPOCHS = [*TINY, "--batch-size", "1", "--epochs", "2"]


def events_of(done: subprocess.CompletedProcess[str]) -> list[Event]:
    """The events of a run that must have ended well."""
    assert done.returncode == 0, done.stderr
    return [from_json_line(line) for line in done.stdout.splitlines()]


def epochs_of(events: list[Event]) -> list[EpochEnded]:
    return [event for event in events if isinstance(event, EpochEnded)]


def weights_of(data_dir: Path, name: str) -> dict[str, Any]:
    """The weights of a saved model."""
    folder = data_dir / "models" / name
    card = json.loads((folder / "model.json").read_text())
    return load_file(folder / card["weights"])


def assert_same_weights(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        np.testing.assert_array_equal(tensor, second[name], err_msg=name)


@pytest.fixture(scope="module")
def long_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text whose epochs last long enough to be interrupted in the middle."""
    path = tmp_path_factory.mktemp("corpus") / "long.txt"
    path.write_text(VERSES * COPIES)
    return path


@pytest.fixture(scope="module")
def straight(long_corpus: Path) -> Path:
    """The data folder of an uninterrupted run over the long corpus, called whole."""
    folder = long_corpus.parent / "data"
    arguments = ["--train", str(long_corpus), *LONG_EPOCHS, "--name=whole", "--quiet"]
    subprocess.run(
        command_line(*arguments, f"--data-dir={folder}"), check=True, timeout=PATIENCE_S * 2
    )
    return folder


# What it prints


def test_without_a_terminal_it_prints_a_line_an_epoch_and_the_result(
    command: Command, corpus_file: Path, data_dir: Path
) -> None:
    done = command("--train", str(corpus_file), *TINY, "--epochs", "3")
    assert done.returncode == 0
    assert re.fullmatch(
        r"verses-lesson: done, loss \d\.\d{3}, accuracy \d+\.\d%,"
        rf" \d+\.\d s, in {re.escape(str(data_dir / 'models' / 'verses-lesson'))}\n",
        done.stdout,
    )
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith("epoch ")] == lines[-3:]
    assert lines[-3].startswith("epoch 1/3  loss ")
    assert re.search(r"\| The cat sat on( \w+){10}$", lines[-1])
    assert any(re.fullmatch(r"pairs +43", line) for line in lines)
    assert any(re.match(r"[\d,]+ parameters, about .* on \w+ with 1 thread$", s) for s in lines)
    assert "\r" not in done.stderr
    assert "\x1b" not in done.stderr


@POSIX
def test_on_a_terminal_it_shows_a_bar(long_corpus: Path) -> None:
    code, shown = on_terminal("--train", str(long_corpus), *LONG_EPOCHS)
    assert code == 0
    bar = (
        rf"\repoch 1/2 \[#*\.*\] \d+/{PAIRS}  loss \d\.\d{{3}}  accuracy \d+\.\d%"
        r"  [\d,]+/s  ETA [\d.]+ \w+"
    )
    assert re.search(bar, shown)
    assert re.search(r"\x1b\[Kepoch 2/2  loss ", shown)
    assert ": done, loss " in shown


@POSIX
def test_a_bar_never_wraps_on_a_narrow_terminal(long_corpus: Path) -> None:
    code, shown = on_terminal("--train", str(long_corpus), *LONG_EPOCHS, "--epochs=1", columns=40)
    bars = re.findall(r"\r(epoch \d/1 \[[^\r\x1b]*)\x1b\[K", shown)
    assert code == 0
    assert bars
    assert all(len(bar) <= 39 for bar in bars)


@POSIX
def test_a_dumb_terminal_gets_lines(corpus_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    code, shown = on_terminal("--train", str(corpus_file), *TINY, "--epochs", "2")
    assert code == 0
    assert "epoch 2/2  loss" in shown
    assert "\x1b" not in shown


def test_quiet_prints_the_result_alone(command: Command, corpus_file: Path) -> None:
    done = command("--train", str(corpus_file), *TINY, "--epochs", "1", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("verses-lesson: done")
    assert len(done.stdout.splitlines()) == 1


def test_json_prints_events_alone_and_keeps_its_contract(
    command: Command, long_corpus: Path, data_dir: Path
) -> None:
    done = command("--train", str(long_corpus), *LONG_EPOCHS, "--json", "--seed", "3")
    assert done.stderr == ""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(line["v"] == 1 and line["time"] >= 0 for line in lines)
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    events = events_of(done)
    assert [json.loads(to_json_line(event)) for event in events] == lines
    kinds = [kind for kind, _ in itertools.groupby(event.event for event in events)]
    assert kinds == ["started", *["progress", "epoch", "saved"] * 2, "finished"]
    started, saved, finished = events[0], events[-2], events[-1]
    assert isinstance(started, Started)
    assert (started.name, started.preset, started.seed) == ("long-lesson", "lesson", 3)
    assert (started.total_words, started.window, started.threads) == (22, 9, 1)
    assert (started.examples, started.held_out_lines) == (PAIRS, 0)
    assert started.config["train"]["epochs"] == 2
    assert started.config["model"]["embedding_size"] == 4
    assert set(started.corpus) == {"name", "sha256", "lines", "words"}
    assert {"torch", "numpy", "python", "rnnlm_tui"} <= started.versions.keys()
    progress = [event for event in events if isinstance(event, Progress)]
    assert all(p.step <= p.steps == PAIRS and p.epochs == 2 for p in progress)
    assert all(b.time - a.time >= 0.1 for a, b in itertools.pairwise(progress))
    for epoch in epochs_of(events):
        assert set(epoch.train) == {"loss", "penalty", "accuracy", "perplexity"}
        assert epoch.train["perplexity"] == pytest.approx(np.exp(epoch.train["loss"]))
        assert (epoch.held_out, epoch.best) == (None, True)
        assert epoch.sample["text"].startswith(epoch.sample["seed"] + " ")
    folder = str(data_dir / "models" / "long-lesson")
    assert isinstance(saved, Saved)
    assert isinstance(finished, Finished)
    assert (saved.epoch, saved.path, saved.best) == (2, folder, True)
    assert (finished.reason, finished.best_epoch, finished.path) == ("completed", 2, folder)
    assert finished.metrics["train"] == epochs_of(events)[-1].train


def test_json_events_hold_no_control_characters(command: Command, tmp_path: Path) -> None:
    corpus = tmp_path / "hostile.txt"
    corpus.write_text("the \x9bworse \x1bevil cat\n" * 3, encoding="utf-8")
    done = command("--train", str(corpus), *TINY, "--epochs", "1", "--json")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout)
    assert epochs_of(events_of(done))[0].sample["seed"] == "the \x9bworse \x1bevil cat"
    shown = command("--train", str(corpus), *TINY, "--epochs", "1").stderr
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)


def test_json_tells_of_a_failure_in_an_event_too(command: Command, tmp_path: Path) -> None:
    done = command("--train", str(tmp_path / "nosuch.txt"), "--json")
    failed = from_json_line(done.stdout)
    assert isinstance(failed, Failed)
    assert (done.returncode, failed.kind) == (3, "corpus")
    assert failed.message in done.stderr


# Names, settings and corpora


def test_an_unnamed_run_never_replaces_a_model(command: Command, corpus_file: Path) -> None:
    names = []
    for _ in range(2):
        events = events_of(command("--train", str(corpus_file), *TINY, "--epochs=1", "--json"))
        assert isinstance(events[0], Started)
        names.append(events[0].name)
    assert names == ["verses-lesson", "verses-lesson-2"]


def test_a_name_in_use_is_kept_unless_forced(
    command: Command, corpus_file: Path, data_dir: Path
) -> None:
    arguments = ["--train", str(corpus_file), *TINY, "--epochs", "1", "--name", "mine"]
    assert command(*arguments).returncode == 0
    before = weights_of(data_dir, "mine")
    done = command(*arguments, "--seed", "5")
    assert done.returncode == 1
    assert "the name mine is taken" in done.stderr
    assert "--force" in done.stderr
    assert_same_weights(weights_of(data_dir, "mine"), before)
    assert command(*arguments, "--seed", "5", "--force").returncode == 0
    after = weights_of(data_dir, "mine")
    assert not all(np.array_equal(after[name], before[name]) for name in before)


def test_a_run_that_could_not_start_leaves_no_folder(
    command: Command, corpus_file: Path, data_dir: Path
) -> None:
    done = command("--train", str(corpus_file), *TINY, "--device", "mps")
    if done.returncode == 0:
        pytest.skip("this machine has the device that the test needs to be missing")
    assert done.returncode == 2
    assert "there is no mps device here" in done.stderr
    assert [path.name for path in (data_dir / "models").iterdir()] == [".locks"]


def test_settings_come_from_flags_then_environment_then_toml(
    command: Command, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "run.toml"
    file.write_text("epochs = 9\nbatch_size = 8\nseed = 4\nrecurrent_size = 3\n")
    monkeypatch.setenv("RNNLM_EPOCHS", "8")
    monkeypatch.setenv("RNNLM_BATCH_SIZE", "16")
    sizes = ["--preset=lesson", "--embedding-size=4", "--bidirectional-size=4", "--threads=1"]
    sizes.append("--epochs=1")
    done = command("--train", str(corpus_file), "--config", str(file), *sizes, "--json")
    started = events_of(done)[0]
    assert isinstance(started, Started)
    train = started.config["train"]
    assert (train["epochs"], train["batch_size"], train["seed"]) == (1, 16, 4)
    assert (started.config["model"]["recurrent_size"], train["learning_rate"]) == (3, 0.001)


def test_a_corpus_can_be_several_files_or_standard_input(
    command: Command, corpus_file: Path, tmp_path: Path
) -> None:
    more = tmp_path / "more.txt"
    more.write_text("a new line\n")
    several = command("--train", str(corpus_file), str(more), *TINY, "--epochs=1", "--json")
    piped = command("--train", "-", *TINY, "--epochs=1", "--json", stdin=VERSES + "a new line\n")
    first, second = events_of(several)[0], events_of(piped)[0]
    assert isinstance(first, Started)
    assert isinstance(second, Started)
    assert (first.corpus["name"], first.name) == ("verses.txt and 1 more", "verses-lesson")
    assert (second.corpus["name"], second.name) == ("stdin", "stdin-lesson")
    assert first.corpus["sha256"] == second.corpus["sha256"]


def test_from_starts_with_the_weights_and_words_of_a_model(
    command: Command, corpus_file: Path, tmp_path: Path, data_dir: Path
) -> None:
    made = command("--train", str(corpus_file), *TINY, "--epochs", "1", "--name", "first")
    assert made.returncode == 0
    other = tmp_path / "other.txt"
    other.write_text("the dog sat on the unheard log\nthe cat sang\n")
    slow = ["--epochs=1", "--threads=1", "--learning-rate=1e-9"]
    done = command("--train", str(other), "--from", "first", *slow, "--json")
    started = events_of(done)[0]
    assert isinstance(started, Started)
    assert (started.total_words, started.window) == (22, 9)
    assert started.config["model"]["embedding_size"] == 4
    first, second = weights_of(data_dir, "first"), weights_of(data_dir, started.name)
    for name, tensor in first.items():
        np.testing.assert_allclose(second[name], tensor, atol=1e-7)
    same = ("--train", str(corpus_file), "--from", "first", "--held-out", "0.5")
    refused = command(*same)
    assert refused.returncode == 2
    assert "has seen the lines that would be held out" in refused.stderr
    refused = command("--train", str(other), "--from", "first", "--max-vocabulary", "3")
    assert refused.returncode == 2
    assert "--max-vocabulary cannot be changed" in refused.stderr


def test_held_out_lines_are_measured_and_the_best_epoch_is_kept(
    command: Command, long_corpus: Path
) -> None:
    learning = ["--held-out", "0.2", "--epochs", "4", "--learning-rate", "0.05"]
    events = events_of(command("--train", str(long_corpus), *TINY, *learning, "--json"))
    epochs, finished = epochs_of(events), events[-1]
    best = 0
    for epoch in epochs:
        assert epoch.held_out is not None
        assert set(epoch.held_out) == {"loss", "perplexity", "top1", "top5"}
        assert 0 <= epoch.held_out["top1"] <= epoch.held_out["top5"] <= 1
        if best == 0 or epoch.held_out["loss"] < epochs[best - 1].held_out["loss"]:  # type: ignore[index]
            best = epoch.epoch
        assert epoch.best == (best == epoch.epoch)
    assert isinstance(finished, Finished)
    assert isinstance(events[0], Started)
    assert (finished.best_epoch, finished.metrics["epoch"]) == (best, best)
    assert events[0].held_out_lines == round(0.2 * events[0].corpus["lines"])


def test_the_same_seed_and_threads_give_the_same_losses_to_the_last_digit(
    command: Command, corpus_file: Path
) -> None:
    arguments = ["--train", str(corpus_file), *TINY, "--epochs", "3", "--json", "--held-out", "0.3"]
    first, second = (epochs_of(events_of(command(*arguments, "--seed=7"))) for _ in range(2))
    assert [(e.train, e.held_out) for e in first] == [(e.train, e.held_out) for e in second]
    assert len(first) == 3


# Resuming and stopping


def test_more_epochs_after_the_end_equal_one_longer_run(
    command: Command, corpus_file: Path, data_dir: Path
) -> None:
    start = ["--train", str(corpus_file), *TINY]
    assert command(*start, "--epochs", "2", "--name", "parts").returncode == 0
    again = command("--train", "--resume", "--name", "parts")
    assert again.returncode == 2
    assert "has done all its 2 epochs" in again.stderr
    assert command("--train", "--resume", "--name", "parts", "--epochs", "4").returncode == 0
    assert command(*start, "--epochs", "4", "--name", "whole").returncode == 0
    assert_same_weights(weights_of(data_dir, "parts"), weights_of(data_dir, "whole"))


def test_a_resumed_run_takes_new_settings_from_flags_alone(
    command: Command, corpus_file: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = ["--train", str(corpus_file), *TINY, "--epochs", "1", "--name", "m"]
    assert command(*begun).returncode == 0
    monkeypatch.setenv("RNNLM_EPOCHS", "9")
    monkeypatch.setenv("RNNLM_LEARNING_RATE", "0.5")
    assert "has done all its 1 epochs" in command("--train", "--resume", "--name", "m").stderr
    flags = ["--epochs", "2", "--learning-rate", "0.25"]
    assert command("--train", "--resume", "--name", "m", *flags).returncode == 0
    state = load_state(data_dir / "models" / "m", "m")
    assert (state.position.epoch, state.position.learning_rate) == (3, 0.25)


def test_what_a_resumed_run_is_made_of_cannot_change(
    command: Command, corpus_file: Path, tmp_path: Path
) -> None:
    assert command("--train", str(corpus_file), *TINY, "--epochs=1", "--name=m").returncode == 0
    other = tmp_path / "other.txt"
    other.write_text("another text\nof two lines\n")
    for arguments, code, message in (
        (["--seed", "2"], 2, "--seed cannot be changed"),
        (["--config", str(other)], 2, "--config cannot be changed"),
        (["--force"], 2, "leave --force and --from out"),
        ([str(other), "--epochs", "3"], 3, "is not the text that the training of m started with"),
        (["--name", "nosuch"], 1, "there is no run of nosuch to go on with"),
    ):
        # The mode's own values come first; a later --name goes before an earlier one.
        done = command("--train", *arguments, "--resume", *([] if code == 1 else ["--name=m"]))
        assert (done.returncode, message in done.stderr) == (code, True), done.stderr


@POSIX
def test_an_interrupt_saves_and_the_resumed_run_ends_like_one_that_was_left_alone(
    command: Command, long_corpus: Path, straight: Path, data_dir: Path
) -> None:
    with running("--train", str(long_corpus), *LONG_EPOCHS, "--json", "--name", "parts") as run:
        run.event(Progress)
        run.process.send_signal(signal.SIGINT)
        saved, finished = run.event(Saved), run.event(Finished)
        assert run.end() == 130
    assert (finished.reason, saved.epoch) == ("stopped", 1)
    assert 0 < finished.metrics["steps"] < PAIRS
    assert command("--suggest", "the ", "--model", "parts").returncode == 0
    resumed = epochs_of(events_of(command("--train", "--resume", "--json")))
    history = (straight / "models" / "whole" / "history.jsonl").read_text().splitlines()
    whole = epochs_of([from_json_line(line) for line in history])
    assert [e.train for e in resumed] == [e.train for e in whole]
    assert_same_weights(weights_of(data_dir, "parts"), weights_of(straight, "whole"))


@POSIX
def test_sigterm_saves_as_an_interrupt_does(command: Command, corpus_file: Path) -> None:
    with running("--train", str(corpus_file), *FOR_EVER, "--json") as run:
        run.event(EpochEnded)
        run.process.send_signal(signal.SIGTERM)
        assert run.event(Finished).reason == "stopped"
        assert run.end() == 130
    assert command("--suggest", "the ", "--model", "verses-lesson").returncode == 0


@POSIX
def test_a_second_interrupt_ends_the_run_at_once(command: Command, corpus_file: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    # Nobody empties its standard output, so that only the second interrupt can end the run.
    with running("--train", str(corpus_file), *FOR_EVER, stream="stderr", stdout=writing) as run:
        os.close(writing)
        run.line("epoch 2/")
        run.process.send_signal(signal.SIGINT)
        assert "--resume --name verses-lesson" in run.line("resume it")
        run.process.send_signal(signal.SIGINT)
        assert run.end() == 130
    os.close(reading)
    assert command("--suggest", "the ", "--model", "verses-lesson").returncode == 0


@POSIX
def test_an_interrupt_before_the_training_begins_leaves_no_traceback(data_dir: Path) -> None:
    with running("--train", "-", stream="stderr") as run:
        for _ in wait_for(data_dir / "models" / ".locks"):
            pass
        run.process.send_signal(signal.SIGINT)
        assert run.line("interrupted") == "rnnlm-tui: interrupted\n"
        assert run.end() == 130


def wait_for(path: Path) -> Iterator[None]:
    """Turns until the path is there."""
    deadline = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} has not come"
        yield


def test_a_run_stops_and_saves_where_nobody_reads_its_events(
    command: Command, corpus_file: Path
) -> None:
    with running("--train", str(corpus_file), *FOR_EVER, "--json", stream="stderr") as run:
        assert run.process.stdout is not None
        for _ in range(4):
            run.process.stdout.readline()
        run.process.stdout.close()
        assert run.end() == 130
        assert run.lines.get(timeout=PATIENCE_S) == ""  # nothing was said on stderr
    assert command("--suggest", "the ", "--model", "verses-lesson").returncode == 0
    assert command("--train", "--resume", "--epochs", "2").returncode in (0, 2)


def test_a_run_stops_and_saves_where_nobody_reads_its_progress(
    command: Command, corpus_file: Path
) -> None:
    with running("--train", str(corpus_file), *FOR_EVER) as run:
        assert run.process.stderr is not None
        while "epoch 1/" not in run.process.stderr.readline():
            pass
        run.process.stderr.close()
        assert "stopped" in run.line("verses-lesson: ")
        assert run.end() == 130
    assert command("--suggest", "the ", "--model", "verses-lesson").returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_events_that_cannot_be_written_are_a_fault(corpus_file: Path) -> None:
    arguments = command_line("--train", str(corpus_file), *FOR_EVER, "--json")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            arguments, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert "cannot write the events: no space left on device" in done.stderr
    assert "what was learned is saved" in done.stderr


# --control stdin


def test_control_pauses_resumes_samples_and_stops(command: Command, corpus_file: Path) -> None:
    arguments = ["--train", str(corpus_file), *FOR_EVER, "--json", "--control", "stdin"]
    with running(*arguments) as run:
        assert run.event(EpochEnded).sample["seed"] == "The cat sat on"
        run.send("pause\n")
        run.event(Paused)
        with pytest.raises(queue.Empty):
            run.lines.get(timeout=0.5)
        run.send("sample a bird\nnonsense\nresume\n")
        assert isinstance(from_json_line(run.lines.get(timeout=PATIENCE_S)), Resumed)
        epoch = run.event(EpochEnded)
        assert epoch.sample["seed"] == "a bird"
        assert epoch.sample["text"].startswith("a bird ")
        run.send("stop\n")
        assert run.event(Finished).reason == "stopped"
        assert run.end() == 0
        assert run.process.stderr is not None
        assert run.process.stderr.read() == "not a control line: nonsense\n"
    assert command("--suggest", "the ", "--model", "verses-lesson").returncode == 0


def test_a_pause_is_said_to_a_person_too(corpus_file: Path) -> None:
    arguments = ["--train", str(corpus_file), *FOR_EVER, "--control", "stdin"]
    with running(*arguments, stream="stderr") as run:
        run.line("epoch 1/")
        run.send("pause\n")
        assert run.line("paused") == "paused\n"
        run.send("resume\n")
        assert run.lines.get(timeout=PATIENCE_S) == "resumed\n"
        run.line("epoch ")
        run.hang_up()
        assert run.end() == 0


def test_control_stops_a_paused_run(corpus_file: Path) -> None:
    arguments = ["--train", str(corpus_file), *FOR_EVER, "--json", "--control", "stdin"]
    with running(*arguments) as run:
        run.send("pause\n")
        run.event(Paused)
        run.send("stop\n")
        assert run.event(Finished).reason == "stopped"
        assert run.end() == 0


def test_the_end_of_the_control_input_stops_and_saves(command: Command, corpus_file: Path) -> None:
    arguments = ["--train", str(corpus_file), *FOR_EVER, "--json", "--control", "stdin"]
    with running(*arguments) as run:
        run.event(Saved)
        run.hang_up()
        assert run.event(Finished).reason == "stopped"
        assert run.end() == 0
    assert command("--suggest", "the ", "--model", "verses-lesson").returncode == 0


def test_a_detached_run_goes_on_after_the_end_of_its_input(long_corpus: Path) -> None:
    arguments = ["--train", str(long_corpus), *LONG_EPOCHS, "--epochs=1", "--json"]
    with running(*arguments, "--control=stdin") as run:
        run.event(Progress)
        run.send("detach\n")
        run.hang_up()
        assert run.event(Finished).reason == "completed"
        assert run.end() == 0


def test_a_detached_run_that_is_paused_goes_on_once_nobody_can_resume_it(
    long_corpus: Path,
) -> None:
    arguments = ["--train", str(long_corpus), *LONG_EPOCHS, "--epochs=1", "--json"]
    with running(*arguments, "--control=stdin") as run:
        run.event(Progress)
        run.send("detach\npause\n")
        run.event(Paused)
        run.hang_up()
        assert run.event(Finished).reason == "completed"
        assert run.end() == 0


@POSIX
def test_a_detach_that_comes_after_the_output_has_broken_is_obeyed(
    data_dir: Path, long_corpus: Path
) -> None:
    arguments = ["--train", str(long_corpus), *LONG_EPOCHS, "--epochs=1", "--json"]
    with running(*arguments, "--control=stdin", "--name=left", stream="stderr") as run:
        assert run.process.stdout is not None
        run.process.stdout.readline()
        run.process.stdout.close()
        run.send("detach\n")
        run.hang_up()
        assert run.end() == 0
    assert json.loads((data_dir / "models/left/model.json").read_text())["epochs_done"] == 1


def test_a_run_ends_well_while_its_control_input_stays_open(corpus_file: Path) -> None:
    arguments = ["--train", str(corpus_file), *TINY, "--epochs=2", "--json", "--control=stdin"]
    with running(*arguments) as run:
        assert run.event(Finished).reason == "completed"
        assert run.end() == 0
        assert run.process.stderr is not None
        assert run.process.stderr.read() == ""


def test_a_controlled_run_leaves_a_core_to_who_controls_it(
    command: Command, corpus_file: Path
) -> None:
    sizes = [size for size in TINY if not size.startswith("--threads")]
    arguments = ["--train", str(corpus_file), *sizes, "--json", "--control", "stdin"]
    started = events_of(command(*arguments))[0]
    assert isinstance(started, Started)
    assert started.threads == max(1, (os.cpu_count() or 1) - 1)


@POSIX
def test_a_controlled_run_gives_way_to_who_controls_it(corpus_file: Path) -> None:
    before = os.nice(0)
    arguments = ["--train", str(corpus_file), *FOR_EVER, "--json"]
    for control, niceness in ((["--control=stdin"], max(10, before)), ([], before)):
        with running(*arguments, *control, "--name", f"m{niceness}") as run:
            run.event(Started)
            assert os.getpriority(os.PRIO_PROCESS, run.process.pid) == niceness


@POSIX
def test_giving_way_twice_gives_way_once() -> None:
    code = (
        "import os; from rnnlm_tui.cli.steering import share_the_processor as share;"
        " share(); first = os.nice(0); share(); print(first, os.nice(0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = map(int, done.stdout.split())
    assert first == second >= 10


def test_a_training_says_in_its_note_that_it_trains(corpus_file: Path, data_dir: Path) -> None:
    arguments = ["--train", str(corpus_file), *FOR_EVER, "--json", "--name", "mine"]
    with running(*arguments) as run:
        run.event(Started)
        note = json.loads((data_dir / "models" / ".locks" / "mine.json").read_text())
        assert (note["purpose"], note["pid"]) == ("train", run.process.pid)


def test_control_and_corpus_cannot_both_be_standard_input(command: Command) -> None:
    done = command("--train", "-", "--control", "stdin")
    assert done.returncode == 2
    assert "standard input cannot be both" in done.stderr


def test_a_run_that_fails_before_it_has_saved_anything_takes_no_name(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "poems"
    job = cast(Any, SimpleNamespace(folder=folder))
    with pytest.raises(StorageError), _folder_of(job):
        (folder / "history.jsonl").write_text("{}")
        raise StorageError("the disk is full")
    assert not folder.exists()
    for kept in ("resume.safetensors", "model.json"):
        with _folder_of(job):
            (folder / "history.jsonl").write_text("{}")
            (folder / kept).write_text("{}")
        assert (folder / "history.jsonl").exists()
        (folder / kept).unlink()
