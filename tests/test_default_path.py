"""The way of a new user, on the command line: a wrapped English text, and every default.

It looks at nothing but the JSON of the commands, so it holds for any engine. All trainings are of
one epoch, on one thread.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.text.words import count_words
from tests.helpers.commands import POSIX, command_line, running

pytestmark = [pytest.mark.slow, POSIX]

PROSE = Path(__file__).parent / "prose"
TEXT, LATER = PROSE / "blog.txt", PROSE / "blog_later.txt"
QUICK = ("--epochs=1", "--threads=1", "--json")
TIMEOUT_S = 600
LINE = "We work with the "
Run = Callable[..., list[dict[str, Any]]]
"""Runs the command with these arguments, and returns the JSON lines that it prints, if it does."""


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a new user, whose folders are empty and who has the English."""
    usual = {name: value for name, value in os.environ.items() if not name.startswith("RNNLM_")}
    kinds = ("DATA", "CONFIG", "LOG")
    return usual | {f"RNNLM_{kind}_DIR": str(tmp_path_factory.mktemp(kind)) for kind in kinds}


@pytest.fixture(scope="module")
def run(env: dict[str, str]) -> Run:
    def run(*arguments: str | Path, code: int = 0) -> list[dict[str, Any]]:
        return printed(command_line(*map(str, arguments)), env, code)

    return run


def printed(command: list[str], env: dict[str, str], code: int = 0) -> list[dict[str, Any]]:
    done = subprocess.run(
        command, capture_output=True, env=env, encoding="utf-8", timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if "--json" in command]


