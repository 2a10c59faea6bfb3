"""The text that a model was trained on: found by its hash, or an error that says why not."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from rnnlm_tui.errors import CorpusError
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store import training_text
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.files import ORIGIN
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import open_stored
from rnnlm_tui.text.corpus import Corpus, held_out_mask, read_corpus, split_lines
from rnnlm_tui.text.overlap import CopiedSpans
from rnnlm_tui.text.tokenizers import LessonTokenizer
from tests.helpers.commands import POSIX
from tests.helpers.models import SAVED_MODELS, put_saved_model


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
    training_text.write_origin(library.run_folder("gru"), [str(verses)], None)
    return library


def card_of(library: Library, name: str = "gru") -> ModelCard:
    return library.open(name)[0]


def corpus_of(library: Library, name: str = "gru") -> Corpus:
    return training_text.find_corpus(name, library.run_folder(name), card_of(library, name))


def copies(library: Library) -> CopiedSpans | None:
    folder, card = library.run_folder("gru"), card_of(library)
    return training_text.copied_spans("gru", folder, card, LessonTokenizer())


def test_the_text_is_found_where_the_training_read_it(library: Library, verses: Path) -> None:
    corpus = corpus_of(library)
    assert corpus.sources == (str(verses),)
    with open_stored(library.path("gru")) as stored:
        held_out = split_lines(corpus.lines, stored.lines().held_out_of(corpus.lines))[1]
    assert held_out == split_lines(corpus.lines, held_out_mask(len(corpus.lines), 0.1, 0))[1]


def test_a_text_that_has_changed_or_is_gone_is_reported(library: Library, verses: Path) -> None:
    verses.write_text("another text")
    with pytest.raises(CorpusError, match="no longer the text that gru was trained on") as raised:
        corpus_of(library)
    assert "--evaluate FILE --model gru" in raised.value.hint
    verses.unlink()
    with pytest.raises(CorpusError, match=r"text of gru is gone: .*no such file"):
        corpus_of(library)
    assert copies(library) is None


@POSIX
def test_a_pipe_in_place_of_the_text_is_not_waited_for(library: Library, verses: Path) -> None:
    verses.unlink()
    os.mkfifo(verses)
    said: list[str] = []

    def find() -> None:
        with pytest.raises(CorpusError) as error:
            corpus_of(library)
        assert copies(library) is None
        said.append(error.value.message)

    reader = threading.Thread(target=find, daemon=True)
    reader.start()
    reader.join(20)
    assert said == [f"the text of gru is gone: {verses} is not a file"]


def test_a_copy_knows_where_its_text_is_and_an_import_does_not(
    library: Library, tmp_path: Path
) -> None:
    library.duplicate("gru", "copy")
    assert corpus_of(library, "copy").name == "verses.txt"
    library.import_(library.export("gru", tmp_path / "gru.safetensors"), "back")
    with pytest.raises(CorpusError, match=r"not known here: its text was verses\.txt"):
        corpus_of(library, "back")


@pytest.mark.parametrize(
    "origin",
    [
        *("", "[]", "{}", '{"sources": "long.txt"}', '{"sources": [7]}', "[" * 100_000),
        *(r'{"sources": ["a\u0000b"]}', r'{"sources": ["\ud800"]}'),
        *('{"sources": ["a"], "encoding": "hex"}', r'{"sources": ["a"], "encoding": "\u0000"}'),
    ],
)
def test_a_damaged_origin_is_ignored(library: Library, origin: str) -> None:
    (library.run_folder("gru") / ORIGIN).write_text(origin)
    with pytest.raises(CorpusError, match="not known here"):
        corpus_of(library)
    assert copies(library) is None


@pytest.mark.parametrize(
    ("path", "why"),
    [("a" * 5000, "the text of gru is gone"), ("-", "trained on a text from standard input")],
)
def test_a_text_that_cannot_be_read_again_is_reported(
    library: Library, path: str, why: str
) -> None:
    training_text.write_origin(library.run_folder("gru"), [path], None)
    with pytest.raises(CorpusError, match=why):
        corpus_of(library)
    assert copies(library) is None


def test_the_encoding_and_a_path_that_is_not_unicode_are_kept(
    library: Library, verses: Path, tmp_path: Path
) -> None:
    text, path = verses.read_text(), tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_text(text, encoding="utf-16-le")
    training_text.write_origin(library.run_folder("gru"), [str(path)], "utf-16-le")
    assert json.loads((library.run_folder("gru") / ORIGIN).read_text())["encoding"] == "utf-16-le"
    assert next(iter(corpus_of(library).lines)) == text.split("\n")[0]


def test_the_bundled_text_is_found_without_an_origin(library: Library) -> None:
    bundled, card = read_corpus([bundled_corpus()]), card_of(library)
    card = replace(card, corpus={**card.corpus, "sha256": bundled.sha256})
    (library.run_folder("gru") / ORIGIN).unlink()
    corpus = training_text.find_corpus("gru", library.run_folder("gru"), card)
    assert corpus.sha256 == bundled.sha256


def test_a_text_too_long_to_look_through_is_not_indexed(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert copies(library) is not None
    monkeypatch.setattr(training_text, "LARGEST_INDEXED", 100)
    assert copies(library) is None
