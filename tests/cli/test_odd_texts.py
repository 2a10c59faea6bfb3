"""Texts that can be trained on although they teach little."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlm_tui.cli.main import main


@pytest.mark.parametrize("flags", [["--json"], []])
def test_a_word_of_megabytes_is_never_printed_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    text = tmp_path / "long.txt"
    text.write_text(f"{'x' * 2_000_000} said the cat\nthe {'x' * 2_000_000} sat\n" * 3)
    assert main(["--train", str(text), "--preset=ngram", "--name=long", *flags]) == 0
    printed = capsys.readouterr()
    assert len(printed.err) + len(printed.out) < 20_000


def test_a_text_of_one_word_or_of_too_few_lines_is_trained_on_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.txt").write_text("the the the\nthe the\n")
    assert main(["--train", str(tmp_path / "one.txt"), "--preset=ngram", "--name=one"]) == 0
    error = capsys.readouterr().err
    assert "nothing is held out: 2 lines are too few" in error
    assert "every word of one.txt is 'the'" in error


def test_a_model_of_five_lines_is_measured_on_the_one_that_it_held_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "five.txt"
    text.write_text("the cat sat here\nthe dog sat there\na cat sat\nthe mat lay\na dog lay here\n")
    assert main(["--train", str(text), "--preset=ngram", "--seed=1", "--name=five"]) == 0
    assert main(["--evaluate", "--model=five"]) == 0
    assert "1 line of five.txt that five held out" in capsys.readouterr().out
