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
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.text.reading import count_words
from tests.helpers.commands import POSIX, command_line, running

pytestmark = [pytest.mark.slow, POSIX]

PROSE = Path(__file__).parent / "prose"
TEXT, LATER = PROSE / "blog.txt", PROSE / "blog_later.txt"
QUICK = ("--epochs=1", "--threads=1", "--json")
TIMEOUT_S = 600
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


def test_the_card_tells_what_a_person_would_count_and_what_the_model_starts_from(
    card: dict[str, Any],
) -> None:
    text = TEXT.read_text("utf-8")
    paragraphs = [paragraph for paragraph in text.split("\n\n") if paragraph.strip()]
    assert card["corpus"]["lines"] == len(paragraphs)
    assert card["corpus"]["held_out_lines"] == round(len(paragraphs) / 10)
    # The page of the app counts its lines with the same function.
    assert card["corpus"]["words"] == sum(map(count_words, text.splitlines())) > 9_900
    assert card["preset"] == "gru"
    assert [note.partition(":")[0].partition(", with")[0] for note in card["notes"]] == [
        "a line is a paragraph (the text is wrapped)",
        "its network starts from english",
        "its base model is english (81% of its words are common in English)",
    ]
    assert (card["settings"]["epochs"], card["settings"]["optimizer"]) == (2, "sgd")


@pytest.mark.parametrize(
    ("option", "same"),
    [
        ("--on=none", {"corpus", "examples"}),
        ("--preset=ngram", {"corpus", "examples"}),
        ("--dropout=0.3", {"corpus", "examples", "notes", "total_words", "parameters"}),
    ],
)
def test_an_option_changes_only_what_it_must(
    option: str, same: set[str], card: dict[str, Any], run: Run
) -> None:
    """The same lines are held out with and without the English, and a setting that changes no shape
    keeps the network of the English."""
    (other,) = run("--summary", TEXT, "--json", option)
    assert {fact: other[fact] for fact in same} == {fact: card[fact] for fact in same}
    assert other["settings"] != card["settings"]


def test_the_model_is_one_small_file_as_good_as_the_english_alone(
    card: dict[str, Any], trained: list[dict[str, Any]], run: Run, env: dict[str, str]
) -> None:
    """On a modern text of 10,000 words one epoch changes a few keys of a thousand."""
    begin, end = of_kind(trained, "started"), of_kind(trained, "finished")
    for fact in ("total_words", "parameters", "examples", "window"):
        assert begin[fact] == card[fact]
    evaluation = end["evaluation"]
    assert end["best_epoch"] == 1 and evaluation["words"] > 900
    assert evaluation["base"]["name"] == "english"
    alone = evaluation["base"]["keystroke_savings"]
    assert alone["attentive"] > 0.5
    for writer, saved in evaluation["keystroke_savings"].items():
        assert saved > alone[writer] - 0.005
    ((listed,),) = (each["models"] for each in run("--models", "mine", "--json"))
    assert listed["size_bytes"] == Path(end["path"]).stat().st_size < 10_000_000
    run_folder = Path(env["RNNLM_DATA_DIR"]) / "runs" / "mine"
    assert {file.name for file in run_folder.iterdir()} == {"history.jsonl", "run.json"}


def test_an_update_learns_the_new_text_and_replaces_the_model_if_it_is_better(
    run: Run, trained: list[dict[str, Any]]
) -> None:
    """After the one epoch of this test it is about as good."""
    assert of_kind(trained, "finished")["reason"] == "completed"
    updated = run("--train", "--update=mine", "--add", LATER, *QUICK)
    before, begin = of_kind(trained, "started"), of_kind(updated, "started")
    assert begin["corpus"]["words"] > before["corpus"]["words"] + 1_900
    assert begin["total_words"] > before["total_words"]
    rates = [event["config"]["train"]["learning_rate"] for event in (before, begin)]
    assert rates[0] == rates[1]
    update = of_kind(updated, "finished")["update"]
    assert update["new_loss"] == pytest.approx(update["old_loss"], rel=0.05)
    assert update["replaced"] == (update["new_loss"] < update["old_loss"])


def test_a_run_that_is_stopped_within_its_epoch_is_resumed_to_its_end(
    run: Run, env: dict[str, str]
) -> None:
    with running("--train", str(LATER), "--name=short", *QUICK, env=env) as process:
        process.line('"event": "progress"')
        process.process.send_signal(signal.SIGINT)
        stopped = json.loads(process.line('"event": "finished"'))
        assert process.end() == 130
    assert (stopped["reason"], stopped["best_epoch"]) == ("stopped", None)
    resumed = run("--train", "--resume", "--name=short", "--threads=1", "--json")
    end = of_kind(resumed, "finished")
    assert (end["reason"], end["best_epoch"]) == ("completed", 1)


def test_two_processes_train_together(env: dict[str, str]) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = ["--nproc-per-node=2", "-m", "rnnlm_tui", "--train", str(LATER), "--name=two"]
    events = printed([*torchrun, *command, *QUICK], env)
    assert of_kind(events, "finished")["reason"] == "completed"
    assert of_kind(events, "started")["total_words"] > 36_000
