"""What Tab inserts into half-typed lines of prose, with a scripted model."""

from __future__ import annotations

import pytest

from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.suggest import apply_insertion, suggest
from rnnlm_tui.text.prose_learning import learn_prose
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS
from tests.helpers.scripted import ScriptedModel

ENGLISH = """In the afternoon I cleaned the kitchen, washed the windows, and left for London.
“Don’t you know Anna?” asked Mrs. Bell. “She’s my cousin. I’m going to see her on Monday.”
She told me the story (a long one) and then—at last—the truth… We laughed.
The rain had stopped, and the kitchen smelled of bread. Anna said: “It is 10:30!” It was late."""
STRAIGHT = ENGLISH.translate({0x201C: '"', 0x201D: '"', 0x2019: "'"})
FRENCH = """Le matin, j’ai ouvert la fenêtre. « Quel froid ! » dit Anna. « Tu trouves ? »
Nous sommes sortis : la rue était vide. « Viens ! » L’hiver n’est pas fini."""
SCRIPT = {
    "<s>": {"the": 0.5, "“": 0.3, "in": 0.2},
    "the": {"kitchen": 0.6, "King": 0.3, "windows": 0.1},
    "kitchen": {",": 0.7, "was": 0.3},
    ",": {"washed": 0.5, "and": 0.3, "I'm": 0.2},
    "washed": {"the": 1.0},
    "windows": {".": 0.6, "</s>": 0.4},
    ".": {"the": 0.4, "I'm": 0.3, "Anna": 0.2, "”": 0.1},
    "said": {":": 0.6, ".": 0.4},
    ":": {"“": 1.0},
    "“": {"don't": 0.6, "it": 0.4},
    "don't": {"you": 1.0},
    "you": {"know": 0.6, "?": 0.4},
    "know": {"Anna": 0.6, "?": 0.4},
    "?": {"”": 0.8, "it": 0.2},
    "”": {"said": 0.7, "asked": 0.3},
    "asked": {"Mrs.": 0.9, ".": 0.1},
    "Mrs.": {"Bell": 1.0},
    ";": {"\u2019": 0.9, "then": 0.1},
    "\u2019": {"then": 1.0},
    "then": {"—": 0.8, "the": 0.2},
    "—": {"at": 0.7, "then": 0.3},
    "at": {"10:30": 0.6, "last": 0.4},
    "story": {"(": 0.7, ".": 0.3},
    "(": {"a": 1.0},
    "one": {")": 1.0},
    "iPhone": {"was": 1.0},
    "on": {"Monday": 0.6, "the": 0.4},
    "going": {"to": 1.0},
    "to": {"see": 0.6, "London": 0.4},
    "see": {"the": 0.5, "Anna": 0.5},
    "I'm": {"going": 0.8, "late": 0.2},
    "compare": {"the": 1.0},
}
OTHERS = ("so", "Soviet", "an", "notes", "well-known")
WORDS = {*SCRIPT, *OTHERS}.union(*SCRIPT.values()) - {*SPECIAL_TOKENS}


def model_of(text: str) -> ScriptedModel:
    """The scripted model of a text with these conventions."""
    tokenizer = learn_prose(text.split("\n") * 8)
    return ScriptedModel(SCRIPT, 9, SPECIAL_TOKENS, sorted(WORDS), tokenizer)


MODELS = {name: model_of(globals()[name]) for name in ("ENGLISH", "STRAIGHT", "FRENCH")}


def after_tab(model: LanguageModel, line: str) -> str:
    """The line after Tab: with the ghost's first word, else the first candidate, and its space."""
    answer = suggest(model, line)
    if not answer.candidates:
        return line
    way = answer.ghost[0] if answer.ghost else answer.candidates[0]
    return apply_insertion(line, way) + " " * way.space_after


