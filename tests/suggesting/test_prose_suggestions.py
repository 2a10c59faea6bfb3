"""The words that Tab inserts into half-typed lines of prose, with a scripted model."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.suggesting.suggest import apply_insertion, suggest
from rnnlm_tui.text.letters import letters_typed, plain_letters
from rnnlm_tui.text.prose import ProseTokenizer
from rnnlm_tui.text.prose_learning import learn_prose
from rnnlm_tui.text.tokenizer import Conventions, Insertion
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS
from tests.helpers.scripted import ScriptedModel

ENGLISH = """In the afternoon I cleaned the kitchen, washed the windows, and left for London.
“Don’t you know Anna?” asked Mrs. Bell. “She’s my cousin. I’m going to see her on Monday.”
She told me the story (a long one) and then—at last—the truth… We laughed.
The rain had stopped, and the kitchen smelled of bread. Anna said: “It is 10:30!” It was late."""
STRAIGHT = ENGLISH.translate({0x201C: '"', 0x201D: '"', 0x2019: "'"})
FRENCH = """Le matin, j’ai ouvert la fenêtre. « Quel froid ! » dit Anna. « Tu trouves ? »
Nous sommes sortis : la rue était vide. « Viens ! » L’hiver n’est pas fini."""
WORDS = ("the", "in", "kitchen", "windows", "King", "washed", "was", "don't", "I'm", "well-known",
         "iPhone", "co2", "URLs", "notes", "at", "10:30", "Anna", *",.:;?“”’—()")  # fmt: skip
TOKENIZERS = {
    name: learn_prose(text.split("\n") * 8)
    for name, text in (("English", ENGLISH), ("straight", STRAIGHT), ("French", FRENCH))
}


def model_of(text: str, after: dict[str, dict[str, float]]) -> ScriptedModel:
    """A model with the conventions of this text. `after` has the words that follow each word."""
    return ScriptedModel(after, 9, SPECIAL_TOKENS, WORDS, TOKENIZERS[text])


@pytest.mark.parametrize(
    ("text", "line", "word", "taken"),
    [
        # The rest of a word. Letters already typed keep their case if the word has no capital.
        ("English", "THE KIT", "kitchen", "THE KITCHEN "),
        ("English", "IN THE UR", "URLs", "IN THE URLS "),
        ("English", "Th", "the", "The "),
        ("English", "the kitchen", "kitchen", "the kitchen "),
        ("English", "a well-k", "well-known", "a well-known "),
        ("English", "the k", "King", "the King "),
        # A single quote closes an open one, and follows a mark only then.
        ("English", "‘the kitchen; ", "’", "‘the kitchen;’ "),
        # Apostrophes as the text writes them, found by either.
        ("English", "“Don", "don't", "“Don’t "),
        ("English", "“don'", "don't", "“don't "),
        ("straight", '"don', "don't", "\"don't "),
        ("English", "the windows. I", "I'm", "the windows. I’m "),
        # The next word, with a capital where a sentence begins.
        ("English", "", "the", "The "),
        ("English", "the windows. ", "the", "the windows. The "),
        ("English", "I asked Mrs. ", "the", "I asked Mrs. the "),
        ("English", "“", "don't", "“Don’t "),
        ("English", "IN THE ", "kitchen", "IN THE KITCHEN "),
        ("English", "CO2PLUS ", "was", "CO2PLUS was "),  # it may be a name
        ("English", "iPhone ", "was", "iPhone was "),
        ("English", "the windows. ", "co2", "the windows. co2 "),
        # Marks take the space before them, or none comes after them.
        ("English", "the kitchen ", ",", "the kitchen, "),
        ("English", "the kitchen,", "washed", "the kitchen, washed "),
        ("English", "Anna said: ", "“", "Anna said: “"),
        ("English", "“Do you know? ", "”", "“Do you know?” "),
        ("English", "(a long one ", ")", "(a long one) "),
        ("English", "and then ", "—", "and then—"),
        ("English", "and then—", "at", "and then—at "),
        # A typed space stays.
        ("English", "and then — ", "at", "and then — at "),
        ("English", "# ", "the", "# The "),
        ("straight", '"You know? ', "”", '"You know?" '),
        # As a French text has them.
        ("French", "Anna said ", ":", "Anna said : "),
        ("French", "Anna said: ", "“", "Anna said: « "),
        ("French", "« Do you know? ", "”", "« Do you know? » "),
        # Numbers and addresses have no words ahead; nothing fits what no word begins with.
        ("English", "write to me@no", "notes", "write to me@notes "),
        ("English", "the zzz", "the", "the zzz"),
    ],
)
def test_tab_takes_the_first_word_of_the_ghost_or_without_one_of_the_list(
    text: str, line: str, word: str, taken: str
) -> None:
    model = model_of(text, {key: {word: 1.0} for key in (*WORDS, *SPECIAL_TOKENS)})
    answer = suggest(model, line)
    if answer.candidates:
        way = answer.ghost[0] if answer.ghost else answer.candidates[0]
        line = apply_insertion(line, way) + " " * way.space_after
    assert line == taken


NAMES = ("ChatGPT", "chatter", "Zsófia", "Wi-Fi", "wise", "MRI", "café", "O'Brien", "iPhone",
         "co2", "Berlin", "résumé", "dog", "will", "Will", "Île", "the", "I'm", "URLs",
         "z.B.")  # fmt: skip


def names_of(*words: str) -> ScriptedModel:
    """A model that knows these words, each less likely than the one before it."""
    likely = {word: 0.5**place for place, word in enumerate(words, start=1)}
    after = dict.fromkeys(("the", "I", ".", "<s>", "<unk>"), likely)
    return ScriptedModel(after, 9, SPECIAL_TOKENS, [*words, "I", "."], TOKENIZERS["straight"])


@pytest.mark.parametrize(
    ("typed", "taken"),
    [("chatg", "ChatGPT"), ("CHA", "CHATGPT"), ("Zso", "Zsófia"), ("wi-", "Wi-Fi"), ("Mr", "MRI"),
     ("cafe", "café"), ("O'B", "O'Brien"), ("O'BR", "O'BRIEN"), ("ipho", "iPhone"), ("B", "Berlin"),
     ("Resu", "Résumé"), ("ile", "Île"), ("Wil", "Will"), ("i'", "I'm"), ("i’", "I’m"),
     ("Co", "co2"), ("CO", "CO2"), ("UR", "URLs"), ("Z.B", "Z.B.")],
)  # fmt: skip
@pytest.mark.parametrize("start", ["the ", "the dog. ", "I "])
def test_accepting_writes_the_letters_typed_as_the_word_has_them(
    start: str, typed: str, taken: str
) -> None:
    answer = suggest(names_of(*NAMES), start + typed)
    first = answer.candidates[0]
    assert apply_insertion(start + typed, first) == start + taken
    assert typed[: len(typed) - first.replaces_before] + first.text == taken
    assert first.text[:1] != typed[len(typed) - first.replaces_before :][:1] or not first.text


@pytest.mark.parametrize(
    ("code", "typed"),
    [("Oskar@lindqvist.se", "Os"), ("www.oskar.se", "w"), ("oskar.txt", "o"), ("OSK41", "OS"),
     ("https://oskar.se", "h")],
)  # fmt: skip
def test_a_code_stands_behind_the_word_that_begins_like_it(code: str, typed: str) -> None:
    """It does so even where it is likelier, but not where it is much likelier."""
    word = f"{typed}kar"
    first = [c.word for c in suggest(names_of(code, word), f"the {typed}").candidates]
    assert first == [word, code]
    assert suggest(names_of(code, *"abcdefg", word), f"the {typed}").candidates[0].word == code


@pytest.mark.parametrize(
    ("typed", "word", "written"),
    [("gros", "groß", ""), ("gross", "groß", ""), ("STRASS", "Straße", "STRASSE"),
     ("oeuv", "œuvre", ""), ("Oe", "œuvre", "Œuvre"), ("lodz", "Łódź", ""),
     ("smorre", "smørrebrød", ""), ("irm", "ırmak", ""), ("елк", "ёлка", ""),
     ("manana", "mañana", ""), ("etre", "être", ""), ("Madch", "Mädchen", ""),
     # Two letters stand for an umlaut.
     ("Maedch", "Mädchen", ""), ("schoe", "schön", ""), ("groess", "größer", ""),
     ("Ue", "über", "Über"), ("UEB", "über", "ÜBER"), ("boee", "Böe", ""),
     ("suedae", "Südägypten", "")],
)  # fmt: skip
def test_letters_of_another_keyboard_find_a_word(typed: str, word: str, written: str) -> None:
    """It is written with its own letters. It corrects no slip, and any ghost is of it."""
    line = f"the {typed}"
    answer = suggest(names_of("x1", word), line)
    (first,) = answer.candidates
    assert first.word == word and not first.corrects
    assert apply_insertion(line, first) == f"the {written or word}"
    assert answer.continuation[0] == word


@pytest.mark.parametrize(
    ("typed", "written"),
    [("citta'", "città"), ("E'", "È"), ("perche’", "perché"), ("po'", ""), ("dogs'", ""),
     ("dont'", "don't")],
)  # fmt: skip
def test_an_apostrophe_stands_for_the_accent_of_the_last_letter(typed: str, written: str) -> None:
    """Behind another word it stays, and nothing corrects it."""
    words = ("po", "poco", "cittadella", "città", "e", "è", "perché", "però", "dogs", "don't")
    answer = suggest(names_of(*words), f"the {typed}")
    found = [apply_insertion(f"the {typed}", word) for word in answer.candidates]
    assert found == ([f"the {written}"] if written else [])


@pytest.mark.parametrize(
    ("typed", "word", "written"),
    [("daß", "dass", ""), ("Muß", "muss", "Muss"), ("läßt", "lässt", ""), ("fué", "fue", ""),
     ("perchè", "perché", "")],
)  # fmt: skip
def test_a_word_without_the_typed_accents_corrects_them(
    typed: str, word: str, written: str
) -> None:
    (first,) = suggest(names_of("x1", word), f"the {typed}").candidates
    assert first.word == word and first.corrects
    assert apply_insertion(f"the {typed}", first) == f"the {written or word}"


def test_a_name_of_the_page_does_not_correct_small_letters_with_an_accent() -> None:
    after = {"the": {"dass": 0.7, "<unk>": 0.3}}
    model = ScriptedModel(after, 9, SPECIAL_TOKENS, ["dass"], TOKENIZERS["straight"])
    found = suggest(model, "the daß", above=["the Dars was old"])
    assert [each.word for each in found.candidates] == ["dass"]


def test_two_letters_are_not_always_an_umlaut() -> None:
    model = names_of("schon", "neu", "x1", "neues", "schön")
    assert [c.word for c in suggest(model, "the neue").candidates if not c.corrects] == ["neues"]
    listed = [(c.word, c.corrects) for c in suggest(model, "the schoen").candidates]
    assert listed == [("schön", False), ("schon", True)]


ODD = "İIıißẞſŉǰﬁﬀΣσςάöÖœŁłéeǅĲ’'"
"""Letters whose capital or small form is another letter, or several."""


@settings(max_examples=150, deadline=None)
@given(st.text(ODD + "sno", min_size=1, max_size=4), st.text(ODD + "sno", min_size=1, max_size=6))
def test_no_typed_letter_changes_but_a_plain_one_that_gets_an_accent(typed: str, word: str) -> None:
    """If the word has a capital of its own, only the case of a letter may change."""
    tokenizer = TOKENIZERS["English"]
    for start in ("the ", "", "THE "):
        before = start + typed
        words = dict.fromkeys([word, typed, f"{typed}s", word.lower()])
        words.pop("I", None)
        for candidate in suggest(names_of(*words), before).candidates:
            if candidate.corrects:
                continue
            prefix = tokenizer.split_typed(before)[1]
            written = apply_insertion(before, candidate)
            assert written.startswith(before[: len(before) - len(prefix)])
            end = written[len(before) - len(prefix) :]
            for letter, own in letters_typed(prefix, end):
                is_plain = plain_letters(letter) == letter.lower()
                assert is_plain or own.lower() == letter.lower(), (prefix, candidate)
                assert own == letter or is_plain or candidate.word != candidate.word.lower()


def test_what_is_spelled_as_typed_is_listed_before_what_has_other_accents() -> None:
    model = names_of("café", "x1", "x2", "cafe", "cafes", "resume", "résumé")
    assert [c.word for c in suggest(model, "the cafe").candidates] == ["cafe", "café", "cafes"]
    assert [c.word for c in suggest(model, "the café").candidates] == ["café"]
    assert [c.word for c in suggest(model, "the résu").candidates] == ["résumé"]
    assert suggest(model, "the c").candidates[0].word == "café"


def test_a_small_letter_after_a_capital_begins_no_word_in_capitals() -> None:
    model = names_of("x1", "MR.", "x2", "Mr.", "MRI", "the")
    assert suggest(model, "the Mr").candidates[0].word == "Mr."
    assert suggest(model, "the MR").candidates[0].word == "MR."
    assert suggest(model, "the mr").candidates[0].word == "MR."


def test_capitals_in_a_line_with_small_letters_begin_an_acronym() -> None:
    model = names_of("x1", "usual", "x2", "US", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "USD")
    words = [candidate.word for candidate in suggest(model, "the US").candidates]
    assert words == ["US", "usual", "USD"], "a word in capitals may be a likely one"
    assert suggest(model, "THE US").candidates[0].word == "usual"


def test_a_word_that_lacks_only_its_accents_is_listed_before_much_rarer_ones() -> None:
    model = names_of("fácil", *("x1", "x2", "x3", "x4"), "facilidad")
    assert [c.word for c in suggest(model, "the faci").candidates] == ["facilidad", "fácil"]
    assert [c.word for c in suggest(model, "the facil").candidates] == ["fácil", "facilidad"]


def test_a_capital_with_a_dot_stays_and_a_turkish_text_has_it() -> None:
    assert apply_insertion("İns", suggest(names_of("insan"), "İns").candidates[0]) == "İnsan"
    meant = suggest(names_of("insan"), "İnasn").candidates[0]
    assert meant.corrects and apply_insertion("İnasn", meant) == "İnsan"
    turkish = learn_prose(["Bir insan geldi. İnsan ve ırmak. İki ırmak, Irak. İzmir."] * 3)
    assert turkish.words("İnsan geldi. Irmak") == ["insan", "geldi", ".", "ırmak"]
    assert turkish.join(["insan", ".", "ırmak"]) == "İnsan. Irmak"
    assert turkish.insertion_of("BİR BEN ", "", "insan").text == "İNSAN"


def test_a_new_word_is_found_without_its_capital_and_accents() -> None:
    model, above = names_of("the"), ["I met Zsófia O'Brien."]
    for typed, taken in (("zso", "Zsófia"), ("o'b", "O'Brien"), ("Zs", "Zsófia")):
        found = suggest(model, f"I {typed}", above=above).candidates[0]
        assert apply_insertion(f"I {typed}", found) == f"I {taken}"


def test_a_word_that_the_model_does_not_know_is_told_once_as_it_is_written() -> None:
    answer = suggest(names_of("the"), "Zsófia the Zsófia. The Bo")
    assert answer.unknown == ("Zsófia", "Bo")


CHAIN = ("the", "kitchen", ",", "washed", "the")


@pytest.mark.parametrize(
    ("line", "ghost"),
    [
        ("the kit", "chen, washed the"),  # over the comma
        ("the kitchen ", ", washed the kitchen"),
        ("the windows.", " The kitchen, washed"),
        ("on Monday at 10", ""),  # a number
        ("write to anna@the", ""),
    ],
)
def test_the_ghost_is_text(line: str, ghost: str) -> None:
    after = {word: {following: 1.0} for word, following in pairwise((".", *CHAIN))}
    answer = suggest(model_of("English", after), line)
    assert "".join(way.text for way in answer.ghost) == ghost


def test_an_empty_line_lists_no_mark_and_what_is_written_alike_is_one() -> None:
    model = model_of("English", {"<s>": {"the": 0.5, "“": 0.3, "in": 0.2}})
    assert suggest(model, "").candidates[0].probability == pytest.approx(0.5 / 0.7)
    assert not [c for c in suggest(model, " ", k=50).candidates if not c.word[0].isalnum()]
    after = {".": {"the": 0.4, "The": 0.3, "and": 0.3}}
    words = ("the", "The", "and", ".")
    twice = ScriptedModel(after, 9, SPECIAL_TOKENS, words, TOKENIZERS["English"])
    candidates = suggest(twice, "I left. ").candidates
    assert [c.text for c in candidates[:2]] == ["The", "And"]
    assert [c.probability for c in candidates[:2]] == pytest.approx([0.7, 0.3])
    assert [c.text for c in suggest(twice, "I left. t").candidates] == ["he"]


@pytest.mark.parametrize("begin", ["# ", "1) ", "— ", "* "])
def test_no_mark_takes_the_space_after_the_marks_that_begin_a_line(begin: str) -> None:
    after = {",": 0.4, "*": 0.3, "(": 0.2, "at": 0.1}
    places = dict.fromkeys(("<unk>", ")", "—", "*"), after)
    model = ScriptedModel(places, 9, SPECIAL_TOKENS, (*WORDS, "*"), TOKENIZERS["English"])
    words = [candidate.word for candidate in suggest(model, begin).candidates]
    assert words[:2] == (["(", "at"] if begin == "* " else ["*", "("]), "nor does it come again"
    assert suggest(model, f"the{begin}").candidates[0].word == ","


def test_a_word_follows_an_inverted_mark() -> None:
    after = {"¿": {"?": 0.6, "“": 0.3, "the": 0.1}, "the": {"¡": 1.0}, "¡": {"!": 0.9, "at": 0.1}}
    words = ("the", "at", "¿", "?", "¡", "!", "“")
    model = ScriptedModel(after, 9, SPECIAL_TOKENS, words, TOKENIZERS["English"])
    assert {c.word for c in suggest(model, "¿", k=50).candidates} == {"the", "at"}
    assert suggest(model, "¿The").ghost[1:] == (Insertion(" ¡", 0, False),)
    assert suggest(model, "the ¡").candidates[0].text == "at"


def test_a_word_follows_an_elided_one_without_a_space() -> None:
    after = {"vois": {"l'": 0.9, ".": 0.1}, "l'": {"eau": 0.5, ",": 0.4, "or": 0.1}}
    words = ("vois", "l'", "eau", "or", ",", ".")
    tokenizer = ProseTokenizer(Conventions(elisions=("l'",)), {})
    model = ScriptedModel(after, 9, SPECIAL_TOKENS, words, tokenizer)
    candidates = suggest(model, "vois l'").candidates
    assert [c.text for c in candidates[:2]] == ["eau", "or"]
    assert candidates[0].probability == pytest.approx(0.5 / 0.6)
    assert suggest(model, "vois ").ghost[:2] == (Insertion("l'", 0, False), Insertion("eau"))
