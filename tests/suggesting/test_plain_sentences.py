"""The lists of the English for plain sentences whose last word is half typed."""

from __future__ import annotations

import pytest

from rnnlm_tui.formatting import format_whole_percent
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.library import Library
from rnnlm_tui.suggesting.suggest import apply_insertion, suggest
from rnnlm_tui.tui.writing.welcome import BOX_WIDTH, Example, examples


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("I am lookin", "looking"),
        ("I am looking forw", "forward"),
        ("He opened the windo", "window"),
        ("We had dinn", "dinner"),
        ("She said tha", "that"),
        ("Good morn", "morning"),
        ("Can you send me the rep", "report"),
        ("She", "She"),
        ("I don't thin", "think"),
        ("Thank you very mu", "much"),
        ("We were late for the tra", "train"),
        ("Please let me kno", "know"),
        ("It was a beautiful da", "day"),
        ("I will see you tomor", "tomorrow"),
        # Common slips
        ("I definately", "definitely"),
        ("I will recieve", "receive"),
        ("It was becuas", "because"),
        ("We went to teh", "the"),
        ("See you tommorow", "tomorrow"),
        ("It was a wierd", "weird"),
    ],
)
def test_the_word_that_anybody_would_expect_is_first(
    shipped_english: LanguageModel, typed: str, word: str
) -> None:
    found = suggest(shipped_english, typed)
    first = found.candidates[0]
    assert apply_insertion(typed, first).split()[-1] == word
    assert found.continuation[:1] == (() if first.corrects else (first.word,))


@pytest.mark.usefixtures("with_shipped_models")
@pytest.mark.parametrize("example", examples().values(), ids=lambda example: example.model)
def test_the_app_shows_a_new_user_what_the_model_of_the_language_suggests(
    example: Example, library: Library
) -> None:
    found = suggest(library.open(example.model).model, example.line)
    assert found.prefix == example.typed
    assert "".join(piece.text for piece in found.ghost) == example.ghost
    best = [(each.word, format_whole_percent(each.probability)) for each in found.candidates]
    assert tuple(best[:2]) == example.words
    assert len(example.line + example.ghost) <= BOX_WIDTH - 4
    assert len(example.typed + example.ghost) <= 14, "or the keys beside the box do not fit"


def test_the_list_is_the_same_for_all_who_ask_for_it(shipped_english: LanguageModel) -> None:
    """`--suggest` asks for 6 words, the app for 10 and editors for 11. After `T` the 21st word is
    written like the first one, so a shorter list must look as far."""
    english = Contexts(shipped_english)
    for typed in ("T", "The", "I", "He opened the wi", "That was wierd"):
        lists = [
            suggest(english.model, typed, k=k, contexts=english).candidates[:5] for k in (6, 10, 11)
        ]
        assert lists[0] == lists[1] == lists[2], typed