@pytest.mark.parametrize(
    ("text", "line", "taken"),
    [
        # The rest of a word. Letters already typed keep their case if the word has no capital.
        ("ENGLISH", "the kit", "the kitchen "),
        ("ENGLISH", "the KIT", "the KITCHEN "),
        ("ENGLISH", "THE KIT", "THE KITCHEN "),
        ("ENGLISH", "Th", "The "),
        ("ENGLISH", "SHALL I COMP", "SHALL I COMPARE "),
        ("ENGLISH", "the kitchen", "the kitchen "),
        ("ENGLISH", "see iP", "see iPhone "),
        ("ENGLISH", "a well-k", "a well-known "),
        # A single quote closes an open one, and follows a mark only then.
        ("ENGLISH", "‘the kitchen; ", "‘the kitchen;’ "),
        # A capital within a sentence begins a name. A small letter finds the name too.
        ("ENGLISH", "the K", "the King "),
        ("ENGLISH", "the k", "the kitchen "),
        ("ENGLISH", "to see An", "to see Anna "),
        ("ENGLISH", "see So", "see Soviet "),
        ("ENGLISH", "Going to Lo", "Going to London "),
        # Apostrophes as the text writes them, found by either.
        ("ENGLISH", "“Don", "“Don’t "),
        ("ENGLISH", "“don'", "“don't "),
        ("STRAIGHT", '"don', "\"don't "),
        ("ENGLISH", "the windows. I", "the windows. I’m "),
        # The next word, with a capital where a sentence begins.
        ("ENGLISH", "", "The "),
        ("ENGLISH", "the windows. ", "the windows. The "),
        ("ENGLISH", "the windows.", "the windows. The "),
        ("ENGLISH", "I asked Mrs. ", "I asked Mrs. Bell "),
        ("ENGLISH", "“", "“Don’t "),
        ("ENGLISH", "IN THE ", "IN THE KITCHEN "),
        ("ENGLISH", "iPhone ", "iPhone was "),
        # Marks take the space before them, or none comes after them.
        ("ENGLISH", "the kitchen ", "the kitchen, "),
        ("ENGLISH", "the kitchen,", "the kitchen, washed "),
        ("ENGLISH", "washed the windows ", "washed the windows. "),
        ("ENGLISH", "Anna said: ", "Anna said: “"),
        ("ENGLISH", "“Do you know? ", "“Do you know?” "),
        ("ENGLISH", "the story ", "the story ("),
        ("ENGLISH", "(a long one ", "(a long one) "),
        ("ENGLISH", "and then ", "and then—"),
        ("ENGLISH", "and then—", "and then—at "),
        ("STRAIGHT", "Anna said: ", 'Anna said: "'),
        ("STRAIGHT", '"You know? ', '"You know?" '),
        # As a French text has them.
        ("FRENCH", "Anna said ", "Anna said : "),
        ("FRENCH", "Anna said: ", "Anna said: « "),
        ("FRENCH", "« Do you know? ", "« Do you know? » "),
        # Numbers and addresses have no words ahead; nothing fits what no word begins with.
        ("ENGLISH", "at 10:3", "at 10:3"),
        ("ENGLISH", "write to me@no", "write to me@notes "),
        ("ENGLISH", "the zzz", "the zzz"),
    ],
)
def test_tab(text: str, line: str, taken: str) -> None:
    assert after_tab(MODELS[text], line) == taken


NAMES = ("ChatGPT", "chatter", "Zsófia", "Wi-Fi", "wise", "MRI", "café", "O'Brien", "iPhone",
         "Berlin", "résumé", "dog", "will", "Will", "Île", "the", "I'm")  # fmt: skip


