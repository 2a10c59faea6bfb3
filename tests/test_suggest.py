"""Suggesting and generating, with a scripted model whose probabilities are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.generate import Decoding, generate_words
from rnnlm_tui.lm.model import excluded_ids
from rnnlm_tui.suggest import (
    MAX_AHEAD,
    KeysWithoutHelp,
    Suggestion,
    Typed,
    after_taking,
    candidates_at,
    suggest,
)
from rnnlm_tui.text.prose import ProseTokenizer
from rnnlm_tui.text.prose_learning import ProseSigns
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.tokenizers import WhitespaceTokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from tests.helpers.scripted import WORDS, ScriptedModel

AFTER = {
    "the": {"cat": 0.5, "car": 0.2, "dog": 0.2, "": 0.1},
    "cat": {"sat": 0.9, "the": 0.1},
    "sat": {"the": 0.2, "a": 0.2, "cat": 0.2, "dog": 0.2, "car": 0.2},
}


def test_the_likeliest_words_come_first_and_padding_never() -> None:
    answer = suggest(ScriptedModel(AFTER), "The ", k=3)
    assert [c.word for c in answer.candidates] == ["cat", "car", "dog"]
    # 0.1 of the mass was the padding's; the rest is shared among the words.
    assert [c.probability for c in answer.candidates] == pytest.approx([5 / 9, 2 / 9, 2 / 9])


def test_an_apostrophe_alone_is_neither_suggested_nor_written() -> None:
    after = {"the": {"'": 0.6, "'tis": 0.3, "cat": 0.1}, "cat": {"'": 0.8, "the": 0.2}}
    model = ScriptedModel(after, special_tokens=SPECIAL_TOKENS, words=("the", "'", "'tis", "cat"))
    shares = {c.word: c.probability for c in suggest(model, "the ").candidates}
    assert shares == pytest.approx({"'tis": 0.75, "cat": 0.25, "the": 0})
    assert [c.word for c in suggest(model, "the '").candidates] == ["'tis"]
    assert generate_words(model, "cat", 2) == ["the", "'tis"]
    drawn = {tuple(generate_words(model, "cat", 1, Decoding(2.0))) for _ in range(20)}
    assert drawn == {("the",)}


def test_drawing_from_a_model_that_can_suggest_no_word_gives_no_words() -> None:
    marks_alone = ScriptedModel({}, special_tokens=SPECIAL_TOKENS, words=("'", "''"))
    assert generate_words(marks_alone, "'", 3, Decoding(1.0)) == []
    certain_end = ScriptedModel({"the": {"": 1.0}})
    assert generate_words(certain_end, "the", 3, Decoding(1.0, 2)) == []


def test_marks_are_words_where_the_text_is_in_tokens_already() -> None:
    vocabulary = Vocabulary(("the", "'", ","), SPECIAL_TOKENS)
    assert excluded_ids(vocabulary, WhitespaceTokenizer()) == (0, 1, 2, 3)


def test_a_half_typed_word_filters_and_shares_the_probability() -> None:
    answer = suggest(ScriptedModel(AFTER), "the CA")
    assert answer.prefix == "ca"
    assert {c.word: c.probability for c in answer.candidates} == pytest.approx(
        {"cat": 5 / 7, "car": 2 / 7}
    )
    improbable = suggest(ScriptedModel(AFTER), "cat do")
    assert [(c.word, c.probability) for c in improbable.candidates] == [("dog", 1.0)]


def test_the_continuation_ends_before_the_first_unlikely_word_and_is_bounded() -> None:
    assert suggest(ScriptedModel(AFTER), "the ").continuation == ("cat", "sat")
    loop = {"the": {"the": 1.0}}
    assert len(suggest(ScriptedModel(loop), "the ").continuation) == MAX_AHEAD


def test_the_ghost_goes_into_the_line_as_text() -> None:
    answer = suggest(ScriptedModel(AFTER), "the c")
    assert [c.text for c in answer.candidates] == ["at", "ar"]
    assert [way.text for way in answer.ghost] == ["at", " sat"]
    assert [way.text for way in suggest(ScriptedModel(AFTER), "The,").ghost] == [" cat", " sat"]


def test_of_equally_likely_words_the_more_frequent_are_listed() -> None:
    # All are equal, so that the end of the list falls among equals, with a prefix and without.
    model = ScriptedModel({})
    for k in range(1, len(WORDS) + 1):
        assert [c.word for c in suggest(model, "", k=k).candidates] == list(WORDS[:k])
    tied = ScriptedModel({"the": {"a": 0.4, "dog": 0.1, "car": 0.1, "cat": 0.1, "sat": 0.3}})
    assert [c.word for c in suggest(tied, "the ", k=4).candidates] == ["a", "sat", "cat", "car"]
    assert [c.word for c in suggest(tied, "the c", k=1).candidates] == ["cat"]


@pytest.mark.parametrize(
    ("line", "cursor", "prefix", "first", "seen", "unknown"),
    [
        ("the dog", 4, "", "cat", ("the",), ()),
        ("the dog", 99, "dog", "dog", ("the",), ()),
        ("the dog", -1, "", "the", (), ()),
        ("xyz the qqq xyz ", None, "", "cat", ("the",), ("xyz", "qqq")),
        ("the zz", None, "zz", None, ("the",), ("zz",)),
        ("a dog sat the cat ", None, "", "sat", ("sat", "the", "cat"), ()),  # a window of three
    ],
)
def test_a_line_is_read_up_to_the_cursor(
    line: str,
    cursor: int | None,
    prefix: str,
    first: str | None,
    seen: tuple[str, ...],
    unknown: tuple[str, ...],
) -> None:
    answer = suggest(ScriptedModel(AFTER), line, cursor)
    assert (answer.line, answer.prefix) == (line, prefix)
    assert (answer.seen, answer.unknown) == (seen, unknown)
    assert answer.candidates[0].word == first if first else not answer.candidates
    assert answer.continuation[:1] == ((first,) if first else ())


def test_a_greedy_continuation_takes_the_most_likely_word_until_padding() -> None:
    model = ScriptedModel({**AFTER, "sat": {"the": 1.0}})
    assert generate_words(model, "The", 5) == ["cat", "sat", "the", "cat", "sat"]
    ending = ScriptedModel({"the": {"cat": 1.0}, "cat": {"": 0.6, "sat": 0.4}})
    assert generate_words(ending, "the", 10) == ["cat"]


def test_drawn_words_follow_the_probabilities_and_the_seed() -> None:
    model = ScriptedModel(AFTER)
    rng = np.random.default_rng(0)
    drawn = [generate_words(model, "the", 1, Decoding(1.0), rng=rng)[0] for _ in range(2000)]
    shares = {word: drawn.count(word) / len(drawn) for word in set(drawn)}
    assert shares == pytest.approx({"cat": 5 / 9, "car": 2 / 9, "dog": 2 / 9}, abs=0.04)
    once = generate_words(model, "the", 8, Decoding(1.0), rng=np.random.default_rng(7))
    again = generate_words(model, "the", 8, Decoding(1.0), rng=np.random.default_rng(7))
    assert once == again


def test_top_k_and_a_low_temperature_narrow_the_draw() -> None:
    model = ScriptedModel(AFTER)
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert generate_words(model, "the", 1, Decoding(1.0, 1), rng=rng) == ["cat"]
        for temperature in (0.01, 1e-320):
            assert generate_words(model, "the", 1, Decoding(temperature), rng=rng) == ["cat"]


MARKED = {
    "he": {"sat": 0.7, "</s>": 0.3},
    "sat": {".": 0.6, "he": 0.4},
    ".": {"”": 0.6, "he": 0.4},
    "”": {"</s>": 0.6, "he": 0.4},
}


@pytest.mark.parametrize(
    ("decoding", "words"),
    [
        (Decoding(), "sat . ” he sat . ”"),
        (Decoding(one_sentence=True), "sat . ”"),
        (Decoding(no_repeats=True), "sat . ” he sat he sat"),
        (Decoding(may_end=True), "sat . ”"),
        (Decoding(0.01, 2, may_end=True, no_repeats=True, one_sentence=True), "sat . ”"),
    ],
)
def test_a_continuation_ends_with_its_sentence_or_line_and_does_not_repeat(
    decoding: Decoding, words: str
) -> None:
    model = ScriptedModel(MARKED, 3, SPECIAL_TOKENS, ("he", "sat", ".", "”"), WhitespaceTokenizer())
    assert generate_words(model, "he", 7, decoding) == words.split()


@pytest.mark.parametrize("mark", [*".!?…。！？؟।", "..."])
def test_a_continuation_ends_with_its_sentence_in_any_script(mark: str) -> None:
    table = {"he": {"sat": 1.0}, "sat": {mark: 1.0}, mark: {"he": 1.0}}
    model = ScriptedModel(table, 3, SPECIAL_TOKENS, ("he", "sat", mark), WhitespaceTokenizer())
    assert generate_words(model, "he", 7, Decoding(one_sentence=True)) == ["sat", mark]
    assert ProseSigns.of([f"he sat{mark}"]).ends_sentences


# Models of whole lines


LINES = {
    "<s>": {"the": 0.9, "</s>": 0.1},
    "the": {"<unk>": 0.5, "cat": 0.3, "car": 0.1, "dog": 0.1},
    "cat": {"sat": 0.6, "</s>": 0.4},
    "sat": {"</s>": 0.7, "a": 0.2, "<unk>": 0.1},
    "a": {"</s>": 0.5, "<unk>": 0.3, "dog": 0.2},
    "<unk>": {"sat": 1.0},
}


def line_model(window: int = 4) -> ScriptedModel:
    """A model with tokens for the start and the end of a line and for unknown words."""
    return ScriptedModel(LINES, window, SPECIAL_TOKENS)


def test_a_line_begins_with_its_start_token_and_ends_where_that_is_likely() -> None:
    model = line_model()
    assert suggest(model, "").candidates[0].word == "the"
    assert suggest(model, "the ").continuation == ("cat", "sat")
    assert suggest(model, "cat ").continuation == ("sat",)
    assert {(2,), (2, 4), (2, 4, 5), (2, 5)} <= {*model.asked}
    assert generate_words(model, "the", 5) == ["cat", "sat", "a", "dog", "the"]
    assert suggest(line_model(window=0), "the cat ").seen == ()


def test_no_special_token_is_ever_suggested() -> None:
    answer = suggest(line_model(), "the ")
    assert [c.word for c in answer.candidates] == ["cat", "car", "dog", "the", "sat"]
    # Half of the mass was the unknown word's; the rest is shared.
    assert [c.probability for c in answer.candidates[:3]] == pytest.approx([0.6, 0.2, 0.2])
    assert suggest(line_model(), "the <").candidates[0].word == "cat"  # "<" is punctuation here


def test_an_unknown_word_has_its_place_in_the_context_and_is_not_seen() -> None:
    model = line_model()
    answer = suggest(model, "the zebra ")
    assert model.asked[0] == (2, 4, 1)
    assert (answer.seen, answer.unknown) == (("the",), ("zebra",))
    assert answer.candidates[0].word == "sat"


def test_no_special_token_is_ever_drawn() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        words = generate_words(line_model(), "the", 6, Decoding(1.5), rng=rng)
        assert len(words) == 6
        assert set(words) <= set(WORDS)
    drawn = {generate_words(line_model(), "a", 1, Decoding(1, 1), rng=rng)[0] for _ in "ab"}
    assert drawn == {"dog"}


def test_previous_lines_are_context_only_for_a_model_that_uses_them() -> None:
    for carries, expected in ((False, (2, 4)), (True, (2, 5, 7, 2, 1, 2, 4))):
        model = line_model()
        model.uses_previous_lines = carries
        answer = suggest(model, "the ", previous_lines=["Cat sat.", "zebra"])
        assert model.asked[0] == expected
        assert (answer.seen, answer.unknown) == (("the",), ())
        model.asked.clear()
        generate_words(model, "the", 1, previous_lines=["Cat sat.", "zebra"])
        assert model.asked == [expected]


SOME_WORDS = ("straße", "\u0131s\u0131", "İzmir", "σοφός", "ﬁn", "Mary", "mary", "it", "it's")
OTHER_PIECES = (" ", " ", "—", "’", ".", "STRASSE", "ISI", "Σ", "’s")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    pieces=st.lists(st.sampled_from([*SOME_WORDS, *OTHER_PIECES])),
    at=st.integers(0, 30),
    seed=st.integers(0, 99),
    different=st.integers(1, 30),
    capitals=st.booleans(),
)
def test_keys_without_help_are_those_at_which_nothing_helps(
    pieces: list[str], at: int, seed: int, different: int, capitals: bool
) -> None:
    words = [*SOME_WORDS, "—", "’", *(f"{a}{b}" for a in "smit" for b in "aeiou")]
    vocabulary = Vocabulary(words, SPECIAL_TOKENS)
    tokenizer = ProseTokenizer(Conventions(), vocabulary.ranks)
    model = ScriptedModel({}, 3, SPECIAL_TOKENS, words, tokenizer)
    model.excluded_ids += tuple(vocabulary.encode(["Mary", "sa", "it's"]))
    scores = np.random.default_rng(seed).integers(0, different, vocabulary.total_words)
    probabilities = (scores / max(1, scores.sum())).astype(np.float32)
    text = "".join(pieces)
    text = text.upper() if capitals else text
    typed = Typed.of(text[:at], model.tokenizer)
    sure = KeysWithoutHelp(model).count(probabilities, typed, text[at:]) if text[at:] else 0
    for end in range(at, at + sure):
        before = Typed.of(text[:end], model.tokenizer)
        assert before.words == typed.words
        for listed in candidates_at(model, probabilities, before):
            assert not goes_on(text, end, listed)


def goes_on(text: str, at: int, listed: Suggestion) -> bool:
    """Whether the line is longer, and what the text begins with, once a word is accepted."""
    line = after_taking(text[:at], listed)
    return len(line) > at and text.startswith(line)
