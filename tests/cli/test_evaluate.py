"""`--evaluate` and `--score`: the accuracy of models on a text, and a text word by word."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from rnnlm_tui import evaluate
from rnnlm_tui.cli.output import table
from rnnlm_tui.event_types import Evaluation
from rnnlm_tui.formatting import format_percent, format_perplexity
from rnnlm_tui.store import locks
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import change_card, read_card
from tests.cli.conftest import TEXT
from tests.helpers.commands import POSIX, Command, on_terminal, refused
from tests.helpers.models import held_elsewhere
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


def test_a_model_is_measured_on_its_own_held_out_lines(ask: Command, data_dir: Path) -> None:
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
    metrics = Library(data_dir).open("half")[0].metrics
    assert metrics is not None and metrics.held_out is not None
    assert figures["loss"] == pytest.approx(metrics.held_out.loss, rel=1e-5)
    assert figures["perplexity"] == pytest.approx(math.exp(figures["loss"]))


def test_the_figures_that_a_training_has_written_are_those_of_evaluate(
    ask: Command, data_dir: Path
) -> None:
    path = data_dir / "models" / "half.safetensors"
    by_training = read_card(path).evaluation
    assert by_training is not None
    change_card(path, partial(replace, evaluation=None))
    evaluated(ask("--evaluate", "--model", "half", "--limit", "2", "--json"))
    assert read_card(path).evaluation is None
    evaluated(ask("--evaluate", "--model", "half", "--json"))
    assert read_card(path).evaluation == by_training
    listed = json.loads(ask("--models", "--json").stdout)["models"]
    assert {model["name"]: bool(model["evaluation"]) for model in listed} == {
        "half": True,
        "full": False,
        "ngram": True,
    }
    heads, *rows = ask("--models").stdout.splitlines()
    shown = {row.split()[0]: row[heads.index("perplexity") :].split() for row in rows}
    half = [
        format_perplexity(by_training.perplexity),
        format_percent(by_training.top1),
        format_percent(by_training.keystroke_savings),
    ]
    assert shown["half"][:5] == [*half, "held-out", "lines"]
    assert shown["full"][2:4] == ["training", "lines"]


def test_figures_that_cannot_be_kept_are_shown_all_the_same(
    ask: Command, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "PATIENCE_S", 0)
    library = Library(data_dir)
    change_card(library.path("half"), partial(replace, evaluation=None))
    before = library.path("half").read_bytes()
    with held_elsewhere(library, "half"):
        done = ask("--evaluate", "--model", "half", "--json")
    assert evaluated(done)["models"][0]["name"] == "half"
    assert "the figures were not stored: the model half is in use by " in done.stderr
    assert library.path("half").read_bytes() == before


def test_figures_of_a_model_that_is_gone_by_then_are_not_kept(
    ask: Command, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training has saved the next one while this was measured."""
    path = data_dir / "models" / "half.safetensors"
    change_card(path, partial(replace, evaluation=None))
    real = evaluate.summarize

    def save_meanwhile(scored: Any) -> Evaluation:
        change_card(path, partial(replace, updated="later"))
        return real(scored)

    monkeypatch.setattr(evaluate, "summarize", save_meanwhile)
    done = ask("--evaluate", "--model", "half", "--json")
    assert "the figures were not stored: half was trained again meanwhile" in done.stderr
    assert (read_card(path).evaluation, read_card(path).updated) == (None, "later")


def test_its_own_text_given_means_its_held_out_lines(ask: Command, measured_data: Path) -> None:
    by_itself = ask("--evaluate", "--model", "half", "--json")
    given = ask("--evaluate", str(measured_data.parent / "long.txt"), "--model", "half", "--json")
    assert by_itself.stdout == given.stdout


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