def of_kind(events: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The last event of this kind."""
    return [event for event in events if event["event"] == kind][-1]


@pytest.fixture(scope="module")
def card(run: Run) -> dict[str, Any]:
    """The data card of the text, before anything is trained."""
    (card,) = run("--summary", TEXT, "--json")
    return card


@pytest.fixture(scope="module")
def trained(run: Run) -> list[dict[str, Any]]:
    """The events of the training of `mine`."""
    return run("--train", TEXT, "--name=mine", *QUICK)


@pytest.fixture(scope="module")
def updated(run: Run, trained: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of the update of `mine` with more text."""
    assert of_kind(trained, "finished")["reason"] == "completed"
    return run("--train", "--update=mine", "--add", LATER, *QUICK)


@pytest.fixture(scope="module")
def stopped(env: dict[str, str]) -> dict[str, Any]:
    """The last event of the training of `short`, which is stopped within its epoch."""
    with running("--train", str(LATER), "--name=short", *QUICK, env=env) as process:
        process.line('"event": "progress"')
        process.process.send_signal(signal.SIGINT)
        end: dict[str, Any] = json.loads(process.line('"event": "finished"'))
        assert process.end() == 130
    return end


@pytest.fixture(scope="module")
def resumed(run: Run, stopped: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of the rest of `short`."""
    assert (stopped["reason"], stopped["best_epoch"]) == ("stopped", None)
    return run("--train", "--resume", "--name=short", "--threads=1", "--json")


def test_the_card_tells_what_a_person_would_count(card: dict[str, Any]) -> None:
    paragraphs = [text for text in TEXT.read_text("utf-8").split("\n\n") if text.strip()]
    assert card["corpus"]["lines"] == len(paragraphs)
    assert card["corpus"]["held_out_lines"] == round(len(paragraphs) / 10)


def test_card_and_page_count_the_same_words(card: dict[str, Any]) -> None:
    """The page counts its lines with the same function."""
    lines = TEXT.read_text("utf-8").splitlines()
    assert card["corpus"]["words"] == sum(map(count_words, lines)) > 9_900


def test_the_card_says_how_the_text_is_read_and_what_the_model_starts_from(
    card: dict[str, Any],
) -> None:
    assert card["preset"] == "gru"
    assert [note.partition(":")[0].partition(", with")[0] for note in card["notes"]] == [
        "a line is a paragraph (the text is wrapped)",
        "its network starts from english",
        "its base model is english (98% of its words are English)",
    ]


def test_a_run_from_the_english_is_short(card: dict[str, Any]) -> None:
    assert (card["settings"]["epochs"], card["settings"]["learning_rate"]) == (3, 1e-3)


def test_a_text_holds_out_the_same_lines_with_and_without_the_english(
    card: dict[str, Any], run: Run
) -> None:
    for settings in (("--on=none",), ("--preset=ngram",)):
        (other,) = run("--summary", TEXT, "--json", *settings)
        assert other["corpus"] == card["corpus"]
        assert other["examples"] == card["examples"]


def test_a_setting_that_changes_no_shape_keeps_the_network_of_the_english(
    card: dict[str, Any], run: Run
) -> None:
    (other,) = run("--summary", TEXT, "--json", "--dropout=0.3")
    assert other["settings"]["dropout"] == 0.3
    for fact in ("notes", "total_words", "parameters"):
        assert other[fact] == card[fact]


def test_a_setting_that_does_not_fit_the_network_of_the_english_is_told(run: Run) -> None:
    (card,) = run("--summary", TEXT, "--json", "--hidden-size=128")
    assert card["total_words"] < 3_000
    assert card["notes"][-1].startswith("its network starts from nothing: hidden size 128 does not")


def test_all_new_words_join_the_network_of_the_english(run: Run, tmp_path: Path) -> None:
    first, vowels = "bdfgklmnprstvz", "aeiou"
    made_up = ["".join(letters) + "q" for letters in product(first, vowels, first, vowels, "bdkt")]
    del made_up[6_000:]
    lines = [" ".join(made_up[i : i + 10]) for i in range(0, len(made_up), 10)]
    usual, totals = TEXT.read_text("utf-8") * 3, list[int]()
    for name, added in (("plain.txt", []), ("names.txt", lines)):
        (tmp_path / name).write_text("\n\n".join([usual, *added]), "utf-8")
        (card,) = run("--summary", tmp_path / name, "--json", "--held-out=0")
        totals.append(card["total_words"])
    assert totals[1] - totals[0] >= len(made_up) == 6_000


def test_the_model_is_as_good_as_the_english_alone(trained: list[dict[str, Any]]) -> None:
    """On a modern text of 10,000 words one epoch changes a few keys of a thousand."""
    end = of_kind(trained, "finished")
    assert end["best_epoch"] == 1 and end["evaluation"]["words"] > 900
    alone = end["evaluation"]["base"]
    assert alone["name"] == "english"
    saved = end["evaluation"]["keystroke_savings"]
    assert saved > alone["keystroke_savings"] - 0.005 and alone["keystroke_savings"] > 0.5


def test_the_model_is_one_small_file_and_its_run_leaves_no_state(
    trained: list[dict[str, Any]], run: Run, env: dict[str, str]
) -> None:
    path, folder = Path(of_kind(trained, "finished")["path"]), Path(env["RNNLM_DATA_DIR"])
    ((listed,),) = (each["models"] for each in run("--models", "mine", "--json"))
    assert listed["size_bytes"] == path.stat().st_size < 10_000_000
    left = {file.name for file in (folder / "runs" / "mine").iterdir()}
    assert left == {"history.jsonl", "run.json"}


def test_the_started_run_is_the_one_of_the_card(
    card: dict[str, Any], trained: list[dict[str, Any]]
) -> None:
    begin = of_kind(trained, "started")
    for fact in ("total_words", "parameters", "examples", "window"):
        assert begin[fact] == card[fact]


def test_an_update_learns_the_new_text_as_a_new_model_would(
    updated: list[dict[str, Any]], trained: list[dict[str, Any]]
) -> None:
    before, begin = of_kind(trained, "started"), of_kind(updated, "started")
    assert begin["corpus"]["words"] > before["corpus"]["words"] + 1_900
    assert begin["total_words"] > before["total_words"]
    settings = begin["config"]["train"]
    assert settings["learning_rate"] == before["config"]["train"]["learning_rate"]


def test_an_update_replaces_the_model_if_it_is_better(updated: list[dict[str, Any]]) -> None:
    """After the one epoch of this test it is about as good."""
    update = of_kind(updated, "finished")["update"]
    assert update["new_loss"] == pytest.approx(update["old_loss"], rel=0.05)
    assert update["replaced"] == (update["new_loss"] < update["old_loss"])


def test_a_stopped_run_is_resumed_to_its_end(resumed: list[dict[str, Any]]) -> None:
    end = of_kind(resumed, "finished")
    assert (end["reason"], end["best_epoch"]) == ("completed", 1)


def test_inside_tells_where_each_word_comes_from(run: Run, updated: list[dict[str, Any]]) -> None:
    (found,) = run("--explain", LINE, "--model=mine", "--json")
    parts = [part["name"] for part in found["parts"]]
    assert parts == ["network", "n-grams", "base model", "recent words"]
    for listed in found["suggestions"]:
        assert sum(listed["contributions"]) == pytest.approx(listed["probability"], rel=1e-3)


def test_an_exported_model_suggests_the_same_elsewhere(
    run: Run, updated: list[dict[str, Any]], tmp_path: Path
) -> None:
    (here,) = run("--suggest", LINE, "--model=mine", "--json")
    file, elsewhere = tmp_path / "mine.safetensors", f"--data-dir={tmp_path / 'elsewhere'}"
    run("--export", "mine", file)
    run("--import", file, elsewhere)
    (there,) = run("--suggest", LINE, "--model=mine", "--json", elsewhere)
    assert there == here and len(here["suggestions"]) == 5


def test_two_processes_train_together(env: dict[str, str]) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = ["--nproc-per-node=2", "-m", "rnnlm_tui", "--train", str(LATER), "--name=two"]
    events = printed([*torchrun, *command, *QUICK], env)
    assert of_kind(events, "finished")["reason"] == "completed"
    assert of_kind(events, "started")["total_words"] > 36_000
