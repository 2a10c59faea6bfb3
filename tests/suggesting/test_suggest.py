"""Suggesting and generating, with a scripted model whose probabilities are known."""

from __future__ import annotations

from time import process_time
from typing import Any

import numpy as np
import pytest

from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.suggesting import suggest as suggest_module
from rnnlm_tui.suggesting.evaluate import score
from rnnlm_tui.suggesting.generate import continue_typed, generate_words
from rnnlm_tui.suggesting.suggest import (
    MAX_AHEAD,
    Suggestions,
    apply_insertion,
    encode_context,
    suggest,
)
from rnnlm_tui.text.held_out import Excerpt
from rnnlm_tui.text.letters import is_code
from rnnlm_tui.text.prose import ProseTokenizer
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from tests.helpers.scripted import WORDS, ScriptedModel

AFTER = {
    "the": {"cat": 0.5, "car": 0.2, "dog": 0.2, "": 0.1},
    "cat": {"sat": 0.9, "the": 0.1},
    "sat": {"the": 0.2, "a": 0.2, "cat": 0.2, "dog": 0.2, "car": 0.2},
}
TIED = {"the": {"a": 0.4, "dog": 0.1, "car": 0.1, "cat": 0.1, "sat": 0.3}}


def chances(answer: Suggestions) -> dict[str, float]:
    """The words of the list with their probabilities, in order."""
    return {each.word: each.probability for each in answer.candidates}


def prose_model(words: tuple[str, ...], after: dict[str, dict[str, float]]) -> ScriptedModel:
    """A model of prose that writes apostrophes curled."""
    vocabulary = Vocabulary(words, SPECIAL_TOKENS)
    tokenizer = ProseTokenizer(Conventions(forms={"'": "’"}), vocabulary.id_by_word)
    return ScriptedModel(after, 100, SPECIAL_TOKENS, words, tokenizer)


@pytest.mark.parametrize(
    ("after", "line", "k", "expected"),
    [
        # 0.1 of the mass was the padding's; the rest is shared among the words.
        (AFTER, "The ", 3, {"cat": 5 / 9, "car": 2 / 9, "dog": 2 / 9}),
        (AFTER, "the CA", 5, {"cat": 5 / 7, "car": 2 / 7}),
        (AFTER, "cat do", 5, {"dog": 1.0}),  # however improbable
        # Of equally likely words the more frequent ones are listed, with a prefix and without.
        ({}, "", 4, dict.fromkeys(WORDS[:4], 1 / 6)),
        (TIED, "the ", 4, {"a": 0.4, "sat": 0.3, "cat": 0.1, "car": 0.1}),
        (TIED, "the c", 1, {"cat": 0.5}),
    ],
)
def test_the_likeliest_words_share_the_probability(
    after: dict[str, dict[str, float]], line: str, k: int, expected: dict[str, float]
) -> None:
    found = chances(suggest(ScriptedModel(after), line, k=k))
    assert [*found] == [*expected]
    assert found == pytest.approx(expected)


def test_an_apostrophe_alone_is_neither_suggested_nor_written() -> None:
    after = {"the": {"'": 0.6, "'tis": 0.3, "cat": 0.1}}
    model = ScriptedModel(after, special_tokens=SPECIAL_TOKENS, words=("the", "'", "'tis", "cat"))
    assert chances(suggest(model, "the ")) == pytest.approx({"'tis": 0.75, "cat": 0.25, "the": 0})
    assert [c.word for c in suggest(model, "the '").candidates] == ["'tis"]
    assert generate_words(model, "the", 1) == ["'tis"]


def test_the_continuation_ends_before_the_first_unlikely_word_and_is_bounded() -> None:
    answer = suggest(ScriptedModel(AFTER), "the c")
    assert answer.continuation == ("cat", "sat")
    assert [way.text for way in answer.ghost] == ["at", " sat"]
    loop = {"the": {"the": 1.0}}
    assert len(suggest(ScriptedModel(loop), "the ").continuation) == MAX_AHEAD
    alone = suggest(ScriptedModel(AFTER), "the ", looks_ahead=False)
    assert (alone.continuation, alone.ghost) == ((), ())
    assert alone.candidates == suggest(ScriptedModel(AFTER), "the ").candidates


