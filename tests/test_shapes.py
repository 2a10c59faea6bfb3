"""A hunt: lines of every shape, each of 100,000 characters, through all that reads a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import permutations
from pathlib import Path
from time import process_time

import pytest
from lsprotocol import types as lsp

from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lsp.document import Document
from rnnlm_tui.session.tables import Turn
from rnnlm_tui.suggesting.evaluate import score
from rnnlm_tui.suggesting.suggest import split_last_line, suggest
from rnnlm_tui.text.held_out import Excerpt
from rnnlm_tui.text.prose_learning import learn_prose
from rnnlm_tui.text.reading import read_corpus
from rnnlm_tui.tui.writing.page_rows import PageLine, PageRows
from tests.helpers.texts import counted, prepared

pytestmark = pytest.mark.hunt
TEXTS = Path(__file__).parent / "prose"
CHARACTERS = 100_000
MOST_S = 2.0
"""Seconds of the processor for one operation. The slowest ones take 0.6 s, and minutes or hours
where the time grows with the square of the length."""
MEASURING_S = 20.0
"""Seconds of the processor to measure a text. Each of 100,000 marks is predicted, which takes 4 s;
a very long word is typed without looking at lists."""
TYPED = 6_000
"""The characters of a text with spaces that are measured. Three writers read a list at each key of
it, 0.3 to 0.5 ms for a word's letters; 5,000 marks with spaces take 13 to 24 s."""
SHAPES = {
    "one mark": "-", "full stops": ".", "backticks": "`", "at signs": "@", "quotes": '"',
    "both quotes": "\"'", "curly quotes": "“”", "letters": "a", "capitals": "A", "accents": "é",
    "letters of Han": "漢", "marks on letters": "e\u0301\u0327", "marks alone": "\u0301\u0327",
    "emoji": "😀", "flags": "🇩🇪", "families": "👨‍👩‍👧", "digits": "1", "numbers": "1.",
    "newlines": "\n", "hyphens": "a-", "addresses": "a@",
    "carriage returns": "\r", "spaces": " ", "tabs": "\t", "words": "the ", "file names": "Ab.",
    "sums": "a+", "underscores": "_a", "apostrophes": "a'", "brackets": "[(", "list marks": "- ",
    "new words": " ".join(f"{letters}ia" for letters in map("".join, permutations("abcdefghi", 5))),
}  # fmt: skip


@cache
def model() -> LanguageModel:
    """A model of the n-grams of prose."""
    lines = (TEXTS / "blog.txt").read_text().split("\n")
    return counted(prepared(lines, tokenizer="prose"))


# The steps yield after each operation.


def reads(text: str, folder: Path) -> Iterator[None]:
    (folder / "text.txt").write_text(text, newline="")
    assert len([*read_corpus([folder / "text.txt"])]) >= text.count("\n")
    yield


def splits(text: str, folder: Path) -> Iterator[None]:
    tokenizer = model().tokenizer
    learn_prose([text])
    yield
    for each in (text, f"{text}!", f"{text} a"):
        for split in (tokenizer.words, tokenizer.split_typed, tokenizer.line_key):
            split(each)
            yield


def suggests(text: str, folder: Path) -> Iterator[None]:
    for each in (text, f"{text} a", f"a\n{text}a"):
        above, line = split_last_line(model(), each)
        assert suggest(model(), line, above=above).line == line
        yield


def measures(text: str, folder: Path) -> Iterator[None]:
    lines = text.split("\n")
    assert len([*score(model(), [Excerpt((), lines)])]) == len(lines)
    yield


def shows(text: str, folder: Path) -> Iterator[None]:
    rows = PageRows()
    rows.width = 80
    rows.lay_out([PageLine(Turn(text)), PageLine(Turn("a"))])
    assert rows.rows[-1].content == "a"
    yield


def serves(text: str, folder: Path) -> Iterator[None]:
    for encoding in ("utf-8", "utf-16"):
        document = Document(text, encoding)
        for line in (0, len(document.lines) - 1):
            if place := document.place(lsp.Position(line, CHARACTERS)):
                suggest(model(), place.line, place.cursor, above=place.above)
            yield


@pytest.mark.parametrize("step", [reads, splits, suggests, measures, shows, serves])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_no_shape_of_a_line_takes_long(
    shape: str, step: Callable[[str, Path], Iterator[None]], tmp_path: Path
) -> None:
    model()
    most_s, characters = MOST_S, CHARACTERS
    if step is measures:
        most_s, characters = MEASURING_S, TYPED if " " in shape else CHARACTERS
    text = (shape * (characters // len(shape) + 1))[:characters]
    began = process_time()
    for _ in step(text, tmp_path):
        assert process_time() - began < most_s
        began = process_time()
