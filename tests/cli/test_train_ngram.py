"""The preset `ngram` through the real command, and its files in the library."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rnnlm_tui.events import EpochEnded, Finished, Started, from_json_line
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_state import Position
from rnnlm_tui.training.checkpoint import Checkpoints, RunState
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.history import record
from rnnlm_tui.training.ngram_trainer import train
from tests.helpers.commands import VERSES, Command
from tests.helpers.training import counting_job

NGRAM = ("--preset", "ngram")


@pytest.fixture
def verses(tmp_path: Path) -> Path:
    """A corpus with enough lines to hold some out."""
    path = tmp_path / "verses.txt"
    path.write_text(VERSES * 10)
    return path


@pytest.fixture
def library(command: Command, verses: Path, data_dir: Path) -> Library:
    """A library with the model `counts`."""
    done = command("--train", str(verses), *NGRAM, "--name", "counts", "--order", "3", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    return Library(data_dir)


def test_a_training_tells_its_figures_and_leaves_a_model(
    command: Command, verses: Path, data_dir: Path
) -> None:
    done = command("--train", str(verses), *NGRAM)
    assert done.returncode == 0
    assert "held out       6 lines" in done.stderr
    assert "unknown        0.0% of the words held out" in done.stderr
    assert "with the padding, <unk>, <s>, </s>" in done.stderr
    assert "epoch 1/1  loss" in done.stderr and "held-out loss" in done.stderr
    assert "parameters" not in done.stderr
    assert done.stdout.startswith("verses-ngram: done, loss ")
    assert Library(data_dir).names() == ["verses-ngram"]


def test_its_events_are_those_of_every_training(command: Command, verses: Path) -> None:
    done = command("--train", str(verses), *NGRAM, "--order", "2", "--json")
    events = [from_json_line(line) for line in done.stdout.splitlines()]
    kinds = ["started", "progress", "progress", "epoch", "saved", "finished"]
    assert [event.event for event in events] == kinds
    started, ended, finished = events[0], events[3], events[-1]
    assert isinstance(started, Started) and isinstance(ended, EpochEnded)
    assert isinstance(finished, Finished)
    assert ended.held_out is not None
    assert set(ended.held_out) == {"loss", "perplexity", "top1", "top5"}
    assert finished.metrics["train"] == ended.train


@pytest.mark.usefixtures("library")
def test_it_suggests_and_generates_whole_lines_of_known_words(command: Command) -> None:
    answer = json.loads(command("--suggest", "and the zebra ", "--json").stdout)
    assert (answer["seen"], answer["unknown"]) == (["the"], ["zebra"])
    assert not {"<unk>", "<s>", "</s>"} & {s["word"] for s in answer["suggestions"]}
    (half,) = json.loads(command("--suggest", "the cat and the bi", "--json").stdout)["suggestions"]
    assert half["word"] == "bird"
    text = json.loads(command("--generate", "The dog", "--words", "30", "--json").stdout)
    assert len(text["words"]) == 30
    assert set(text["words"]) <= set(VERSES.lower().replace(",", " ").replace(".", " ").split())


@pytest.mark.usefixtures("library")
def test_it_is_listed_like_the_others(command: Command) -> None:
    (entry,) = json.loads(command("--models", "--json").stdout)["models"]
    assert (entry["preset"], entry["epochs_done"], entry["damaged"]) == ("ngram", 1, None)
    assert entry["metrics"]["held_out"]["top5"] > 0
    assert "counts" in command("--models").stdout


def test_the_summary_counts_ngrams(command: Command, verses: Path) -> None:
    arguments = ("--summary", str(verses), *NGRAM, "--order", "2")
    summary = json.loads(command(*arguments, "--json").stdout)
    assert [layer["name"] for layer in summary["layers"]] == ["1 word", "2 words"]
    assert summary["parameters"] == sum(layer["parameters"] for layer in summary["layers"])
    assert summary["layers"][0]["parameters"] == summary["total_words"] - 1
    assert (summary["window"], summary["corpus"]["held_out_lines"]) == (1, 6)
    assert summary["first_pairs"][0] == ["<s>", "the"]
    assert all(len(seen.split()) == 1 for seen, _ in summary["first_pairs"])
    assert summary["estimated_s"] > 0 and summary["memory_bytes"] > 40e6
    shown = command(*arguments).stdout
    assert "the n-gram model (ngram)" in shown
    assert "n-grams in all" in shown and "parameters" not in shown


def test_the_tokenizer_the_vocabulary_and_the_rarest_words_can_be_chosen(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    corpus = tmp_path / "tokens.txt"
    corpus.write_text("The cat <unk> N .\nthe cat sat .\n" * 20)
    flags = ("--tokenizer", "whitespace", "--min-count", "20", "--max-vocabulary", "3")
    done = command("--train", str(corpus), *NGRAM, *flags, "--name", "m", "--held-out", "0")
    assert done.returncode == 0
    assert "vocabulary     3 words are kept; the others are learned as <unk>" in done.stderr
    card, model = Library(data_dir).open("m")
    assert (card.tokenizer, card.config.tokenizer) == ("whitespace", "whitespace")
    assert model.vocabulary.words == ("cat", ".", "The")
    answer = json.loads(command("--suggest", "The ", "--json").stdout)
    assert answer["suggestions"][0]["word"] == "cat"


@pytest.mark.parametrize("value", ["0", "7", "nan", "2.5", "-1"])
def test_an_order_out_of_range_is_refused(command: Command, verses: Path, value: str) -> None:
    done = command("--train", str(verses), *NGRAM, f"--order={value}")
    assert done.returncode == 2
    assert "1 or more and at most 6" in done.stderr


@pytest.mark.usefixtures("library")
def test_names_are_kept_unless_forced(command: Command, verses: Path, data_dir: Path) -> None:
    arguments = ("--train", str(verses), *NGRAM, "--name", "counts", "--order", "2")
    refused = command(*arguments)
    assert (refused.returncode, "the name counts is taken" in refused.stderr) == (1, True)
    assert command(*arguments, "--force").returncode == 0
    assert Library(data_dir).open("counts")[0].window == 1
    names = {path.name for path in (data_dir / "models" / "counts").iterdir()}
    assert {name for name in names if name.startswith(("vocabulary", "weights", "resume"))} == {
        *("vocabulary-2.json", "weights-2.safetensors")
    }


@pytest.mark.usefixtures("library")
def test_nothing_starts_from_counts_or_goes_on_with_them(command: Command, verses: Path) -> None:
    done = command("--train", str(verses), "--from", "counts")
    assert done.returncode == 2
    assert "counts is an n-gram model" in done.stderr
    assert "train on all the texts at once" in done.stderr
    done = command("--train", "--resume", "--name", "counts")
    assert done.returncode == 1
    assert "no run of counts to go on with" in done.stderr


def test_a_run_that_was_killed_leaves_its_name_free(
    command: Command, verses: Path, data_dir: Path
) -> None:
    folder = data_dir / "models" / "cut"
    events = iter(record(train(counting_job(verses, folder), Control("")), folder))
    assert [next(events).event for _ in range(3)] == ["started", "progress", "progress"]
    del events
    assert [path.name for path in folder.iterdir()] == ["history.jsonl"]
    assert Library(data_dir).runs() == []
    done = command("--train", str(verses), "--preset", "ngram", "--name", "cut", "--quiet")
    assert done.returncode == 0
    assert Library(data_dir).open("cut")[0].epochs_done == 1


def test_counts_fit_no_state_with_weights(command: Command, verses: Path, data_dir: Path) -> None:
    folder = data_dir / "models" / "cut"
    job = counting_job(verses, folder)
    job.origin.update({"sha256": job.prepared.corpus.sha256, "seed_line": "the cat"})
    weights = {"probability.1": np.zeros(3, np.float32)}
    Checkpoints(folder).save_state(RunState(job.config, job.origin, Position(), weights, {}))
    done = command("--train", "--resume", "--name", "cut")
    assert done.returncode == 1
    assert "that of another network" in done.stderr
