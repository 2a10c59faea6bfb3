"""`--summary`: the facts of a corpus and of the model to be trained on it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.commands import VERSES, Command

LESSON = "--preset=lesson"


def card_of(run: Command, *arguments: str) -> dict[str, Any]:
    card: dict[str, Any] = json.loads(run("--summary", "--json", *arguments).stdout)
    return card


def test_the_summary_of_the_sonnets_is_the_lessons(run: Command) -> None:
    card = card_of(run)
    assert (card["preset"], card["size"], card["parameters"]) == ("lesson", None, 5_755_471)
    assert (card["total_words"], card["examples"], card["window"]) == (3211, 15462, 10)
    figures = [layer["parameters"] for layer in card["layers"] if layer["parameters"]]
    assert figures == [321_100, 75_300, 40_100, 162_105, 5_156_866]
    assert set(card["layers"][0]) == {"name", "type", "output_shape", "parameters"}
    assert card["layers"][0]["output_shape"] == [None, 10, 100]
    assert card["corpus"]["name"] == "sonnets.txt"
    assert (card["reads"], card["opening"]) == ("the last 10 words", "From fairest creatures we")
    assert len(card["first_pairs"]) == 10
    assert card["first_pairs"][:2] == [["from", "fairest"], ["from fairest", "creatures"]]
    assert card["first_padded"][:2] == [[[0] * 9 + [34], 417], [[0] * 8 + [34, 417], 877]]
    shown = run("--summary").stdout
    for expected in (
        r"preset +lesson: ",
        r"held out +none, ",
        r"  from ---> fairest\n",
        r"total words +3,211 ",
        r"pairs +15,462\n",
        r"Bidirectional\(SimpleRNN\) +\(None, 10, 300\) +75,300\n",
        r"5,755,471 parameters in all; training takes about 515\.8 MB of memory\n",
    ):
        assert re.search(expected, shown), expected


def test_a_text_of_ones_own_is_for_gru_whose_settings_follow_from_its_size(
    run: Command, corpus_file: Path, data_dir: Path
) -> None:
    card = card_of(run, str(corpus_file), "--dropout", "0.25")
    assert (card["preset"], card["size"], card["settings"]["dropout"]) == ("gru", "small", 0.25)
    assert sum(layer["parameters"] for layer in card["layers"]) == card["parameters"]
    assert 330_000_000 < card["memory_bytes"] < 2 << 30
    shown = run("--summary", str(corpus_file), "--dropout", "0.25").stdout
    assert re.search(r"preset +gru: GRU layers", shown)
    assert "for a corpus of this size (small), unless a flag says otherwise:" in shown
    assert "--dropout 0.25" in shown
    assert not data_dir.exists()


def test_the_summary_says_what_a_causal_network_reads_and_that_few_words_are_held_out(
    run: Command, tmp_path: Path
) -> None:
    (tmp_path / "short.txt").write_text(VERSES * 10)
    arguments = (str(tmp_path / "short.txt"), "--preset=gru")
    card = card_of(run, *arguments)
    assert card["reads"] == "all words before"
    *_, warning = card["warnings"]
    assert re.fullmatch(r"\d+ words held out are too few to tell how many keys .*", warning)
    assert re.search(r"window +all words before\n", run("--summary", *arguments).stdout)


def test_the_summary_counts_ngrams(run: Command, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text(VERSES * 10)
    arguments = (str(tmp_path / "long.txt"), "--preset=ngram", "--order=2", "--tokenizer=lesson")
    card = card_of(run, *arguments)
    assert [layer["name"] for layer in card["layers"]] == ["1 word", "2 words"]
    assert card["parameters"] == sum(layer["parameters"] for layer in card["layers"])
    assert (card["window"], card["corpus"]["held_out_lines"]) == (1, 6)
    assert card["first_pairs"][0] == ["<s>", "the"]
    assert card["first_padded"] == []
    shown = run("--summary", *arguments).stdout
    assert "n-grams in all" in shown and "parameters" not in shown
    assert "with the padding, <unk>, <s>, </s>" in shown


def test_the_summary_says_what_is_left_out_held_out_and_capped(
    run: Command, corpus_file: Path
) -> None:
    settings = [LESSON, "--max-vocabulary", "5", "--held-out", "0.3", "--max-window", "2"]
    shown = run("--summary", str(corpus_file), *settings).stdout
    assert "5 words are kept" in shown
    assert re.search(r"held out +\d lines, \d+ pairs", shown)
    assert re.search(r"window +the last 2 words, capped", shown)


def test_the_summary_takes_a_base_model(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RNNLM_BUILT_IN_DIR")
    sonnets = ["--preset=ngram", "--tokenizer=prose"]
    assert any("its base model is english" in note for note in card_of(run, *sonnets)["notes"])
    assert not any("base" in note for note in card_of(run, *sonnets, "--on=none")["notes"])
