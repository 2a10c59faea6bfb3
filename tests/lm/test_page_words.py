"""Words that a text takes from itself: new ones, and those after names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from rnnlm_tui.lm.page_words import (
    MOST_USES,
    NEW_FOLLOWER,
    RECENCY,
    UNFAMILIAR,
    Findings,
    PageWords,
    Use,
)
from rnnlm_tui.text.prose import ProseTokenizer
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary

KNOWN = ("the", "to", "we", "I", "met", "London", "fan", "pen", ".", ",")


def page_words(*special_tokens: str) -> PageWords:
    vocabulary = Vocabulary(KNOWN, special_tokens)
    return PageWords(vocabulary, ProseTokenizer(Conventions(), vocabulary.id_by_word))


def test_chances_are_those_of_a_chinese_restaurant_process_whose_guests_fade() -> None:
    found = page_words(*SPECIAL_TOKENS).on_page(
        ("we met zeno", "xi met zeno", "1984, a - met yasu")
    )
    ages = {"yasu": [0], "zeno": [1, 3], "xi": [2]}
    weights = {w: sum(1 / (1 + n / RECENCY) for n in of) for w, of in ages.items()}
    total = sum(weights.values()) + UNFAMILIAR
    assert found.new == pytest.approx({w: weight / total for w, weight in weights.items()})


@pytest.mark.parametrize(
    ("lines", "form"),
    [
        (("Campsite to campsite.", "Campsite."), "campsite"),
        (("We met Zsófia.", "ZSÓFIA MET THE PEN."), "Zsófia"),
        (("Zsófia met the pen.",), "Zsófia"),  # for want of another
    ],
)
def test_a_word_is_written_as_within_a_sentence_if_it_was(lines: tuple[str], form: str) -> None:
    assert [*page_words(*SPECIAL_TOKENS).on_page(lines).new] == [form]


def test_earlier_texts_count_as_if_they_stood_above() -> None:
    words, texts = page_words(*SPECIAL_TOKENS), ["we met Zeno Xi.", "Yasu met Zeno Xi."]
    here = ("we met Zeno", "to Zeno ")
    apart = words.on_page(here, words.read(texts))
    whole = words.on_page((*texts, *here))
    assert apart.new == pytest.approx(dict(whole.new))
    assert apart.following == whole.following == {"Xi": 2 / (2 + NEW_FOLLOWER)}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("we met the fan ", {}),  # no name
        ("we met Pen ", {"y": 1 / 17}),
        ("I ", {}),  # a capital, and no name
        ("to London ", {"to": 1 / 17}),
        ("we met Zsófia ", {}),
        ("Pen ", {"y": 1 / 17}),  # a capital that may be that of a name
        ("The ", {}),
    ],
)
def test_what_follows_a_name_is_what_followed_it(line: str, expected: dict[str, float]) -> None:
    above = ("We climbed Pen y Fan. I met the", "London to the pen y")
    words = page_words(*SPECIAL_TOKENS)
    assert words.on_page((*above, line)).following == pytest.approx(expected)


def test_a_model_without_an_unknown_word_gets_no_words_of_the_page() -> None:
    found = page_words().on_page(("unheard of", "Pen y Fan, Pen "))
    assert not found.new and not found.following


def test_the_last_uses_count_wherever_they_stand() -> None:
    """Of 2,197 uses above and three in the line, 2,000 count."""
    new = [*map("".join, product("abcdefghijklm", repeat=3))]
    found = page_words(*SPECIAL_TOKENS).on_page((*new, "Nab na nab ")).new
    assert [*found] == ["nab", "na", *reversed(new[3 - MOST_USES :])]
    total = UNFAMILIAR + sum(1 / (1 + n / RECENCY) for n in range(MOST_USES))
    assert found["nab"] * total == pytest.approx(1 + 1 / (1 + 2 / RECENCY))
    assert found[new[-1]] * total == pytest.approx(1 / (1 + 3 / RECENCY))


def test_the_uses_above_are_counted_once_for_all_words_of_a_line() -> None:
    class Counted(list[Use]):
        readings = 0

        def __reversed__(self) -> Iterator[Use]:
            self.readings += 1
            return super().__reversed__()

    uses, words = Counted([Use("zeno", "Zeno", True)]), page_words(*SPECIAL_TOKENS)
    earlier = Findings(uses)
    for count in range(20):
        assert "Zeno" in words.on_page(("we met Xi", "we met yasu " * count), earlier).new
    assert uses.readings == 1


def test_a_new_word_is_told_from_others_by_its_uses_above() -> None:
    """The chances are those with which it is suggested; what is left is that of words never used,
    as numbers are, which are never suggested again."""
    words, above = page_words(*SPECIAL_TOKENS), ("we met Zeno, zeno", "xi to 1984")
    line = "Zeno met 1984 yasu yasu"
    found = [*words.new_word_chances(above, line)]
    starts = ("", "Zeno met ", "Zeno met 1984 ", "Zeno met 1984 yasu ")
    pages = [words.on_page((*above, start)).new for start in starts]
    rest = [1 - sum(page.values()) for page in pages]
    assert [is_used for _, is_used in found] == [True, False, False, False, True]
    assert [found[n][0] for n in (0, 2, 3, 4)] == pytest.approx(
        [pages[0]["zeno"], rest[1], rest[2], pages[3]["yasu"]]
    )
