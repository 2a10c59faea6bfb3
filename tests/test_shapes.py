"""A hunt: lines of every shape, each of 100,000 characters, through all that reads a line."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import process_time

import pytest
from lsprotocol import types as lsp

from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lsp.document import Document
from rnnlm_tui.session.tables import Turn
from rnnlm_tui.store.model_file import read_model
from rnnlm_tui.suggesting.evaluate import score
from rnnlm_tui.suggesting.suggest import split_last_line, suggest
from rnnlm_tui.text.prose_learning import learn_prose
from rnnlm_tui.text.reading import read_corpus
from rnnlm_tui.tui.writing.page_rows import PageLine, PageRows
from tests.helpers.models import SAVED_MODELS

pytestmark = pytest.mark.hunt
CHARACTERS = 100_000
MEASURED = 10_000
"""The characters that are measured, since three writers look at a list for each one."""
MOST_S = 20.0
"""Seconds of the processor for one step: 2 s on a machine that is free, and minutes or hours if the
time grows with the square of the length."""
SHAPES = {
    "one mark": "-", "full stops": ".", "backticks": "`", "at signs": "@", "quotes": '"',
    "both quotes": "\"'", "curly quotes": "“”", "letters": "a", "capitals": "A", "accents": "é",
    "letters of Han": "漢", "marks on letters": "e\u0301\u0327", "marks alone": "\u0301\u0327",
    "emoji": "😀", "flags": "🇩🇪", "families": "👨‍👩‍👧", "digits": "1", "numbers": "1.",
    "newlines": "\n",
    "carriage returns": "\r", "spaces": " ", "tabs": "\t", "words": "the ", "file names": "Ab.",
    "sums": "a+", "underscores": "_a", "apostrophes": "a'", "brackets": "[(", "list marks": "- ",
}  # fmt: skip


@cache
def model() -> LanguageModel:
    """A small model of n-grams."""
    return read_model(SAVED_MODELS / "ngram.safetensors")[1]


def reads(text: str, folder: Path) -> None:
    (folder / "text.txt").write_text(text, newline="")
    assert len([*read_corpus([folder / "text.txt"])]) >= text.count("\n")


def splits(text: str, folder: Path) -> None:
    learn_prose([text])
    for each in (text, f"{text}!", f"{text} a"):
        model().tokenizer.words(each)
        model().tokenizer.split_typed(each)
        model().tokenizer.line_key(each)


def suggests(text: str, folder: Path) -> None:
    for each in (text, f"{text} a", f"a\n{text}a"):
        above, line = split_last_line(model(), each)
        assert suggest(model(), line, previous_lines=above).line == line


def measures(text: str, folder: Path) -> None:
    lines = text[:MEASURED].split("\n")
    assert len([*score(model(), lines)]) == len(lines)


def shows(text: str, folder: Path) -> None:
    rows = PageRows()
    rows.width = 80
    rows.lay_out([PageLine(Turn(text)), PageLine(Turn("a"))])
    assert rows.rows[-1].content == "a"


def serves(text: str, folder: Path) -> None:
    for encoding in ("utf-8", "utf-16"):
        document = Document(text, encoding)
        for line in (0, len(document.lines) - 1):
            if place := document.place(lsp.Position(line, CHARACTERS)):
                suggest(model(), place.line, place.cursor, previous_lines=place.above)


@pytest.mark.parametrize("step", [reads, splits, suggests, measures, shows, serves])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_no_shape_of_a_line_takes_long(
    shape: str, step: Callable[[str, Path], None], tmp_path: Path
) -> None:
    model()
    began = process_time()
    step(shape * (CHARACTERS // len(shape)), tmp_path)
    assert process_time() - began < MOST_S
