"""What is said about the language of a text, without a screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from rnnlm_tui.store.card import Mixture
from rnnlm_tui.text.reading import WITHOUT_SPACES
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS
from rnnlm_tui.tui.writing.language import (
    NO_NOTE,
    NOT_KNOWN,
    LanguageNote,
    note_on_language,
)
from tests.helpers.app import opened_model
from tests.helpers.languages import LATIN, lines_in, ship
from tests.helpers.scripted import ScriptedModel

ENGLISH, GERMAN = lines_in("english", 6), lines_in("german", 6)
BOTH = [line for pair in zip(ENGLISH, GERMAN, strict=True) for line in pair]
IN_GERMAN, NOT_ENGLISH = (
    LanguageNote("german"),
    LanguageNote(text=NOT_KNOWN.format("English")),
)


@pytest.fixture(autouse=True)
def shipped(built_in_dir: Path) -> None:
    """Ships models of both languages."""
    ship(built_in_dir, "english", "german")


@pytest.mark.parametrize(
    ("name", "known", "lines", "note"),
    [
        ("english", "", ENGLISH, NO_NOTE),
        ("english", "", GERMAN, IN_GERMAN),
        ("english", "", [*GERMAN, *ENGLISH], NO_NOTE),
        ("english", "", [*ENGLISH, *GERMAN[:-1]], NO_NOTE),
        ("english", "", [*ENGLISH, *GERMAN, *GERMAN], IN_GERMAN),
        ("english", "", BOTH, NO_NOTE),
        ("english", "", [" ".join(" ".join(GERMAN).split()[:29])], NO_NOTE),
        ("english", "", [LATIN] * 3, NOT_ENGLISH),
        ("mine", "", GERMAN, IN_GERMAN),
        ("mine", " ".join(GERMAN), GERMAN, NO_NOTE),
        ("mine", "", [LATIN] * 3, NO_NOTE),
        ("mine", "", ["天气很冷街上没有人安娜问"], LanguageNote(text=WITHOUT_SPACES)),
        ("english", "", ["今日は天気がいいですね", *ENGLISH], NO_NOTE),
    ],
)
def test_the_language_of_the_last_words(
    name: str, known: str, lines: list[str], note: LanguageNote
) -> None:
    """The model called `mine` has no language."""
    words = tuple(dict.fromkeys(known.replace(".", "").split())) or ("shall", "i", "see")
    model = ScriptedModel({}, 10, SPECIAL_TOKENS, words)
    assert note_on_language(opened_model(name, model), lines) == note


def test_the_last_words_alone_count_for_a_writer_who_asks() -> None:
    english = opened_model("english", ScriptedModel({}, 10, SPECIAL_TOKENS, ("shall", "i")))
    assert note_on_language(english, [*ENGLISH, *GERMAN[:-1]], is_asked=True) == IN_GERMAN


def test_a_model_built_on_a_language_knows_that_one() -> None:
    mine = opened_model("mine", ScriptedModel({}, 10, SPECIAL_TOKENS, ("sie", "sah")))
    mixture = Mixture({"network": 0.8, "base": 0.2}, "german")
    mine.card = structs.replace(mine.card, mixture=mixture, language="de")
    assert note_on_language(mine, GERMAN) == NO_NOTE
    assert note_on_language(mine, ENGLISH) == LanguageNote("english")
