"""`--evaluate` and `--score`: the accuracy of models on a text, and a text word by word."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins

from rnnlm_tui.event_types import Evaluation
from rnnlm_tui.store.model_file import read_card
from tests.cli.conftest import TEXT
from tests.helpers.commands import POSIX, Command, on_terminal, refused
from tests.helpers.texts import split_held_out

OF_MODEL = {"name", "preset", "tokenizer", "trained_on_lines"}
FIGURES = {*OF_MODEL, "components", *Evaluation.__struct_fields__}
"""The fields of a model in the JSON."""
UNSEEN = "a strange new text of the cat\nthat nobody has ever seen before\n"


@pytest.fixture
def ask(run: Command, measured_data: Path, data_dir: Path) -> Command:
    """Runs the command in a copy of the data folder."""
    shutil.copytree(measured_data, data_dir)
    return run


@pytest.fixture
def unseen(tmp_path: Path) -> str:
    """A text that no model has seen."""
    (tmp_path / "unseen.txt").write_text(UNSEEN)
    return str(tmp_path / "unseen.txt")


def evaluated(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The JSON line of a run."""
    assert len(done.stdout.splitlines()) == 1
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


# --evaluate


def test_a_model_is_measured_on_its_own_held_out_lines(
    ask: Command, data_dir: Path, measured_data: Path
) -> None:
    done = ask("--evaluate", "--model", "half", "--json")
    answer = evaluated(done)
    split = split_held_out(TEXT.split("\n"), 0.5, 3)
    held_out = [line for line in split[1] if line]
    assert done.stderr == ""
    assert set(answer) == {"corpus", "models"}
    assert answer["corpus"]["name"] == "long.txt"
    assert (answer["corpus"]["lines"], answer["corpus"]["held_out_of"]) == (len(held_out), "half")
    (figures,) = answer["models"]
    assert set(figures) == FIGURES
    assert figures["words"] == sum(len(line.split()) for line in held_out)
    assert figures["trained_on_lines"] == 0
    assert figures["perplexity"] == pytest.approx(math.exp(figures["loss"]))
    # They are those that the training has written.
    card = read_card(data_dir / "models" / "half.safetensors")
    assert card.evaluation is not None and card.metrics is not None
    assert {**figures, **to_builtins(card.evaluation)} == figures
    assert card.metrics.held_out is not None
    assert figures["loss"] == pytest.approx(card.metrics.held_out.loss, rel=1e-5)
    # Its own text means these lines.
    text = str(measured_data.parent / "long.txt")
    assert ask("--evaluate", text, "--model", "half", "--json").stdout == done.stdout
    few = evaluated(ask("--evaluate", "--model", "half", "--limit", "2", "--json"))
    assert (few["corpus"]["lines"], few["corpus"]["lines_in_all"]) == (2, len(held_out))
    heads, *rows = ask("--models").stdout.splitlines()
    shown = {row.split()[0]: row[heads.index("keys saved") :].split()[0] for row in rows}
    assert shown["half"] == f"{figures['keystroke_savings']:.0%}" and "%" not in shown["full"]


def test_any_text_can_be_given(ask: Command, unseen: str) -> None:
    answer = evaluated(ask("--evaluate", unseen, "--model", "full", "--json"))
    assert (answer["corpus"]["name"], answer["corpus"]["held_out_of"]) == ("unseen.txt", None)
    (figures,) = answer["models"]
    assert (figures["lines"], figures["words"]) == (2, 13)
    # A, the and cat are known; but for the first they have a known word before them.
    assert (figures["oov_share"], figures["predicted"]) == (10 / 13, 2)
    assert figures["perplexity"] == pytest.approx(math.exp(figures["loss"]))
    by_stdin = ask("--evaluate", "-", "--model", "full", "--json", stdin=UNSEEN)
    assert evaluated(by_stdin)["models"] == answer["models"]


def test_models_are_compared_on_the_same_lines(ask: Command) -> None:
    done = ask("--evaluate", "--model", "half", "--against", "full", "--against=ngram", "--json")
    answer = evaluated(done)
    half, full, ngram = answer["models"]
    assert [half["name"], full["name"], ngram["name"]] == ["half", "full", "ngram"]
    assert half["words"] == full["words"]
    assert half["predicted"] < ngram["predicted"]
    lines = full["lines"]
    assert full["trained_on_lines"] == lines
    assert f"warning: full was trained on {lines} of these {lines} lines" in done.stderr


def test_the_table_is_for_people(ask: Command) -> None:
    shown = ask("--evaluate", "--model", "half", "--against", "full").stdout
    assert re.search(r"^\d+ lines of long\.txt that half held out$", shown, re.MULTILINE)
    assert re.search(r"^ +words +unknown +top-1 +top-5 +keys saved +loss +perplex", shown, re.M)
    share, number = r"\d+\.\d%", r"[\d.,]+"
    for name in ("half", "full"):
        row = rf"^{name} +\d+( +{share}){{3}} +-?{share} +{number} +{number}$"
        assert re.search(row, shown, re.MULTILINE), shown
    assert "the perplexity of the lesson's network are over the words it knows" in shown
    assert "keys saved by the app's own keys and default settings" in shown
    assert re.search(r"^half: keys saved \d+%, on lines it has not seen; measured on", shown, re.M)
    assert re.search(r"^full: keys saved \d+%; measured on \d+ words", shown, re.M)


