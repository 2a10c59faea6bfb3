"""`--evaluate`, `--score` and copied words through the real command."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.formatting import format_percent, format_perplexity
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.evaluations import read_evaluation
from rnnlm_tui.store.files import EVALUATION
from rnnlm_tui.store.library import Library
from tests.helpers.commands import POSIX, TINY, VERSES, Command, command_line, on_terminal, refused
from tests.helpers.texts import split_held_out

Ask = Callable[..., subprocess.CompletedProcess[str]]
TEXT = VERSES * 4
FIGURES = {
    "name",
    "preset",
    "tokenizer",
    "trained_on_lines",
    "lines",
    "words",
    "predicted",
    "loss",
    "perplexity",
    "perplexity_in_vocabulary",
    "oov_share",
    "top1",
    "top5",
    "top1_interval",
    "top5_interval",
    "continuations",
    "keys",
    "keystroke_savings",
    "keystroke_savings_ghost",
    "common_loss",
    "common_perplexity",
}
UNSEEN = "a strange new text of the cat\nthat nobody has ever seen before\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a text, long.txt, and in data the models half (a part of it held out), full and
    counts (of another kind, another part held out). Do not change it."""
    folder = tmp_path_factory.mktemp("evaluated")
    (folder / "long.txt").write_text(TEXT)
    for name, settings in (
        ("half", [*TINY, "--epochs=1", "--held-out=0.5", "--seed=3"]),
        ("full", [*TINY, "--epochs=1"]),
        ("counts", ["--preset=ngram", "--held-out=0.25", "--min-count=5"]),
    ):
        arguments = [f"--name={name}", *settings, "--json"]
        arguments += ["--data-dir", str(folder / "data")]
        done = subprocess.run(
            command_line("--train", str(folder / "long.txt"), *arguments),
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def ask(command: Command, trained: Path, data_dir: Path) -> Ask:
    """Runs the command in a copy of the data folder."""
    shutil.copytree(trained / "data", data_dir)
    return command


@pytest.fixture
def unseen(tmp_path: Path) -> str:
    """A text that no model has seen."""
    (tmp_path / "unseen.txt").write_text(UNSEEN)
    return str(tmp_path / "unseen.txt")


def card_of(data_dir: Path, name: str) -> ModelCard:
    return Library(data_dir).open(name)[0]


def evaluated(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one line of JSON of a run that must end well."""
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


# --evaluate


def test_a_model_is_measured_on_its_own_held_out_lines(ask: Ask, data_dir: Path) -> None:
    done = ask("--evaluate", "--model", "half", "--json")
    answer = evaluated(done)
    split = split_held_out(TEXT.split("\n"), 0.5, 3)
    trained_on, held_out = ([line for line in part if line] for part in split)
    again = sum(line in trained_on for line in held_out)
    assert again
    assert f"{again} of the {len(held_out)} lines that half held out stand in what" in done.stderr
    assert set(answer) == {"corpus", "models", "common_words"}
    assert answer["corpus"]["name"] == "long.txt"
    assert (answer["corpus"]["lines"], answer["corpus"]["held_out_of"]) == (len(held_out), "half")
    (figures,) = answer["models"]
    assert set(figures) == FIGURES
    assert figures["words"] == sum(len(line.split()) for line in held_out)
    assert figures["trained_on_lines"] == again
    metrics = card_of(data_dir, "half").metrics["held_out"]
    assert metrics is not None
    assert figures["loss"] == pytest.approx(metrics["loss"], rel=1e-5)
    assert figures["perplexity_in_vocabulary"] == pytest.approx(math.exp(figures["loss"]))


def test_the_figures_are_kept_and_listed(ask: Ask, data_dir: Path) -> None:
    listed = json.loads(ask("--models", "--json").stdout)["models"]
    assert [model["evaluation"] for model in listed] == [None, None, None]
    (figures,) = evaluated(ask("--evaluate", "--model", "half", "--json"))["models"]
    kept = read_evaluation(data_dir / "models" / "half", card_of(data_dir, "half"))
    assert kept is not None
    assert kept.keystroke_savings == figures["keystroke_savings"]
    listed = json.loads(ask("--models", "--json").stdout)["models"]
    assert {model["name"]: bool(model["evaluation"]) for model in listed} == {
        "half": True,
        "full": False,
        "counts": False,
    }
    heads, *rows = ask("--models").stdout.splitlines()
    shown = {row.split()[0]: row[heads.index("perplexity") :].split() for row in rows}
    perplexity, top1 = kept.perplexity, kept.top1
    assert perplexity is not None
    assert top1 is not None
    half = [
        format_perplexity(perplexity),
        format_percent(top1),
        format_percent(kept.keystroke_savings),
    ]
    assert shown["half"][:5] == [*half, "unseen", "lines"]
    assert shown["full"][2:5] == ["its", "own", "lines"]


def test_figures_of_a_part_or_of_another_text_are_not_kept(
    ask: Ask, data_dir: Path, unseen: str
) -> None:
    answer = evaluated(ask("--evaluate", "--model", "half", "--limit", "2", "--json"))
    assert answer["corpus"]["lines"] == answer["models"][0]["lines"] == 2
    evaluated(ask("--evaluate", unseen, "--model", "half", "--json"))
    assert not (data_dir / "models" / "half" / EVALUATION).exists()


def test_figures_that_cannot_be_kept_are_shown_all_the_same(ask: Ask, data_dir: Path) -> None:
    (data_dir / "models" / "half" / EVALUATION).mkdir()
    done = ask("--evaluate", "--model", "half", "--json")
    assert evaluated(done)["models"][0]["name"] == "half"
    warning, error, *_ = done.stderr.splitlines()
    assert warning.startswith("warning: ")
    assert error.startswith("the figures are not kept: could not save ")


def test_its_own_text_given_means_its_held_out_lines(ask: Ask, trained: Path) -> None:
    by_itself = ask("--evaluate", "--model", "half", "--json")
    given = ask("--evaluate", str(trained / "long.txt"), "--model", "half", "--json")
    assert by_itself.stdout == given.stdout


def test_any_text_can_be_given(ask: Ask, unseen: str) -> None:
    answer = evaluated(ask("--evaluate", unseen, "--model", "full", "--json"))
    assert (answer["corpus"]["name"], answer["corpus"]["held_out_of"]) == ("unseen.txt", None)
    (figures,) = answer["models"]
    assert (figures["lines"], figures["words"]) == (2, 13)
    # A, the and cat are known; but for the first they have a known word before them.
    assert (figures["oov_share"], figures["predicted"]) == (10 / 13, 2)
    assert figures["perplexity"] is None
    by_stdin = ask("--evaluate", "-", "--model", "full", "--json", stdin=UNSEEN)
    assert evaluated(by_stdin)["models"] == answer["models"]


def test_counts_are_measured_on_every_word_and_end_of_their_held_out_lines(
    ask: Ask, data_dir: Path
) -> None:
    answer = evaluated(ask("--evaluate", "--model", "counts", "--json"))
    (figures,) = answer["models"]
    assert answer["corpus"]["held_out_of"] == "counts"
    assert figures["predicted"] == figures["words"] + figures["lines"]
    metrics = card_of(data_dir, "counts").metrics["held_out"]
    assert metrics is not None
    assert figures["loss"] == pytest.approx(metrics["loss"], rel=1e-5)
    assert figures["perplexity"] == pytest.approx(metrics["perplexity"], rel=1e-5)
    assert figures["oov_share"] > 0
    assert figures["perplexity_in_vocabulary"] != figures["perplexity"]
    listed = json.loads(ask("--models", "--json").stdout)["models"]
    assert [model["name"] for model in listed if model["evaluation"]] == ["counts"]


def test_kinds_are_compared_on_the_words_that_both_predict(ask: Ask) -> None:
    done = ask("--evaluate", "--model", "counts", "--against", "half", "--json")
    answer = evaluated(done)
    counts, half = answer["models"]
    assert 0 < answer["common_words"] <= half["predicted"] < counts["predicted"]
    assert half["trained_on_lines"] > 0
    assert "warning: half was trained on " in done.stderr


def test_counts_are_scored_to_the_end_of_the_line(ask: Ask) -> None:
    answer = json.loads(ask("--score", "the zzz", "--model", "counts", "--json").stdout)
    assert [word["rank"] is None for word in answer["words"]] == [False, True]
    assert all(0 < word["probability"] < 1 for word in answer["words"])
    assert answer["predicted"] == 3
    shown = ask("--score", "the zzz", "--model", "counts").stdout
    assert re.search(r"^\(end of line\) +\d+\.\d{3}%$", shown, re.MULTILINE)
    assert re.search(r"^zzz +\d+\.\d{3}% +unknown$", shown, re.MULTILINE)


def test_a_text_too_short_to_hold_lines_out_has_no_figure(
    ask: Ask, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "short.txt").write_text("one two three\nfour five")
    arguments = ["--preset", "ngram", "--name", "short", "--json"]
    assert command("--train", str(tmp_path / "short.txt"), *arguments).returncode == 0
    error = refused(ask("--evaluate", "--model", "short"), code=1)
    assert "short was trained on all its lines" in error


def test_models_stand_side_by_side(ask: Ask) -> None:
    done = ask("--evaluate", "--model", "half", "--against", "full", "--json")
    answer = evaluated(done)
    half, full = answer["models"]
    assert (half["name"], full["name"]) == ("half", "full")
    assert half["words"] == full["words"]
    assert answer["common_words"] <= min(half["predicted"], full["predicted"])
    assert half["common_perplexity"] == pytest.approx(math.exp(half["common_loss"]))
    assert full["common_loss"] != half["common_loss"]
    assert full["trained_on_lines"] == full["lines"]
    lines = full["lines"]
    assert f"warning: full was trained on {lines} of these {lines} lines" in done.stderr


def test_the_table_is_for_people(ask: Ask) -> None:
    done = ask("--evaluate", "--model", "half", "--against", "full")
    assert done.returncode == 0
    shown = done.stdout
    assert re.search(r"^\d+ lines of long\.txt that half held out$", shown, re.MULTILINE)
    assert re.search(r"^ +half +full$", shown, re.MULTILINE)
    for label in ("first suggestion right", "among five", "keys saved, list of five"):
        assert re.search(rf"^{label} +\d+\.\d% +\d+\.\d%$", shown, re.MULTILINE), label
    assert re.search(r"^perplexity, \d+ words of all +[\d.]+ +[\d.]+$", shown, re.MULTILINE)
    assert "a key is a letter, a space, an end of line, or an accept" in shown
    assert "on lines it never saw" not in shown  # they stand in what it was trained on too
    assert max(map(len, shown.splitlines())) <= 110


def test_lines_that_stand_nowhere_else_are_those_it_never_saw(ask: Ask, tmp_path: Path) -> None:
    lines = [f"the {a} cat sat by the {b} dog" for a in "abcdefg" for b in "hijklmn"]
    (tmp_path / "once.txt").write_text("\n".join(lines))
    ask("--train", str(tmp_path / "once.txt"), "--preset=ngram", "--held-out=0.2", "--name=once")
    done = ask("--evaluate", "--model", "once")
    assert done.stderr == ""
    assert "\nonce: too few words to tell how good it is: " in done.stdout


def test_a_model_trained_on_everything_says_so(ask: Ask) -> None:
    error = refused(ask("--evaluate", "--model", "full"), code=1)
    assert "full was trained on all its lines: there is no figure" in error
    assert "--held-out 0.1" in error


def test_on_its_own_text_a_model_trained_on_everything_is_warned_of(
    ask: Ask, trained: Path
) -> None:
    done = ask("--evaluate", str(trained / "long.txt"), "--model", "full", "--json")
    lines = len([line for line in TEXT.split("\n") if line])
    assert evaluated(done)["models"][0]["trained_on_lines"] == lines
    assert f"warning: full was trained on {lines} of these {lines} lines" in done.stderr


def test_a_text_that_is_not_to_be_found_is_asked_for(ask: Ask, unseen: str) -> None:
    assert ask("--export", "half", str(Path(unseen).with_name("half.zip"))).returncode == 0
    assert (
        ask("--import", str(Path(unseen).with_name("half.zip")), "--name", "back").returncode == 0
    )
    error = refused(ask("--evaluate", "--model", "back"), code=3)
    assert "its text was long.txt" in error
    assert "--evaluate FILE --model back" in error


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--evaluate", "--model", "half", "--against", "half"], 2, "compared with itself"),
        (["--evaluate", "--model", "nobody"], 1, "there is no model nobody"),
        (["--evaluate", "--model", "half", "--against", "nobody"], 1, "there is no model nobody"),
        (["--evaluate", "--model", "half", "--limit", "0"], 2, "--limit"),
        (["--evaluate", "nowhere.txt", "--model", "half"], 3, "nowhere.txt"),
        (["--suggest", "x", "--against", "half"], 2, "--against goes with --evaluate"),
    ],
)
def test_what_makes_no_sense_is_refused(
    ask: Ask, arguments: list[str], code: int, said: str
) -> None:
    assert said in refused(ask(*arguments), code)


def test_a_text_without_words_is_refused(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("...\n\n")
    error = refused(ask("--evaluate", str(tmp_path / "empty.txt"), "--model", "half"), code=3)
    assert "empty.txt holds no words" in error


@POSIX
def test_a_bar_is_drawn_on_a_terminal_and_cleared(ask: Ask) -> None:
    code, shown = on_terminal("--evaluate", "--model", "half")
    assert code == 0
    assert re.search(r"half \[\.+\] 0/\d+ lines", shown)
    assert re.search(r"half \[#+\] (\d+)/\1 lines", shown)
    assert "\r\x1b[K" in shown
    (warning,) = ask("--evaluate", "--model", "half").stderr.splitlines()  # and no bar
    assert warning.startswith("warning: ")


# --score


def test_a_score_is_a_table(ask: Ask) -> None:
    shown = ask("--score", "The cat sat, zzz", "--model", "full").stdout
    first, *rows, last = shown.splitlines()
    assert re.fullmatch(r"word +probability +rank", first)
    assert re.fullmatch(r"the +- +-", rows[0])
    assert re.fullmatch(r"cat +\d+\.\d{3}% +\d+", rows[1])
    assert re.fullmatch(r"zzz +- +unknown", rows[3])
    assert re.fullmatch(r"loss [\d.]+ nats a word, perplexity .*over 2 that full predicts", last)


def test_a_score_as_json_has_a_line_for_each_line(ask: Ask) -> None:
    done = ask("--score", "--json", "--model", "full", stdin="the cat\n\nthe zzz\n")
    first, empty, last = map(json.loads, done.stdout.splitlines())
    assert list(first) == [
        *("text", "words", "end_of_line", "predicted", "loss", "perplexity", "model"),
    ]
    assert [word["word"] for word in first["words"]] == ["the", "cat"]
    assert first["loss"] == pytest.approx(-math.log(first["words"][1]["probability"]))
    assert (empty["words"], empty["loss"]) == ([], None)
    unknown = {"word": "zzz", "known": False, "probability": None, "rank": None}
    assert last["words"][1] == unknown
    as_text = ask("--score", "the cat\n\nthe zzz", "--json", "--model", "full")
    assert as_text.stdout == done.stdout
    suggested = json.loads(ask("--suggest", "the ", "--model", "full", "--json").stdout)
    best = suggested["suggestions"][0]["word"]
    rescored = json.loads(ask("--score", f"the {best}", "--model", "full", "--json").stdout)
    assert rescored["words"][1]["rank"] == 1


# Copied words


def test_a_copied_continuation_says_where_it_stands(
    ask: Ask, command: Command, tmp_path: Path
) -> None:
    # A text of one line, learned by heart: whatever is generated stands in it, or is too mixed up.
    (tmp_path / "rote.txt").write_text("\n" + "one two three four five six seven eight\n")
    sizes = [
        "--preset=lesson",
        "--embedding-size=8",
        "--bidirectional-size=16",
        "--recurrent-size=16",
        "--threads=1",
    ]
    arguments = ["--epochs=150", "--learning-rate=0.01", "--dropout=0", "--name=rote", "--json"]
    done = command("--train", str(tmp_path / "rote.txt"), *sizes, *arguments)
    assert done.returncode == 0, done.stderr
    told = ask("--generate", "one two", "--words", "6", "--model", "rote")
    assert told.stdout == "one two three four five six seven eight\n"
    assert told.stderr == ('copied: "three four five six seven eight" is in rote.txt, line 2\n')
    answer = json.loads(ask("--generate", "one two", "--words=6", "--model=rote", "--json").stdout)
    assert answer["copied"] == [{"start": 0, "length": 6, "line_number": 2}]
    short = ask("--generate", "one two", "--words", "4", "--model", "rote", "--json")
    assert json.loads(short.stdout)["copied"] == []
    (tmp_path / "rote.txt").write_text("another text")
    changed = ask("--generate", "one two", "--words=6", "--model=rote", "--json")
    assert json.loads(changed.stdout)["copied"] is None
    assert changed.stderr == ""
