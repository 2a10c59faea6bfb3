"""The preset `ngram` through the real command, and its files in the library."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from rnnlm_tui.errors import ModelError
from rnnlm_tui.events import EpochEnded, Finished, Started, from_json_line
from rnnlm_tui.store.card import FORMAT
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.load import load_model
from rnnlm_tui.store.run_state import Position
from rnnlm_tui.suggest import generate_words, suggest
from rnnlm_tui.training.checkpoint import Checkpoints, RunState
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.ngram_trainer import train
from tests.helpers.commands import VERSES, Command
from tests.helpers.models import HOSTILE
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


def test_the_summary_counts_sequences(command: Command, verses: Path) -> None:
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
    assert "the counts (ngram)" in shown
    assert "sequences in all" in shown and "parameters" not in shown


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
    assert "counts is a model of counts" in done.stderr
    assert "train on all the texts at once" in done.stderr
    done = command("--train", "--resume", "--name", "counts")
    assert done.returncode == 1
    assert "no run of counts to go on with" in done.stderr


def test_a_run_that_was_killed_begins_again(
    command: Command, verses: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = data_dir / "models" / "cut"
    job = counting_job(verses, folder)
    job.origin.update({"sha256": job.prepared.corpus.sha256, "seed_line": "the cat"})
    events = train(job, Control("the cat"))
    assert [next(events).event for _ in range(3)] == ["started", "progress", "progress"]
    assert [path.name for path in folder.iterdir()] == ["resume.safetensors"]
    # What the environment gives a network does not matter to counts.
    monkeypatch.setenv("RNNLM_EPOCHS", "7")
    assert command("--train", "--resume", "--name", "cut", "--quiet").returncode == 0
    assert not (folder / "resume.safetensors").exists()
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


def test_an_exported_model_comes_back_the_same(library: Library, tmp_path: Path) -> None:
    library.export("counts", tmp_path / "counts.zip")
    library.import_(tmp_path / "counts.zip", "again")
    library.duplicate("counts", "copy")
    answers = [
        library.open(name)[1].next_word_probabilities([2, 4]).tolist()
        for name in ("counts", "again", "copy")
    ]
    assert answers[0] == answers[1] == answers[2]


def change_weights(folder: Path, change: Callable[[dict[str, NDArray[Any]]], None]) -> None:
    """Rewrites the weights with other numbers of the same shapes, or of others."""
    path = folder / "weights-1.safetensors"
    arrays = load_file(path)
    change(arrays)
    save_file(arrays, path)


def change_json(path: Path, **fields: Any) -> None:
    """Rewrites some fields of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda a: a["word.3"].__setitem__(0, 10_000), "word.3 holds an id that no word has"),
        (lambda a: a["children.3"].__setitem__(1, 2**31 - 1), "children.3 does not rise"),
        (lambda a: a["backoff.1"].__setitem__(0, np.nan), "not finite or too large"),
        (lambda a: a["probability.2"].__setitem__(0, 2), "holds what is no probability"),
        (lambda a: a.update({"word.3": a["word.3"].astype(np.float32)}), "word.3 is not int32"),
        (lambda a: a.update({"word.3": a["word.3"][:-1]}), "word.3 is not int32 of shape"),
        (lambda a: a.update({"word.9": a["word.3"]}), "holds other tensors"),
    ],
)
def test_weights_that_make_no_sense_are_refused(
    library: Library, change: Callable[[dict[str, NDArray[Any]]], None], why: str
) -> None:
    change_weights(library.path("counts"), change)
    with pytest.raises(ModelError) as refused:
        library.open("counts")
    assert why in refused.value.message


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"sizes": []}, "the numbers of sequences do not fit"),
        ({"sizes": [24, 2**40, 5]}, "a number of sequences is out of range"),
        ({"sizes": [24, -1, 5]}, "a number of sequences is out of range"),
        ({"sizes": [24, 1.0, 5]}, "sizes are not numbers"),
        ({"sizes": [24, True, 5]}, "sizes are not numbers"),
        ({"sizes": [24, 2**31 - 2, 2**31 - 2]}, "the number of parameters is not that"),
        ({"parameters": 3}, "the number of parameters is not that of its counts"),
        ({"window": -1}, "window is out of range"),
        ({"tokenizer": "other"}, "an unknown tokenizer"),
    ],
)
def test_a_card_that_makes_no_sense_is_refused(
    library: Library, fields: dict[str, Any], why: str
) -> None:
    path = library.path("counts") / "model.json"
    assert json.loads(path.read_text())["sizes"][0] == 24
    change_json(path, **fields)
    with pytest.raises(ModelError) as refused:
        library.open("counts")
    assert why in refused.value.message


def test_a_card_that_claims_huge_sizes_has_no_weights_of_them(library: Library) -> None:
    sizes = [24, 2**31 - 2, 2**31 - 2]
    change_json(library.path("counts") / "model.json", sizes=sizes, parameters=sum(sizes))
    with pytest.raises(ModelError, match="is not int32 of shape"):
        library.open("counts")
    assert [entry.damaged is None for entry in library.entries()] == [False]


@pytest.mark.parametrize("special_tokens", [None, [], ["<s>"], ["</s>", "<s>", "<unk>"], "abc", 5])
def test_a_vocabulary_with_other_specials_is_refused(
    library: Library, special_tokens: object
) -> None:
    change_json(library.path("counts") / "vocabulary.json", specials=special_tokens)
    with pytest.raises(ModelError, match="other specials"):
        library.open("counts")


def test_a_special_among_the_words_is_refused(library: Library) -> None:
    path = library.path("counts") / "vocabulary.json"
    words = json.loads(path.read_text())["words"]
    change_json(path, words=["<unk>", *words[1:]])
    with pytest.raises(ModelError, match="stands twice"):
        library.open("counts")


def test_a_format_of_this_program_is_told_in_the_card(library: Library) -> None:
    card = json.loads((library.path("counts") / "model.json").read_text())
    assert (card["format"], card["preset"]) == (FORMAT, "ngram")


def test_the_weights_in_a_zip_are_no_larger_than_the_card_says(
    library: Library, tmp_path: Path
) -> None:
    source, changed = tmp_path / "counts.zip", tmp_path / "changed.zip"
    library.export("counts", source)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            raw = old.read(name)
            new.writestr(name, raw + bytes(2 << 20) if name.startswith("weights") else raw)
    with pytest.raises(ModelError, match="larger than the model can be"):
        library.import_(changed, "again")
    assert library.names() == ["counts"]


@pytest.fixture(scope="module")
def whole_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small whole model."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "text.txt").write_text(VERSES)
    list(train(counting_job(folder / "text.txt", folder / "model", order=3), Control("")))
    return folder / "model"


@HOSTILE
@given(place=st.integers(0, 1 << 20), value=st.integers(0, 255))
def test_any_changed_byte_of_the_weights_is_refused_or_gives_numbers(
    whole_model: Path, place: int, value: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(whole_model, Path(folder) / "m")
        path = Path(folder) / "m" / "weights-1.safetensors"
        raw = bytearray(path.read_bytes())
        raw[place % len(raw)] = value
        path.write_bytes(raw)
        with suppress(ModelError):
            _, model = load_model(path.parent)
            answer = suggest(model, "the cat and ")
            assert all(math.isfinite(c.probability) for c in answer.candidates)
            assert len(generate_words(model, "the cat", 5)) == 5
