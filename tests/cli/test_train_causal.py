"""`rnn`, `gru` and `lstm` through the real command, from a text to suggestions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.events import EpochEnded, Event, Finished, Started, from_json_line
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_state import read_run_status
from rnnlm_tui.tui.runs.child import TrainingRequest
from tests.helpers.commands import VERSES, Command

TINY = ["--embedding-size=12", "--hidden-size=8", "--batch-size=4", "--bptt=6", "--threads=1"]


def events_of(output: str) -> list[Event]:
    return [from_json_line(line) for line in output.splitlines()]


@pytest.mark.parametrize("preset", ["rnn", "gru", "lstm"])
def test_a_model_is_trained_and_suggests(command: Command, tmp_path: Path, preset: str) -> None:
    text = tmp_path / "text.txt"
    text.write_text(VERSES * 8)
    settings = [*TINY, "--epochs=60", "--patience=60", "--learning-rate=0.03", "--dropout=0"]
    done = command("--train", str(text), "--preset", preset, *settings, "--json")
    assert done.returncode == 0, done.stderr
    events = events_of(done.stdout)
    started, finished = events[0], events[-1]
    assert isinstance(started, Started)
    assert (started.name, started.preset) == (f"text-{preset}", preset)
    assert started.held_out_lines == 5
    assert started.total_words == 3 + 22
    assert isinstance(finished, Finished)
    measured = [e.held_out for e in events if isinstance(e, EpochEnded)]
    assert all(
        m is not None and m.keys() >= {"loss", "perplexity", "top1", "top5"} for m in measured
    )
    asked = command("--suggest", "the cat sat on the ", "--json")
    answer = json.loads(asked.stdout)
    assert answer["suggestions"][0]["word"] == "mat"
    assert not {"<s>", "</s>", "<unk>"} & {s["word"] for s in answer["suggestions"]}
    continued = json.loads(command("--generate", "the zebra", "--json").stdout)
    assert len(continued["words"]) == 10
    listed = json.loads(command("--models", "--json").stdout)["models"]
    assert [(m["preset"], m["parameters"]) for m in listed] == [(preset, started.parameters)]


def summary_of(command: Command, *arguments: str) -> tuple[str, dict[str, Any]]:
    told = command("--summary", *arguments)
    assert told.returncode == 0, told.stderr
    return told.stdout, json.loads(command("--summary", *arguments, "--json").stdout)


def test_the_summary_says_what_follows_from_the_corpus(command: Command) -> None:
    told, data = summary_of(command, "--preset", "gru", "--dropout", "0.25")
    assert "for a corpus of this size (small), unless a flag says otherwise:" in told
    assert data["size"] == "small"
    assert "--dropout 0.25" in told
    assert "Dense (tied, softmax)" in told
    assert sum(layer["parameters"] for layer in data["layers"]) == data["parameters"]
    assert 0 < data["estimated_s"] < 3600
    assert 330_000_000 < data["memory_bytes"] < 2 << 30
    told, data = summary_of(command, "--preset", "lesson")
    assert "of this size" not in told
    assert data["size"] is None


def test_lines_above_are_context_where_the_stream_is(command: Command, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    # What begins a line follows from the line before alone.
    text.write_text("one two\nthree four\n" * 60)
    settings = [*TINY, "--epochs=12", "--learning-rate=0.03", "--dropout=0", "--held-out=0"]
    for context in ("stream", "line"):
        arguments = ["--name", context, "--context", context, "--preset", "gru", *settings]
        done = command("--train", str(text), *arguments, "--quiet")
        assert done.returncode == 0, done.stderr

    def likeliest(model: str, line: str) -> str:
        asked = command("--suggest", line, "--model", model, "--json")
        word = json.loads(asked.stdout)["suggestions"][0]["word"]
        assert isinstance(word, str)
        return word

    assert likeliest("stream", "one two\n") == "three"
    assert likeliest("stream", "one two\nthree four\n") == "one"
    assert likeliest("line", "one two\n") == likeliest("line", "three four\n")
    continued = json.loads(
        command("--generate", "one two\nthree", "--words=1", "--model=stream", "--json").stdout
    )
    assert continued["text"] == "one two\nthree four"


def test_a_stopped_run_goes_on_and_sizes_cannot_change(command: Command, corpus_file: Path) -> None:
    settings = [*TINY, "--epochs=2", "--held-out=0"]
    command("--train", str(corpus_file), "--preset=lstm", "--name=a", *settings, "--quiet")
    refused = command("--train", "--resume", "--name=a", "--hidden-size=9")
    assert refused.returncode == 2
    assert "--hidden-size cannot be changed" in refused.stderr
    done = command("--train", "--resume", "--name=a", "--epochs=4", "--json")
    assert [e.epoch for e in events_of(done.stdout) if isinstance(e, EpochEnded)] == [3, 4]


def test_a_run_that_ended_early_says_so_and_goes_on_with_more_patience(
    command: Command, data_dir: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.txt"
    text.write_text(VERSES * 8)
    # A step size that cannot learn: the first epoch is the best.
    settings = [*TINY, "--epochs=50", "--patience=1", "--learning-rate=1e-20"]
    done = command("--train", str(text), "--preset=gru", "--name=a", *settings)
    assert "a: ended early: the held-out loss stopped falling; epoch 1 is kept" in done.stdout
    refused = command("--train", "--resume", "--name=a")
    assert refused.returncode == 2
    assert "its held-out loss was best in epoch 1" in refused.stderr
    resumed = command("--train", "--resume", "--name=a", "--patience=3", "--json")
    events = events_of(resumed.stdout)
    assert [e.epoch for e in events if isinstance(e, EpochEnded)] == [3, 4]
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "early_stop"
    stand = read_run_status(Library(data_dir).path("a"))
    request = TrainingRequest.lengthening("a", stand, 7)
    longer = events_of(command("--train", *request.arguments, "--json").stdout)
    assert [e.epoch for e in longer if isinstance(e, EpochEnded)] == [5, 6, 7]
    assert isinstance(longer[-1], Finished)
    assert longer[-1].reason == "completed"


def test_training_can_start_from_a_model(command: Command, corpus_file: Path) -> None:
    settings = [*TINY, "--epochs=1", "--held-out=0", "--quiet"]
    command("--train", str(corpus_file), "--preset=gru", "--name=a", *settings)
    done = command("--train", str(corpus_file), "--from=a", "--epochs=1", "--held-out=0", "--json")
    started = events_of(done.stdout)[0]
    assert isinstance(started, Started)
    assert started.config["model"]["hidden_size"] == 8
    assert started.config["train"]["tokenizer"] == "lesson"


def test_training_from_a_model_of_the_same_text_holds_out_the_same_lines(
    command: Command, corpus_file: Path
) -> None:
    """Any others its first training would have seen."""
    settings = [*TINY, "--epochs=1", "--held-out=0.2", "--seed=3", "--quiet"]
    command("--train", str(corpus_file), "--preset=gru", "--name=a", *settings)
    done = command("--train", str(corpus_file), "--from=a", "--epochs=1", "--json")
    started = events_of(done.stdout)[0]
    assert isinstance(started, Started)
    train = started.config["train"]
    assert (train["held_out"], train["seed"]) == (0.2, 3)
