"""Suggesting and generating, with a scripted model whose probabilities are known."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from rnnlm_tui.evaluate import score
from rnnlm_tui.generate import Decoding, generate_words
from rnnlm_tui.lm.model import excluded_ids
from rnnlm_tui.suggest import MAX_AHEAD, PASSED_OVER, encode_context, suggest
from rnnlm_tui.text import prose
from rnnlm_tui.text.prose_learning import ProseSigns
from rnnlm_tui.text.prose_tokens import Tokens, cut
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
    probabilities = {c.word: c.probability for c in suggest(model, "the ").candidates}
    assert probabilities == pytest.approx({"'tis": 0.75, "cat": 0.25, "the": 0})
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
    probabilities = {word: drawn.count(word) / len(drawn) for word in set(drawn)}
    assert probabilities == pytest.approx({"cat": 5 / 9, "car": 2 / 9, "dog": 2 / 9}, abs=0.04)
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


NAMES = ("the", "to", "walked", "frodo", "from", "mp3")
AFTER_NAMES = {
    word: {"<unk>": 0.2, "the": 0.3, "to": 0.2, "walked": 0.1, "from": 0.15, "frodo": 0.05}
    for word in ("<s>", "<unk>", *NAMES)
}


def names_model() -> ScriptedModel:
    """A model of prose that knows no names."""
    vocabulary = Vocabulary(NAMES, SPECIAL_TOKENS)
    tokenizer = prose.ProseTokenizer(Conventions(), vocabulary.ranks)
    return ScriptedModel(AFTER_NAMES, 100, SPECIAL_TOKENS, NAMES, tokenizer)


def test_words_that_the_model_does_not_know_are_offered_once_they_were_written() -> None:
    model, above = names_model(), ["The Tobold walked.", "to FRIDOLIN the"]
    words = [c.word for c in suggest(model, "T", previous_lines=above).candidates]
    assert "Tobold" in words
    listed = suggest(model, "walked from f", previous_lines=above).candidates
    assert {c.word: c.text for c in listed}["FRIDOLIN"] == "FRIDOLIN"  # spelled as written
    assert suggest(model, "walked fr").candidates[0].word in NAMES
    here = suggest(model, "Frodobert walked to Fr").candidates[0]
    assert (here.word, here.text) == ("Frodobert", "odobert")


def test_a_new_word_is_as_likely_as_the_unknown_word_and_its_chance_to_be_used_again() -> None:
    model = names_model()
    listed = suggest(model, "walked to x", previous_lines=["zeno xi"]).candidates
    assert [(c.word, c.probability) for c in listed] == [("xi", 1.0)]
    # One word of the page, used last, against "the" (0.3), "to" (0.2) and the other words.
    found = suggest(model, "walked ", k=10, previous_lines=["zeno"]).candidates
    chances = {c.word: c.probability for c in found}
    assert chances["zeno"] / chances["the"] == pytest.approx(0.2 / 21 / 0.3, rel=1e-3)


def test_a_name_is_continued_as_on_the_page() -> None:
    model, above = names_model(), ["walked to Pen y Fan", "to Zsófia Kowalczyk from the"]
    for line, word, text in (
        ("walked Pen y ", "Fan", "Fan"),
        ("walked from Zsófia ", "Kowalczyk", "Kowalczyk"),
        ("walked from Zsófia K", "Kowalczyk", "owalczyk"),
    ):
        found = suggest(model, line, k=10, previous_lines=above).candidates
        assert (word, text) in [(c.word, c.text) for c in found]
    after_name, after_word = (
        {c.word: c.probability for c in suggest(model, line, k=10, previous_lines=above).candidates}
        for line in ("walked from Zsófia ", "walked from ")
    )
    assert after_name["Kowalczyk"] > 5 * after_word["Kowalczyk"]


def test_one_question_alone_passes_over_nothing() -> None:
    after = {"the": {"to": 0.5, "toe": 0.3, "tower": 0.11, "tow": 0.09, "a": 0.2, "b": 0.2}}
    model = ScriptedModel(after, words=("the", "to", "toe", "tower", "tow", *"abcdefgh"))
    assert [c.word for c in suggest(model, "the to").candidates] == ["to", "toe", "tower", "tow"]


def test_a_word_that_was_listed_and_not_taken_counts_little() -> None:
    after = {"the": {"to": 0.5, "toe": 0.3, "tower": 0.11, "tow": 0.09}}
    words = ("the", "to", "toe", "tower", "tow", *"abcdefgh")
    model = ScriptedModel(after, words=words)
    probabilities = {c.word: c.probability for c in suggest(model, "the ").candidates[:4]}
    assert probabilities == pytest.approx({"to": 0.5, "toe": 0.3, "tower": 0.11, "tow": 0.09})
    # Each was listed for no letter and for one, so all count equally less, and stay.
    typed = suggest(model, "the to", while_typing=True)
    again = {c.word: c.probability for c in typed.candidates}
    assert again == pytest.approx(probabilities)
    after["the"] |= {"a": 0.2, "b": 0.2}  # now tow is sixth, and was listed once: for the t
    typed = suggest(model, "the to", while_typing=True)
    chances = {c.word: c.probability for c in typed.candidates}
    assert [*chances] == ["tow", "to", "toe", "tower"]
    assert chances["to"] / chances["tow"] == pytest.approx(PASSED_OVER * 0.5 / 0.09, rel=1e-3)


def test_the_first_words_are_the_same_in_lists_of_any_length() -> None:
    model = names_model()
    for line in ("walked ", "walked t", "The to"):
        longest = suggest(model, line, k=10).candidates
        assert suggest(model, line, k=5).candidates == longest[:5]


def test_a_digit_that_begins_a_known_word_is_known() -> None:
    model = names_model()
    assert suggest(model, "walked mp").digits_in_words == "3"
    assert suggest(model, "walked Mp").digits_in_words == ""
    assert suggest(model, "walked to").digits_in_words == ""
    assert suggest(model, "v", previous_lines=["the v2 from v4x"]).digits_in_words == "24"


def test_the_rest_of_a_word_is_replaced() -> None:
    model = names_model()
    within = suggest(model, "walked fromage to", len("walked fro"))
    assert {c.text: c.replaces_after for c in within.candidates} == {"m": 4, "do": 4}
    assert (within.continuation, within.ghost) == ((), ())
    for line, cursor in (("walked fro", 10), ("walked fro the", 10), ("walked fro, the", 10)):
        assert {c.replaces_after for c in suggest(model, line, cursor).candidates} == {0}
    assert suggest(model, "walked to", len("walked ")).candidates[0].replaces_after == 0


@pytest.mark.parametrize(
    ("above", "before", "word", "text"),
    [
        ((), "“I do,", "”", "”"),
        ((), '"I do,', "”", '"'),
        ((), "„I do,", "”", "“"),
        ((), "«I do,", "”", "»"),
        (('"You do," I said.',), "She: ", "“", '"'),
        (('"You do," I said.',), "“I do,", "”", "”"),  # of the quote that is open
        (("“You do,” I said.",), '"I do,', "”", '"'),
        (('"One." “Two.”',), "She: ", "“", "“"),  # of the last marks
        (("it ended.”",), "She: ", "“", "“"),
        ((), "I can't, and I do", "don't", "n't"),
        ((), "I can’t, and I do", "don't", "n’t"),
        ((), "and I do", "don't", "n’t"),  # of the model
        (("I can't.", "no marks here"), "and I do", "don't", "n't"),
        (("I can't.", "I ‘can’."), "and I do", "don't", "n’t"),
    ],
)
def test_quotes_and_apostrophes_are_those_of_the_writer(
    above: tuple[str, ...], before: str, word: str, text: str
) -> None:
    words = ("I", "do", "don't", "”", "“", ",", "the")
    tokenizer = prose.ProseTokenizer(Conventions(forms={"'": "’"}), Vocabulary(words).ranks)
    probabilities = {"“": 0.2, "”": 0.3, "don't": 0.3, "the": 0.2}
    after = dict.fromkeys(("<s>", "<unk>", ",", *words), probabilities)
    model = ScriptedModel(after, 100, SPECIAL_TOKENS, words, tokenizer)
    candidates = suggest(model, before, previous_lines=above).candidates
    assert {c.word: c.text.strip() for c in candidates}[word] == text


def test_lines_above_are_read_the_same_way_wherever_they_are_context() -> None:
    """Careless capitals as in a line that is typed; headings and empty lines are left out."""
    model = names_model()
    model.uses_previous_lines = True
    above = ["XII", "THE frodo Walked", "", "1.", "To"]
    context = encode_context(model, ["the"], above)
    spelled = [model.vocabulary.word(i) for i in context]
    assert spelled == ["<s>", "the", "frodo", "walked", "<s>", "to", "<s>", "the"]
    assert len([*score(model, [*above, "the"])]) == len(above) + 1
    assert tuple(context[:-1]) in model.asked


@pytest.fixture
def characters_cut(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of the texts that are cut into tokens."""
    counted = list[int]()

    def counting_cut(chunk: str, abbreviations: Iterable[str]) -> Tokens:
        counted.append(len(chunk))
        return cut(chunk, abbreviations)

    monkeypatch.setattr(prose, "cut", counting_cut)
    return counted