def test_an_ngram_model_scores_to_the_end_of_the_line(ask: Command) -> None:
    answer = json.loads(ask("--score", "the zzz", "--model", "ngram", "--json").stdout)
    assert [word["rank"] is None for word in answer["words"]] == [False, True]
    assert all(0 < word["probability"] < 1 for word in answer["words"])
    assert answer["predicted"] == 3
    shown = ask("--score", "the zzz", "--model", "ngram").stdout
    assert re.search(r"^\(end of line\) +\d+\.\d{3}%$", shown, re.MULTILINE)
    assert re.search(r"^zzz +\d+\.\d{3}% +unknown$", shown, re.MULTILINE)


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
    assert re.search(r"^ +half +full$", shown, re.MULTILINE)
    for label in ("first suggestion right", "among five", "keys saved"):
        assert re.search(rf"^{label} +\d+\.\d% +\d+\.\d%$", shown, re.MULTILINE), label
    assert re.search(r"^perplexity per word +[\d.]+ +[\d.]+$", shown, re.MULTILINE)
    assert "the perplexity of the lesson's network are over the words it knows" in shown
    assert "keys saved by the app's own keys and default settings" in shown
    assert re.search(r"^half: keys saved \d+%, on lines it has not seen; measured on", shown, re.M)
    assert re.search(r"^full: keys saved \d+%, on lines of which it has seen \d+ of", shown, re.M)
    assert max(map(len, shown.splitlines())) <= 110


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


def test_a_model_of_six_lines_is_measured_on_the_one_that_it_held_out(
    run: Command, tmp_path: Path
) -> None:
    text = tmp_path / "six.txt"
    text.write_text(
        "the cat sat here\nthe dog sat there\na cat sat\nthe mat\na dog lay here\na mat\n"
    )
    run("--train", str(text), "--preset=ngram", "--seed=1", "--name=six")
    assert "1 line of six.txt that six held out" in run("--evaluate", "--model=six").stdout


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
        (["--evaluate", "--model", "half", "--against", "half"], 2, "compared with itself"),
        (["--evaluate", "--model", "nobody"], 1, "there is no model nobody"),
        (["--evaluate", "--model", "half", "--against", "nobody"], 1, "there is no model nobody"),
        (["--evaluate", "--model", "half", "--limit", "0"], 2, "--limit"),
        (["--evaluate", "nowhere.txt", "--model", "half"], 3, "nowhere.txt"),
        (["--evaluate", "-", "--model", "half"], 3, "stdin holds no words"),
    ],
)
def test_what_makes_no_sense_is_refused(
    ask: Command, arguments: list[str], code: int, said: str
) -> None:
    assert said in refused(ask(*arguments, code=code))


@POSIX
def test_a_narrow_terminal_gets_a_block_for_each_model(ask: Command) -> None:
    code, shown = on_terminal(
        "--evaluate", "--model=half", "--against=ngram", "--against=full", columns=40
    )
    lines = shown.rpartition("\x1b[K")[2].splitlines()
    assert code == 0
    assert {"half", "ngram", "  first suggestion right"} <= {line.split(":")[0] for line in lines}
    assert max(map(len, lines)) <= 40


@POSIX
def test_a_bar_is_drawn_on_a_terminal_and_cleared(ask: Command) -> None:
    code, shown = on_terminal("--evaluate", "--model", "half")
    assert code == 0
    assert re.search(r"half \[\.+\] 0/\d+  lines", shown)
    assert "\r\x1b[K" in shown
    assert ask("--evaluate", "--model", "half").stderr == ""


# --score


def test_a_score_is_a_table(ask: Command) -> None:
    shown = ask("--score", "The cat sat, zzz", "--model", "full").stdout
    first, *rows, last = shown.splitlines()
    assert re.fullmatch(r"word +probability +rank", first)
    assert re.fullmatch(r"the +- +-", rows[0])
    assert re.fullmatch(r"cat +\d+\.\d{3}% +\d+", rows[1])
    assert re.fullmatch(r"zzz +- +unknown", rows[3])
    assert re.fullmatch(
        r"loss [\d.]+ nats per word, perplexity .*over 2 words that full predicts", last
    )


def test_a_line_without_words_has_nothing_to_score(ask: Command) -> None:
    nothing = "full predicts nothing here\n"
    assert ask("--score", "", "--model", "full").stdout == nothing
    between = ask("--score", "--model", "full", stdin="the cat\n\nthe zzz\n").stdout
    assert between.split("\n\n")[1] == nothing.strip()
    assert table([("word", "rank")]) == ["word  rank"]


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
    suggested = json.loads(ask("--suggest", "the ", "--model", "full", "--json").stdout)
    best = suggested["suggestions"][0]["word"]
    rescored = json.loads(ask("--score", f"the {best}", "--model", "full", "--json").stdout)
    assert rescored["words"][1]["rank"] == 1
