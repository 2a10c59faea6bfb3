"""Suggesting and generating, with a scripted model whose probabilities are known."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlm_tui.evaluate import score
from rnnlm_tui.generate import GREEDY, Decoding, generate_words
from rnnlm_tui.suggest import MAX_AHEAD, PASSED_OVER, Suggestions, encode_context, suggest
from rnnlm_tui.text import prose
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


def chances(answer: Suggestions) -> dict[str, float]:
    """The words of the list with their probabilities, in order."""
    return {each.word: each.probability for each in answer.candidates}


@pytest.mark.parametrize(
    ("line", "k", "expected"),
    [
        # 0.1 of the mass was the padding's; the rest is shared among the words.
        ("The ", 3, {"cat": 5 / 9, "car": 2 / 9, "dog": 2 / 9}),
        ("the CA", 5, {"cat": 5 / 7, "car": 2 / 7}),
        ("cat do", 5, {"dog": 1.0}),  # however improbable
    ],
)
def test_the_likeliest_words_share_the_probability(
    line: str, k: int, expected: dict[str, float]
) -> None:
    found = chances(suggest(ScriptedModel(AFTER), line, k=k))
    assert [*found] == [*expected]
    assert found == pytest.approx(expected)


def test_an_apostrophe_alone_is_neither_suggested_nor_written() -> None:
    after = {"the": {"'": 0.6, "'tis": 0.3, "cat": 0.1}, "cat": {"'": 0.8, "the": 0.2}}
    model = ScriptedModel(after, special_tokens=SPECIAL_TOKENS, words=("the", "'", "'tis", "cat"))
    expected = {"'tis": 0.75, "cat": 0.25, "the": 0}
    assert chances(suggest(model, "the ")) == pytest.approx(expected)
    assert [c.word for c in suggest(model, "the '").candidates] == ["'tis"]
    assert generate_words(model, "cat", 2) == ["the", "'tis"]
    drawn = {tuple(generate_words(model, "cat", 1, Decoding(2.0))) for _ in range(20)}
    assert drawn == {("the",)}


def test_the_continuation_ends_before_the_first_unlikely_word_and_is_bounded() -> None:
    answer = suggest(ScriptedModel(AFTER), "the c")
    assert answer.continuation == ("cat", "sat")
    assert [way.text for way in answer.ghost] == ["at", " sat"]
    loop = {"the": {"the": 1.0}}
    assert len(suggest(ScriptedModel(loop), "the ").continuation) == MAX_AHEAD


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


def test_drawn_words_follow_the_probabilities_and_the_seed() -> None:
    model = ScriptedModel(AFTER)
    rng = np.random.default_rng(0)
    drawn = [generate_words(model, "the", 1, Decoding(1.0), rng=rng)[0] for _ in range(2000)]
    shares = {word: drawn.count(word) / len(drawn) for word in set(drawn)}
    assert shares == pytest.approx({"cat": 5 / 9, "car": 2 / 9, "dog": 2 / 9}, abs=0.04)
    once, again = (
        generate_words(model, "the", 8, Decoding(1.0), rng=np.random.default_rng(7)) for _ in "ab"
    )
    assert once == again


def sentences(mark: str, then: str = "he") -> ScriptedModel:
    """A model that writes `he sat` and a mark, again and again."""
    after = {"he": {"sat": 0.7, "</s>": 0.3}, "sat": {mark: 1.0}, mark: {then: 0.6, "he": 0.4}}
    words = [*dict.fromkeys(("he", "sat", mark, "”"))]
    return ScriptedModel(
        {**after, "”": {"</s>": 0.6, "he": 0.4}}, 3, SPECIAL_TOKENS, words, WhitespaceTokenizer()
    )


@pytest.mark.parametrize(
    ("model", "line", "count", "decoding", "words"),
    [
        (ScriptedModel({**AFTER, "sat": {"the": 1.0}}), "The", 5, GREEDY, "cat sat the cat sat"),
        (ScriptedModel({"the": {"cat": 1}, "cat": {"": 0.6, "sat": 0.4}}), "the", 9, GREEDY, "cat"),
        (ScriptedModel(AFTER), "the", 1, Decoding(1.0, 1), "cat"),
        (ScriptedModel(AFTER), "the", 1, Decoding(1e-320), "cat"),
        (ScriptedModel({"the": {"": 1.0}}), "the", 3, Decoding(1.0, 2), ""),
        (ScriptedModel({}, 3, SPECIAL_TOKENS, ("'", "''")), "'", 3, Decoding(1.0), ""),
        (sentences(".", "”"), "he", 7, GREEDY, "sat . ” he sat . ”"),
        (sentences(".", "”"), "he", 7, Decoding(one_sentence=True), "sat . ”"),
        (sentences(".", "”"), "he", 7, Decoding(as_prose=True), "sat . ”"),
        (sentences(","), "he", 7, Decoding(as_prose=True), "sat , he sat"),  # no three words again
        *(
            (sentences(mark), "he", 7, Decoding(one_sentence=True), f"sat {mark}")
            for mark in (*".!?…。！？؟।", "...")
        ),
    ],
)
def test_words_are_generated(
    model: ScriptedModel, line: str, count: int, decoding: Decoding, words: str
) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert generate_words(model, line, count, decoding, rng=rng) == words.split()


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
    # Half of the mass was the unknown word's; the rest is shared.
    assert chances(answer) == pytest.approx(
        {"cat": 0.6, "car": 0.2, "dog": 0.2, "the": 0, "sat": 0}
    )
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
        assert len(words) == 6 and set(words) <= set(WORDS)


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


@pytest.mark.parametrize(
    ("above", "line", "word", "text"),
    [
        (("The Tobold walked.",), "T", "Tobold", "obold"),
        (("to FRIDOLIN the",), "walked from f", "FRIDOLIN", "FRIDOLIN"),  # spelled as written
        ((), "Frodobert walked to Fr", "Frodobert", "odobert"),
        # What follows a name on the page.
        (("walked to Pen y Fan",), "walked Pen y ", "Fan", "Fan"),
        (("to Zsófia Kowalczyk from the",), "walked from Zsófia ", "Kowalczyk", "Kowalczyk"),
        (("to Zsófia Kowalczyk from the",), "walked from Zsófia K", "Kowalczyk", "owalczyk"),
    ],
)
def test_words_that_the_model_does_not_know_are_offered_once_they_were_written(
    above: tuple[str, ...], line: str, word: str, text: str
) -> None:
    found = suggest(names_model(), line, k=10, previous_lines=above).candidates
    assert (word, text) in [(c.word, c.text) for c in found]
    others = suggest(names_model(), line.replace("Frodobert", "the"), k=10).candidates
    assert word not in [c.word for c in others]


def test_a_new_word_is_as_likely_as_the_unknown_word_and_its_chance_to_be_used_again() -> None:
    model = names_model()
    listed = suggest(model, "walked to x", previous_lines=["zeno xi"]).candidates
    assert [(c.word, c.probability) for c in listed] == [("xi", 1.0)]
    # One word of the page, used last, against "the" (0.3), "to" (0.2) and the other words.
    found = chances(suggest(model, "walked ", k=10, previous_lines=["zeno"]))
    assert found["zeno"] / found["the"] == pytest.approx(0.2 / 21 / 0.3, rel=1e-3)


def test_a_word_is_likelier_after_the_name_that_it_follows_on_the_page() -> None:
    model, above = names_model(), ["to Zsófia Kowalczyk from the"]
    after_name, after_word = (
        chances(suggest(model, line, k=10, previous_lines=above))["Kowalczyk"]
        for line in ("walked from Zsófia ", "walked from ")
    )
    assert after_name > 5 * after_word


def test_a_word_that_was_listed_and_not_taken_counts_little() -> None:
    after = {"the": {"to": 0.5, "toe": 0.3, "tower": 0.11, "tow": 0.09}}
    model = ScriptedModel(after, words=("the", "to", "toe", "tower", "tow", *"abcdefgh"))
    alone = chances(suggest(model, "the to"))
    assert alone == pytest.approx(after["the"])
    # Each was listed for no letter and for one, so all count equally less, and stay.
    assert chances(suggest(model, "the to", while_typing=True)) == pytest.approx(alone)
    after["the"] |= {"a": 0.2, "b": 0.2}  # now tow is sixth, and was listed once: for the t
    assert [*chances(suggest(model, "the to"))] == ["to", "toe", "tower", "tow"]
    typed = chances(suggest(model, "the to", while_typing=True))
    assert [*typed] == ["tow", "to", "toe", "tower"]
    assert typed["to"] / typed["tow"] == pytest.approx(PASSED_OVER * 0.5 / 0.09, rel=1e-3)


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


@pytest.mark.parametrize("characters", ["字", "かな", "กำ"])
def test_a_text_without_spaces_is_not_read_again_at_each_key(
    characters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*dict.fromkeys(("the", *characters))]
    tokenizer = prose.ProseTokenizer(Conventions(), Vocabulary(words).ranks)
    model, text = ScriptedModel({}, 100, SPECIAL_TOKENS, words, tokenizer), characters * 200
    characters_cut = list[int]()

    def counting_cut(chunk: str) -> Tokens:
        characters_cut.append(len(chunk))
        return cut(chunk)

    monkeypatch.setattr(prose, "cut", counting_cut)
    for length in range(1, len(text)):
        suggest(model, text[:length])
    assert 0 < sum(characters_cut) <= 10 * len(text)
