"""`--summary`: the facts of a corpus and of the model to be trained on it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.paths import bundled_corpus
from tests.helpers.commands import Command, verses

NGRAM = "--preset=ngram"


def card_of(run: Command, *arguments: str) -> dict[str, Any]:
    card: dict[str, Any] = json.loads(run("--summary", "--json", *arguments).stdout)
    return card


def test_the_summary_of_the_sonnets_is_the_lessons(run: Command) -> None:
    card = card_of(run)
    assert (card["preset"], card["size"], card["parameters"]) == ("lesson", None, 5_755_471)
    figures = [layer["parameters"] for layer in card["layers"] if layer["parameters"]]
    assert figures == [321_100, 75_300, 40_100, 162_105, 5_156_866]
    assert set(card["layers"][0]) == {"name", "type", "output_shape", "parameters"}
    assert card["first_pairs"][:2] == [["from", "fairest"], ["from fairest", "creatures"]]


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        ("", [
            "It starts from nothing and learns this text, in about 19 minutes.",
            "It learns every line, so it cannot tell how many keys it saves on new ones.",
            "preset +lesson:", "held out +none,", r"total words +3,211 \(with the padding\)",
            "reads +the last 10 words", "pairs +15,462:", "Tokenizer +3,210 words",
            "pad_sequences +zeros before them, 11", "( 0){9} 34 ---> 417", " from ---> fairest",
            r".*Bidirectional\(SimpleRNN\) +\(None, 10, 300\) +75,300",
            r".*5,755,471 parameters in all; training takes about 515\.8 MB of memory"]),
        ("TEXT --preset=lesson --max-vocabulary=5 --held-out=0.3 --max-window=2", [
            "49 words are few: expect little of it.", r"held out +\d lines,",
            "vocabulary +5 words are kept;", "reads +the last 2 words"]),
        ("TEXT --preset=ngram --order=2 --tokenizer=lesson --on=none", [
            ".*, in some seconds.", ".*with the padding, <unk>, <s>, </s>.*", " <s> ---> the",
            " +1 word", " +2 words", ".*n-grams in all.*"]),
        ("TEXT --dropout=0.25", [
            "It starts from nothing and learns this text, in about 10 seconds.",
            "preset +gru: GRU layers,", "reads +all words before",
            "settings +those given, or the defaults for a small text", ".*dropout = 0.25"]),
        ("--epochs=1300", [".*, in about 3 hours."]),
        # It is measured on half of the sonnets, which takes much longer than one epoch.
        ("--preset=rnn --hidden-size=1 --epochs=1 --held-out=0.5", [".*, in about 2 minutes"]),
        ("--preset=ngram --held-out=0.5", [".*, in about 2 minutes"]),
    ],
)  # fmt: skip
def test_what_to_expect_and_the_data_card_are_printed_row_by_row(
    run: Command, corpus_file: Path, data_dir: Path, arguments: str, rows: list[str]
) -> None:
    words = (str(corpus_file) if word == "TEXT" else word for word in arguments.split())
    shown = run("--summary", *words).stdout
    place = 0
    for row in rows:
        found = re.compile(f"^ *{row}", re.MULTILINE).search(shown, place)
        assert found, row
        place = found.end()
    assert not data_dir.exists()


@pytest.mark.parametrize(
    ("text", "told", "few"),
    [
        (bundled_corpus().read_text(), "Then it tells how many keys it saves on lines of", []),
        (verses(10), r"It keeps \d\d words apart to measure on, too few to tell", ["550"]),
    ],
)
def test_it_promises_no_more_than_a_text_of_this_size_can_tell(
    run: Command, tmp_path: Path, text: str, told: str, few: list[str]
) -> None:
    (tmp_path / "text.txt").write_text(text)
    card = card_of(run, str(tmp_path / "text.txt"), NGRAM)
    assert re.match(told, card["prospect"][1])
    assert [warning.partition(" words are few")[0] for warning in card["warnings"]] == few