def names_of(*words: str) -> ScriptedModel:
    """A model that knows these words, each less likely than the one before it."""
    likely = {word: 0.5**place for place, word in enumerate(words, start=1)}
    tokenizer = learn_prose(STRAIGHT.split("\n") * 8)
    after = dict.fromkeys(("the", "I", ".", "<s>", "<unk>"), likely)
    return ScriptedModel(after, 9, SPECIAL_TOKENS, [*words, "I", "."], tokenizer)


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("chatg", "ChatGPT"),
        ("CHA", "CHATGPT"),
        ("Zso", "Zsófia"),
        ("ZSO", "ZSÓFIA"),
        ("wi-", "Wi-Fi"),
        ("mri", "MRI"),
        ("Mr", "MRI"),
        ("cafe", "café"),
        ("CAFE", "CAFÉ"),
        ("O'B", "O'Brien"),
        ("O'BR", "O'BRIEN"),
        ("ipho", "iPhone"),
        ("B", "Berlin"),
        ("Resu", "Résumé"),
        ("ile", "Île"),
        ("Do", "Dog"),
        ("Wil", "Will"),
        ("i'", "I'm"),
        ("i’", "I’m"),  # the apostrophe stays as typed
    ],
)
@pytest.mark.parametrize("start", ["the ", "the dog. ", "I "])
def test_accepting_writes_the_letters_typed_as_the_word_has_them(
    start: str, typed: str, taken: str
) -> None:
    answer = suggest(names_of(*NAMES), start + typed)
    first = answer.candidates[0]
    assert apply_insertion(start + typed, first) == start + taken
    assert typed[: len(typed) - first.replaces_before] + first.text == taken
    assert first.text[:1] != typed[len(typed) - first.replaces_before :][:1] or not first.text


@pytest.mark.parametrize(("one", "other"), [("cafe", "café"), ("resume", "résumé")])
def test_what_is_spelled_as_typed_is_listed_before_what_has_other_accents(
    one: str, other: str
) -> None:
    """However much likelier the other is."""
    model = names_of(other, *(f"x{number}" for number in range(9)), f"{one}s", one)
    for typed, accented in (one, other), (other, one):
        words = [c.word for c in suggest(model, f"the {typed}").candidates]
        assert words[0] == typed and accented in words
    assert suggest(model, f"the {one[:1]}").candidates[0].word == other


def test_a_new_word_is_found_without_its_capital_and_accents() -> None:
    model, above = names_of("the"), ["I met Zsófia O'Brien."]
    for typed, taken in (("zso", "Zsófia"), ("o'b", "O'Brien"), ("Zs", "Zsófia")):
        found = suggest(model, f"I {typed}", previous_lines=above).candidates[0]
        assert apply_insertion(f"I {typed}", found) == f"I {taken}"


@pytest.mark.parametrize(
    ("line", "ghost"),
    [
        ("the kit", "chen, washed the"),  # over the comma
        ("the kitchen", ", washed the"),
        ("the kitchen ", ", washed the kitchen"),
        ("the windows.", " The kitchen, washed"),
        ("on Monday at 10", ""),  # a number
        ("see http://the.kit", ""),
        ("write to anna@the", ""),
        ("at 10:30 the ", "kitchen, washed the"),
    ],
)
def test_the_ghost_is_text(line: str, ghost: str) -> None:
    assert "".join(way.text for way in suggest(MODELS["ENGLISH"], line).ghost) == ghost


def test_an_empty_line_lists_no_mark_and_what_is_written_alike_is_one() -> None:
    model = MODELS["ENGLISH"]
    assert suggest(model, "").candidates[0].probability == pytest.approx(0.5 / 0.7)
    assert not [c for c in suggest(model, " ", k=50).candidates if not c.word[0].isalnum()]
    twice = ScriptedModel(
        {".": {"the": 0.4, "The": 0.3, "and": 0.3}},
        9,
        SPECIAL_TOKENS,
        ("the", "The", "and", "."),
        model.tokenizer,
    )
    candidates = suggest(twice, "I left. ").candidates
    assert [c.text for c in candidates[:2]] == ["The", "And"]
    assert [c.probability for c in candidates[:2]] == pytest.approx([0.7, 0.3])
