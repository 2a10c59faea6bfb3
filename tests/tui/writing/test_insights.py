"""Which words of a model are copied from its text."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from rnnlm_tui.config import Config, make_config
from rnnlm_tui.session.tables import Copied
from rnnlm_tui.store.run_files import write_sources
from rnnlm_tui.text.reading import read_text
from rnnlm_tui.tui.writing.insights import CopyFinder
from rnnlm_tui.tui.writing.predictor import LoadedModel
from tests.helpers.app import ScriptedLibrary, card_of, scripted_model

TEXT = """\
the cat sat on the mat and sang a song to the pale moon over the hill
so it was that a dog came by
the owl saw it all
b c d e f g
x
e f g h i y
"""


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text(TEXT)
    return path


def trained_on(text: Path, library: ScriptedLibrary, config: Config | None = None) -> LoadedModel:
    """A model that was trained on the text according to its files."""
    model = scripted_model()
    own = card_of(model)
    card = structs.replace(own, corpus=structs.replace(own.corpus, sha256=read_text([text]).sha256))
    if config is not None:
        card = structs.replace(card, config=config, ngrams=[8, 9])
    folder = library.run_folder("m")
    folder.mkdir(parents=True, exist_ok=True)
    write_sources(folder, [str(text)], None)
    return LoadedModel("m", card, model)


@pytest.mark.parametrize(
    ("line", "continuation", "copied"),
    [
        ("oh", "the cat sat on the owl", [Copied(0, 5, 1)]),
        ("oh", "the cat sat on", []),
        ("Oh, THE CAT", "sat on the day", [Copied(0, 3, 1)]),
        ("the cat sat on the", "moon", []),
        ("mat", "over the hill so it was", [Copied(0, 6, 1)]),
        ("oh", "cat sat on the mat x a dog came by the", [Copied(0, 5, 1), Copied(6, 5, 2)]),
        ("z", "b c d e f g h i", [Copied(0, 6, 4)]),
    ],
    ids=[
        "in it",
        "too short",
        "from the line on",
        "the line alone",
        "over two lines",
        "two",
        "two in one",
    ],
)
def test_copied_words_are_found_from_the_line_on(
    line: str, continuation: str, copied: list[Copied], text: Path, tmp_path: Path
) -> None:
    library = ScriptedLibrary(tmp_path, {})
    finder = CopyFinder(lambda: library)
    spans = finder.copied(trained_on(text, library), line, continuation.split())
    assert list(spans) == copied


def test_short_runs_of_words_in_an_ngram_model_are_not_copies(text: Path, tmp_path: Path) -> None:
    library = ScriptedLibrary(tmp_path, {})
    finder = CopyFinder(lambda: library)
    model = trained_on(text, library, make_config("ngram", []))
    assert finder.copied(model, "oh", ["the", "cat", "sat", "on", "the"]) == ()
    words = TEXT.split()[:10]
    assert finder.copied(model, "oh", words) == (Copied(0, 10, 1),)
    text.unlink()
    assert CopyFinder(lambda: library).copied(model, "oh", words) == (), "the text is gone"
