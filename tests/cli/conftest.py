"""Fixtures of the command line tests: the command in this process, and small models."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.store.library import Library
from tests.helpers.commands import TINY, VERSES, Command, trained

HOSTILE = "the \x1bevil \x9bworse \x07cat\n"
"""Words that would steer a terminal; the tokenizer keeps control characters."""
WORDS_OF_LINES = [line.split() for line in VERSES.splitlines()]
TEXT = "".join(
    " ".join([*words[first:], *words[:first]]) + "\n"
    for first in range(4)
    for words in WORDS_OF_LINES
)
"""Lines that are all different: the held-out ones are none of those that are learned."""


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="session")
def verses_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one model, `verses`, that knows 24 words and is in use. Do not change
    it."""
    corpus = tmp_path_factory.mktemp("verses") / "verses.txt"
    corpus.write_text(VERSES + HOSTILE, encoding="utf-8")
    trained(corpus, *TINY, "--epochs=2", "--name=verses")
    Library(corpus.parent / "data").use("verses")
    return corpus.parent / "data"


@pytest.fixture(scope="session")
def measured_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the models `half` (a half of long.txt, next to the folder, is held out),
    `full`, and `ngram` (a quarter is held out). Do not change it."""
    corpus = tmp_path_factory.mktemp("measured") / "long.txt"
    corpus.write_text(TEXT)
    trained(corpus, *TINY, "--epochs=1", "--name=half", "--held-out=0.5", "--seed=3")
    trained(corpus, *TINY, "--epochs=1", "--name=full")
    trained(
        corpus,
        "--preset=ngram",
        "--name=ngram",
        "--held-out=0.25",
        "--max-vocabulary=10",
        "--mixture=off",
        "--tokenizer=lesson",
    )
    return corpus.parent / "data"


@pytest.fixture
def ask(run: Command, verses_data: Path) -> Command:
    """Runs the command with the data folder of `verses`."""

    def ask(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return run(*arguments, "--data-dir", str(verses_data), **options)

    return ask


@pytest.fixture
def copied(verses_data: Path, data_dir: Path) -> Path:
    """The models folder of this test's own data folder, with a copy of `verses` in it."""
    shutil.copytree(verses_data, data_dir)
    return data_dir / "models"
