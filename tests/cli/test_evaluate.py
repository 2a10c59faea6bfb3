"""`--evaluate`: the accuracy of models on a text."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins

from rnnlm_tui.events import Evaluation
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


def evaluated(ask: Command, *arguments: str, **options: str) -> dict[str, Any]:
    """The JSON line of an evaluation."""
    (line,) = ask("--evaluate", *arguments, "--json", **options).stdout.splitlines()
    answer: dict[str, Any] = json.loads(line)
    return answer


def test_a_model_is_measured_on_its_own_held_out_lines(
    ask: Command, data_dir: Path, measured_data: Path
) -> None:
    answer = evaluated(ask, "--model", "half")
    held_out = [line for line in split_held_out(TEXT.split("\n"), 0.5, 3)[1] if line]
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
    assert card.evaluation and card.metrics and card.metrics.held_out
    assert {**figures, **to_builtins(card.evaluation)} == figures
    assert figures["loss"] == pytest.approx(card.metrics.held_out.loss, rel=1e-5)
    # Its own text means these lines.
    assert evaluated(ask, str(measured_data.parent / "long.txt"), "--model=half") == answer
    few = evaluated(ask, "--model", "half", "--limit", "2")["corpus"]
    assert (few["lines"], few["lines_in_all"]) == (2, len(held_out))
    shown = ask("--evaluate", "--model", "half", "--limit", "2").stdout
    assert f"the first of {len(held_out)} lines" in shown


def test_any_text_can_be_given(ask: Command, tmp_path: Path) -> None:
    (tmp_path / "unseen.txt").write_text(UNSEEN)
    answer = evaluated(ask, str(tmp_path / "unseen.txt"), "--model", "full")
    assert (answer["corpus"]["name"], answer["corpus"]["held_out_of"]) == ("unseen.txt", None)
    (figures,) = answer["models"]
    assert (figures["lines"], figures["words"]) == (2, 13)
    # A, the and cat are known; but for the first they have a known word before them.
    assert (figures["oov_share"], figures["predicted"]) == (10 / 13, 2)
    assert evaluated(ask, "-", "--model=full", stdin=UNSEEN)["models"] == answer["models"]


def test_models_are_compared_on_the_same_lines_and_those_that_know_them_are_told(
    ask: Command,
) -> None:
    done = ask("--evaluate", "--model", "half", "--against", "full", "--against=ngram", "--json")
    half, full, ngram = json.loads(done.stdout)["models"]
    assert [half["name"], full["name"], ngram["name"]] == ["half", "full", "ngram"]
    assert half["words"] == full["words"] and half["predicted"] < ngram["predicted"]
    assert full["trained_on_lines"] == (lines := full["lines"])
    assert f"warning: full was trained on {lines} of these {lines} lines" in done.stderr


@pytest.mark.slow
def test_a_long_text_is_sampled_unless_all_of_it_is_asked_for(ask: Command, tmp_path: Path) -> None:
    lines = [f"the {a} cat sat by the {b} dog" for a in "abcdefghij" for b in "klmnopqrstuvwxyz"]
    (tmp_path / "long.txt").write_text("\n".join(lines * 20))
    asked = (str(tmp_path / "long.txt"), "--model", "ngram")
    sampled, whole = evaluated(ask, *asked), evaluated(ask, *asked, "--all")
    (some,), (every,) = sampled["models"], whole["models"]
    assert whole["corpus"]["lines"] == sampled["corpus"]["lines_in_all"] == len(lines) * 20
    assert 19_000 < some["words"] < 21_000 < every["words"]
    assert some["keystroke_savings"] == pytest.approx(every["keystroke_savings"], abs=0.01)
    shown = ask("--evaluate", *asked).stdout
    assert f"a sample of {len(lines) * 20:,} lines (--all measures all of them)" in shown


@POSIX
def test_a_bar_is_drawn_on_a_terminal_and_cleared(ask: Command) -> None:
    code, shown = on_terminal("--evaluate", "--model=half")
    assert code == 0
    bar, _, table = shown.rpartition("\r\x1b[K")
    assert "half [" in bar and "]  0/" in bar and "perplexity" in table


def test_what_cannot_be_measured_is_refused(ask: Command) -> None:
    for arguments, code, said in (
        (["--model", "full"], 1, "full was trained on all its lines: there is no figure"),
        (["--model", "half", "--against", "half"], 2, "compared with itself"),
        (["--model", "half", "--against", "nobody"], 1, "there is no model nobody"),
        (["nowhere.txt", "--model", "half"], 3, "nowhere.txt"),
        (["-", "--model", "half"], 3, "stdin holds no words"),
    ):
        assert said in refused(ask("--evaluate", *arguments, code=code))
