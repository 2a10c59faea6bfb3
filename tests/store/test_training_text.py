"""The text that a model was trained on: where it is, which of its lines the model has seen, and
what was written for it."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from rnnlm_tui.cli.main import main
from rnnlm_tui.errors import CorpusError, StorageError
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store import training_text
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import write_sources
from rnnlm_tui.store.texts import not_learned, save_text, save_written, texts_folder
from rnnlm_tui.store.trained_lines import TrainedLines, count_seen, is_of_english, thinned
from rnnlm_tui.text.overlap import CopiedSpans, hash_lines
from rnnlm_tui.text.reading import Text, read_text
from rnnlm_tui.text.tokenizers import TOKENIZERS
from tests.helpers.models import SAVED_MODELS, held_out_lines, make_model, put_saved_model

LESSON = TOKENIZERS["lesson"]
SIZES = ["--preset=gru", "--embedding-size=4", "--hidden-size=4"]
QUICK = ["--epochs=1", "--threads=1", "--quiet"]
SONNETS = bundled_corpus().read_text().splitlines(keepends=True)


@pytest.fixture
def verses(tmp_path: Path) -> Path:
    """The text of the model, in a file of this test's own."""
    path = tmp_path / "verses.txt"
    path.write_bytes((SAVED_MODELS / "verses.txt").read_bytes())
    return path


@pytest.fixture
def library(data_dir: Path, verses: Path) -> Library:
    """A library with the model gru, which was trained on `verses`."""
    library = Library(data_dir)
    put_saved_model(library, "gru")
    library.run_folder("gru").mkdir(parents=True)
    write_sources(library.run_folder("gru"), [str(verses)], None)
    return library


def text_of(library: Library, name: str = "gru") -> Text:
    return training_text.find_text(name, library.run_folder(name), library.open(name)[0])


def copies(library: Library) -> CopiedSpans | None:
    card, model = library.open("gru")
    return training_text.copied_spans("gru", library.run_folder("gru"), card, model.tokenizer)


# Where it is


