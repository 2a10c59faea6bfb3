"""A model's text found again, and its figures kept: what is written, and what is believed."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.errors import CorpusError
from rnnlm_tui.evaluate import Evaluation, TokenScores, measure, summarize
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store import training_text
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.evaluations import (
    read_evaluation,
    trust_line,
    write_evaluation,
)
from rnnlm_tui.store.files import EVALUATION, ORIGIN
from rnnlm_tui.store.library import Library
from rnnlm_tui.text.corpus import read_corpus
from tests.helpers.commands import TINY, VERSES, command_line
from tests.helpers.texts import split_held_out

FIGURES = Evaluation(
    lines=3,
    words=20,
    predicted=15,
    loss=4.5,
    perplexity=None,
    perplexity_in_vocabulary=90.0,
    oov_share=0.1,
    top1=0.15,
    top5=0.25,
    continuations=(0.15, 0.05, None),
    keys=100,
    keystroke_savings=0.234,
    keystroke_savings_ghost=0.1,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a model called half, which half of a text was held out from. Do not
    change it."""
    folder = tmp_path_factory.mktemp("half")
    (folder / "long.txt").write_text(VERSES * 4)
    arguments = ["--epochs=1", "--held-out=0.5", "--seed=3", "--name=half", "--json"]
    arguments += ["--data-dir", str(folder / "data")]
    done = subprocess.run(
        command_line("--train", str(folder / "long.txt"), *TINY, *arguments),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "data"


@pytest.fixture
def library(trained: Path, data_dir: Path, tmp_path: Path) -> Library:
    """A copy of the model for this test, trained on a text of this test's own."""
    shutil.copytree(trained, data_dir)
    (tmp_path / "long.txt").write_text(VERSES * 4)
    origin = data_dir / "models" / "half" / ORIGIN
    kept = json.loads(origin.read_text())
    assert kept == {"sources": [str(trained.parent / "long.txt")], "encoding": None}
    origin.write_text(json.dumps({**kept, "sources": [str(tmp_path / "long.txt")]}))
    return Library(data_dir)


def card_of(library: Library, name: str = "half") -> ModelCard:
    return library.open(name)[0]


def test_the_figures_of_the_held_out_lines_are_kept(library: Library, tmp_path: Path) -> None:
    card, model = library.open("half")
    folder = library.path("half")
    assert read_evaluation(folder, card) is None
    lines = training_text.held_out_lines(
        folder, card, training_text.find_corpus("half", folder, card)
    )
    *_, scores = measure(model, lines)
    assert isinstance(scores, TokenScores)
    found, held_out_figures = summarize(scores), card.metrics["held_out"]
    write_evaluation(folder, card, found)
    # The loss is what the training itself measured on these lines.
    assert held_out_figures is not None
    assert found.loss == pytest.approx(held_out_figures["loss"], rel=1e-5)
    assert read_evaluation(folder, card) == found
    held_out = split_held_out((VERSES * 4).split("\n"), 0.5, 3)[1]
    assert found.lines == len([line for line in held_out if line])


@pytest.mark.parametrize(
    "changed",
    [
        {"weights": "weights-2.safetensors"},
        {"created": "2001-01-01T00:00:00+00:00"},
        {"corpus": {"sha256": "0", "name": "x", "lines": 1, "words": 1}},
    ],
)
def test_figures_of_other_weights_are_none(library: Library, changed: dict[str, Any]) -> None:
    card, folder = card_of(library), library.path("half")
    write_evaluation(folder, card, FIGURES)
    assert read_evaluation(folder, card) == FIGURES
    assert read_evaluation(folder, replace(card, **changed)) is None


def test_figures_of_another_split_are_none(library: Library) -> None:
    card, folder = card_of(library), library.path("half")
    write_evaluation(folder, card, FIGURES)
    for change in ({"seed": 4}, {"held_out": 0.4}):
        train = replace(card.config.train, **change)
        assert (
            read_evaluation(folder, replace(card, config=replace(card.config, train=train))) is None
        )


@pytest.mark.parametrize(
    "change",
    [
        {"top1": 1.5},
        {"top1": -0.1},
        {"top5": "0.2"},
        {"top5": True},
        {"keystroke_savings": [0.1]},
        {"words": -1},
        {"words": 2.0},
        {"words": 1 << 60},
        {"words": None},
        {"loss": -1},
        {"loss": 1e9},
        {"perplexity": 0.5},
        {"perplexity_in_vocabulary": 10**400},
        {"continuations": [0.1]},
        {"continuations": [0.1, 2, 0.1]},
        {"continuations": {"0": 0.1}},
    ],
)
def test_figures_that_make_no_sense_are_none(library: Library, change: dict[str, Any]) -> None:
    card, folder = card_of(library), library.path("half")
    write_evaluation(folder, card, FIGURES)
    data = json.loads((folder / EVALUATION).read_text())
    data["figures"] |= change
    (folder / EVALUATION).write_text(json.dumps(data))
    assert read_evaluation(folder, card) is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"[]",
        b"7",
        b"{}",
        b'{"format": 1}',
        b'{"format": 2, "figures": {}}',
        b"[" * 100_000,
        b'{"format": NaN}',
    ],
)
def test_a_file_that_holds_no_figures_counts_as_none(library: Library, text: bytes) -> None:
    card, folder = card_of(library), library.path("half")
    (folder / EVALUATION).write_bytes(text)
    assert read_evaluation(folder, card) is None
    assert library.entries()[0].damaged is None


def test_a_missing_figure_is_none(library: Library) -> None:
    card, folder = card_of(library), library.path("half")
    write_evaluation(folder, card, FIGURES)
    data = json.loads((folder / EVALUATION).read_text())
    del data["figures"]["top5"]
    (folder / EVALUATION).write_text(json.dumps(data))
    assert read_evaluation(folder, card) is None


