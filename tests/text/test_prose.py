"""The tokenizer `prose`: cutting text, learning its conventions, and writing it back."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.text.prose import ProseTokenizer
from rnnlm_tui.text.prose_learning import learn_prose
from rnnlm_tui.text.prose_tokens import cut, fold
from rnnlm_tui.text.tokenizer import Conventions, Insertion

CUT = [
    ("Don't isn’t rock'n'roll", "Don't isn't rock'n'roll"),
    ("well-known 3.14 10:30 1,000 5th", "well-known 3.14 10:30 1,000 5th"),
    ("(see http://a.b/c?d.)", "( see http://a.b/c?d . )"),
    ("mail a@b.co; notes.txt", "mail a@b.co ; notes.txt"),
    ("Stop... no… wait....", "Stop … no … wait ...."),
    ("yes--no—and - or", "yes — no — and - or"),
    ('"Yes," he "said."', "“ Yes , ” he “ said . ”"),
    ("“‘No,’ she said.”", "“ ‘ No , ’ she said . ”"),
    ("« Oui ! », dit-il", "“ Oui ! ” , dit-il"),
    ("„Nein“, sagte er", "“ Nein ” , sagte er"),
    ("'Tis ’em 'why' dogs' toys '90s", "'Tis 'em ‘ why ’ dogs ’ toys '90s"),
    ("¿Qué? ¡Hola!", "¿ Qué ? ¡ Hola !"),
    ("天气好！", "天 气 好 ！"),
    ("שלום, עולם", "שלום , עולם"),
    ("so\u00adft zero\u200bwidth cafe\u0301", "soft zerowidth café"),
    ("👍🏽 👩‍👩‍👧 ok", "👍🏽 👩‍👩‍👧 ok"),
    ("Mr. J. Smith etc. p.m. U.S. end.", "Mr. J. Smith etc. p.m. U.S. end ."),
]


@pytest.mark.parametrize(("text", "tokens"), CUT)
def test_text_is_cut_into_words_marks_and_numbers(text: str, tokens: str) -> None:
    assert [token for chunk in fold(text).split() for token in cut(chunk)] == tokens.split()


TEXTS = {
    "English": """I left. The house was dark, and Anna said, “Don’t wait—go home!” She didn’t.
“Is it far?” he asked. “No,” said Anna. “It’s the next street.” I walked…
Mr. Bell (our neighbour) came at 10:30 with 1,000 leaflets; the rest stayed at home.
The dogs’ bowls were empty. Anna laughed. I went to the kitchen and the dogs came too.""",
    "German": """Am Morgen ging ich zum Bäcker. Das Brot war noch warm, und ich nahm drei Brötchen.
„Guten Tag“, sagte die Frau. „Was darf es sein?“ Ich wusste es nicht.
Zu Hause wartete Anna; sie hatte z. B. den Tisch gedeckt. Das Brot war gut.""",
    "French": """Le matin, j’ai ouvert la fenêtre. « Quel froid ! » dit Anna. « Tu trouves ? »
Nous sommes sortis : la rue était vide. « Viens ! » L’hiver n’est pas fini, la neige reste.
« Où vas-tu ? » Elle n’a rien dit. « Attends ! » La porte s’est fermée.""",
    "Spanish": """Por la mañana salí de casa. ¿Adónde vas? ¡Qué frío! Anna no contestó.
«No lo sé», dijo al fin. ¿Quieres café? ¡Claro que sí! La casa estaba en silencio.
—Ven —dijo Anna—. La casa —la de mi madre— está fría.""",
    "Russian": """Утром я вышел из дома. Было холодно, и снег лежал на крышах.
«Куда ты?» — спросила Анна. «Не знаю», — сказал я.
Мы пошли к реке. Река была тихая, и снег падал.""",
    "Chinese": """早上我出门了。天气很冷，街上没有人。“你去哪里？”安娜问。