def test_a_text_is_found_where_the_training_read_it(
    library: Library, verses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, (card, _) = library.run_folder("gru"), library.open("gru")
    assert text_of(library).sources == (str(verses),)
    assert copies(library) is not None
    assert not training_text.has_changed(folder, card)
    library.rename("gru", "mine")
    assert text_of(library, "mine").name == "verses.txt"
    library.rename("mine", "gru")
    text, path = verses.read_text(), tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_text(text, encoding="utf-16-le")
    write_sources(folder, [str(path)], "utf-16-le")
    assert next(iter(text_of(library))) == text.split("\n")[0]
    monkeypatch.setattr(training_text, "MOST_INDEXED", 100)
    assert copies(library) is None, "it is too long to look through"


@pytest.mark.parametrize(
    ("sources", "text", "why", "has_changed"),
    [
        (None, None, r"not known here: its text was verses\.txt", False),
        (["gone.txt"], None, r"the text of gru is gone: .*no such file", False),
        (["a" * 5000], None, "the text of gru is gone", False),
        (["-"], None, "trained on a text from standard input", False),
        (["verses.txt"], "another text", "no longer the text that gru was trained on", True),
    ],
)
def test_a_text_that_is_not_found_is_told(
    library: Library, tmp_path: Path, sources: list[str] | None, text: str | None, why: str,
    has_changed: bool, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    folder, card = library.run_folder("gru"), library.open("gru")[0]
    if text is not None:
        (tmp_path / "verses.txt").write_text(text)
    write_sources(folder, sources or [], None)
    with pytest.raises(CorpusError, match=why) as raised:
        text_of(library)
    assert "--evaluate FILE --model gru" in raised.value.hint
    assert copies(library) is None
    assert training_text.has_changed(folder, card) == has_changed


def test_the_bundled_text_has_no_sources(library: Library) -> None:
    bundled, (card, _) = read_text([bundled_corpus()]), library.open("gru")
    card = replace(card, corpus=replace(card.corpus, sha256=bundled.sha256))
    found = training_text.find_text("gru", library.run_folder("other"), card)
    assert found.sha256 == bundled.sha256


# Which lines were seen


def train(folder: Path, name: str, lines: list[str], *options: str) -> None:
    """Trains on these lines, in a file of the model's name."""
    text = folder / f"{name}.txt"
    text.write_text("".join(lines))
    arguments = ["--train", str(text), "--name", name, "--data-dir", str(folder), *QUICK, *options]
    assert main(arguments) == 0


def test_lines_of_an_ancestor_are_never_counted_as_unseen(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Even if its text is gone and the model's own text does not have them."""
    data_dir.mkdir()
    train(data_dir, "old", SONNETS[:136], *SIZES, "--held-out=0")
    train(data_dir, "grown", SONNETS[:166], "--from=old", "--held-out=0.3")
    library, new = Library(data_dir), {line.rstrip("\n") for line in SONNETS[136:166]}
    held_out = held_out_lines(library, "grown", read_text([data_dir / "grown.txt"]))
    assert 5 <= len(held_out) <= 9 and {*held_out} <= new, "not 50 of the 136 old ones"
    (old, _), (grown, _) = library.open("old"), library.open("grown")
    assert old.ancestors == []
    assert [(a.name, a.created, a.corpus) for a in grown.ancestors] == [
        ("old", old.created, old.corpus)
    ]
    assert grown.evaluation is not None and grown.evaluation.lines == len(held_out)
    train(data_dir, "third", SONNETS[200:210], "--from=grown", "--held-out=0")
    asked = tmp_path / "text.txt"
    asked.write_text("".join([*SONNETS[100:105], *SONNETS[300:305]]).upper())
    capsys.readouterr()
    options = ["--model=third", "--json", "--data-dir", str(data_dir)]
    assert main(["--evaluate", str(asked), *options]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["models"][0]["trained_on_lines"] == 5
    assert "third was trained on 5 of these 10 lines" in printed.err


def test_a_line_is_known_by_its_words() -> None:
    text = ["The cat sat there,", "on the old mat", "", "held out is this line"]
    lines = TrainedLines().with_run(hash_lines(text, LESSON), np.arange(4) == 3)
    asked = ["the CAT  sat there!", "the cat", "", "on the old mat", "...", text[3]]
    assert count_seen(asked, LESSON, lines.known) == 2
    assert lines.held_out_of(hash_lines(asked, LESSON)).tolist() == [False] * 5 + [True]


def test_of_a_grown_text_what_was_held_out_stays_so_and_a_share_of_what_is_new() -> None:
    text = [f"line {number} of the diary" for number in range(40)]
    seen_before = [text[0], "an ancestor was trained on this"]
    before = TrainedLines().with_run(hash_lines(seen_before, LESSON), np.zeros(2, bool))
    trained = before.with_run(hash_lines(text, LESSON), np.arange(40) % 4 == 3)
    new = [f"a new line, number {number}" for number in range(50)]
    grown = [*new[:25], seen_before[1], "", *text, text[3], *new[25:]]
    mask = trained.hold_out_again(hash_lines(grown, LESSON), 0.2, 1)
    chosen = [line for line, is_held_out in zip(grown, mask, strict=True) if is_held_out]
    assert [line for line in chosen if line not in new] == [*text[3::4], text[3]]
    assert len(chosen) == 11 + 10


@pytest.mark.parametrize(("known", "is_known"), [(400, True), (60, True), (10, False), (0, False)])
def test_a_text_of_the_english_is_known_by_some_of_its_lines(known: int, is_known: bool) -> None:
    text = [f"line {number} of a long and winding text" for number in range(400)]
    learned = thinned(hash_lines(text[:known], LESSON))
    assert len(learned) < max(1, known / 8)
    assert is_of_english(text, LESSON, learned) == is_known
    short = [" ".join(line.split()[:7]) for line in text]
    assert not is_of_english(short, LESSON, thinned(hash_lines(short, LESSON)))


# What was written for it


def test_a_text_is_kept_and_never_put_in_the_place_of_another(data_dir: Path) -> None:
    folder = texts_folder(Library(data_dir))
    first = save_text(folder, "mine", "the cat\nsät")
    assert first == data_dir / "texts" / "mine.txt"
    assert first.read_text(encoding="utf-8-sig") == "the cat\nsät"
    assert save_text(folder, "mine", "the cat\nsät") == first
    assert save_text(folder, "mine", "the dog").name == "mine-2.txt"
    if sys.platform != "win32":
        modes = (stat.S_IMODE(path.stat().st_mode) for path in (first, first.parent))
        assert [*modes] == [0o600, 0o700]
    with pytest.raises(StorageError, match="cannot store the text"):
        save_text(first, "mine", "a")


def test_what_a_model_has_learned_is_not_offered_again(data_dir: Path, tmp_path: Path) -> None:
    library = Library(data_dir)
    make_model(library.path("mine"))
    library.run_folder("mine").mkdir(parents=True)
    diary = tmp_path / "diary.txt"
    diary.write_text("The cat sat.")
    write_sources(library.run_folder("mine"), [str(diary)], None)
    sent = ["The cat sat.", "Two\n\nlines.", "Well.", " \n "]
    new = not_learned(library, "mine", sent)
    assert new == ["The cat sat.", "Two\nlines.", "Well."]
    written = save_written(texts_folder(library), "mine", new)
    assert not_learned(library, "mine", sent) == new, "it is not one of the model's files yet"
    write_sources(library.run_folder("mine"), [str(diary), str(written)], None)
    assert not_learned(library, "mine", sent) == []
    assert not_learned(library, "mine", [*sent, "Well.", "More."]) == ["Well.", "More."]
    library.rename("mine", "ours")
    assert not_learned(library, "ours", sent) == []
    written.unlink()
    with pytest.raises(StorageError, match="cannot read"):
        not_learned(library, "ours", sent)