def test_figures_go_with_an_export_and_a_copy(library: Library, tmp_path: Path) -> None:
    folder = library.path("half")
    write_evaluation(folder, card_of(library), FIGURES)
    library.duplicate("half", "copy")
    library.import_(library.export("half", tmp_path / "half.zip"), "back")
    for name in ("copy", "back"):
        assert read_evaluation(library.path(name), card_of(library, name)) == FIGURES


def test_a_damaged_file_of_figures_stands_in_the_way_of_nothing(
    library: Library, tmp_path: Path
) -> None:
    (library.path("half") / EVALUATION).write_bytes(b"x" * 200_000)
    library.duplicate("half", "copy")
    library.import_(library.export("half", tmp_path / "half.zip"), "back")
    assert not (library.path("copy") / EVALUATION).exists()
    assert not (library.path("back") / EVALUATION).exists()


# The text of a model


def test_the_text_is_found_where_the_training_read_it(library: Library, tmp_path: Path) -> None:
    card, folder = card_of(library), library.path("half")
    corpus = training_text.find_corpus("half", folder, card)
    assert corpus.sources == (str(tmp_path / "long.txt"),)
    held_out = training_text.held_out_lines(folder, card, corpus)
    assert held_out == split_held_out(corpus.lines, 0.5, 3)[1]


def test_a_text_that_has_changed_is_told_of(library: Library, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text(VERSES)
    with pytest.raises(CorpusError, match="no longer the text that half was trained on") as raised:
        training_text.find_corpus("half", library.path("half"), card_of(library))
    assert "--evaluate FILE --model half" in raised.value.hint


def test_a_text_that_is_gone_is_told_of(library: Library, tmp_path: Path) -> None:
    (tmp_path / "long.txt").unlink()
    with pytest.raises(CorpusError, match=r"text of half is gone: .*no such file"):
        training_text.find_corpus("half", library.path("half"), card_of(library))
    assert training_text.copied_spans("half", library.path("half"), card_of(library)) is None


def test_a_copy_knows_where_its_text_lies_and_an_import_does_not(
    library: Library, tmp_path: Path
) -> None:
    library.duplicate("half", "copy")
    corpus = training_text.find_corpus("copy", library.path("copy"), card_of(library, "copy"))
    assert corpus.name == "long.txt"
    library.import_(library.export("half", tmp_path / "half.zip"), "back")
    with pytest.raises(CorpusError, match=r"not known here: its text was long\.txt"):
        training_text.find_corpus("back", library.path("back"), card_of(library, "back"))


@pytest.mark.parametrize(
    "origin", ["", "[]", "{}", '{"sources": "long.txt"}', '{"sources": [7]}', "[" * 100_000]
)
def test_a_damaged_origin_is_none(library: Library, origin: str) -> None:
    (library.path("half") / ORIGIN).write_text(origin)
    with pytest.raises(CorpusError, match="not known here"):
        training_text.find_corpus("half", library.path("half"), card_of(library))


def test_a_text_from_standard_input_cannot_be_read_again(library: Library) -> None:
    training_text.write_origin(library.path("half"), ["-"], None)
    with pytest.raises(CorpusError, match="trained on a text from standard input"):
        training_text.find_corpus("half", library.path("half"), card_of(library))


def test_the_encoding_is_kept(library: Library, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text(VERSES * 4, encoding="utf-16-le")
    training_text.write_origin(library.path("half"), [str(tmp_path / "long.txt")], "utf-16-le")
    corpus = training_text.find_corpus("half", library.path("half"), card_of(library))
    assert corpus.lines[0] == VERSES.split("\n")[0]


def test_the_bundled_text_is_found_wherever_the_program_lies(library: Library) -> None:
    bundled = read_corpus([bundled_corpus()], None, io.BytesIO())
    card = replace(card_of(library), corpus={**card_of(library).corpus, "sha256": bundled.sha256})
    (library.path("half") / ORIGIN).unlink()
    assert training_text.find_corpus("half", library.path("half"), card).sha256 == bundled.sha256


def test_a_text_too_long_to_look_through_is_not_indexed(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, folder = card_of(library), library.path("half")
    assert training_text.copied_spans("half", folder, card) is not None
    monkeypatch.setattr(training_text, "LARGEST_INDEXED", 100)
    assert training_text.copied_spans("half", folder, card) is None


# In plain words


def test_the_trust_line_is_short_and_plain(library: Library) -> None:
    assert trust_line(card_of(library), FIGURES) == (
        "on lines it never saw: first suggestion right 1 time in 7, among five 1 in 4;"
        " saves 23% of keys"
    )


@pytest.mark.parametrize(
    ("top1", "top5", "said"),
    [
        (0.0, 0.5, "right never, among five 5 in 10;"),
        (0.52, 0.98, "right 5 times in 10, among five 9 in 10;"),
        (0.0002, 0.34, "right less than 1 time in 1,000, among five 1 in 3;"),
        (1.0, 1.0, "right 10 times in 10, among five 10 in 10;"),
    ],
)
def test_odds_are_said_as_people_say_them(
    library: Library, top1: float, top5: float, said: str
) -> None:
    assert said in trust_line(card_of(library), replace(FIGURES, top1=top1, top5=top5))


def test_without_figures_the_trust_line_says_why(library: Library) -> None:
    card = card_of(library)
    assert trust_line(card, None) == "not yet measured on the lines it never saw"
    train = replace(card.config.train, held_out=0.0)
    on_all = replace(card, config=replace(card.config, train=train))
    said = "trained on all its lines: no figure for lines it never saw"
    assert trust_line(on_all, None) == said
    assert trust_line(on_all, FIGURES) == said