def model_of(characters: str) -> ScriptedModel:
    words = dict.fromkeys(("the", *characters))
    tokenizer = prose.ProseTokenizer(Conventions(), Vocabulary([*words]).ranks)
    return ScriptedModel({}, 100, SPECIAL_TOKENS, [*words], tokenizer)


UNSPACED = ["字", "かな", "กำ", "x-", "3.", "xy"]


@pytest.mark.parametrize("characters", UNSPACED)
def test_a_suggestion_costs_the_same_after_any_number_of_characters_without_a_space(
    characters: str, characters_cut: list[int]
) -> None:
    model, text, read = model_of(characters), characters * 1000, list[int]()
    for length in range(250, 1500, 250):
        suggest(model, text[: length - 1])
        characters_cut.clear()
        suggest(model, text[:length])
        read.append(sum(characters_cut))
    assert max(read) <= 3 * prose.LONGEST_LOOK


@pytest.mark.slow
@pytest.mark.parametrize("characters", UNSPACED[:3])
def test_text_without_spaces_is_scored_in_linear_time(
    characters: str, characters_cut: list[int]
) -> None:
    read = dict[int, int]()
    for length in (250, 1500):
        characters_cut.clear()
        line = (characters * length)[:length]
        assert len([*score(model_of(characters), [line])]) == 1
        read[length] = sum(characters_cut)
    assert read[1500] <= 7 * read[250]
