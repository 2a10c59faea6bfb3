"""Lines that a model, or one that it started from, was trained on are never counted as unseen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rnnlm_tui.cli.main import main
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store import trained_lines
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import open_stored, read_card
from rnnlm_tui.store.trained_lines import count_seen, trained_lines_of
from rnnlm_tui.text.corpus import read_corpus, split_lines
from rnnlm_tui.text.overlap import hash_lines, no_hashes
from rnnlm_tui.text.tokenizers import TOKENIZERS
from tests.helpers.training import stopped_after

LESSON = TOKENIZERS["lesson"]
SIZES = ["--preset=gru", "--embedding-size=4", "--hidden-size=4"]
QUICK = ["--epochs=1", "--threads=1", "--quiet"]
SONNETS = bundled_corpus().read_text().splitlines(keepends=True)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A library with the model old, trained on all of 136 lines, and grown, which started from it
    on the same lines and 30 more. Tests add models to it."""
    folder = tmp_path_factory.mktemp("grown")
    train(folder, "old", SONNETS[:136], *SIZES, "--held-out=0")
    train(folder, "grown", SONNETS[:166], "--from=old", "--held-out=0.3")
    return Library(folder)


def train(folder: Path, name: str, lines: list[str], *options: str) -> None:
    """Trains on these lines, in a file of the model's name."""
    text = folder / f"{name}.txt"
    text.write_text("".join(lines))
    arguments = ["--train", str(text), "--name", name, "--data-dir", str(folder), *QUICK, *options]
    assert main(arguments) == 0


def held_out_of(library: Library, name: str) -> tuple[str, ...]:
    lines = read_corpus([library.data_dir / f"{name}.txt"]).lines
    with open_stored(library.path(name)) as stored:
        return split_lines(lines, stored.lines().held_out_of(lines))[1]


def test_a_line_of_the_source_is_never_held_out(library: Library) -> None:
    """Not 50 of the 136 lines and 30 new ones, nearly all of which it had seen."""
    held_out, new = held_out_of(library, "grown"), [line.rstrip("\n") for line in SONNETS[136:166]]
    assert 5 <= len(held_out) <= 9
    assert set(held_out) <= set(new)
    evaluation = read_card(library.path("grown")).evaluation
    assert evaluation is not None and evaluation.lines == len(held_out)


def test_the_card_names_the_ancestors(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    old, grown = (library.open(name)[0] for name in ("old", "grown"))
    assert old.ancestors == []
    assert grown.ancestors == [{"name": "old", "created": old.created, "corpus": old.corpus}]
    assert main(["--models", "--json", "--data-dir", str(library.folder.parent)]) == 0
    listed = json.loads(capsys.readouterr().out)["models"]
    assert {model["name"]: model["ancestors"] for model in listed}["grown"] == grown.ancestors


def test_lines_of_an_ancestor_are_counted_as_trained_on(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Even if the text is gone and the model's own text does not have them."""
    data_dir = library.folder.parent
    train(data_dir, "third", SONNETS[200:210], "--from=grown", "--held-out=0")
    text = tmp_path / "text.txt"
    text.write_text("".join([*SONNETS[100:105], *SONNETS[300:305]]).upper())
    capsys.readouterr()
    options = ["--model=third", "--json", "--data-dir", str(data_dir)]
    assert main(["--evaluate", str(text), *options]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["models"][0]["trained_on_lines"] == 5
    assert "third was trained on 5 of these 10 lines" in printed.err


def test_a_resumed_run_holds_out_the_same_lines(library: Library) -> None:
    data_dir = str(library.folder.parent)
    with stopped_after(1):
        options = ["--from=old", "--held-out=0.3", "--epochs=2"]
        train(library.data_dir, "stopped", SONNETS[:166], *options)
    before = held_out_of(library, "stopped")
    options = ["--resume", "--name=stopped", "--quiet"]
    assert main(["--train", *options, "--data-dir", data_dir]) == 0
    card = library.open("stopped")[0]
    assert [epoch["epoch"] for epoch in card.history] == [1, 2]
    assert held_out_of(library, "stopped") == before != ()
    assert len(card.ancestors) == 1


def test_without_new_lines_nothing_is_held_out_with_a_warning(
    library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    train(library.folder.parent, "three", SONNETS[:139], "--from=old", "--held-out=0.1")
    assert held_out_of(library, "three") == ()
    assert (
        "the models that it starts from or is built on have seen nearly all lines"
        in capsys.readouterr().err
    )


def test_a_line_is_known_by_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    text = ["The cat sat there,", "on the old mat", "", "held out is this line"]
    held_out = np.array([False, False, False, True])
    lines = trained_lines_of(text, held_out, LESSON, no_hashes())
    asked = ["the CAT  sat there!", "the cat", "", "on the old mat", "...", text[3]]
    assert count_seen(asked, LESSON, lines.trained_hashes) == 2
    assert (len(lines.trained_hashes), lines.held_out.tolist()) == (2, [3])
    monkeypatch.setattr(trained_lines, "MAX_LINES", 1)
    assert len(trained_lines_of(text, held_out, LESSON, no_hashes()).trained_hashes) == 1


def test_of_a_grown_text_what_was_held_out_stays_so_and_a_share_of_what_is_new() -> None:
    text = [f"line {number} of the diary" for number in range(40)]
    held_out = np.arange(40) % 4 == 3
    trained_before = np.append(text[0:1], "an ancestor was trained on this")
    trained = trained_lines_of(text, held_out, LESSON, np.sort(hash_lines(trained_before, LESSON)))
    new = [f"a new line, number {number}" for number in range(50)]
    grown = [*new[:25], trained_before[1], "", *text, text[3], *new[25:]]
    mask = trained.hold_out_again(grown, LESSON, 0.2, 1, no_hashes())
    chosen = [line for line, is_held_out in zip(grown, mask, strict=True) if is_held_out]
    assert [line for line in chosen if line not in new] == [*text[3::4], text[3]]
    assert len(chosen) == 11 + 10
