"""The text that a model was trained on: where it is, which of its lines the model has seen, and
what was written for it."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from rnnlm_tui.errors import CorpusError
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store import corpora
from rnnlm_tui.store.corpora import (
    count_trained_on,
    not_learned,
    save_written,
    text_to_measure,
)
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import write_sources
from rnnlm_tui.store.trained_lines import TrainedLines, count_seen, language_has_learned, thinned
from rnnlm_tui.text.line_hashes import hash_lines
from rnnlm_tui.text.reading import Corpus, read_corpus
from rnnlm_tui.text.tokenizers import TOKENIZERS
from tests.helpers.models import SAVED_MODELS, put, put_saved_model, put_state, saved_model

LESSON = TOKENIZERS["lesson"]
VERSES = (SAVED_MODELS / "verses.txt").read_text()


@pytest.fixture
def verses(tmp_path: Path) -> Path:
    """The text of the model, in a file of this test's own."""
    path = tmp_path / "verses.txt"
    path.write_text(VERSES)
    return path


@pytest.fixture
def library(data_dir: Path, verses: Path) -> Library:
    """A library with the model gru, which was trained on `verses`."""
    library = Library(data_dir)
    put_saved_model(library, "gru")
    library.runs.folder("gru").mkdir(parents=True)
    write_sources(library.runs.folder("gru"), [str(verses)], None)
    return library


def text_of(library: Library) -> Corpus:
    return corpora.find_text("gru", library.runs.folder("gru"), library.open("gru").card)


def test_a_text_is_found_where_the_training_read_it(
    library: Library, verses: Path, tmp_path: Path
) -> None:
    folder, card = library.runs.folder("gru"), library.open("gru").card
    assert text_of(library).sources == (str(verses),)
    (tmp_path / "other.txt").write_text(VERSES, encoding="utf-16-le")
    write_sources(folder, [str(tmp_path / "other.txt")], "utf-16-le")
    assert next(iter(text_of(library))) == VERSES.split("\n")[0]
    bundled = read_corpus([bundled_corpus()])
    card = replace(card, corpus=replace(card.corpus, sha256=bundled.sha256))
    assert corpora.find_text("gru", tmp_path, card).sha256 == bundled.sha256


@pytest.mark.parametrize(
    ("sources", "text", "why"),
    [
        ([], VERSES, r"not known here: its text was verses\.txt"),
        (["gone.txt"], VERSES, r"the text of gru is gone: .*no such file"),
        (["-"], VERSES, "trained on a text from standard input"),
        (["verses.txt"], "another text", "no longer the text that gru was trained on"),
    ],
)
def test_a_text_that_is_not_found_is_told(
    library: Library, verses: Path, sources: list[str], text: str, why: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(verses.parent)
    verses.write_text(text)
    write_sources(library.runs.folder("gru"), sources, None)
    with pytest.raises(CorpusError, match=why) as raised:
        text_of(library)
    assert "--evaluate FILE --model gru" in raised.value.hint


def test_held_out_lines_of_a_grown_text_stay_so_and_a_share_of_the_new_ones_joins_them() -> None:
    text = [f"line {number} of the diary" for number in range(40)]
    seen_before = [text[0], "an ancestor was trained on this"]
    before = TrainedLines().with_run(hash_lines(seen_before, LESSON), np.zeros(2, bool))
    trained = before.with_run(hash_lines(text, LESSON), np.arange(40) % 4 == 3)
    asked = ["LINE 0  of the DIARY!", "line 3 of the diary", "of the diary", *seen_before[1:]]
    assert count_seen(asked, LESSON, trained.known) == 2, "not held out, not a few words"
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
    assert language_has_learned(text, LESSON, learned) == is_known
    short = [" ".join(line.split()[:7]) for line in text]
    assert not language_has_learned(short, LESSON, thinned(hash_lines(short, LESSON)))


def test_a_text_is_kept_and_never_put_in_the_place_of_another(data_dir: Path) -> None:
    folder = Library(data_dir).texts_folder
    first = save_written(folder, "mine", ["the cat\nsät"])
    assert first == data_dir / "texts" / "mine-written.txt"
    assert first.read_text(encoding="utf-8-sig") == "the cat\nsät\n"
    assert save_written(folder, "mine", ["the cat\nsät"]) == first
    assert save_written(folder, "mine", ["the dog"]).name == "mine-written-2.txt"
    if sys.platform != "win32":
        modes = (stat.S_IMODE(path.stat().st_mode) for path in (first, first.parent))
        assert [*modes] == [0o600, 0o700]


def test_what_a_model_has_learned_is_not_offered_again(library: Library, verses: Path) -> None:
    sent = [VERSES.split("\n")[0], "Two\n\nlines.", "Well.", " \n "]
    new = not_learned(library, "gru", sent)
    assert new == [sent[0], "Two\nlines.", "Well."]
    written = save_written(library.texts_folder, "gru", new)
    assert not_learned(library, "gru", sent) == new, "it is not one of the model's files yet"
    write_sources(library.runs.folder("gru"), [str(verses), str(written)], None)
    library.rename("gru", "mine")
    assert not_learned(library, "mine", sent) == []
    assert not_learned(library, "mine", [*sent, "Well.", "More."]) == ["Well.", "More."]


def test_a_deleted_model_leaves_no_copy_of_what_was_written(library: Library, verses: Path) -> None:
    put_saved_model(library, "rnn")
    library.runs.folder("rnn").mkdir(parents=True)
    shared = save_written(library.texts_folder, "gru", ["We both learned this."])
    own = save_written(library.texts_folder, "gru", ["Only I know."])
    sources = {"gru": [verses, shared, own], "rnn": [shared]}
    for name, paths in sources.items():
        write_sources(library.runs.folder(name), [*map(str, paths)], None)
    library.delete("gru")
    assert shared.exists() and verses.exists() and not own.exists()
    library.delete("rnn")
    assert not shared.exists()


def test_a_text_that_nothing_has_learned_does_not_stay(library: Library, verses: Path) -> None:
    put_saved_model(library, "rnn")
    library.runs.folder("rnn").mkdir(parents=True)
    learned, unfinished, stopped, other = (
        save_written(library.texts_folder, name, [line])
        for name, line in (("gru", "Two."), ("gru", "Three."), ("gru", "One."), ("rnn", "Four."))
    )
    write_sources(library.runs.folder("gru"), [str(verses), str(learned)], None)
    put_state(library.runs.folder("gru"), 1, 2, sources=[f"/moved/{unfinished.name}"])
    library.remove_leftovers("gru")
    assert [path.exists() for path in (learned, unfinished, stopped, other)] == [1, 1, 0, 1]
    library.delete("gru")
    assert [*library.texts_folder.iterdir()] == [other]


def test_the_lines_that_a_built_in_model_of_no_language_has_learned_are_counted(
    library: Library, verses: Path, built_in_dir: Path
) -> None:
    put(built_in_dir, {"poems.safetensors": saved_model("gru")})
    verses.write_text(f"{VERSES}\none more line\n")
    poems = library.open("poems")
    text = text_to_measure(poems, [str(verses)])
    assert count_trained_on(poems, text) == 36, "the model held four of the others out"