def test_no_place_is_predicted_twice_for_one_key() -> None:
    """After a word that is typed in full, the ghost and the list of the next key need the same
    prediction."""
    model = ScriptedModel(AFTER, 10)
    assert suggest(model, "the cat").continuation == ("cat", "sat")
    assert len(model.asked) == len({*model.asked}) == 3


@pytest.mark.parametrize(
    ("line", "cursor", "prefix", "first", "seen", "unknown"),
    [
        ("the dog", 4, "", "cat", ("the",), ()),
        ("the dog", 99, "dog", "dog", ("the",), ()),
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


# Generating


def test_drawn_words_follow_the_probabilities() -> None:
    model, rng = ScriptedModel(AFTER), np.random.default_rng(0)
    drawn = [generate_words(model, "the", 1, 1.0, rng=rng)[0] for _ in range(2000)]
    shares = {word: drawn.count(word) / len(drawn) for word in set(drawn)}
    assert shares == pytest.approx({"cat": 5 / 9, "car": 2 / 9, "dog": 2 / 9}, abs=0.04)


def sentences(mark: str, then: str = "he") -> ScriptedModel:
    """A model that writes `he sat` and a mark, again and again."""
    after = {"he": {"sat": 0.7, "</s>": 0.3}, "sat": {mark: 1.0}, mark: {then: 0.6, "he": 0.4}}
    after["”"] = {"</s>": 0.6, "he": 0.4}
    return prose_model((*dict.fromkeys(("he", "sat", mark, "”")),), after)


ENDING = prose_model(("he", "sat", "."), {"sat": {".": 0.9, "he": 0.1}, "he": {".": 1.0}})
ABBREVIATED = ("U.S.", "p.m.", "etc.", "Mr.")
AFTER_ABBREVIATIONS = prose_model(
    (*ABBREVIATED, ".", ",", "he"), {word: {".": 0.8, ",": 0.2} for word in ABBREVIATED}
)


@pytest.mark.parametrize(
    ("model", "line", "asked", "words"),
    [
        (ScriptedModel({**AFTER, "sat": {"the": 1}}), "The", (5,), "cat sat the cat sat"),
        (ScriptedModel({"the": {"cat": 1}, "cat": {"": 0.6, "a": 0.4}}), "the", (9, 0), "cat"),
        (ScriptedModel(AFTER), "the", (1, 1.0, 1), "cat"),
        (ScriptedModel(AFTER), "the", (1, 1e-320), "cat"),
        (ScriptedModel({"the": {"": 1.0}}), "the", (3, 1.0, 2), ""),
        (ScriptedModel({}, 3, SPECIAL_TOKENS, ("'", "''")), "'", (3, 1.0), ""),
        # Prose may end, with or without a mark, and writes no three words again.
        (sentences(".", "”"), "“he", (7, 0), "sat . ”"),
        (sentences(","), "he", (7, 0), "sat , he sat"),
        *((sentences(mark), "he", (None, 0), f"sat {mark}") for mark in (*".!?…。！？؟।", "...")),
        (sentences("."), "he", (), "sat ."),
        # The end of a sentence alone would continue nothing.
        (ENDING, "he sat", (None, 0), "he ."),
        *((AFTER_ABBREVIATIONS, f"he {word}", (1, 0), ",") for word in ABBREVIATED),
    ],
)
def test_words_are_generated(
    model: ScriptedModel, line: str, asked: tuple[Any, ...], words: str
) -> None:
    """`asked` has the count, the temperature and the number of likeliest words to draw from."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert generate_words(model, line, *asked, rng=rng) == words.split()


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("he ", "sat down."),
        ("he s", "at down."),  # completes the word
        ("he sat", " down."),  # which is complete
        ("xyz. ", "He sat down."),
        ("xyz", " sat down."),  # unknown
        ("", "He sat down."),
    ],
)
def test_a_typed_line_is_continued_to_the_end_of_its_sentence(line: str, text: str) -> None:
    after = {"<s>": {"he": 1.0}, "he": {"sat": 0.9, ".": 0.1}, "<unk>": {"sat": 1.0}}
    after |= {"sat": {"down": 1.0}, "down": {".": 1.0}, ".": {"he": 1.0}}
    model = prose_model(("he", "sat", "down", "."), after)
    assert "".join(piece.text for piece in continue_typed(model, line)) == text


@pytest.mark.parametrize(
    ("thank", "listed", "ghost"),
    [(0.6, ["thank", "thanks"], ["", " you"]), (0.3, ["thanks"], ["s", " you"])],
)
def test_a_complete_word_is_listed_if_it_is_the_likeliest(
    thank: float, listed: list[str], ghost: list[str]
) -> None:
    after = {"we": {"thank": thank, "thanks": 0.9 - thank}, "thank": {"you": 1.0}}
    model = prose_model(("we", "thank", "thanks", "you"), after | {"thanks": {"you": 1.0}})
    answer = suggest(model, "we thank")
    assert [*chances(answer)] == listed
    assert [piece.text for piece in answer.ghost] == ghost


def test_a_continuation_unlike_the_last_one_is_drawn_by_chance() -> None:
    model = ScriptedModel({"the": {"cat": 0.6, "car": 0.4}, "cat": {"": 1.0}, "car": {"": 1.0}})
    texts = [piece.text for piece in continue_typed(model, "the ")]
    assert texts == ["cat"], "the likeliest"
    drawn = {piece.text for _ in range(20) for piece in continue_typed(model, "the ", "cat")}
    assert "car" in drawn <= {"cat", "car"}  # the same one again is drawn now and then


# Models of whole lines


LINES = {
    "<s>": {"the": 0.9, "</s>": 0.1},
    "the": {"<unk>": 0.5, "cat": 0.3, "car": 0.1, "dog": 0.1},
    "cat": {"sat": 0.6, "</s>": 0.4},
    "sat": {"</s>": 0.7, "a": 0.2, "<unk>": 0.1},
    "a": {"</s>": 0.5, "<unk>": 0.3, "dog": 0.2},
    "<unk>": {"sat": 1.0},
}


def test_special_tokens_have_their_places_and_are_never_suggested_nor_written() -> None:
    model = ScriptedModel(LINES, 4, SPECIAL_TOKENS)
    assert suggest(model, "").candidates[0].word == "the"
    assert suggest(model, "the ").continuation == ("cat", "sat")
    assert {(2,), (2, 4), (2, 4, 5)} <= {*model.asked}
    # Half of the mass was the unknown word's; the rest is shared.
    found = chances(suggest(model, "the "))
    assert found == pytest.approx({"cat": 0.6, "car": 0.2, "dog": 0.2, "the": 0, "sat": 0})
    words = generate_words(model, "the", 200, 1.5, rng=np.random.default_rng(0))
    assert len(words) == 200 and set(words) <= set(WORDS)
    model.asked.clear()
    answer = suggest(model, "the zebra ")
    assert model.asked[0] == (2, 4, 1)
    assert (answer.seen, answer.unknown) == (("the",), ("zebra",))
    assert answer.candidates[0].word == "sat"


def test_lines_above_are_context_only_for_a_model_that_uses_them() -> None:
    above = ["Cat sat.", "zebra"]
    for carries, expected in ((False, (2, 4)), (True, (2, 5, 7, 2, 1, 2, 4))):
        model = ScriptedModel(LINES, 9, SPECIAL_TOKENS)
        model.uses_lines_above = carries
        answer = suggest(model, "the ", above=above)
        assert (answer.seen, answer.unknown) == (("the",), ())
        assert model.asked[0] == expected
        model.asked.clear()
        generate_words(model, "the", 1, above=above)
        assert model.asked == [expected]
        assert len([*score(model, [Excerpt(above[:1], [above[1], "the"])])]) == 2
        assert expected in model.asked[1:]


# Words of the page


NAMES = ("the", "to", "walked", "frodo", "from", "mp3")
AFTER_NAMES = {
    word: {"<unk>": 0.2, "the": 0.3, "to": 0.2, "walked": 0.1, "from": 0.15, "frodo": 0.05}
    for word in ("<s>", "<unk>", *NAMES)
}


def names_model() -> ScriptedModel:
    """A model of prose that knows no names."""
    return prose_model(NAMES, AFTER_NAMES)


@pytest.mark.parametrize(
    ("above", "line", "word", "text"),
    [
        ("The Tobold walked.", "T", "Tobold", "obold"),
        ("to FRIDOLIN the", "walked from f", "FRIDOLIN", "FRIDOLIN"),  # spelled as written
        ("", "Frodobert walked to Fr", "Frodobert", "odobert"),
        ("to Zsófia Kowalczyk from the", "walked from Zsófia K", "Kowalczyk", "owalczyk"),
    ],
)
def test_words_that_the_model_does_not_know_are_offered_once_they_were_written(
    above: str, line: str, word: str, text: str
) -> None:
    found = suggest(names_model(), line, k=10, above=[above]).candidates
    assert (word, text) in [(c.word, c.text) for c in found]
    others = suggest(names_model(), line.replace("Frodobert", "the"), k=10).candidates
    assert word not in [c.word for c in others]


def test_how_likely_a_new_word_is() -> None:
    """It has the probability of the unknown word times its chance to be used again, and more after
    the name that it follows on the page."""
    model, above = names_model(), ["to Zsófia Kowalczyk from the"]
    # One word of the page, used last, against "the" (0.3), "to" (0.2) and the other words.
    found = chances(suggest(model, "walked ", k=10, above=["zeno"]))
    assert found["zeno"] / found["the"] == pytest.approx(0.2 / 16 / 0.3, rel=1e-3)
    after_name, after_word = (
        chances(suggest(model, line, k=10, above=above))["Kowalczyk"]
        for line in ("walked from Zsófia ", "walked from ")
    )
    assert after_name > 5 * after_word


def test_a_key_looks_at_the_new_words_that_fit_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[str]()

    def looked_at(word: str) -> bool:
        seen.append(word)
        return is_code(word)

    monkeypatch.setattr(suggest_module, "is_code", looked_at)
    above = [f"{'tuvwxyz'[n % 7]}a{n}" for n in range(700)]
    suggest(names_model(), "walked v", above=above)
    assert {*seen} == {*NAMES} | {word for word in above if word.startswith("v")}


# The word being typed


def test_what_was_typed_before_and_how_changes_nothing() -> None:
    """Earlier questions for other letters or lines leave no trace. The lists that are kept from one
    letter to the next are those that a first question gets."""
    model, above = names_model(), ["to Zsófia Kowalczyk from the"]
    lines = ["", "w", "walked ", "walked f", "walked fr", "walked from Z", "walked fr", "walked f"]
    contexts = Contexts(model)
    for line in [*lines, "walked from Zsófia ", "walked from Zsófia K"]:
        kept = suggest(model, line, above=above, contexts=contexts)
        assert kept == suggest(model, line, above=above)
    contexts.read_new_words(["Zeno Zeno"])
    found = suggest(model, "walked from Z", above=above, contexts=contexts)
    assert "Zeno" in chances(found)


SLIPS = ("the", "there", "tehran", "because", "London", "don't", "mp3", "bath", "with", "“")
LIKELY = dict.fromkeys(SLIPS, 0.05) | {"<unk>": 0.05, "the": 0.5, "tehran": 0.00002}


@pytest.mark.parametrize(
    ("typed", "words", "written"),
    [
        ("with teh", ["≈the", "≈there", "tehran"], "with the"),
        ("with Teh", ["≈the", "≈there", "tehran"], "with The"),
        ("Teh", ["≈the", "≈there", "tehran"], "The"),
        ("with lodnon", ["≈London"], "with London"),
        ("with “becuas", ["≈because"], "with “because"),
        ("with dont", ["≈don't"], "with don’t"),
        ("with Hneychurch", ["≈Honeychurch"], "with Honeychurch"),  # on the page
        ("with bathh", ["≈bath"], "with bath"),
        # Nothing silly
        ("with th", ["the", "there"], "with the"),
        ("with be", ["because"], "with because"),
        ("with TEH", ["tehran"], "with TEHRAN"),
        ("with LODNON", [], ""),
        *((f"with {typed}", [], "") for typed in ("ma3", "x@lodnon", "www.lodnon")),
    ],
)
def test_words_one_slip_away_are_listed(typed: str, words: list[str], written: str) -> None:
    model = prose_model(SLIPS, dict.fromkeys(("<s>", "<unk>", *SLIPS), LIKELY))
    answer = suggest(model, typed, above=["with Honeychurch"])
    assert ["≈" * word.corrects + word.word for word in answer.candidates] == words
    assert not words or apply_insertion(typed, answer.candidates[0]) == written
    if words and answer.candidates[0].corrects:  # it is no ghost
        assert (answer.continuation, answer.ghost, answer.unknown) == ((), (), ())
        assert sum(word.probability for word in answer.candidates) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("typed", ["with _becuas", "with/becuas", "#becuas"])
def test_a_mark_before_a_word_does_not_make_it_an_address(typed: str) -> None:
    model = prose_model(SLIPS, dict.fromkeys(("<s>", "<unk>", *SLIPS), LIKELY))
    assert [word.word for word in suggest(model, typed).candidates] == ["because"]


def test_a_slip_is_unlikely_against_words_that_begin_as_typed() -> None:
    """A beginning that is likely to be right has no corrections. Within a word, corrections and
    other words replace the rest of it."""
    model = prose_model(SLIPS, {"with": {"the": 0.5, "bath": 0.2, "tehran": 0.3}})
    assert [word.word for word in suggest(model, "with teh").candidates] == ["tehran"]
    assert not suggest(model, "with bsth now", len("with bs")).candidates
    (found,) = suggest(model, "with bsth now", len("with bst")).candidates
    assert (found.text, found.replaces_before, found.replaces_after) == ("ath", 2, 1)


def test_a_word_that_corrects_must_be_much_likelier_to_take_a_place_of_the_five() -> None:
    fitting = ("shot", "shop", "shoe", "show", "shone")
    for chance, fifth in ((0.2, "shone"), (0.9, "she")):  # 6 times and 27 times as likely
        chances = dict.fromkeys(fitting, 0.0001) | {"shone": 0.00001, "she": chance}
        model = prose_model((*fitting, "she"), {"<s>": chances})
        found = [word.word for word in suggest(model, "sho", k=6).candidates]
        assert {*found[:5]} == {*fitting[:4], fifth} and {*found} == {*fitting, "she"}


def test_the_rest_of_a_word_is_replaced() -> None:
    model = names_model()
    within = suggest(model, "walked fromage to", len("walked fro"))
    assert {c.text: c.replaces_after for c in within.candidates} == {"m": 4, "do": 4}
    assert (within.continuation, within.ghost) == ((), ())
    for line, cursor in (("walked fro", 10), ("walked fro, the", 10), ("walked to", 7)):
        assert {c.replaces_after for c in suggest(model, line, cursor).candidates} == {0}


@pytest.mark.parametrize(
    ("above", "before", "word", "text"),
    [
        ((), '"I do,', "”", '"'),
        ((), "„I do,", "”", "“"),
        ((), "«I do,", "”", "»"),
        ((), "I do. » The ", "“", "«"),  # of a quotation that began above
        ((), "»…I do,", "”", "«"),
        ((), "»... I do. ", "“", "»"),
        (('"You do," I said.',), "She: ", "“", '"'),
        (('"You do," I said.',), "“I do,", "”", "”"),  # of the quote that is open
        (('"One." “Two.”',), "She: ", "“", "“"),  # of the last marks
        ((), "and I do", "don't", "n’t"),  # of the model
        (("I can't.", "no marks here"), "and I do", "don't", "n't"),
        (("I can't.", "I ‘can’."), "and I do", "don't", "n’t"),
        (('"You do," I said.',), "and I do", "don't", "n't"),  # straight as the double ones
        (("I can't.",), "She: ", "“", '"'),
        (("“You do,” I said.",), "and I do", "don't", "n’t"),
    ],
)
def test_quotes_and_apostrophes_are_those_of_the_writer(
    above: tuple[str, ...], before: str, word: str, text: str
) -> None:
    words = ("I", "do", "don't", "”", "“", ",", "the")
    probabilities = {"“": 0.2, "”": 0.3, "don't": 0.3, "the": 0.2}
    model = prose_model(words, dict.fromkeys(("<s>", "<unk>", ",", *words), probabilities))
    candidates = suggest(model, before, above=above).candidates
    assert {c.word: c.text.strip() for c in candidates}[word] == text


def test_lines_above_have_careless_capitals_and_headings() -> None:
    """The capitals are read as in a line that is typed; headings and empty lines are left out."""
    model = names_model()
    model.uses_lines_above = True
    context = encode_context(model, ["XII", "THE frodo Walked", "", "1.", "To"])
    spelled = [model.vocabulary.word(i) for i in context]
    assert spelled == ["<s>", "the", "frodo", "walked", "<s>", "to", "<s>"]


def test_a_very_long_word_is_no_slip_and_takes_no_time() -> None:
    model, began = ScriptedModel({}), process_time()
    assert not suggest(model, "ct" * 5_000).candidates
    assert process_time() - began < 5  # minutes, if each letter may be a slip