我不知道。我们走到河边，河水很安静。""",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_text_comes_back_as_it_was_written(language: str) -> None:
    lines = TEXTS[language].split("\n") * 12  # enough to learn the text's own spaces from
    tokenizer = learn_prose(lines)
    for line in lines[: len(lines) // 12]:
        assert tokenizer.join(tokenizer.words(line)) == line


def test_narrow_spaces_and_straight_quotes_are_those_of_the_text() -> None:
    french = learn_prose(TEXTS["French"].replace(" !", "\u202f!").split("\n") * 12)
    assert french.insertion_of("Quel froid ", "", "!") == Insertion("!")  # the space stays
    assert french.insertion_of("Quel froid", "", "!").text == "\u202f!"
    for opening, closing in (("« ", " »"), ('"', '"'), ("“", "”")):
        style = french.in_style_of(f"Elle dit : {opening}Non{closing}", ())
        assert style.join(["“", "viens", "”", "dit-il"]) == f"{opening}Viens{closing} dit-il"
    straight = learn_prose(['"Yes," he said. "Don\'t."'] * 12)
    assert straight.join(["“", "don't", "”"]) == '"Don\'t"'


@pytest.mark.parametrize(
    ("above", "before", "mark"),
    [
        ((), "Tu pars", " ?"),
        ((), "Ah! Tu pars", "?"),
        ((), "Ah\u202f! Tu pars", "\u202f?"),
        (("Ah ! Non; va.", "À 10:30, sans rien."), "Tu pars", "?"),
        (("Ah! Non.", "«\u00a0Non\u00a0!\u00a0»"), "Tu pars", "\u00a0?"),
    ],
)
def test_the_space_before_a_mark_is_that_of_the_writer(
    above: tuple[str, ...], before: str, mark: str
) -> None:
    french = learn_prose(TEXTS["French"].split("\n") * 12)
    assert french.in_style_of(before, above).insertion_of(before, "", "?").text == mark
    assert french.replaces_space(f"{before} ", "?", above) is (mark == "?")
    english = learn_prose(TEXTS["English"].split("\n") * 12)
    assert english.in_style_of(before, above).insertion_of(before, "", "?").text == "?"


def test_a_text_with_two_kinds_of_spaces_before_marks_keeps_both() -> None:
    french = learn_prose(["Il dit\u00a0: Quoi\u202f? Non\u202f!"] * 12)
    for before, mark in (("Il dit\u00a0: Quoi", "\u202f?"), ("Quoi\u202f? Il dit", "\u00a0:")):
        written = french.in_style_of(before, ()).insertion_of(before, "", mark[-1]).text
        assert written == mark


@pytest.mark.parametrize(
    ("language", "before", "taking", "leaving"),
    [
        ("English", "the kitchen ", ",.;:!?)]}”…—-'", "([“‘$a5 "),
        ("French", "la fenêtre ", ",.)]}…-'", "?!»:«(a"),
        ("German", "das Haus ", ",.;:!?)“-'", "(„»a"),
        ("German", "»das Haus ", "«", "„»"),
        ("Russian", "мы пошли ", ",.;:!?»", "«("),
        ("Spanish", "la casa ", ",.;:!?»", "«¿¡(—"),
        ("Spanish", "la casa —la ", "—", ""),
        ("English", "", "", ",.!”"),
        ("English", '"the kitchen ', '"', ""),
        ("English", "the kitchen ", "", '"'),
    ],
)
def test_a_mark_takes_the_space_of_an_accept_as_in_the_text(
    language: str, before: str, taking: str, leaving: str
) -> None:
    tokenizer = learn_prose(TEXTS[language].split("\n") * 12)
    for marks, is_taken in (taking, True), (leaving, False):
        for mark in marks:
            assert tokenizer.replaces_space(before, mark) is is_taken, mark


@pytest.mark.parametrize(
    ("language", "before", "text"),
    [
        ("English", "we saw ‘", "the"),
        ("English", "we saw '", "the"),
        ("German", "Er kam: »", "The"),
        ("German", "„Er kam »", " the"),
        ("French", "il part. »", " The"),
    ],
)
def test_a_quote_after_a_space_opens_a_quotation_unless_it_can_close_one(
    language: str, before: str, text: str
) -> None:
    tokenizer = learn_prose(TEXTS[language].split("\n") * 12).in_style_of(before, ())
    assert tokenizer.insertion_of(before, "", "the").text == text
    assert tokenizer.words_above(before)[-1] in "’”", "nothing is still to come in a line above"


def test_a_word_that_begins_a_sentence_has_its_usual_case() -> None:
    tokenizer = learn_prose(["We saw the house and Anna. I am here."] * 3)
    assert tokenizer.words("The house. Anna, I am. I'm") == (
        ["the", "house", ".", "Anna", ",", "I", "am", ".", "i'm"]
    )
    assert tokenizer.words("THE HOUSE, AND: ANNA") == ["the", "house", ",", "and", ":", "Anna"]
    assert tokenizer.words("XVIII") == tokenizer.words(" 12. ") == []


def test_the_capital_of_a_sentence_is_that_of_a_first_letter_alone() -> None:
    tokenizer = learn_prose(["It will let us; we will let us. The US and Will."] * 3)
    assert tokenizer.insertion_of("w", "w", "Will").text == "ill"
    assert tokenizer.insertion_of("U", "U", "US").text == "S"


def test_a_space_is_learned_if_it_is_seen_twice_as_often_as_the_usual() -> None:
    for otherwise, spaces in (19, {}), (21, {";": (True, True)}):
        tokenizer = learn_prose(["He went; it rained."] * 10 + ["He went ; it rained."] * otherwise)
        assert tokenizer.conventions.spaces == spaces


ELISIONS = {
    "French": [
        "Le jour où l'eau monte, l'arbre tombe et l'homme part, aujourd'hui ou jamais.",
        "Un homme dit que l'air, l'or et l'argent sont à quelqu'un d'autre, il dit qu'il part.",
        "Un arbre, un air, l'or est or, et l’argent est argent, avec d'autre eau.",
    ],
    "Italian": [
        "Nel giorno che l'acqua sale, l'uomo va con l'amico un po' all'aria, e c'è neve.",
        "Un uomo e un amico: l'oro è oro, l'aria è aria, e l'acqua è un po' di acqua.",
    ],
}


@pytest.mark.parametrize(
    ("language", "text", "tokens"),
    [
        ("French", "L'eau qu’il voit", "l' eau qu'il voit"),
        ("French", "À l’argent aujourd'hui", "à l' argent aujourd'hui"),
        ("French", "Par « l'homme » de l'«Or»", "par “ l' homme ” de l' “ Or ”"),
        ("Italian", "L'uomo, un po' stanco, c'è", "l' uomo , un po ’ stanco , c'è"),
    ],
)
def test_an_elided_word_is_a_token_in_a_text_that_has_many(
    language: str, text: str, tokens: str
) -> None:
    tokenizer = learn_prose(ELISIONS[language])
    assert tokenizer.conventions.elisions == ("l'",)
    assert tokenizer.words(text) == tokens.split()
    for line in ELISIONS[language]:
        assert tokenizer.join(tokenizer.words(line)) == line.replace("’", "'")


def test_the_word_after_an_elided_one_is_suggested_without_a_space() -> None:
    tokenizer = learn_prose(ELISIONS["French"])
    assert tokenizer.split_typed("je vois l'ar") == (["je", "vois", "l'"], "ar")
    assert tokenizer.split_typed("je vois L’") == (["je", "vois", "l'"], "")
    assert tokenizer.split_typed("c'est aujourd'h") == (["c'est"], "aujourd'h")
    assert tokenizer.insertion_of("je vois l'ar", "ar", "arbre").text == "bre"
    assert tokenizer.insertion_of("je vois l'", "", "arbre").text == "arbre"
    assert tokenizer.insertion_of("je vois", "", "l'") == Insertion(" l'", space_after=False)
    assert tokenizer.insertion_of("l", "l", "l'") == Insertion("'", space_after=False)
    assert tokenizer.insertion_of("", "", "l'") == Insertion("L'", space_after=False)


def test_other_apostrophes_stay_within_their_words() -> None:
    lines = [
        "It's five o'clock, and that's all: they're here, we're late, you'll see O'Brien.",
        "He's at th'end, and s, re, ll and ve are no words. There's a clock. D'you see?",
    ]
    assert learn_prose(lines * 9).conventions.elisions == ()
    few = ["Wie geht's? Ist's gut? L'Or ist ein Wort, und d'Or auch."]
    assert learn_prose(few, known=["l'", "Or"]).words("L'Or d'Or") == ["l'", "Or", "d'Or"]


@pytest.mark.parametrize(
    ("small", "at_start", "at_colon"), [(0, "The", "the"), (5, "The", "the"), (25, "the", "the")]
)
def test_a_line_begins_as_most_lines_do(small: int, at_start: str, at_colon: str) -> None:
    """A colon begins a sentence only if nearly always, and names say nothing of either."""
    lines = ["We saw Anna: The sea was calm.", "Anna saw us: it was late. The house"] * 9
    tokenizer = learn_prose([*lines, *["the roof leaks: Anna and the wind"] * small])
    assert tokenizer.insertion_of("", "", "the").text == at_start
    assert tokenizer.insertion_of("We saw: ", "", "the").text == at_colon


def test_no_sentence_begins_after_an_ordinal_in_a_text_that_has_them() -> None:
    german = learn_prose(["Sie kommt am 12. um acht und am 3. oder 4. mit ihm. Um acht."] * 10)
    for before, after in (("Bis zum 15. ", "um"), ("Das war 1990. ", "Um"), ("1. ", "Um")):
        assert german.insertion_of(before, "", "um").text == after
    assert german.join(["am", "12", ".", "um", "acht", ".", "um"]) == "Am 12. um acht. Um"
    for lines in (["We met on the 12. Then we left."] * 10, ["No number is here."]):
        assert learn_prose(lines).insertion_of("On the 12. ", "", "then").text == "Then"


def test_a_text_without_sentences_keeps_its_small_letters() -> None:
    tokenizer = learn_prose(["i went home. then i slept. it rained"] * 12)
    assert tokenizer.join(tokenizer.words("then it rained. i slept")) == "then it rained. i slept"


TYPED = [
    ("Don’t go to An", ["don't", "go", "to"], "An"),
    ("i met anna ", ["I", "met", "Anna"], ""),
    ("the end.", ["the", "end", "."], ""),
    ("the end. ", ["the", "end", "."], ""),
    ("the don'", ["the"], "don'"),
    ("well-", [], "well-"),
    ("the sea--an", ["the", "sea", "—"], "an"),
    ("at 5 p.m", ["at", "5"], "p.m"),
    ("E.g", [], "E.g"),
    ("in D.C", ["in"], "D.C"),
    ("the end.an", ["the", "end", "."], "an"),
    ("the end.I", ["the", "end", "."], "I"),
    ("the 9:4", ["the"], "9:4"),
    ("the 1,000.5", ["the"], "1,000.5"),
    ("the 1990.", ["the", "1990", "."], ""),
    ("我们去", ["我", "们", "去"], ""),
    ("", [], ""),
]


@pytest.mark.parametrize(("text", "words", "prefix"), TYPED)
def test_the_half_typed_word_is_apart_as_it_is_typed(
    text: str, words: list[str], prefix: str
) -> None:
    ranks = {"don't": 1, "the": 0, "I": 2, "Anna": 3, "met": 4}
    assert ProseTokenizer(Conventions(), ranks).split_typed(text) == (words, prefix)


@settings(max_examples=100)
@given(st.text(max_size=80))
def test_no_text_crashes_it_and_no_letter_is_lost(text: str) -> None:
    tokenizer = learn_prose([text, text])
    words, (typed, prefix) = tokenizer.words(text), tokenizer.split_typed(text)
    assert all(words) and all(typed)
    assert not prefix or text.endswith(prefix)
    back = tokenizer.join(words)
    for word in words[:3]:
        tokenizer.insertion_of(back, "", word)
        tokenizer.insertion_of(text, prefix, prefix + word)
    if words:
        assert letters(back) == letters(fold(text))


def letters(text: str) -> list[str]:
    """The letters and digits of a text, whatever their case. i and ı have the capital I."""
    plain = unicodedata.normalize("NFKC", text.casefold().replace("ı", "i"))
    return [letter for letter in plain.casefold() if letter.isalnum()]