@pytest.mark.slow
def test_a_long_text_is_sampled_unless_all_of_it_is_asked_for(ask: Command, tmp_path: Path) -> None:
    lines = [f"the {a} cat sat by the {b} dog" for a in "abcdefghij" for b in "klmnopqrstuvwxyz"]
    (tmp_path / "long.txt").write_text("\n".join(lines * 20))
    asked = ("--evaluate", str(tmp_path / "long.txt"), "--model", "ngram", "--json")
    sampled, whole = evaluated(ask(*asked)), evaluated(ask(*asked, "--all"))
    (some,), (every,) = sampled["models"], whole["models"]
    assert whole["corpus"]["lines"] == sampled["corpus"]["lines_in_all"] == len(lines) * 20
    assert 19_000 < some["words"] < 21_000 < every["words"]
    assert some["keystroke_savings"] == pytest.approx(every["keystroke_savings"], abs=0.01)
    shown = ask(*asked[:-1]).stdout
    assert f"a sample of {len(lines) * 20:,} lines (--all measures all of them)" in shown


def test_the_last_line_says_how_many_keys_are_saved(ask: Command, tmp_path: Path) -> None:
    lines = [f"the {a} cat sat by the {b} dog" for a in "abcdefghij" for b in "klmnopqrstuvwxyz"]
    (tmp_path / "once.txt").write_text("\n".join(lines))
    ask("--train", str(tmp_path / "once.txt"), "--preset=ngram", "--held-out=0.5", "--name=once")
    done = ask("--evaluate", "--model", "once")
    assert done.stderr == ""
    saves = r"once: keys saved \d+%, on lines it has not seen"
    assert re.fullmatch(saves, done.stdout.splitlines()[-1])
    few = ask("--evaluate", "--model", "once", "--limit", "1").stdout.splitlines()[-1]
    assert re.fullmatch(f"{saves}; measured on 8 words, too few to tell", few)


def test_a_model_trained_on_everything_says_so(ask: Command, measured_data: Path) -> None:
    error = refused(ask("--evaluate", "--model", "full", code=1))
    assert "full was trained on all its lines: there is no figure" in error
    assert "--held-out 0.1" in error
    done = ask("--evaluate", str(measured_data.parent / "long.txt"), "--model", "full", "--json")
    lines = len([line for line in TEXT.split("\n") if line])
    assert evaluated(done)["models"][0]["trained_on_lines"] == lines
    assert f"warning: full was trained on {lines} of these {lines} lines" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--model", "half", "--against", "half"], 2, "compared with itself"),
        (["--model", "half", "--against", "nobody"], 1, "there is no model nobody"),
        (["nowhere.txt", "--model", "half"], 3, "nowhere.txt"),
        (["-", "--model", "half"], 3, "stdin holds no words"),
    ],
)
def test_what_makes_no_sense_is_refused(
    ask: Command, arguments: list[str], code: int, said: str
) -> None:
    assert said in refused(ask("--evaluate", *arguments, code=code))


@POSIX
def test_a_bar_is_drawn_on_a_terminal_and_cleared(ask: Command) -> None:
    code, shown = on_terminal("--evaluate", "--model", "half")
    assert code == 0
    assert re.search(r"half \[\.+\] 0/\d+  lines", shown)
    assert "\r\x1b[K" in shown
    assert ask("--evaluate", "--model", "half").stderr == ""


# --score


def test_a_score_is_a_table_for_each_line(ask: Command) -> None:
    shown = ask("--score", "The cat sat, zzz", "--model", "full").stdout
    first, *rows, last = shown.splitlines()
    assert re.fullmatch(r"word +probability +rank", first)
    assert re.fullmatch(r"the +- +-", rows[0])
    assert re.fullmatch(r"cat +\d+\.\d{3}% +\d+", rows[1])
    assert re.fullmatch(r"zzz +- +unknown", rows[3])
    assert re.fullmatch(
        r"loss [\d.]+ nats per word, perplexity .*over 2 words that full predicts", last
    )
    of_ngrams = ask("--score", "the zzz", "--model", "ngram").stdout
    assert re.search(r"^\(end of line\) +\d+\.\d{3}%$", of_ngrams, re.MULTILINE)
    between = ask("--score", "--model", "full", stdin="the cat\n\nthe zzz\n").stdout
    assert between.split("\n\n")[1] == "full predicts nothing here"


def test_a_score_as_json_has_a_line_for_each_line(ask: Command) -> None:
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
    of_ngrams = json.loads(ask("--score", "the zzz", "--model", "ngram", "--json").stdout)
    assert [word["rank"] is None for word in of_ngrams["words"]] == [False, True]
    assert of_ngrams["predicted"] == 3
